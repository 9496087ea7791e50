//! The machine-readable part of a delivery status notification (RFC 3464 §2, RFC 6533 §4), as MTAs really write it.

use std::borrow::Cow;
use std::sync::LazyLock;

use abprall_mail::{EnhancedStatus, StatusClass};
use memchr::memmem::Finder;

use crate::letter::{parse_date, unfold};
use crate::{Damage, Kind, Report, limits, reply};

mod address;
mod group;

pub(crate) use address::parse_typed_address;

use group::{Block, blocks};

/// What a delivery-status part says about one recipient, beyond what fits a [`Report`].
#[derive(Clone, Debug, Default)]
pub(crate) struct RecipientStatus {
    /// The report; its codes are still to be taken from the diagnostic.
    pub report: Report,
    /// The type before the `;` of Diagnostic-Code, lower case: `smtp`, `x-postfix`, `x-unix` …
    pub diagnostic_type: Option<String>,
    /// Whether there was an Action field that says something.
    pub has_action: bool,
    /// The software that is known by its own fields.
    pub author: Option<&'static str>,
}

impl RecipientStatus {
    /// Whether the human part could add no code, host or reason: recipient, Action, and a whole reply of a named server are here.
    pub fn says_everything(&self) -> bool {
        let report = &self.report;
        let reply = || report.diagnostic.as_deref().map(reply::parse).unwrap_or_default();
        self.has_action
            && report.recipient.is_some()
            && report.remote_mta.is_some()
            && report.reported_status.is_some()
            && self.diagnostic_type.as_deref() == Some("smtp")
            && {
                let reply = reply();
                reply.code.is_some() && reply.status.is_some_and(|status| status.detail() != 0)
            }
    }
}

/// Reads a delivery-status part: one entry for each recipient group, in order.
pub(crate) fn read_delivery_status(content: &[u8], damage: &mut Vec<Damage>) -> Vec<RecipientStatus> {
    let mut message = Report::default();
    let mut author = None;
    let mut found: Vec<RecipientStatus> = Vec::new();
    for block in blocks(content, damage) {
        take_message_fields(&block, &mut message);
        author = author.or_else(|| author_of(&block));
        if block.has_recipient() {
            if found.len() >= limits::RECIPIENTS_MAX {
                note(damage, Damage::TooManyRecipients);
                break;
            }
            found.push(recipient_status(&block, damage));
        } else if let Some(last) = found.last_mut() {
            // An empty line within a group: the rest belongs to the recipient before it, where that one lacks it.
            complete(last, &recipient_status(&block, &mut Vec::new()));
        } else if block.get("action").is_some() || block.get("diagnostic-code").is_some() {
            // A group without any recipient: the human part or the returned message may know it.
            note(damage, Damage::BadStatusFields);
            found.push(recipient_status(&block, &mut Vec::new()));
        }
    }
    for status in &mut found {
        status.author = author;
        let report = &mut status.report;
        report.reporting_mta.clone_from(&message.reporting_mta);
        report.received_from_mta.clone_from(&message.received_from_mta);
        report.envelope_id.clone_from(&message.envelope_id);
        report.queue_id.clone_from(&message.queue_id);
        report.sender.clone_from(&message.sender);
        report.arrived_at = message.arrived_at;
    }
    found
}

/// Whether a part that is not labelled so holds delivery-status fields: Action and a recipient, or a Reporting-MTA, at its start.
pub(crate) fn looks_like_delivery_status(content: &[u8]) -> bool {
    static RECIPIENT: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("ecipient:"));
    let start = &content[..content.len().min(4096)];
    if RECIPIENT.find(start).is_none() {
        return false;
    }
    let has = |name: &[u8]| {
        let mut rest = start;
        while let Some(at) = memchr::memmem::find(rest, &name[1..]) {
            let line_start = at == 0
                || (at == 1 && rest[0].eq_ignore_ascii_case(&name[0]))
                || at >= 2 && rest[at - 2] == b'\n' && rest[at - 1].eq_ignore_ascii_case(&name[0]);
            if line_start {
                return true;
            }
            rest = &rest[at + 1..];
        }
        false
    };
    let recipient = has(b"Final-Recipient:") || has(b"final-recipient:") || has(b"Original-Recipient:");
    let action = has(b"Action:") || has(b"Status:") || has(b"Diagnostic-Code:");
    let first = start.trim_ascii_start();
    let starts =
        [b"Reporting-MTA:".as_slice(), b"Final-Recipient:", b"Original-Envelope-Id:", b"Arrival-Date:"]
            .iter()
            .any(|name| first.get(..name.len()).is_some_and(|f| f.eq_ignore_ascii_case(name)));
    recipient && action && (starts || has(b"Reporting-MTA:"))
}

