//! From the words of a service to ours. One rule stands above: nobody is stopped for a fault of the sender or of the message.

use abprall_mail::{Domain, EmailAddress, Party, Reason};
use abprall_policy::Stop;
use abprall_store::Audience;

use super::dialect::without_name;
use super::entry::{Item, Listed, ListedSubject, NotAStop, Problem};
use super::format::Format;
use super::limits::{NOTE_CHARS_MAX, SHOWN_CHARS_MAX};
use super::read::Defaults;
use super::row::Row;
use super::times;
use super::words::{Word, word};

/// The key that Abprall's own columns go by when a service keeps them for us (listmonk's attributes).
const OWN: &str = "abprall";

/// What a row of a list of this format means.
pub(crate) fn item(format: Format, row: &Row<'_>, line: u64, defaults: &Defaults<'_>) -> Item {
    let subject = match subject(format, row) {
        Ok(subject) => subject,
        Err(problem) => return Item::Bad { line, text: shown(row), problem },
    };
    let said = said(format, row, defaults);
    let (stop, reason, words) = match said {
        Said::Stop(stop, reason, words) => (stop, reason, words),
        Said::Other(why) => return Item::Other { line, why },
        Said::Bad(problem) => return Item::Bad { line, text: shown(row), problem },
    };
    let own = |name: &str| if format == Format::Listmonk { listmonk_own(row, name) } else { None };
    let time = |name: &str, keys: &[&str]| match own(name)
        .as_deref()
        .or(row.first(keys))
        .map(|text| times::read(text).ok_or(Problem::BadTime))
    {
        None => Ok(None),
        Some(Ok(at)) => Ok(Some(at)),
        Some(Err(problem)) => Err(problem),
    };
    let (since, until) = match (time("since", since_keys(format)), time("until", until_keys(format))) {
        (Ok(since), Ok(until)) => (since, until),
        (Err(problem), _) | (_, Err(problem)) => return Item::Bad { line, text: shown(row), problem },
    };
    let note = words.map(|words| words.chars().take(NOTE_CHARS_MAX).collect());
    Item::Stop(Listed { line, subject, stop, reason, since, until, audience: audience(format, row), note })
}

enum Said {
    Stop(Stop, Reason, Option<String>),
    Other(NotAStop),
    Bad(Problem),
}

fn subject(format: Format, row: &Row<'_>) -> Result<ListedSubject, Problem> {
    let keys: &[&str] = match format {
        Format::Ses | Format::Postmark | Format::Mailchimp => &["emailaddress", "email", "recipient"],
        Format::Sendgrid | Format::Brevo | Format::Listmonk => &["email", "emailaddress"],
        Format::Mailgun => &["address", "email"],
        Format::Sparkpost => &["recipient", "email"],
        Format::Csv | Format::Plain => {
            &["address", "email", "emailaddress", "recipient", "mail", "domain", "subject"]
        }
    };
    let text = match row.first(keys) {
        Some(text) => text,
        // A table with names of its own: the one value that is an address.
        None if format == Format::Csv => {
            row.values().find(|value| value.contains('@')).ok_or(Problem::NoAddress)?
        }
        None => return Err(Problem::NoAddress),
    };
    read_subject(text)
}

/// Reads an address, also one with a name before it; without an `@`, or with nothing before it, a domain.
pub(crate) fn read_subject(text: &str) -> Result<ListedSubject, Problem> {
    let text = text.trim();
    let inner = without_name(text);
    if inner.contains('@') && !inner.starts_with('@') {
        return EmailAddress::parse_lenient(inner)
            .map(ListedSubject::Address)
            .map_err(|_| Problem::BadAddress);
    }
    let name = inner.trim_start_matches("*@").trim_start_matches('@');
    match Domain::parse(name) {
        // A single word is a typing mistake, no domain that takes mail.
        Ok(domain) if domain.as_str().contains('.') => Ok(ListedSubject::Domain(domain)),
        _ if text.is_empty() => Err(Problem::NoAddress),
        _ => Err(Problem::BadAddress),
    }
}

/// Whose mail a stop is about. Only where the file is Abprall's own: other tables mean something else by these words.
fn audience(format: Format, row: &Row<'_>) -> Audience {
    let is_own = format == Format::Csv && ["state", "scope", "decision"].iter().all(|key| row.has(key));
    let named = |key: &str| row.value(key).filter(|_| is_own).map(str::to_owned);
    Audience { tenant: named("tenant"), list: named("list") }
}

