//! Another policy, tried on history that the program itself has made.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

mod common;

use common::{Ran, example, project, run};

/// A bounce in the standard form, about one recipient.
fn bounce(number: usize, recipient: &str, status: &str, reply: &str) -> String {
    format!(
        "From MAILER-DAEMON Tue Nov 24 12:00:00 2026\n\
         From: Mail Delivery System <MAILER-DAEMON@relay.test>\n\
         To: news@sender.test\n\
         Subject: Undelivered Mail Returned to Sender\n\
         MIME-Version: 1.0\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=\"b\"\n\
         \n\
         --b\n\
         Content-Type: text/plain\n\
         \n\
         Your message could not be delivered.\n\
         --b\n\
         Content-Type: message/delivery-status\n\
         \n\
         Reporting-MTA: dns; relay.test\n\
         \n\
         Final-Recipient: rfc822; {recipient}\n\
         Action: failed\n\
         Status: {status}\n\
         Remote-MTA: dns; mx.provider.test\n\
         Diagnostic-Code: smtp; {reply}\n\
         \n\
         --b\n\
         Content-Type: text/rfc822-headers\n\
         \n\
         Message-ID: <{number}@sender.test>\n\
         Subject: News\n\
         \n\
         --b--\n\n"
    )
}

const FULL: (&str, &str) = ("5.2.2", "552 5.2.2 Mailbox full");
const GONE: (&str, &str) = ("5.1.1", "550 5.1.1 User unknown");

fn process(folder: &TempDir, mail: &str, now: &str, more: &[&str]) {
    fs::write(folder.path().join("mail.mbox"), mail).unwrap();
    let ran = run(folder.path(), ["process", "mail.mbox", "--now", now].iter().chain(more));
    assert_eq!(ran.status, 0, "{}", ran.err);
}

/// Three days with a full mailbox, for two people; one of them is gone at last.
fn soft_history() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for day in 1..=3 {
        let mut mail = bounce(day, "anna@one.test", FULL.0, FULL.1);
        mail += &bounce(day + 10, "bert@two.test", FULL.0, FULL.1);
        process(&folder, &mail, &format!("2026-11-0{day}T12:00:00Z"), &[]);
    }
    process(&folder, &bounce(30, "bert@two.test", GONE.0, GONE.1), "2026-11-05T12:00:00Z", &[]);
    folder
}

fn ask(folder: &TempDir, policy: &str, more: &[&str]) -> Ran {
    fs::write(folder.path().join("tried.toml"), policy).unwrap();
    let arguments = ["what-if", "tried.toml", "--now", "2026-12-01T00:00:00Z"];
    run(folder.path(), arguments.iter().chain(more))
}

fn answer(folder: &TempDir, policy: &str, more: &[&str]) -> Value {
    let more: Vec<_> = ["--format", "json"].iter().chain(more).copied().collect();
    let ran = ask(folder, policy, &more);
    assert_eq!(ran.status, 0, "{}", ran.err);
    ran.json()
}

fn changes(answer: &Value) -> [u64; 6] {
    ["removed", "saved", "harder", "milder", "other_time", "unchanged"]
        .map(|change| answer["changes"][change].as_u64().unwrap())
}

#[test]
fn the_same_policy_changes_nothing_for_any_mail_of_the_lab() {
    let folder = tempfile::tempdir().unwrap();
    for (day, input) in [(1, project().join("corpus/mail")), (2, example("bounces.mbox"))] {
        let now = format!("2026-11-1{day}T12:00:00Z");
        let ran = run(folder.path(), [Path::new("process"), &input, Path::new("--now"), Path::new(&now)]);
        assert_eq!(ran.status, 0, "{}", ran.err);
    }
    let answer = answer(&folder, "", &[]);
    let [removed, saved, harder, milder, other_time, unchanged] = changes(&answer);
    assert_eq!([removed, saved, harder, milder, other_time], [0; 5], "{answer:#}");
    let stopped = run(folder.path(), ["suppressions", "export", "--format", "csv"]).out;
    assert_eq!(unchanged, stopped.lines().skip(1).count() as u64);
    assert!(unchanged > 30, "{unchanged}");
    for row in answer["outcomes"].as_array().unwrap() {
        assert_eq!(row["before"], row["after"], "{row}");
    }
    assert_eq!(ask(&folder, "", &["--format", "ndjson"]).out, "");
}

