//! Cuts a table into records and fields without changing a byte of them (RFC 4180, and what is written in its name).

use std::borrow::Cow;

use memchr::memchr;

use super::limits::RECORD_BYTES_MAX;

/// Where the first record of `bytes` ends, behind its line end. `None` when that is not to be seen yet; with `last` there is
/// nothing to come.
///
/// A quote counts only where a field begins. One that is never closed, or not within [`RECORD_BYTES_MAX`], is a letter like others.
pub(crate) fn record_end(bytes: &[u8], delimiter: u8, line_end: u8, last: bool) -> Option<usize> {
    let line = memchr(line_end, bytes);
    let first = &bytes[..line.unwrap_or(bytes.len())];
    if memchr(b'"', first).is_none() {
        return match line {
            Some(end) => Some(end + 1),
            None if last || bytes.len() > RECORD_BYTES_MAX => (!bytes.is_empty()).then_some(bytes.len()),
            None => None,
        };
    }
    let looked_at = &bytes[..bytes.len().min(RECORD_BYTES_MAX)];
    match quoted_record_end(looked_at, delimiter, line_end) {
        Some(end) => Some(end),
        None if last || bytes.len() > RECORD_BYTES_MAX => Some(line.map_or(bytes.len(), |line| line + 1)),
        None => None,
    }
}

fn quoted_record_end(bytes: &[u8], delimiter: u8, line_end: u8) -> Option<usize> {
    let mut at = 0;
    loop {
        // A field begins here.
        if bytes.get(at) == Some(&b'"') {
            at += 1;
            loop {
                at += memchr(b'"', bytes.get(at..)?)? + 1;
                if bytes.get(at) != Some(&b'"') {
                    break;
                }
                at += 1;
            }
        }
        at += memchr::memchr2(delimiter, line_end, bytes.get(at..)?)?;
        if bytes[at] == line_end {
            return Some(at + 1);
        }
        at += 1;
    }
}

/// The fields of one record as they stand there, with their quotes.
pub(crate) struct Fields<'a> {
    rest: Option<&'a [u8]>,
    delimiter: Option<u8>,
}

impl<'a> Fields<'a> {
    /// Of a record with or without its line end. Without a delimiter all of it is one field.
    pub(crate) fn new(record: &'a [u8], delimiter: Option<u8>) -> Self {
        let record = record.strip_suffix(b"\n").unwrap_or(record);
        let record = record.strip_suffix(b"\r").unwrap_or(record);
        Self { rest: Some(record), delimiter }
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.rest.take()?;
        let Some(delimiter) = self.delimiter else { return Some(rest) };
        let mut at = 0;
        if rest.first() == Some(&b'"') {
            at = 1;
            while let Some(quote) = rest.get(at..).and_then(|rest| memchr(b'"', rest)) {
                at += quote + 1;
                if rest.get(at) != Some(&b'"') {
                    break;
                }
                at += 1;
            }
            // Not closed: the quote is a letter.
            if at == 1 {
                at = 0;
            }
        }
        match memchr(delimiter, &rest[at..]) {
            Some(end) => {
                self.rest = Some(&rest[at + end + 1..]);
                Some(&rest[..at + end])
            }
            None => Some(rest),
        }
    }
}

/// What a field says: without its quotes and the blanks around them. Bytes that are no UTF-8 are taken as Windows-1252.
pub(crate) fn field_text(field: &[u8]) -> Cow<'_, str> {
    let field = field.trim_ascii();
    let (inner, quoted) = match field.strip_prefix(b"\"").and_then(|field| field.strip_suffix(b"\"")) {
        Some(inner) => (inner, true),
        None => (field, false),
    };
    let text = match std::str::from_utf8(inner) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => encoding_rs::WINDOWS_1252.decode_without_bom_handling(inner).0,
    };
    if quoted && text.contains("\"\"") { Cow::Owned(text.replace("\"\"", "\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn records(text: &[u8]) -> Vec<&[u8]> {
        let (mut rest, mut found) = (text, Vec::new());
        while let Some(end) = record_end(rest, b',', b'\n', true) {
            found.push(&rest[..end]);
            rest = &rest[end..];
        }
        assert!(rest.is_empty());
        found
    }

    fn fields(record: &str) -> Vec<String> {
        Fields::new(record.as_bytes(), Some(b',')).map(|field| field_text(field).into_owned()).collect()
    }

    #[test]
    fn quotes_hold_a_record_together() {
        assert_eq!(records(b"a,b\nc,\"d\n,\"\"e\"\nf"), [b"a,b\n".as_slice(), b"c,\"d\n,\"\"e\"\n", b"f"]);
        assert_eq!(fields("a,\"b,\"\"c\"\"\", \"d\" ,\r\n"), ["a", "b,\"c\"", "d", ""]);
        assert_eq!(fields(""), [""]);
    }

    #[test]
    fn a_quote_inside_a_field_or_one_that_is_never_closed_is_a_letter() {
        assert_eq!(records(b"5\" pipe,a\nb\n"), [b"5\" pipe,a\n".as_slice(), b"b\n"]);
        assert_eq!(records(b"\"a,b\nc\n"), [b"\"a,b\n".as_slice(), b"c\n"]);
        assert_eq!(fields("\"a,b"), ["\"a", "b"]);
    }

    #[test]
    fn an_incomplete_record_is_waited_for() {
        assert_eq!(record_end(b"a,\"b\n", b',', b'\n', false), None);
        assert_eq!(record_end(b"a,b", b',', b'\n', false), None);
        assert_eq!(record_end(b"", b',', b'\n', true), None);
    }

    proptest! {
        #[test]
        fn records_put_together_are_the_text(text in prop::collection::vec(prop::sample::select(b"ab,\"\n\r; ".to_vec()), 0..200)) {
            prop_assert_eq!(records(&text).concat(), text);
        }

        #[test]
        fn what_the_csv_crate_writes_is_read_back(table in prop::collection::vec(prop::collection::vec("[a\",\n\r;é ]{0,6}", 3), 1..8)) {
            let mut writer = csv::Writer::from_writer(Vec::new());
            for row in &table { writer.write_record(row).unwrap(); }
            let text = writer.into_inner().unwrap();
            let read: Vec<Vec<String>> = records(&text).iter()
                .map(|record| Fields::new(record, Some(b',')).map(|field| field_text(field).into_owned()).collect())
                .collect();
            let trimmed: Vec<Vec<String>> = table.iter()
                // Blanks at the ends of an unquoted field mean nothing in lists.
                .map(|row| row.iter().map(|field| if field.contains(['"', ',', '\n', '\r']) { field.clone() } else { field.trim_matches(' ').to_owned() }).collect())
                .collect();
            prop_assert_eq!(read, trimmed);
        }
    }
}
