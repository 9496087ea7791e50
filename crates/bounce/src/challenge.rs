//! Challenge–response filters: they ask the sender to prove to be a person.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

use crate::letter::{Body, LetterRef};
use crate::origin::Origin;
use crate::returned::message_id;
use crate::{Kind, Report};

/// The report of a challenge, about the person whose filter asks; `None` when the message is none.
pub(crate) fn read_challenge(letter: LetterRef<'_>, origin: &Origin<'_>) -> Option<Report> {
    let fields = letter.fields();
    let marked = fields.has("X-Challenge")
        || fields.has("X-ChoiceMail-Registration-Request")
        || fields.has("X-TMDA-Confirm")
        || fields.has("X-Delivery-Agent")
            && fields.get("X-Delivery-Agent").is_some_and(|v| v.starts_with("TMDA"))
            && fields.get("Subject").is_some_and(|s| s.to_ascii_lowercase().contains("confirm"));
    let asks = || !origin.is_list && !origin.is_mailer && has_words(letter, &origin.subject);
    if !(marked || asks()) {
        return None;
    }
    Some(Report {
        kind: Kind::Challenge,
        recipient: origin.author(),
        message_id: fields.get("In-Reply-To").as_deref().and_then(message_id),
        ..Report::default()
    })
}

fn has_words(letter: LetterRef<'_>, subject: &str) -> bool {
    static WORDS: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
        AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .build([
                "prove that you are a human",
                "prove you are human",
                "prove you're human",
                "verify that you are a real person",
                "verify you are a real person",
                "confirm that you are a real person",
                "confirm you are not a spammer",
                "uses spamarrest",
                "uses boxbe",
                "boxbe waiting list",
                "spam arrest",
                "challenge-response",
                "challenge/response",
                "added to my approved senders",
                "added to the list of approved senders",
                "add yourself to my allow list",
                "add yourself to my guest list",
                "asks you to confirm that you sent",
                "to have your message delivered, please reply",
                "please confirm your message by replying",
                "your message is being held until you confirm",
                "earthlink spamblocker",
                "request to be added to my",
                "to be added to my list of approved senders",
                "only from senders i have approved",
                "protecting myself from receiving junk mail",
                "spamarrest.com",
                "complete the verification process",
                "verify your email address so that i receive",
                "sender verification request",
                "bluebottle",
                "please authenticate yourself as a sender",
                "bestätigen sie, dass sie kein spammer",
                "bitte bestätigen sie ihre nachricht",
            ])
            .ok()
    });
    let Some(words) = WORDS.as_ref() else { return false };
    if words.is_match(subject) {
        return true;
    }
    let text = letter.parts().find_map(|part| match part.body() {
        Body::Text(text) | Body::Html(text) => Some(text),
        Body::Other | Body::Message(_) => None,
    });
    text.is_some_and(|text| words.is_match(&text.as_bytes()[..text.len().min(4096)]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::letter::Letter;

    #[test]
    fn a_challenge_names_whose_filter_asks() {
        let mail = b"From: Anna <a@b.example>\nSubject: Re: hello\nIn-Reply-To: <1@x.example>\n\n\
            I use a filter. Please prove that you are a human: http://x.example/\n";
        let letter = Letter::parse(mail).unwrap();
        let report = read_challenge(letter.view(), &Origin::of(letter.view())).unwrap();
        assert_eq!(report.kind, Kind::Challenge);
        assert_eq!(report.recipient.unwrap().as_str(), "a@b.example");
        let letter = Letter::parse(b"From: a@b.example\n\nHello, how are you?\n").unwrap();
        assert!(read_challenge(letter.view(), &Origin::of(letter.view())).is_none());
    }
}
