//! What the program's own words are called in front of people, in English and German.
//!
//! Titles and explanations of reasons are in the knowledge base (`abprall_mail::knowledge`).

use abprall_bounce::Kind;
use abprall_mail::{Action, BounceType, Category, Confidence, Language, Party, Permanence, Reason};
use abprall_policy::Outcome;
use abprall_store::{Audience, State};

use crate::terminal::{number, plain};

/// "1 failure", "7 failures".
pub(crate) fn counted(
    count: u64,
    en: (&'static str, &'static str),
    de: (&'static str, &'static str),
    language: Language,
) -> String {
    let (one, many) = match language {
        Language::En => en,
        Language::De => de,
    };
    format!("{} {}", number(count), if count == 1 { one } else { many })
}

/// The text in the language that is asked for.
pub(crate) fn pick(language: Language, en: &'static str, de: &'static str) -> &'static str {
    match language {
        Language::En => en,
        Language::De => de,
    }
}

/// ` for tenant shop, list news`; empty where it is mail of nobody in particular.
pub(crate) fn for_mail_of(audience: &Audience, language: Language) -> String {
    let tenant = audience.tenant.as_ref().map(|name| (pick(language, "tenant", "Mandant"), name));
    let list = audience.list.as_ref().map(|name| (pick(language, "list", "Liste"), name));
    let whose: Vec<_> =
        [tenant, list].into_iter().flatten().map(|(what, name)| format!("{what} {}", plain(name))).collect();
    if whose.is_empty() {
        return String::new();
    }
    format!(" {} {}", pick(language, "for", "für"), whose.join(", "))
}

/// Somebody else's words in the quotation marks of the language.
pub(crate) fn quoted(text: &str, language: Language) -> String {
    match language {
        Language::En => format!("“{text}”"),
        Language::De => format!("„{text}“"),
    }
}

pub(crate) fn bounce_type(word: BounceType, language: Language) -> &'static str {
    match word {
        BounceType::Hard => pick(language, "hard bounce", "harter Bounce (hard)"),
        BounceType::Soft => pick(language, "soft bounce", "weicher Bounce (soft)"),
        BounceType::Block => {
            pick(language, "block: sender or message refused", "Abweisung (block): Absender oder Nachricht")
        }
        BounceType::None => pick(language, "no failure", "kein Fehler"),
    }
}

pub(crate) fn permanence(word: Permanence, language: Language) -> &'static str {
    match word {
        Permanence::Permanent => pick(language, "permanent", "dauerhaft"),
        Permanence::Transient => pick(language, "transient", "vorübergehend"),
        Permanence::Undetermined => pick(language, "permanence not known", "Dauer unklar"),
    }
}

pub(crate) fn party(word: Party, language: Language) -> &'static str {
    match word {
        Party::Recipient => pick(language, "the recipient's mailbox", "das Postfach des Empfängers"),
        Party::RecipientDomain => pick(language, "the recipient's domain", "die Domain des Empfängers"),
        Party::Route => pick(language, "the route to the mailbox", "der Weg zum Postfach"),
        Party::Receiver => pick(language, "the receiving mail system", "das empfangende Mailsystem"),
        Party::Sender => pick(language, "ours: the sender", "unsere: der Absender"),
        Party::Message => pick(language, "ours: the message", "unsere: die Nachricht"),
        Party::OwnSystem => pick(language, "ours: our own mail system", "unsere: das eigene Mailsystem"),
        Party::None => pick(language, "nobody's", "niemandes"),
        Party::Unknown => pick(language, "cannot be told", "nicht zu erkennen"),
    }
}

pub(crate) fn category(word: Category, language: Language) -> &'static str {
    match word {
        Category::Addressing => pick(language, "addressing", "Adressierung"),
        Category::Mailbox => pick(language, "mailbox", "Postfach"),
        Category::MailSystem => pick(language, "mail system", "Mailsystem"),
        Category::NetworkRouting => pick(language, "network and routing", "Netz und Routing"),
        Category::Protocol => pick(language, "mail protocol", "Mailprotokoll"),
        Category::Content => pick(language, "content", "Inhalt"),
        Category::SecurityPolicy => pick(language, "security and policy", "Sicherheit und Richtlinien"),
        Category::None => pick(language, "no failure", "kein Fehler"),
        Category::Undefined => pick(language, "undefined", "unbestimmt"),
    }
}

