//! An import, a rewind and a cleaning of a list are killed at any moment: what is half done is as if never begun, or goes on where
//! it was; nothing is lost, nothing is doubled, and the suppression index agrees with the database.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use abprall_mail::EmailAddress;
use abprall_store::{State, StopFilter, Subject, open_existing_store};
use jiff::Timestamp;

mod common;

use common::{abprall, run};

const KILLS: u32 = 50;

/// More than the store takes over between two commits (`IMPORT_BATCH`): there is a moment between two batches.
const IMPORTED: u64 = 11_000;

/// Enough that a run takes a while.
const UNDONE: u64 = 2500;
const LISTED: u64 = 3000;

/// A list of addresses, each of them once.
fn write_list(path: &Path, addresses: u64) {
    let lines = (0..addresses).map(|n| format!("user{n}@d{}.example\n", n % 97));
    fs::write(path, format!("email\n{}", lines.collect::<String>())).unwrap();
}

/// How long a command takes that nobody kills.
fn timed(command: &mut Command) -> Duration {
    let begin = Instant::now();
    let out = command.output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    begin.elapsed()
}

/// Kills the command (SIGKILL) after a while. Says whether it was still at work.
fn kill_after(command: &mut Command, moment: Duration) -> bool {
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    std::thread::sleep(moment);
    let at_work = child.try_wait().unwrap().is_none();
    child.kill().unwrap();
    child.wait().unwrap();
    at_work
}

/// From at once to well beyond the end: a run may take longer than the one that was timed.
fn moment(kill: u32, whole: Duration) -> Duration {
    whole * (kill * 7) / (KILLS * 5)
}

/// The suppressed addresses: as the sums say, as the list says. They have to be as many, and each once.
fn suppressed(store: &Path) -> u64 {
    let store = open_existing_store(store.to_str().unwrap()).unwrap();
    let now = Timestamp::now();
    let mut listed = BTreeSet::new();
    let rows = store
        .stops(&StopFilter::default(), now, &mut |row| {
            assert!(listed.insert(row.standing.address), "twice");
            std::ops::ControlFlow::Continue(())
        })
        .unwrap();
    let kept = store.stopped(now).unwrap().addresses_suppressed;
    assert_eq!((rows, listed.len() as u64), (kept, kept));
    kept
}

/// The addresses that a cleaned list does not hold any more: the suppression index answers here.
fn scrubbed_away(here: &Path, list: &str, store: &str) -> u64 {
    let ran = run(here, ["scrub", list, "-o", "check.csv", "--removed", "check-why.csv", "--store", store]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    fs::read_to_string(here.join("check-why.csv")).unwrap().lines().count() as u64 - 1
}

#[test]
fn a_killed_import_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_list(&here.join("list.csv"), IMPORTED);
    let import = |store: &str| {
        let mut command = abprall(here);
        command.args(["suppressions", "import", "list.csv", "--store", store]);
        command
    };
    let whole = timed(&mut import("whole.db"));
    let (mut at_work, mut between) = (0, 0);
    let mut store = "0.db".to_owned();
    for kill in 0..KILLS {
        at_work += u32::from(kill_after(&mut import(&store), moment(kill, whole)));
        if !here.join(&store).exists() || open_existing_store(here.join(&store).to_str().unwrap()).is_err() {
            continue;
        }
        let there = suppressed(&here.join(&store));
        assert!([0, 10_000, IMPORTED].contains(&there), "half a batch: {there}");
        between += u32::from(there == 10_000);
        if there > 0 {
            // It goes on, and ends where it would have ended.
            assert!(import(&store).output().unwrap().status.success());
            assert_eq!(suppressed(&here.join(&store)), IMPORTED);
            store = format!("{}.db", kill + 1);
        }
    }
    println!("{at_work} of {KILLS} kills hit an import at work, {between} between two batches");
    assert!(at_work >= KILLS / 4, "{at_work} of {KILLS} kills hit an import at work");
    assert_eq!(scrubbed_away(here, "list.csv", "whole.db"), IMPORTED);
}