fn since_keys(format: Format) -> &'static [&'static str] {
    match format {
        Format::Ses => &["lastupdatetime", "lastupdated", "lastupdatedtime"],
        Format::Sendgrid => &["created", "createdat"],
        Format::Mailgun => &["createdat"],
        Format::Postmark => &["createdat", "changedat"],
        Format::Sparkpost => &["created", "updated"],
        Format::Brevo => &["blockedat", "blockedon"],
        Format::Mailchimp => &["cleantime", "unsubtime"],
        Format::Listmonk => &["updatedat", "createdat"],
        Format::Csv => &["since", "created", "createdat"],
        Format::Plain => &[],
    }
}

fn until_keys(format: Format) -> &'static [&'static str] {
    match format {
        Format::Csv => &["until"],
        Format::Ses
        | Format::Sendgrid
        | Format::Mailgun
        | Format::Postmark
        | Format::Sparkpost
        | Format::Brevo
        | Format::Mailchimp
        | Format::Listmonk
        | Format::Plain => &[],
    }
}

fn said(format: Format, row: &Row<'_>, defaults: &Defaults<'_>) -> Said {
    match format {
        Format::Ses => of_word(row.value("reason"), None, defaults),
        Format::Postmark => of_word(row.first(&["suppressionreason", "type"]), None, defaults),
        Format::Brevo => of_word(row.first(&["reasoncode", "reason"]), row.value("reasonmessage"), defaults),
        Format::Sendgrid => match (row.value("status"), row.value("reason")) {
            (None, None) if row.has("ip") => stop(Reason::Complaint, None),
            (None, None) => stop(Reason::Unsubscribe, None),
            (status, Some(reason)) => of_reply(status, reason, defaults),
            (Some(status), None) => of_reply(None, status, defaults),
        },
        Format::Mailgun => match (row.value("code"), row.value("error")) {
            // Mailgun's own numbers for addresses that are on its lists already.
            (Some("605"), error) => stop(defaults.hard, error),
            (Some("606"), error) => stop(Reason::Unsubscribe, error),
            (Some("607"), error) => stop(Reason::Complaint, error),
            (code, Some(error)) => of_reply(code, error, defaults),
            (Some(code), None) => of_reply(None, code, defaults),
            (None, None) if row.has("code") || row.has("error") => stop(defaults.hard, None),
            (None, None) if row.has("tags") || row.has("tag") => stop(Reason::Unsubscribe, None),
            (None, None) => stop(Reason::Complaint, None),
        },
        Format::Sparkpost => {
            let (source, text) = (row.value("source"), row.value("description"));
            let known = source.and_then(word).or_else(|| text.and_then(word));
            match (known, row.value("type")) {
                (Some(known), _) => of_known(known, text.or(source), defaults),
                // Out of campaigns only: somebody's wish.
                (None, Some("non_transactional")) if !text.is_some_and(says_why) => {
                    stop(Reason::Unsubscribe, text)
                }
                (None, _) => match text {
                    Some(text) => of_reply(None, text, defaults),
                    None => stop(defaults.hard, None),
                },
            }
        }
        Format::Mailchimp => match (row.value("cleantime"), row.value("unsubtime")) {
            (Some(_), _) => stop(defaults.hard, row.value("cleancampaigntitle")),
            (None, Some(_)) => match row.value("unsubreason") {
                Some(why) if word(why) == Some(Word::Complaint) => stop(Reason::Complaint, Some(why)),
                why => stop(Reason::Unsubscribe, why),
            },
            // The header says which of the three files it is, even where a time is missing.
            (None, None) if row.has("cleantime") != row.has("unsubtime") => {
                stop(if row.has("cleantime") { defaults.hard } else { Reason::Unsubscribe }, None)
            }
            (None, None) => Said::Other(NotAStop::Subscribed),
        },
        Format::Listmonk => match (row.value("status"), listmonk_stop(row)) {
            (_, Some((own_stop, reason))) => Said::Stop(own_stop, reason, None),
            (Some(status), None) if word(status) == Some(Word::Subscribed) => {
                Said::Other(NotAStop::Subscribed)
            }
            (Some(status), None) => of_word(Some(status), None, defaults),
            (None, None) => stop(Reason::Unsubscribe, None),
        },
        Format::Csv => own_row(row, defaults),
        Format::Plain => stop(defaults.reason, None),
    }
}

/// What Abprall has written into listmonk's attributes: as keys of JSON, or as JSON in a column.
fn listmonk_own(row: &Row<'_>, name: &str) -> Option<String> {
    for attributes in ["attribs", "attributes"] {
        if let Some(value) = row.value(&format!("{attributes}{OWN}{name}")) {
            return Some(value.to_owned());
        }
    }
    let attributes = row.first(&["attributes", "attribs"]).filter(|text| text.contains(OWN))?;
    let value: serde_json::Value = serde_json::from_str(attributes).ok()?;
    Some(value.get(OWN)?.get(name)?.as_str()?.to_owned())
}

