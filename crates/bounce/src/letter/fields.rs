use std::borrow::Cow;
use std::ops::Range;

use mail_parser::HeaderValue;
use mail_parser::parsers::MessageStream;
use memchr::memchr;

use super::decode;
use crate::limits;

/// Where one header field stands.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    name: Range<usize>,
    value: Range<usize>,
}

/// A block of header fields (RFC 5322 §2.2), or of delivery-status fields (RFC 3464 §2.1), over the bytes they stand in.
#[derive(Clone)]
pub(crate) struct Fields<'a> {
    raw: &'a [u8],
    list: Cow<'a, [Field]>,
}

/// A Content-Type (RFC 2045 §5.1).
#[derive(Clone, Debug, Default)]
pub(crate) struct ContentType {
    /// `type/subtype`, lower case.
    pub kind: String,
    parameters: Vec<(String, String)>,
}

impl<'a> Fields<'a> {
    pub(super) fn new(raw: &'a [u8], list: Cow<'a, [Field]>) -> Self {
        Self { raw, list }
    }

    /// Reads fields from the start of `raw` to the first line that is none; also says where that line, or what follows the
    /// empty line, begins.
    pub fn parse(raw: &'a [u8]) -> (Self, usize) {
        let (list, end) = scan(raw, 0);
        (Self { raw, list: Cow::Owned(list) }, end)
    }

    /// The first field of that name, unfolded and decoded.
    pub fn get(&self, name: &str) -> Option<Cow<'a, str>> {
        self.find(name).map(|field| value(self.raw, field))
    }

    /// All fields of that name in order, unfolded and decoded.
    pub fn all(&self, name: &str) -> Vec<Cow<'a, str>> {
        let named = |field: &&Field| self.is_named(field, name);
        self.list.iter().filter(named).map(|field| value(self.raw, field)).collect()
    }

    /// Whether there is a field of that name.
    pub fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// The whole block as it stands in the message, from the first field to the last.
    pub fn block(&self) -> &'a [u8] {
        match (self.list.first(), self.list.last()) {
            (Some(first), Some(last)) => self.raw.get(first.name.start..last.value.end).unwrap_or_default(),
            _ => &[],
        }
    }

    /// Each field as it stands in the message, from the first byte of its name to the last of its value.
    pub fn spans(&self) -> impl Iterator<Item = &'a [u8]> {
        let raw = self.raw;
        self.list.iter().map(move |field| raw.get(field.name.start..field.value.end).unwrap_or_default())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The Content-Type field, read.
    pub fn content_type(&self) -> Option<ContentType> {
        let field = self.find("Content-Type")?;
        ContentType::parse(&value(self.raw, field))
    }

    fn find(&self, name: &str) -> Option<&Field> {
        self.list.iter().find(|field| self.is_named(field, name))
    }

    fn is_named(&self, field: &Field, name: &str) -> bool {
        self.raw.get(field.name.clone()).is_some_and(|n| n.eq_ignore_ascii_case(name.as_bytes()))
    }
}

impl ContentType {
    fn parse(text: &str) -> Option<Self> {
        let mut rest = text.trim();
        let end = rest.find([';', ' ', '\t', '(']).unwrap_or(rest.len());
        let kind = rest.get(..end)?.to_ascii_lowercase();
        rest = rest.get(end..)?;
        let mut parameters = Vec::new();
        while let Some(at) = rest.find(';') {
            rest = rest[at + 1..].trim_start();
            let Some(equals) = rest.find(['=', ';']) else { break };
            if rest[equals..].starts_with(';') {
                rest = &rest[equals..];
                continue;
            }
            let name = rest[..equals].trim().trim_end_matches('*').to_ascii_lowercase();
            rest = rest[equals + 1..].trim_start();
            let value;
            if let Some(quoted) = rest.strip_prefix('"') {
                let end = quoted.find('"').unwrap_or(quoted.len());
                value = quoted[..end].replace('\\', "");
                rest = &quoted[end..];
            } else {
                let end = rest.find([';', ' ', '\t']).unwrap_or(rest.len());
                value = rest[..end].to_owned();
                rest = &rest[end..];
            }
            parameters.push((name, value));
            if parameters.len() >= 32 {
                break;
            }
        }
        (!kind.is_empty()).then_some(Self { kind, parameters })
    }

