//! Reply lines a second, on one core, against trying the pattern of each rule in turn, in the same run.
//!
//! `cargo bench -p abprall-bounce --bench lines` takes the public reply lines when they lie beside the checkout, else those of
//! the examples, and gives each copy of one an address, a host and a queue number of its own, so that nothing can be remembered.

use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use abprall_bounce::{Classifier, read_line};
use regex::{Regex, RegexBuilder};

const LINES: usize = 100_000;
const ROUNDS: usize = 5;
/// The baseline is so slow that it gets fewer lines.
const BASELINE_LINES: usize = 5_000;

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let files = [root.join("../shared/corpus/lines/lines.txt"), root.join("examples/replies.txt")];
    let Some(text) = files.iter().find_map(|path| fs::read_to_string(path).ok()) else {
        println!("no reply lines here");
        return;
    };
    let originals: Vec<_> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let lines: Vec<_> =
        originals.iter().cycle().take(LINES).enumerate().map(|(n, line)| varied(line, n)).collect();
    let classifier = Classifier::built_in();
    let patterns: Vec<_> = classifier.rules().iter().map(|rule| compiled(&rule.pattern)).collect();

    let (mut in_turn, mut read_only, mut ours) = (Duration::MAX, Duration::MAX, Duration::MAX);
    for _ in 0..ROUNDS {
        in_turn = in_turn.min(time(|| {
            for line in &lines[..BASELINE_LINES] {
                black_box(patterns.iter().position(|pattern| pattern.is_match(black_box(line))));
            }
        }));
        read_only = read_only.min(time(|| {
            for line in &lines {
                black_box(read_line(black_box(line)));
            }
        }));
        ours = ours.min(time(|| {
            for line in &lines {
                black_box(classifier.classify(&read_line(black_box(line))));
            }
        }));
    }
    let in_turn = BASELINE_LINES as f64 / in_turn.as_secs_f64();
    let read_only = LINES as f64 / read_only.as_secs_f64();
    let ours = LINES as f64 / ours.as_secs_f64();
    println!(
        "{} different replies, {LINES} lines, {} rules, fastest of {ROUNDS} rounds on one core",
        originals.len(),
        patterns.len()
    );
    println!("  each rule's pattern in turn (baseline)  {in_turn:10.0} lines/s");
    println!(
        "  read                                    {read_only:10.0} lines/s   {:6.1} x",
        read_only / in_turn
    );
    println!("  read + classify                         {ours:10.0} lines/s   {:6.1} x", ours / in_turn);
}

fn compiled(pattern: &str) -> Regex {
    let mut builder = RegexBuilder::new(pattern);
    builder.case_insensitive(true);
    builder.unicode(false).build().or_else(|_| builder.unicode(true).build()).expect("the rules are tested")
}

/// The line with another address, another host number and another queue number in it.
fn varied(line: &str, number: usize) -> String {
    line.replace("user", &format!("u{number}ser")).replace("192.0.2.", &format!("192.0.{}.", number % 250))
        + &format!(" {number:x}")
}

fn time(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}
