use std::net::IpAddr;

use abprall_mail::knowledge::Language;

use super::picture::{Egress, Picture, Resolver};
use super::verdict::Ground;
use crate::{AddressState, Fact, Vantage};

/// From where it was looked at, and what is wrong there.
pub fn describe(picture: &Picture<'_>, ground: Ground, language: Language) -> Vantage {
    let survey = picture.survey;
    let detail = trouble(picture, ground).map(|trouble| trouble.words(language).to_owned());
    Vantage {
        resolver: survey.vantage.resolvers.first().map_or_else(String::new, ToString::to_string),
        ok: detail.is_none(),
        ipv4: survey.vantage.source_ipv4.is_some() || reached_family(picture, IpAddr::is_ipv4),
        ipv6: survey.vantage.source_ipv6.is_some() || reached_family(picture, IpAddr::is_ipv6),
        tested: picture.resolver != Resolver::Untested,
        detail,
    }
}

enum Trouble {
    Canaries,
    Refuted,
    Port25,
    TurnedAway,
    Family,
}

fn trouble(picture: &Picture<'_>, ground: Ground) -> Option<Trouble> {
    if picture.resolver == Resolver::Blind {
        return Some(Trouble::Canaries);
    }
    if !picture.resolver_refuted_by.is_empty() {
        return Some(Trouble::Refuted);
    }
    match picture.egress {
        Egress::Blocked => return Some(Trouble::Port25),
        Egress::TurnedAway => return Some(Trouble::TurnedAway),
        Egress::Untested | Egress::Works => {}
    }
    (ground == Ground::FamilyBlind).then_some(Trouble::Family)
}

impl Trouble {
    fn words(&self, language: Language) -> &'static str {
        match (self, language) {
            (Trouble::Canaries, Language::En) => {
                "Our resolver gives no answer even for domains that are known to work."
            }
            (Trouble::Canaries, Language::De) => {
                "Unser Resolver antwortet auch bei Domains nicht, von denen bekannt ist, dass sie funktionieren."
            }
            (Trouble::Refuted, Language::En) => {
                "Other resolvers, or the domain's own name servers, answer what our resolver does not."
            }
            (Trouble::Refuted, Language::De) => {
                "Andere Resolver oder die Nameserver der Domain antworten, was unser Resolver nicht weiß."
            }
            (Trouble::Port25, Language::En) => {
                "From here no mail server can be reached on port 25, not even those known to work. Many networks close that port."
            }
            (Trouble::Port25, Language::De) => {
                "Von hier ist kein Mailserver auf Port 25 zu erreichen, auch keiner, der bekanntermaßen läuft. Viele Netze sperren diesen Port."
            }
            (Trouble::TurnedAway, Language::En) => {
                "Every mail server turns our address away, also those known to work."
            }
            (Trouble::TurnedAway, Language::De) => {
                "Alle Mailserver weisen unsere Adresse ab, auch die, die bekanntermaßen laufen."
            }
            (Trouble::Family, Language::En) => {
                "The mail servers have only addresses of a family (IPv4 or IPv6) to which we have no way."
            }
            (Trouble::Family, Language::De) => {
                "Die Mailserver haben nur Adressen einer Familie (IPv4 oder IPv6), zu der wir keinen Weg haben."
            }
        }
    }
}

/// A conversation that came anywhere proves a way, whatever the routing table said.
fn reached_family(picture: &Picture<'_>, is_family: fn(&IpAddr) -> bool) -> bool {
    picture.observations().iter().any(|observation| match &observation.fact {
        Fact::Smtp(fact) => {
            is_family(&fact.address)
                && !matches!(
                    fact.state,
                    AddressState::Timeout
                        | AddressState::Unreachable
                        | AddressState::Forbidden
                        | AddressState::NotProbed
                )
        }
        Fact::Dns(_) | Fact::MtaSts(_) | Fact::Path(_) => false,
    })
}