    /// A parameter by its lower-case name.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

/// Finds the fields that start at `start`; returns where the content after them starts.
pub(super) fn scan(raw: &[u8], start: usize) -> (Vec<Field>, usize) {
    let mut list: Vec<Field> = Vec::new();
    let mut at = start;
    while at < raw.len() {
        let end = line_end(raw, at);
        let line = trim_line(&raw[at..end]);
        if line.is_empty() {
            return (list, end);
        }
        if matches!(line[0], b' ' | b'\t') {
            // A line of white space alone ends a header in the wild; it also stands between delivery-status groups.
            if line.iter().all(u8::is_ascii_whitespace) {
                return (list, end);
            }
            match list.last_mut() {
                Some(field) => field.value.end = at + line.len(),
                None => return (list, at),
            }
        } else if let Some(colon) = name_length(line) {
            if list.len() < limits::FIELDS_MAX {
                list.push(Field {
                    name: at..at + trim_end(&line[..colon]),
                    value: at + colon + 1..at + line.len(),
                });
            }
        } else {
            // Folds that lost their indent are passed over, where the header goes on below them; anything else is content.
            if list.is_empty() || line.starts_with(b"--") || !header_goes_on(raw, end) {
                return (list, at);
            }
            if let Some(field) = list.last_mut() {
                field.value.end = at + line.len();
            }
        }
        at = end;
    }
    (list, raw.len())
}

/// Most lines of a broken fold that are passed over.
const BROKEN_LINES_MAX: usize = 20;

/// Whether the next line is a field, or one of those that every mail has follows before the header ends.
fn header_goes_on(raw: &[u8], mut at: usize) -> bool {
    for number in 0..BROKEN_LINES_MAX {
        let end = line_end(raw, at);
        let line = trim_line(raw.get(at..end).unwrap_or_default());
        if line.is_empty() || line.starts_with(b"--") {
            return false;
        }
        if let Some(colon) = name_length(line) {
            let name = &line[..colon];
            let usual = [
                "Received",
                "From",
                "To",
                "Subject",
                "Date",
                "Message-ID",
                "MIME-Version",
                "DKIM-Signature",
                "Return-Path",
            ];
            let is_usual = usual.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()));
            if number == 0 || is_usual {
                return true;
            }
        }
        at = end;
    }
    false
}

/// The length of a field name before its colon; `None` when the line is no field.
fn name_length(line: &[u8]) -> Option<usize> {
    let colon = memchr(b':', &line[..line.len().min(80)])?;
    let name = &line[..trim_end(&line[..colon])];
    // A name is printable ASCII without a space (RFC 5322 §3.6.8).
    (!name.is_empty() && name.iter().all(|b| (33..127).contains(b))).then_some(colon)
}

fn trim_end(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|b| !matches!(b, b' ' | b'\t')).map_or(0, |at| at + 1)
}

/// Where the line that starts at `at` ends, its line feed included.
pub(super) fn line_end(raw: &[u8], at: usize) -> usize {
    raw.get(at..).and_then(|rest| memchr(b'\n', rest)).map_or(raw.len(), |lf| at + lf + 1)
}

/// A line without its line feed.
pub(super) fn trim_line(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

fn value<'a>(raw: &'a [u8], field: &Field) -> Cow<'a, str> {
    let bytes = raw.get(field.value.clone()).unwrap_or_default();
    let bytes = &bytes[..bytes.len().min(limits::FIELD_BYTES_MAX)];
    unfold(bytes)
}

/// A field's value on one line, white space single at folds, encoded words (RFC 2047) decoded.
pub(crate) fn unfold(bytes: &[u8]) -> Cow<'_, str> {
    let folded = memchr(b'\n', bytes).is_some();
    let plain = bytes.is_ascii() && memchr(0x1B, bytes).is_none();
    let encoded = memchr::memmem::find(bytes, b"=?").is_some();
    if plain && !folded && !encoded {
        return Cow::Borrowed(std::str::from_utf8(bytes).unwrap_or_default().trim());
    }
    let text: Cow<'_, str> = if plain {
        Cow::Borrowed(std::str::from_utf8(bytes).unwrap_or_default())
    } else {
        Cow::Owned(decode::charset(bytes, None).0)
    };
    let text = if folded { Cow::Owned(one_line(&text)) } else { text };
    if encoded {
        let with_end = format!("{}\n", text.trim());
        if let HeaderValue::Text(text) = MessageStream::new(with_end.as_bytes()).parse_unstructured() {
            return Cow::Owned(text.trim().to_owned());
        }
    }
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    }
}

fn one_line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        let line = if out.is_empty() { line.trim_end() } else { line.trim() };
        if !out.is_empty() && !line.is_empty() {
            out.push(' ');
        }
        out.push_str(line);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_unfolded_and_decoded() {
        let (fields, end) = Fields::parse(
            b"Subject: =?utf-8?q?a=20b?=\r\n =?utf-8?q?c?=\r\nX-A : one\r\n\ttwo  three\r\n\r\nbody",
        );
        assert_eq!(fields.get("subject").unwrap(), "a bc");
        assert_eq!(fields.get("x-a").unwrap(), "one two  three");
        assert_eq!(end, 70);
    }

    #[test]
    fn folds_that_lost_their_indent_do_not_end_a_header() {
        let (fields, _) =
            Fields::parse(b"DKIM-Signature: v=1;\ns=x;\nh=From;\nbh=abc\nFrom: a@b.example\n\nFrom: body\n");
        assert_eq!(fields.get("From").unwrap(), "a@b.example");
        let (fields, end) = Fields::parse(b"Subject: x\nhello there\nwithout an empty line\n\nFrom: x\n");
        assert_eq!((fields.get("From"), end), (None, 11));
    }

    #[test]
    fn content_types_are_read_as_they_are_written() {
        let (fields, _) = Fields::parse(b"Content-Type: Multipart/Report; Report-Type=delivery-status;\n boundary=\"a;b\" ; charset = UTF-8");
        let ct = fields.content_type().unwrap();
        assert_eq!(ct.kind, "multipart/report");
        assert_eq!(ct.parameter("boundary"), Some("a;b"));
        assert_eq!(ct.parameter("report-type"), Some("delivery-status"));
        assert_eq!(ct.parameter("charset"), Some("UTF-8"));
    }
}
