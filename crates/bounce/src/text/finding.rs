//! What a reader of human text found about one recipient, before it becomes a report.

use abprall_mail::EmailAddress;

use crate::{Issuer, Kind, Phase, limits};

/// One recipient and the words about it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Finding {
    /// The address that failed; `None` when the text names none.
    pub recipient: Option<EmailAddress>,
    /// The address that was sent to, where the text says that it became another one.
    pub original: Option<EmailAddress>,
    /// The reply or reason, unwrapped.
    pub reason: String,
    /// More that the text says about it.
    pub prose: String,
    /// The host that was talked to, where the text names it apart from the reason.
    pub host: Option<String>,
    /// The command that was refused, where the text names it apart from the reason.
    pub phase: Option<Phase>,
    /// Who spoke the reason, where the text shows it.
    pub issuer: Option<Issuer>,
    /// The Status field, where the text holds one.
    pub status: Option<abprall_mail::EnhancedStatus>,
    /// What kind of report, where this recipient's differs from the rest.
    pub kind: Option<Kind>,
}

impl Finding {
    /// A recipient of which nothing is known yet.
    pub fn about(recipient: EmailAddress) -> Self {
        Self { recipient: Some(recipient), ..Self::default() }
    }

    /// Adds a line of the reason, unwrapping it. The code that starts each line of a long reply is kept once.
    pub fn add(&mut self, line: &str) {
        append(&mut self.reason, line);
    }
}

/// Longest text that lines are added to, in bytes: more than a report keeps.
const WORDS_BYTES_MAX: usize = 2 * limits::DIAGNOSTIC_BYTES_MAX;

/// Adds a line to a text, white space single, without repeating the `550-5.7.1` that starts each line of a long reply.
pub(crate) fn append(text: &mut String, line: &str) {
    if text.len() > WORDS_BYTES_MAX {
        return;
    }
    let mut line = line.trim();
    let bytes = line.as_bytes();
    let starts_as_reply = bytes.len() > 3
        && bytes[..3].iter().all(u8::is_ascii_digit)
        && matches!(bytes[0], b'2'..=b'5')
        && matches!(bytes[3], b'-' | b' ');
    if starts_as_reply && let Some(before) = text.find(&line[..3]) {
        let continues = text.as_bytes().get(before + 3).is_some_and(|b| *b == b'-');
        if continues {
            let status = text[before + 4..].split(' ').next().unwrap_or_default();
            let is_status = abprall_mail::EnhancedStatus::at_start_of(status.as_bytes()).is_some();
            line = line[4..].trim_start();
            if is_status && let Some(rest) = line.strip_prefix(status) {
                line = rest.trim_start();
            }
        }
    }
    for word in line.split_whitespace() {
        if !text.is_empty() && !text.ends_with(' ') {
            text.push(' ');
        }
        text.push_str(word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_of_a_long_reply_is_kept_once() {
        let mut text = String::new();
        for line in ["550-5.7.26 not", "550-5.7.26  accepted", "550 5.7.26 here"] {
            append(&mut text, line);
        }
        assert_eq!(text, "550-5.7.26 not accepted here");
    }

    #[test]
    fn other_numbers_stay() {
        let mut text = String::new();
        for line in ["550 no", "550 yes", "5 x"] {
            append(&mut text, line);
        }
        assert_eq!(text, "550 no 550 yes 5 x");
    }
}
