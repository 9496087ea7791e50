use std::borrow::Cow;
use std::io::{self, Read};

use abprall_mail::Reason;
use serde_json::Value;

use super::dialect::Layout;
use super::encoding::head;
use super::entry::{Item, Problem};
use super::format::Format;
use super::json::{Entries, Found};
use super::limits::{COLUMNS_MAX, SAMPLE_BYTES};
use super::mapping::{self, shortened};
use super::record::field_text;
use super::row::{Keys, Row};

const CHUNK_BYTES: usize = 128 * 1024;

/// What holds where a list says nothing.
pub(crate) struct Defaults<'a> {
    /// For files that are only addresses.
    pub(crate) reason: Reason,
    /// For "hard bounce" without further words.
    pub(crate) hard: Reason,
    /// Reads the text of a reply; `None` where no rule is sure.
    pub(crate) classify: &'a dyn Fn(&str) -> Option<Reason>,
}

/// Why a list could not be read to its end.
#[derive(Debug)]
pub(crate) enum ReadListError<E> {
    /// The input failed.
    Io(io::Error),
    /// The one who takes the items failed.
    Taker(E),
}

/// Reads a list in UTF-8 and hands out its items in order. Gives the format that was found, or that was asked for.
pub(crate) fn read_list<E>(
    input: impl Read,
    format: Option<Format>,
    defaults: &Defaults<'_>,
    each: &mut dyn FnMut(Item) -> Result<(), E>,
) -> Result<Format, ReadListError<E>> {
    let (sample, input) = head(input, SAMPLE_BYTES).map_err(ReadListError::Io)?;
    if matches!(sample.trim_ascii_start().first(), Some(b'{' | b'[')) {
        return read_json(input, format, defaults, each);
    }
    let layout = Layout::guess(&sample, sample.len() < SAMPLE_BYTES);
    read_table(input, &layout, &sample, format, defaults, each)
}

fn read_json<E>(
    mut input: impl Read,
    format: Option<Format>,
    defaults: &Defaults<'_>,
    each: &mut dyn FnMut(Item) -> Result<(), E>,
) -> Result<Format, ReadListError<E>> {
    let (mut entries, mut found, mut known) = (Entries::new(), Vec::new(), format);
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let count = read_some(&mut input, &mut chunk).map_err(ReadListError::Io)?;
        entries.feed(&chunk[..count], &mut found);
        if count == 0 {
            entries.end(&mut found);
        }
        for entry in found.drain(..) {
            let item = match entry {
                Found::Object { line, text } => match serde_json::from_slice::<Value>(&text) {
                    Ok(value) => {
                        let row = Row::of_json(&value);
                        let format = *known.get_or_insert_with(|| Format::of_keys(row.keys()));
                        mapping::item(format, &row, line, defaults)
                    }
                    Err(_) => bad(line, &text, Problem::BrokenJson),
                },
                Found::Text { line, text, .. } => match serde_json::from_slice::<String>(&text) {
                    Ok(text) => plain(&text, line, defaults),
                    Err(_) => bad(line, &text, Problem::BrokenJson),
                },
                Found::Broken { line } => bad(line, b"", Problem::BrokenJson),
                Found::TooLong { line } => bad(line, b"", Problem::TooLong),
            };
            each(item).map_err(ReadListError::Taker)?;
        }
        if count == 0 {
            return Ok(known.unwrap_or(Format::Plain));
        }
    }
}

