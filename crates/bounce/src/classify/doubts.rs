//! Words beside the verdict that make it doubtful: a mailbox is said to be gone for good, but the reply speaks of the sender as
//! well, or of "later". Such a reply never suppresses anybody.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

/// What a reply speaks of besides the recipient.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Doubt {
    /// Us: our address, our server, our greeting.
    Sender,
    /// A time after which it may be otherwise.
    Later,
}

const WORDS: &[(&str, Doubt)] = &[
    ("sender", Doubt::Sender),
    ("return path", Doubt::Sender),
    ("return-path", Doubt::Sender),
    ("from address", Doubt::Sender),
    ("from: ", Doubt::Sender),
    ("from your ip", Doubt::Sender),
    ("from your server", Doubt::Sender),
    ("from your host", Doubt::Sender),
    ("from your network", Doubt::Sender),
    ("from your address", Doubt::Sender),
    ("your from", Doubt::Sender),
    ("your domain", Doubt::Sender),
    ("your ip", Doubt::Sender),
    ("your server", Doubt::Sender),
    ("your host", Doubt::Sender),
    ("your helo", Doubt::Sender),
    ("helo", Doubt::Sender),
    ("relay not", Doubt::Sender),
    ("relaying", Doubt::Sender),
    ("blacklist", Doubt::Sender),
    ("blocklist", Doubt::Sender),
    ("temporar", Doubt::Later),
    ("try again", Doubt::Later),
    ("try later", Doubt::Later),
    ("retry later", Doubt::Later),
    ("but later", Doubt::Later),
    ("internal error", Doubt::Later),
    ("internal server error", Doubt::Later),
    ("database error", Doubt::Later),
    ("database fail", Doubt::Later),
    ("database unavailable", Doubt::Later),
    ("daily", Doubt::Later),
    ("hourly", Doubt::Later),
];

static SEARCH: LazyLock<AhoCorasick> = LazyLock::new(|| {
    AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .build(WORDS.iter().map(|(words, _)| words))
        .expect("the words are few and short")
});

/// The first doubtful words of a reply; those that the verdict itself rests on do not count.
pub(super) fn doubt_in<'t>(reply: &'t str, verdict: &str) -> Option<(Doubt, &'t str)> {
    SEARCH.find_iter(reply).find_map(|found| {
        let words = &reply[found.range()];
        let belongs_to_verdict = SEARCH.find_iter(verdict).any(|other| other.pattern() == found.pattern());
        (!belongs_to_verdict).then_some((WORDS[found.pattern().as_usize()].1, words))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_about_us_or_about_later_are_doubts() {
        let doubt = |reply| doubt_in(reply, "").map(|(doubt, _)| doubt);
        assert_eq!(doubt("550 Return path <@>: no such user"), Some(Doubt::Sender));
        assert_eq!(doubt("550 5.1.1 user unknown; try again later"), Some(Doubt::Later));
        assert_eq!(doubt("550 5.1.1 <@>: User unknown in relay recipient table"), None);
        assert_eq!(doubt("550 5.1.1 <@>: Recipient address rejected: User unknown"), None);
        assert_eq!(doubt("550 user not in our database, remove it from your list"), None);
    }

    #[test]
    fn the_words_of_the_verdict_are_no_doubt_of_it() {
        assert_eq!(doubt_in("550 the recipient refuses this sender", "refuses this sender"), None);
    }
}