pub(crate) fn action(word: Action, language: Language) -> &'static str {
    match word {
        Action::Suppress => pick(
            language,
            "take the address off the list now (suppress)",
            "Adresse jetzt von der Liste nehmen (suppress)",
        ),
        Action::Hold => pick(
            language,
            "stop sending now, investigate the domain, then decide (hold)",
            "Versand jetzt anhalten, Domain untersuchen, dann entscheiden (hold)",
        ),
        Action::Retry => pick(
            language,
            "nothing: the mail server tries again by itself (retry)",
            "nichts: der Mailserver versucht es selbst erneut (retry)",
        ),
        Action::FixSender => pick(
            language,
            "keep the recipient, mend our side (fix_sender)",
            "Empfänger behalten, die eigene Seite in Ordnung bringen (fix_sender)",
        ),
        Action::FixMessage => pick(
            language,
            "keep the recipient, mend the message (fix_message)",
            "Empfänger behalten, die Nachricht ändern (fix_message)",
        ),
        Action::Investigate => pick(
            language,
            "keep the recipient, find the cause first (investigate)",
            "Empfänger behalten, erst die Ursache suchen (investigate)",
        ),
        Action::Review => {
            pick(language, "a person has to look (review)", "ein Mensch muss hinsehen (review)")
        }
        Action::None => pick(language, "nothing (none)", "nichts (none)"),
    }
}

/// An action in one word, for a column; [`action`] says it whole.
pub(crate) fn action_word(word: Action, language: Language) -> &'static str {
    match word {
        Action::Suppress => pick(language, "suppress", "sperren"),
        Action::Hold => pick(language, "hold", "anhalten"),
        Action::Retry => pick(language, "retry", "abwarten"),
        Action::FixSender => pick(language, "fix sender", "Absender"),
        Action::FixMessage => pick(language, "fix message", "Nachricht"),
        Action::Investigate => pick(language, "investigate", "untersuchen"),
        Action::Review => pick(language, "review", "prüfen"),
        Action::None => pick(language, "none", "nichts"),
    }
}

/// How sure a verdict is.
pub(crate) fn confidence(word: Confidence, language: Language) -> &'static str {
    match word {
        Confidence::Low => pick(language, "little sure", "wenig sicher"),
        Confidence::Medium => pick(language, "fairly sure", "ziemlich sicher"),
        Confidence::High => pick(language, "sure", "sicher"),
    }
}

/// The heading of a reason: "Mailbox does not exist".
pub(crate) fn reason(reason: Reason, language: Language) -> &'static str {
    &reason.knowledge().prose(language).title
}

pub(crate) fn outcome(word: Outcome, language: Language) -> &'static str {
    match word {
        Outcome::Suppress => pick(language, "suppressed", "gesperrt"),
        Outcome::Hold => pick(language, "held", "angehalten"),
        Outcome::Count => pick(language, "waiting", "abwarten"),
        Outcome::Reset => pick(language, "delivered", "zugestellt"),
        Outcome::Alert => pick(language, "our side", "eigene Seite"),
        Outcome::Review => pick(language, "review", "prüfen"),
        Outcome::Lift => pick(language, "lifted", "aufgehoben"),
        Outcome::Pending => pick(language, "pending", "ausstehend"),
        Outcome::Confirm => pick(language, "confirmed", "bestätigt"),
        Outcome::Release => pick(language, "released", "freigegeben"),
        Outcome::Reinstate => pick(language, "reinstated", "zurück"),
        Outcome::Drop => pick(language, "dropped", "verworfen"),
        Outcome::Nothing => pick(language, "nothing to do", "nichts zu tun"),
    }
}

