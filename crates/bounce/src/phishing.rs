//! Messages that dress as a bounce and want a click.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

use crate::letter::{Body, LetterRef};
use crate::origin::{Origin, ReturnPath};
use crate::{Report, limits};

/// Whether a message in the manner of a mail system is bait: it was not sent with the null return path of a report, names no reply
/// that anybody gave about our mail, and asks to follow a link about the reader's own mailbox.
pub(crate) fn is_phishing(letter: LetterRef<'_>, origin: &Origin<'_>, reports: &[Report]) -> bool {
    if origin.return_path == ReturnPath::Null || !(origin.is_mailer || origin.has_bounce_subject) {
        return false;
    }
    // A real report says which code, host or message.
    let evidence = |report: &Report| {
        report.reply_code.is_some() || report.remote_mta.is_some() || report.message_id.is_some()
    };
    if reports.iter().any(evidence) {
        return false;
    }
    letter.parts().any(|part| match part.body() {
        Body::Text(text) | Body::Html(text) => is_bait(text),
        Body::Other | Body::Message(_) => false,
    })
}

fn is_bait(text: &str) -> bool {
    static LINKS: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
        AhoCorasick::builder().ascii_case_insensitive(true).build(["http://", "https://", "href="]).ok()
    });
    static LURES: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
        AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .build([
                "click",
                "your mailbox",
                "your password",
                "your account",
                "your email storage",
                "release",
                "verify",
                "upgrade",
                "validate",
                "undelivered messages",
                "pending messages",
                "pending emails",
                "ihr postfach",
                "klicken",
                "votre boîte",
                "cliquez",
            ])
            .ok()
    });
    let text = &text.as_bytes()[..text.len().min(limits::TEXT_BYTES_MAX / 4)];
    let Some((links, lures)) = LINKS.as_ref().zip(LURES.as_ref()) else { return false };
    if !links.is_match(text) {
        return false;
    }
    let mut kinds: Vec<_> = lures.find_iter(text).take(50).map(|found| found.pattern()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds.len() >= 2
}
