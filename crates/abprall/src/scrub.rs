//! Cleans a mailing list: every record goes out as it came in, except those whose address is stopped or is none.
//!
//! One thread cuts the input into batches of whole records, one a core looks their addresses up, the caller writes them in order.
//! The suppression index answers for nearly all; only its hits go to the database, which decides.

use std::io::{self, Read, Write};
use std::num::NonZero;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use abprall_mail::EmailAddress;
use abprall_store::{Standing, State, StoreError};

use crate::lists::{Dialect, Layout};

mod batch;
mod key;

pub(crate) use batch::{Batch, Cleaned, Removed, Why};

/// Bytes of a batch: some ten thousand records, so that handing over costs nothing beside the work.
const BATCH_BYTES: usize = 1024 * 1024;

/// Batches that wait before and behind each worker. With [`BATCH_BYTES`] and two copies of a batch this bounds the memory.
const WAITING: usize = 2;

/// What answers first, for all threads: whether mail for an address could be stopped. May say yes too often, never no.
pub(crate) trait Index: Sync {
    /// Whether it could be, by the suppression key of the address and its domain.
    fn could_be_stopped(&self, key: &str, domain: &str) -> bool;
}

impl Index for abprall_store::SuppressionIndex {
    fn could_be_stopped(&self, key: &str, domain: &str) -> bool {
        Self::could_be_stopped(self, key, domain)
    }
}

/// What decides, one for each thread.
pub(crate) trait Authority: Send {
    /// How an address stands.
    fn standing(&self, address: &EmailAddress) -> Result<Standing, StoreError>;
}

/// Whom a scrub takes off the list.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum HeldAddresses {
    /// Held ones leave, too: nobody is sent to while it is not known how it ends.
    Leave,
    /// Held ones stay.
    Stay,
}

/// How a scrub works.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan<'a> {
    pub(crate) layout: &'a Layout,
    pub(crate) held: HeldAddresses,
}

/// Why a scrub ended early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ScrubError {
    /// The list cannot be read.
    #[error("cannot read the list")]
    Read(#[source] io::Error),
    /// The clean list, or the one of those who left, cannot be written.
    #[error("cannot write the clean list")]
    Write(#[source] io::Error),
    /// The database cannot be asked.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a scrub did.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, serde::Serialize)]
pub(crate) struct Tally {
    /// Records with an address, or with something in its place; without header and blank lines.
    pub(crate) records: u64,
    /// That stay.
    pub(crate) kept: u64,
    /// That left because they are suppressed.
    pub(crate) suppressed: u64,
    /// That left because they are held.
    pub(crate) held: u64,
    /// That left because they hold no address that can be sent to.
    pub(crate) invalid: u64,
    /// Of the stopped ones, by their whole domain.
    pub(crate) by_domain: u64,
}

/// Reads a list and hands out its batches in order, cleaned.
pub(crate) fn scrub<A: Authority>(
    mut input: impl Read + Send,
    plan: Plan<'_>,
    index: &impl Index,
    authorities: Vec<A>,
    each: &mut dyn FnMut(&Cleaned) -> io::Result<()>,
) -> Result<Tally, ScrubError> {
    let stopped = AtomicBool::new(false);
    thread::scope(|scope| {
        let (mut to_workers, mut from_workers) = (Vec::new(), Vec::new());
        for authority in authorities {
            let (to_worker, batches) = sync_channel::<Batch>(WAITING);
            let (cleaned, from_worker) = sync_channel(WAITING);
            to_workers.push(to_worker);
            from_workers.push(from_worker);
            scope.spawn(move || work(plan, index, &authority, &batches, &cleaned));
        }
        let stopped = &stopped;
        let reader = scope.spawn(move || {
            // The workers end when the senders go with this thread.
            let to_workers = to_workers;
            read(&mut input, plan.layout, &to_workers, stopped)
        });
        let written = write(&from_workers, each);
        // Whoever still waits to hand something over learns that nobody takes it.
        stopped.store(written.is_err(), Ordering::Relaxed);
        drop(from_workers);
        let read = reader.join().unwrap_or_else(|_| Err(io::Error::other("the reading thread failed")));
        let tally = written?;
        read.map_err(ScrubError::Read)?;
        Ok(tally)
    })
}

/// How many threads look addresses up.
pub(crate) fn workers() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get).min(16)
}

