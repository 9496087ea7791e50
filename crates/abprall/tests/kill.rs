//! `process` is killed at any moment: what it said is kept, nothing is counted twice, and a new run ends where one without a
//! kill would have ended.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::{Duration, Instant};

mod common;

use common::{abprall, contents, large_mailbox, run};

const ROUNDS: u32 = 5;
const KILLS_A_ROUND: u32 = 10;
const MESSAGES: usize = 1500;

#[test]
fn killed_at_any_moment_nothing_is_lost_and_nothing_counted_twice() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    large_mailbox(&here.join("bounces.mbox"), MESSAGES);
    let begin = Instant::now();
    let whole = run(here, ["process", "bounces.mbox", "--format", "json", "--store", "whole.db"]);
    let duration = begin.elapsed();
    assert_eq!(whole.status, 0, "{}", whole.err);
    let wanted = contents(here, "whole.db");
    assert!(wanted.1.lines().count() > 100, "the test would not show anything");

    let mut in_the_middle = 0;
    for round in 0..ROUNDS {
        let store = format!("round-{round}.db");
        let mut acknowledged = BTreeSet::new();
        for kill in 0..KILLS_A_ROUND {
            // From at once to nearly the end, at moments that differ between the rounds.
            // The first kill of a round comes with the first acknowledged decision, however fast or slow the machine is.
            let moment = match kill {
                0 => Moment::FirstWord,
                later => Moment::After(duration * (later * 10 + round) / (KILLS_A_ROUND * 10)),
            };
            let said = run_and_kill(here, &store, moment);
            if !said.is_empty() && acknowledged.len() + said.len() < MESSAGES / 2 {
                in_the_middle += 1;
            }
            for line in said {
                // Said twice as new would be stored twice.
                assert!(acknowledged.insert(line.clone()), "{line} twice");
            }
        }
        let last = run(here, ["process", "bounces.mbox", "--format", "ndjson", "--store", &store]);
        assert_eq!(last.status, 0, "{}", last.err);
        for line in last.lines() {
            let place = format!("{} {}", line["source"], line["index"]);
            if acknowledged.contains(&place) {
                assert_eq!(line["new"], false, "{place} was acknowledged before the kill, and is lost");
            }
        }
        assert_eq!(contents(here, &store), wanted, "round {round}");
    }
    // It could not fail if every kill came before the first batch or after the last.
    assert!(in_the_middle > 0, "no kill hit a run between two batches");
}

/// When a run is killed.
#[derive(Clone, Copy)]
enum Moment {
    /// When it has acknowledged something.
    FirstWord,
    After(Duration),
}

/// Starts `process`, kills it (SIGKILL), and gives the new decisions that it had acknowledged on its output.
fn run_and_kill(here: &std::path::Path, store: &str, moment: Moment) -> Vec<String> {
    let mut child = abprall(here)
        .args(["process", "bounces.mbox", "--format", "ndjson", "--store", store])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let out = BufReader::new(child.stdout.take().unwrap());
    let (spoke, first_word) = std::sync::mpsc::channel();
    let reader = std::thread::spawn(move || {
        let mut said = Vec::new();
        for line in out.lines() {
            // The last line may be cut by the kill: then nothing was said.
            let Ok(line) = serde_json::from_str::<serde_json::Value>(&line.unwrap()) else { break };
            if line["new"] == true {
                said.push(format!("{} {}", line["source"], line["index"]));
            }
            // Nobody listens where the kill does not wait for it.
            let _ = spoke.send(());
        }
        said
    });
    match moment {
        // An error here means that it ended without a word; the assertions see that.
        Moment::FirstWord => drop(first_word.recv()),
        Moment::After(duration) => std::thread::sleep(duration),
    }
    child.kill().unwrap();
    child.wait().unwrap();
    reader.join().unwrap()
}
