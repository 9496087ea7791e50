//! The words of the page itself, in both languages.

use abprall_mail::{Cause, Confidence, Language, Severity, Verdict};
use abprall_route::{
    AddressState, AlternativeKind, ChainVerdict, DaneState, HostLookup, SenderOutcome, TlsFact,
};

use crate::wording::pick;

/// One set of labels a language: a missing one does not compile.
pub(super) struct Labels {
    pub(super) wrong: &'static str,
    pub(super) nothing_wrong: &'static str,
    pub(super) notes: &'static str,
    pub(super) fault: &'static str,
    pub(super) speaks_for_it: &'static str,
    pub(super) map: &'static str,
    pub(super) no_exchanger: &'static str,
    pub(super) exchangers_unknown: &'static str,
    pub(super) alternatives: &'static str,
    pub(super) path: &'static str,
    pub(super) senders: &'static str,
    pub(super) now: &'static str,
    pub(super) marketer: &'static str,
    pub(super) developer: &'static str,
    pub(super) administrator: &'static str,
    pub(super) how: &'static str,
    pub(super) confidence: &'static str,
    pub(super) looked_at: &'static str,
    pub(super) took: &'static str,
    pub(super) from: &'static str,
    pub(super) vantage: &'static str,
    pub(super) again: &'static str,
    pub(super) preference: &'static str,
    pub(super) host: &'static str,
    pub(super) address: &'static str,
    pub(super) state: &'static str,
    pub(super) particulars: &'static str,
    pub(super) own_address: &'static str,
    pub(super) legend: &'static str,
}

const EN: Labels = Labels {
    wrong: "What is wrong",
    nothing_wrong: "Nothing that we see.",
    notes: "Good to know",
    fault: "Whose fault",
    speaks_for_it: "because",
    map: "The route",
    no_exchanger: "no mail server is named",
    exchangers_unknown: "which mail servers there are, is not known",
    alternatives: "What works instead",
    path: "Through the network to",
    senders: "Mail servers treat it differently",
    now: "What to do now",
    marketer: "For the list owner",
    developer: "For the developer",
    administrator: "For the mail administrator",
    how: "How we know",
    confidence: "Confidence",
    looked_at: "Looked at",
    took: "took",
    from: "From here",
    vantage: "Our own side",
    again: "Look again",
    preference: "MX",
    host: "Server",
    address: "Address",
    state: "State",
    particulars: "Particulars",
    own_address: "the domain's own address: there is no MX",
    legend: "✓ takes mail, ✗ does not, ? not known",
};

const DE: Labels = Labels {
    wrong: "Was nicht stimmt",
    nothing_wrong: "Nichts, was wir sehen.",
    notes: "Gut zu wissen",
    fault: "Wessen Fehler",
    speaks_for_it: "denn",
    map: "Der Weg",
    no_exchanger: "kein Mailserver ist benannt",
    exchangers_unknown: "welche Mailserver es gibt, ist nicht bekannt",
    alternatives: "Was stattdessen geht",
    path: "Durch das Netz zu",
    senders: "Mailserver behandeln es verschieden",
    now: "Was jetzt zu tun ist",
    marketer: "Für die Listenpflege",
    developer: "Für die Entwicklung",
    administrator: "Für die Mailadministration",
    how: "Woher wir das wissen",
    confidence: "Sicherheit",
    looked_at: "Angesehen",
    took: "dauerte",
    from: "Von hier",
    vantage: "Unsere Seite",
    again: "Erneut prüfen",
    preference: "MX",
    host: "Server",
    address: "Adresse",
    state: "Zustand",
    particulars: "Einzelheiten",
    own_address: "die eigene Adresse der Domain: es gibt keinen MX",
    legend: "✓ nimmt Mail an, ✗ nicht, ? unbekannt",
};

pub(super) fn labels(language: Language) -> &'static Labels {
    match language {
        Language::En => &EN,
        Language::De => &DE,
    }
}

pub(in crate::commands) fn severity(word: Severity, language: Language) -> &'static str {
    match word {
        Severity::High => pick(language, "serious", "schwer"),
        Severity::Medium => pick(language, "important", "wichtig"),
        Severity::Low => pick(language, "minor", "gering"),
        Severity::Info => pick(language, "note", "Hinweis"),
    }
}

