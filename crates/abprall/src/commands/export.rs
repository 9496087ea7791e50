use std::collections::HashSet;
use std::io::{self, Write};
use std::process::ExitCode;

use abprall_mail::EmailAddress;
use abprall_store::{ContentId, Person};
use serde::Serialize;
use serde::ser::{Error, SerializeSeq};

use crate::clock::ClockOption;
use crate::raw_mail::RawMail;
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
    raw_mail: Messages<'a>,
}

/// Kept messages; each is read when it is printed, for there may be many.
struct Messages<'a> {
    mail: Option<&'a RawMail>,
    contents: HashSet<ContentId>,
}

impl Serialize for Messages<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut contents: Vec<_> = self.contents.iter().collect();
        contents.sort_unstable_by_key(ToString::to_string);
        let mut list = serializer.serialize_seq(None)?;
        for content in contents {
            let read = self.mail.map_or(Ok(None), |mail| mail.read(content));
            // Somebody may have let it go meanwhile.
            if let Some(message) = read.map_err(S::Error::custom)? {
                let message = String::from_utf8_lossy(&message);
                list.serialize_element(
                    &serde_json::json!({ "content": content.to_string(), "message": message }),
                )?;
            }
        }
        list.end()
    }
}

impl Args {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let store = self.store.open_existing()?;
        let at = self.clock.clock().now();
        let mail = self.store.raw_mail();
        let mut out = io::stdout().lock();
        let mut all_known = true;
        for address in &self.addresses {
            let person = store.person(address, at)?;
            all_known &= person.is_some();
            // As with `erase`: all that hold a report about the person, or name it.
            let contents = match &mail {
                Some(mail) => mail.about(address, store.messages_about(address)?)?,
                None => HashSet::new(),
            };
            let raw_mail = Messages { mail: mail.as_ref(), contents };
            let answer = Answer { address: address.as_str(), known: person.is_some(), person, raw_mail };
            match self.format {
                Format::Json => serde_json::to_writer_pretty(&mut out, &answer)?,
                Format::Ndjson => serde_json::to_writer(&mut out, &answer)?,
            }
            writeln!(out)?;
        }
        Ok(ExitCode::from(u8::from(!all_known)))
    }
}
