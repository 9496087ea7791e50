//! One message, taken apart: the only place that touches the MIME library.
//!
//! The structure (boundaries, nested messages) is found here in one pass without recursion, with limits and without copying;
//! nothing is decoded before somebody asks for it. What stands inside header fields, transfer encodings and charsets is
//! `mail-parser`'s.

use std::borrow::Cow;
use std::cell::{Cell, OnceCell};

use memchr::memchr;

use crate::{Damage, limits};

mod date;
mod decode;
mod entity;
mod fields;
mod received;

pub(crate) use date::parse_date;
pub(crate) use fields::{Fields, unfold};
pub(crate) use received::parse_received;

use decode::Encoding;
use entity::{Entity, Shape};

/// A message with its parts in order of appearance. Parts of nested messages are reached through [`Body::Message`].
pub(crate) struct Letter<'x> {
    raw: Cow<'x, [u8]>,
    entities: Vec<Entity>,
    /// What had to be decoded, by entity.
    decoded: Vec<OnceCell<Decoded>>,
    damage: Vec<Damage>,
    bad_charset: Cell<bool>,
    /// How many transfer encodings stand around this message.
    wrapped: u8,
}

enum Decoded {
    Text(String),
    Bytes(Vec<u8>),
    Letter(Option<Box<Letter<'static>>>),
}

/// One MIME part that is no multipart.
#[derive(Clone, Copy)]
pub(crate) struct Part<'a> {
    letter: &'a Letter<'a>,
    index: usize,
}

/// What a part holds, decoded.
pub(crate) enum Body<'a> {
    /// `text/*` but HTML, and unlabelled text, in UTF-8; at most [`limits::TEXT_BYTES_MAX`].
    Text(&'a str),
    /// `text/html`, in UTF-8, tags and all.
    Html(&'a str),
    /// Anything else, delivery-status parts among them: see [`Part::bytes`].
    Other,
    /// A nested message (`message/rfc822`, `message/global`).
    Message(LetterRef<'a>),
}

/// A message: the outermost, or a nested one.
#[derive(Clone, Copy)]
pub(crate) struct LetterRef<'a> {
    letter: &'a Letter<'a>,
    root: usize,
}

impl<'x> Letter<'x> {
    /// Takes a message apart; `None` when there is not even a header.
    pub fn parse(bytes: &'x [u8]) -> Option<Self> {
        let cut = &bytes[..bytes.len().min(limits::MESSAGE_BYTES_MAX)];
        let mut letter = Self::take_apart(with_line_feeds(without_prologue(cut)), 0)?;
        if cut.len() < bytes.len() {
            letter.damage.push(Damage::TooLarge);
        }
        if memchr(0, cut).is_some() {
            letter.damage.push(Damage::NulByte);
        }
        Some(letter)
    }

    fn take_apart(raw: Cow<'x, [u8]>, wrapped: u8) -> Option<Self> {
        let mut damage = Vec::new();
        let entities = entity::walk(&raw, &mut damage);
        if entities.first()?.fields.is_empty() {
            return None;
        }
        let decoded = entities.iter().map(|_| OnceCell::new()).collect();
        Some(Self { raw, entities, decoded, damage, bad_charset: Cell::new(false), wrapped })
    }

    /// The message as a view.
    pub fn view(&self) -> LetterRef<'_> {
        LetterRef { letter: self, root: 0 }
    }

    /// What was found broken so far; text that nobody has asked for is not decoded and so not judged.
    pub fn damage(&self) -> Vec<Damage> {
        let mut damage = self.damage.clone();
        if self.bad_charset.get() {
            damage.push(Damage::BadCharset);
        }
        damage
    }

    fn body_of(&self, index: usize) -> &[u8] {
        self.entities.get(index).and_then(|e| self.raw.get(e.body.clone())).unwrap_or_default()
    }
}

impl<'a> LetterRef<'a> {
    /// The parts that are no multiparts, in order.
    pub fn parts(self) -> impl Iterator<Item = Part<'a>> {
        let Self { letter, root } = self;
        (root..letter.entities.len())
            .filter(move |&index| {
                let entity = &letter.entities[index];
                entity.message == root && entity.shape != Shape::Multipart
            })
            .map(move |index| Part { letter, index })
    }

    /// The first header of that name, unfolded and decoded.
    pub fn header(self, name: &str) -> Option<Cow<'a, str>> {
        self.fields().get(name)
    }

    /// The header fields.
    pub fn fields(self) -> Fields<'a> {
        match self.letter.entities.get(self.root) {
            Some(entity) => Fields::new(&self.letter.raw, Cow::Borrowed(&entity.fields)),
            None => Fields::new(&self.letter.raw, Cow::Borrowed(&[])),
        }
    }

    /// The content type of the whole message as `type/subtype`, lower case.
    pub fn content_type(self) -> String {
        self.fields().content_type().unwrap_or_default().kind
    }

    /// A parameter of the message's Content-Type, such as `report-type`, lower case.
    pub fn content_type_parameter(self, name: &str) -> Option<String> {
        let found = self.fields().content_type()?.parameter(name)?.to_ascii_lowercase();
        Some(found)
    }
}