#[test]
fn the_same_policy_changes_nothing_where_soft_failures_stopped() {
    let folder = tempfile::tempdir().unwrap();
    for day in 1..=9 {
        let mail = bounce(day, "anna@one.test", FULL.0, FULL.1);
        process(&folder, &mail, &format!("2026-11-0{day}T12:00:00Z"), &[]);
    }
    assert_eq!(changes(&answer(&folder, "", &[])), [0, 0, 0, 0, 0, 1]);
}

#[test]
fn less_patience_would_have_removed_whom_it_names() {
    let folder = soft_history();
    let strict = "[soft]\ndays = 3\nsuppress_for = \"30d\"\nrule = []\n";
    let whole = answer(&folder, strict, &[]);
    // Bert is gone for good either way: his full mailbox would have stopped him before, but not for good.
    assert_eq!(changes(&whole), [1, 0, 0, 0, 0, 1], "{whole:#}");
    assert_eq!(whole["reasons"][0]["reason"], "mailbox_full");
    assert_eq!(whole["reports"], 7);
    let lines = ask(&folder, strict, &["--format", "ndjson"]).lines();
    assert_eq!(lines.len(), 1);
    assert_eq!((&lines[0]["address"], &lines[0]["change"]), (&"anna@one.test".into(), &"removed".into()));
    assert_eq!(lines[0]["before"], Value::Null);
    assert_eq!(lines[0]["after"]["rule"], "soft-threshold");
    assert_eq!(lines[0]["after"]["until"], "2026-12-03T12:00:00Z");
    assert_eq!(lines[0]["provider"], "one.test");
}

#[test]
fn a_stop_without_an_end_takes_the_place_of_one_that_ends_as_it_does_when_mail_is_processed() {
    let strict = "[soft]\ndays = 1\nsuppress_for = \"30d\"\nrule = []\n";
    let first =
        bounce(1, "anna@one.test", "4.4.1", "connect to one.test[192.0.2.1]:25: Connection timed out")
            + &bounce(2, "bert@two.test", FULL.0, FULL.1);
    let no_domain = "Host or domain name not found. Name service error for name=one.test type=MX";
    let second = bounce(3, "anna@one.test", "5.4.4", no_domain) + &bounce(4, "bert@two.test", GONE.0, GONE.1);
    let [usual, tried] = [[].as_slice(), &["--policy", "strict.toml"]].map(|policy| {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("strict.toml"), strict).unwrap();
        process(&folder, &first, "2026-11-01T12:00:00Z", policy);
        process(&folder, &second, "2026-11-02T12:00:00Z", policy);
        folder
    });
    let stops = |folder: &TempDir| {
        let csv = run(folder.path(), ["suppressions", "export", "--format", "csv"]).out;
        csv.lines()
            .skip(1)
            .map(|row| row.split(',').take(6).collect::<Vec<_>>().join(","))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        stops(&tried),
        [
            "anna@one.test,held,address,domain_not_found,2026-11-02T12:00:00Z,",
            "bert@two.test,suppressed,address,user_unknown,2026-11-02T12:00:00Z,",
        ]
    );
    assert_eq!(stops(&usual), stops(&tried));
    assert_eq!(changes(&answer(&usual, strict, &[])), [0, 0, 0, 0, 0, 2]);
}

#[test]
fn a_demand_for_signed_reports_would_have_saved_everybody() {
    let folder = soft_history();
    let whole = answer(&folder, "[trust]\nremovals = \"signed\"\n", &[]);
    assert_eq!(changes(&whole), [0, 1, 0, 0, 0, 0], "{whole:#}");
    let outcomes = whole["outcomes"].as_array().unwrap();
    let of = |outcome: &str| outcomes.iter().find(|row| row["outcome"] == outcome).unwrap().clone();
    assert_eq!(of("suppress"), serde_json::json!({"outcome": "suppress", "before": 1, "after": 0}));
    assert_eq!(of("review"), serde_json::json!({"outcome": "review", "before": 0, "after": 1}));
}

#[test]
fn what_lies_before_the_window_counts_but_is_not_compared() {
    let folder = soft_history();
    let strict = "[soft]\ndays = 3\nsuppress_for = \"30d\"\nrule = []\n";
    // The third day is in the window: the two before it were decided as they were, and still count.
    let third = answer(&folder, strict, &["--from", "2026-11-03", "--to", "2026-11-04"]);
    assert_eq!((changes(&third), &third["reports"]), ([2, 0, 0, 0, 0, 0], &2.into()), "{third:#}");
    let none = answer(&folder, strict, &["--from", "2026-11-01", "--to", "2026-11-03"]);
    assert_eq!(changes(&none), [0; 6]);
    let backwards = ask(&folder, strict, &["--from", "2026-11-04", "--to", "2026-11-03"]);
    assert_eq!((backwards.status, backwards.out.as_str()), (2, ""));
}

