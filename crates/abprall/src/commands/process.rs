use std::io::{self, BufWriter, IsTerminal};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use abprall_policy::Policy;
use abprall_store::{Audience, Decided, Entry, Message, Recorded, Store};
use clap::ValueEnum;
use jiff::Timestamp;

use crate::clock::{Clock, ClockOption};
use crate::intake::{self, Inputs, Judged, Progress};
use crate::language::Lang;
use crate::policy_file::PolicyFile;
use crate::store_file::StoreFile;

mod lines;
mod tally;

use lines::Lines;
use tally::Tally;

/// Read bounces, decide, remember: the main job.
///
/// Every message is taken once, however often it is shown. What is reported as done is on the disk: a run that is interrupted is
/// simply started again.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    inputs: Inputs,

    #[command(flatten)]
    store: StoreFile,

    #[command(flatten)]
    policy: PolicyFile,

    /// Whose mail came back: the tenant.
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,

    /// Whose mail came back: the list.
    #[arg(long, value_name = "NAME")]
    list: Option<String>,

    #[command(flatten)]
    clock: ClockOption,

    /// How to print: a summary for people or as JSON; or one JSON object for every decision, once it is on the disk.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    /// The language of the summary.
    #[arg(long, value_enum, default_value_t = Lang::En)]
    lang: Lang,
}

#[derive(Clone, Copy, Eq, PartialEq, ValueEnum)]
enum Format {
    Text,
    Json,
    Ndjson,
}

/// Messages between two commits: enough that the disk's write time does not count …
const BATCH_MESSAGES_MAX: usize = 512;

/// … and so few reports (one message may hold 100,000) that they fit into memory …
const BATCH_REPORTS_MAX: usize = 4096;

/// … and that nobody waits long for a decision.
const BATCH_AGE_MAX: Duration = Duration::from_millis(500);

impl Args {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let classifier = self.inputs.rules.classifier()?;
        let policy = self.policy.read()?;
        let clock = self.clock.clock();
        self.inputs.is_anything_there()?;
        let mut store = self.store.open()?;
        let lines = (self.format == Format::Ndjson)
            .then(|| Lines::new(BufWriter::with_capacity(64 * 1024, io::stdout().lock())));
        let mut batch = Batch {
            store: &mut *store,
            policy: &policy,
            audience: Audience { tenant: self.tenant.clone(), list: self.list.clone() },
            clock,
            waiting: Vec::new(),
            reports: 0,
            since: Instant::now(),
            tally: Tally::default(),
            lines,
        };
        let progress = match self.format {
            Format::Ndjson if io::stdout().is_terminal() => Progress::Never,
            _ => Progress::OnTerminal,
        };
        let outcome = intake::run(&self.inputs, &classifier, progress, |judged| batch.push(judged));
        // What was read before an error is remembered all the same.
        let flushed = batch.flush();
        let Batch { tally, .. } = batch;
        let totals = match (outcome, flushed) {
            (Err(error), _) => return Err(error),
            (Ok(_), Err(error)) => return Err(error),
            (Ok(totals), Ok(())) => totals,
        };
        let stopped = store.stopped(clock.now())?;
        match self.format {
            Format::Text => {
                let out = anstream::AutoStream::auto(io::stdout().lock());
                tally.write(out, &self.store.shown(), &stopped, self.lang.into())?;
            }
            Format::Json => tally.write_json(io::stdout().lock(), &stopped)?,
            Format::Ndjson => {}
        }
        Ok(totals.exit_code())
    }
}

/// Messages on their way into the store.
struct Batch<'a, W: io::Write> {
    store: &'a mut dyn Store,
    policy: &'a Policy,
    audience: Audience,
    clock: Clock,
    waiting: Vec<Judged>,
    /// In all that wait.
    reports: usize,
    since: Instant,
    tally: Tally,
    lines: Option<Lines<W>>,
}

impl<W: io::Write> Batch<'_, W> {
    fn push(&mut self, judged: Judged) -> anyhow::Result<()> {
        self.reports += judged.reading.reports.len();
        self.waiting.push(judged);
        if self.waiting.len() >= BATCH_MESSAGES_MAX
            || self.reports >= BATCH_REPORTS_MAX
            || self.since.elapsed() >= BATCH_AGE_MAX
        {
            self.flush()?;
        }
        Ok(())
    }

    /// Stores what waits; only then counts and prints it.
    fn flush(&mut self) -> anyhow::Result<()> {
        let now = self.clock.now();
        let waiting = std::mem::take(&mut self.waiting);
        self.reports = 0;
        let messages: Vec<_> = waiting.iter().map(|judged| message(judged, now, &self.audience)).collect();
        let recorded = self.store.record(&messages, self.policy)?;
        for (message, recorded) in messages.iter().zip(&recorded) {
            self.tally.add(message, recorded);
            if let Some(lines) = &mut self.lines {
                lines.write(message, recorded)?;
            }
        }
        if let Some(lines) = &mut self.lines {
            lines.flush()?;
        }
        self.since = Instant::now();
        Ok(())
    }
}

fn message<'a>(judged: &'a Judged, seen_at: Timestamp, audience: &Audience) -> Message<'a> {
    let reports = judged.reading.reports.iter().zip(&judged.classifications);
    Message {
        content: judged.content,
        source: &judged.source,
        seen_at,
        holds: judged
            .reading
            .reports
            .is_empty()
            .then(|| judged.reading.not_a_bounce.map_or("other", Into::into)),
        audience: audience.clone(),
        entries: reports.map(|(report, classification)| Entry { report, judged: classification }).collect(),
    }
}

/// The entries of a message with what was stored of each; nothing where the message was known.
fn decisions<'a>(
    message: &'a Message<'a>,
    recorded: &'a Recorded,
) -> impl Iterator<Item = (&'a Entry<'a>, Option<Decided>)> {
    message.entries.iter().enumerate().map(move |(index, entry)| match recorded {
        Recorded::New(decided) => (entry, decided.get(index).copied()),
        Recorded::Known => (entry, None),
    })
}
