//! One failure, one count: a log line, a bounce message and a webhook about the same attempt are the same failure.

use abprall_bounce::{Kind, Report};

use crate::Day;

/// What makes a failure the same. Two reports that share one of these are about the same attempt.
///
/// Texts, so that a store can hash them as it likes; the recipient is part of each, so that one message to a thousand people is a
/// thousand failures.
pub fn failure_keys(report: &Report, day: Day) -> Vec<String> {
    let Some(recipient) = report.recipient.as_ref().or(report.original_recipient.as_ref()) else {
        return Vec::new();
    };
    let recipient = recipient.suppression_key();
    let recipient = recipient.as_str();
    // A message fails once; it may be late every day.
    let (kind, day) = match report.kind {
        Kind::Failed => ("failed", String::new()),
        Kind::Delayed => ("delayed", day.0.to_string()),
        Kind::Delivered => ("delivered", String::new()),
        Kind::Complaint => ("complaint", String::new()),
        Kind::Relayed
        | Kind::Expanded
        | Kind::AutoReply
        | Kind::Unsubscribe
        | Kind::Challenge
        | Kind::Other => {
            return Vec::new();
        }
    };
    let mut keys = Vec::with_capacity(2);
    if let Some(message) = &report.message_id {
        keys.push(format!("m {kind} {day} {} {recipient}", message.trim_matches(['<', '>', ' '])));
    }
    // A queue id is unique at one host and for some time only.
    if let (Some(queue), Some(host)) = (&report.queue_id, &report.reporting_mta) {
        keys.push(format!("q {kind} {day} {} {queue} {recipient}", host.to_ascii_lowercase()));
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(kind: Kind, recipient: &str, message: Option<&str>, queue: Option<&str>) -> Report {
        Report {
            kind,
            recipient: recipient.parse().ok(),
            message_id: message.map(str::to_owned),
            queue_id: queue.map(str::to_owned),
            reporting_mta: Some("MX.sender.example".into()),
            ..Report::default()
        }
    }

    fn same(one: &Report, other: &Report, days: (i64, i64)) -> bool {
        let keys = failure_keys(one, Day(days.0));
        failure_keys(other, Day(days.1)).iter().any(|key| keys.contains(key))
    }

    #[test]
    fn a_log_line_and_a_bounce_of_one_message_are_one_failure() {
        let log = report(Kind::Failed, "anna@example.com", None, Some("4ABC"));
        let both = report(Kind::Failed, "Anna@Example.com", Some("<1@x>"), Some("4ABC"));
        let webhook = report(Kind::Failed, "anna@example.com", Some("1@x"), None);
        assert!(same(&log, &both, (1, 2)) && same(&both, &webhook, (1, 1)));
        assert!(!same(&log, &webhook, (1, 1)));
    }

    #[test]
    fn other_recipients_messages_and_days_of_delay_are_others() {
        let one = report(Kind::Failed, "anna@example.com", Some("1@x"), None);
        assert!(!same(&one, &report(Kind::Failed, "bert@example.com", Some("1@x"), None), (1, 1)));
        assert!(!same(&one, &report(Kind::Failed, "anna@example.com", Some("2@x"), None), (1, 1)));
        let late = report(Kind::Delayed, "anna@example.com", Some("1@x"), None);
        assert!(!same(&one, &late, (1, 1)) && !same(&late, &late, (1, 2)) && same(&late, &late, (1, 1)));
    }

    #[test]
    fn without_an_id_nothing_is_fused() {
        assert!(failure_keys(&report(Kind::Failed, "anna@example.com", None, None), Day(1)).is_empty());
    }
}
