use std::io::{self, BufWriter, IsTerminal, Write};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use abprall_policy::Policy;
use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::{SignedDuration, Timestamp};

use super::rewind::moment;
use crate::clock::ClockOption;
use crate::language::Lang;
use crate::policy_file::{self, PolicyFile};
use crate::store_file::StoreFile;

mod answer;
mod freezes;
mod lines;
mod page;
mod trial;

use answer::Answer;
use freezes::Freezes;
use trial::Trial;

/// Try another policy on the stored history: who would have been removed, who would have been saved.
///
/// Every report is decided again under POLICY and held against what was decided; nothing is changed. The answer ends with what no
/// replay can know. Memory grows with the addresses in that time, not with the reports; above 3 million addresses it is refused.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The policy that is tried, a TOML file; what it leaves out has its default.
    #[arg(value_name = "POLICY.toml")]
    tried: PathBuf,

    /// Only decisions taken at or after this time: 2026-11-24, 2026-11-24T14:00 (UTC) or RFC 3339.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    from: Option<Timestamp>,

    /// … and before this one.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    to: Option<Timestamp>,

    #[command(flatten)]
    current: PolicyFile,

    #[command(flatten)]
    store: StoreFile,

    #[command(flatten)]
    clock: ClockOption,

    /// How many providers and examples are shown.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    rows: u32,

    /// How to print.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    /// The language of the words.
    #[arg(long, value_enum, default_value_t = Lang::En)]
    lang: Lang,
}

#[derive(Clone, Copy, Eq, PartialEq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One object: the counts and what cannot be known
    Json,
    /// One JSON object a line for each address that would stand otherwise
    Ndjson,
    /// The same with a header
    Csv,
}

/// Reports between two movements of the progress bar.
const PROGRESS_EVERY: u64 = 4096;

impl Args {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let policy = policy_file::read(&self.tried)?;
        let current = self.current.read()?;
        let from = self.from.unwrap_or(Timestamp::MIN);
        let to = self.to.unwrap_or_else(|| self.clock.clock().now());
        if to <= from {
            anstream::eprintln!("abprall: --to has to be later than --from");
            return Ok(ExitCode::from(2));
        }
        let store = self.store.open_existing()?;
        // Another brake is tried; the same one froze what it froze, by numbers and by looks that are no part of a replay.
        let brake_tried = policy.brake != current.brake;
        let freezes = if brake_tried { Freezes::tried() } else { Freezes::as_they_were() };
        let mut trial = Trial::new(&policy, from, freezes);
        let progress = progress();
        let mut failed = None;
        // The last microsecond belongs to it: without --to, what was decided just now is meant.
        let end = if self.to.is_some() { to } else { Timestamp::MAX };
        store.replay(warm_up(from, &policy), end, &mut |row| match trial.take(&row) {
            Ok(()) => {
                if trial.tally.reports.is_multiple_of(PROGRESS_EVERY) {
                    progress.set_position(trial.tally.reports);
                }
                ControlFlow::Continue(())
            }
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        })?;
        progress.finish_and_clear();
        if let Some(error) = failed {
            return Err(error.into());
        }
        trial.finish();
        let language = self.lang.into();
        let answer = Answer::of(&trial, &policy, &current, self.rows as usize);
        match self.format {
            Format::Text => {
                let window = (self.from, to);
                let out = anstream::AutoStream::auto(io::stdout().lock());
                page::write(out, &answer, &self.tried, window, language)?;
            }
            Format::Json => {
                let mut out = io::stdout().lock();
                lines::write_json(&mut out, &answer, (self.from, to), language)?;
                writeln!(out)?;
            }
            Format::Ndjson => lines::write_ndjson(BufWriter::new(io::stdout().lock()), &trial)?,
            Format::Csv => lines::write_csv(io::stdout().lock(), &trial)?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// From where history has to be read so that the soft failures are known that count at `from`.
fn warm_up(from: Timestamp, policy: &Policy) -> Timestamp {
    let rules = policy.soft.rules.iter().map(|scoped| scoped.rule.within);
    let longest = rules.chain([policy.soft.default.within]).max().unwrap_or_default();
    // A day more: days are whole.
    let longest = longest.saturating_add(Duration::from_secs(86_400));
    SignedDuration::try_from(longest)
        .ok()
        .and_then(|span| from.checked_sub(span).ok())
        .unwrap_or(Timestamp::MIN)
}

/// How many reports have been replayed, on a terminal only.
fn progress() -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(5));
    if let Ok(style) = ProgressStyle::with_template("{spinner} {human_pos} reports  {per_sec}  {elapsed}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