fn note(damage: &mut Vec<Damage>, what: Damage) {
    if !damage.contains(&what) {
        damage.push(what);
    }
}

fn take_message_fields(block: &Block<'_>, message: &mut Report) {
    let fill = |slot: &mut Option<String>, value: Option<String>| {
        if slot.is_none() {
            *slot = value;
        }
    };
    fill(&mut message.reporting_mta, block.get("reporting-mta").and_then(|v| host_name(&v)));
    fill(&mut message.received_from_mta, block.get("received-from-mta").and_then(|v| host_name(&v)));
    let envelope_id =
        block.get("original-envelope-id").map(|v| v.trim().to_owned()).filter(|v| !v.is_empty());
    fill(&mut message.envelope_id, envelope_id);
    let queue_id = block.get_own("-queue-id").or_else(|| block.get_own("-queueid"));
    fill(&mut message.queue_id, queue_id.map(|v| v.trim().to_owned()).filter(|v| !v.is_empty()));
    let sender = block.get_own("-sender").and_then(|v| parse_typed_address(&v));
    fill(&mut message.sender, sender.map(|address| address.as_str().to_owned()));
    if message.arrived_at.is_none() {
        message.arrived_at = block.get("arrival-date").and_then(|v| parse_date(&v));
    }
}

/// The software that signs its fields. Postfix names them after its `mail_name`: `X-Postfix-Queue-ID`, `X-Outbound-Mail-Relay-Queue-ID`.
fn author_of(block: &Block<'_>) -> Option<&'static str> {
    if block.has_prefix("x-powermta-") {
        Some("powermta")
    } else if block.has_prefix("x-sendgrid-") {
        Some("sendgrid")
    } else if block.get_own("-queue-id").is_some() && block.get_own("-sender").is_some() {
        Some("postfix")
    } else if block.get("x-display-name").is_some() || block.has_prefix("x-microsoft-exchange-") {
        Some("exchange")
    } else if block.get("reporting-mta").is_some_and(|v| v.contains('(') && v.trim_end().ends_with(')')) {
        // A channel beside the host: `dns;mx.example (tcp-daemon)`.
        Some("messagingserver")
    } else {
        None
    }
}

fn recipient_status(block: &Block<'_>, damage: &mut Vec<Damage>) -> RecipientStatus {
    let final_recipient = block.get("final-recipient").map(|v| (parse_typed_address(&v), v));
    if let Some((None, _)) = &final_recipient {
        note(damage, Damage::BadAddress);
    }
    let original = block.get("original-recipient").and_then(|v| parse_typed_address(&v));
    let actual = block.get("x-actual-recipient").and_then(|v| parse_typed_address(&v));
    let recipient = final_recipient.and_then(|(address, _)| address).or(actual).or_else(|| original.clone());

    let status_text = block.get("status").unwrap_or_default();
    let status = status_in(&status_text);
    let (diagnostic_type, mut diagnostic) = match block.get("diagnostic-code") {
        Some(text) => typed(&text),
        None => (None, None),
    };
    if diagnostic.is_none() {
        // Haraka and Courier put the reason into a comment of Status.
        diagnostic = comment_of(&status_text).filter(|comment| *comment != "permanent failure");
    }
    let action = block.get("action").and_then(|v| kind_of_action(&v));
    let retry_until = block.get("will-retry-until").and_then(|v| parse_date(&v));
    let kind = action.unwrap_or_else(|| {
        note(damage, Damage::BadStatusFields);
        match status.map(EnhancedStatus::class) {
            Some(StatusClass::Success) => Kind::Delivered,
            Some(StatusClass::Transient) if retry_until.is_some() => Kind::Delayed,
            Some(StatusClass::Transient | StatusClass::Permanent) | None => Kind::Failed,
        }
    });
    RecipientStatus {
        report: Report {
            kind,
            recipient,
            original_recipient: original,
            reported_status: status,
            diagnostic,
            remote_mta: block.get("remote-mta").and_then(|v| host_name(&v)),
            last_attempt_at: block.get("last-attempt-date").and_then(|v| parse_date(&v)),
            retry_until,
            ..Report::default()
        },
        diagnostic_type,
        has_action: action.is_some(),
        author: None,
    }
}

fn complete(status: &mut RecipientStatus, rest: &RecipientStatus) {
    if !status.has_action && rest.has_action {
        status.report.kind = rest.report.kind;
        status.has_action = true;
    }
    let (report, more) = (&mut status.report, &rest.report);
    report.reported_status = report.reported_status.or(more.reported_status);
    report.last_attempt_at = report.last_attempt_at.or(more.last_attempt_at);
    report.retry_until = report.retry_until.or(more.retry_until);
    if report.diagnostic.is_none() {
        report.diagnostic.clone_from(&more.diagnostic);
        status.diagnostic_type.clone_from(&rest.diagnostic_type);
    }
    if report.remote_mta.is_none() {
        report.remote_mta.clone_from(&more.remote_mta);
    }
}

/// Action (RFC 3464 §2.3.3); what follows the word is a comment.
fn kind_of_action(text: &str) -> Option<Kind> {
    let word: String =
        text.trim().chars().take_while(char::is_ascii_alphabetic).map(|c| c.to_ascii_lowercase()).collect();
    match word.as_str() {
        "failed" | "failure" | "fail" => Some(Kind::Failed),
        "delayed" | "delay" => Some(Kind::Delayed),
        "delivered" | "deliverable" => Some(Kind::Delivered),
        "relayed" => Some(Kind::Relayed),
        "expanded" => Some(Kind::Expanded),
        _ => None,
    }
}

/// The first enhanced status code of a Status field: `5.1.2 (550 …)`, `550 5.1.1`.
fn status_in(text: &str) -> Option<EnhancedStatus> {
    let text = text.as_bytes();
    (0..text.len().min(32))
        .filter(|&at| at == 0 || !(text[at - 1].is_ascii_alphanumeric() || text[at - 1] == b'.'))
        .find_map(|at| EnhancedStatus::at_start_of(&text[at..]).map(|(status, _)| status))
}

fn comment_of(text: &str) -> Option<String> {
    let comment = text.get(text.find('(')? + 1..)?.trim().trim_end_matches(')').trim();
    (!comment.is_empty()).then(|| one_space(comment))
}

/// `type; value` (RFC 3464 §2.1.2); the type in lower case.
fn typed(text: &str) -> (Option<String>, Option<String>) {
    let (kind, value) = match text.split_once(';') {
        Some((kind, value)) if is_type(kind) => (Some(kind.trim().to_ascii_lowercase()), value),
        _ => (None, text),
    };
    let value = one_space(value);
    (kind, (!value.is_empty()).then_some(value))
}

fn is_type(text: &str) -> bool {
    let text = text.trim();
    !text.is_empty() && text.len() <= 24 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
        // A reply code before a semicolon is no type.
        && !text.bytes().all(|b| b.is_ascii_digit())
}

/// White space single, cut at the limit.
pub(crate) fn one_space(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(limits::DIAGNOSTIC_BYTES_MAX));
    for word in text.split_whitespace() {
        let space = if out.is_empty() { "" } else { " " };
        if out.len() + space.len() + word.len() > limits::DIAGNOSTIC_BYTES_MAX {
            break;
        }
        out.push_str(space);
        out.push_str(word);
    }
    out
}

