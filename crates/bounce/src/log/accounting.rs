//! PowerMTA accounting records: CSV with a header line, columns in any order and any number. The first column is the record's type.

use abprall_mail::{EmailAddress, EnhancedStatus, Reason};

use super::{Told, time};
use crate::attempt::{Attempt, message_id_of};
use crate::{Generator, Kind, Phase, ProviderClass, limits};

const GENERATOR: Generator = Generator::new("powermta");

/// Where each column stands, by its lower-case name.
pub(super) struct Columns {
    names: Vec<String>,
}

impl Columns {
    /// Whether a record is a header line.
    pub(super) fn of(record: &[String]) -> Option<Self> {
        let is_header = record.first().is_some_and(|name| name.trim().eq_ignore_ascii_case("type"))
            && record.iter().any(|name| name.trim().eq_ignore_ascii_case("rcpt"));
        let names = record.iter().take(limits::ACCOUNTING_COLUMNS_MAX);
        is_header.then(|| Self { names: names.map(|name| name.trim().to_ascii_lowercase()).collect() })
    }

    fn get<'a>(&self, record: &'a [String], name: &str) -> Option<&'a str> {
        let at = self.names.iter().position(|column| column == name)?;
        Some(record.get(at)?.trim()).filter(|value| !value.is_empty())
    }
}

pub(super) fn read(columns: &mut Option<Columns>, line: &str) -> Told {
    let Some(record) = record_of(line) else { return Told::Unreadable };
    if let Some(found) = Columns::of(&record) {
        *columns = Some(found);
        return Told::Nothing;
    }
    // Without a header nobody can tell what the columns are.
    let Some(columns) = columns else { return Told::Unreadable };
    let get = |name: &str| columns.get(&record, name);
    let kind = match get("type").unwrap_or_default() {
        "d" => Kind::Delivered,
        "b" | "rb" => Kind::Failed,
        "t" | "tq" => Kind::Delayed,
        "f" => Kind::Complaint,
        "rs" => match get("dsnaction") {
            Some("failed") => Kind::Failed,
            Some("delayed") => Kind::Delayed,
            Some("delivered") => Kind::Delivered,
            Some("relayed") => Kind::Relayed,
            _ => return Told::Nothing,
        },
        // `r` is received; others are told by no document.
        _ => return Told::Nothing,
    };
    let recipient = get("rcpt").and_then(|rcpt| EmailAddress::parse_lenient(rcpt).ok());
    let mut report = Attempt {
        kind,
        recipient,
        words: get("dsndiag").unwrap_or_default(),
        status: get("dsnstatus").and_then(status_of),
        remote: get("dsnmta").and_then(|mta| mta.split(' ').next()).filter(|mta| mta.contains('.')),
        generator: Some(GENERATOR),
        ..Attempt::default()
    }
    .report();
    report.original_recipient = get("orcpt").and_then(|orcpt| EmailAddress::parse_lenient(orcpt).ok());
    if report.recipient.is_none() && report.original_recipient.is_none() && kind != Kind::Complaint {
        return Told::Unreadable;
    }
    if record[0].starts_with('r') {
        report.phase = Some(Phase::AfterDelivery);
    }
    report.sender = get("orig").map(str::to_owned);
    report.envelope_id = get("envid").map(str::to_owned);
    report.message_id = get("header_message-id").and_then(message_id_of);
    report.last_attempt_at = get("timelogged").and_then(time::of_text);
    report.arrived_at = get("timequeued").and_then(time::of_text);
    report.provider_class = get("bouncecat").filter(|_| kind == Kind::Failed).and_then(class_of);
    Told::Reports(vec![report])
}

/// One line is one record: PowerMTA writes no line end inside of quotes.
fn record_of(line: &str) -> Option<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .buffer_capacity(line.len().max(64))
        .from_reader(line.as_bytes());
    let record = reader.records().next()?.ok()?;
    (record.len() <= limits::ACCOUNTING_COLUMNS_MAX).then(|| record.iter().map(str::to_owned).collect())
}

/// `5.1.1 (bad destination mailbox address)`.
fn status_of(text: &str) -> Option<EnhancedStatus> {
    text.split(' ').next()?.parse().ok()
}

/// PowerMTA's bounce categories.
fn class_of(word: &str) -> Option<ProviderClass> {
    match word {
        "bad-mailbox" => ProviderClass::clear(word, Reason::UserUnknown),
        "inactive-mailbox" => ProviderClass::clear(word, Reason::MailboxDisabled),
        "quota-issues" => ProviderClass::clear(word, Reason::MailboxFull),
        "bad-domain" => ProviderClass::clear(word, Reason::DomainNotFound),
        "routing-errors" => ProviderClass::broad(word, Reason::RoutingServerFailure),
        "no-answer-from-host" => ProviderClass::clear(word, Reason::HostUnreachable),
        "bad-connection" => ProviderClass::clear(word, Reason::ConnectionLost),
        "message-expired" => ProviderClass::clear(word, Reason::DeliveryExpired),
        "relaying-issues" => ProviderClass::clear(word, Reason::RelayDenied),
        "spam-related" => ProviderClass::clear(word, Reason::SpamContent),
        "virus-related" => ProviderClass::clear(word, Reason::VirusContent),
        "content-related" => ProviderClass::clear(word, Reason::ContentRejected),
        "policy-related" => ProviderClass::clear(word, Reason::PolicyRefused),
        "invalid-sender" => ProviderClass::clear(word, Reason::SenderRejected),
        "protocol-errors" => ProviderClass::clear(word, Reason::ProtocolError),
        "bad-configuration" => ProviderClass::broad(word, Reason::SystemError),
        word => ProviderClass::only_a_word(word),
    }
}