#[test]
fn a_killed_rewind_is_done_or_was_never_begun() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_list(&here.join("list.csv"), UNDONE);
    let import = ["suppressions", "import", "list.csv", "--store", "before.db"];
    assert_eq!(run(here, import).status, 0);
    let rewind = |store: &str| {
        let mut command = abprall(here);
        command.args([
            "rewind",
            "--from",
            "2020-01-01",
            "--to",
            "2100-01-01",
            "--rule",
            "import",
            "--yes",
            "--store",
            store,
        ]);
        command
    };
    let begin = |store: &str| {
        let _ = fs::remove_dir_all(here.join(format!("{store}.index")));
        for file in ["-wal", "-shm"] {
            let _ = fs::remove_file(here.join(format!("{store}{file}")));
        }
        fs::copy(here.join("before.db"), here.join(store)).unwrap();
    };
    begin("whole.db");
    let whole = timed(&mut rewind("whole.db"));
    begin("killed.db");
    let (mut at_work, mut done) = (0, 0);
    for kill in 0..KILLS {
        at_work += u32::from(kill_after(&mut rewind("killed.db"), moment(kill, whole)));
        let there = suppressed(&here.join("killed.db"));
        assert!([0, UNDONE].contains(&there), "half a rewind: {there}");
        let store = open_existing_store(here.join("killed.db").to_str().unwrap()).unwrap();
        let someone = Subject::Address(EmailAddress::parse("user7@d7.example").unwrap());
        let story = store.story(&someone, Timestamp::now(), 10).unwrap().unwrap();
        let (state, decisions) = if there == 0 { (State::Ok, 2) } else { (State::Suppressed, 1) };
        assert_eq!((story.standing.state, story.decisions_total), (state, decisions));
        drop(store);
        // What the index says is what the database says, whatever was killed.
        if kill % 10 == 0 {
            assert_eq!(scrubbed_away(here, "list.csv", "killed.db"), there);
        }
        if there == 0 {
            done += 1;
            // Done twice is done once.
            assert!(rewind("killed.db").output().unwrap().status.code().is_some_and(|code| code < 2));
            assert_eq!(suppressed(&here.join("killed.db")), 0);
            begin("killed.db");
        }
    }
    println!("{at_work} of {KILLS} kills hit a rewind at work, {done} were done");
    assert!(at_work >= KILLS / 4, "{at_work} of {KILLS} kills hit a rewind at work");
    assert!(rewind("killed.db").output().unwrap().status.success());
    assert_eq!(suppressed(&here.join("killed.db")), 0);
    assert_eq!(scrubbed_away(here, "list.csv", "killed.db"), 0);
}

#[test]
fn a_killed_cleaning_leaves_no_half_list_and_no_false_index() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_list(&here.join("list.csv"), LISTED);
    write_list(&here.join("stopped.csv"), LISTED / 2);
    assert_eq!(run(here, ["suppressions", "import", "stopped.csv", "--store", "s.db"]).status, 0);
    let scrub = |clean: &str| {
        let mut command = abprall(here);
        command.args(["scrub", "list.csv", "-o", clean, "--removed", "why.csv", "--store", "s.db"]);
        command
    };
    let whole = timed(&mut scrub("wanted.csv"));
    let wanted = fs::read(here.join("wanted.csv")).unwrap();
    let wanted_why = fs::read(here.join("why.csv")).unwrap();
    assert_eq!(wanted.split(|byte| *byte == b'\n').count() as u64, LISTED / 2 + 2);
    let mut at_work = 0;
    for kill in 0..KILLS {
        for file in ["clean.csv", "why.csv"] {
            let _ = fs::remove_file(here.join(file));
        }
        // Every other time the index has to be built first.
        if kill % 2 == 0 {
            let _ = fs::remove_dir_all(here.join("s.db.index"));
        }
        at_work += u32::from(kill_after(&mut scrub("clean.csv"), moment(kill, whole)));
        let read = |file: &str| fs::read(here.join(file)).ok();
        if let Some(clean) = read("clean.csv") {
            assert!(clean == wanted, "half a list after kill {kill}");
            assert!(read("why.csv").is_some(), "a clean list without its why");
        }
        if let Some(why) = read("why.csv") {
            assert!(why == wanted_why, "half a why after kill {kill}");
        }
    }
    assert!(at_work >= KILLS / 4, "{at_work} of {KILLS} kills hit a cleaning at work");
    assert!(scrub("clean.csv").output().unwrap().status.success());
    assert!(fs::read(here.join("clean.csv")).unwrap() == wanted);
    assert_eq!(suppressed(&here.join("s.db")), LISTED / 2);
}