/// The host of an MTA field: without `dns;`, comment, brackets and final dot; lower case.
pub(crate) fn host_name(text: &str) -> Option<String> {
    let text = match text.split_once(';') {
        Some((kind, value)) if is_type(kind) => value,
        _ => text,
    };
    let word = text.split([' ', '\t', '(', ',', ';']).find(|word| !word.is_empty())?;
    let word = word.trim_matches(['<', '>', '"', '\'']);
    let word = word.strip_prefix('[').and_then(|w| w.split(']').next()).unwrap_or(word);
    let word = word.trim_end_matches('.');
    (!word.is_empty()).then(|| word.to_lowercase())
}

/// A field's value on one line.
fn value_of(bytes: &[u8]) -> Cow<'_, str> {
    unfold(&bytes[..bytes.len().min(limits::FIELD_BYTES_MAX)])
}

#[cfg(test)]
mod tests {
    use abprall_mail::EmailAddress;

    use super::*;

    #[test]
    fn words_are_cut_at_the_limit_with_the_space_between_them_counted() {
        let half = "x".repeat(limits::DIAGNOSTIC_BYTES_MAX / 2);
        assert_eq!(one_space(&format!("{half} \n{half}")), half);
        assert_eq!(one_space(&format!("{half}  {}", &half[1..])).len(), limits::DIAGNOSTIC_BYTES_MAX);
    }

    fn address(text: &str) -> Option<EmailAddress> {
        parse_typed_address(text)
    }

    fn read(text: &str) -> Vec<RecipientStatus> {
        read_delivery_status(text.as_bytes(), &mut Vec::new())
    }

    fn recipients(found: &[RecipientStatus]) -> Vec<&str> {
        found.iter().map(|s| s.report.recipient.as_ref().map_or("-", EmailAddress::as_str)).collect()
    }

