//! What all terminal output shares: how wide it is, and that no hostile mail writes on the terminal.

use clap::builder::styling::{AnsiColor, Style};

pub(crate) const BOLD: Style = Style::new().bold();
pub(crate) const DIM: Style = Style::new().dimmed();

/// The width in columns: of the terminal between 60 and `max`, 80 where there is none.
pub(crate) fn width(max: usize) -> usize {
    terminal_size::terminal_size().map_or(80, |(width, _)| usize::from(width.0)).clamp(60, max.max(60))
}

/// The text on one line of at most `width` characters, cut with an ellipsis; control characters do not reach the terminal.
pub(crate) fn cut(text: &str, width: usize) -> String {
    let clean = plain(text);
    if clean.chars().count() <= width {
        return clean;
    }
    let mut short: String = clean.chars().take(width.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// `text` behind `name`, or below it where both do not fit on one line of `width` columns, of which `taken` stand before the name.
///
/// Neither is ever cut: an address that lost its end is none.
pub(crate) fn beside(name: &str, name_width: usize, text: &str, taken: usize, width: usize) -> String {
    let (name, text) = (plain(name), plain(text));
    // A name that fills its column would else look like the beginning of the text.
    let gap = if name.chars().count() < name_width { " " } else { "  " };
    let named = name.chars().count().max(name_width) + gap.len();
    if text.is_empty() || taken + named + text.chars().count() <= width {
        return format!("{name:name_width$}{gap}{text}").trim_end().to_owned();
    }
    format!("{name}\n{}", wrapped(&text, taken + 2, width))
}

/// The width of a column of names, at least `least`, in which all of them stand that have room [`beside`] the longest text.
pub(crate) fn name_column(rows: &[(&str, String)], least: usize, taken: usize, width: usize) -> usize {
    let longest = rows.iter().map(|(_, text)| text.chars().count()).max().unwrap_or(0);
    let columns = rows.iter().map(|(name, _)| name.chars().count() + 1);
    columns.filter(|column| taken + column + 1 + longest <= width).fold(least, usize::max)
}

/// The text without characters that steer a terminal or turn the direction of writing around.
pub(crate) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || turns_direction(c) { ' ' } else { c }).collect()
}

/// Marks, embeddings, overrides and isolates of the bidirectional algorithm (UAX #9 §2), and the separators that break lines.
fn turns_direction(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The text wrapped at `width`, every line behind `indent` spaces. A word that is longer, such as an address, stays whole.
pub(crate) fn wrapped(text: &str, indent: usize, width: usize) -> String {
    let indent = " ".repeat(indent);
    let options = textwrap::Options::new(width)
        .initial_indent(&indent)
        .subsequent_indent(&indent)
        .word_separator(textwrap::WordSeparator::AsciiSpace)
        .word_splitter(textwrap::WordSplitter::NoHyphenation)
        .break_words(false);
    textwrap::fill(&plain(text), options)
}

/// Red for what is stopped for good, yellow for what is stopped for now.
pub(crate) const STOPPED: Style = AnsiColor::Red.on_default().bold();
pub(crate) const HELD: Style = AnsiColor::Yellow.on_default().bold();
pub(crate) const NOTE: Style = AnsiColor::Cyan.on_default();

/// A number with its thousands apart, as `1 234 567` (ISO 80000-1: right in both languages).
pub(crate) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push('\u{202F}');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_numbers_are_grouped() {
        assert_eq!(number(0), "0");
        assert_eq!(number(999), "999");
        assert_eq!(number(1_234_567), "1\u{202F}234\u{202F}567");
    }

    #[test]
    fn what_does_not_fit_beside_a_name_stands_below_it_and_nothing_is_cut() {
        assert_eq!(beside("a@b.example", 14, "full", 10, 40), "a@b.example    full");
        assert_eq!(
            beside("a@b.example", 14, "mailbox disabled or inactive", 10, 40),
            "a@b.example\n            mailbox disabled or inactive"
        );
        assert_eq!(beside("a@b.example", 11, "full", 10, 40), "a@b.example  full");
        let long = format!("{}@example.org", "x".repeat(64));
        assert!(beside(&long, 14, "full", 10, 40).starts_with(&long));
    }

    #[test]
    fn a_column_is_as_wide_as_the_longest_name_that_leaves_room_for_the_texts() {
        let rows = [("abc", "12345".to_owned()), ("abcdef", "1".to_owned())];
        assert_eq!(name_column(&rows, 2, 2, 20), 7);
        assert_eq!(name_column(&rows, 2, 2, 14), 4);
        assert_eq!(name_column(&rows, 2, 2, 9), 2);
        assert_eq!(name_column(&[], 5, 2, 20), 5);
    }

    #[test]
    fn control_characters_of_mail_stay_out() {
        assert_eq!(cut("a\u{1b}[2Jb\nc", 80), "a [2Jb c");
        assert_eq!(cut("abcdef", 4), "abc…");
        assert_eq!(plain("a\u{202e}b\u{2066}c\u{9b}2J"), "a b c 2J");
    }
}