/// What an outcome means for the list.
pub(crate) fn meaning(word: Outcome, language: Language) -> &'static str {
    match word {
        Outcome::Suppress => pick(
            language,
            "take off the list, do not send again",
            "von der Liste nehmen, nicht mehr anschreiben",
        ),
        Outcome::Hold => pick(
            language,
            "stopped for now, domain or route is broken",
            "vorerst gestoppt, Domain oder Weg gestört",
        ),
        Outcome::Count => pick(
            language,
            "stay: the mail server tries again by itself",
            "bleiben: der Mailserver versucht es selbst erneut",
        ),
        Outcome::Reset => pick(language, "arrived", "angekommen"),
        Outcome::Alert => pick(
            language,
            "stay: the fault is on our side, see below",
            "bleiben: der Fehler liegt bei uns, siehe unten",
        ),
        Outcome::Review => pick(
            language,
            "stay: no rule is sure, a person has to look",
            "bleiben: keine Regel ist sicher, bitte ansehen",
        ),
        Outcome::Lift | Outcome::Release | Outcome::Reinstate => {
            pick(language, "may be sent to again", "dürfen wieder angeschrieben werden")
        }
        Outcome::Pending => pick(
            language,
            "held: so many at once are rather an incident there; removed or freed when it is over",
            "angehalten: so viele auf einmal sind eher eine Störung dort; danach gesperrt oder frei",
        ),
        Outcome::Confirm => pick(language, "stay stopped: confirmed", "bleiben gestoppt: bestätigt"),
        Outcome::Drop => pick(
            language,
            "may be sent to: it was an incident",
            "dürfen angeschrieben werden: es war eine Störung",
        ),
        Outcome::Nothing => {
            pick(language, "automatic answers and other news", "automatische Antworten und andere Meldungen")
        }
    }
}

pub(crate) fn state(word: State, language: Language) -> &'static str {
    match word {
        State::Ok => pick(language, "ok", "frei"),
        State::Held => pick(language, "held", "angehalten"),
        State::Suppressed => pick(language, "suppressed", "gesperrt"),
    }
}

/// What one report is.
pub(crate) fn kind_of_one(word: Kind, language: Language) -> &'static str {
    match word {
        Kind::Failed => pick(language, "failure", "Fehler"),
        Kind::Delayed => pick(language, "delay", "Verzögerung"),
        Kind::Delivered => pick(language, "delivery", "Zustellung"),
        Kind::Relayed => pick(language, "relayed", "weitergereicht"),
        Kind::Expanded => pick(language, "expanded by a list", "von einer Liste verteilt"),
        Kind::Complaint => pick(language, "complaint", "Beschwerde"),
        Kind::AutoReply => pick(language, "automatic answer", "automatische Antwort"),
        Kind::Unsubscribe => pick(language, "unsubscribe request", "Abmeldung"),
        Kind::Challenge => pick(language, "challenge of a filter", "Rückfrage eines Filters"),
        Kind::Other => pick(language, "other", "anderes"),
    }
}

/// What a message without a report is, by its name in the JSON.
pub(crate) fn not_a_bounce(word: &str, language: Language) -> &'static str {
    match word {
        "dmarc_report" => pick(language, "DMARC report", "DMARC-Bericht"),
        "tls_report" => pick(language, "TLS report", "TLS-Bericht"),
        "read_receipt" => pick(language, "read receipt", "Lesebestätigung"),
        "forwarded_bounce" => {
            pick(language, "a bounce that a person forwards", "ein Bounce, den ein Mensch weiterleitet")
        }
        "phishing" => pick(language, "phishing, dressed as a bounce", "Phishing, als Bounce verkleidet"),
        "list_mail" => pick(language, "list mail", "Listenmail"),
        "unreadable" => pick(language, "not readable as a message", "nicht als Nachricht lesbar"),
        _ => pick(language, "other mail", "andere Mail"),
    }
}

pub(crate) fn kind(word: Kind, language: Language) -> &'static str {
    match word {
        Kind::Failed => pick(language, "failures", "Fehler"),
        Kind::Delayed => pick(language, "delays", "Verzögerungen"),
        Kind::Delivered => pick(language, "deliveries", "Zustellungen"),
        Kind::Relayed => {
            pick(language, "relayed, no further reports", "weitergereicht, keine weiteren Meldungen")
        }
        Kind::Expanded => pick(language, "expanded by a list", "von einer Liste verteilt"),
        Kind::Complaint => pick(language, "complaints", "Beschwerden"),
        Kind::AutoReply => pick(language, "automatic answers", "automatische Antworten"),
        Kind::Unsubscribe => pick(language, "unsubscribe requests", "Abmeldungen"),
        Kind::Challenge => pick(language, "challenges", "Rückfragen von Filtern"),
        Kind::Other => pick(language, "other", "andere"),
    }
}
