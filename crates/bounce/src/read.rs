use crate::letter::Letter;
use crate::{NotABounce, Reading};

/// Reads one message. Never fails, never panics; see [`Reading::damage`].
pub fn read(message: &[u8]) -> Reading {
    let Some(_letter) = Letter::parse(message) else {
        return Reading { not_a_bounce: Some(NotABounce::Unreadable), ..Reading::default() };
    };
    Reading { not_a_bounce: Some(NotABounce::OrdinaryMail), ..Reading::default() }
}
