use std::time::Duration;

use crate::limits::{TRANSCRIPT_LINE_BYTES_MAX, TRANSCRIPT_LINES_MAX};

/// Who said a line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Speaker {
    /// We.
    Client,
    /// The mail server.
    Server,
    /// Neither: connected, closed, TLS established, timed out.
    Network,
}

/// A line of a transcript.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TranscriptEntry {
    /// Since the start of the attempt.
    pub at: Duration,
    /// Who said it.
    pub speaker: Speaker,
    /// What: without the line end, control characters replaced, long lines cut.
    pub text: String,
}

/// What was said, in order and within limits.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Transcript(Vec<TranscriptEntry>);

impl Transcript {
    /// Adds a line, or the remark that the rest is missing.
    pub fn add(&mut self, at: Duration, speaker: Speaker, text: &str) {
        if self.0.len() + 1 < TRANSCRIPT_LINES_MAX {
            self.0.push(TranscriptEntry { at, speaker, text: cut(text) });
        } else if self.0.len() < TRANSCRIPT_LINES_MAX {
            self.0.push(TranscriptEntry { at, speaker: Speaker::Network, text: "… (cut)".to_owned() });
        }
    }

    /// The lines.
    pub fn entries(&self) -> &[TranscriptEntry] {
        &self.0
    }

    /// The lines, moved out.
    pub fn into_entries(self) -> Vec<TranscriptEntry> {
        self.0
    }
}

/// Bytes of a peer as text that a terminal can show: what is not UTF-8 and every control character become U+FFFD.
pub(super) fn printable(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    if text.chars().any(char::is_control) {
        text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
    } else {
        text.into_owned()
    }
}

fn cut(text: &str) -> String {
    if text.len() <= TRANSCRIPT_LINE_BYTES_MAX {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(TRANSCRIPT_LINE_BYTES_MAX);
    format!("{}…", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transcript_stays_small() {
        let mut transcript = Transcript::default();
        for _ in 0..10_000 {
            transcript.add(Duration::ZERO, Speaker::Server, &"ä".repeat(4096));
        }
        assert_eq!(transcript.entries().len(), TRANSCRIPT_LINES_MAX);
        assert!(transcript.entries().iter().all(|e| e.text.len() <= TRANSCRIPT_LINE_BYTES_MAX + "…".len()));
        assert_eq!(transcript.entries().last().unwrap().text, "… (cut)");
    }

    #[test]
    fn no_control_character_is_kept() {
        assert_eq!(printable(b"a\x1b[2J\0\xff\xc2\x9b"), "a\u{fffd}[2J\u{fffd}\u{fffd}\u{fffd}");
    }
}
