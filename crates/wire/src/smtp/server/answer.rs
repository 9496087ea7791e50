use std::borrow::Cow;

use crate::limits::REPLY_TEXT_BYTES_MAX;
use crate::line::one_line;

/// What the owner says about a recipient.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RecipientAnswer {
    /// One of ours.
    Accepted,
    /// Another domain than ours: nothing is relayed (`550 5.7.1`).
    NotOurs,
    /// Our domain, but no address of ours (`550 5.1.1`).
    Unknown,
    /// We cannot tell now (`451 4.3.0`), with words that may tell the client why.
    Later(Cow<'static, str>),
}

impl RecipientAnswer {
    pub(super) fn reply(&self) -> Cow<'static, str> {
        match self {
            Self::Accepted => "250 2.1.5 Ok".into(),
            Self::NotOurs => {
                "550 5.7.1 This server takes bounces for its own addresses and relays nothing".into()
            }
            Self::Unknown => "550 5.1.1 No such address here".into(),
            Self::Later(text) => worded("451 4.3.0", text),
        }
    }
}

/// What became of a message for a recipient.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum MessageAnswer {
    /// It is durable (`250 2.0.0`); the text names it, for both logs.
    Stored(Cow<'static, str>),
    /// Not now (`451 4.3.0`): the client keeps it and tries again.
    Later(Cow<'static, str>),
    /// Never (`554 5.6.0`).
    Refused(Cow<'static, str>),
}

impl MessageAnswer {
    pub(super) fn reply(&self) -> Cow<'static, str> {
        match self {
            Self::Stored(text) => worded("250 2.0.0", text),
            Self::Later(text) => worded("451 4.3.0", text),
            Self::Refused(text) => worded("554 5.6.0", text),
        }
    }

    /// The one answer for all recipients, where only one can be given. What is not durable for everybody is not acknowledged; what was
    /// refused for some and stored for others is.
    pub(super) fn for_all(answers: &[MessageAnswer]) -> Option<&MessageAnswer> {
        let rank = |answer: &&MessageAnswer| match answer {
            Self::Refused(_) => 0,
            Self::Stored(_) => 1,
            Self::Later(_) => 2,
        };
        answers.iter().max_by_key(rank)
    }
}

fn worded(code: &str, text: &str) -> Cow<'static, str> {
    format!("{code} {}", one_line(text, REPLY_TEXT_BYTES_MAX)).into()
}
