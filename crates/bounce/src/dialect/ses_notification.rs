//! Amazon SES notifications (SNS) that come by mail: JSON, often JSON inside a JSON string, and wrapped by mail on the way.

use abprall_mail::EmailAddress;

use super::Dialect;
use super::Place::{Sign, Text};
use crate::text::finding::Finding;
use crate::text::notice::Notice;
use crate::{Generator, Issuer, Kind, limits};

pub(super) const DIALECT: Dialect = Dialect {
    generator: Generator::new("amazonses"),
    marks: &[
        (Sign, "x-amz-sns-message-id:"),
        (Text, "notificationtype\\\":\\\"bounce"),
        (Text, "\"notificationtype\":\"bounce"),
        (Text, "\"notificationtype\":\"complaint"),
    ],
    read: Some(read),
    kind: None,
};

fn read(notice: &Notice<'_>) -> Vec<Finding> {
    // Inner JSON has its quotes escaped; one level less is enough to find names and values.
    let json: String =
        notice.lines.iter().flat_map(|line| line.text.chars()).filter(|c| *c != '\\').collect();
    let kind = match value(&json, "notificationType").or_else(|| value(&json, "eventType")) {
        Some("Complaint") => Kind::Complaint,
        Some("Delivery") => Kind::Delivered,
        Some("DeliveryDelay") => Kind::Delayed,
        Some("Bounce") => Kind::Failed,
        _ => return Vec::new(),
    };
    let list = ["bouncedRecipients", "complainedRecipients", "delayedRecipients", "recipients"]
        .iter()
        .find_map(|name| json.split_once(&format!("\"{name}\":[")))
        .map_or("", |(_, list)| list.split_once(']').map_or(list, |(list, _)| list));
    list.split('}')
        .take(limits::RECIPIENTS_MAX)
        .filter_map(|entry| {
            let address = value(entry, "emailAddress")
                .or_else(|| entry.trim_matches(['"', ',', ' ']).split('"').next())?;
            let mut finding = Finding::about(EmailAddress::parse_lenient(address).ok()?);
            finding.kind = Some(kind);
            let diagnostic = value(entry, "diagnosticCode").unwrap_or_default();
            finding.issuer = diagnostic.starts_with("smtp").then_some(Issuer::Remote);
            finding.reason =
                diagnostic.split_once(';').map_or(diagnostic, |(_, reply)| reply).trim().to_owned();
            finding.status = value(entry, "status").and_then(|status| status.parse().ok());
            Some(finding)
        })
        .collect()
}

/// The string that belongs to a name. Quotes inside a value end it: they lost their escape.
fn value<'a>(json: &'a str, name: &str) -> Option<&'a str> {
    let quoted = format!("\"{name}\"");
    let rest = json[json.find(&quoted)? + quoted.len()..]
        .trim_start()
        .strip_prefix(':')?
        .trim_start()
        .strip_prefix('"')?;
    let end = rest
        .match_indices('"')
        .map(|(at, _)| at)
        .find(|at| rest[at + 1..].trim_start().starts_with([',', '}', ']']) || rest[at + 1..].is_empty())?;
    Some(&rest[..end])
}

#[cfg(test)]
mod tests {
    use crate::text::rows_of;

    #[test]
    fn json_inside_json_is_read() {
        let mail = concat!(
            "x-amz-sns-message-id: 1\n",
            "Subject: AWS Notification Message\n",
            "\n",
            "{ \"Type\" : \"Notification\",\n",
            "\"Message\" : \"{\\\"notificationType\\\":\\\"Bounce\\\",\\\"bounce\\\":{\\\"bouncedRecipients\\\":[{\\\"emailAddress\\\":\\\"user@gone.example\\\",\\\"action\\\":\\\"failed\\\",\\\"status\\\":\\\"5.1.1\\\",\\\"diagnosticCode\\\":\\\"smtp; 550 5.1.1 user unknown\\\"}]}}\" }\n",
        );
        assert_eq!(rows_of(mail), ["failed user@gone.example 550 5.1.1 amazonses"]);
    }

    #[test]
    fn a_complaint_is_no_bounce() {
        let mail = concat!(
            "x-amz-sns-message-id: 1\n",
            "Subject: AWS Notification Message\n",
            "\n",
            "{\"notificationType\":\"Complaint\",\"complaint\":{\"complainedRecipients\":[{\"emailAddress\":\"user@gone.example\"}]}}\n",
        );
        assert_eq!(rows_of(mail), ["complaint user@gone.example - - amazonses"]);
    }
}