pub(super) fn confidence(verdict: Verdict, word: Confidence, language: Language) -> &'static str {
    // A conversation that came through proves itself; a failure needs a second look.
    let works = verdict.is_deliverable();
    match word {
        Confidence::Low if works => {
            pick(language, "low (not all was looked at)", "gering (nicht alles wurde angesehen)")
        }
        Confidence::Medium if works => pick(
            language,
            "medium (a mail server answered, but not just now, or our own side is in doubt)",
            "mittel (ein Mailserver hat geantwortet, aber nicht eben erst, oder unsere Seite ist zweifelhaft)",
        ),
        Confidence::High if works => pick(
            language,
            "high (a mail server answered just now)",
            "hoch (ein Mailserver hat eben geantwortet)",
        ),
        Confidence::Low => pick(
            language,
            "low (seen once; look again before anything final)",
            "gering (einmal gesehen; vor Endgültigem noch einmal prüfen)",
        ),
        Confidence::Medium => pick(
            language,
            "medium (seen twice, or once with proof)",
            "mittel (zweimal gesehen oder einmal mit Beweis)",
        ),
        Confidence::High => pick(
            language,
            "high (proof, at two different times, and our own side works)",
            "hoch (Beweise zu zwei Zeitpunkten, und unsere Seite funktioniert)",
        ),
    }
}

/// Who has to act, when this is the cause.
pub(in crate::commands) fn side(cause: Cause, language: Language) -> &'static str {
    match cause {
        Cause::RouterShutDown
        | Cause::Decommissioned
        | Cause::PermanentMisconfiguration
        | Cause::MxUnavailable
        | Cause::ResourcesExhausted
        | Cause::CriticalFailure => pick(
            language,
            "The side of the recipient: the domain's owner or whoever runs its mail servers.",
            "Die Seite des Empfängers: der Inhaber der Domain oder der Betreiber ihrer Mailserver.",
        ),
        Cause::DnsInvalid | Cause::MigratedAway | Cause::Abandoned => pick(
            language,
            "The side of the recipient: the domain's owner or whoever runs its DNS.",
            "Die Seite des Empfängers: der Inhaber der Domain oder der Betreiber ihres DNS.",
        ),
        Cause::NetworkFailure => pick(
            language,
            "Probably the network in between; neither the recipient nor, as far as we see, we.",
            "Wohl das Netz dazwischen; nicht der Empfänger und, soweit wir sehen, nicht wir.",
        ),
        Cause::OurOwnFault => pick(language, "Ours.", "Unserer."),
    }
}

/// How likely a cause is, in words.
pub(super) fn likelihood(weight: f32, language: Language) -> &'static str {
    if weight >= 0.6 {
        pick(language, "Most likely", "Sehr wahrscheinlich")
    } else if weight >= 0.3 {
        pick(language, "Likely", "Wahrscheinlich")
    } else {
        pick(language, "Perhaps", "Vielleicht")
    }
}

pub(in crate::commands) fn address_state(word: AddressState, language: Language) -> &'static str {
    match word {
        AddressState::Ok => pick(language, "takes mail", "nimmt Mail an"),
        AddressState::Refused => pick(language, "refuses connections", "lehnt Verbindungen ab"),
        AddressState::Timeout => pick(language, "does not answer", "antwortet nicht"),
        AddressState::Unreachable => pick(language, "no way there", "kein Weg dorthin"),
        AddressState::Closed => pick(language, "hangs up", "legt auf"),
        AddressState::GreetingTimeout => pick(language, "says nothing", "sagt nichts"),
        AddressState::Greeting4xx => pick(language, "says: not now", "sagt: jetzt nicht"),
        AddressState::Greeting5xx => pick(language, "turns us away", "weist uns ab"),
        AddressState::EhloRejected => pick(language, "rejects our name", "lehnt unseren Namen ab"),
        AddressState::Forbidden => pick(language, "not a public address", "keine öffentliche Adresse"),
        AddressState::NotProbed => pick(language, "not tried", "nicht versucht"),
    }
}

