//! The words of the page itself, in both languages.

use abprall_mail::{Language, StatusClass};

use crate::wording::pick;

/// One set of labels a language: a missing one does not compile.
pub(super) struct Labels {
    pub(super) kind: &'static str,
    pub(super) category: &'static str,
    pub(super) side: &'static str,
    pub(super) action: &'static str,
    pub(super) usual_reason: &'static str,
    pub(super) registered_as: &'static str,
    pub(super) not_registered: &'static str,
    pub(super) reply_code: &'static str,
    pub(super) address: &'static str,
    pub(super) host: &'static str,
    pub(super) codes: &'static str,
    pub(super) because: &'static str,
    pub(super) underlying: &'static str,
    pub(super) contradictions: &'static str,
    pub(super) meaning: &'static str,
    pub(super) causes: &'static str,
    pub(super) differs: &'static str,
    pub(super) wordings: &'static str,
    pub(super) investigate: &'static str,
    pub(super) practice: &'static str,
    pub(super) marketer: &'static str,
    pub(super) developer: &'static str,
    pub(super) administrator: &'static str,
    pub(super) other_systems: &'static str,
    pub(super) reason_heading: &'static str,
    pub(super) more: &'static str,
}

const EN: Labels = Labels {
    kind: "Type",
    category: "Category",
    side: "Whose side",
    action: "What to do",
    usual_reason: "Usual reason",
    registered_as: "Registered as",
    not_registered: "not in the IANA registry; explained by class and subject",
    reply_code: "reply code of SMTP (RFC 5321)",
    address: "Address",
    host: "Server",
    codes: "Codes",
    because: "Because",
    underlying: "Beneath it",
    contradictions: "The reply contradicts itself",
    meaning: "What it means",
    causes: "Usual causes",
    differs: "Not to be confused with",
    wordings: "How it is written",
    investigate: "How to investigate",
    practice: "Best practice",
    marketer: "For the list owner",
    developer: "For the developer",
    administrator: "For the mail administrator",
    other_systems: "What others call it",
    reason_heading: "The reason behind it",
    more: "More with --full",
};

const DE: Labels = Labels {
    kind: "Art",
    category: "Bereich",
    side: "Auf wessen Seite",
    action: "Was zu tun ist",
    usual_reason: "Üblicher Grund",
    registered_as: "Registriert als",
    not_registered: "nicht im IANA-Register; erklärt nach Klasse und Bereich",
    reply_code: "Antwortcode von SMTP (RFC 5321)",
    address: "Adresse",
    host: "Server",
    codes: "Codes",
    because: "Erkannt an",
    underlying: "Darunter",
    contradictions: "Die Antwort widerspricht sich",
    meaning: "Was es bedeutet",
    causes: "Übliche Ursachen",
    differs: "Nicht zu verwechseln mit",
    wordings: "Wie es geschrieben wird",
    investigate: "So finden Sie die Ursache",
    practice: "Gute Praxis",
    marketer: "Für Verantwortliche der Liste",
    developer: "Für Entwickler",
    administrator: "Für Mail-Administratoren",
    other_systems: "Wie andere es nennen",
    reason_heading: "Der Grund dahinter",
    more: "Mehr mit --full",
};

pub(super) fn labels(language: Language) -> &'static Labels {
    match language {
        Language::En => &EN,
        Language::De => &DE,
    }
}

/// RFC 3463 §3.1.
pub(super) fn class(class: StatusClass, language: Language) -> &'static str {
    match class {
        StatusClass::Success => pick(language, "Class 2: success.", "Klasse 2: Erfolg."),
        StatusClass::Transient => pick(
            language,
            "Class 4: persistent transient failure; the message as sent may still be delivered later.",
            "Klasse 4: anhaltende vorübergehende Störung; dieselbe Nachricht kann später noch zugestellt werden.",
        ),
        StatusClass::Permanent => pick(
            language,
            "Class 5: permanent failure; sending the same message again is not likely to help.",
            "Klasse 5: dauerhafter Fehler; dieselbe Nachricht erneut zu senden hilft voraussichtlich nicht.",
        ),
    }
}

/// What to do where nothing but the class is known.
pub(super) fn class_action(class: StatusClass, language: Language) -> &'static str {
    match class {
        StatusClass::Success => pick(
            language,
            "nothing: the server did what it was asked to",
            "nichts: Der Server hat getan, was er sollte",
        ),
        StatusClass::Transient => pick(
            language,
            "nothing for now: the mail server tries again by itself; stop nobody for it",
            "vorerst nichts: Der Mailserver versucht es selbst erneut; niemand wird deswegen gestoppt",
        ),
        StatusClass::Permanent => pick(
            language,
            "a person has to look: give the whole reply in quotes, its words may say more",
            "ein Mensch muss hinsehen: Geben Sie die ganze Antwort in Anführungszeichen an, ihre Worte sagen vielleicht mehr",
        ),
    }
}

