//! The map and the findings on a terminal. Colour only repeats what symbol and word say.

use std::io::{self, Write};

use abprall_mail::Severity;
use clap::builder::styling::{AnsiColor, Style};

use super::labels::Labels;
use super::map::{Host, Map, Mark, Place};
use super::page::RouteLayout;
use crate::layout::Terminal;
use crate::terminal::{BOLD, DIM, HELD, NOTE, STOPPED, cut, plain};

const WORKS: Style = AnsiColor::Green.on_default().bold();

/// Particulars in fewer columns than this go on a line of their own.
const PARTICULARS_WIDTH_MIN: usize = 16;

/// In front of an address: the tree, and the mark.
const INDENT: usize = 8;

impl<W: Write> RouteLayout for Terminal<W> {
    fn finding(&mut self, severity: Severity, word: &str, title: &str, text: &str) -> io::Result<()> {
        let style = style_of(severity);
        writeln!(self.out(), "  {style}{word}{style:#}  {BOLD}{title}{BOLD:#}")?;
        self.wrapped("    ", "    ", text)
    }

    fn map(&mut self, map: &Map, labels: &Labels) -> io::Result<()> {
        writeln!(self.out(), "  {BOLD}{}{BOLD:#}", plain(&map.domain))?;
        if map.hosts.is_empty() {
            let (mark, words) = map.without_hosts;
            let (style, symbol) = (style(mark), mark.symbol());
            writeln!(self.out(), "  └─ {style}{symbol} {words}{style:#}")?;
        }
        let places = || map.hosts.iter().flat_map(|host| &host.places);
        let columns = Columns {
            address: places().map(|place| place.ip.chars().count()).max().unwrap_or(0),
            word: places().map(|place| place.word.chars().count()).max().unwrap_or(0),
        };
        for (number, host) in map.hosts.iter().enumerate() {
            let last = number + 1 == map.hosts.len() && map.more.is_none();
            self.host(host, if last { Branch::Last } else { Branch::Inner }, columns)?;
        }
        if let Some(more) = &map.more {
            writeln!(self.out(), "  └─ {more}")?;
        }
        writeln!(self.out(), "  {DIM}{}{DIM:#}", labels.legend)
    }

    fn minor_heading(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out(), "  {BOLD}{text}{BOLD:#}")
    }
}

#[derive(Clone, Copy)]
enum Branch {
    Inner,
    Last,
}

/// Widths that all rows share.
#[derive(Clone, Copy)]
struct Columns {
    address: usize,
    word: usize,
}

impl<W: Write> Terminal<W> {
    fn host(&mut self, host: &Host, branch: Branch, columns: Columns) -> io::Result<()> {
        let (corner, stem) = match branch {
            Branch::Inner => ("├─", "│"),
            Branch::Last => ("└─", " "),
        };
        let preference = if host.preference.is_empty() { "–" } else { &host.preference };
        let name = cut(&host.name, self.width().saturating_sub(INDENT + 8));
        let (style, symbol) = (style(host.mark), host.mark.symbol());
        write!(self.out(), "  {corner} {DIM}MX {preference}{DIM:#}  {name}")?;
        if host.note.is_empty() {
            writeln!(self.out())?;
        } else if host.places.is_empty() {
            writeln!(self.out(), "  {style}{symbol} {}{style:#}", host.note)?;
        } else {
            writeln!(self.out(), "  {DIM}({}){DIM:#}", host.note)?;
        }
        host.places.iter().try_for_each(|place| self.place(place, stem, columns))?;
        if let Some(more) = &host.more {
            writeln!(self.out(), "  {stem}    {more}")?;
        }
        Ok(())
    }

    fn place(&mut self, place: &Place, stem: &str, columns: Columns) -> io::Result<()> {
        let (style, symbol) = (style(place.mark), place.mark.symbol());
        let address = format!("{:width$}", place.ip, width = columns.address);
        let word = format!("{:width$}", place.word, width = columns.word);
        let used = INDENT + columns.address + columns.word + 5;
        let room = self.width().saturating_sub(used);
        let fits = room >= PARTICULARS_WIDTH_MIN && place.particulars.chars().count() <= room;
        if place.particulars.is_empty() || !fits {
            let word = place.word;
            writeln!(self.out(), "  {stem}    {style}{symbol}{style:#} {address}  {style}{word}{style:#}")?;
        }
        if place.particulars.is_empty() {
            return Ok(());
        }
        if fits {
            let particulars = plain(&place.particulars);
            return writeln!(
                self.out(),
                "  {stem}    {style}{symbol}{style:#} {address}  {style}{word}{style:#}  {DIM}{particulars}{DIM:#}"
            );
        }
        let short = cut(&place.particulars, self.width().saturating_sub(INDENT + 3));
        writeln!(self.out(), "  {stem}      {DIM}{short}{DIM:#}")
    }
}

fn style(mark: Mark) -> Style {
    match mark {
        Mark::Works => WORKS,
        Mark::Fails => STOPPED,
        Mark::Unknown => HELD,
    }
}

fn style_of(severity: Severity) -> Style {
    match severity {
        Severity::High => STOPPED,
        Severity::Medium => HELD,
        Severity::Low | Severity::Info => NOTE,
    }
}
