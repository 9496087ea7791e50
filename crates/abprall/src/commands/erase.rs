use std::io::{self, Write};
use std::process::ExitCode;

use abprall_mail::{EmailAddress, Language};
use abprall_store::Erased;
use clap::ValueEnum;
use serde::Serialize;

use super::pending::preview;
use crate::clock::ClockOption;
use crate::language::Lang;
use crate::store_file::StoreFile;
use crate::subject;
use crate::terminal::plain;
use crate::wording::{counted, pick};

/// Forget a person: the address and all words about it go, with the raw mail that names it; a keyed hash stays, by which a stop is still
/// recognised.
///
/// Exit status 1 where an address is not known.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Whom.
    #[arg(required = true, value_name = "ADDRESS", value_parser = subject::address)]
    addresses: Vec<EmailAddress>,

    /// Do it; it cannot be undone. Without this, what would be done is only shown.
    #[arg(long)]
    yes: bool,

    #[command(flatten)]
    store: StoreFile,

    #[command(flatten)]
    clock: ClockOption,

    /// How to print: words, or one JSON object for each address.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    /// The language of the words.
    #[arg(long, value_enum, default_value_t = Lang::En)]
    lang: Lang,
}

#[derive(Clone, Copy, Eq, PartialEq, ValueEnum)]
pub(super) enum Format {
    Text,
    #[value(alias = "ndjson")]
    Json,
}

/// The JSON of `erase`.
#[derive(Serialize)]
struct Answer<'a> {
    address: &'a str,
    done: bool,
    #[serde(flatten)]
    erased: Erased,
    /// Messages in the raw mail.
    raw_mail: u64,
}

impl Args {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let mut store = self.store.open_existing()?;
        let (language, at) = (self.lang.into(), self.clock.clock().now());
        let mut out = anstream::AutoStream::auto(io::stdout().lock());
        let mut all_known = true;
        let (mail, more_elsewhere) = self.store.raw_mail_of(&*store)?;
        for address in &self.addresses {
            let about = store.messages_about(address)?;
            let erased = if self.yes {
                store.erase(address, at)?
            } else {
                let story = store.story(&abprall_store::Subject::Address(address.clone()), at, u32::MAX)?;
                story.map_or(Erased::default(), |story| Erased {
                    known: true,
                    stopped: story.standing.state != abprall_store::State::Ok,
                    reports: story.decisions.iter().filter(|decision| decision.report.is_some()).count()
                        as u64,
                })
            };
            // First the database: what comes in from now on is not kept any more.
            let raw_mail = match (&mail, self.yes) {
                (None, _) => 0,
                (Some(mail), true) => mail.forget(address, about)?,
                (Some(mail), false) => mail.about(address, about)?.len() as u64,
            };
            all_known &= erased.known || raw_mail > 0;
            match self.format {
                Format::Json => {
                    let answer = Answer {
                        address: address.as_str(),
                        done: self.yes && (erased.known || raw_mail > 0),
                        erased,
                        raw_mail,
                    };
                    serde_json::to_writer(&mut out, &answer)?;
                    writeln!(out)?;
                }
                Format::Text => {
                    writeln!(
                        out,
                        "{}: {}",
                        plain(address.as_str()),
                        sentence(erased, raw_mail, self.yes, language)
                    )?;
                }
            }
        }
        if !self.yes && self.format == Format::Text {
            writeln!(out, "{}", preview(language))?;
        }
        if more_elsewhere {
            let words = pick(
                language,
                "raw mail that servers keep where it cannot be reached from here: they remove what holds a report about these people within the hour; what only names them goes when it is old",
                "Rohmails, die Server an von hier nicht erreichbaren Orten aufbewahren: sie löschen binnen einer Stunde, was eine Meldung über diese Menschen enthält; was sie nur nennt, geht, wenn es alt ist",
            );
            anstream::eprintln!("abprall: {words}");
        }
        Ok(ExitCode::from(u8::from(!all_known)))
    }
}

fn sentence(erased: Erased, raw_mail: u64, done: bool, language: Language) -> String {
    let mail = counted(raw_mail, ("message", "messages"), ("Nachricht", "Nachrichten"), language);
    let mail = match (raw_mail, done, language) {
        (0, _, _) => String::new(),
        (_, true, Language::En) => format!("; {mail} of the raw mail removed"),
        (_, true, Language::De) => format!("; {mail} der Rohmails gelöscht"),
        (_, false, Language::En) => format!("; {mail} of the raw mail would be removed"),
        (1, false, Language::De) => format!("; {mail} der Rohmails würde gelöscht"),
        (_, false, Language::De) => format!("; {mail} der Rohmails würden gelöscht"),
    };
    if !erased.known && raw_mail > 0 {
        return pick(language, "not known", "nicht bekannt").to_owned() + &mail;
    }
    if !erased.known {
        return pick(language, "not known, nothing to forget", "nicht bekannt, nichts zu vergessen")
            .to_owned();
    }
    let reports = counted(erased.reports, ("report", "reports"), ("Meldung", "Meldungen"), language);
    let forgotten = match (done, language) {
        (true, Language::En) => format!("forgotten, the texts of {reports} emptied"),
        (true, Language::De) => format!("vergessen, die Texte von {reports} geleert"),
        (false, Language::En) => format!("would be forgotten, the texts of {reports} emptied"),
        (false, Language::De) => format!("würde vergessen, die Texte von {reports} geleert"),
    };
    let stop = if erased.stopped {
        pick(language, "; it is stopped and stays so", "; gestoppt, und bleibt es")
    } else {
        pick(language, "; it is not stopped", "; nicht gestoppt")
    };
    forgotten + stop + &mail
}