impl<'a> Part<'a> {
    /// `type/subtype`, lower case; `text/plain` where none is given.
    pub fn content_type(&self) -> String {
        self.entity().kind.clone()
    }

    /// As [`Part::content_type`], borrowed.
    pub fn kind(&self) -> &'a str {
        &self.entity().kind
    }

    /// Whether a transfer encoding has to be undone.
    pub fn is_encoded(&self) -> bool {
        self.entity().encoding != Encoding::None
    }

    /// Whether the type is `kind`.
    pub fn is(&self, kind: &str) -> bool {
        self.entity().kind == kind
    }

    /// The first header of the part of that name, unfolded and decoded.
    pub fn header(&self, name: &str) -> Option<Cow<'a, str>> {
        Fields::new(&self.letter.raw, Cow::Borrowed(&self.entity().fields)).get(name)
    }

    /// The content, decoded.
    pub fn body(&self) -> Body<'a> {
        let entity = self.entity();
        match entity.shape {
            Shape::Message => Body::Message(LetterRef { letter: self.letter, root: self.index + 1 }),
            Shape::Encoded => match self.nested() {
                Some(letter) => Body::Message(letter.view()),
                None => Body::Other,
            },
            Shape::Html => Body::Html(self.text()),
            Shape::Text => Body::Text(self.text()),
            Shape::Other | Shape::Multipart => Body::Other,
        }
    }

    /// The content as it stood in the message, before decoding.
    pub fn raw(&self) -> &'a [u8] {
        self.letter.body_of(self.index)
    }

    /// The content as text, whatever its type says; transfer encoding and charset undone.
    pub fn text(&self) -> &'a str {
        let entity = self.entity();
        let encoding = entity.encoding;
        let raw = self.raw();
        if encoding == Encoding::None
            && let Some(text) =
                decode::borrowed(start_of(raw, limits::TEXT_BYTES_MAX), entity.charset.as_deref())
        {
            return text;
        }
        let decoded = self.letter.decoded[self.index].get_or_init(|| {
            let bytes = decode::transfer(start_of(raw, limits::TEXT_BYTES_MAX * 3), encoding);
            let (text, bad) =
                decode::charset(start_of(&bytes, limits::TEXT_BYTES_MAX), entity.charset.as_deref());
            if bad {
                self.letter.bad_charset.set(true);
            }
            Decoded::Text(text)
        });
        match decoded {
            Decoded::Text(text) => text,
            Decoded::Bytes(bytes) => std::str::from_utf8(bytes).unwrap_or_default(),
            Decoded::Letter(_) => "",
        }
    }

    /// The content as bytes, transfer encoding undone.
    pub fn bytes(&self) -> &'a [u8] {
        let encoding = self.entity().encoding;
        if encoding == Encoding::None {
            return self.raw();
        }
        match self.letter.decoded[self.index]
            .get_or_init(|| Decoded::Bytes(decode::transfer(self.raw(), encoding).into_owned()))
        {
            Decoded::Bytes(bytes) => bytes,
            Decoded::Text(text) => text.as_bytes(),
            Decoded::Letter(_) => &[],
        }
    }

    fn nested(&self) -> Option<&'a Letter<'a>> {
        if self.letter.wrapped >= limits::ENCODED_MESSAGES_DEPTH_MAX {
            return None;
        }
        let decoded = self.letter.decoded[self.index].get_or_init(|| {
            let bytes = decode::transfer(self.raw(), self.entity().encoding).into_owned();
            let bytes = with_line_feeds(bytes);
            Decoded::Letter(Letter::take_apart(bytes, self.letter.wrapped + 1).map(Box::new))
        });
        match decoded {
            Decoded::Letter(letter) => letter.as_deref(),
            Decoded::Text(_) | Decoded::Bytes(_) => None,
        }
    }

    fn entity(&self) -> &'a Entity {
        &self.letter.entities[self.index]
    }
}

/// The first `bytes_max` bytes.
fn start_of(bytes: &[u8], bytes_max: usize) -> &[u8] {
    &bytes[..bytes.len().min(bytes_max)]
}

/// Drops what stands before the header: a byte order mark, empty lines, an mbox separator.
fn without_prologue(bytes: &[u8]) -> &[u8] {
    let mut rest = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    while let Some((b'\r' | b'\n', after)) = rest.split_first() {
        rest = after;
    }
    let line = rest.strip_prefix(b">").unwrap_or(rest);
    if line.starts_with(b"From ")
        && let Some(end) = memchr(b'\n', rest).or_else(|| memchr(b'\r', rest))
    {
        return &rest[end + 1..];
    }
    rest
}

