//! The one writer of this process. What waits is written in one transaction, and acknowledged when that is on the disk.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use abprall_bounce::{Classification, Classifier, Reading, read};
use abprall_policy::Policy;
use abprall_store::{Audience, ContentId, Entry, Message, Recorded, Store, StoreError, SuppressionIndex};
use anyhow::Context;
use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};
use tracing::{Instrument, Span};

use super::changing::Changing;
use super::limits::{BATCH_MESSAGES_MAX, BATCH_REPORTS_MAX, FOLLOW_EVERY, WAITING_MAX};
use super::mail_room::MailRoom;
use super::metrics::{Intake, Metrics, Place};
use super::settings::Settings;
use super::stop::Stop;
use crate::spans::SPANS;

/// Takes what came in to the writer. When all of these are gone, the writer ends.
#[derive(Clone)]
pub(super) struct Keeper {
    judging: Changing<Judging>,
    mail: Option<Arc<MailRoom>>,
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

/// One message, line of a log or event of a webhook: read and judged.
pub(super) struct Item {
    pub(super) content: ContentId,
    /// For people: where it came from.
    pub(super) source: String,
    reading: Reading,
    judged: Vec<Classification>,
    /// The message as it is kept, where it is.
    packed: Option<Vec<u8>>,
}

/// Items that are stored together or not at all.
struct Deposit {
    items: Arc<Vec<Item>>,
    /// Whose mail it was, where that is another's than the settings say.
    audience: Option<Audience>,
    done: oneshot::Sender<Result<Vec<Recorded>, NotStored>>,
    span: Span,
}

/// It is not on the disk: whoever sent it has to keep it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct NotStored;

/// A thread of the server.
pub(super) struct Worker(pub(super) JoinHandle<()>);

impl Worker {
    pub(super) fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> std::io::Result<Self> {
        let work = move || {
            // Without one of them the server only seems to serve. What is durable stays; whoever watches over it starts it again.
            if std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).is_err() {
                std::process::abort();
            }
        };
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
    metrics: Arc<Metrics>,
    mail: Option<Arc<MailRoom>>,
) -> anyhow::Result<(Keeper, Worker)> {
    let (deposits, waiting) = mpsc::channel(WAITING_MAX);
    let writer = Writer { store, index, judging: judging.clone(), metrics, mail: mail.clone() };
    let worker = Worker::spawn("writer", move || writer.run(waiting)).context("cannot start the writer")?;
    Ok((Keeper { judging, mail, deposits }, worker))
}

impl Keeper {
    /// Reads and judges a message, and returns when its decisions are on the disk.
    pub(super) async fn keep(&self, source: String, bytes: &[u8]) -> Result<Recorded, NotStored> {
        self.keep_for(source, bytes, None).await
    }

    /// As [`Keeper::keep`], of somebody else's mail than the settings say.
    pub(super) async fn keep_for(
        &self,
        source: String,
        bytes: &[u8],
        audience: Option<Audience>,
    ) -> Result<Recorded, NotStored> {
        let span = tracing::trace_span!(target: SPANS, "intake", way = way(&source), bytes = bytes.len());
        self.read_and_keep(source, bytes, audience).instrument(span).await
    }

    async fn read_and_keep(
        &self,
        source: String,
        bytes: &[u8],
        audience: Option<Audience>,
    ) -> Result<Recorded, NotStored> {
        // Reading a message takes the time of a few system calls; a large one must not hold up the others of this thread.
        let item = tokio::task::block_in_place(|| {
            let _span = tracing::trace_span!(target: SPANS, "read").entered();
            let item = self.judge(ContentId::of(bytes), source, read(bytes));
            self.with_mail(item, bytes)
        });
        let recorded = self.keep_all(Arc::new(vec![item]), audience).await?;
        recorded.into_iter().next().ok_or(NotStored)
    }

    /// Whether the writer is there.
    pub(super) fn takes(&self) -> bool {
        !self.deposits.is_closed()
    }

    /// What waits for the writer.
    pub(super) fn waiting(&self) -> usize {
        self.deposits.max_capacity() - self.deposits.capacity()
    }

    /// Judges what was read.
    pub(super) fn judge(&self, content: ContentId, source: String, reading: Reading) -> Item {
        let judging = self.judging.get();
        let judged = reading.reports.iter().map(|report| judging.classifier.classify(report)).collect();
        Item { content, source, reading, judged, packed: None }
    }

    /// With the message that it was read from, to be kept where raw mail is.
    pub(super) fn with_mail(&self, item: Item, message: &[u8]) -> Item {
        Item { packed: self.mail.as_ref().and_then(|mail| mail.packed(message)), ..item }
    }

    /// Returns when the decisions of all items are on the disk, in their order; or of none.
    pub(super) async fn keep_all(
        &self,
        items: Arc<Vec<Item>>,
        audience: Option<Audience>,
    ) -> Result<Vec<Recorded>, NotStored> {
        let span = tracing::trace_span!(target: SPANS, "commit", items = items.len());
        let (done, stored) = oneshot::channel();
        let deposit = Deposit { items, audience, done, span: span.clone() };
        let handed_over = async {
            self.deposits.send(deposit).await.map_err(|_| NotStored)?;
            stored.await.unwrap_or(Err(NotStored))
        };
        handed_over.instrument(span).await
    }

