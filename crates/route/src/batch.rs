//! Audits long lists of domains: reads as it goes, writes a line a domain as soon as it is done, and continues after a kill.
//!
//! Nothing grows with the list: the entries in flight are bounded, so is how far they may run ahead of the slowest one, and what is
//! remembered of earlier entries.

use std::io::{self, BufRead, Write};
use std::sync::Arc;
use std::time::Duration;

use abprall_mail::{Domain, Language};
use serde::Serialize;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::limits::{BATCH_AHEAD_MAX, BATCH_QUEUE, BATCH_WRITE_EVERY};
use crate::{Diagnosis, JudgeContext, Observations, Observer, judge};

mod entries;
mod finished;

pub use entries::{BadEntry, Entries, Entry};
pub use finished::{Finished, ResumeError, resume};

/// How a list is audited.
#[derive(Clone, Copy, Debug)]
pub struct BatchOptions {
    /// How many domains are looked at at the same time, at least one.
    pub concurrency: usize,
    /// Whether the facts are part of every line.
    pub facts: Facts,
    /// The language of the explanations.
    pub language: Language,
}

/// Whether the facts are part of every line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Facts {
    /// They are.
    Written,
    /// They are not: the list of observations is empty.
    LeftOut,
}

/// How far an audit has come.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct BatchProgress {
    /// Entries that were answered in this run.
    pub done: u64,
    /// Of these, entries that are no domain.
    pub bad: u64,
    /// Entries that an earlier run had answered.
    pub skipped: u64,
    /// Bytes of the list behind which nothing is unanswered or waiting to be taken.
    pub bytes: u64,
}

/// Why an audit ended early.
#[derive(Debug, thiserror::Error)]
pub enum BatchError {
    /// The list cannot be read.
    #[error("reading the list: {0}")]
    Read(#[source] io::Error),
    /// The results cannot be written.
    #[error("writing the results: {0}")]
    Write(#[source] io::Error),
    /// A part of the program failed: a defect.
    #[error("an audit stopped by itself: {0}")]
    Defect(String),
}

/// One line of the output.
#[derive(Serialize)]
struct Line<'a> {
    /// The number of the entry in the list, from 0; comments, blank lines and repetitions do not count.
    index: u64,
    #[serde(flatten)]
    answer: Answer<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Answer<'a> {
    Diagnosis(&'a Diagnosis),
    Bad { entry: &'a str, error: String },
}

/// Audits every domain of a list. Lines come in the order in which they are done; `progress` is called a few times a second.
///
/// # Errors
/// See [`BatchError`]. What was written before stays valid, and [`resume`] continues it.
pub async fn audit(
    observer: Arc<Observer>,
    list: impl BufRead + Send + 'static,
    mut finished: Finished,
    mut output: impl Write,
    options: BatchOptions,
    mut progress: impl FnMut(BatchProgress),
) -> Result<BatchProgress, BatchError> {
    let (sender, mut entries) = mpsc::channel(BATCH_QUEUE);
    // Reading blocks, and standard input for as long as it likes: the thread is not waited for when we end before the list does.
    let read = move || {
        for entry in Entries::new(list) {
            if sender.blocking_send(entry).is_err() {
                return;
            }
        }
    };
    let reader = std::thread::Builder::new().name("list reader".to_owned()).spawn(read);
    let reader = reader.map_err(BatchError::Read)?;
    let mut running = JoinSet::new();
    let mut far = BatchProgress::default();
    let mut waiting: Option<Entry> = None;
    let mut list_ended = false;
    let mut tick = interval(BATCH_WRITE_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        // Take what may begin.
        while running.len() < options.concurrency.max(1) && !list_ended {
            let entry = match waiting.take() {
                Some(entry) => entry,
                None => match entries.try_recv() {
                    Ok(entry) => entry.map_err(BatchError::Read)?,
                    Err(mpsc::error::TryRecvError::Empty) => break,
                    Err(mpsc::error::TryRecvError::Disconnected) => {
                        list_ended = true;
                        break;
                    }
                },
            };
            if finished.contains(entry.index) {
                far.skipped += 1;
                far.bytes = entry.end;
            } else if entry.index >= finished.below() + BATCH_AHEAD_MAX {
                waiting = Some(entry);
                break;
            } else {
                far.bytes = entry.end;
                let observer = Arc::clone(&observer);
                running.spawn(async move { answer(&observer, entry, options).await });
            }
        }
        if list_ended && running.is_empty() {
            break;
        }
        let room = running.len() < options.concurrency.max(1) && waiting.is_none() && !list_ended;
        tokio::select! {
            Some(done) = running.join_next(), if !running.is_empty() => {
                take(done, &mut output, &mut finished, &mut far)?;
                while let Some(done) = running.try_join_next() {
                    take(done, &mut output, &mut finished, &mut far)?;
                }
            }
            entry = entries.recv(), if room => match entry {
                Some(entry) => waiting = Some(entry.map_err(BatchError::Read)?),
                None => list_ended = true,
            },
            _ = tick.tick() => {
                output.flush().map_err(BatchError::Write)?;
                progress(far);
            }
        }
    }
    output.flush().map_err(BatchError::Write)?;
    progress(far);
    // The list has ended, so the thread has: a panic in it must not pass for the end of the list.
    reader.join().map_err(|_| BatchError::Defect("the reader of the list panicked".to_owned()))?;
    Ok(far)
}

struct Done {
    index: u64,
    quality: Quality,
    line: Vec<u8>,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Quality {
    Domain,
    Bad,
}

async fn answer(observer: &Observer, entry: Entry, options: BatchOptions) -> Done {
    let index = entry.index;
    match entry.domain {
        Ok(domain) => {
            Done { index, quality: Quality::Domain, line: look(observer, index, &domain, options).await }
        }
        Err(bad) => {
            let answer = Answer::Bad { entry: &bad.entry, error: bad.error.to_string() };
            Done { index, quality: Quality::Bad, line: line(index, answer) }
        }
    }
}

async fn look(observer: &Observer, index: u64, domain: &Domain, options: BatchOptions) -> Vec<u8> {
    let survey = observer.survey(domain).await;
    let mut diagnosis = judge(survey, &JudgeContext { language: options.language, earlier: &[] });
    match options.facts {
        Facts::Written => {}
        Facts::LeftOut => diagnosis.observations = Observations::default(),
    }
    line(index, Answer::Diagnosis(&diagnosis))
}

fn line(index: u64, answer: Answer<'_>) -> Vec<u8> {
    // Writing to memory fails for no value of ours: every map has text for its keys.
    let mut bytes = serde_json::to_vec(&Line { index, answer }).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

fn take(
    done: Result<Done, tokio::task::JoinError>,
    output: &mut impl Write,
    finished: &mut Finished,
    far: &mut BatchProgress,
) -> Result<(), BatchError> {
    let done = done.map_err(|error| BatchError::Defect(error.to_string()))?;
    output.write_all(&done.line).map_err(BatchError::Write)?;
    finished.add(done.index);
    far.done += 1;
    far.bad += u64::from(done.quality == Quality::Bad);
    Ok(())
}

/// How fast an audit is, over the time since it began.
#[derive(Clone, Copy, Debug)]
pub struct Rate(Instant);

impl Rate {
    /// Begins to measure.
    pub fn begin() -> Self {
        Self(Instant::now())
    }

    /// Entries a second.
    pub fn of(self, far: BatchProgress) -> f64 {
        far.done as f64 / self.0.elapsed().max(Duration::from_millis(1)).as_secs_f64()
    }
}
