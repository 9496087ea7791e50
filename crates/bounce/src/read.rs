use crate::letter::Letter;
use crate::text::read_text;
use crate::{NotABounce, Reading};

/// Reads one message. Never fails, never panics; see [`Reading::damage`].
pub fn read(message: &[u8]) -> Reading {
    let Some(letter) = Letter::parse(message) else {
        return Reading { not_a_bounce: Some(NotABounce::Unreadable), ..Reading::default() };
    };
    let reports = read_text(letter.view());
    let not_a_bounce = reports.is_empty().then_some(NotABounce::OrdinaryMail);
    Reading { reports, not_a_bounce, ..Reading::default() }
}
