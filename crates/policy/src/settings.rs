//! Reading a TOML file of settings. Everything that is wrong is said at once, with the line, the key and a hint.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::time::Duration;

use jiff::{Span, SpanRelativeTo};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// One thing that is wrong.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Problem {
    /// The line, from 1.
    pub line: usize,
    /// The key, with its tables: `brake.factor`; empty where the file is no TOML.
    pub key: String,
    /// What is wrong, and what to do.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: ", self.line)?;
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
    let mut reader = Reader { text, problems: Vec::new() };
    let (root, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        reader.problem(error.span().unwrap_or_default(), "", error.message().to_owned());
    }
    reader.problems.dedup_by_key(|problem| problem.line);
    // What is no TOML is mended first: half a file would only give problems that are none.
    if reader.problems.is_empty() {
        let mut file = Section::new(root.get_ref(), "");
        take(&mut reader, &mut file);
        file.finish(&mut reader);
    }
    reader.problems.sort_by_key(|problem| problem.line);
    if reader.problems.is_empty() { Ok(()) } else { Err(reader.problems) }
}

/// Collects problems.
pub struct Reader<'t> {
    text: &'t str,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    /// Notes one.
    pub fn problem(&mut self, span: Range<usize>, key: &str, message: String) {
        let before = self.text.as_bytes().get(..span.start).unwrap_or_default();
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        self.problems.push(Problem { line, key: key.to_owned(), message });
    }
}

/// One table of the file; what nobody asks for is unknown.
pub struct Section<'a, 'i> {
    table: &'a DeTable<'i>,
    path: String,
    known: BTreeSet<&'static str>,
}

impl<'a, 'i> Section<'a, 'i> {
    fn new(table: &'a DeTable<'i>, path: &str) -> Self {
        Self { table, path: path.to_owned(), known: BTreeSet::new() }
    }

