//! The suppression index at the size of a large sender: look-ups a second on one core, bytes an entry, time to open.
//!
//! `cargo bench -p abprall-store --bench index`. `INDEX_BENCH_ENTRIES` sets the size (default 20 million), `INDEX_BENCH_OPEN_ENTRIES`
//! builds a second, larger one (100 million: 560 MiB of disk, 800 MiB more while it is built) only to time its opening.
#![expect(clippy::unwrap_used, reason = "a benchmark")]

use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use abprall_store::{Fingerprints, Mark, Segment, SegmentBuilder, SuppressionIndex};
use criterion::{Criterion, Throughput};

const SEED: u64 = 7;

/// Look-ups between two measurements of the clock: so many different ones that no cache holds their part of the file.
const ROUND: usize = 4_000_000;

fn main() {
    let entries = size("INDEX_BENCH_ENTRIES", 20_000_000);
    let folder = tempfile::tempdir().unwrap();
    build(folder.path(), entries);
    let index = SuppressionIndex::open(folder.path(), SEED).unwrap();
    let mut criterion = Criterion::default().configure_from_args().sample_size(10);
    // Spread over the whole file: half of them are in it, half are strangers.
    let step = (entries * 2 / ROUND as u64).max(1);
    let addresses: Vec<String> =
        (0..ROUND as u64).map(|number| address(number * step + number % 7)).collect();
    let fingerprints: Vec<_> = addresses.iter().map(|address| Fingerprints::new(SEED).of(address)).collect();
    let mut group = criterion.benchmark_group("index");
    group.throughput(Throughput::Elements(ROUND as u64));
    group.bench_function("look up fingerprints", |bencher| {
        bencher.iter(|| fingerprints.iter().filter(|fingerprint| index.contains(**fingerprint)).count());
    });
    group.bench_function("look up addresses", |bencher| {
        let hash = Fingerprints::new(SEED);
        bencher.iter(|| addresses.iter().filter(|address| index.contains(hash.of(address))).count());
    });
    group.finish();
    criterion.final_summary();
    drop((index, folder));
    if std::env::var_os("INDEX_BENCH_OPEN_ENTRIES").is_some() {
        let folder = tempfile::tempdir().unwrap();
        build(folder.path(), size("INDEX_BENCH_OPEN_ENTRIES", 100_000_000));
    }
}

fn build(folder: &Path, entries: u64) {
    let hash = Fingerprints::new(SEED);
    let start = Instant::now();
    let mut builder = SegmentBuilder::new(folder, SEED).unwrap();
    for number in 0..entries {
        builder.push(hash.of(&address(number))).unwrap();
    }
    let segment = builder.finish(Mark { seq: 1, word: 0 }).unwrap();
    let bytes = segment.file_bytes() as f64 / segment.len() as f64;
    println!("{} entries built in {:.1?}, {bytes:.2} bytes an entry", segment.len(), start.elapsed());
    drop(segment);
    let start = Instant::now();
    let segment = Segment::open(&Segment::path(folder, 1), SEED).unwrap();
    let found = black_box(segment.contains(hash.of(&address(entries / 2))));
    println!("opened, with a first look-up ({found}), in {:.2?}", start.elapsed());
}

fn address(number: u64) -> String {
    format!("user{number}@domain{}.example", number % 1_000_003)
}

fn size(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |text| text.replace('_', "").parse().unwrap())
}
