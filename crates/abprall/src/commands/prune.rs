use std::process::ExitCode;
use std::time::Duration;

use abprall_mail::Language;
use abprall_store::{Mode, Old, Store};
use serde::Serialize;

use super::erase::Format;
use super::pending::preview;
use crate::clock::ClockOption;
use crate::language::Lang;
use crate::raw_mail::Limits;
use crate::serve::PRUNE_ROWS;
use crate::store_file::StoreFile;
use crate::wording::{counted, pick};

/// Let go what is old: the words of reports, raw mail, and with --addresses the addresses to which nothing happened since. What was decided stays;
/// who is stopped stays stopped.
///
/// Shows what would go; `--yes` does it.
///
/// `abprall serve` does the same daily, as `[keep]` says.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Older than this: "400d".
    #[arg(long, value_name = "TIME", value_parser = age)]
    older_than: Duration,

    /// Addresses too: a keyed hash takes their place, as with `abprall erase`. It cannot be undone.
    #[arg(long)]
    addresses: bool,

    /// Do it; it cannot be undone. Without this, what would go is only shown.
    #[arg(long)]
    yes: bool,

    /// Only show what would go, as without --yes.
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,

    #[command(flatten)]
    store: StoreFile,

    #[command(flatten)]
    clock: ClockOption,

    /// How to print.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    /// The language of the words.
    #[arg(long, value_enum, default_value_t = Lang::En)]
    lang: Lang,
}

/// The JSON of `prune`.
#[derive(Serialize)]
struct Answer {
    before: jiff::Timestamp,
    done: bool,
    reports: u64,
    addresses: Option<u64>,
    /// Messages in the raw mail.
    raw_mail: u64,
}

impl Args {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let mut store = self.store.open_existing()?;
        let language = Language::from(self.lang);
        let before = self.clock.clock().now().checked_sub(self.older_than)?;
        let mode = if self.yes { Mode::Apply } else { Mode::Preview };
        let reports = all(&mut *store, Old::Texts, before, mode)?;
        let addresses = self.addresses.then(|| all(&mut *store, Old::Addresses, before, mode)).transpose()?;
        let raw_mail = match self.store.raw_mail() {
            Some(mail) => mail.sweep(Limits { before, bytes_max: u64::MAX }, self.yes)?.removed,
            None => 0,
        };
        if self.format == Format::Json {
            let answer = Answer { before, done: self.yes, reports, addresses, raw_mail };
            anstream::println!("{}", serde_json::to_string(&answer)?);
            return Ok(ExitCode::SUCCESS);
        }
        let mut parts = vec![counted(
            reports,
            ("report emptied", "reports emptied"),
            ("Meldung geleert", "Meldungen geleert"),
            language,
        )];
        if let Some(addresses) = addresses {
            parts.push(counted(
                addresses,
                ("address replaced by its hash", "addresses replaced by their hashes"),
                ("Adresse durch ihren Hash ersetzt", "Adressen durch ihre Hashes ersetzt"),
                language,
            ));
        }
        if raw_mail > 0 {
            parts.push(counted(
                raw_mail,
                ("message removed from the raw mail", "messages removed from the raw mail"),
                ("Nachricht aus den Rohmails gelöscht", "Nachrichten aus den Rohmails gelöscht"),
                language,
            ));
        }
        if reports == 0 && addresses.is_none_or(|addresses| addresses == 0) && raw_mail == 0 {
            let text = pick(language, "nothing is as old as that", "nichts ist so alt");
            anstream::println!("{text}");
            return Ok(ExitCode::SUCCESS);
        }
        let verb = if self.yes { "" } else { pick(language, "would be: ", "wären: ") };
        anstream::println!("{verb}{}", parts.join(", "));
        if !self.yes {
            anstream::println!("{}", preview(language));
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// `400d`, `26 weeks`; days are 24 hours.
fn age(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no length of time; write \"400d\"");
    let span: jiff::Span = text.parse().map_err(|_| wrong())?;
    let age = span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).map_err(|_| wrong())?;
    Duration::try_from(age).map_err(|_| wrong())
}

fn all(store: &mut dyn Store, old: Old, before: jiff::Timestamp, mode: Mode) -> anyhow::Result<u64> {
    let (mut from, mut changed) = (None, 0);
    loop {
        let step = store.prune(old, before, mode, from, PRUNE_ROWS)?;
        changed += step.changed;
        from = step.next;
        if from.is_none() {
            return Ok(changed);
        }
    }
}