/// Of an address that works, but that the domain's own policy forbids.
pub(in crate::commands) fn excluded(language: Language) -> &'static str {
    pick(language, "works, but forbidden", "geht, ist aber verboten")
}

pub(in crate::commands) fn host_lookup(word: HostLookup, language: Language) -> &'static str {
    match word {
        HostLookup::Ok => "",
        HostLookup::Nxdomain => pick(language, "does not exist", "existiert nicht"),
        HostLookup::Nodata => pick(language, "has no address", "hat keine Adresse"),
        HostLookup::Servfail => {
            pick(language, "address cannot be looked up now", "Adresse gerade nicht zu ermitteln")
        }
        HostLookup::Timeout => pick(language, "the DNS does not answer", "das DNS antwortet nicht"),
        HostLookup::Refused => pick(language, "the DNS refuses to answer", "das DNS verweigert die Antwort"),
        HostLookup::Cname => pick(language, "is an alias", "ist ein Alias"),
        HostLookup::CnameLoop => {
            pick(language, "is an alias that leads in a circle", "ist ein Alias, der im Kreis führt")
        }
        HostLookup::Error => pick(language, "the DNS answers with an error", "das DNS antwortet mit Fehler"),
        HostLookup::Literal => pick(language, "is an address, not a host", "ist eine Adresse, kein Host"),
        HostLookup::Null => {
            pick(language, "null MX: takes no mail, on purpose", "Null-MX: nimmt absichtlich keine Mail an")
        }
    }
}

pub(super) fn alternative(word: AlternativeKind, language: Language) -> &'static str {
    match word {
        AlternativeKind::SamePreference => {
            pick(language, "another server of the same rank", "ein anderer Server gleichen Rangs")
        }
        AlternativeKind::LowerPreference => {
            pick(language, "a server further back", "ein Server weiter hinten")
        }
        AlternativeKind::OtherAddress => {
            pick(language, "another address of the same server", "eine andere Adresse desselben Servers")
        }
        AlternativeKind::OtherFamily => {
            pick(language, "the other of IPv4 and IPv6", "das andere von IPv4 und IPv6")
        }
        AlternativeKind::Relay => pick(language, "your relay", "Ihr Relay"),
    }
}

pub(super) fn sender_outcome(word: SenderOutcome, language: Language) -> &'static str {
    match word {
        SenderOutcome::Delivers => pick(language, "delivers", "stellt zu"),
        SenderOutcome::Defers => {
            pick(language, "keeps the mail and tries again", "behält die Mail und versucht es erneut")
        }
        SenderOutcome::Bounces => pick(language, "returns the mail", "gibt die Mail zurück"),
    }
}

pub(super) fn tls(fact: &TlsFact, language: Language) -> String {
    match fact {
        TlsFact::NotTried => String::new(),
        TlsFact::NotOffered => pick(language, "no encryption", "keine Verschlüsselung").to_owned(),
        TlsFact::Failed { detail } => {
            format!("{}: {detail}", pick(language, "encryption fails", "Verschlüsselung scheitert"))
        }
        TlsFact::Established { version, certificate, dane, .. } => {
            let holds = match (dane, &certificate.chain) {
                (DaneState::Match, _) => {
                    pick(language, "certificate confirmed by DANE", "Zertifikat durch DANE bestätigt")
                }
                (DaneState::Mismatch, _) => {
                    pick(language, "certificate against DANE", "Zertifikat widerspricht DANE")
                }
                (_, ChainVerdict::Expired) => pick(language, "certificate expired", "Zertifikat abgelaufen"),
                (_, ChainVerdict::UnknownIssuer) => {
                    pick(language, "certificate of unknown origin", "Zertifikat unbekannter Herkunft")
                }
                (_, ChainVerdict::Invalid { .. }) => {
                    pick(language, "certificate invalid", "Zertifikat ungültig")
                }
                (_, ChainVerdict::Trusted) if !certificate.name_matches => {
                    pick(language, "certificate for another name", "Zertifikat für anderen Namen")
                }
                (_, ChainVerdict::Trusted) => pick(language, "certificate valid", "Zertifikat gültig"),
            };
            format!("{version}, {holds}")
        }
    }
}