    #[test]
    fn every_group_becomes_a_report() {
        let found = read(
            "Reporting-MTA: dns; mx.example.\nX-Postfix-Queue-ID: 4AB\nArrival-Date: Thu, 29 Apr 2010 23:34:45 +0900 (JST)\n\n\
             Final-Recipient: rfc822; a@b.example\nOriginal-Recipient: rfc822;c@d.example\nAction: failed\nStatus: 5.1.1\n\
             Remote-MTA: dns; mx.b.example (192.0.2.1, the server)\nDiagnostic-Code: smtp; 550-5.1.1 no\n  550 5.1.1 such user\n\n\
             final-recipient: RFC822;<e@f.example>\naction: delayed\nstatus: 4.4.1\nwill-retry-until: Fri, 30 Apr 2010 00:00:00 GMT\n",
        );
        assert_eq!(recipients(&found), ["a@b.example", "e@f.example"]);
        let first = &found[0].report;
        assert_eq!(first.reporting_mta.as_deref(), Some("mx.example"));
        assert_eq!(first.queue_id.as_deref(), Some("4AB"));
        assert_eq!(first.remote_mta.as_deref(), Some("mx.b.example"));
        assert_eq!(first.diagnostic.as_deref(), Some("550-5.1.1 no 550 5.1.1 such user"));
        assert_eq!(first.original_recipient, address("c@d.example"));
        assert_eq!(found[1].report.kind, Kind::Delayed);
        assert!(found[1].report.retry_until.is_some());
    }

    #[test]
    fn groups_without_empty_lines_between_them_are_told_apart() {
        let found = read(
            "Reporting-MTA: dns; x\nFinal-Recipient: rfc822; a@b.example\nAction: failed\nStatus: 5.1.1\n\
             Final-Recipient: rfc822; c@b.example\nAction: delayed\nStatus: 4.1.1\n",
        );
        assert_eq!(recipients(&found), ["a@b.example", "c@b.example"]);
        assert_eq!(found[1].report.kind, Kind::Delayed);
    }

    #[test]
    fn an_empty_line_within_a_group_does_not_split_it() {
        let found =
            read("Reporting-MTA: x\n\nFinal-Recipient: a@b.example\n\nAction: failed\nStatus: 5.2.2\n\n\n");
        assert_eq!(recipients(&found), ["a@b.example"]);
        assert_eq!(found[0].report.reported_status, "5.2.2".parse().ok());
    }

    #[test]
    fn a_comment_in_status_is_the_reason_when_there_is_no_other() {
        let found = read(
            "Final-Recipient: rfc822;a@b.example\nAction: failed\nStatus: 5.1.2 (550 Tried all MXs b.example)\n",
        );
        assert_eq!(found[0].report.diagnostic.as_deref(), Some("550 Tried all MXs b.example"));
    }

    #[test]
    fn a_missing_action_is_taken_from_the_status() {
        let found = read("Final-Recipient: rfc822;a@b.example\nStatus: 2.0.0\n");
        assert_eq!(found[0].report.kind, Kind::Delivered);
        let found = read("Final-Recipient: rfc822;a@b.example\nAction: ???\nStatus: 5.0.0\n");
        assert_eq!(found[0].report.kind, Kind::Failed);
    }

    #[test]
    fn utf8_addresses_are_read_in_all_their_spellings() {
        for text in [
            "utf-8; \\x{3B4}@b.example",
            "utf-8;δ@b.example",
            "rfc822;δ@b.example",
            "rfc822; <δ@b.example>",
            "UTF-8; +CE+B4@b.example",
        ] {
            assert_eq!(address(text).unwrap().as_str(), "δ@b.example", "{text}");
        }
    }

    #[test]
    fn hosts_are_read_without_their_decoration() {
        for (text, host) in [
            ("dns; MX.example.", "mx.example"),
            ("192.0.2.1", "192.0.2.1"),
            ("dns; [192.0.2.1]", "192.0.2.1"),
            ("dns;mx.example (TCP|192.0.2.1|25)", "mx.example"),
            ("dns; mx.example [192.0.2.1]", "mx.example"),
        ] {
            assert_eq!(host_name(text).as_deref(), Some(host));
        }
        assert_eq!(host_name("dns; "), None);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..400)) {
            read_delivery_status(&bytes, &mut Vec::new());
            looks_like_delivery_status(&bytes);
        }

        #[test]
        fn any_fields_are_read_without_panic(text in "((Final-Recipient|Action|Status|Diagnostic-Code|X)(:|: |;)[ -~é;<>@\\\\{}+]{0,20}\r?\n){0,12}") {
            read(&text);
        }
    }
}