fn read_table<E>(
    mut input: impl Read,
    layout: &Layout,
    sample: &[u8],
    format: Option<Format>,
    defaults: &Defaults<'_>,
    each: &mut dyn FnMut(Item) -> Result<(), E>,
) -> Result<Format, ReadListError<E>> {
    let keys = match &layout.header {
        Some(header) => Keys::new(header),
        None => assumed_keys(layout, sample, format),
    };
    let is_plain = layout.dialect.delimiter.is_none() && layout.header.is_none();
    let format = format.unwrap_or_else(|| if is_plain { Format::Plain } else { Format::of_keys(&keys) });
    // A table whose column of addresses has a name of its own.
    let renamed = layout.header.as_ref().filter(|_| format == Format::Csv && keys.place("address").is_none());
    let keys = match renamed {
        Some(header) => Keys::new(
            header.iter().enumerate().map(
                |(place, name)| {
                    if place == layout.column { "address" } else { name.as_str() }
                },
            ),
        ),
        None => keys,
    };
    let mut records = Records::new(layout);
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut header = layout.header.is_some();
    loop {
        let count = read_some(&mut input, &mut chunk).map_err(ReadListError::Io)?;
        records.feed(&chunk[..count], count == 0);
        while let Some((line, record)) = records.next() {
            if record.trim_ascii().is_empty() {
                continue;
            }
            if std::mem::take(&mut header) {
                continue;
            }
            let item = if record.len() > super::limits::RECORD_BYTES_MAX {
                bad(line, record, Problem::TooLong)
            } else if is_plain {
                let text = field_text(record);
                if text.starts_with('#') {
                    continue;
                }
                plain(&text, line, defaults)
            } else {
                let fields = layout.dialect.fields(record).take(COLUMNS_MAX);
                let values: Vec<Cow<'_, str>> = fields.map(field_text).collect();
                mapping::item(format, &Row::new(&keys, values), line, defaults)
            };
            each(item).map_err(ReadListError::Taker)?;
        }
        if count == 0 {
            return Ok(format);
        }
    }
}

/// Names for the columns of a table without a header: the addresses, and words that say why.
fn assumed_keys(layout: &Layout, sample: &[u8], format: Option<Format>) -> Keys {
    let end = layout.dialect.record_end(sample, true).unwrap_or(0);
    let first: Vec<_> = layout.dialect.fields(&sample[..end]).take(COLUMNS_MAX).map(field_text).collect();
    let is_ses = first.len() == 2 && matches!(&*first[1], "BOUNCE" | "COMPLAINT");
    let address = match format {
        _ if is_ses => "emailaddress",
        Some(Format::Ses | Format::Postmark | Format::Mailchimp) => "emailaddress",
        Some(Format::Sendgrid | Format::Brevo | Format::Listmonk) => "email",
        Some(Format::Sparkpost) => "recipient",
        Some(Format::Mailgun | Format::Csv | Format::Plain) | None => "address",
    };
    let mut reason_given = false;
    Keys::new(first.iter().enumerate().map(|(place, field)| {
        if place == layout.column {
            return address;
        }
        let is_reason = super::words::word(field).is_some() || field.parse::<Reason>().is_ok();
        if is_reason && !std::mem::replace(&mut reason_given, true) { "reason" } else { "" }
    }))
}

fn plain(text: &str, line: u64, defaults: &Defaults<'_>) -> Item {
    let keys = Keys::new(["address"]);
    mapping::item(Format::Plain, &Row::new(&keys, vec![Cow::Borrowed(text)]), line, defaults)
}

fn bad(line: u64, text: &[u8], problem: Problem) -> Item {
    let text = &text[..text.len().min(4 * super::limits::SHOWN_CHARS_MAX)];
    Item::Bad { line, text: shortened(String::from_utf8_lossy(text).trim()), problem }
}

fn read_some(input: &mut impl Read, chunk: &mut [u8]) -> io::Result<usize> {
    loop {
        match input.read(chunk) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

/// Cuts records out of chunks and counts the lines.
struct Records<'a> {
    layout: &'a Layout,
    waiting: Vec<u8>,
    start: usize,
    line: u64,
    last: bool,
}

impl<'a> Records<'a> {
    fn new(layout: &'a Layout) -> Self {
        Self { layout, waiting: Vec::new(), start: 0, line: 1, last: false }
    }

    fn feed(&mut self, bytes: &[u8], last: bool) {
        self.waiting.drain(..self.start);
        self.start = 0;
        self.waiting.extend_from_slice(bytes);
        self.last = last;
    }

    fn next(&mut self) -> Option<(u64, &[u8])> {
        let dialect = self.layout.dialect;
        let rest = &self.waiting[self.start..];
        let end = dialect.record_end(rest, self.last)?;
        let record = &rest[..end];
        let line = self.line;
        self.line += memchr::memchr_iter(dialect.line_end, record).count() as u64;
        self.start += end;
        Some((line, record))
    }
}