fn listmonk_stop(row: &Row<'_>) -> Option<(Stop, Reason)> {
    Some((state_stop(&listmonk_own(row, "state")?)?, listmonk_own(row, "reason")?.parse().ok()?))
}

fn state_stop(state: &str) -> Option<Stop> {
    match state {
        "held" => Some(Stop::Hold),
        "suppressed" => Some(Stop::Suppression),
        _ => None,
    }
}

fn own_row(row: &Row<'_>, defaults: &Defaults<'_>) -> Said {
    let reason = row.first(&["reason", "type", "status", "why"]);
    let own = reason.and_then(|reason| reason.parse::<Reason>().ok());
    match (row.value("state").map(|state| (state, state_stop(state))), own) {
        (Some(("ok", _)), _) => Said::Other(NotAStop::Subscribed),
        // Abprall's own file: taken at its word.
        (Some((_, Some(stop))), Some(reason)) => Said::Stop(stop, reason, None),
        (_, Some(reason)) => of_reason(reason, None, defaults),
        (_, None) => match reason {
            None => stop(defaults.reason, None),
            Some(text) if word(text).is_none() && looks_like_reply(text) => of_reply(None, text, defaults),
            // A column of somebody's own, with words of his own: the list is one of people not to write to, whatever they say.
            Some(text) => match word(text) {
                Some(known) => of_known(known, Some(text), defaults),
                None => stop(defaults.reason, Some(text)),
            },
        },
    }
}

fn of_word(said: Option<&str>, more: Option<&str>, defaults: &Defaults<'_>) -> Said {
    let Some(said) = said else { return stop(defaults.hard, more) };
    match (word(said), said.parse::<Reason>()) {
        (Some(known), _) => of_known(known, more.or(Some(said)), defaults),
        (None, Ok(reason)) => of_reason(reason, more, defaults),
        (None, Err(_)) if looks_like_reply(said) => of_reply(None, said, defaults),
        (None, Err(_)) => Said::Bad(Problem::UnknownReason),
    }
}

fn of_known(known: Word, words: Option<&str>, defaults: &Defaults<'_>) -> Said {
    match known {
        Word::HardBounce => stop(defaults.hard, words),
        Word::Invalid => stop(Reason::AddressInvalid, words),
        Word::Complaint => stop(Reason::Complaint, words),
        Word::Unsubscribe => stop(Reason::Unsubscribe, words),
        Word::SoftBounce => Said::Other(NotAStop::Transient),
        Word::Block => Said::Other(NotAStop::SendersSide),
        Word::Subscribed => Said::Other(NotAStop::Subscribed),
    }
}

/// The text of a reply is read as a bounce is.
fn of_reply(code: Option<&str>, text: &str, defaults: &Defaults<'_>) -> Said {
    if let Some(known) = word(text) {
        return of_known(known, Some(text), defaults);
    }
    if let Ok(reason) = text.trim().parse::<Reason>() {
        return of_reason(reason, None, defaults);
    }
    let reply = match code {
        Some(code) if !text.trim_start().starts_with(code) => format!("{code} {text}"),
        _ => text.to_owned(),
    };
    match (defaults.classify)(&reply) {
        Some(reason) => of_reason(reason, Some(&reply), defaults),
        None => stop(defaults.hard, Some(&reply)),
    }
}

fn of_reason(reason: Reason, words: Option<&str>, defaults: &Defaults<'_>) -> Said {
    match reason.party() {
        Party::Recipient => stop(reason, words),
        // As everywhere: what the domain or the way is to blame for can come back.
        Party::RecipientDomain | Party::Route | Party::Receiver => {
            Said::Stop(Stop::Hold, reason, words.map(str::to_owned))
        }
        Party::Sender | Party::Message => Said::Other(NotAStop::SendersSide),
        Party::OwnSystem | Party::Unknown => stop(defaults.hard, words),
        Party::None => match reason {
            Reason::Complaint | Reason::Unsubscribe => stop(reason, words),
            _ => Said::Other(NotAStop::Subscribed),
        },
    }
}

fn stop(reason: Reason, words: Option<&str>) -> Said {
    Said::Stop(Stop::Suppression, reason, words.map(str::to_owned))
}

/// A reply, or a reason of ours.
fn says_why(text: &str) -> bool {
    looks_like_reply(text) || text.trim().parse::<Reason>().is_ok()
}

/// A reply code, or a status code, somewhere: more than a word of a list.
fn looks_like_reply(text: &str) -> bool {
    text.contains(' ') && text.bytes().any(|byte| byte.is_ascii_digit())
}

/// A row as it is shown among the bad lines.
fn shown(row: &Row<'_>) -> String {
    let text = row.values().filter(|value| !value.is_empty()).collect::<Vec<_>>().join(", ");
    shortened(&text)
}

pub(crate) fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(SHOWN_CHARS_MAX).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}