    /// As [`Keeper::keep_all`], for threads.
    pub(super) fn keep_all_blocking(
        &self,
        items: Arc<Vec<Item>>,
        audience: Option<Audience>,
    ) -> Result<Vec<Recorded>, NotStored> {
        let span = tracing::trace_span!(target: SPANS, "commit", items = items.len()).entered();
        let (done, stored) = oneshot::channel();
        let deposit = Deposit { items, audience, done, span: (*span).clone() };
        self.deposits.blocking_send(deposit).map_err(|_| NotStored)?;
        stored.blocking_recv().unwrap_or(Err(NotStored))
    }
}

impl Item {
    fn way(&self) -> &'static str {
        way(&self.source)
    }

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

/// The way something came, for counting: its source without what differs from one thing to the next.
fn way(source: &str) -> &'static str {
    match source {
        "http" => "http",
        source if source.starts_with("mail from ") => "mail",
        source if source.contains(" at /hooks/") => "webhook",
        _ => "file",
    }
}

impl Deposit {
    fn reports(&self) -> usize {
        self.items.iter().map(|item| item.judged.len()).sum()
    }
}

/// Why nothing of a batch was written.
#[derive(Debug, thiserror::Error)]
enum NotWritten {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("raw mail cannot be kept: {0}")]
    Mail(std::io::Error),
}

struct Writer {
    store: Box<dyn Store>,
    index: Arc<SuppressionIndex>,
    judging: Changing<Judging>,
    metrics: Arc<Metrics>,
    mail: Option<Arc<MailRoom>>,
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
                Err(NotWritten::Store(StoreError::Server { .. } | StoreError::Other(_)))
                    if batch.len() > 1 =>
                {
                    // What one of them holds must not come back to all the others.
                    for deposit in batch {
                        let one = std::slice::from_ref(&deposit);
                        let recorded = self.write(one);
                        self.answer(vec![deposit], recorded, &mut complained);
                    }
                }
                recorded => self.answer(batch, recorded, &mut complained),
            }
        }
    }

    fn answer(
        &self,
        batch: Vec<Deposit>,
        recorded: Result<Vec<Recorded>, NotWritten>,
        complained: &mut bool,
    ) {
        match recorded {
            Ok(recorded) => {
                if std::mem::take(complained) {
                    tracing::info!("bounces are stored again");
                }
                let mut recorded = recorded.into_iter();
                for deposit in batch {
                    let own: Vec<_> = recorded.by_ref().take(deposit.items.len()).collect();
                    self.count(&deposit, &own);
                    // Who is gone sends it again; it is known then.
                    let _ = deposit.done.send(Ok(own));
                }
            }
            Err(error) => {
                if !std::mem::replace(complained, true) {
                    tracing::error!(%error, "cannot store bounces, their senders keep them");
                }
                match error {
                    NotWritten::Store(_) => self.metrics.database_error(Place::Writer),
                    NotWritten::Mail(_) => self.metrics.raw_mail_error(),
                }
                for deposit in batch {
                    for item in deposit.items.iter() {
                        self.metrics.intake(item.way(), Intake::NotStored);
                    }
                    let _ = deposit.done.send(Err(NotStored));
                }
            }
        }
    }

    fn count(&self, deposit: &Deposit, recorded: &[Recorded]) {
        for (item, recorded) in deposit.items.iter().zip(recorded) {
            let Recorded::New(decided) = recorded else {
                self.metrics.intake(item.way(), Intake::Known);
                continue;
            };
            self.metrics.intake(item.way(), Intake::New);
            for (decided, judged) in decided.iter().zip(&item.judged) {
                self.metrics.decision(decided.decision.outcome, judged.reason, decided.newly_stopped);
            }
        }
    }

    fn write(&mut self, batch: &[Deposit]) -> Result<Vec<Recorded>, NotWritten> {
        let (seen_at, judging) = (Timestamp::now(), self.judging.get());
        let reports: usize = batch.iter().map(Deposit::reports).sum();
        let messages: usize = batch.iter().map(|deposit| deposit.items.len()).sum();
        let span =
            tracing::trace_span!(target: SPANS, "write", deposits = batch.len(), messages, reports).entered();
        for deposit in batch {
            span.follows_from(&deposit.span);
        }
        let mut messages = Vec::with_capacity(batch.iter().map(|deposit| deposit.items.len()).sum());
        for deposit in batch {
            let audience = deposit.audience.as_ref().unwrap_or(&judging.audience);
            messages.extend(deposit.items.iter().map(|item| item.message(seen_at, audience)));
        }
        let items = || batch.iter().flat_map(|deposit| deposit.items.iter());
        let part = tracing::trace_span!(target: SPANS, "raw_mail").entered();
        let new_mail = self.keep_mail(items(), seen_at)?;
        drop(part);
        let part = tracing::trace_span!(target: SPANS, "decide").entered();
        let recorded = match self.store.record(&messages, &judging.policy) {
            Ok(recorded) => recorded,
            Err(error) => {
                self.take_back(&error, new_mail, seen_at);
                return Err(error.into());
            }
        };
        drop(part);
        self.drop_mail(items().zip(&recorded), new_mail, seen_at);
        tell(&messages, &recorded);
        let _part = tracing::trace_span!(target: SPANS, "index").entered();
        // Whoever asks after the acknowledgement hears of it. Else the follower brings it, a second later.
        if let Err(error) = self.index.catch_up(&*self.store) {
            tracing::warn!(%error, "the suppression index is late");
        }
        Ok(recorded)
    }

    /// Raw mail is on the disk before its decisions are. Gives what was not there before.
    fn keep_mail<'i>(
        &self,
        items: impl Iterator<Item = &'i Item>,
        at: Timestamp,
    ) -> Result<Vec<ContentId>, NotWritten> {
        let Some(mail) = &self.mail else { return Ok(Vec::new()) };
        let mut messages = Vec::new();
        for item in items {
            if let Some(packed) = &item.packed
                && !self.names_forgotten(item)?
            {
                messages.push((item.content, packed.as_slice()));
            }
        }
        mail.keep(&messages, at).map_err(NotWritten::Mail)
    }

    /// What was known before is not kept anew; and somebody may have been forgotten just now.
    fn drop_mail<'i>(
        &self,
        items: impl Iterator<Item = (&'i Item, &'i Recorded)>,
        new_mail: Vec<ContentId>,
        at: Timestamp,
    ) {
        let Some(mail) = &self.mail else { return };
        let items = items.map(|(item, recorded)| (item.content, recorded, item));
        let goes = not_to_keep(new_mail, items, |item| self.names_forgotten(item).unwrap_or(true));
        remove(mail, goes, at);
    }

    /// Nothing was written: at the next try this mail is not to look as if it had been there before. Where the server of the database is
    /// gone nobody knows whether something was, and decisions want their mail.
    fn take_back(&self, error: &StoreError, new_mail: Vec<ContentId>, at: Timestamp) {
        if let Some(mail) = &self.mail
            && !matches!(error, StoreError::ServerGone { .. })
        {
            remove(mail, new_mail, at);
        }
    }

    fn names_forgotten(&self, item: &Item) -> Result<bool, StoreError> {
        names_forgotten(&*self.store, &item.reading)
    }
}