/// Thirty people of one provider are gone within an hour: in two runs, ten minutes apart.
fn incident(more: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for run in 0..2 {
        let mut mail = String::new();
        for person in 0..15 {
            let number = run * 15 + person;
            write!(mail, "{}", bounce(number, &format!("p{number}@big.test"), GONE.0, GONE.1)).unwrap();
        }
        process(&folder, &mail, &format!("2026-11-01T12:{run}0:00Z"), more);
    }
    folder
}

const NERVOUS: &str = "[brake]\nhard_min = 2\nfactor = 2.0\n";

#[test]
fn a_brake_that_was_not_in_force_would_have_frozen() {
    let folder = incident(&[]);
    assert_eq!(changes(&answer(&folder, "", &[])), [0, 0, 0, 0, 0, 30]);
    let whole = answer(&folder, NERVOUS, &[]);
    assert_eq!(changes(&whole), [0, 0, 0, 30, 0, 0], "{whole:#}");
    assert_eq!(whole["examples"][0]["after"]["outcome"], "pending");
    assert!(whole["cannot_know"].as_array().unwrap().iter().any(|row| row["id"] == "freezes_tried"));
}

#[test]
fn without_the_brake_that_froze_all_would_have_been_removed() {
    let nervous = tempfile::NamedTempFile::new().unwrap();
    fs::write(nervous.path(), NERVOUS).unwrap();
    let policy = ["--policy", nervous.path().to_str().unwrap()];
    let folder = incident(&policy);
    assert_eq!(changes(&answer(&folder, NERVOUS, &policy)), [0, 0, 0, 0, 0, 30]);
    assert_eq!(changes(&answer(&folder, "", &policy)), [0, 0, 30, 0, 0, 0]);
}

#[test]
fn what_people_did_afterwards_is_no_difference_of_policies() {
    let folder = incident(&[]);
    for arguments in [
        &["suppressions", "remove", "p0@big.test"][..],
        &["rewind", "--from", "2026-11-01T12:05", "--to", "2026-11-02", "--yes"],
        &["erase", "p1@big.test", "--yes"],
    ] {
        let ran = run(folder.path(), arguments);
        assert_eq!(ran.status, 0, "{arguments:?}: {}", ran.err);
    }
    let whole = answer(&folder, "", &[]);
    assert_eq!(changes(&whole), [0, 0, 0, 0, 0, 30], "{whole:#}");
    // Who was erased is named by nobody.
    let lines = ask(&folder, "[trust]\nremovals = \"signed\"\n", &["--format", "ndjson"]);
    assert_eq!(lines.lines().len(), 30);
    assert!(!lines.out.contains("p1@big.test") && lines.out.contains("p2@big.test"), "{}", lines.out);
}

#[test]
fn a_broken_policy_is_refused_with_all_its_problems() {
    let folder = soft_history();
    let ran = ask(&folder, "[soft]\ndays = 0\n[brake]\nfaktor = 2\n", &[]);
    assert_eq!((ran.status, ran.out.as_str()), (2, ""));
    assert!(ran.err.contains("soft.days") && ran.err.contains("brake.faktor"), "{}", ran.err);
}

#[test]
fn people_read_it_in_both_languages_within_80_columns() {
    let folder = soft_history();
    let strict = "[soft]\ndays = 3\nsuppress_for = \"30d\"\nrule = []\n";
    for (language, words) in [
        ("en", ["removed", "What this cannot know"]),
        ("de", ["  gestoppt           1", "Was sich so nicht sagen lässt"]),
    ] {
        let ran = ask(&folder, strict, &["--lang", language]);
        assert_eq!(ran.status, 0, "{}", ran.err);
        assert!(words.iter().all(|word| ran.out.contains(word)), "{}", ran.out);
        assert!(ran.out.contains("anna@one.test"), "{}", ran.out);
        let longest = ran.out.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(longest <= 80, "{longest}: {}", ran.out);
    }
    let csv = ask(&folder, strict, &["--format", "csv"]).out;
    assert!(
        csv.lines()
            .nth(1)
            .unwrap()
            .starts_with("anna@one.test,,,one.test,removed,,,,,,suppress,mailbox_full,"),
        "{csv}"
    );
}
