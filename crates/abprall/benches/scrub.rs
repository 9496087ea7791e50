//! `scrub` against what one does without it: `sort` both files, `join` them. Both get the same files.
//!
//! `cargo bench -p abprall --bench scrub`. `SCRUB_BENCH_LIST` and `SCRUB_BENCH_STOPS` set the sizes (default 1 and 10 million);
//! the size to reach is 10 against 100 million, which takes 8 GB of disk and some minutes. `SCRUB_BENCH_DIR` says where.
#![expect(clippy::unwrap_used, reason = "a benchmark")]
#![allow(
    dead_code,
    unused_imports,
    reason = "the program has no library: its modules are taken in as they are"
)]

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use abprall_mail::{EmailAddress, Reason};
use abprall_store::{Fingerprints, Mark, Scope, Segment, SegmentBuilder, Standing, State, StoreError};

#[path = "../src"]
mod program {
    pub(crate) mod lists;
    pub(crate) mod scrub;
}

use program::{lists, scrub};

const SEED: u64 = 7;

struct Stops(Segment);

impl scrub::Index for Stops {
    fn could_be_stopped(&self, key: &str, domain: &str) -> bool {
        let fingerprints = Fingerprints::new(SEED);
        self.0.contains(fingerprints.of(key)) || self.0.contains(fingerprints.of(domain))
    }
}

/// Confirms what the index says. The database is measured elsewhere; `sort | join` has none either.
struct Confirmed;

impl scrub::Authority for Confirmed {
    fn standing(&self, address: &EmailAddress) -> Result<Standing, StoreError> {
        let (scope, reason) = (Some(Scope::Address), Some(Reason::UserUnknown));
        Ok(Standing { state: State::Suppressed, scope, reason, ..Standing::ok(address.to_string()) })
    }
}

fn main() {
    let (list_size, stops_size) =
        (size("SCRUB_BENCH_LIST", 1_000_000), size("SCRUB_BENCH_STOPS", 10_000_000));
    let folder = match std::env::var_os("SCRUB_BENCH_DIR") {
        Some(folder) => tempfile::tempdir_in(folder).unwrap(),
        None => tempfile::tempdir().unwrap(),
    };
    let path = |name: &str| folder.path().join(name);
    let segment = write_files(folder.path(), list_size, stops_size);
    println!("list {list_size}, suppressions {stops_size}, one in ten of the list is suppressed");

    let (ours, tally) = ours(&path("list.txt"), &path("clean.txt"), segment);
    let peak = peak_memory();
    println!(
        "scrub: {ours:.2?}; kept {} of {}; memory of the process at most {peak}",
        tally.kept, tally.records
    );
    assert_eq!(tally.records, list_size);

    let sort = format!("LC_ALL=C sort -S 1G --parallel=2 -T {}", folder.path().display());
    let sort_list = shell(folder.path(), &format!("{sort} list.txt -o list.sorted"));
    let sort_stops = shell(folder.path(), &format!("{sort} stops.txt -o stops.sorted"));
    let join = shell(folder.path(), "LC_ALL=C join -v 1 list.sorted stops.sorted > joined.txt");
    let theirs = sort_list + sort_stops + join;
    println!("sort list {sort_list:.2?}, sort suppressions {sort_stops:.2?}, join {join:.2?}: {theirs:.2?}");
    let sorted_before = sort_list + join;
    println!(
        "scrub is {:.1} times as fast as sort | join, {:.1} times where the suppressions are sorted already",
        theirs.as_secs_f64() / ours.as_secs_f64(),
        sorted_before.as_secs_f64() / ours.as_secs_f64(),
    );
    let joined = Command::new("wc").arg("-l").arg(path("joined.txt")).output().unwrap();
    let joined = String::from_utf8(joined.stdout).unwrap();
    assert_eq!(joined.split_whitespace().next().unwrap(), tally.kept.to_string(), "both keep the same");
}

/// The list in no order, one in ten of it suppressed; the suppressions as text and as a segment.
fn write_files(folder: &Path, list_size: u64, stops_size: u64) -> Segment {
    let hash = Fingerprints::new(SEED);
    let mut stops = BufWriter::new(File::create(folder.join("stops.txt")).unwrap());
    let mut builder = SegmentBuilder::new(folder, SEED).unwrap();
    let start = Instant::now();
    for number in 0..stops_size {
        let address = address(scattered(number));
        builder.push(hash.of(&address)).unwrap();
        writeln!(stops, "{address}").unwrap();
    }
    stops.flush().unwrap();
    let segment = builder.finish(Mark { seq: 1, word: 0 }).unwrap();
    println!("segment and text of the suppressions written in {:.1?}", start.elapsed());
    let mut list = BufWriter::new(File::create(folder.join("list.txt")).unwrap());
    for number in 0..list_size {
        let number = if number.is_multiple_of(10) {
            scattered(number * (stops_size / list_size).max(1))
        } else {
            scattered(u64::from(u32::MAX) + number)
        };
        writeln!(list, "{}", address(number)).unwrap();
    }
    list.flush().unwrap();
    segment
}

fn ours(list: &Path, clean: &Path, segment: Segment) -> (Duration, scrub::Tally) {
    let start = Instant::now();
    let input = lists::open(File::open(list).unwrap()).unwrap();
    let (sample, bytes) = lists::head(input.bytes, lists::limits::SAMPLE_BYTES).unwrap();
    let layout = lists::Layout::guess(&sample, false);
    let plan = scrub::Plan { layout: &layout, held: scrub::HeldAddresses::Leave };
    let mut out = BufWriter::new(File::create(clean).unwrap());
    let authorities = (0..scrub::workers()).map(|_| Confirmed).collect();
    let tally =
        scrub::scrub(bytes, plan, &Stops(segment), authorities, &mut |batch| out.write_all(&batch.bytes));
    out.flush().unwrap();
    (start.elapsed(), tally.unwrap())
}

fn shell(folder: &Path, command: &str) -> Duration {
    let start = Instant::now();
    assert!(
        Command::new("sh").current_dir(folder).args(["-c", command]).status().unwrap().success(),
        "{command}"
    );
    start.elapsed()
}

/// What Linux says, mapped pages of the segment included.
fn peak_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.map_or("unknown".to_owned(), |peak| peak.trim().to_owned())
}

/// Spreads numbers, so that nothing is in order by itself.
fn scattered(number: u64) -> u64 {
    number.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

fn address(number: u64) -> String {
    format!("user{number:x}@domain{}.example", number % 1_000_003)
}

fn size(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |text| text.replace('_', "").parse().unwrap())
}
