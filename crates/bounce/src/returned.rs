//! The original message, or its header, as a bounce brings it back.

use std::borrow::Cow;
use std::sync::LazyLock;

use abprall_mail::EmailAddress;
use aho_corasick::{AhoCorasick, MatchKind};

use crate::letter::{Body, Fields, LetterRef, parse_received};
use crate::origin::address_in;
use crate::{Hop, limits};

/// What the returned header says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Returned {
    pub message_id: Option<String>,
    pub subject: Option<String>,
    /// The envelope sender where it was noted.
    pub return_path: Option<String>,
    pub from: Option<String>,
    /// The addresses of To; of fields that name the envelope recipient, where To is missing.
    pub to: Vec<EmailAddress>,
    pub hops: Vec<Hop>,
}

/// Most addresses of To that are looked at: more than one is no help in naming the recipient.
const TO_MAX: usize = 50;

/// Reads the original message of a bounce: its own part first, else what is pasted into the text.
pub(crate) fn read_returned(letter: LetterRef<'_>) -> Option<Returned> {
    let mut texts = Vec::new();
    for part in letter.parts() {
        match part.kind() {
            "message/rfc822" | "message/global" => {
                if let Body::Message(inner) = part.body() {
                    return Some(returned(&inner.fields()));
                }
            }
            kind if is_header_type(kind) => {
                let (fields, _) = Fields::parse(without_prologue(part.bytes()));
                if !fields.is_empty() {
                    return Some(returned(&fields));
                }
            }
            kind if kind.starts_with("text/") && kind != "text/html" && texts.len() < TEXTS_MAX => {
                texts.push(part);
            }
            _ => {}
        }
    }
    let block = texts.iter().find_map(|part| find_block(part.text()))?;
    let (fields, _) = Fields::parse(block.as_bytes());
    Some(returned(&fields))
}

/// Most text parts searched for a pasted header.
const TEXTS_MAX: usize = 4;

fn is_header_type(kind: &str) -> bool {
    matches!(
        kind,
        "message/global-headers"
            | "message/rfc822-headers"
            | "message/rfc822-header"
            | "message/partial"
            | "application/rfc822"
    )
}

/// The original message within an ARF or MDN, whose other parts are no text of an MTA.
pub(crate) fn returned(fields: &Fields<'_>) -> Returned {
    let mut to = Vec::new();
    for name in [
        "To",
        "X-HmXmrOriginalRecipient",
        "X-Original-To",
        "Delivered-To",
        "Envelope-To",
        "X-Envelope-To",
        "X-Rcpt-To",
        "Apparently-To",
    ] {
        for value in fields.all(name) {
            collect_addresses(&value, &mut to);
        }
        if !to.is_empty() {
            break;
        }
    }
    let received = fields.all("Received");
    let hops: Vec<Hop> =
        received.iter().take(limits::HOPS_MAX).filter_map(|value| parse_received(value)).collect();
    let path = |value: Cow<'_, str>| {
        let path = value.trim_matches(['<', '>', ' ']).to_owned();
        path.contains('@').then_some(path)
    };
    let return_path = fields
        .get("Return-Path")
        .and_then(path)
        .or_else(|| fields.get("X-Envelope-From").and_then(path))
        .or_else(|| received.iter().find_map(|value| envelope_from(value)));
    Returned {
        message_id: fields.get("Message-ID").as_deref().and_then(message_id),
        subject: fields.get("Subject").map(Cow::into_owned).filter(|s| !s.is_empty()),
        return_path,
        from: fields.get("From").and_then(|from| address_in(&from)).map(|from| from.as_str().to_owned()),
        to,
        hops,
    }
}

impl Returned {
    /// The one recipient that the header names; `None` when it names several or none.
    pub fn single_recipient(&self) -> Option<&EmailAddress> {
        match self.to.as_slice() {
            [only] => Some(only),
            _ => None,
        }
    }
}

/// A Message-ID without its angle brackets.
pub(crate) fn message_id(value: &str) -> Option<String> {
    let id = match value.split_once('<').and_then(|(_, rest)| rest.split_once('>')) {
        Some((id, _)) => id,
        None => value.split_whitespace().next()?,
    };
    let id = id.trim();
    (!id.is_empty()).then(|| id.to_owned())
}

fn envelope_from(received: &str) -> Option<String> {
    let (_, rest) = received.split_once("envelope-from")?;
    let path = rest.trim_start_matches([' ', '=', '<']).split(['>', ')', ' ', ';']).next()?;
    path.contains('@').then(|| path.to_owned())
}