/// Whether one of the reports is about somebody who was forgotten.
pub(super) fn names_forgotten(store: &dyn Store, reading: &Reading) -> Result<bool, StoreError> {
    for report in &reading.reports {
        for address in [&report.original_recipient, &report.recipient].into_iter().flatten() {
            if store.is_forgotten(address)? {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

fn remove(mail: &MailRoom, contents: impl IntoIterator<Item = ContentId>, at: Timestamp) {
    for content in contents {
        if let Err(error) = mail.mail().remove_of_day(&content, at) {
            tracing::warn!(%error, "a message cannot be removed from the raw mail");
        }
    }
}

/// Of what was kept just now, that which was known before, and that which `names_forgotten`: this asks the database, between the commit
/// and the acknowledgement, so only about what was kept.
fn not_to_keep<'i, T>(
    kept: Vec<ContentId>,
    items: impl Iterator<Item = (ContentId, &'i Recorded, T)>,
    mut names_forgotten: impl FnMut(T) -> bool,
) -> HashSet<ContentId> {
    let mut goes: HashSet<_> = kept.into_iter().collect();
    if goes.is_empty() {
        return goes;
    }
    for (content, recorded, item) in items {
        // Of two that are the same, within one batch, the first is new.
        if matches!(recorded, Recorded::New(_)) && goes.contains(&content) && !names_forgotten(item) {
            goes.remove(&content);
        }
    }
    goes
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
    followed: Arc<Mutex<Instant>>,
    stop: Stop,
) -> anyhow::Result<Worker> {
    let follow = move || {
        let mut complained = false;
        while !stop.is_wanted() {
            match index.catch_up(&*store) {
                Ok(_) => {
                    complained = false;
                    *followed.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
                }
                Err(error) if !complained => {
                    tracing::warn!(%error, "the suppression index is late");
                    complained = true;
                }
                Err(_) => {}
            }
            stop.sleep(FOLLOW_EVERY);
        }
    };
    Worker::spawn("index", follow).context("cannot start the keeper of the index")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_is_asked_only_about_mail_that_was_kept_just_now() {
        let new = Recorded::New(Vec::new());
        let [a, b, c, d] = ["a", "b", "c", "d"].map(|text| ContentId::of(text.as_bytes()));
        let items =
            || [(a, &new, a), (b, &new, b), (b, &Recorded::Known, b), (c, &Recorded::Known, c), (d, &new, d)];
        let mut asked = Vec::new();
        let goes = not_to_keep(vec![b, c, d], items().into_iter(), |content| {
            asked.push(content);
            content == d
        });
        assert_eq!((goes, asked), (HashSet::from([c, d]), vec![b, d]));
        let goes = not_to_keep(Vec::new(), items().into_iter(), |_| panic!("nothing was kept"));
        assert!(goes.is_empty());
    }
}