/// Hands batches to the workers in turn, so that they can be collected in turn.
fn read(
    input: &mut impl Read,
    layout: &Layout,
    to_workers: &[SyncSender<Batch>],
    stopped: &AtomicBool,
) -> io::Result<()> {
    let mut cutter =
        Cutter { dialect: layout.dialect, waiting: Vec::new(), line: 1, header: layout.header.is_some() };
    for turn in (0..to_workers.len()).cycle() {
        let Some(batch) = cutter.next(input)? else { return Ok(()) };
        if stopped.load(Ordering::Relaxed) || to_workers[turn].send(batch).is_err() {
            return Ok(());
        }
    }
    Ok(())
}

struct Cutter {
    dialect: Dialect,
    waiting: Vec<u8>,
    line: u64,
    header: bool,
}

impl Cutter {
    /// The next whole records, about [`BATCH_BYTES`] of them; `None` at the end.
    fn next(&mut self, input: &mut impl Read) -> io::Result<Option<Batch>> {
        loop {
            let wanted = (BATCH_BYTES).saturating_sub(self.waiting.len()).max(BATCH_BYTES / 4);
            let taken = input.by_ref().take(wanted as u64).read_to_end(&mut self.waiting)?;
            let last = taken < wanted;
            let end = self.end_of_last_record(last);
            if end == 0 {
                if last {
                    return Ok(None);
                }
                continue;
            }
            let rest = self.waiting.split_off(end);
            let bytes = std::mem::replace(&mut self.waiting, rest);
            let line = self.line;
            self.line += memchr::memchr_iter(self.dialect.line_end, &bytes).count() as u64;
            let has_header = std::mem::take(&mut self.header);
            return Ok(Some(Batch { bytes, line, has_header }));
        }
    }

    fn end_of_last_record(&self, last: bool) -> usize {
        if last {
            return self.waiting.len();
        }
        // Where nothing is quoted every line end is one of a record.
        if self.dialect.delimiter.is_none() || memchr::memchr(b'"', &self.waiting).is_none() {
            return match memchr::memrchr(self.dialect.line_end, &self.waiting) {
                Some(end) => end + 1,
                None => self.dialect.record_end(&self.waiting, false).unwrap_or(0),
            };
        }
        let mut end = 0;
        while let Some(record) = self.dialect.record_end(&self.waiting[end..], false) {
            end += record;
        }
        end
    }
}

type Answer = Result<Cleaned, StoreError>;

fn work(
    plan: Plan<'_>,
    index: &impl Index,
    authority: &impl Authority,
    batches: &Receiver<Batch>,
    cleaned: &SyncSender<Answer>,
) {
    for batch in batches {
        let answer = batch::clean(batch, plan, index, authority);
        let failed = answer.is_err();
        if cleaned.send(answer).is_err() || failed {
            return;
        }
    }
}

fn write(
    from_workers: &[Receiver<Answer>],
    each: &mut dyn FnMut(&Cleaned) -> io::Result<()>,
) -> Result<Tally, ScrubError> {
    let mut tally = Tally::default();
    for worker in from_workers.iter().cycle() {
        // Batches went out in turn: the first worker that has none is the end.
        let Ok(answer) = worker.recv() else { break };
        let cleaned = answer?;
        tally.add(&cleaned);
        each(&cleaned).map_err(ScrubError::Write)?;
    }
    Ok(tally)
}

impl Tally {
    fn add(&mut self, cleaned: &Cleaned) {
        self.records += cleaned.records;
        self.kept += cleaned.records - cleaned.removed.len() as u64;
        for removed in &cleaned.removed {
            match &removed.why {
                Why::Invalid => self.invalid += 1,
                Why::Stopped(standing) => {
                    match standing.state {
                        State::Held => self.held += 1,
                        State::Ok | State::Suppressed => self.suppressed += 1,
                    }
                    self.by_domain += u64::from(standing.scope != Some(abprall_store::Scope::Address));
                }
            }
        }
    }
}

/// Writes those who left, with the reason in words.
pub(crate) fn write_removed<W: Write>(
    csv: &mut csv::Writer<W>,
    removed: &Removed,
    reason: &str,
) -> io::Result<()> {
    let line = removed.line.to_string();
    match &removed.why {
        Why::Invalid => csv.write_record([line.as_str(), &removed.text, "invalid", reason, "", ""])?,
        Why::Stopped(standing) => csv.write_record([
            line.as_str(),
            &removed.text,
            standing.state.as_str(),
            reason,
            &standing.since.map(|at| at.to_string()).unwrap_or_default(),
            standing.scope.map_or("", abprall_store::Scope::as_str),
        ])?,
    }
    Ok(())
}

/// The header of the list of those who left.
pub(crate) const REMOVED_COLUMNS: [&str; 6] = ["line", "address", "state", "reason", "since", "scope"];

#[cfg(test)]
mod tests;
