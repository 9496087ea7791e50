use std::fmt;

use abprall_mail::EnhancedStatus;

use crate::limits::REPLY_TEXT_BYTES_MAX;
use crate::line::one_line;

/// What is to become of one recipient: the part of access(5) that touches one recipient alone.
///
/// DISCARD, HOLD, FILTER and REDIRECT are missing on purpose: said about one recipient they befall all others of the message.
///
/// ```
/// use abprall_wire::postfix::Access;
///
/// let access = Access::Refuse { status: "5.1.1".parse().unwrap(), text: "suppressed: hard bounce on 2026-11-01".into() };
/// assert_eq!(access.to_string(), "550 5.1.1 suppressed: hard bounce on 2026-11-01");
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Access {
    /// No opinion: the next restriction decides.
    Dunno,
    /// `550`, and the other recipients go on.
    Refuse {
        /// The reason; its class is said as 5 whatever it is.
        status: EnhancedStatus,
        /// The words behind it. Line ends and what is not ASCII are replaced.
        text: String,
    },
    /// `450`, and the other recipients go on.
    Later {
        /// The reason; its class is said as 4 whatever it is.
        status: EnhancedStatus,
        /// The words behind it.
        text: String,
    },
    /// `450`, unless a later restriction refuses for good.
    LaterIfPermitted {
        /// The reason; its class is said as 4 whatever it is.
        status: EnhancedStatus,
        /// The words behind it.
        text: String,
    },
    /// A header on top of the message, for all its recipients.
    Prepend {
        /// The name of the header field; what a name cannot hold is left out.
        name: String,
        /// Its value.
        value: String,
    },
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Access::Dunno => f.write_str("DUNNO"),
            Access::Refuse { status, text } => {
                write!(f, "550 {}", Worded { class: 5, status: *status, text })
            }
            Access::Later { status, text } => write!(f, "450 {}", Worded { class: 4, status: *status, text }),
            Access::LaterIfPermitted { status, text } => {
                write!(f, "DEFER_IF_PERMIT {}", Worded { class: 4, status: *status, text })
            }
            Access::Prepend { name, value } => {
                let name: String = name.chars().filter(|c| c.is_ascii_graphic() && *c != ':').collect();
                write!(f, "PREPEND {name}: {}", one_line(value, REPLY_TEXT_BYTES_MAX))
            }
        }
    }
}

/// `5.1.1 text`, with the class that fits the answer.
pub(crate) struct Worded<'a> {
    pub(crate) class: u8,
    pub(crate) status: EnhancedStatus,
    pub(crate) text: &'a str,
}

impl fmt::Display for Worded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { class, status, text } = self;
        let text = one_line(text, REPLY_TEXT_BYTES_MAX);
        write!(f, "{class}.{}.{} {}", status.subject(), status.detail(), text.trim())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_that_contradicts_the_answer_is_not_said() {
        let status: EnhancedStatus = "5.4.3".parse().unwrap();
        let later = Access::Later { status, text: "domain on hold".into() };
        assert_eq!(later.to_string(), "450 4.4.3 domain on hold");
        let later = Access::LaterIfPermitted { status, text: "x".into() };
        assert_eq!(later.to_string(), "DEFER_IF_PERMIT 4.4.3 x");
    }

    #[test]
    fn a_header_cannot_become_two() {
        let header = Access::Prepend { name: "X-Gate:\n".into(), value: "a\r\nBcc: b".into() };
        assert_eq!(header.to_string(), "PREPEND X-Gate: a  Bcc: b");
    }
}
