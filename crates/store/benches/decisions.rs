//! Decisions a second, durable, and how long each page of a list takes, with a history behind them.
//!
//! `cargo bench -p abprall-store --bench decisions`. Environment:
//! - `DECISIONS_BENCH_HISTORY`: sizes of the history in reports, rising, with commas (default `100_000`). Each is built on top of the one
//!   before: on SQLite by bulk inserts, else through [`Store::record`].
//! - `DECISIONS_BENCH_FOLDER`: where the SQLite file lies (default: a temporary folder). 50 million reports take 40 GB or so.
//! - `DECISIONS_BENCH_BUILT`: how many reports the database holds already (default 0), of an earlier run with the same largest size.
//! - `DECISIONS_BENCH_REPORTS`: how many are recorded and timed at each size (default 50,000).
//! - `DECISIONS_BENCH_BATCH`: reports that are recorded at once (default 2,000).
//! - `ABPRALL_TEST_POSTGRES`: a database server; when set, it is measured instead of SQLite. The database is used as it is found.
#![expect(clippy::unwrap_used, reason = "a benchmark")]

use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};

use abprall_mail::EmailAddress;
use abprall_policy::Policy;
use abprall_store::{
    DomainFilter, DomainSort, HostFilter, HostSort, IncidentFilter, Page, Question, StopFilter, Store,
    Subject, open_store,
};

#[path = "decisions/history.rs"]
mod history;
#[path = "decisions/mail.rs"]
mod mail;

use mail::Mail;

fn main() {
    let sizes: Vec<u64> = std::env::var("DECISIONS_BENCH_HISTORY")
        .unwrap_or_else(|_| "100_000".to_owned())
        .split(',')
        .map(|size| size.trim().replace('_', "").parse().unwrap())
        .collect();
    let timed = size("DECISIONS_BENCH_REPORTS", 50_000);
    let largest = *sizes.last().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let folder = std::env::var_os("DECISIONS_BENCH_FOLDER").map_or(folder.path().to_owned(), Into::into);
    let postgres = std::env::var("ABPRALL_TEST_POSTGRES").ok();
    let mail = Mail::new(largest);
    let mut next = size("DECISIONS_BENCH_BUILT", 0);
    for history in sizes {
        let begin = Instant::now();
        let mut store = match &postgres {
            Some(place) => {
                let mut store = open_store(place).unwrap();
                record(&mut *store, &mail, next, history.max(next));
                store
            }
            None => on_file(&folder, &mail, next, history.max(next)),
        };
        let history = history.max(next);
        println!("\n{} reports of history, built in {:.0?}", grouped(history), begin.elapsed());
        next = history + timed;
        let (begin, worked) = (Instant::now(), worked());
        let slowest = record(&mut *store, &mail, history, next);
        let (seconds, worked) = (begin.elapsed().as_secs_f64(), self::worked() - worked);
        println!(
            "{:>12} reports/s durable, in batches of {}; the slowest batch took {slowest:.0?}",
            grouped((timed as f64 / seconds) as u64),
            batch()
        );
        println!(
            "{:>12} reports/s of processor time of this process ({worked:.1} s of {seconds:.1} s)",
            grouped((timed as f64 / worked.max(0.01)) as u64)
        );
        pages(&*store, &mail, next);
    }
}

fn on_file(folder: &Path, mail: &Mail, from: u64, to: u64) -> Box<dyn Store> {
    let path = folder.join("decisions.db");
    drop(open_store(path.to_str().unwrap()).unwrap());
    if from < to {
        history::fill(&path, mail, from, to);
    }
    open_store(path.to_str().unwrap()).unwrap()
}

/// Records reports. Gives how long the slowest batch took.
fn record(store: &mut dyn Store, mail: &Mail, from: u64, to: u64) -> Duration {
    let policy = Policy::default();
    let mut slowest = Duration::ZERO;
    let mut begin = from;
    while begin < to {
        let end = (begin + batch()).min(to);
        let batch: Vec<_> = (begin..end).map(|number| mail.report(number)).collect();
        let messages: Vec<_> = batch.iter().map(|letter| mail.message(letter)).collect();
        let start = Instant::now();
        store.record(&messages, &policy).unwrap();
        slowest = slowest.max(start.elapsed());
        begin = end;
    }
    slowest
}

