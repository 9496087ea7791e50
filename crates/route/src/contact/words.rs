//! Reasons and warnings for people, in English and German.

use abprall_mail::Language;

use super::candidate::{Candidate, ContactRole, ContactSource, MailState};

/// Why somebody who can help should read the address: by its best source.
pub(super) fn why(candidate: &Candidate, language: Language) -> String {
    let Some(source) = candidate.sources.first() else { return String::new() };
    let (en, de) = match source {
        ContactSource::OwnDomain { domain } => (
            format!("Whoever takes mail for {domain} has to read it (RFC 5321 §4.5.1)."),
            format!("Wer Mail für {domain} annimmt, muss sie lesen (RFC 5321 §4.5.1)."),
        ),
        ContactSource::SoaRname { zone } => (
            format!("The zone {zone} names it as the address of its administrator (SOA)."),
            format!("Die Zone {zone} nennt sie als Adresse ihrer Verwaltung (SOA)."),
        ),
        ContactSource::MailServerOperator { host } => (
            format!(
                "It belongs to whoever runs the mail server {host} ({}).",
                usual(candidate.role, Language::En)
            ),
            format!(
                "Sie gehört dem Betreiber des Mailservers {host} ({}).",
                usual(candidate.role, Language::De)
            ),
        ),
        ContactSource::NameServerOperator { host } => (
            format!(
                "It belongs to whoever runs the name server {host} ({}).",
                usual(candidate.role, Language::En)
            ),
            format!(
                "Sie gehört dem Betreiber des Nameservers {host} ({}).",
                usual(candidate.role, Language::De)
            ),
        ),
        ContactSource::ZoneOperator { zone } => (
            format!("It belongs to whoever runs the zone {zone} ({}).", usual(candidate.role, Language::En)),
            format!("Sie gehört dem Betreiber der Zone {zone} ({}).", usual(candidate.role, Language::De)),
        ),
        ContactSource::TlsReporting { record } => (
            format!("The domain wants reports about trouble with its mail servers sent there ({record})."),
            format!("Die Domain lässt Berichte über Störungen ihrer Mailserver dorthin senden ({record})."),
        ),
        ContactSource::DmarcReporting { record } => (
            format!("The domain wants reports about mail in its name sent there ({record})."),
            format!("Die Domain lässt Berichte über Mail in ihrem Namen dorthin senden ({record})."),
        ),
        ContactSource::RdapDomain { .. } => (
            format!("The registry names it: {} (RDAP).", registered(candidate.role, Language::En)),
            format!(
                "Die Registrierungsstelle nennt sie: {} (RDAP).",
                registered(candidate.role, Language::De)
            ),
        ),
        ContactSource::RdapNetwork { address, .. } => (
            format!(
                "The network of {address}, where a mail server stands, names it: {} (RDAP).",
                registered(candidate.role, Language::En)
            ),
            format!(
                "Das Netz von {address}, in dem ein Mailserver steht, nennt sie: {} (RDAP).",
                registered(candidate.role, Language::De)
            ),
        ),
    };
    match language {
        Language::En => en,
        Language::De => de,
    }
}

/// What is to be known before writing.
pub(super) fn warning(candidate: &Candidate, language: Language) -> Option<String> {
    let own = candidate.sources.iter().any(|source| match source {
        ContactSource::OwnDomain { .. } => true,
        ContactSource::SoaRname { .. }
        | ContactSource::MailServerOperator { .. }
        | ContactSource::NameServerOperator { .. }
        | ContactSource::ZoneOperator { .. }
        | ContactSource::TlsReporting { .. }
        | ContactSource::DmarcReporting { .. }
        | ContactSource::RdapDomain { .. }
        | ContactSource::RdapNetwork { .. } => false,
    });
    let domain = candidate.address.domain_part();
    let (en, de) = match (candidate.mail, candidate.role) {
        (MailState::Fails, _) if own => (
            format!("Dead too: mail to {domain} does not arrive, and so does none to this address."),
            format!("Ebenfalls tot: Mail an {domain} kommt nicht an, also auch keine an diese Adresse."),
        ),
        (MailState::Fails, _) => (
            format!("Mail to {domain} does not arrive either."),
            format!("Auch Mail an {domain} kommt nicht an."),
        ),
        (MailState::Unknown, _) => (
            format!("Whether mail to {domain} arrives cannot be told from here."),
            format!("Ob Mail an {domain} ankommt, ist von hier aus nicht zu erkennen."),
        ),
        (MailState::Unchecked, _) => (
            format!("Whether mail to {domain} arrives was not looked at."),
            format!("Ob Mail an {domain} ankommt, wurde nicht geprüft."),
        ),
        (MailState::Works | MailState::WorksByDns, ContactRole::Reports) => (
            "Such addresses are often read by a program only.".to_owned(),
            "Solche Adressen liest oft nur ein Programm.".to_owned(),
        ),
        (MailState::Works | MailState::WorksByDns, ContactRole::Abuse) => (
            "Meant for complaints about abuse; a disturbance may be read late or not at all.".to_owned(),
            "Für Beschwerden über Missbrauch gedacht; eine Störung wird vielleicht spät oder gar nicht gelesen."
                .to_owned(),
        ),
        (MailState::Works | MailState::WorksByDns, ContactRole::Registrar) => (
            "Sells the name and can reach its owner; does not run the mail.".to_owned(),
            "Verkauft den Namen und erreicht den Inhaber; betreibt die Mail nicht.".to_owned(),
        ),
        (
            MailState::Works | MailState::WorksByDns,
            ContactRole::Postmaster
            | ContactRole::Hostmaster
            | ContactRole::ZoneAdministrator
            | ContactRole::Technical
            | ContactRole::Administrative
            | ContactRole::Noc
            | ContactRole::Registrant,
        ) => return None,
    };
    Some(match language {
        Language::En => en,
        Language::De => de,
    })
}

/// What a usual address is for (RFC 2142).
fn usual(role: ContactRole, language: Language) -> &'static str {
    let (en, de) = match role {
        ContactRole::Postmaster => ("for mail, RFC 2142", "für Mail, RFC 2142"),
        ContactRole::Hostmaster => ("for DNS, RFC 2142", "für DNS, RFC 2142"),
        ContactRole::Abuse => ("for complaints, RFC 2142", "für Beschwerden, RFC 2142"),
        ContactRole::ZoneAdministrator
        | ContactRole::Technical
        | ContactRole::Administrative
        | ContactRole::Noc
        | ContactRole::Registrant
        | ContactRole::Registrar
        | ContactRole::Reports => ("a usual address", "eine übliche Adresse"),
    };
    match language {
        Language::En => en,
        Language::De => de,
    }
}

/// What a contact of a registration is.
fn registered(role: ContactRole, language: Language) -> &'static str {
    let (en, de) = match role {
        ContactRole::Technical => ("technical contact", "technischer Kontakt"),
        ContactRole::Administrative => ("administrative contact", "Verwaltungskontakt"),
        ContactRole::Noc => ("network operations", "Netzbetrieb"),
        ContactRole::Abuse => ("contact for abuse", "Kontakt für Missbrauch"),
        ContactRole::Registrant => ("owner", "Inhaber"),
        ContactRole::Registrar => ("registrar", "Registrar"),
        ContactRole::Postmaster
        | ContactRole::Hostmaster
        | ContactRole::ZoneAdministrator
        | ContactRole::Reports => ("contact", "Kontakt"),
    };
    match language {
        Language::En => en,
        Language::De => de,
    }
}
