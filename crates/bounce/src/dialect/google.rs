//! Gmail, Google Workspace and Google Groups, in any language: `X-Failed-Recipients` names the recipient, the text the reason.

use super::Dialect;
use super::Place::{Sign, Text};
use crate::text::finding::Finding;
use crate::text::notice::Notice;
use crate::text::{nameless, reader};
use crate::{Generator, Kind};

pub(super) const GROUPS: Dialect = Dialect {
    generator: Generator::new("googlegroups"),
    marks: &[(Text, "https://groups.google.com/support"), (Text, "support.google.com/a/answer/168383")],
    read: Some(read),
    kind: Some(Kind::Failed),
};

pub(super) const GMAIL: Dialect = Dialect {
    generator: Generator::new("gmail"),
    marks: &[(Sign, "<mailer-daemon@googlemail.com>"), (Sign, "<mailer-daemon@google.com>")],
    read: Some(read),
    kind: None,
};

fn read(notice: &Notice<'_>) -> Vec<Finding> {
    let mut findings = find(notice);
    for finding in &mut findings {
        // "was: 550 550 5.1.1 …": Google puts the code before the whole reply.
        if finding.reason.len() > 4
            && finding.reason.is_char_boundary(4)
            && let (code, reply) = finding.reason.split_at(4)
            && code.ends_with(' ')
            && reply.starts_with(code)
        {
            finding.reason = reply.to_owned();
        }
    }
    findings
}

fn find(notice: &Notice<'_>) -> Vec<Finding> {
    let failed = notice.failed_recipients();
    if failed.is_empty() {
        return reader::read(notice);
    }
    let mut found = reader::read(notice);
    let words = found
        .iter()
        .position(|finding| finding.recipient.as_ref().is_some_and(|address| failed.contains(address)))
        .map(|at| found.swap_remove(at))
        .filter(|finding| !finding.reason.is_empty())
        .or_else(|| nameless(notice))
        .unwrap_or_default();
    failed.into_iter().map(|address| Finding { recipient: Some(address), ..words.clone() }).collect()
}

#[cfg(test)]
mod tests {
    use crate::text::rows_of;

    #[test]
    fn the_reply_stands_below_the_page() {
        let mail = concat!(
            "From: Mail Delivery Subsystem <mailer-daemon@googlemail.com>\n",
            "Subject: Delivery Status Notification (Failure)\n",
            "X-Failed-Recipients: user@gone.example\n",
            "\n",
            "\n",
            "** Address not found **\n",
            "\n",
            "Your message wasn't delivered to user@gone.example because the address couldn't be found, or is unable to receive mail.\n",
            "\n",
            "Learn more here: https://support.google.com/mail/answer/6596\n",
            "\n",
            "The response was:\n",
            "\n",
            "550 5.1.1 The email account that you tried to reach does not exist. Please try double-checking the recipient's email address for typos or unnecessary spaces.\n",
        );
        assert_eq!(rows_of(mail), ["failed user@gone.example 550 5.1.1 gmail"]);
    }

    #[test]
    fn a_german_page_is_read() {
        let mail = concat!(
            "From: Mail Delivery Subsystem <mailer-daemon@googlemail.com>\n",
            "Subject: Delivery Status Notification (Failure)\n",
            "\n",
            "** Nachricht blockiert **\n",
            "\n",
            "Deine Nachricht an user@gone.example wurde blockiert. Weitere Informationen findest du unten in den technischen Details.\n",
            "\n",
            "Antwort:\n",
            "\n",
            "550 5.7.1 Message rejected\n",
        );
        assert_eq!(rows_of(mail), ["failed user@gone.example 550 5.7.1 gmail"]);
    }

    #[test]
    fn the_old_form_has_technical_details() {
        let mail = concat!(
            "From: Mail Delivery Subsystem <mailer-daemon@googlemail.com>\n",
            "Subject: Delivery Status Notification (Delay)\n",
            "\n",
            "Delivery to the following recipient has been delayed:\n",
            "\n",
            "     user@gone.example\n",
            "\n",
            "Message will be retried for 2 more day(s)\n",
            "\n",
            "Technical details of temporary failure:\n",
            "Google tried to deliver your message, but it was rejected by the recipient domain. The error that the other server returned was: 450 450 4.2.2 mailbox full (state 14).\n",
        );
        assert_eq!(rows_of(mail), ["delayed user@gone.example 450 4.2.2 gmail"]);
    }

    #[test]
    fn a_group_is_named_by_the_header_only() {
        let mail = concat!(
            "From: Mail Delivery Subsystem <mailer-daemon@googlemail.com>\n",
            "X-Failed-Recipients: team@googlegroups.com\n",
            "Subject: x\n",
            "\n",
            "me@here.example 様\n",
            "\n",
            "https://groups.google.com/support/\n",
        );
        assert_eq!(rows_of(mail), ["failed team@googlegroups.com - - googlegroups"]);
    }
}
