//! Complaints: the Abuse Reporting Format (RFC 5965, RFC 6591) and what comes close to it.

use abprall_mail::EmailAddress;

use crate::letter::{Body, Fields, LetterRef, parse_date};
use crate::origin::{Origin, address_in};
use crate::returned::{Returned, returned};
use crate::{Generator, Kind, Report, limits};

/// Reads a complaint; `None` when the message is none.
pub(crate) fn read_feedback(letter: LetterRef<'_>, origin: &Origin<'_>) -> Option<Vec<Report>> {
    let is_feedback = |kind: &str| kind == "message/feedback-report" || kind == "message/feedback-report-arf";
    if !letter.parts().any(|part| is_feedback(part.kind())) && !has_complaint_subject(origin) {
        return None;
    }
    let mut fields = None;
    let mut original = None;
    for part in letter.parts() {
        if is_feedback(part.kind()) {
            fields = Some(Fields::parse(part.bytes().trim_ascii_start()).0);
        } else if original.is_none() {
            match part.body() {
                Body::Message(inner) => original = Some(returned(&inner.fields())),
                Body::Text(text) if part.is("text/rfc822-headers") => {
                    original = Some(returned(&Fields::parse(text.as_bytes()).0));
                }
                Body::Text(_) | Body::Html(_) | Body::Other => {}
            }
        }
    }
    let original = original.unwrap_or_default();
    match fields {
        Some(fields) => Some(reports(&fields, &original)),
        // Hotmail's JMRP: the complained-about message alone, marked.
        None if is_bare_complaint(letter, origin) => Some(vec![Report {
            kind: Kind::Complaint,
            recipient: original.to.first().cloned(),
            original_recipient: original.to.first().cloned(),
            generator: Some(Generator::new("microsoft")),
            ..about(&original)
        }]),
        None => None,
    }
}

fn is_bare_complaint(letter: LetterRef<'_>, origin: &Origin<'_>) -> bool {
    has_complaint_subject(origin)
        && letter.parts().any(|part| {
            matches!(part.body(), Body::Message(inner)
                if inner.header("X-HmXmrOriginalRecipient").is_some() || inner.header("X-Reporter-IP").is_some())
        })
}

fn has_complaint_subject(origin: &Origin<'_>) -> bool {
    const START: &str = "complaint about message from ";
    origin.subject.trim().get(..START.len()).is_some_and(|start| start.eq_ignore_ascii_case(START))
}

fn reports(fields: &Fields<'_>, original: &Returned) -> Vec<Report> {
    let kind = match fields.get("Feedback-Type").unwrap_or_default().trim().to_ascii_lowercase().as_str() {
        // RFC 6430: the reader says that it is no spam.
        "not-spam" => Kind::Other,
        "opt-out" | "opt-out-list" => Kind::Unsubscribe,
        _ => Kind::Complaint,
    };
    let mut recipients: Vec<EmailAddress> = Vec::new();
    for name in ["Original-Rcpt-To", "Removal-Recipient"] {
        for value in fields.all(name) {
            if let Some(address) = address_in(&value)
                && !recipients.contains(&address)
                && recipients.len() < limits::RECIPIENTS_MAX
            {
                recipients.push(address);
            }
        }
        if !recipients.is_empty() {
            break;
        }
    }
    if recipients.is_empty() {
        recipients.extend(original.to.first().cloned());
    }
    let sender =
        fields.get("Original-Mail-From").and_then(|value| address_in(&value)).map(|a| a.as_str().to_owned());
    let text = |name: &str| fields.get(name).map(|v| v.trim().to_owned()).filter(|v| !v.is_empty());
    let base = about(original);
    let report = Report {
        kind,
        sender: sender.or_else(|| base.sender.clone()),
        envelope_id: text("Original-Envelope-Id"),
        reporting_mta: text("Reporting-MTA").and_then(|v| crate::delivery_status::host_name(&v)),
        arrived_at: fields
            .get("Arrival-Date")
            .or_else(|| fields.get("Received-Date"))
            .and_then(|v| parse_date(&v)),
        diagnostic: text("Feedback-Type").map(|kind| match text("Auth-Failure") {
            Some(failure) => format!("Feedback-Type: {kind}; Auth-Failure: {failure}"),
            None => format!("Feedback-Type: {kind}"),
        }),
        ..base
    };
    if recipients.is_empty() {
        return vec![report];
    }
    recipients
        .into_iter()
        .map(|recipient| Report {
            original_recipient: Some(recipient.clone()),
            recipient: Some(recipient),
            ..report.clone()
        })
        .collect()
}

fn about(original: &Returned) -> Report {
    Report {
        message_id: original.message_id.clone(),
        subject: original.subject.clone(),
        sender: original.return_path.clone().or_else(|| original.from.clone()),
        hops: original.hops.clone(),
        ..Report::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::letter::Letter;

    fn read(kind: &str) -> Vec<Report> {
        let text = format!(
            "From: fbl@isp.example\nContent-Type: multipart/report; boundary=q\n\n--q\n\nhello\n--q\n\
             Content-Type: message/feedback-report\n\nFeedback-Type: {kind}\nOriginal-Rcpt-To: <a@b.example>\n\
             Original-Rcpt-To: c@b.example\nOriginal-Mail-From: <s@us.example>\n\n--q\nContent-Type: message/rfc822\n\n\
             From: news@us.example\nTo: z@b.example\nMessage-ID: <7@us.example>\n\nx\n--q--\n"
        );
        let letter = Letter::parse(text.as_bytes()).unwrap();
        read_feedback(letter.view(), &Origin::of(letter.view())).unwrap()
    }

    #[test]
    fn every_recipient_of_a_complaint_has_a_report() {
        let found = read("abuse");
        let names: Vec<_> =
            found.iter().filter_map(|r| r.recipient.as_ref()).map(EmailAddress::as_str).collect();
        assert_eq!(names, ["a@b.example", "c@b.example"]);
        assert!(
            found
                .iter()
                .all(|r| r.kind == Kind::Complaint && r.message_id.as_deref() == Some("7@us.example"))
        );
        assert_eq!(found[0].sender.as_deref(), Some("s@us.example"));
    }

    #[test]
    fn an_opt_out_is_no_complaint_and_not_spam_is_neither() {
        assert_eq!(read("opt-out")[0].kind, Kind::Unsubscribe);
        assert_eq!(read("not-spam")[0].kind, Kind::Other);
    }
}