    /// The name of a key with its tables.
    pub fn key(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    fn value(&mut self, name: &'static str) -> Option<&'a Spanned<DeValue<'i>>> {
        self.known.insert(name);
        self.table.iter().find(|(key, _)| key.get_ref() == name).map(|(_, value)| value)
    }

    /// A table below this one.
    pub fn section(&mut self, reader: &mut Reader<'_>, name: &'static str) -> Option<Section<'a, 'i>> {
        let value = self.value(name)?;
        let table = value.get_ref().as_table();
        if table.is_none() {
            reader.problem(
                value.span(),
                &self.key(name),
                format!("write it as a table: [{}]", self.key(name)),
            );
        }
        Some(Section::new(table?, &self.key(name)))
    }

    /// The tables below one of this name, each with a name that the operator gave: `[name.any]`.
    pub fn named(&mut self, reader: &mut Reader<'_>, name: &'static str) -> Vec<(String, Section<'a, 'i>)> {
        let Some(below) = self.section(reader, name) else { return Vec::new() };
        let mut sections = Vec::new();
        for (key, value) in below.table {
            let path = below.key(key.get_ref());
            match value.get_ref().as_table() {
                Some(table) => sections.push((key.get_ref().to_string(), Section::new(table, &path))),
                None => {
                    reader.problem(key.span(), &path, format!("write it as a table: [{}.NAME]", below.path));
                }
            }
        }
        sections
    }

    /// An array of tables.
    pub fn tables(&mut self, reader: &mut Reader<'_>, name: &'static str) -> Option<Vec<Section<'a, 'i>>> {
        let value = self.value(name)?;
        let key = self.key(name);
        let tables = value.get_ref().as_array().map(|array| {
            let tables = array.iter().filter_map(|element| element.get_ref().as_table());
            tables.map(|table| Section::new(table, &key)).collect()
        });
        if tables.is_none() {
            reader.problem(value.span(), &key, format!("write each as a table of its own: [[{key}]]"));
        }
        tables
    }

    /// Texts, each with its place in the file.
    pub fn texts(&mut self, reader: &mut Reader<'_>, name: &'static str) -> Vec<(String, Range<usize>)> {
        let Some(value) = self.value(name) else { return Vec::new() };
        let elements = value.get_ref().as_array().map(|array| {
            let texts = array
                .iter()
                .map(|element| element.get_ref().as_str().map(|text| (text.to_owned(), element.span())));
            texts.collect::<Option<Vec<_>>>()
        });
        match elements.flatten() {
            Some(texts) => texts,
            None => {
                let hint = "a list of texts is wanted: [\"one\", \"two\"]".to_owned();
                reader.problem(value.span(), &self.key(name), hint);
                Vec::new()
            }
        }
    }

    /// A text, with its place in the file.
    pub fn text(&mut self, reader: &mut Reader<'_>, name: &'static str) -> Option<(String, Range<usize>)> {
        let value = self.value(name)?;
        match value.get_ref().as_str() {
            Some(text) => Some((text.to_owned(), value.span())),
            None => {
                reader.problem(
                    value.span(),
                    &self.key(name),
                    "a text in quotation marks is wanted".to_owned(),
                );
                None
            }
        }
    }

    /// One of some words.
    pub fn word<T: Copy>(
        &mut self,
        reader: &mut Reader<'_>,
        name: &'static str,
        target: &mut T,
        words: &[(&str, T)],
    ) {
        let Some((text, span)) = self.text(reader, name) else { return };
        match words.iter().find(|(word, _)| *word == text) {
            Some((_, value)) => *target = *value,
            None => {
                let all: Vec<_> = words.iter().map(|(word, _)| *word).collect();
                reader.problem(span, &self.key(name), format!("{text:?} is none of {}", all.join(", ")));
            }
        }
    }

    /// A whole number.
    pub fn number(
        &mut self,
        reader: &mut Reader<'_>,
        name: &'static str,
        target: &mut u32,
        range: Range<u32>,
    ) {
        let Some(value) = self.value(name) else { return };
        let number = value
            .get_ref()
            .as_integer()
            .and_then(|integer| u32::from_str_radix(integer.as_str(), integer.radix()).ok());
        match number.filter(|number| range.contains(number)) {
            Some(number) => *target = number,
            None => {
                let message = format!("a whole number from {} to {} is wanted", range.start, range.end - 1);
                reader.problem(value.span(), &self.key(name), message);
            }
        }
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
        let Some(value) = self.value(name) else { return };
        let text = value.get_ref().as_float().map(|float| float.as_str().to_owned());
        let text = text.or_else(|| value.get_ref().as_integer().map(|integer| integer.as_str().to_owned()));
        match text.and_then(|text| text.parse::<f64>().ok()).filter(|number| (min..=max).contains(number)) {
            Some(number) => *target = number,
            None => reader.problem(
                value.span(),
                &self.key(name),
                format!("a number from {min} to {max} is wanted"),
            ),
        }
    }

    /// A length of time, such as "30 min".
    pub fn duration(&mut self, reader: &mut Reader<'_>, name: &'static str, target: &mut Duration) {
        if let Some((text, span)) = self.text(reader, name) {
            match parse_duration(&text) {
                Some(duration) => *target = duration,
                None => reader.problem(
                    span,
                    &self.key(name),
                    format!("{text:?} is no length of time; write \"30 min\", \"4h\" or \"5d\""),
                ),
            }
        }
    }

    /// A length of time, or the word for none.
    pub fn duration_or(
        &mut self,
        reader: &mut Reader<'_>,
        name: &'static str,
        target: &mut Option<Duration>,
        without: &str,
    ) {
        let Some((text, span)) = self.text(reader, name) else { return };
        if text == without {
            *target = None;
        } else if let Some(duration) = parse_duration(&text) {
            *target = Some(duration);
        } else {
            let message = format!("{text:?} is no length of time; write \"90d\", or {without:?}");
            reader.problem(span, &self.key(name), message);
        }
    }

    /// Says which keys nobody knows, with the one that was probably meant. To be called when all keys were asked for.
    pub fn finish(self, reader: &mut Reader<'_>) {
        for (key, _) in self.table.iter().filter(|(key, _)| !self.known.contains(key.get_ref().as_ref())) {
            let name: &str = key.get_ref();
            let nearest = self
                .known
                .iter()
                .map(|known| (distance(known, name), *known))
                .min()
                .filter(|(far, _)| *far <= 3);
            let known: Vec<_> = self.known.iter().copied().collect();
            let hint = match nearest {
                Some((_, meant)) => format!("there is no such key; did you mean `{meant}`?"),
                None => format!("there is no such key; here are: {}", known.join(", ")),
            };
            reader.problem(key.span(), &self.key(name), hint);
        }
    }
}

/// Longer than this is a mistake: a hundred years.
const DURATION_MAX: Duration = Duration::from_secs(100 * 365 * 86_400);

/// Days are 24 hours here: an hour more or less matters to nothing that is counted in days.
fn parse_duration(text: &str) -> Option<Duration> {
    let span: Span = text.parse().ok()?;
    let duration = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    Duration::try_from(duration).ok().filter(|duration| !duration.is_zero() && *duration <= DURATION_MAX)
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
