//! Message disposition notifications (RFC 8098): read receipts, and the refusals that Sieve (RFC 5429 §2.2) sends in their form.

use crate::delivery_status::{one_space, parse_typed_address};
use crate::letter::{Body, Fields, LetterRef};
use crate::returned::{message_id, read_returned};
use crate::{Issuer, Kind, Phase, Report};

/// What an MDN says.
pub(crate) enum Receipt {
    /// The message was displayed, deleted unread, dispatched …: nothing failed.
    Read,
    /// The recipient's filter or server refused the message.
    Refused(Box<Report>),
}

/// Reads an MDN; `None` when the message is none.
pub(crate) fn read_receipt(letter: LetterRef<'_>) -> Option<Receipt> {
    let part = letter.parts().find(|part| {
        part.is("message/disposition-notification") || part.is("message/global-disposition-notification")
    })?;
    let (fields, _) = Fields::parse(part.bytes().trim_ascii_start());
    let disposition = fields.get("Disposition").unwrap_or_default().to_ascii_lowercase();
    let text = letter
        .parts()
        .find_map(|part| match part.body() {
            Body::Text(text) => Some(text),
            Body::Html(_) | Body::Other | Body::Message(_) => None,
        })
        .unwrap_or_default();
    let subject = letter.header("Subject").unwrap_or_default();
    if !is_refusal(&disposition, &subject, text) {
        return Some(Receipt::Read);
    }
    let recipient = fields.get("Final-Recipient").and_then(|v| parse_typed_address(&v));
    let original = fields.get("Original-Recipient").and_then(|v| parse_typed_address(&v));
    let returned = read_returned(letter).unwrap_or_default();
    Some(Receipt::Refused(Box::new(Report {
        kind: Kind::Failed,
        original_recipient: original.or_else(|| returned.single_recipient().cloned()),
        recipient,
        message_id: fields.get("Original-Message-ID").as_deref().and_then(message_id).or(returned.message_id),
        subject: returned.subject,
        sender: returned.return_path.or(returned.from),
        diagnostic: reason_in(text),
        reporting_mta: fields
            .get("Reporting-UA")
            .and_then(|v| crate::delivery_status::host_name(v.split(';').next()?)),
        issuer: Some(Issuer::Reporting),
        phase: Some(Phase::AfterDelivery),
        hops: returned.hops,
        ..Report::default()
    })))
}

/// `automatic-action/…; deleted` together with words of refusal, or one of the dispositions of RFC 2298 that mean it.
fn is_refusal(disposition: &str, subject: &str, text: &str) -> bool {
    let kind = disposition.split_once(';').map_or("", |(_, kind)| kind.trim());
    if kind.starts_with("denied") || kind.starts_with("failed") {
        return true;
    }
    // A person who deletes a message unread, or a program that does so, refuses nothing.
    let automatic = disposition.starts_with("automatic-action");
    let subject = subject.trim_start().to_ascii_lowercase();
    let text = text.get(..text.len().min(1000)).unwrap_or(text).to_ascii_lowercase();
    automatic
        && kind.starts_with("deleted")
        && (subject.starts_with("rejected")
            || [
                "automatically rejected",
                "was rejected",
                "has been rejected",
                "was refused",
                "has been refused",
            ]
            .iter()
            .any(|words| text.contains(words)))
}

/// What the recipient's filter said: the text after `… was automatically rejected:`, where that stands.
fn reason_in(text: &str) -> Option<String> {
    let reason = text
        .split_once("rejected:")
        .map(|(_, reason)| reason)
        .filter(|reason| !reason.trim().is_empty())
        .unwrap_or(text);
    let reason = one_space(reason);
    (!reason.is_empty()).then_some(reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::letter::Letter;

    fn read(subject: &str, text: &str, disposition: &str) -> Receipt {
        let mail = format!(
            "From: u@b.example\nSubject: {subject}\nContent-Type: multipart/report; report-type=disposition-notification; boundary=q\n\n\
             --q\n\n{text}\n--q\nContent-Type: message/disposition-notification\n\nFinal-Recipient: rfc822; u@b.example\n\
             Original-Message-ID: <1@a.example>\nDisposition: {disposition}\n--q--\n"
        );
        read_receipt(Letter::parse(mail.as_bytes()).unwrap().view()).unwrap()
    }

    #[test]
    fn a_read_receipt_is_no_failure() {
        for disposition in
            ["manual-action/MDN-sent-manually; displayed", "automatic-action/MDN-sent-automatically; deleted"]
        {
            assert!(matches!(read("Read: x", "It was displayed.", disposition), Receipt::Read));
        }
    }

    #[test]
    fn a_refusal_by_sieve_is_a_failure_with_its_words() {
        let refused = read(
            "Rejected: x",
            "Your message to <u@b.example> was automatically rejected:\nNot\ninterested.",
            "automatic-action/MDN-sent-automatically; deleted",
        );
        let Receipt::Refused(report) = refused else { panic!("read as receipt") };
        assert_eq!(report.diagnostic.as_deref(), Some("Not interested."));
        assert_eq!(report.recipient.unwrap().as_str(), "u@b.example");
        assert_eq!(report.message_id.as_deref(), Some("1@a.example"));
    }
}