fn collect_addresses(value: &str, to: &mut Vec<EmailAddress>) {
    for entry in value.split(',') {
        if to.len() >= TO_MAX {
            return;
        }
        if let Some(address) = address_in(entry)
            && !to.contains(&address)
        {
            to.push(address);
        }
    }
}

/// Drops empty lines and an mbox separator.
fn without_prologue(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.trim_ascii_start();
    if bytes.starts_with(b"From ") || bytes.starts_with(b">From ") {
        return memchr::memchr(b'\n', bytes).map_or(&[], |end| &bytes[end + 1..]);
    }
    bytes
}

static FIELD_NAMES: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .match_kind(MatchKind::LeftmostFirst)
        .build([
            "Received:",
            "Return-Path:",
            "Message-ID:",
            "From:",
            "Subject:",
            "DKIM-Signature:",
            "X-Originating-IP:",
            "Date:",
            "To:",
        ])
        .ok()
});

/// The header block of a message pasted into a text: a run of fields that can only be a mail's, quoted or indented or not.
fn find_block(text: &str) -> Option<Cow<'_, str>> {
    let names = FIELD_NAMES.as_ref()?;
    let mut after = 0;
    for found in names.find_iter(text).take(200) {
        if found.start() < after {
            continue;
        }
        let line_start = memchr::memrchr(b'\n', &text.as_bytes()[..found.start()]).map_or(0, |at| at + 1);
        let prefix = &text[line_start..found.start()];
        if prefix.len() > 8 || !prefix.bytes().all(|b| matches!(b, b'>' | b' ' | b'|' | b'\t')) {
            continue;
        }
        let block = if prefix.is_empty() {
            Cow::Borrowed(&text[line_start..])
        } else {
            Cow::Owned(without_prefix(&text[line_start..], prefix))
        };
        let (fields, length) = Fields::parse(block.as_bytes());
        let telling = ["From", "To", "Subject", "Message-ID", "Date", "Received", "Return-Path"];
        if telling.iter().filter(|name| fields.has(name)).count() >= 3 {
            return Some(block);
        }
        after = line_start + if prefix.is_empty() { length } else { 1 };
    }
    None
}

/// Most of an indented block that is copied to take the indent off.
const BLOCK_BYTES_MAX: usize = 64 * 1024;

fn without_prefix(text: &str, prefix: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        if out.len() > BLOCK_BYTES_MAX {
            break;
        }
        let line = line.strip_prefix(prefix).unwrap_or_else(|| line.trim_start());
        if line.trim().is_empty() {
            break;
        }
        out.push_str(line);
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::letter::Letter;

    fn read(text: &str) -> Returned {
        read_returned(Letter::parse(text.as_bytes()).unwrap().view()).unwrap_or_default()
    }

    const HEADER: &str = "Received: from a.example by b.example; Thu, 29 Apr 2010 23:34:45 +0900\n\
        From: News <news@a.example>\nTo: u@c.example\nSubject: =?utf-8?q?gr=C3=BC=C3=9Fe?=\nMessage-Id: <1@a.example>\n";

    #[test]
    fn a_header_part_names_the_original() {
        let found = read(&format!(
            "From: x\nContent-Type: multipart/report; boundary=q\n\n--q\n\nhello\n--q\nContent-Type: text/rfc822-headers\n\n{HEADER}--q--\n"
        ));
        assert_eq!(found.message_id.as_deref(), Some("1@a.example"));
        assert_eq!(found.subject.as_deref(), Some("grüße"));
        assert_eq!(found.from.as_deref(), Some("news@a.example"));
        assert_eq!(found.single_recipient().unwrap().as_str(), "u@c.example");
        assert_eq!(found.hops.len(), 1);
    }

    #[test]
    fn a_header_pasted_into_the_text_is_found_also_indented() {
        for indent in ["", "> ", "   "] {
            let pasted: String = HEADER.lines().map(|line| format!("{indent}{line}\n")).collect();
            let found = read(&format!(
                "From: x\n\nTo: your message failed\n\n--- Below this line is a copy of the message.\n\n{pasted}\nbody\n"
            ));
            assert_eq!(found.message_id.as_deref(), Some("1@a.example"), "{indent:?}");
        }
    }

    #[test]
    fn prose_is_no_header() {
        assert_eq!(read("From: x\n\nFrom: is a word\nand so is To: this\n").message_id, None);
    }
}
