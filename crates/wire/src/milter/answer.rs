use abprall_mail::EnhancedStatus;

use super::packet;
use crate::limits::REPLY_TEXT_BYTES_MAX;
use crate::line::one_line;

/// What a filter answers. About a recipient (RCPT) it concerns that recipient alone; anywhere else the whole message.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum MilterAnswer {
    /// Go on, ask me again.
    Continue,
    /// Take the message without asking again.
    Accept,
    /// Refuse, in the mail server's words.
    Reject,
    /// Refuse for now, in the mail server's words.
    TempFail,
    /// Refuse with `550`, in our words.
    Refuse {
        /// The reason; its class is said as 5 whatever it is.
        status: EnhancedStatus,
        /// The words behind it, which the sender sees as they are.
        text: String,
    },
    /// Refuse for now with `450`, in our words.
    Later {
        /// The reason; its class is said as 4 whatever it is.
        status: EnhancedStatus,
        /// The words behind it, which the sender sees as they are.
        text: String,
    },
}

impl MilterAnswer {
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Continue => packet::write(out, b'c', &[]),
            Self::Accept => packet::write(out, b'a', &[]),
            Self::Reject => packet::write(out, b'r', &[]),
            Self::TempFail => packet::write(out, b't', &[]),
            Self::Refuse { status, text } => write_reply(out, "550 5", *status, text),
            Self::Later { status, text } => write_reply(out, "450 4", *status, text),
        }
    }
}

fn write_reply(out: &mut Vec<u8>, code: &str, status: EnhancedStatus, text: &str) {
    // Mail servers take the text as a format: a percent sign is said twice (smfi_setreply).
    let text = one_line(text, REPLY_TEXT_BYTES_MAX).trim().replace('%', "%%");
    let reply = format!("{code}.{}.{} {text}\0", status.subject(), status.detail());
    packet::write(out, b'y', reply.as_bytes());
}
