//! The words of a reply as rules see them: out of the wrapper, white space single, without what only disturbs.

use std::borrow::Cow;

use abprall_mail::EnhancedStatus;

use crate::reply;

/// What the rules search: the reply without an MTA's wrapper, then the whole diagnostic.
pub(super) struct Words<'a> {
    /// The reply itself, cleaned.
    pub reply: Cow<'a, str>,
    /// The whole, cleaned, where there is a wrapper around the reply.
    pub whole: Option<Cow<'a, str>>,
}

impl<'a> Words<'a> {
    pub fn of(diagnostic: &'a str) -> Self {
        let reply = reply::unwrapped(diagnostic);
        let whole = (reply.len() + 16 < diagnostic.len()).then(|| clean(diagnostic));
        Self { reply: clean(reply), whole }
    }
}

/// Puts `@` in the place of each address, so that no rule reads a mailbox called `spam`, and drops the codes that start each
/// further line of a long reply (`550-5.1.1`), so that a phrase may run over two lines.
fn clean(text: &str) -> Cow<'_, str> {
    let disturbed = memchr::memchr2(b'@', b'\n', text.as_bytes()).is_some() || has_continuation(text);
    if !disturbed {
        return Cow::Borrowed(text);
    }
    let mut cleaned = String::with_capacity(text.len());
    let words = text.split_whitespace();
    let mut first = true;
    for word in words {
        if !first && let Some(rest) = behind_continuation(word) {
            if !rest.is_empty()
                && EnhancedStatus::at_start_of(rest.as_bytes()).is_none_or(|(_, end)| end < rest.len())
            {
                push(&mut cleaned, rest);
            }
            continue;
        }
        first = false;
        if word.contains('@') { push_address(&mut cleaned, word) } else { push(&mut cleaned, word) }
    }
    Cow::Owned(cleaned)
}

fn push(text: &mut String, word: &str) {
    if !text.is_empty() {
        text.push(' ');
    }
    text.push_str(word);
}

/// `<anna@b.example>:` becomes `<@>:`; what hangs on to it stays.
fn push_address(text: &mut String, word: &str) {
    let at = word.find('@').unwrap_or(0);
    let is_edge =
        |c: char| matches!(c, '<' | '>' | '(' | ')' | '[' | ']' | ':' | ';' | ',' | '"' | '\'' | '=' | '…');
    let start = word[..at]
        .rfind(is_edge)
        .map_or(0, |edge| edge + word[edge..].chars().next().map_or(1, char::len_utf8));
    let end = word[at..].find(is_edge).map_or(word.len(), |edge| at + edge);
    push(text, &word[..start]);
    text.push('@');
    text.push_str(&word[end..]);
}

/// `550-` and `550-5.1.1` start a further line of a reply; gives what follows the hyphen.
fn behind_continuation(word: &str) -> Option<&str> {
    let bytes = word.as_bytes();
    let is_code =
        bytes.len() >= 4 && matches!(bytes[0], b'4' | b'5') && bytes[1..3].iter().all(u8::is_ascii_digit);
    (is_code && bytes[3] == b'-').then(|| &word[4..])
}

fn has_continuation(text: &str) -> bool {
    let bytes = text.as_bytes();
    memchr::memchr_iter(b'-', bytes)
        .any(|at| at >= 4 && bytes[at - 4] == b' ' && bytes[at - 3..at].iter().all(u8::is_ascii_digit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_line_codes_do_not_disturb() {
        assert_eq!(clean("550 5.1.1 <spam@b.example>: unknown"), "550 5.1.1 <@>: unknown");
        assert_eq!(
            clean("550-5.1.1 likely 550-5.1.1 suspicious 550 5.1.1 mail"),
            "550-5.1.1 likely suspicious 550 5.1.1 mail"
        );
        assert_eq!(clean("user anna@b.example is unknown"), "user @ is unknown");
        assert_eq!(clean("ü@ö…"), "@…");
    }

    #[test]
    fn the_reply_comes_before_its_wrapper() {
        let words = Words::of(
            "Connected to 192.0.2.1 but greeting failed. Remote host said: 554 5.7.1 not permitted",
        );
        assert_eq!(words.reply, "554 5.7.1 not permitted");
        assert!(words.whole.is_some());
    }
}
