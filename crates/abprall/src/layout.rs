//! Two ways to set the same page: for a terminal, and as Markdown.

use std::io::{self, Write};

use clap::builder::styling::{AnsiColor, Style};

use crate::terminal::{BOLD, DIM, plain};

/// Takes the elements of a page in reading order.
pub(crate) trait Layout {
    fn title(&mut self, text: &str) -> io::Result<()>;
    fn facts(&mut self, facts: &[(&str, String)]) -> io::Result<()>;
    fn heading(&mut self, text: &str) -> io::Result<()>;
    fn paragraph(&mut self, text: &str) -> io::Result<()>;
    fn item(&mut self, text: &str) -> io::Result<()>;
    fn step(&mut self, number: usize, text: &str) -> io::Result<()>;
    /// A word with its explanation.
    fn entry(&mut self, word: &str, text: &str) -> io::Result<()>;
}

const HEADING: Style = AnsiColor::Cyan.on_default().bold();

/// Wrapped at the width of the terminal, at most 100 columns: longer lines tire the eye.
pub(crate) struct Terminal<W> {
    out: W,
    width: usize,
}

impl<W: Write> Terminal<W> {
    pub(crate) fn new(out: W) -> Self {
        let width = terminal_size::terminal_size().map_or(80, |(width, _)| usize::from(width.0));
        Self { out, width: width.clamp(40, 100) }
    }

    pub(crate) fn width(&self) -> usize {
        self.width
    }

    pub(crate) fn out(&mut self) -> &mut W {
        &mut self.out
    }

    /// The text behind `first`, its further lines behind `rest`; control characters do not reach the terminal.
    pub(crate) fn wrapped(&mut self, first: &str, rest: &str, text: &str) -> io::Result<()> {
        let options = textwrap::Options::new(self.width)
            .initial_indent(first)
            .subsequent_indent(rest)
            .word_separator(textwrap::WordSeparator::AsciiSpace)
            .word_splitter(textwrap::WordSplitter::NoHyphenation)
            .break_words(false);
        for line in textwrap::wrap(&plain(text), options) {
            writeln!(self.out, "{line}")?;
        }
        Ok(())
    }
}

impl<W: Write> Layout for Terminal<W> {
    fn title(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{BOLD}{}{BOLD:#}\n", plain(text))
    }

    fn facts(&mut self, facts: &[(&str, String)]) -> io::Result<()> {
        let width = facts.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0) + 2;
        for (name, value) in facts {
            let label = format!("{name:width$}");
            let indent = " ".repeat(width);
            let options = textwrap::Options::new(self.width)
                .initial_indent(&indent)
                .subsequent_indent(&indent)
                .word_separator(textwrap::WordSeparator::AsciiSpace)
                .word_splitter(textwrap::WordSplitter::NoHyphenation)
                .break_words(false);
            let text = textwrap::fill(&plain(value), options);
            writeln!(self.out, "{DIM}{label}{DIM:#}{}", text.trim_start())?;
        }
        Ok(())
    }

    fn heading(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "\n{HEADING}{}{HEADING:#}", plain(text))
    }

    fn paragraph(&mut self, text: &str) -> io::Result<()> {
        self.wrapped("", "", text)
    }

    fn item(&mut self, text: &str) -> io::Result<()> {
        self.wrapped("  • ", "    ", text)
    }

    fn step(&mut self, number: usize, text: &str) -> io::Result<()> {
        self.wrapped(&format!("{number:>3} "), "    ", text)
    }

    fn entry(&mut self, word: &str, text: &str) -> io::Result<()> {
        writeln!(self.out, "  {BOLD}{}{BOLD:#}", plain(word))?;
        self.wrapped("    ", "    ", text)
    }
}

pub(crate) struct Markdown<W> {
    out: W,
}

impl<W: Write> Markdown<W> {
    pub(crate) fn new(out: W) -> Self {
        Self { out }
    }

    pub(crate) fn out(&mut self) -> &mut W {
        &mut self.out
    }
}

impl<W: Write> Layout for Markdown<W> {
    fn title(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "# {}\n", escaped(text))
    }

    fn facts(&mut self, facts: &[(&str, String)]) -> io::Result<()> {
        writeln!(self.out, "| | |\n|---|---|")?;
        for (name, value) in facts {
            writeln!(self.out, "| {name} | {} |", escaped(value).replace('|', "\\|"))?;
        }
        Ok(())
    }

    fn heading(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "\n## {}\n", escaped(text))
    }

    fn paragraph(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{}", escaped(text))
    }

    fn item(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "- {}", escaped(text))
    }

    fn step(&mut self, number: usize, text: &str) -> io::Result<()> {
        writeln!(self.out, "{number}. {}", escaped(text))
    }

    fn entry(&mut self, word: &str, text: &str) -> io::Result<()> {
        writeln!(self.out, "- **{}**: {}", escaped(word), escaped(text))
    }
}

/// Shows the text as it is: `<user@example.com>` does not vanish as if it were a tag, and nothing that a server wrote becomes a
/// link or HTML. Text between single back-ticks stays code.
pub(crate) fn escaped(text: &str) -> String {
    let text = plain(text);
    let mut result = String::with_capacity(text.len() + 8);
    let mut rest = text.as_str();
    while let Some(at) = rest.find(['`', '<', '*', '_', '\\', '[', '&']) {
        result.push_str(&rest[..at]);
        rest = &rest[at..];
        let code = code_span(rest);
        if let Some(span) = code {
            result.push_str(span);
            rest = &rest[span.len()..];
        } else {
            result.push('\\');
            result.push_str(&rest[..1]);
            rest = &rest[1..];
        }
    }
    result.push_str(rest);
    result
}

/// The code span that the text begins with. Runs of back-ticks begin none: their ends are too easily taken for each other.
fn code_span(text: &str) -> Option<&str> {
    let inside = text.strip_prefix('`')?;
    let end = inside.find('`')?;
    let closed = end > 0 && !inside[end + 1..].starts_with('`');
    closed.then(|| &text[..end + 2])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_keeps_addresses_visible() {
        assert_eq!(escaped("550 <a@b.example> `x_y <c>`"), "550 \\<a@b.example> `x_y <c>`");
    }

    #[test]
    fn what_a_server_wrote_becomes_no_html_and_no_link() {
        assert_eq!(escaped("` <b> ``"), "\\` \\<b> \\`\\`");
        assert_eq!(escaped("``` <b> x"), "\\`\\`\\` \\<b> x");
        assert_eq!(escaped("\\<b>"), "\\\\\\<b>");
        assert_eq!(escaped("[x](y) &lt;"), "\\[x](y) \\&lt;");
    }
}
