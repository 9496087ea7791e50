//! Bounces that a person forwards, attaches or quotes: they are about somebody else's mail.

use crate::letter::{Body, LetterRef};
use crate::origin::{Origin, ReturnPath, is_answer};

/// Whether a person sends a bounce on: an attached report, or one quoted below a subject with `Fwd:` or `Re:`.
pub(crate) fn is_forwarded(letter: LetterRef<'_>, origin: &Origin<'_>) -> bool {
    if origin.is_mailer
        || origin.return_path == ReturnPath::Null
        || origin.auto_submitted.starts_with("auto-")
    {
        return false;
    }
    is_answer(&origin.subject) || nested_report(letter).is_some()
}

/// The report that a message carries as an attachment.
pub(crate) fn nested_report(letter: LetterRef<'_>) -> Option<LetterRef<'_>> {
    letter.parts().find_map(|part| match part.body() {
        Body::Message(inner) if is_report(inner) => Some(inner),
        Body::Message(_) | Body::Text(_) | Body::Html(_) | Body::Bytes(_) => None,
    })
}

fn is_report(letter: LetterRef<'_>) -> bool {
    let kind = letter.content_type();
    if kind == "multipart/report" {
        return true;
    }
    let origin = Origin::of(letter);
    origin.is_mailer && origin.has_bounce_subject
}
