//! Two ways to set the same page: for a terminal, and as Markdown.

use std::io::{self, Write};

use clap::builder::styling::{AnsiColor, Style};

/// Takes the elements of a page in reading order.
pub(super) trait Layout {
    fn title(&mut self, text: &str) -> io::Result<()>;
    fn facts(&mut self, facts: &[(&str, String)]) -> io::Result<()>;
    fn heading(&mut self, text: &str) -> io::Result<()>;
    fn paragraph(&mut self, text: &str) -> io::Result<()>;
    fn item(&mut self, text: &str) -> io::Result<()>;
    fn step(&mut self, number: usize, text: &str) -> io::Result<()>;
    /// A word with its explanation.
    fn entry(&mut self, word: &str, text: &str) -> io::Result<()>;
}

const BOLD: Style = Style::new().bold();
const HEADING: Style = AnsiColor::Cyan.on_default().bold();
const DIM: Style = Style::new().dimmed();

/// Wrapped at the width of the terminal, at most 100 columns: longer lines tire the eye.
pub(super) struct Terminal<W> {
    out: W,
    width: usize,
}

impl<W: Write> Terminal<W> {
    pub(super) fn new(out: W) -> Self {
        let width = terminal_size::terminal_size().map_or(80, |(width, _)| usize::from(width.0));
        Self { out, width: width.clamp(40, 100) }
    }

    fn wrapped(&mut self, first: &str, rest: &str, text: &str) -> io::Result<()> {
        let options = textwrap::Options::new(self.width)
            .initial_indent(first)
            .subsequent_indent(rest)
            .word_separator(textwrap::WordSeparator::AsciiSpace)
            .break_words(false);
        for line in textwrap::wrap(text, options) {
            writeln!(self.out, "{line}")?;
        }
        Ok(())
    }
}

impl<W: Write> Layout for Terminal<W> {
    fn title(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{BOLD}{text}{BOLD:#}\n")
    }

    fn facts(&mut self, facts: &[(&str, String)]) -> io::Result<()> {
        let width = facts.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0) + 2;
        for (name, value) in facts {
            let label = format!("{name:width$}");
            let indent = " ".repeat(width);
            let options =
                textwrap::Options::new(self.width).initial_indent(&indent).subsequent_indent(&indent);
            let text = textwrap::fill(value, options);
            writeln!(self.out, "{DIM}{label}{DIM:#}{}", text.trim_start())?;
        }
        Ok(())
    }

    fn heading(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "\n{HEADING}{text}{HEADING:#}")
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
        writeln!(self.out, "  {BOLD}{word}{BOLD:#}")?;
        self.wrapped("    ", "    ", text)
    }
}

pub(super) struct Markdown<W> {
    out: W,
}

impl<W: Write> Markdown<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out }
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

/// Keeps `<user@example.com>` from vanishing as if it were a tag; text in back-ticks stays as it is.
fn escaped(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut in_code = false;
    for c in text.chars() {
        match c {
            '`' => in_code = !in_code,
            '<' | '*' | '_' if !in_code => result.push('\\'),
            _ => {}
        }
        result.push(c);
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_keeps_addresses_visible() {
        assert_eq!(escaped("550 <a@b.example> `x_y <c>`"), "550 \\<a@b.example> `x_y <c>`");
    }
}
