//! The commands that list, show and undo, as a person and a program use them.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

mod common;

use common::{Ran, run};

/// Bounces as Postfix writes them, each of another address, in a mailbox.
fn bounces(path: &Path, domain: &str, reply: &str, number: usize) {
    use std::fmt::Write;
    let mut mailbox = String::new();
    for n in 0..number {
        let address = format!("user{n}@{domain}");
        write!(
            mailbox,
            "From MAILER-DAEMON Tue Nov 24 12:00:00 2026\n\
             From: MAILER-DAEMON@mx.sender.example\nTo: list@sender.example\nSubject: Undelivered Mail Returned to Sender\n\
             Content-Type: multipart/report; report-type=delivery-status; boundary=b\nMIME-Version: 1.0\n\n\
             --b\nContent-Type: text/plain\n\nI could not deliver your message.\n\
             --b\nContent-Type: message/delivery-status\n\n\
             Reporting-MTA: dns; mx.sender.example\n\n\
             Final-Recipient: rfc822; {address}\nAction: failed\nStatus: {}\nRemote-MTA: dns; mx.{domain}\n\
             Diagnostic-Code: smtp; {reply}\nLast-Attempt-Date: Tue, 24 Nov 2026 11:00:00 +0000\n\
             --b\nContent-Type: message/rfc822\n\nFrom: list@sender.example\nTo: {address}\nMessage-ID: <{n}.{domain}@sender.example>\n\nHello\n\
             --b--\n\n",
            reply.split(' ').nth(1).unwrap()
        )
        .unwrap();
    }
    fs::write(path, mailbox).unwrap();
}

const NOON: &str = "2026-11-24T12:00:00Z";

/// A folder with three dead mailboxes, two addresses behind a dead route.
fn desk() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    bounces(&folder.path().join("gone.mbox"), "gone.example", "550 5.1.1 User unknown", 3);
    bounces(&folder.path().join("dead.mbox"), "dead.example", "550 5.4.3 Routing server failure", 2);
    let ran = run(folder.path(), ["process", "gone.mbox", "dead.mbox", "--now", NOON]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    folder
}

fn ask(folder: &TempDir, arguments: &str) -> Ran {
    run(folder.path(), arguments.split(' '))
}

fn json(folder: &TempDir, arguments: &str) -> Value {
    let ran = ask(folder, &format!("{arguments} --format json"));
    assert_eq!(ran.status, 0, "{arguments}: {}", ran.err);
    ran.json()
}

#[test]
fn domains_are_listed_by_what_is_asked_for_page_by_page() {
    let folder = desk();
    let all = json(&folder, "domains");
    assert_eq!(all["rows"][0]["domain"], "gone.example");
    assert_eq!((&all["rows"][0]["failures"], &all["rows"][0]["suppressed"]), (&3.into(), &3.into()));
    assert_eq!(all["next"], Value::Null);
    assert_eq!(json(&folder, "domains --sort route")["rows"][0]["domain"], "dead.example");
    let first = json(&folder, "domains --rows 1");
    let next = first["next"].as_str().unwrap();
    let second = json(&folder, &format!("domains --rows 1 --after {next}"));
    assert_eq!(second["rows"][0]["domain"], "dead.example");
    assert_eq!(ask(&folder, "domains --format ndjson").lines().len(), 2);
    assert_eq!(ask(&folder, "domains --format csv").out.lines().count(), 3);
    assert!(ask(&folder, "domains --stopped").out.contains("no domain with failures is like that"));
    assert!(ask(&folder, "domains --stopped --lang de").out.contains("keine Domain mit Fehlern ist so"));
}

#[test]
fn one_domain_is_shown_with_its_incident() {
    let folder = desk();
    let one = json(&folder, "domains dead.example");
    assert_eq!((&one["held"], &one["waiting"], &one["incident"]), (&2.into(), &2.into(), &1.into()));
    let text = ask(&folder, "domains dead.example").out;
    assert!(text.contains("2 of 2 addresses stopped") && text.contains("abprall incidents 1"), "{text}");
    assert_eq!(ask(&folder, "domains nowhere.example").status, 1);
    assert_eq!(ask(&folder, "domains a..b").status, 2);
}

#[test]
fn hosts_that_failed_are_listed() {
    let folder = desk();
    let hosts = json(&folder, "hosts");
    assert_eq!(
        (&hosts["rows"][0]["host"], &hosts["rows"][0]["failures"]),
        (&"mx.gone.example".into(), &3.into())
    );
    let text = ask(&folder, "hosts --lang de").out;
    assert!(text.contains("laut Bounces") && text.contains("3 Fehler"), "{text}");
    assert!(text.contains("zuletzt: Postfach"), "{text}");
}

#[test]
fn an_incident_has_a_timeline_and_can_be_closed() {
    let folder = desk();
    let all = json(&folder, "incidents --open");
    assert_eq!(
        (&all["rows"][0]["key"], &all["rows"][0]["addresses"]),
        (&"domain:dead.example".into(), &2.into())
    );
    let one = json(&folder, "incidents 1");
    assert_eq!(one["events"][0]["event"], "opened");
    let closed = run(folder.path(), ["incidents", "1", "--close", "--note", "they are back"]);
    assert!(closed.out.contains("over") && closed.out.contains("they are back"), "{}", closed.out);
    assert_eq!(ask(&folder, "incidents 1 --close").status, 1);
    assert_eq!(json(&folder, "incidents --open")["rows"], Value::Array(vec![]));
    assert_eq!(ask(&folder, "incidents 99").status, 1);
}

