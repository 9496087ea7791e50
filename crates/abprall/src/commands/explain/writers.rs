//! Who writes a reply so: the knowledge base names them once, in English; most are names of products.

use abprall_mail::Language;

/// The writer in the language of the page.
pub(super) fn writer(by: &str, language: Language) -> &str {
    match language {
        Language::En => by,
        Language::De => GERMAN.iter().find(|(english, _)| *english == by).map_or(by, |(_, german)| german),
    }
}

const GERMAN: &[(&str, &str)] = &[
    ("A busy server", "Ein ausgelasteter Server"),
    ("A challenge-response filter", "Ein Filter mit Rückfrage"),
    ("A content filter", "Ein Inhaltsfilter"),
    ("A directory server", "Ein Verzeichnisserver"),
    ("A gateway", "Ein Gateway"),
    ("A host that takes no mail at all (RFC 7504)", "Ein Host, der gar keine Mail annimmt (RFC 7504)"),
    ("A host without mail", "Ein Host ohne Mail"),
    ("A list server", "Ein Listenserver"),
    ("A mailbox provider", "Ein Postfachanbieter"),
    ("A mailbox server", "Ein Postfachserver"),
    ("A notice of Postfix", "Eine Meldung von Postfix"),
    ("A notice of Sendmail", "Eine Meldung von Sendmail"),
    ("A person", "Ein Mensch"),
    ("A receiver that insists", "Ein Empfänger, der darauf besteht"),
    ("A receiver", "Ein Empfänger"),
    ("A receiving MX or relay", "Ein empfangender MX oder ein Relay"),
    ("A receiving MX, with the address", "Ein empfangender MX, mit der Adresse"),
    ("A relay", "Ein Relay"),
    ("A secure gateway", "Ein Sicherheits-Gateway"),
    (
        "A server that uses the registered account code",
        "Ein Server, der den registrierten Code für Konten nutzt",
    ),
    ("A server with RFC 7505", "Ein Server mit RFC 7505"),
    ("A server with RRVS (RFC 7293)", "Ein Server mit RRVS (RFC 7293)"),
    ("A server with recipient rules", "Ein Server mit Regeln für Empfänger"),
    ("A server", "Ein Server"),
    ("A service that protects accounts", "Ein Dienst, der Konten schützt"),
    ("A smarthost", "Ein Smarthost"),
    ("A submission server", "Ein Server für Einlieferung"),
    ("A success notice", "Eine Erfolgsmeldung"),
    ("A terse server", "Ein wortkarger Server"),
    ("Any server, by RFC 5321", "Jeder Server, nach RFC 5321"),
    ("Cyrus IMAP, on LMTP", "Cyrus IMAP, über LMTP"),
    (
        "Dovecot Pigeonhole, Sieve reject (a notice after acceptance)",
        "Dovecot Pigeonhole, Sieve reject (Meldung nach der Annahme)",
    ),
    ("Dovecot submission", "Dovecot, Einlieferung"),
    ("Exchange, a transport rule", "Exchange, eine Transportregel"),
    ("Exchange, back pressure", "Exchange, Rückstau"),
    ("Exchange, shutting down or in maintenance", "Exchange, beim Herunterfahren oder in Wartung"),
    ("Exim (Status is always 5.0.0)", "Exim (Status ist immer 5.0.0)"),
    ("Exim with ClamAV", "Exim mit ClamAV"),
    ("Exim, a list kept in an alias file", "Exim, eine Liste in einer Aliasdatei"),
    ("Exim, own resolver", "Exim, eigener Resolver"),
    ("Exim, sender callout", "Exim, Rückfrage zum Absender"),
    ("Exim, too busy", "Exim, ausgelastet"),
    ("Exim, whatever the reply says", "Exim, was immer die Antwort sagt"),
    ("Feedback report (RFC 5965)", "Beschwerdebericht (RFC 5965)"),
    ("GMX and WEB.DE", "GMX und WEB.DE"),
    ("German Outlook", "Deutsches Outlook"),
    ("German", "Deutsch"),
    ("Gmail, domain", "Gmail, Domain"),
    ("Gmail, neither SPF nor DKIM", "Gmail, weder SPF noch DKIM"),
    ("Gmail, one mailbox", "Gmail, ein Postfach"),
    ("Gmail, other meaning", "Gmail, andere Bedeutung"),
    ("Gmail, permanent", "Gmail, dauerhaft"),
    ("Gmail, submission", "Gmail, Einlieferung"),
    ("Gmail, temporary", "Gmail, vorübergehend"),
    ("Gmail, too fast", "Gmail, zu schnell"),
    ("Gmail, unusual rate", "Gmail, ungewöhnliche Menge"),
    ("List-Unsubscribe mail", "Mail an List-Unsubscribe"),
    ("Microsoft 365, after acceptance", "Microsoft 365, nach der Annahme"),
    ("Microsoft 365, at the edge", "Microsoft 365, am Rand"),
    ("Microsoft 365, other meaning", "Microsoft 365, andere Bedeutung"),
    ("Microsoft 365, submission", "Microsoft 365, Einlieferung"),
    ("Microsoft Exchange, other meaning", "Microsoft Exchange, andere Bedeutung"),
    ("OpenSMTPD, every failure", "OpenSMTPD, jeder Fehler"),
    ("OpenSMTPD, temporary", "OpenSMTPD, vorübergehend"),
    ("Postfix postscreen, after its deep tests", "Postfix postscreen, nach den tiefen Prüfungen"),
    ("Postfix postscreen, no free slot", "Postfix postscreen, kein freier Platz"),
    ("Postfix with Postgrey", "Postfix mit Postgrey"),
    ("Postfix with an SPF policy server", "Postfix mit einem SPF-Richtlinienserver"),
    ("Postfix, a filter (milter) does not answer", "Postfix, ein Filter (Milter) antwortet nicht"),
    ("Postfix, a lookup table does not answer", "Postfix, eine Tabelle antwortet nicht"),
    ("Postfix, a wrong setting", "Postfix, eine falsche Einstellung"),
    ("Postfix, an access table", "Postfix, eine Zugriffstabelle"),
    ("Postfix, blocklist", "Postfix, Blockliste"),
    ("Postfix, connections", "Postfix, Verbindungen"),
    ("Postfix, filter", "Postfix, Filter"),
    ("Postfix, its own queue manager", "Postfix, eigene Warteschlangenverwaltung"),
    ("Postfix, its own resolver", "Postfix, eigener Resolver"),
    ("Postfix, its own resolver, for now", "Postfix, eigener Resolver, vorübergehend"),
    ("Postfix, local delivery on a full disk", "Postfix, lokale Zustellung bei voller Platte"),
    ("Postfix, no PTR at all", "Postfix, gar kein PTR"),
    ("Postfix, own MX", "Postfix, eigener MX"),
    ("Postfix, own host", "Postfix, eigener Host"),
    ("Postfix, own limit of the next host", "Postfix, eigene Grenze für den nächsten Host"),
    ("Postfix, own resolver", "Postfix, eigener Resolver"),
    ("Postfix, passing on what the MX said", "Postfix, gibt weiter, was der MX sagte"),
    ("Postfix, relocated table", "Postfix, Umzugstabelle"),
    (
        "Postfix, reporting its own resolver (no Remote-MTA in the bounce)",
        "Postfix über seinen eigenen Resolver (ohne Remote-MTA im Bounce)",
    ),
    ("Postfix, sender verification", "Postfix, Prüfung des Absenders"),
    ("Postfix, status of the bounce", "Postfix, Status des Bounce"),
    ("Postfix, the MX host has no address", "Postfix, der MX-Host hat keine Adresse"),
    ("Postfix, the last error of the queue", "Postfix, der letzte Fehler der Warteschlange"),
    ("Postfix, the list program failed", "Postfix, das Listenprogramm scheiterte"),
    ("Postfix, the queue cannot be written", "Postfix, die Warteschlange ist nicht beschreibbar"),
    (
        "Postfix, the sender's domain has no MX and no address",
        "Postfix, die Domain des Absenders hat weder MX noch Adresse",
    ),
    ("RFC 7293, in other words", "RFC 7293, in anderen Worten"),
    ("Sendmail and others", "Sendmail und andere"),
    ("Sendmail with require_rdns", "Sendmail mit require_rdns"),
    ("Several servers", "Mehrere Server"),
    ("SparkPost, while it still retries", "SparkPost, solange es noch wiederholt"),
    ("The definition's own case", "Der Fall der Definition selbst"),
    (
        "The transient relative, which is not this reason",
        "Die vorübergehende Verwandte, die nicht dieser Grund ist",
    ),
    ("Yahoo, permanent", "Yahoo, dauerhaft"),
    ("Yahoo, temporary", "Yahoo, vorübergehend"),
    ("Yahoo, without an enhanced code", "Yahoo, ohne erweiterten Code"),
];

#[cfg(test)]
mod tests {
    use abprall_mail::Reason;
    use strum::IntoEnumIterator;

    use super::*;

    #[test]
    fn a_writer_that_is_no_product_has_a_german_name() {
        let english = [" a ", " and ", " the ", " of ", " with ", "other", "own ", "temporary", "permanent"];
        for wording in Reason::iter().flat_map(|reason| &reason.knowledge().wordings) {
            let name = writer(&wording.by, Language::De);
            let is_english = name.starts_with("A ") || english.iter().any(|word| name.contains(word));
            assert!(!is_english, "{name}");
        }
    }
}
