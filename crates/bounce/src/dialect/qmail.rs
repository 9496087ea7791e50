//! qmail, notqmail and their kin: the bounce message format QSBMF, paragraphs that start with `<address>:`.

use super::Dialect;
use super::Place::Text;
use crate::{Generator, Kind};

pub(super) const DIALECT: Dialect = Dialect {
    generator: Generator::new("qmail"),
    marks: &[
        (Text, "this is the qmail-send program"),
        (Text, "this is the qmail program"),
        (Text, "this is the notqmail-send program"),
        (Text, "this is the deliver program at"),
        (Text, "this is the machine generated message from mail service"),
        (Text, "\nremote host said: "),
        (Text, "i'm afraid i wasn't able to deliver your message to the following addresses"),
    ],
    read: None,
    kind: Some(Kind::Failed),
};

#[cfg(test)]
mod tests {
    use crate::text::rows_of;

    #[test]
    fn a_translated_greeting_changes_nothing() {
        let mail = concat!(
            "From: MAILER-DAEMON@here.example\n",
            "Subject: failure notice\n",
            "\n",
            "Salut. Ici le programme de courrier de here.example.\n",
            "Je n'ai pas pu remettre votre message aux adresses suivantes.\n",
            "\n",
            "<user@gone.example>:\n",
            "192.0.2.4 does not like recipient.\n",
            "Remote host said: 550 5.1.1 User unknown\n",
            "Giving up on 192.0.2.4.\n",
            "\n",
            "--- Below this line is a copy of the message.\n",
        );
        assert_eq!(rows_of(mail), ["failed user@gone.example 550 5.1.1 qmail"]);
    }

    #[test]
    fn a_message_too_old_is_a_failure_with_its_last_reason() {
        let mail = concat!(
            "Subject: failure notice\n",
            "\n",
            "Hi. This is the qmail-send program at here.example.\n",
            "I'm afraid I wasn't able to deliver your message to the following addresses.\n",
            "This is a permanent error; I've given up. Sorry it didn't work out.\n",
            "\n",
            "<user@gone.example>:\n",
            "192.0.2.4 does not like recipient.\n",
            "Remote host said: 450 4.2.2 full\n",
            "Giving up on 192.0.2.4.\n",
            "I'm not going to try again; this message has been in the queue too long.\n",
            "\n",
            "<two@gone.example>:\n",
            "Sorry, no mailbox here by that name. (#5.1.1)\n",
        );
        assert_eq!(
            rows_of(mail),
            ["failed user@gone.example 450 4.2.2 qmail", "failed two@gone.example - 5.1.1 qmail"]
        );
    }
}
