//! The map and the findings as Markdown: the map is a table.

use std::io::{self, Write};

use abprall_mail::Severity;

use super::labels::Labels;
use super::map::{Host, Map};
use super::page::RouteLayout;
use crate::layout::{Markdown, escaped};

impl<W: Write> RouteLayout for Markdown<W> {
    fn finding(&mut self, _severity: Severity, word: &str, title: &str, text: &str) -> io::Result<()> {
        writeln!(self.out(), "- **{word}: {}** – {}", escaped(title), escaped(text))
    }

    fn map(&mut self, map: &Map, labels: &Labels) -> io::Result<()> {
        let Labels { preference, host, address, state, particulars, .. } = labels;
        writeln!(
            self.out(),
            "| {preference} | {host} | {address} | {state} | {particulars} |\n|---:|---|---|---|---|"
        )?;
        if map.hosts.is_empty() {
            let (mark, words) = map.without_hosts;
            return writeln!(self.out(), "| – | – | – | {} {words} | |", mark.symbol());
        }
        map.hosts.iter().try_for_each(|host| self.host(host))?;
        match &map.more {
            Some(more) => writeln!(self.out(), "| | {more} | | | |"),
            None => Ok(()),
        }
    }

    fn minor_heading(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out(), "\n### {}\n", escaped(text))
    }
}

impl<W: Write> Markdown<W> {
    fn host(&mut self, host: &Host) -> io::Result<()> {
        let (preference, name) = (&host.preference, cell(&host.name));
        if host.places.is_empty() {
            return writeln!(
                self.out(),
                "| {preference} | {name} | – | {} {} | |",
                host.mark.symbol(),
                host.note
            );
        }
        for place in &host.places {
            let (symbol, word) = (place.mark.symbol(), place.word);
            let particulars = match (host.note, place.particulars.as_str()) {
                ("", text) => cell(text),
                (note, "") => note.to_owned(),
                (note, text) => format!("{note}; {}", cell(text)),
            };
            let ip = &place.ip;
            writeln!(self.out(), "| {preference} | {name} | {ip} | {symbol} {word} | {particulars} |")?;
        }
        match &host.more {
            Some(more) => writeln!(self.out(), "| {preference} | {name} | {more} | | |"),
            None => Ok(()),
        }
    }
}

/// Text that ends no cell of a table.
fn cell(text: &str) -> String {
    escaped(text).replace('|', "\\|")
}
