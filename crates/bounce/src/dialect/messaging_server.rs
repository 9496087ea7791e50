//! Sun/iPlanet/Oracle Messaging Server and PMDF: labelled lines for each recipient.

use super::Dialect;
use super::Place::{Sign, Subject, Text};
use crate::text::finding::Finding;
use crate::text::notice::{Notice, after_ignoring_case};
use crate::text::reader;
use crate::{Generator, Issuer};

pub(super) const DIALECT: Dialect = Dialect {
    generator: Generator::new("messagingserver"),
    marks: &[
        (Text, "this report relates to a message you sent with the following header fields"),
        (Sign, "pmdf e-mail interconnect"),
        (Subject, "delivery notification: "),
    ],
    read: Some(read),
    kind: None,
};

fn read(notice: &Notice<'_>) -> Vec<Finding> {
    let mut findings = reader::read(notice);
    for finding in &mut findings {
        take_apart(finding);
    }
    findings
}

/// `Reason: … Diagnostic code: smtp;550 … Remote system: dns;mx.example (TCP|…)`.
fn take_apart(finding: &mut Finding) {
    let text = finding.reason.clone();
    let Some(reason) = after_ignoring_case(&text, "reason: ") else { return };
    let (reason, system) = halves(reason, "remote system: ");
    let (words, code) = halves(reason, "diagnostic code: ");
    if let Some(system) = system {
        let host = system.split_once(';').map_or(system, |(_, host)| host);
        let host = host.split([' ', '(']).next().unwrap_or_default();
        finding.host = host.contains('.').then(|| host.to_owned());
    }
    if let Some(code) = code {
        let (kind, reply) = code.split_once(';').unwrap_or(("", code));
        if kind.eq_ignore_ascii_case("smtp") {
            finding.issuer = Some(Issuer::Remote);
        }
        finding.reason = reply.trim().to_owned();
        finding.prose = words.trim().to_owned();
    } else {
        finding.reason = words.trim().to_owned();
    }
}

/// What stands before a label and after it.
fn halves<'a>(text: &'a str, label: &str) -> (&'a str, Option<&'a str>) {
    match after_ignoring_case(text, label) {
        Some(after) => (&text[..text.len() - after.len() - label.len()], Some(after)),
        None => (text, None),
    }
}

#[cfg(test)]
mod tests {
    use crate::text::rows_of;

    #[test]
    fn each_recipient_has_labelled_lines() {
        let mail = concat!(
            "From: postmaster@here.example\n",
            "Subject: Delivery Notification: Delivery has failed\n",
            "\n",
            "This report relates to a message you sent with the following header fields:\n",
            "\n",
            "  Message-id: <1@here.example>\n",
            "  Date: Thu, 29 Apr 2010 23:34:45 +0900\n",
            "  From: Me <me@here.example>\n",
            "  To: user@gone.example\n",
            "  Subject: Hi\n",
            "\n",
            "Your message cannot be delivered to the following recipients:\n",
            "\n",
            "  Recipient address: user@gone.example\n",
            "  Reason: Remote SMTP server has rejected address\n",
            "  Diagnostic code: smtp;550 5.1.1 <user@gone.example>... User Unknown\n",
            "  Remote system: dns;mx.gone.example (TCP|192.0.2.1|42|192.0.2.2|25) (mx.gone.example ESMTP SENDMAIL-VM)\n",
        );
        assert_eq!(rows_of(mail), ["failed user@gone.example 550 5.1.1 messagingserver"]);
    }
}
