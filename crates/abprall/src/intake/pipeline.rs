//! One thread cuts the input into batches, one worker a core reads and classifies them, the caller's thread takes the results
//! in the order of the input.
//!
//! Order without sorting: with each batch travels the sending end of a channel of its own; the receiving ends queue up for
//! the caller in input order. Both queues are bounded, so a slow caller stops the reader, and memory stays small.

use std::io::{self, BufRead, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;

use abprall_bounce::limits::{LOG_LINE_BYTES_MAX, MESSAGE_BYTES_MAX};
use abprall_bounce::log::{LogFormat, LogReader};
use abprall_bounce::webhook::{Provider, read_webhook};
use abprall_bounce::{Classifier, Mbox, NotABounce, Reading, is_mbox, read, read_line};
use abprall_store::ContentId;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::budget::{Budget, Lease};
use super::form::Form;
use super::identity;
use super::open::{is_stdin, open};
use super::progress::Bar;
use super::walk::Walk;
use super::{Inputs, Judged, Progress, Totals};

/// A batch is full at this many messages or lines …
const BATCH_ITEMS_MAX: usize = 256;

/// … or at this many bytes: with eight batches on the way, input takes about one MiB.
const BATCH_BYTES_MAX: usize = 128 * 1024;

/// Batches waiting between two threads.
const QUEUE_BATCHES: usize = 8;

/// Longest line of a file of replies, in bytes; the rest of a longer one is dropped.
const LINE_BYTES_MAX: usize = 64 * 1024;

enum Item {
    Message {
        source: String,
        bytes: Vec<u8>,
    },
    Line {
        source: String,
        text: String,
    },
    /// Already read where it was cut: a log line, of which earlier lines are a part, or an event of a webhook.
    Read {
        source: String,
        content: ContentId,
        reading: Box<Reading>,
    },
}

/// What a report takes on its way besides its texts, in bytes.
const REPORT_BYTES: usize = 1024;

struct Job {
    batch: Vec<Item>,
    lease: Lease,
    done: SyncSender<Done>,
}

/// The results of a batch. Its part of the budget is free when the caller has taken them.
struct Done {
    judged: Vec<Judged>,
    _lease: Lease,
}

pub(super) fn run(
    inputs: &Inputs,
    classifier: &Classifier,
    progress: Progress,
    mut each: impl FnMut(Judged) -> anyhow::Result<()>,
) -> anyhow::Result<Totals> {
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let (jobs, work) = sync_channel::<Job>(QUEUE_BATCHES);
    let (ordered, results) = sync_channel::<Receiver<Done>>(QUEUE_BATCHES);
    let work = Mutex::new(work);
    let taken = Arc::new(AtomicU64::new(0));
    let bar = Bar::new(progress, &inputs.paths, &taken);
    let mut totals = Totals::default();
    let outcome = thread::scope(|scope| {
        let cutter = scope.spawn({
            let taken = Arc::clone(&taken);
            move || {
                let mut batches =
                    Batches { jobs, ordered, batch: Vec::new(), bytes: 0, budget: Budget::default() };
                let unreadable = cut(inputs, &taken, &mut batches);
                batches.send();
                unreadable
            }
        });
        for _ in 0..workers {
            scope.spawn(|| work_off(&work, classifier));
        }
        let mut outcome = Ok(());
        'input: for result in &results {
            for done in result {
                for judged in done.judged {
                    totals.messages += 1;
                    outcome = each(judged);
                    if outcome.is_err() {
                        break 'input;
                    }
                }
            }
            bar.at(totals.messages);
        }
        // Without a receiver the cutter's next send fails, and everybody goes home.
        drop(results);
        match cutter.join() {
            Ok(unreadable) => totals.unreadable = unreadable,
            Err(panic) => std::panic::resume_unwind(panic),
        }
        outcome
    });
    bar.finish();
    outcome.map(|()| totals)
}

/// Takes jobs until there are no more.
fn work_off(work: &Mutex<Receiver<Job>>, classifier: &Classifier) {
    loop {
        let job = match work.lock() {
            Ok(work) => work.recv(),
            Err(_) => return,
        };
        let Ok(job) = job else { return };
        let judged = job.batch.into_iter().map(|item| judge(item, classifier)).collect();
        // The caller has gone when this fails: nobody wants the result.
        let _gone = job.done.send(Done { judged, _lease: job.lease });
    }
}

