//! What an IMAP server answered, for the log.

use std::io;

use async_imap::error::Error;

use crate::serve::intake::mailbox::Trouble;

/// In words. The library's own words hold what it could not read, and that may be mail.
pub(super) fn trouble(doing: &str, error: &Error) -> Trouble {
    let what = match error {
        Error::No(text) | Error::Bad(text) => format!("the IMAP server refuses ({doing}): {}", said(text)),
        Error::Io(error) => match error.kind() {
            io::ErrorKind::FileTooLarge => format!("the IMAP server says too much ({doing})"),
            io::ErrorKind::Other => format!("what comes is no IMAP ({doing})"),
            io::ErrorKind::UnexpectedEof => return closed(doing),
            _ => format!("the connection to the IMAP server broke ({doing}): {error}"),
        },
        Error::ConnectionLost => return closed(doing),
        Error::Parse(_) => format!("what comes is no IMAP ({doing})"),
        Error::Validate(_) => format!("that cannot be said to an IMAP server ({doing})"),
        _ => format!("the IMAP server cannot be spoken to ({doing})"),
    };
    Trouble(what)
}

pub(super) fn closed(doing: &str) -> Trouble {
    Trouble(format!("the IMAP server closed the connection ({doing})"))
}

pub(super) fn late(doing: &str) -> Trouble {
    Trouble(format!("the IMAP server does not answer in time ({doing})"))
}

/// The library writes `code: None, info: Some("…")`.
fn said(text: &str) -> String {
    let inner = text.split_once("info: Some(\"").and_then(|(_, rest)| rest.rsplit_once("\")"));
    let inner = inner.map_or(text, |(inner, _)| inner);
    inner.chars().filter(|c| !c.is_control()).take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_told_in_the_words_of_the_server_and_mail_is_not_told_at_all() {
        let no =
            Error::No("code: None, info: Some(\"[AUTHENTICATIONFAILED] Authentication failed.\")".to_owned());
        assert_eq!(
            trouble("login", &no).to_string(),
            "the IMAP server refuses (login): [AUTHENTICATIONFAILED] Authentication failed."
        );
        let broken = Error::Io(io::Error::other("Tag during parsing of \"anna@example.org\""));
        assert_eq!(trouble("fetch", &broken).to_string(), "what comes is no IMAP (fetch)");
    }
}
