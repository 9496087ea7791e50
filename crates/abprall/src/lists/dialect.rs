//! How a table is written: what stands between its fields, whether it has a header, where its addresses are.

use abprall_mail::EmailAddress;

use super::limits::{COLUMNS_MAX, SAMPLE_RECORDS};
use super::record::{Fields, field_text, record_end};
use super::row::key;

/// What stands between fields and at the end of records.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Dialect {
    /// `None`: a record is one field.
    pub(crate) delimiter: Option<u8>,
    /// LF (also behind a CR), or a bare CR as old Macs wrote it.
    pub(crate) line_end: u8,
}

/// Where a table keeps its addresses.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Layout {
    pub(crate) dialect: Dialect,
    /// The names of the columns, where the first record has them.
    pub(crate) header: Option<Vec<String>>,
    /// The column with the addresses, from 0.
    pub(crate) column: usize,
    /// How many addresses each column of the sample has.
    addresses: Vec<usize>,
}

/// Column names that hold addresses, in the order of trust. Compared as [`key`] makes them.
const ADDRESS_COLUMNS: [&str; 17] = [
    "emailaddress",
    "email",
    "emails",
    "mailaddress",
    "mail",
    "emailadresse",
    "mailadresse",
    "recipient",
    "address",
    "adresse",
    "subscriberemail",
    "contactemail",
    "emailid",
    "primaryemail",
    "useremail",
    "empfänger",
    "emailaddr",
];

impl Dialect {
    /// Where the first record of `bytes` ends; see [`record_end`].
    pub(crate) fn record_end(self, bytes: &[u8], last: bool) -> Option<usize> {
        match self.delimiter {
            Some(delimiter) => record_end(bytes, delimiter, self.line_end, last),
            // No fields, no quotes that could hold a line end.
            None => match memchr::memchr(self.line_end, bytes) {
                Some(end) => Some(end + 1),
                None if last || bytes.len() > super::limits::RECORD_BYTES_MAX => {
                    (!bytes.is_empty()).then_some(bytes.len())
                }
                None => None,
            },
        }
    }

    /// The fields of a record.
    pub(crate) fn fields(self, record: &[u8]) -> Fields<'_> {
        Fields::new(record, self.delimiter)
    }

    fn guess(sample: &[u8], whole: bool) -> Self {
        let bare_cr = sample.contains(&b'\r') && !sample.contains(&b'\n');
        let line_end = if bare_cr { b'\r' } else { b'\n' };
        let mut best: Option<(usize, usize, u8)> = None;
        for delimiter in *b",;\t|" {
            let dialect = Self { delimiter: Some(delimiter), line_end };
            let counts: Vec<usize> =
                dialect.records(sample, whole).map(|record| dialect.fields(record).count()).collect();
            let Some(columns) = counts
                .iter()
                .copied()
                .max_by_key(|columns| (counts.iter().filter(|count| *count == columns).count(), *columns))
            else {
                continue;
            };
            let agreeing = counts.iter().filter(|count| **count == columns).count();
            // Commas in free text do not make a table: most records have to agree.
            if columns < 2 || agreeing * 10 < counts.len() * 6 {
                continue;
            }
            if best.is_none_or(|(most, wide, _)| (agreeing, columns) > (most, wide)) {
                best = Some((agreeing, columns, delimiter));
            }
        }
        Self { delimiter: best.map(|(_, _, delimiter)| delimiter), line_end }
    }

    /// The records of a sample that are whole and not blank.
    fn records(self, sample: &[u8], whole: bool) -> impl Iterator<Item = &[u8]> {
        let mut rest = sample;
        let records = std::iter::from_fn(move || {
            let end = self.record_end(rest, whole)?;
            let (record, after) = rest.split_at(end);
            rest = after;
            Some(record)
        });
        records.filter(|record| !record.trim_ascii().is_empty()).take(SAMPLE_RECORDS)
    }
}