fn judge(item: Item, classifier: &Classifier) -> Judged {
    let (source, content, reading) = match item {
        Item::Message { source, bytes } => (source, ContentId::of(&bytes), read(&bytes)),
        Item::Line { source, text } => {
            let reading = Reading { reports: vec![read_line(&text)], ..Reading::default() };
            let content = ContentId::of_line(&source, &text);
            (source, content, reading)
        }
        Item::Read { source, content, reading } => (source, content, *reading),
    };
    let classifications = reading.reports.iter().map(|report| classifier.classify(report)).collect();
    Judged { source, content, reading, classifications }
}

/// The batch that is being filled, and where full ones go.
struct Batches {
    jobs: SyncSender<Job>,
    ordered: SyncSender<Receiver<Done>>,
    batch: Vec<Item>,
    bytes: usize,
    budget: Budget,
}

/// The caller has stopped listening.
struct Stopped;

impl Batches {
    fn push(&mut self, item: Item) -> Result<(), Stopped> {
        self.bytes += match &item {
            Item::Message { source, bytes } => source.len() + bytes.len(),
            Item::Line { source, text } => source.len() + text.len(),
            Item::Read { source, reading, .. } => source.len() + REPORT_BYTES * reading.reports.len().max(1),
        };
        self.batch.push(item);
        if self.batch.len() >= BATCH_ITEMS_MAX || self.bytes >= BATCH_BYTES_MAX {
            return if self.send() { Ok(()) } else { Err(Stopped) };
        }
        Ok(())
    }

    /// Sends the batch on; false when nobody listens.
    fn send(&mut self) -> bool {
        if self.batch.is_empty() {
            return true;
        }
        let (done, result) = sync_channel(1);
        let lease = self.budget.lend(std::mem::take(&mut self.bytes));
        let batch = std::mem::take(&mut self.batch);
        self.ordered.send(result).is_ok() && self.jobs.send(Job { batch, lease, done }).is_ok()
    }
}

/// Reads all inputs; gives those that could not be read.
fn cut(inputs: &Inputs, taken: &Arc<AtomicU64>, batches: &mut Batches) -> Vec<(PathBuf, io::Error)> {
    let mut unreadable = Vec::new();
    for file in Walk::new(&inputs.paths) {
        let path = match file {
            Ok(path) => path,
            Err(failure) => {
                unreadable.push(failure);
                continue;
            }
        };
        match cut_file(&path, inputs, taken, batches) {
            Ok(Ok(())) => {}
            Ok(Err(Stopped)) => break,
            Err(error) => unreadable.push((path, error)),
        }
    }
    unreadable
}

fn cut_file(
    path: &Path,
    inputs: &Inputs,
    taken: &Arc<AtomicU64>,
    batches: &mut Batches,
) -> io::Result<Result<(), Stopped>> {
    let mut input = open(path, taken)?;
    // An empty mailbox is no message, nor is what a program gives that found nothing; an empty file of one message is a damaged one.
    let may_be_empty = is_stdin(path) || path.extension().is_some_and(|ending| ending == "mbox");
    if may_be_empty && input.fill_buf()?.is_empty() {
        return Ok(Ok(()));
    }
    let name = if is_stdin(path) { "-".to_owned() } else { path.display().to_string() };
    if inputs.lines {
        return cut_lines(&name, input, batches);
    }
    match inputs.from {
        Some(Form::Log(format)) => return cut_log(&name, format, input, batches),
        Some(Form::Webhook(provider)) => return cut_webhook(&name, provider, input, batches),
        Some(Form::Mail) => {}
        None => {
            if let Some(format) = LogFormat::sniff(input.fill_buf()?) {
                return cut_log(&name, format, input, batches);
            }
        }
    }
    if is_mbox(input.fill_buf()?) {
        return cut_mbox(&name, Mbox::new(input), batches);
    }
    if inputs.from.is_none() && may_be_webhook(input.fill_buf()?) {
        return cut_unknown_webhook(&name, input, batches);
    }
    let bytes = whole(input)?;
    Ok(batches.push(Item::Message { source: name, bytes }))
}

/// No header of a message starts so.
fn may_be_webhook(start: &[u8]) -> bool {
    let start = start.trim_ascii_start();
    start.starts_with(b"{") || start.starts_with(b"[") || start.starts_with(b"mandrill_events=")
}