/// Each page of fifty rows, the first and one far behind, several times.
fn pages(store: &dyn Store, mail: &Mail, reports: u64) {
    let at = mail.seen_at(reports);
    let page = Page::first(50);
    for sort in [
        DomainSort::Failures,
        DomainSort::RouteFailures,
        DomainSort::Stopped,
        DomainSort::LastFailure,
        DomainSort::Name,
    ] {
        let filter = DomainFilter::default();
        time(&format!("domains by {sort:?}"), || drop(store.domains(&filter, sort, page, at).unwrap()));
        let mut far = page;
        for _ in 0..20 {
            far.after = store.domains(&filter, sort, far, at).unwrap().next.or(far.after);
        }
        time(&format!("domains by {sort:?}, page 21"), || {
            drop(store.domains(&filter, sort, far, at).unwrap());
        });
    }
    let stopped = DomainFilter { stopped: true, ..DomainFilter::default() };
    time("domains that are stopped", || {
        drop(store.domains(&stopped, DomainSort::Failures, page, at).unwrap());
    });
    for sort in [HostSort::Failures, HostSort::LastFailure, HostSort::Name] {
        let filter = HostFilter::default();
        time(&format!("hosts by {sort:?}"), || drop(store.hosts(&filter, sort, page).unwrap()));
    }
    for open in [false, true] {
        let filter = IncidentFilter { open, domain: None };
        time(&format!("incidents, open only: {open}"), || drop(store.incidents(&filter, page).unwrap()));
    }
    for (name, filter) in [
        ("all", StopFilter::default()),
        ("held", StopFilter { state: Some(abprall_store::State::Held), ..StopFilter::default() }),
        (
            "of one reason",
            StopFilter { reason: Some(abprall_mail::Reason::RoutingServerFailure), ..StopFilter::default() },
        ),
    ] {
        time(&format!("stops, {name}"), || {
            let mut left = 50;
            store
                .stops(&filter, at, &mut |_| {
                    left -= 1;
                    if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
                })
                .unwrap();
        });
    }
    time("review clusters", || drop(store.review_clusters(page).unwrap()));
    time("review reports of all clusters", || drop(store.review_reports(None, page).unwrap()));
    time("pending removals", || drop(store.pending(None, page).unwrap()));
    let address = EmailAddress::parse(&mail.address_of(reports / 2)).unwrap();
    let of_address = Subject::Address(address.clone());
    time("story of an address", || drop(store.story(&of_address, at, 20).unwrap()));
    for (name, domain) in [("the largest", 0), ("a small", 777)] {
        let domain = mail::domain(domain);
        let subject = Subject::Domain(abprall_mail::Domain::parse(&domain).unwrap());
        time(&format!("story of {name} domain"), || drop(store.story(&subject, at, 20).unwrap()));
        time(&format!("detail of {name} domain"), || drop(store.domain(&domain, at).unwrap()));
    }
    time("check of an address", || drop(store.check(&Question::about(address.clone()), at).unwrap()));
    time("summary of all days", || drop(store.summary(None, at, 20).unwrap()));
    for days in [7, 30] {
        let first = at.as_second() / 86_400 - days;
        let since = abprall_day(first);
        time(&format!("summary of {days} days"), || drop(store.summary(Some(since), at, 20).unwrap()));
    }
    time("how much is stopped", || {
        store.stopped(at).unwrap();
    });
}

/// Seconds that this process had a processor, in user and kernel mode (proc(5): clock ticks of 10 ms). What else the machine does
/// lengthens the wall time, and hardly this.
fn worked() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields = stat.rsplit_once(')').unwrap().1;
    fields.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<f64>().unwrap()).sum::<f64>() / 100.0
}

fn abprall_day(day: i64) -> jiff::civil::Date {
    jiff::Timestamp::from_second(day * 86_400).unwrap().to_zoned_datetime(jiff::tz::TimeZone::UTC).date()
}

fn time(what: &str, mut ask: impl FnMut()) {
    let mut times: Vec<_> = (0..11)
        .map(|_| {
            let begin = Instant::now();
            ask();
            begin.elapsed()
        })
        .collect();
    let first = times[0];
    times.sort();
    let ms = |duration: Duration| duration.as_secs_f64() * 1000.0;
    let mark = if ms(times[5]) > 50.0 { "  <-- more than 50 ms" } else { "" };
    println!("{:>9.2} ms, the first time {:>9.2} ms: {what}{mark}", ms(times[5]), ms(first));
}

fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

fn batch() -> u64 {
    size("DECISIONS_BENCH_BATCH", 2000)
}

fn size(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |text| text.replace('_', "").parse().unwrap())
}
