//! The one writer of this process. What waits is written in one transaction, and acknowledged when that is on the disk.

use std::sync::Arc;
use std::thread::JoinHandle;

use abprall_bounce::{Classification, Classifier, Reading, read};
use abprall_policy::Policy;
use abprall_store::{Audience, ContentId, Entry, Message, Recorded, Store, StoreError, SuppressionIndex};
use anyhow::Context;
use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};

use super::changing::Changing;
use super::limits::{BATCH_MESSAGES_MAX, BATCH_REPORTS_MAX, FOLLOW_EVERY, WAITING_MAX};
use super::settings::Settings;
use super::stop::Stop;

/// Takes messages to the writer. When all of these are gone, the writer ends.
#[derive(Clone)]
pub(super) struct Keeper {
    judging: Changing<Judging>,
    deposits: mpsc::Sender<Deposit>,
}

/// By what is read, judged and decided.
pub(super) struct Judging {
    pub(super) classifier: Classifier,
    pub(super) policy: Policy,
    audience: Audience,
}

impl Judging {
    /// # Errors
    /// Where the operator's rules are wrong.
    pub(super) fn by(settings: &Settings) -> anyhow::Result<Self> {
        let classifier = crate::rule_files::classifier(&settings.rules)?;
        Ok(Self { classifier, policy: settings.policy.clone(), audience: settings.audience.clone() })
    }
}

/// A message that waits.
struct Deposit {
    content: ContentId,
    source: String,
    reading: Reading,
    judged: Vec<Classification>,
    done: oneshot::Sender<Result<Recorded, NotStored>>,
}

/// It is not on the disk: whoever sent it has to keep it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct NotStored;

/// A thread of the server.
pub(super) struct Worker(JoinHandle<()>);

impl Worker {
    pub(super) fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> std::io::Result<Self> {
        std::thread::Builder::new().name(name.to_owned()).spawn(work).map(Self)
    }

    pub(super) fn join(self) {
        if let Err(panic) = self.0.join() {
            std::panic::resume_unwind(panic);
        }
    }
}

/// Starts the writer.
pub(super) fn start(
    store: Box<dyn Store>,
    index: Arc<SuppressionIndex>,
    judging: Changing<Judging>,
) -> anyhow::Result<(Keeper, Worker)> {
    let (deposits, waiting) = mpsc::channel(WAITING_MAX);
    let writer = Writer { store, index, judging: judging.clone() };
    let thread = std::thread::Builder::new()
        .name("writer".to_owned())
        .spawn(move || writer.run(waiting))
        .context("cannot start the writer")?;
    Ok((Keeper { judging, deposits }, Worker(thread)))
}

impl Keeper {
    /// Reads and judges a message, and returns when its decisions are on the disk.
    pub(super) async fn keep(&self, source: String, bytes: &[u8]) -> Result<Recorded, NotStored> {
        // Reading a message takes the time of a few system calls; a large one must not hold up the others of this thread.
        let (content, reading, judged) = tokio::task::block_in_place(|| {
            let reading = read(bytes);
            let judging = self.judging.get();
            let judged = reading.reports.iter().map(|report| judging.classifier.classify(report)).collect();
            (ContentId::of(bytes), reading, judged)
        });
        let (done, stored) = oneshot::channel();
        let deposit = Deposit { content, source, reading, judged, done };
        self.deposits.send(deposit).await.map_err(|_| NotStored)?;
        stored.await.unwrap_or(Err(NotStored))
    }
}

struct Writer {
    store: Box<dyn Store>,
    index: Arc<SuppressionIndex>,
    judging: Changing<Judging>,
}

impl Writer {
    fn run(mut self, mut waiting: mpsc::Receiver<Deposit>) {
        let mut complained = false;
        while let Some(first) = waiting.blocking_recv() {
            let mut reports = first.judged.len();
            let mut batch = vec![first];
            while batch.len() < BATCH_MESSAGES_MAX && reports < BATCH_REPORTS_MAX {
                let Ok(next) = waiting.try_recv() else { break };
                reports += next.judged.len();
                batch.push(next);
            }
            match self.write(&batch) {
                Ok(recorded) => {
                    if complained {
                        tracing::info!("the database takes bounces again");
                        complained = false;
                    }
                    for (deposit, recorded) in batch.into_iter().zip(recorded) {
                        // Who is gone sends it again; it is known then.
                        let _ = deposit.done.send(Ok(recorded));
                    }
                }
                Err(error) => {
                    if !complained {
                        tracing::error!(%error, "cannot store bounces, their senders keep them");
                        complained = true;
                    }
                    for deposit in batch {
                        let _ = deposit.done.send(Err(NotStored));
                    }
                }
            }
        }
    }

    fn write(&mut self, batch: &[Deposit]) -> Result<Vec<Recorded>, StoreError> {
        let (seen_at, judging) = (Timestamp::now(), self.judging.get());
        let messages: Vec<_> = batch
            .iter()
            .map(|deposit| Message {
                content: deposit.content,
                source: &deposit.source,
                seen_at,
                holds: deposit
                    .reading
                    .reports
                    .is_empty()
                    .then(|| deposit.reading.not_a_bounce.map_or("other", Into::into)),
                audience: judging.audience.clone(),
                entries: deposit
                    .reading
                    .reports
                    .iter()
                    .zip(&deposit.judged)
                    .map(|(report, judged)| Entry { report, judged })
                    .collect(),
            })
            .collect();
        let recorded = self.store.record(&messages, &judging.policy)?;
        tell(&messages, &recorded);
        // Whoever asks after the acknowledgement hears of it. Else the follower brings it, a second later.
        if let Err(error) = self.index.catch_up(&*self.store) {
            tracing::warn!(%error, "the suppression index is late");
        }
        Ok(recorded)
    }
}

/// What was decided about whom, for whoever wants to follow it. The log shortens the addresses.
fn tell(messages: &[Message<'_>], recorded: &[Recorded]) {
    if !tracing::enabled!(tracing::Level::DEBUG) {
        return;
    }
    for (message, recorded) in messages.iter().zip(recorded) {
        let decided = match recorded {
            Recorded::Known => continue,
            Recorded::New(decided) => decided,
        };
        for (entry, decided) in message.entries.iter().zip(decided) {
            let address = entry.address().map(ToString::to_string).unwrap_or_default();
            let outcome: &str = decided.decision.outcome.into();
            let (decision, rule, source) = (decided.id, decided.decision.rule, message.source);
            tracing::debug!(decision, address, outcome, rule, source, "decided");
        }
    }
}

/// Keeps the index in step with what other processes change: a person's command, the watch, another server.
pub(super) fn follow_others(
    store: Box<dyn Store>,
    index: Arc<SuppressionIndex>,
    stop: Stop,
) -> anyhow::Result<Worker> {
    let follow = move || {
        let mut complained = false;
        while !stop.is_wanted() {
            match index.catch_up(&*store) {
                Ok(_) => complained = false,
                Err(error) if !complained => {
                    tracing::warn!(%error, "the suppression index is late");
                    complained = true;
                }
                Err(_) => {}
            }
            stop.sleep(FOLLOW_EVERY);
        }
    };
    let thread = std::thread::Builder::new().name("index".to_owned()).spawn(follow);
    Ok(Worker(thread.context("cannot start the keeper of the index")?))
}