/// RFC 3463 §3.2–§3.8.
pub(super) fn subject(subject: u16, language: Language) -> &'static str {
    match subject {
        0 => pick(language, "Subject 0: other or undefined.", "Bereich 0: anderes oder unbestimmt."),
        1 => pick(language, "Subject 1: the address.", "Bereich 1: die Adresse."),
        2 => pick(language, "Subject 2: the mailbox.", "Bereich 2: das Postfach."),
        3 => pick(
            language,
            "Subject 3: the destination's mail system.",
            "Bereich 3: das Mailsystem des Ziels.",
        ),
        4 => pick(language, "Subject 4: network and routing.", "Bereich 4: Netz und Routing."),
        5 => pick(language, "Subject 5: the mail protocol.", "Bereich 5: das Mailprotokoll."),
        6 => pick(language, "Subject 6: content and media.", "Bereich 6: Inhalt und Medien."),
        7 => pick(language, "Subject 7: security and policy.", "Bereich 7: Sicherheit und Richtlinien."),
        _ => pick(
            language,
            "The subject is not one that RFC 3463 defines: a vendor's own.",
            "Der Bereich ist keiner aus RFC 3463, sondern der eines Herstellers.",
        ),
    }
}

/// RFC 5321 §4.2.1 and §4.2.3: what a reply code says by itself.
pub(super) fn reply(code: u16, language: Language) -> &'static str {
    match code {
        211 | 214 => pick(language, "Status or help.", "Status oder Hilfe."),
        220 => pick(language, "The server is ready.", "Der Server ist bereit."),
        221 => pick(language, "The server closes the connection.", "Der Server schließt die Verbindung."),
        250 | 251 => {
            pick(language, "Done; for 251 the mail is forwarded.", "Erledigt; bei 251 wird weitergeleitet.")
        }
        252 => pick(
            language,
            "Cannot verify the address, but will try.",
            "Adresse nicht prüfbar, Zustellung wird versucht.",
        ),
        354 => pick(language, "Start of the message.", "Beginn der Nachricht."),
        421 => pick(
            language,
            "The service is not available; the server closes the connection. Often load, maintenance or a limit.",
            "Der Dienst ist nicht verfügbar; der Server schließt die Verbindung. Oft Last, Wartung oder eine Begrenzung.",
        ),
        450 => pick(
            language,
            "The mailbox cannot be reached at the moment: busy, or blocked for now (greylisting).",
            "Das Postfach ist im Moment nicht erreichbar: belegt oder vorläufig gesperrt (Greylisting).",
        ),
        451 => pick(language, "A local error while processing.", "Ein lokaler Fehler bei der Verarbeitung."),
        452 => pick(
            language,
            "Not enough storage, or too many recipients.",
            "Zu wenig Speicherplatz oder zu viele Empfänger.",
        ),
        454 => pick(
            language,
            "Authentication or TLS not available now.",
            "Anmeldung oder TLS derzeit nicht verfügbar.",
        ),
        455 | 555 => pick(
            language,
            "The server cannot take the parameters of MAIL or RCPT.",
            "Der Server nimmt die Parameter von MAIL oder RCPT nicht an.",
        ),
        500..=504 => pick(
            language,
            "The command or its parameters are not understood, not implemented or out of order.",
            "Der Befehl oder seine Parameter sind unverständlich, nicht vorhanden oder in falscher Reihenfolge.",
        ),
        521 => pick(
            language,
            "This host takes no mail (RFC 7504).",
            "Dieser Host nimmt keine Mail an (RFC 7504).",
        ),
        530 | 535 | 538 => {
            pick(language, "Authentication is required or failed.", "Anmeldung nötig oder gescheitert.")
        }
        550 => pick(
            language,
            "Refused: no such mailbox, no access, or a policy. The enhanced code and the text say which.",
            "Abgewiesen: kein solches Postfach, kein Zugriff oder eine Richtlinie. Der erweiterte Code und der Text sagen, was.",
        ),
        551 => pick(
            language,
            "Not a local user; try the path that is named.",
            "Kein lokaler Benutzer; siehe genannten Weg.",
        ),
        552 => pick(
            language,
            "Storage exceeded: the mailbox is full, or the message too large.",
            "Speicher überschritten: Postfach voll oder Nachricht zu groß.",
        ),
        553 => pick(
            language,
            "The mailbox name is not allowed: syntax, or the sender is not accepted.",
            "Der Postfachname ist nicht erlaubt: Syntax, oder der Absender wird nicht angenommen.",
        ),
        554 => pick(
            language,
            "The transaction failed; as a greeting: no service here. Often policy or reputation.",
            "Die Übertragung ist gescheitert; als Begrüßung: kein Dienst hier. Oft Richtlinie oder Reputation.",
        ),
        556 => pick(
            language,
            "The domain takes no mail (RFC 7504).",
            "Die Domain nimmt keine Mail an (RFC 7504).",
        ),
        200..400 => pick(language, "Not a failure.", "Kein Fehler."),
        400..500 => pick(
            language,
            "A transient failure: the same command may succeed later.",
            "Eine vorübergehende Störung: derselbe Befehl kann später gelingen.",
        ),
        _ => pick(
            language,
            "A permanent failure: the same command will fail again.",
            "Ein dauerhafter Fehler: derselbe Befehl wird wieder scheitern.",
        ),
    }
}