impl Layout {
    /// Looks at the beginning of a table; `whole` when there is no more of it.
    pub(crate) fn guess(sample: &[u8], whole: bool) -> Self {
        let dialect = Dialect::guess(sample, whole);
        let mut records = dialect.records(sample, whole);
        let first: Vec<_> = records
            .next()
            .map(|record| dialect.fields(record).take(COLUMNS_MAX).map(field_text).collect())
            .unwrap_or_default();
        let names_column = |name: &str| ADDRESS_COLUMNS.contains(&key(name).as_str());
        let no_address = !first.iter().any(|field| field.contains('@'));
        let is_header = no_address
            && (first.iter().any(|field| names_column(field))
                // Of one word it cannot be told whether it is a name or a domain; of several it can.
                || if dialect.delimiter.is_some() { !first.is_empty() } else { is_one_word(&first) });
        let header = is_header.then(|| first.iter().map(|name| name.trim().to_owned()).collect::<Vec<_>>());
        let mut addresses = vec![0_usize; first.len().max(1)];
        for record in dialect.records(sample, whole).skip(usize::from(is_header)) {
            for (count, field) in addresses.iter_mut().zip(dialect.fields(record)) {
                *count += usize::from(holds_address(&field_text(field)));
            }
        }
        let named = header.as_ref().and_then(|header| {
            ADDRESS_COLUMNS.iter().find_map(|known| header.iter().position(|name| key(name) == *known))
        });
        let most = (0..addresses.len()).rev().max_by_key(|place| addresses[*place]).unwrap_or(0);
        // A column that is called so and holds none is none.
        let column = named.filter(|place| addresses[*place] * 2 >= addresses[most]).unwrap_or(most);
        Self { dialect, header, column, addresses }
    }

    /// Whether the sample has an address in the column.
    pub(crate) fn has_addresses(&self, column: usize) -> bool {
        self.addresses.get(column).is_some_and(|count| *count > 0)
    }

    /// The place of a column by its name, or by its number from 1.
    pub(crate) fn column_named(&self, name: &str) -> Option<usize> {
        let by_name = self.header.as_ref().and_then(|header| {
            header
                .iter()
                .position(|known| known == name)
                .or_else(|| header.iter().position(|known| key(known) == key(name)))
        });
        by_name.or_else(|| name.parse::<usize>().ok().and_then(|number| number.checked_sub(1)))
    }
}

fn is_one_word(first: &[std::borrow::Cow<'_, str>]) -> bool {
    first.first().is_some_and(|word| !word.contains('.') && !word.starts_with('#') && !word.is_empty())
}

fn holds_address(text: &str) -> bool {
    text.contains('@') && address_in(text).is_some()
}

/// The address in a field, also one with a name before it: `Anna <anna@example.com>`.
pub(crate) fn address_in(text: &str) -> Option<EmailAddress> {
    EmailAddress::parse_lenient(without_name(text)).ok()
}

/// The part in angle brackets, where there is one.
pub(crate) fn without_name(text: &str) -> &str {
    match (text.rfind('<'), text.rfind('>')) {
        (Some(open), Some(close)) if open < close => &text[open..=close],
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(text: &str) -> (Option<char>, bool, usize) {
        let layout = Layout::guess(text.as_bytes(), true);
        (layout.dialect.delimiter.map(char::from), layout.header.is_some(), layout.column)
    }

    #[test]
    fn delimiter_header_and_column_are_found() {
        assert_eq!(layout("Name,Email\nAnna,anna@example.com\n"), (Some(','), true, 1));
        assert_eq!(
            layout("Vorname;Nachname;E-Mail-Adresse\r\nAnna;\"B, C; D\";a@example.com\r\n"),
            (Some(';'), true, 2)
        );
        assert_eq!(layout("1\ta@example.com\n2\tb@example.com\n"), (Some('\t'), false, 1));
        assert_eq!(layout("a@example.com|x\rb@example.com|y\r"), (Some('|'), false, 0));
        assert_eq!(layout("a@example.com\nb@example.com\n"), (None, false, 0));
        assert_eq!(layout("email\na@example.com\n"), (None, true, 0));
        assert_eq!(layout("Kontakt\na@example.com\n"), (None, true, 0));
        assert_eq!(layout("example.com\na@example.com\n"), (None, false, 0));
        assert_eq!(layout(""), (None, false, 0));
    }

    #[test]
    fn a_column_of_another_name_is_found_by_what_is_in_it() {
        assert_eq!(layout("id,contact,n\n1,a@example.com,2\n"), (Some(','), true, 1));
        assert_eq!(layout("email,real\nyes,a@example.com\nno,b@example.com\n"), (Some(','), true, 1));
    }

    #[test]
    fn commas_in_free_text_make_no_table() {
        assert_eq!(
            layout("a@example.com\nb@example.com\n# left, and angry, in May\nc@example.com\n"),
            (None, false, 0)
        );
    }
}
