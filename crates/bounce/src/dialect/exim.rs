//! Exim: indented addresses with indented reasons; `X-Failed-Recipients` names them too.

use super::Dialect;
use super::Place::{Sign, Text};
use crate::Generator;

pub(super) const DIALECT: Dialect = Dialect {
    generator: Generator::new("exim"),
    marks: &[
        (Text, "this message was created automatically by mail delivery software"),
        (Text, "contained one or more recipient addresses that were"),
        (Sign, "x-failed-recipients:"),
    ],
    read: None,
    kind: None,
};

#[cfg(test)]
mod tests {
    use crate::text::rows_of;

    #[test]
    fn text_that_programs_wrote_below_is_not_another_recipient() {
        let mail = concat!(
            "From: Mail Delivery System <Mailer-Daemon@here.example>\n",
            "Subject: Mail delivery failed: returning message to sender\n",
            "\n",
            "This message was created automatically by mail delivery software.\n",
            "\n",
            "A message that you sent could not be delivered to one or more of its\n",
            "recipients. This is a permanent error. The following address(es) failed:\n",
            "\n",
            "  user@gone.example\n",
            "    (generated from alias@here.example)\n",
            "    SMTP error from remote mail server after RCPT TO:<user2@gone.example>:\n",
            "    host mx.gone.example [192.0.2.2]: 550 5.1.1 <user2@gone.example>: no such user other@gone.example\n",
            "\n",
            "The following text was generated during the delivery attempt:\n",
            "\n",
            "------ user@gone.example ------\n",
            "\n",
            "procmail: quota exceeded\n",
            "\n",
            "------ This is a copy of the message, including all the headers. ------\n",
        );
        assert_eq!(rows_of(mail), ["failed user@gone.example 550 5.1.1 exim"]);
    }

    #[test]
    fn a_warning_is_a_delay() {
        let mail = concat!(
            "From: Mail Delivery System <Mailer-Daemon@here.example>\n",
            "Subject: Warning: message 1abc delayed 24 hours\n",
            "\n",
            "This message was created automatically by mail delivery software.\n",
            "A message that you sent has not yet been delivered to one or more of its\n",
            "recipients after more than 24 hours on the queue on here.example.\n",
            "\n",
            "The message identifier is:     1abc\n",
            "The subject of the message is: Hi\n",
            "The date of the message is:    Thu, 29 Apr 2010 23:34:45 +0900\n",
            "\n",
            "The address to which the message has not yet been delivered is:\n",
            "\n",
            "  user@gone.example\n",
            "    Delay reason: Connection refused\n",
            "\n",
            "No action is required on your part. Delivery attempts will continue for\n",
            "some time, and this warning may be repeated at intervals if the message\n",
            "remains undelivered. Eventually the mail delivery software will give up,\n",
            "and when that happens, the message will be returned to you.\n",
        );
        assert_eq!(rows_of(mail), ["delayed user@gone.example - - exim"]);
    }

    #[test]
    fn the_header_names_a_recipient_that_the_text_does_not() {
        let mail = concat!(
            "X-Failed-Recipients: user@gone.example, two@gone.example\n",
            "Subject: Mail delivery failed\n",
            "\n",
            "This message was created automatically by mail delivery software.\n",
            "\n",
            "The following address(es) failed:\n",
            "\n",
            "  save to /var/mail/x\n",
            "    mailbox is full: retry timeout exceeded\n",
        );
        assert_eq!(rows_of(mail), ["failed user@gone.example - - exim", "failed two@gone.example - - exim"]);
    }
}
