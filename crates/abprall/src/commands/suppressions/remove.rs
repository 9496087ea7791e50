use std::io::{self, Write};
use std::process::ExitCode;

use abprall_store::{Scope, State, Subject};
use jiff::Timestamp;

use crate::language::Lang;
use crate::store_file::StoreFile;
use crate::subject;
use crate::terminal::DIM;
use crate::wording::{self, pick};

/// Lift the stop of addresses or whole domains by hand. Exit status 1 when one of them still may not be sent to.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Addresses, or domains.
    #[arg(required = true, value_name = "ADDRESS|DOMAIN", value_parser = subject::read)]
    subjects: Vec<Subject>,

    #[command(flatten)]
    store: StoreFile,

    /// Also those who complained or unsubscribed: only where they asked to come back.
    #[arg(long)]
    consent: bool,

    /// A note for those who ask `why` later.
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,

    /// The language of the words.
    #[arg(long, value_enum, default_value_t = Lang::En)]
    lang: Lang,
}

impl Args {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let language = self.lang.into();
        let now = Timestamp::now();
        let mut store = self.store.open_existing()?;
        let mut out = anstream::AutoStream::auto(io::stdout().lock());
        let mut all_free = true;
        for subject in &self.subjects {
            // Also where the wish is about one list only.
            if let Some(wish) = store.own_wish(subject, None)?
                && !self.consent
            {
                all_free = false;
                let reason = wording::reason(wish, language);
                let text = pick(
                    language,
                    "stays stopped by its owner's own wish; --consent lifts it where the owner asked to come back",
                    "bleibt gesperrt, weil es der Wunsch des Inhabers war; --consent hebt die Sperre auf, wenn er wiederkommen wollte",
                );
                anstream::eprintln!("abprall: {subject} ({reason}) {text}");
                continue;
            }
            let lifted = store.lift(subject, now, self.note.as_deref())?;
            let text = match lifted.state {
                State::Ok => pick(language, "was not stopped", "war nicht gestoppt"),
                State::Held | State::Suppressed => pick(language, "lifted", "aufgehoben"),
            };
            writeln!(out, "{text:12} {subject}")?;
            let after = store.check_subject(subject, now)?;
            if after.state != State::Ok {
                all_free = false;
                if after.scope == Some(Scope::Domain) {
                    let text = pick(
                        language,
                        "its whole domain is stopped: `abprall suppressions remove DOMAIN`",
                        "die ganze Domain ist gestoppt: `abprall suppressions remove DOMAIN`",
                    );
                    writeln!(out, "{:12} {DIM}{text}{DIM:#}", "")?;
                }
            }
        }
        Ok(if all_free { ExitCode::SUCCESS } else { ExitCode::from(1) })
    }
}
