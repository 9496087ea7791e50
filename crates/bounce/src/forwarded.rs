//! Bounces that a person forwards, attaches or quotes: they are about somebody else's mail.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

use crate::Report;
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

/// Whether a person passes on a report whose parts became attachments of the new mail: it says `Fwd:` and is no report itself.
pub(crate) fn is_passed_on(letter: LetterRef<'_>, origin: &Origin<'_>) -> bool {
    !origin.is_bounce_like() && is_answer(&origin.subject) && letter.content_type() != "multipart/report"
}

/// Whether a report found in the text of a message that does not look like one is quoted by a person: these mail systems always write
/// as themselves (mailer-daemon, null return path), so their words in somebody else's mail are a quotation.
pub(crate) fn is_quoted(report: &Report) -> bool {
    report.generator.is_none_or(|generator| {
        [
            "postfix",
            "exim",
            "sendmail",
            "qmail",
            "opensmtpd",
            "courier",
            "haraka",
            "dma",
            "nullmailer",
            "gmail",
            "office365",
            "exchange",
            "yahoo",
        ]
        .contains(&generator.as_str())
    })
}

/// The report that a message carries as an attachment.
pub(crate) fn nested_report(letter: LetterRef<'_>) -> Option<LetterRef<'_>> {
    letter.parts().find_map(|part| match part.body() {
        Body::Message(inner) if is_report(inner) => Some(inner),
        Body::Message(_) | Body::Text(_) | Body::Html(_) | Body::Other => None,
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

/// Whether a list manager tells its member, us, that mail to us came back: it quotes a bounce, but not one of our mail.
pub(crate) fn is_list_warning(letter: LetterRef<'_>) -> bool {
    static WORDS: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
        AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .build([
                "mailing list seem to have been bouncing",
                "messages to you from the",
                "your membership in the mailing list",
                "your subscription to the mailing list",
            ])
            .ok()
    });
    let Some(words) = WORDS.as_ref() else { return false };
    let Some(text) = letter.parts().find(|part| part.is("text/plain")).map(|part| part.text()) else {
        return false;
    };
    // Hardly a bounce has any of these: then its lines need not be joined.
    let may_be = CUES.iter().any(|cue| memchr::memmem::find(text.as_bytes(), cue.as_bytes()).is_some());
    may_be && words.is_match(&one_line(text))
}

/// One of these stands in each of the sentences.
const CUES: [&str; 4] = ["bouncing", "you from", "membership", "subscription"];

/// The start of a text, its lines joined: such sentences run over two.
fn one_line(text: &str) -> String {
    text.split_whitespace().take(LIST_WARNING_WORDS_MAX).collect::<Vec<_>>().join(" ")
}

/// How many words of a text are looked at for a list manager's warning: it comes first.
const LIST_WARNING_WORDS_MAX: usize = 80;

#[cfg(test)]
mod tests {
    use crate::{Kind, NotABounce, read};

    const REPORT: &str = "Return-Path: <>\nFrom: MAILER-DAEMON@mx.example\nSubject: Undelivered Mail Returned to Sender\n\
        Content-Type: multipart/report; report-type=delivery-status; boundary=r\n\n--r\n\nfailed\n--r\n\
        Content-Type: message/delivery-status\n\nFinal-Recipient: rfc822; u@c.example\nAction: failed\nStatus: 5.1.1\n--r--\n";

    fn attached(header: &str) -> String {
        format!(
            "{header}\nContent-Type: multipart/mixed; boundary=o\n\n--o\n\nSee below.\n--o\nContent-Type: message/rfc822\n\n{REPORT}--o--\n"
        )
    }

    #[test]
    fn a_bounce_that_a_person_sends_on_is_no_bounce() {
        let quoted = "Return-Path: <a@b.example>\nFrom: a@b.example\nSubject: mail trouble\n\nHi, what is this?\n\n\
            This is the mail system at host mx.example.\n\nI'm sorry to have to inform you that your message could not\nbe delivered to \
            one or more recipients.\n\n<u@c.example>: host mx.c.example[192.0.2.1] said: 550 5.1.1 User unknown\n";
        for mail in [
            attached("Return-Path: <a@b.example>\nFrom: a@b.example\nSubject: what does this mean?"),
            quoted.to_owned(),
            quoted.replace("mail trouble", "Re: Undelivered Mail Returned to Sender"),
        ] {
            let reading = read(mail.as_bytes());
            assert_eq!(reading.not_a_bounce, Some(NotABounce::ForwardedBounce), "{mail}");
        }
    }

    #[test]
    fn a_bounce_that_a_mail_system_wraps_is_one() {
        let reading = read(
            attached("Return-Path: <>\nFrom: postmaster@gw.example\nSubject: Delivery failure").as_bytes(),
        );
        assert_eq!(reading.reports[0].kind, Kind::Failed);
        assert_eq!(reading.reports[0].recipient.as_ref().unwrap().as_str(), "u@c.example");
    }
}
