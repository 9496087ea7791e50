//! When a message of a mailbox is done with. What is not understood is never deleted and never moved out of sight.

use abprall_bounce::{NotABounce, Reading};

/// Whether nobody needs to look at a message any more.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Understanding {
    /// It holds a report, or is one of the letters of machines that say nothing about a recipient: reports of DMARC and TLS, read receipts.
    Understood,
    /// Somebody may have written to this address, or it is a bounce that we cannot read: a person has to see it.
    NotUnderstood,
}

impl Understanding {
    pub(super) fn of(reading: &Reading) -> Self {
        if !reading.reports.is_empty() {
            return Self::Understood;
        }
        match reading.not_a_bounce {
            Some(NotABounce::DmarcReport | NotABounce::TlsReport | NotABounce::ReadReceipt) => {
                Self::Understood
            }
            Some(
                NotABounce::ForwardedBounce
                | NotABounce::Phishing
                | NotABounce::ListMail
                | NotABounce::OrdinaryMail
                | NotABounce::Unreadable,
            )
            | None => Self::NotUnderstood,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_of_a_person_is_not_understood_and_a_bounce_is() {
        let of = |text: &str| Understanding::of(&abprall_bounce::read(text.as_bytes()));
        assert_eq!(of("From: anna@example.org\n\nPlease call me.\n"), Understanding::NotUnderstood);
        assert_eq!(of(""), Understanding::NotUnderstood);
        let bounce = "From: MAILER-DAEMON@mx.example\nSubject: Undelivered\nMIME-Version: 1.0\nContent-Type: multipart/report; \
                      report-type=delivery-status; boundary=b\n\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\n\
                      Final-Recipient: rfc822; a@b.example\nAction: failed\nStatus: 5.1.1\n\n--b--\n";
        assert_eq!(of(bounce), Understanding::Understood);
    }
}