/// Turns bare CR into LF in a message that knows no LF (old Macs, broken gateways).
fn with_line_feeds<'x>(bytes: impl Into<Cow<'x, [u8]>>) -> Cow<'x, [u8]> {
    let bytes = bytes.into();
    let start = start_of(&bytes, 16 * 1024);
    if memchr(b'\n', start).is_some() || memchr(b'\r', start).is_none() {
        return bytes;
    }
    let mut owned = bytes.into_owned();
    for byte in &mut owned {
        if *byte == b'\r' {
            *byte = b'\n';
        }
    }
    Cow::Owned(owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(letter: &Letter<'_>) -> Vec<String> {
        letter
            .view()
            .parts()
            .map(|part| match part.body() {
                Body::Text(text) | Body::Html(text) => text.to_owned(),
                Body::Other => format!("{} bytes", part.bytes().len()),
                Body::Message(inner) => format!("message {:?}", inner.header("Subject")),
            })
            .collect()
    }

    const REPORT: &str = "From: a@b.example\nContent-Type: multipart/report; boundary=\"x y\"\n\npreamble\n--x y\n\nhello\n\
        --x y\nContent-Type: message/delivery-status\nContent-Transfer-Encoding: base64\n\nQWN0aW9uOiBmYWlsZWQK\n\
        --x y\nContent-Type: message/rfc822\n\nSubject: =?utf-8?q?gr=C3=BC=C3=9Fe?=\nContent-Type: multipart/mixed; boundary=z\n\n\
        --z\n\ninner\n--x y--\n";

    #[test]
    fn a_report_falls_into_its_parts() {
        for text in [REPORT.to_owned(), REPORT.replace('\n', "\r\n"), REPORT.replace('\n', "\r")] {
            let text = format!("From MAILER-DAEMON Mon\n{text}")
                .replace("Mon\n", if text.contains('\n') { "Mon\n" } else { "Mon\r" });
            let letter = Letter::parse(text.as_bytes()).unwrap();
            assert_eq!(texts(&letter), ["hello", "15 bytes", "message Some(\"grüße\")"], "{text:?}");
            assert_eq!(letter.damage(), []);
        }
    }

    #[test]
    fn a_multipart_without_its_boundary_is_text() {
        let letter =
            Letter::parse(b"From: a\nContent-Type: multipart/report; boundary=x\n\nno parts here\n").unwrap();
        assert_eq!(texts(&letter), ["no parts here\n"]);
        assert_eq!(letter.damage(), [Damage::MissingBoundary]);
    }

    #[test]
    fn a_boundary_that_the_header_forgot_is_found_in_the_body() {
        let letter = Letter::parse(
            b"From: a\nContent-Type: multipart/report\n\n--q\nContent-Type: text/plain\n\none\n--q\nContent-Type: message/delivery-status\n\nx\n--q--\n",
        )
        .unwrap();
        assert_eq!(texts(&letter), ["one", "1 bytes"]);
    }

    #[test]
    fn a_cut_message_keeps_its_parts_and_says_so() {
        let letter =
            Letter::parse(b"From: a\nContent-Type: multipart/report; boundary=x\n\n--x\n\none\n--x\n\ntw")
                .unwrap();
        assert_eq!(texts(&letter), ["one", "tw"]);
        assert_eq!(letter.damage(), [Damage::Truncated]);
    }

    #[test]
    fn a_message_in_base64_is_a_message() {
        let letter = Letter::parse(
            b"From: a\nContent-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nU3ViamVjdDogaGkKCmJvZHkK\n",
        )
        .unwrap();
        assert_eq!(texts(&letter), ["message Some(\"hi\")"]);
    }

    #[test]
    fn unlabelled_japanese_is_read() {
        let letter = Letter::parse(b"From: a\nSubject: \x1b$B$\"\x1b(B\n\n\x1b$B$\"\x1b(B\n").unwrap();
        assert_eq!(texts(&letter), ["あ\n"]);
        assert_eq!(letter.view().header("subject").unwrap(), "あ");
    }

    #[test]
    fn ten_thousand_nested_messages_do_no_harm() {
        let deep = "Content-Type: message/rfc822\n\n".repeat(10_000) + "Subject: x\n\ny";
        let letter = Letter::parse(deep.as_bytes()).unwrap();
        assert!(letter.damage().contains(&Damage::TooManyParts));
        let wide = "Content-Type: multipart/mixed; boundary=a\n\n".to_owned() + &"--a\n\nx\n".repeat(10_000);
        assert!(Letter::parse(wide.as_bytes()).unwrap().damage().contains(&Damage::TooManyParts));
    }
}
