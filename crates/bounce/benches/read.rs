//! Reading and classifying against only parsing the MIME structure, over the same messages in the same run.
//!
//! `cargo bench -p abprall-bounce --bench read` takes the public corpus when it lies beside the checkout, else the lab's. The
//! two are timed in turns on one core; the figure is the ratio of their fastest rounds, which other load on the machine
//! disturbs least.

use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use abprall_bounce::{Classifier, read};
use mail_parser::MessageParser;

const ROUNDS: usize = 40;

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for (name, folder) in [("public", "../shared/corpus/public/mail"), ("lab", "corpus/mail")] {
        let messages = messages_in(&root.join(folder));
        if messages.is_empty() {
            println!("{name}: not here, left out");
            continue;
        }
        compare(name, &messages);
    }
}

fn compare(name: &str, messages: &[Vec<u8>]) {
    let classifier = Classifier::built_in();
    let mut fastest = [Duration::MAX; 3];
    for _ in 0..ROUNDS {
        fastest[0] = fastest[0].min(time(|| {
            for message in messages {
                black_box(MessageParser::default().parse(black_box(message)));
            }
        }));
        fastest[1] = fastest[1].min(time(|| {
            for message in messages {
                black_box(read(black_box(message)));
            }
        }));
        fastest[2] = fastest[2].min(time(|| {
            for message in messages {
                for report in &read(black_box(message)).reports {
                    black_box(classifier.classify(report));
                }
            }
        }));
    }
    let [parse, reading, both] = fastest.map(|time| time.as_secs_f64());
    let bytes: usize = messages.iter().map(Vec::len).sum();
    println!(
        "{name}: {} messages, {:.1} MB, fastest of {ROUNDS} rounds on one core",
        messages.len(),
        bytes as f64 / 1e6
    );
    println!("  mail-parser only (baseline)   {:8.2} ms", parse * 1e3);
    println!("  read                          {:8.2} ms   {:5.2} x", reading * 1e3, reading / parse);
    println!(
        "  read + classify               {:8.2} ms   {:5.2} x   {:.0} messages/s",
        both * 1e3,
        both / parse,
        messages.len() as f64 / both
    );
}

fn time(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

fn messages_in(folder: &Path) -> Vec<Vec<u8>> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    paths.iter().filter_map(|path| fs::read(path).ok()).collect()
}
