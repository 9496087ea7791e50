//! The one writer of this process. What waits is written in one transaction, and acknowledged when that is on the disk.

use std::sync::Arc;
use std::thread::JoinHandle;

use abprall_bounce::{Classification, Classifier, Reading, read};
use abprall_policy::Policy;
use abprall_store::{Audience, ContentId, Entry, Message, Recorded, Store, StoreError, SuppressionIndex};
use anyhow::Context;
use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};

use super::limits::{BATCH_MESSAGES_MAX, BATCH_REPORTS_MAX, FOLLOW_EVERY, WAITING_MAX};
use super::settings::Settings;
use super::stop::Stop;

/// Takes what came in to the writer. When all of these are gone, the writer ends.
#[derive(Clone)]
pub(super) struct Keeper {
    classifier: Arc<Classifier>,
    deposits: mpsc::Sender<Deposit>,
}

/// One message, line of a log or event of a webhook: read and judged.
pub(super) struct Item {
    pub(super) content: ContentId,
    /// For people: where it came from.
    pub(super) source: String,
    reading: Reading,
    judged: Vec<Classification>,
}

/// Items that are stored together or not at all.
struct Deposit {
    items: Arc<Vec<Item>>,
    /// Whose mail it was, where that is another's than the settings say.
    audience: Option<Audience>,
    done: oneshot::Sender<Result<Vec<Recorded>, NotStored>>,
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
    settings: &Settings,
) -> anyhow::Result<(Keeper, Worker)> {
    let rules = crate::rule_files::RuleFiles { rules: settings.rules.clone() };
    let classifier = Arc::new(rules.classifier()?);
    let (deposits, waiting) = mpsc::channel(WAITING_MAX);
    let writer =
        Writer { store, index, policy: settings.policy.clone(), audience: settings.audience.clone() };
    let thread = std::thread::Builder::new()
        .name("writer".to_owned())
        .spawn(move || writer.run(waiting))
        .context("cannot start the writer")?;
    Ok((Keeper { classifier, deposits }, Worker(thread)))
}

impl Keeper {
    /// Reads and judges a message, and returns when its decisions are on the disk.
    pub(super) async fn keep(&self, source: String, bytes: &[u8]) -> Result<Recorded, NotStored> {
        // Reading a message takes the time of a few system calls; a large one must not hold up the others of this thread.
        let item = tokio::task::block_in_place(|| self.judge(ContentId::of(bytes), source, read(bytes)));
        let recorded = self.keep_all(Arc::new(vec![item]), None).await?;
        recorded.into_iter().next().ok_or(NotStored)
    }

    /// Judges what was read.
    pub(super) fn judge(&self, content: ContentId, source: String, reading: Reading) -> Item {
        let judged = reading.reports.iter().map(|report| self.classifier.classify(report)).collect();
        Item { content, source, reading, judged }
    }

    /// Returns when the decisions of all items are on the disk, in their order; or of none.
    pub(super) async fn keep_all(
        &self,
        items: Arc<Vec<Item>>,
        audience: Option<Audience>,
    ) -> Result<Vec<Recorded>, NotStored> {
        let (done, stored) = oneshot::channel();
        self.deposits.send(Deposit { items, audience, done }).await.map_err(|_| NotStored)?;
        stored.await.unwrap_or(Err(NotStored))
    }

    /// As [`Keeper::keep_all`], for threads.
    pub(super) fn keep_all_blocking(
        &self,
        items: Arc<Vec<Item>>,
        audience: Option<Audience>,
    ) -> Result<Vec<Recorded>, NotStored> {
        let (done, stored) = oneshot::channel();
        self.deposits.blocking_send(Deposit { items, audience, done }).map_err(|_| NotStored)?;
        stored.blocking_recv().unwrap_or(Err(NotStored))
    }
}

impl Item {
    fn message(&self, seen_at: Timestamp, audience: &Audience) -> Message<'_> {
        let Reading { reports, not_a_bounce, .. } = &self.reading;
        Message {
            content: self.content,
            source: &self.source,
            seen_at,
            holds: reports.is_empty().then(|| not_a_bounce.map_or("other", Into::into)),
            audience: audience.clone(),
            entries: reports
                .iter()
                .zip(&self.judged)
                .map(|(report, judged)| Entry { report, judged })
                .collect(),
        }
    }
}

impl Deposit {
    fn reports(&self) -> usize {
        self.items.iter().map(|item| item.judged.len()).sum()
    }
}

struct Writer {
    store: Box<dyn Store>,
    index: Arc<SuppressionIndex>,
    policy: Policy,
    audience: Audience,
}

impl Writer {
    fn run(mut self, mut waiting: mpsc::Receiver<Deposit>) {
        let mut complained = false;
        while let Some(first) = waiting.blocking_recv() {
            let (mut messages, mut reports) = (first.items.len(), first.reports());
            let mut batch = vec![first];
            while messages < BATCH_MESSAGES_MAX && reports < BATCH_REPORTS_MAX {
                let Ok(next) = waiting.try_recv() else { break };
                messages += next.items.len();
                reports += next.reports();
                batch.push(next);
            }
            match self.write(&batch) {
                Ok(recorded) => {
                    if complained {
                        eprintln!("abprall: the database takes bounces again");
                        complained = false;
                    }
                    let mut recorded = recorded.into_iter();
                    for deposit in batch {
                        let own = recorded.by_ref().take(deposit.items.len()).collect();
                        // Who is gone sends it again; it is known then.
                        let _ = deposit.done.send(Ok(own));
                    }
                }
                Err(error) => {
                    if !complained {
                        eprintln!("abprall: cannot store bounces, their senders keep them: {error}");
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
        let seen_at = Timestamp::now();
        let mut messages = Vec::with_capacity(batch.iter().map(|deposit| deposit.items.len()).sum());
        for deposit in batch {
            let audience = deposit.audience.as_ref().unwrap_or(&self.audience);
            messages.extend(deposit.items.iter().map(|item| item.message(seen_at, audience)));
        }
        let recorded = self.store.record(&messages, &self.policy)?;
        // Whoever asks after the acknowledgement hears of it. Else the follower brings it, a second later.
        if let Err(error) = self.index.catch_up(&*self.store) {
            eprintln!("abprall: the suppression index is late: {error}");
        }
        Ok(recorded)
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
                    eprintln!("abprall: the suppression index is late: {error}");
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
