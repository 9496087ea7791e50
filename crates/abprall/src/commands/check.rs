use std::io::{self, BufRead, Write};
use std::process::ExitCode;

use abprall_mail::{EmailAddress, Language};
use abprall_store::{Audience, Question, Standing, State, Store, SuppressionIndex};
use anyhow::Context;
use clap::ValueEnum;
use jiff::Timestamp;

use crate::clock::ClockOption;
use crate::language::Lang;
use crate::store_file::StoreFile;
use crate::terminal::{DIM, HELD, STOPPED, plain};
use crate::wording::{self, pick};
use crate::{dates, subject};

/// May I send to this address? Exit status 0 when to all of them, 1 when not.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Addresses; `-` reads them from standard input, one a line.
    #[arg(required = true, value_name = "ADDRESS")]
    addresses: Vec<String>,

    #[command(flatten)]
    store: StoreFile,

    /// For mail of this tenant: its own stops count too.
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,

    /// For mail of this list: its own stops count too.
    #[arg(long, value_name = "NAME")]
    list: Option<String>,

    #[command(flatten)]
    clock: ClockOption,

    /// How to print: words, or one JSON object a line.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    /// The language of the words.
    #[arg(long, value_enum, default_value_t = Lang::En)]
    lang: Lang,
}

#[derive(Clone, Copy, Eq, PartialEq, ValueEnum)]
enum Format {
    Text,
    #[value(alias = "ndjson")]
    Json,
}

impl Args {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let mut addresses = Vec::new();
        for text in self.addresses.iter().filter(|text| *text != "-") {
            match subject::address(text) {
                Ok(address) => addresses.push(address),
                Err(problem) => {
                    anstream::eprintln!("abprall: {problem}");
                    return Ok(ExitCode::from(2));
                }
            }
        }
        let store = self.store.open_existing()?;
        let mut answers = Answers {
            store: &*store,
            index: None,
            audience: Audience { tenant: self.tenant, list: self.list },
            at: self.clock.clock().now(),
            format: self.format,
            language: self.lang.into(),
            all_ok: true,
            out: anstream::AutoStream::auto(io::stdout().lock()),
        };
        for address in &addresses {
            answers.answer(address)?;
        }
        let mut unreadable = false;
        if self.addresses.iter().any(|text| text == "-") {
            answers.index = open_index(&self.store, &*store);
            for (number, line) in (1_u64..).zip(io::stdin().lock().lines()) {
                let line = line.context("cannot read standard input")?;
                if line.trim().is_empty() {
                    continue;
                }
                match subject::address(&line) {
                    Ok(address) => answers.answer(&address)?,
                    Err(problem) => {
                        anstream::eprintln!("abprall: line {number}: {problem}");
                        unreadable = true;
                    }
                }
            }
        }
        answers.out.flush()?;
        Ok(match (unreadable, answers.all_ok) {
            (true, _) => ExitCode::from(2),
            (false, true) => ExitCode::SUCCESS,
            (false, false) => ExitCode::from(1),
        })
    }
}

/// Opens the index where it can be. Without it the answers are the same, only later.
fn open_index(file: &StoreFile, store: &dyn Store) -> Option<SuppressionIndex> {
    match file.index(store) {
        Ok(index) => Some(index),
        Err(error) => {
            anstream::eprintln!("abprall: {error}; every address is looked for in the database instead");
            None
        }
    }
}

struct Answers<'a, W: Write> {
    store: &'a dyn Store,
    /// Where many are asked about. Who is not in it need not be looked for in the database.
    index: Option<SuppressionIndex>,
    audience: Audience,
    at: Timestamp,
    format: Format,
    language: Language,
    all_ok: bool,
    out: W,
}

impl<W: Write> Answers<'_, W> {
    fn answer(&mut self, address: &EmailAddress) -> anyhow::Result<()> {
        let key = address.suppression_key();
        let could_be_stopped = self
            .index
            .as_ref()
            .is_none_or(|index| index.could_be_stopped(key.as_str(), address.domain_part()));
        let standing = if could_be_stopped {
            let question = Question { address: address.clone(), audience: self.audience.clone() };
            self.store.check(&question, self.at)?
        } else {
            Standing::ok(address.to_string())
        };
        self.all_ok &= standing.state == State::Ok;
        match self.format {
            Format::Json => {
                serde_json::to_writer(&mut self.out, &standing)?;
                writeln!(self.out)?;
            }
            Format::Text => write_standing(&mut self.out, &standing, self.language)?,
        }
        Ok(())
    }
}

/// One line on how an address or a domain stands, a second one on why.
pub(super) fn write_standing(
    out: &mut impl Write,
    standing: &Standing,
    language: Language,
) -> io::Result<()> {
    write_standing_for(out, standing, &Audience::default(), language)
}

/// As [`write_standing`], and says for whose mail it stands so.
pub(super) fn write_standing_for(
    out: &mut impl Write,
    standing: &Standing,
    audience: &Audience,
    language: Language,
) -> io::Result<()> {
    let name = plain(&standing.address) + &wording::for_mail_of(audience, language);
    let state = wording::state(standing.state, language);
    let (Some(reason), Some(since)) = (standing.reason, standing.since) else {
        let meaning = pick(language, "may be sent to", "darf angeschrieben werden");
        return writeln!(out, "{state:12} {name}\n{:12} {DIM}{meaning}{DIM:#}", "");
    };
    let style = if standing.state == State::Suppressed { STOPPED } else { HELD };
    writeln!(out, "{style}{state:12}{style:#} {name}")?;
    let mut why = format!(
        "{}, {} {}",
        wording::reason(reason, language),
        pick(language, "since", "seit"),
        dates::day(since)
    );
    if let Some(until) = standing.until {
        why += &format!(" {} {}", pick(language, "until", "bis"), dates::day(until));
    }
    if standing.scope == Some(abprall_store::Scope::Domain) && standing.address.contains('@') {
        why += pick(language, "; the whole domain is stopped", "; die ganze Domain ist gestoppt");
    }
    if standing.scope == Some(abprall_store::Scope::MxHost) {
        why += pick(language, "; its mail servers are stopped", "; ihre Mailserver sind gestoppt");
    }
    writeln!(out, "{:12} {DIM}{why}{DIM:#}", "")
}
