use std::io::{self, Write};
use std::process::ExitCode;

use abprall_mail::Language;
use abprall_store::State;
use anyhow::Context;
use jiff::Timestamp;

use super::{Configured, Format, print};
use crate::language::Lang;
use crate::listing::{Row, field};
use crate::sync::{self, Drift};
use crate::terminal::{BOLD, DIM, NOTE, STOPPED, number, plain};
use crate::wording::{self, pick};

/// Hold a list against what is remembered here, in both directions. Exit status 1 where they differ and nothing was mended.
#[derive(clap::Args)]
pub(super) struct Args {
    /// The target.
    #[arg(value_name = "TARGET")]
    target: String,

    /// Tell the list how it stands here.
    #[arg(long)]
    mend: bool,

    #[command(flatten)]
    configured: Configured,

    /// How to print.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,

    /// The language of the words.
    #[arg(long, value_enum, default_value_t = Lang::En)]
    lang: Lang,
}

impl Args {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let (place, targets) = self.configured.named(std::slice::from_ref(&self.target))?;
        let target = targets.first().context("there is no such target")?;
        let mut store = place.open_existing()?;
        let mut drifts = Vec::new();
        let mut found = sync::reconcile(&*store, target, Timestamp::now(), &mut |drift| {
            drifts.push(drift);
            Ok(())
        })?;
        let language = self.lang.into();
        let empty = pick(language, "they agree", "beide stimmen überein");
        print(&drifts, self.format, language, empty)?;
        if self.mend {
            found.mended = sync::mend(&mut *store, target, &sync::owner(), &drifts)?;
        }
        // Words, not data.
        anstream::eprintln!("abprall: {}", summary(&found, language));
        let differ = found.not_stopped + found.left_over > found.mended;
        Ok(ExitCode::from(u8::from(differ)))
    }
}

fn summary(found: &sync::Reconciled, language: Language) -> String {
    let mut parts = vec![
        format!("{} {}", number(found.members), pick(language, "entries", "Einträge")),
        format!(
            "{} {}",
            number(found.not_stopped),
            pick(language, "not stopped there", "dort nicht gesperrt")
        ),
        format!(
            "{} {}",
            number(found.left_over),
            pick(language, "still stopped there", "dort noch gesperrt")
        ),
    ];
    let others = pick(language, "stopped there by others", "dort von anderen gesperrt");
    let unreadable = pick(language, "no addresses", "keine Adressen");
    let mended = pick(language, "mended", "behoben");
    for (count, words) in [(found.by_others, others), (found.unreadable, unreadable), (found.mended, mended)]
    {
        if count > 0 {
            parts.push(format!("{} {words}", number(count)));
        }
    }
    parts.join(", ")
}

impl Row for Drift {
    const COLUMNS: &'static [&'static str] = &["address", "here", "there", "reason"];

    fn fields(&self) -> Vec<String> {
        vec![self.address.clone(), self.here.as_str().to_owned(), self.there.to_owned(), field(self.reason)]
    }

    fn write(&self, out: &mut dyn Write, language: Language) -> io::Result<()> {
        let (style, words) = match self.here {
            State::Ok => (NOTE, pick(language, "stopped only there", "nur dort gesperrt")),
            State::Held | State::Suppressed => {
                (STOPPED, pick(language, "stopped only here", "nur hier gesperrt"))
            }
        };
        write!(out, "{BOLD}{}{BOLD:#}  {style}{words}{style:#}", plain(&self.address))?;
        if let Some(reason) = self.reason {
            write!(out, "  {DIM}{}{DIM:#}", wording::reason(reason, language))?;
        }
        writeln!(out)
    }
}
