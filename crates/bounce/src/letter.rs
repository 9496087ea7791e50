//! One message, parsed: the only place that touches the MIME library.

use std::borrow::Cow;

use mail_parser::{
    Header, HeaderName, HeaderValue, Message, MessageParser, MessagePart, MimeHeaders, PartType,
};

use crate::limits;

/// A message with its parts in order of appearance. Parts of nested messages are reached through [`Body::Message`].
pub(crate) struct Letter<'x> {
    message: Message<'x>,
}

/// One MIME part that is no multipart.
pub(crate) struct Part<'a> {
    raw: &'a [u8],
    part: &'a MessagePart<'a>,
}

/// What a part holds, decoded.
pub(crate) enum Body<'a> {
    /// `text/*` but HTML, and unlabelled text, in UTF-8.
    Text(&'a str),
    /// `text/html`, in UTF-8, tags and all.
    Html(&'a str),
    /// Anything else, transfer encoding undone: delivery-status parts among them.
    Bytes(&'a [u8]),
    /// A nested message (`message/rfc822`, `message/global`).
    Message(LetterRef<'a>),
}

/// A nested message.
#[derive(Clone, Copy)]
pub(crate) struct LetterRef<'a> {
    message: &'a Message<'a>,
}

impl<'x> Letter<'x> {
    /// Parses a message; `None` when there is not even a header.
    pub fn parse(bytes: &'x [u8]) -> Option<Self> {
        let bytes = &bytes[..bytes.len().min(limits::MESSAGE_BYTES_MAX)];
        MessageParser::default().parse(bytes).map(|message| Self { message })
    }

    /// The message as a view.
    pub fn view(&self) -> LetterRef<'_> {
        LetterRef { message: &self.message }
    }
}

impl<'a> LetterRef<'a> {
    /// The parts that are no multiparts, in order.
    pub fn parts(self) -> impl Iterator<Item = Part<'a>> {
        let raw = &self.message.raw_message;
        self.message
            .parts
            .iter()
            .take(limits::PARTS_MAX)
            .filter(|part| !matches!(part.body, PartType::Multipart(_)))
            .map(move |part| Part { raw, part })
    }

    /// The first header of that name, unfolded and decoded.
    pub fn header(self, name: &str) -> Option<Cow<'a, str>> {
        find(&self.message.parts.first()?.headers, name)
            .map(|header| text_of(header, &self.message.raw_message))
    }

    /// The content type of the whole message as `type/subtype`, lower case.
    pub fn content_type(self) -> String {
        self.message.parts.first().map(content_type_of).unwrap_or_default()
    }
}

impl<'a> Part<'a> {
    /// `type/subtype`, lower case; `text/plain` where none is given.
    pub fn content_type(&self) -> String {
        content_type_of(self.part)
    }

    /// The content, decoded.
    pub fn body(&self) -> Body<'a> {
        match &self.part.body {
            PartType::Text(text) => Body::Text(text),
            PartType::Html(text) => Body::Html(text),
            PartType::Binary(bytes) | PartType::InlineBinary(bytes) => Body::Bytes(bytes),
            PartType::Message(message) => Body::Message(LetterRef { message }),
            PartType::Multipart(_) => Body::Bytes(&[]),
        }
    }

    /// The content as it stood in the message, before decoding.
    pub fn raw(&self) -> &'a [u8] {
        self.raw.get(self.part.offset_body as usize..self.part.offset_end as usize).unwrap_or_default()
    }
}

fn content_type_of(part: &MessagePart<'_>) -> String {
    match part.content_type() {
        Some(ct) => format!("{}/{}", ct.c_type, ct.c_subtype.as_deref().unwrap_or("")).to_ascii_lowercase(),
        None => "text/plain".to_owned(),
    }
}

fn find<'a>(headers: &'a [Header<'a>], name: &str) -> Option<&'a Header<'a>> {
    headers.iter().find(|header| match &header.name {
        HeaderName::Other(other) => other.eq_ignore_ascii_case(name),
        known => known.as_str().eq_ignore_ascii_case(name),
    })
}

fn text_of<'a>(header: &'a Header<'a>, raw: &'a [u8]) -> Cow<'a, str> {
    match &header.value {
        HeaderValue::Text(text) => Cow::Borrowed(text),
        _ => {
            let bytes = raw.get(header.offset_start as usize..header.offset_end as usize).unwrap_or_default();
            Cow::Owned(String::from_utf8_lossy(bytes).split_whitespace().collect::<Vec<_>>().join(" "))
        }
    }
}