fn whole(input: impl BufRead) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // One byte more than is read at all, so that the reader sees that it was cut.
    input.take(MESSAGE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A file that looks like JSON: the body of a webhook where one provider's names are in it, else a message as before.
fn cut_unknown_webhook(
    name: &str,
    input: impl BufRead,
    batches: &mut Batches,
) -> io::Result<Result<(), Stopped>> {
    let bytes = whole(input)?;
    match Provider::sniff(&bytes) {
        Some(provider) => push_events(name, provider, &bytes, batches),
        None => Ok(batches.push(Item::Message { source: name.to_owned(), bytes })),
    }
}

fn cut_webhook(
    name: &str,
    provider: Provider,
    input: impl BufRead,
    batches: &mut Batches,
) -> io::Result<Result<(), Stopped>> {
    push_events(name, provider, &whole(input)?, batches)
}

/// Each event is an item by itself, known by the provider's own id where it has one.
fn push_events(
    name: &str,
    provider: Provider,
    bytes: &[u8],
    batches: &mut Batches,
) -> io::Result<Result<(), Stopped>> {
    let events = read_webhook(provider, bytes, None)
        .map_err(|error| io::Error::other(format!("{provider}: {error}")))?;
    for refused in &events.refused {
        anstream::eprintln!("abprall: {name}: {provider}: {refused}");
    }
    if events.events.is_empty() {
        // Opens and clicks are as they should be; what was refused is not.
        let not_a_bounce = (events.refused_count > 0).then_some(NotABounce::Unreadable);
        let reading = Reading { not_a_bounce, ..Reading::default() };
        let content = ContentId::of(bytes);
        return Ok(batches.push(Item::Read { source: name.to_owned(), content, reading: Box::new(reading) }));
    }
    for (number, event) in (1_u64..).zip(events.events) {
        let source = format!("{name}#{number}");
        let content = identity::of_event(provider, &event);
        let reading = Reading { reports: vec![event.report], ..Reading::default() };
        if batches.push(Item::Read { source, content, reading: Box::new(reading) }).is_err() {
            return Ok(Err(Stopped));
        }
    }
    Ok(Ok(()))
}

/// Lines of a log that tell of a delivery; the others are part of what is known about it.
fn cut_log(
    name: &str,
    format: LogFormat,
    mut input: impl BufRead,
    batches: &mut Batches,
) -> io::Result<Result<(), Stopped>> {
    // An MTA writes the time of its host, and mostly that is this one.
    let mut reader = LogReader::new(format).in_zone(TimeZone::system());
    let now = Timestamp::now();
    let mut line = Vec::new();
    for number in 1_u64.. {
        if !next_line(&mut input, &mut line, LOG_LINE_BYTES_MAX)? {
            break;
        }
        let reports = reader.read_line(&line, now);
        if reports.is_empty() {
            continue;
        }
        let source = format!("{name}:{number}");
        let content = identity::of_log_line(format, &line);
        let reading = Box::new(Reading { reports, ..Reading::default() });
        if batches.push(Item::Read { source, content, reading }).is_err() {
            return Ok(Err(Stopped));
        }
    }
    Ok(Ok(()))
}

/// The next line; what is too long of it is dropped. False at the end.
fn next_line(input: &mut impl BufRead, line: &mut Vec<u8>, bytes_max: usize) -> io::Result<bool> {
    line.clear();
    if input.by_ref().take(bytes_max as u64).read_until(b'\n', line)? == 0 {
        return Ok(false);
    }
    if line.len() == bytes_max && line.last() != Some(&b'\n') {
        input.skip_until(b'\n')?;
    }
    Ok(true)
}

/// A file with one message and a `From ` line on top is that message: it keeps its plain name.
fn cut_mbox(
    name: &str,
    mut mbox: Mbox<impl BufRead>,
    batches: &mut Batches,
) -> io::Result<Result<(), Stopped>> {
    let Some(mut bytes) = mbox.next_message()? else { return Ok(Ok(())) };
    for number in 1_u64.. {
        let next = mbox.next_message()?;
        let source = if number == 1 && next.is_none() { name.to_owned() } else { format!("{name}#{number}") };
        if batches.push(Item::Message { source, bytes }).is_err() {
            return Ok(Err(Stopped));
        }
        match next {
            Some(next) => bytes = next,
            None => break,
        }
    }
    Ok(Ok(()))
}

fn cut_lines(name: &str, mut input: impl BufRead, batches: &mut Batches) -> io::Result<Result<(), Stopped>> {
    let mut line = Vec::new();
    for number in 1_u64.. {
        if !next_line(&mut input, &mut line, LINE_BYTES_MAX)? {
            break;
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end_matches(['\r', '\n']);
        if text.trim().is_empty() {
            continue;
        }
        let item = Item::Line { source: format!("{name}:{number}"), text: text.to_owned() };
        if batches.push(item).is_err() {
            return Ok(Err(Stopped));
        }
    }
    Ok(Ok(()))
}