#[test]
fn a_rewind_is_a_preview_until_it_is_meant() {
    let folder = desk();
    let window = "rewind --from 2026-11-24 --to 2026-11-25 --reason user_unknown";
    let preview = json(&folder, window);
    assert_eq!(
        (&preview["done"], &preview["freed"], &preview["undone"]),
        (&false.into(), &3.into(), &3.into())
    );
    assert_eq!(ask(&folder, "check user0@gone.example").status, 1);
    let words = ask(&folder, window).out;
    assert!(words.contains("3 decisions would be undone") && words.contains("--yes"), "{words}");
    let done = json(&folder, &format!("{window} --yes --note oops"));
    assert_eq!((&done["done"], &done["freed"]), (&true.into(), &3.into()));
    assert_eq!(ask(&folder, "check user0@gone.example").status, 0);
    assert_eq!(ask(&folder, "check user0@dead.example").status, 1);
    let story = json(&folder, "why user0@gone.example");
    assert_eq!(
        (&story["decisions"][0]["rule"], &story["decisions"][0]["note"]),
        (&"rewind".into(), &"oops".into())
    );
    // There is nothing left to undo.
    let nothing = ask(&folder, window);
    assert_eq!(nothing.status, 1);
    let ends = "from 2026-11-24 00:00 UTC until before 2026-11-25 00:00 UTC (--to itself is not included)";
    assert!(nothing.out.contains(ends), "{}", nothing.out);
    let exact = ask(&folder, "rewind --from 2026-11-24T00:00:01 --to 2026-11-25 --lang de --rule none").out;
    assert!(exact.contains("von 2026-11-24T00:00:01Z bis vor 2026-11-25 00:00 UTC"), "{exact}");
    assert_eq!(ask(&folder, "rewind --from 2026-11-25 --to 2026-11-24").status, 2);
}

#[test]
fn pending_removals_are_shown_and_settled_together() {
    let folder = tempfile::tempdir().unwrap();
    bounces(&folder.path().join("big.mbox"), "big.example", "550 5.1.1 User unknown", 1200);
    ask(&folder, "process big.mbox --now 2026-11-24T11:10:00Z");
    let pending = json(&folder, "pending");
    let incident = pending["rows"][0]["incident"].as_i64().unwrap();
    assert_eq!(ask(&folder, "pending --format ndjson").lines().len(), 1200);
    let preview = ask(&folder, &format!("pending drop {incident}")).out;
    assert!(preview.contains("1\u{202f}200 addresses would be free"), "{preview}");
    assert_eq!(ask(&folder, "check user7@big.example").status, 1);
    let done = ask(&folder, &format!("pending drop {incident} --yes"));
    assert!(done.out.contains("1\u{202f}200 addresses may be sent to again"), "{}", done.out);
    assert_eq!(ask(&folder, "check user7@big.example").status, 0);
    assert!(ask(&folder, "pending").out.contains("nothing is pending"));
    assert_eq!(ask(&folder, &format!("pending apply {incident}")).status, 1);
}

#[test]
fn an_erased_person_stays_stopped_and_the_key_moves() {
    let folder = desk();
    assert!(ask(&folder, "erase user1@gone.example").out.contains("would be forgotten"));
    assert_eq!(ask(&folder, "erase user1@gone.example --yes").status, 0);
    assert_eq!(ask(&folder, "check user1@gone.example").status, 1);
    for list in [
        "list --format plain",
        "list --format csv",
        "list --format ndjson",
        "export --format ndjson",
        "export",
    ] {
        let ran = ask(&folder, &format!("suppressions {list}"));
        assert!(
            !ran.out.contains("user1@gone.example") && !ran.out.contains("erased:"),
            "{list}: {}",
            ran.out
        );
        assert!(ran.out.contains("user2@gone.example"), "{list}: {}", ran.out);
        assert!(ran.err.contains("1 erased person left out"), "{list}: {}", ran.err);
    }
    assert_eq!(ask(&folder, "erase stranger@gone.example --yes").status, 1);
    assert_eq!(ask(&folder, "key export -o key.json").status, 0);
    assert_eq!(ask(&folder, "key import key.json --store new.db").status, 0);
    let refused = ask(&folder, "key import key.json --store abprall.db");
    assert_eq!(refused.status, 0, "its own key does no harm: {}", refused.err);
    fs::write(folder.path().join("no.json"), "{}").unwrap();
    assert_eq!(ask(&folder, "key import no.json").status, 2);
}

#[test]
fn a_policy_is_checked_and_shown() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("bad.toml"), "[soft]\nday = 3\n[brake]\nfactor = 0\n").unwrap();
    let bad = ask(&folder, "policy check bad.toml");
    assert_eq!(bad.status, 2);
    assert!(bad.err.contains("line 2: soft.day") && bad.err.contains("line 4: brake.factor"), "{}", bad.err);
    let shown = ask(&folder, "policy show").out;
    fs::write(folder.path().join("mine.toml"), &shown).unwrap();
    assert_eq!(ask(&folder, "policy check mine.toml").status, 0);
    assert_eq!(ask(&folder, "policy show --policy mine.toml").out, shown);
}
