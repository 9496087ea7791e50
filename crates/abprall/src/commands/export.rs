use std::io::{self, Write};
use std::process::ExitCode;

use abprall_mail::EmailAddress;
use abprall_store::Person;
use serde::Serialize;

use crate::clock::ClockOption;
use crate::store_file::StoreFile;
use crate::subject;

/// All that is known of a person, as JSON: for whoever asks what is kept of them.
///
/// Exit status 1 where an address is not known.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Whom.
    #[arg(required = true, value_name = "ADDRESS", value_parser = subject::address)]
    addresses: Vec<EmailAddress>,

    #[command(flatten)]
    store: StoreFile,

    #[command(flatten)]
    clock: ClockOption,

    /// How to print: one JSON object for each address.
    #[arg(long, value_enum, default_value_t = Format::Json)]
    format: Format,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Format {
    /// For people who read it, with a line a field.
    Json,
    /// One line an address.
    Ndjson,
}

/// The JSON of `export`.
#[derive(Serialize)]
struct Answer<'a> {
    address: &'a str,
    known: bool,
    #[serde(flatten)]
    person: Option<Person>,
}

impl Args {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let store = self.store.open_existing()?;
        let at = self.clock.clock().now();
        let mut out = io::stdout().lock();
        let mut all_known = true;
        for address in &self.addresses {
            let person = store.person(address, at)?;
            all_known &= person.is_some();
            let answer = Answer { address: address.as_str(), known: person.is_some(), person };
            match self.format {
                Format::Json => serde_json::to_writer_pretty(&mut out, &answer)?,
                Format::Ndjson => serde_json::to_writer(&mut out, &answer)?,
            }
            writeln!(out)?;
        }
        Ok(ExitCode::from(u8::from(!all_known)))
    }
}
