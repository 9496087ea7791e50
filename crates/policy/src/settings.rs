//! Reading a TOML file of settings. Everything that is wrong is said at once, with the line, the key and a hint; what holds in the end can
//! be shown, wherever it comes from.

mod effective;

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::time::Duration;

use jiff::{Span, SpanRelativeTo};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

pub use effective::{Effective, Origin, Override, Setting};
use effective::{duration_text, quoted, table_key};

/// One thing that is wrong.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Problem {
    /// The line, from 1; 0 where it is not from the file.
    pub line: usize,
    /// The key, with its tables: `brake.factor`; empty where the file is no TOML.
    pub key: String,
    /// What is wrong, and what to do.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "line {}: ", self.line)?;
        }
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)
    }
}

/// Reads a file: `take` asks for all that it knows; what it does not ask for is unknown.
///
/// # Errors
/// All problems, in the order of the file; then nothing of what was taken is to be used.
pub fn read(
    text: &str,
    take: impl FnOnce(&mut Reader<'_>, &mut Section<'_, '_>),
) -> Result<(), Vec<Problem>> {
    read_with(text, &[], take).map(|_| ())
}

/// As [`read`], where other sources say some keys instead of the file; of several that say the same key, the last one counts. Gives all
/// that holds.
///
/// # Errors
/// As there; a problem that is not of the file tells its source.
pub fn read_with(
    text: &str,
    overrides: &[Override],
    take: impl FnOnce(&mut Reader<'_>, &mut Section<'_, '_>),
) -> Result<Effective, Vec<Problem>> {
    let mut reader = Reader { text, overrides, problems: Vec::new(), effective: Effective::default() };
    let (root, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        reader.problem(error.span().unwrap_or_default(), "", error.message().to_owned());
    }
    reader.problems.dedup_by_key(|problem| problem.line);
    // What is no TOML is mended first: half a file would only give problems that are none.
    if reader.problems.is_empty() {
        let mut file = Section::new(Some(root.get_ref()), String::new());
        take(&mut reader, &mut file);
        file.finish(&mut reader);
    }
    reader.problems.sort_by_key(|problem| problem.line);
    if reader.problems.is_empty() { Ok(reader.effective) } else { Err(reader.problems) }
}

/// Collects problems, and what holds.
pub struct Reader<'t> {
    text: &'t str,
    overrides: &'t [Override],
    problems: Vec<Problem>,
    effective: Effective,
}

impl<'t> Reader<'t> {
    /// Notes one.
    pub fn problem(&mut self, span: Range<usize>, key: &str, message: String) {
        let problem = match self.origin(&span) {
            Origin::File { line } => Problem { line, key: key.to_owned(), message },
            Origin::Elsewhere(source) => {
                Problem { line: 0, key: key.to_owned(), message: format!("{message} (from {source})") }
            }
            Origin::Default => Problem { line: 0, key: key.to_owned(), message },
        };
        self.problems.push(problem);
    }

    /// Notes a secret that a file holds which the settings name: it is kept out of everything that is written elsewhere.
    pub fn keep_secret(&mut self, secret: &str) {
        self.effective.secrets_of("secret", [secret]);
    }

    /// What another source than the file says of a key. Its place lies behind the end of the file.
    fn elsewhere(&self, key: &str) -> Option<(&'t str, Range<usize>)> {
        let (number, found) = self.overrides.iter().enumerate().rfind(|(_, other)| other.key == key)?;
        let place = self.text.len() + 1 + number;
        Some((&found.value, place..place))
    }

    fn has_below(&self, table: &str) -> bool {
        let is_below = |key: &str| key.strip_prefix(table).is_some_and(|rest| rest.starts_with('.'));
        self.overrides.iter().any(|other| is_below(&other.key))
    }

    fn origin(&self, span: &Range<usize>) -> Origin {
        if let Some(number) = span.start.checked_sub(self.text.len() + 1) {
            return self
                .overrides
                .get(number)
                .map_or(Origin::Default, |other| Origin::Elsewhere(other.source.clone()));
        }
        let before = self.text.as_bytes().get(..span.start).unwrap_or_default();
        Origin::File { line: 1 + before.iter().filter(|byte| **byte == b'\n').count() }
    }

    fn holds(&mut self, table: &str, name: &str, value: Option<String>, span: Option<&Range<usize>>) {
        let origin = span.map_or(Origin::Default, |span| self.origin(span));
        self.effective.note(table, name, value, origin);
    }
}

/// One table of the file; what nobody asks for is unknown.
pub struct Section<'a, 'i> {
    table: Option<&'a DeTable<'i>>,
    path: String,
    known: BTreeSet<&'static str>,
}

impl<'a, 'i> Section<'a, 'i> {
    fn new(table: Option<&'a DeTable<'i>>, path: String) -> Self {
        Self { table, path, known: BTreeSet::new() }
    }

    /// The name of a key with its tables.
    pub fn key(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    fn value(&mut self, name: &'static str) -> Option<&'a Spanned<DeValue<'i>>> {
        self.known.insert(name);
        self.table?.iter().find(|(key, _)| key.get_ref() == name).map(|(_, value)| value)
    }

    /// What is said of a key: by another source, as text, or by the file.
    fn said(&mut self, reader: &Reader<'_>, name: &'static str) -> Option<Said<'a, 'i>> {
        let value = self.value(name);
        match reader.elsewhere(&self.key(name)) {
            Some((text, span)) => Some(Said::Elsewhere(text.to_owned(), span)),
            None => value.map(Said::File),
        }
    }

    /// A table below this one.
    pub fn section(&mut self, reader: &mut Reader<'_>, name: &'static str) -> Option<Section<'a, 'i>> {
        let path = self.key(name);
        let value = self.value(name);
        let table = value.and_then(|value| value.get_ref().as_table());
        if let (Some(value), None) = (value, table) {
            reader.problem(value.span(), &path, format!("write it as a table: [{path}]"));
            return None;
        }
        if table.is_none() && !reader.has_below(&path) {
            reader.effective.note_absent(&path);
            return None;
        }
        Some(Section::new(table, path))
    }

    /// A table below this one whose keys have defaults that hold where it is not written at all.
    pub fn section_or_default(&mut self, reader: &mut Reader<'_>, name: &'static str) -> Section<'a, 'i> {
        let path = self.key(name);
        let value = self.value(name);
        let table = value.and_then(|value| value.get_ref().as_table());
        if let (Some(value), None) = (value, table) {
            reader.problem(value.span(), &path, format!("write it as a table: [{path}]"));
        }
        Section::new(table, path)
    }

    /// The tables below one of this name, each with a name that the operator gave: `[name.any]`.
    pub fn named(&mut self, reader: &mut Reader<'_>, name: &'static str) -> Vec<(String, Section<'a, 'i>)> {
        let Some(below) = self.section(reader, name) else { return Vec::new() };
        let mut sections = Vec::new();
        for (key, value) in below.table.into_iter().flat_map(DeTable::iter) {
            let path = below.key(&table_key(key.get_ref()));
            match value.get_ref().as_table() {
                Some(table) => sections.push((key.get_ref().to_string(), Section::new(Some(table), path))),
                None => {
                    reader.problem(key.span(), &path, format!("write it as a table: [{}.NAME]", below.path));
                }
            }
        }
        sections
    }

    /// All tables below this one, by their names. Nothing else is expected here.
    pub fn sections(self, reader: &mut Reader<'_>) -> Vec<(String, Section<'a, 'i>)> {
        let mut sections = Vec::new();
        for (name, value) in self.table.into_iter().flat_map(DeTable::iter) {
            let name: &str = name.get_ref();
            match value.get_ref().as_table() {
                Some(table) => {
                    sections.push((name.to_owned(), Section::new(Some(table), self.key(&table_key(name)))));
                }
                None => {
                    let key = self.key(name);
                    reader.problem(value.span(), &key, format!("write it as a table: [{key}]"));
                }
            }
        }
        sections
    }

    /// A text, or a list of them, each with its place in the file.
    pub fn text_or_texts(
        &mut self,
        reader: &mut Reader<'_>,
        name: &'static str,
    ) -> Vec<(String, Range<usize>)> {
        let is_text = self.value(name).is_some_and(|value| value.get_ref().as_str().is_some());
        if is_text { self.text(reader, name).into_iter().collect() } else { self.texts(reader, name) }
    }

    /// Where a key stands in the file.
    pub fn place(&mut self, name: &'static str) -> Range<usize> {
        self.value(name).map(Spanned::span).unwrap_or_default()
    }

    /// An array of tables.
    pub fn tables(&mut self, reader: &mut Reader<'_>, name: &'static str) -> Option<Vec<Section<'a, 'i>>> {
        let value = self.value(name)?;
        let key = self.key(name);
        let tables = value.get_ref().as_array().map(|array| {
            let tables = array.iter().enumerate();
            let tables = tables.filter_map(|(number, element)| Some((number, element.get_ref().as_table()?)));
            tables.map(|(number, table)| Section::new(Some(table), format!("{key}[{number}]"))).collect()
        });
        if tables.is_none() {
            reader.problem(value.span(), &key, format!("write each as a table of its own: [[{key}]]"));
        }
        tables
    }

    /// Texts, each with its place in the file. Another source writes them with commas between.
    pub fn texts(&mut self, reader: &mut Reader<'_>, name: &'static str) -> Vec<(String, Range<usize>)> {
        let (texts, span) = match self.said(reader, name) {
            None => (Some(Vec::new()), None),
            Some(Said::Elsewhere(text, span)) => {
                let texts = text.split(',').map(str::trim).filter(|text| !text.is_empty());
                (Some(texts.map(|text| (text.to_owned(), span.clone())).collect()), Some(span))
            }
            Some(Said::File(value)) => {
                let elements = value.get_ref().as_array().map(|array| {
                    let texts = array.iter().map(|element| {
                        element.get_ref().as_str().map(|text| (text.to_owned(), element.span()))
                    });
                    texts.collect::<Option<Vec<_>>>()
                });
                (elements.flatten(), Some(value.span()))
            }
        };
        match texts {
            Some(texts) => {
                let words: Vec<_> = texts.iter().map(|(text, _)| quoted(name, text)).collect();
                reader.effective.secrets_of(name, texts.iter().map(|(text, _)| text.as_str()));
                reader.holds(&self.path, name, Some(format!("[{}]", words.join(", "))), span.as_ref());
                texts
            }
            None => {
                let hint = "a list of texts is wanted: [\"one\", \"two\"]".to_owned();
                reader.problem(span.unwrap_or_default(), &self.key(name), hint);
                Vec::new()
            }
        }
    }

    /// A text, with its place in the file.
    pub fn text(&mut self, reader: &mut Reader<'_>, name: &'static str) -> Option<(String, Range<usize>)> {
        let found = self.raw_text(reader, name);
        match &found {
            Some((text, span)) => {
                reader.effective.secrets_of(name, [text.as_str()]);
                reader.holds(&self.path, name, Some(quoted(name, text)), Some(span));
            }
            None => reader.holds(&self.path, name, None, None),
        }
        found
    }

    /// As [`Section::text`], where there is a default, which is only shown here.
    pub fn text_or(
        &mut self,
        reader: &mut Reader<'_>,
        name: &'static str,
        default: &str,
    ) -> Option<(String, Range<usize>)> {
        let found = self.raw_text(reader, name);
        let text = found.as_ref().map_or(default, |(text, _)| text);
        reader.effective.secrets_of(name, [text]);
        let span = found.as_ref().map(|(_, span)| span);
        reader.holds(&self.path, name, Some(quoted(name, text)), span);
        found
    }

    /// As [`Section::text`], for a text that has another form afterwards, and is noted by whoever knows that.
    fn raw_text(&mut self, reader: &mut Reader<'_>, name: &'static str) -> Option<(String, Range<usize>)> {
        match self.said(reader, name)? {
            Said::Elsewhere(text, span) => Some((text, span)),
            Said::File(value) => match value.get_ref().as_str() {
                Some(text) => Some((text.to_owned(), value.span())),
                None => {
                    let hint = "a text in quotation marks is wanted".to_owned();
                    reader.problem(value.span(), &self.key(name), hint);
                    None
                }
            },
        }
    }

    /// One of some words.
    pub fn word<T: Copy + PartialEq>(
        &mut self,
        reader: &mut Reader<'_>,
        name: &'static str,
        target: &mut T,
        words: &[(&str, T)],
    ) {
        let said = self.raw_text(reader, name);
        if let Some((text, span)) = &said {
            match words.iter().find(|(word, _)| word == text) {
                Some((_, value)) => *target = *value,
                None => {
                    let all: Vec<_> = words.iter().map(|(word, _)| *word).collect();
                    let hint = format!("{text:?} is none of {}", all.join(", "));
                    reader.problem(span.clone(), &self.key(name), hint);
                }
            }
        }
        let word = words.iter().find(|(_, value)| value == target).map(|(word, _)| format!("{word:?}"));
        reader.holds(&self.path, name, word, said.as_ref().map(|(_, span)| span));
    }

    /// Yes or no.
    pub fn flag(&mut self, reader: &mut Reader<'_>, name: &'static str, target: &mut bool) {
        let (flag, span) = match self.said(reader, name) {
            None => (Some(*target), None),
            Some(Said::Elsewhere(text, span)) => (text.parse().ok(), Some(span)),
            Some(Said::File(value)) => (value.get_ref().as_bool(), Some(value.span())),
        };
        match flag {
            Some(flag) => *target = flag,
            None => reader.problem(
                span.clone().unwrap_or_default(),
                &self.key(name),
                "true or false is wanted".to_owned(),
            ),
        }
        reader.holds(&self.path, name, Some(target.to_string()), span.as_ref());
    }

    /// A whole number.
    pub fn number(
        &mut self,
        reader: &mut Reader<'_>,
        name: &'static str,
        target: &mut u32,
        range: Range<u32>,
    ) {
        let (number, span) = match self.said(reader, name) {
            None => (Some(*target).filter(|number| range.contains(number)), None),
            Some(Said::Elsewhere(text, span)) => (text.parse().ok(), Some(span)),
            Some(Said::File(value)) => {
                let integer = value.get_ref().as_integer();
                let number =
                    integer.and_then(|integer| u32::from_str_radix(integer.as_str(), integer.radix()).ok());
                (number, Some(value.span()))
            }
        };
        match (number.filter(|number| range.contains(number)), &span) {
            (Some(number), _) => *target = number,
            // A default out of range means "none".
            (None, None) => {}
            (None, Some(span)) => {
                let message = format!("a whole number from {} to {} is wanted", range.start, range.end - 1);
                reader.problem(span.clone(), &self.key(name), message);
            }
        }
        reader.holds(&self.path, name, Some(target.to_string()), span.as_ref());
    }

    /// A number.
    pub fn float(
        &mut self,
        reader: &mut Reader<'_>,
        name: &'static str,
        target: &mut f64,
        min: f64,
        max: f64,
    ) {
        let (text, span) = match self.said(reader, name) {
            None => (None, None),
            Some(Said::Elsewhere(text, span)) => (Some(text), Some(span)),
            Some(Said::File(value)) => {
                let text = value.get_ref().as_float().map(|float| float.as_str().to_owned());
                let text =
                    text.or_else(|| value.get_ref().as_integer().map(|integer| integer.as_str().to_owned()));
                (text, Some(value.span()))
            }
        };
        if let Some(span) = &span {
            let number = text.and_then(|text| text.parse::<f64>().ok());
            match number.filter(|number| (min..=max).contains(number)) {
                Some(number) => *target = number,
                None => reader.problem(
                    span.clone(),
                    &self.key(name),
                    format!("a number from {min} to {max} is wanted"),
                ),
            }
        }
        reader.holds(&self.path, name, Some(format!("{target:?}")), span.as_ref());
    }

    /// A length of time, such as "30 min".
    pub fn duration(&mut self, reader: &mut Reader<'_>, name: &'static str, target: &mut Duration) {
        let said = self.raw_text(reader, name);
        if let Some((text, span)) = &said {
            match parse_duration(text) {
                Some(duration) => *target = duration,
                None => reader.problem(
                    span.clone(),
                    &self.key(name),
                    format!("{text:?} is no length of time; write \"30 min\", \"4h\" or \"5d\""),
                ),
            }
        }
        let shown = duration_text(*target);
        reader.holds(&self.path, name, Some(shown), said.as_ref().map(|(_, span)| span));
    }

    /// A length of time, or the word for none.
    pub fn duration_or(
        &mut self,
        reader: &mut Reader<'_>,
        name: &'static str,
        target: &mut Option<Duration>,
        without: &str,
    ) {
        let said = self.raw_text(reader, name);
        if let Some((text, span)) = &said {
            if text == without {
                *target = None;
            } else if let Some(duration) = parse_duration(text) {
                *target = Some(duration);
            } else {
                let message = format!("{text:?} is no length of time; write \"90d\", or {without:?}");
                reader.problem(span.clone(), &self.key(name), message);
            }
        }
        let shown = target.map_or_else(|| format!("{without:?}"), duration_text);
        reader.holds(&self.path, name, Some(shown), said.as_ref().map(|(_, span)| span));
    }

    /// A size in bytes, such as "2GiB"; at least `min`.
    pub fn size(&mut self, reader: &mut Reader<'_>, name: &'static str, target: &mut u64, min: u64) {
        let said = self.raw_text(reader, name);
        if let Some((text, span)) = &said {
            match parse_size(text).filter(|bytes| *bytes >= min) {
                Some(bytes) => *target = bytes,
                None => {
                    let least = size_text(min);
                    let message =
                        format!("{text:?} is no size; write \"500MiB\" or \"2GiB\", at least {least}");
                    reader.problem(span.clone(), &self.key(name), message);
                }
            }
        }
        let shown = size_text(*target);
        reader.holds(&self.path, name, Some(shown), said.as_ref().map(|(_, span)| span));
    }

    /// Says which keys nobody knows, with the one that was probably meant. To be called when all keys were asked for.
    pub fn finish(self, reader: &mut Reader<'_>) {
        let written = self.table.into_iter().flat_map(DeTable::iter);
        let mut unknown: Vec<(String, Range<usize>)> = written
            .filter(|(key, _)| !self.known.contains(key.get_ref().as_ref()))
            .map(|(key, _)| (key.get_ref().to_string(), key.span()))
            .collect();
        for other in reader.overrides {
            let below = match self.path.as_str() {
                "" => Some(other.key.as_str()),
                path => other.key.strip_prefix(path).and_then(|rest| rest.strip_prefix('.')),
            };
            let name = below.and_then(|rest| rest.split('.').next());
            if let Some(name) = name.filter(|name| !self.known.contains(name))
                && let Some((_, span)) = reader.elsewhere(&other.key)
            {
                unknown.push((name.to_owned(), span));
            }
        }
        for (name, span) in unknown {
            let nearest = self
                .known
                .iter()
                .map(|known| (distance(known, &name), *known))
                .min()
                .filter(|(far, _)| *far <= 3);
            let known: Vec<_> = self.known.iter().copied().collect();
            let hint = match nearest {
                Some((_, meant)) => format!("there is no such key; did you mean `{meant}`?"),
                None => format!("there is no such key; here are: {}", known.join(", ")),
            };
            reader.problem(span, &self.key(&name), hint);
        }
    }
}

/// Where a value comes from.
enum Said<'a, 'i> {
    File(&'a Spanned<DeValue<'i>>),
    Elsewhere(String, Range<usize>),
}

/// Longer than this is a mistake: a hundred years.
const DURATION_MAX: Duration = Duration::from_secs(100 * 365 * 86_400);

/// Days are 24 hours here: an hour more or less matters to nothing that is counted in days.
fn parse_duration(text: &str) -> Option<Duration> {
    let span: Span = text.parse().ok()?;
    let duration = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    Duration::try_from(duration).ok().filter(|duration| !duration.is_zero() && *duration <= DURATION_MAX)
}

/// The units of sizes, the largest first. Those of thousands are too easily meant otherwise.
const SIZES: [(&str, u64); 4] = [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];

fn parse_size(text: &str) -> Option<u64> {
    let (unit, bytes) = SIZES.iter().find(|(unit, _)| text.ends_with(unit))?;
    let number = text.strip_suffix(unit)?.trim_end();
    // `parse` would take a sign.
    let digits = number.bytes().all(|byte| byte.is_ascii_digit());
    number.parse::<u64>().ok().filter(|_| digits)?.checked_mul(*bytes)
}

fn size_text(bytes: u64) -> String {
    let unit = SIZES.iter().find(|(_, size)| bytes >= *size && bytes.is_multiple_of(*size));
    unit.map_or_else(|| format!("\"{bytes}\""), |(unit, size)| format!("\"{}{unit}\"", bytes / size))
}

/// Levenshtein distance, for names of a few letters.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().take(64).enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, to) in b.iter().enumerate() {
            let cost = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = cost.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
