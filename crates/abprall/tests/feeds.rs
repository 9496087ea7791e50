//! Logs and bodies of webhooks as input of the commands.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;

mod common;

use common::{Ran, run};

const LOG: &str = "Nov 25 09:42:16 mail postfix/cleanup[2]: 4AB12C: message-id=<1@a.example>\n\
    Nov 25 09:42:16 mail postfix/qmgr[3]: 4AB12C: from=<news@a.example>, size=1, nrcpt=1 (queue active)\n\
    Nov 25 09:42:17 mail postfix/smtp[4]: 4AB12C: to=<anna@b.example>, relay=mx.b.example[192.0.2.1]:25, delay=1, dsn=5.4.3, \
    status=bounced (host mx.b.example[192.0.2.1] said: 550 5.4.3 Routing server failure (in reply to RCPT TO command))\n";

const EVENT: &str = r#"{"email":"anna@b.example","timestamp":1513299569,"event":"bounce","sg_event_id":"e1","reason":"550 5.1.1 no such user","type":"bounce"}"#;

fn rows(ran: &Ran) -> Vec<String> {
    assert_eq!(ran.status, 0, "{}", ran.err);
    let row = |line: &str| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        format!(
            "{} {} {} {} {}",
            line["source"], line["kind"], line["recipient"], line["reason"], line["message_id"]
        )
        .replace('"', "")
    };
    ran.out.lines().map(row).collect()
}

#[test]
fn a_log_is_known_by_its_start_and_each_delivery_has_its_line() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("mail.log"), LOG).unwrap();
    let expected = ["mail.log:3 failed anna@b.example routing_server_failure 1@a.example"];
    let classify = ["classify", "--format", "ndjson", "mail.log"];
    assert_eq!(rows(&run(folder.path(), classify)), expected);
    let forced = ["classify", "--format", "ndjson", "--from", "postfix-log", "mail.log"];
    assert_eq!(rows(&run(folder.path(), forced)), expected);
    let other = ["classify", "--format", "ndjson", "--from", "exim-log", "mail.log"];
    assert_eq!(rows(&run(folder.path(), other)), [""; 0]);
}

#[test]
fn a_rotated_log_is_counted_once() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("mail.log"), LOG).unwrap();
    let first = run(folder.path(), ["process", "--format", "json", "mail.log"]).json();
    assert_eq!((&first["messages"], &first["known"]), (&1.into(), &0.into()), "{first}");
    fs::rename(folder.path().join("mail.log"), folder.path().join("mail.log.1")).unwrap();
    let again = run(folder.path(), ["process", "--format", "json", "mail.log.1"]).json();
    assert_eq!((&again["messages"], &again["known"]), (&1.into(), &1.into()), "{again}");
    let check = run(folder.path(), ["check", "anna@b.example", "--format", "json"]).json();
    assert_eq!(check["state"], "held");
}

#[test]
fn a_webhook_body_is_known_by_its_names_and_an_event_that_comes_twice_counts_once() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("body.json"),
        format!("[{EVENT},{}]", EVENT.replace("e1", "e2").replace("anna", "bert")),
    )
    .unwrap();
    fs::write(folder.path().join("again.json"), format!("[{EVENT}]")).unwrap();
    let classify = ["classify", "--format", "ndjson", "body.json"];
    let expected = [
        "body.json#1 failed anna@b.example user_unknown null",
        "body.json#2 failed bert@b.example user_unknown null",
    ];
    assert_eq!(rows(&run(folder.path(), classify)), expected);
    let first = run(folder.path(), ["process", "--format", "json", "body.json"]).json();
    assert_eq!((&first["messages"], &first["known"]), (&2.into(), &0.into()), "{first}");
    let again = run(folder.path(), ["process", "--format", "json", "again.json"]).json();
    assert_eq!((&again["messages"], &again["known"]), (&1.into(), &1.into()), "{again}");
}

#[test]
fn a_malformed_event_is_named_and_json_of_nobody_is_no_bounce() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("bad.json"),
        format!("[{EVENT},{{\"event\":\"bounce\",\"email\":\"nobody\"}}]"),
    )
    .unwrap();
    let ran = run(folder.path(), ["classify", "--format", "ndjson", "bad.json"]);
    assert_eq!(rows(&ran).len(), 1);
    assert!(ran.err.contains("bad.json: sendgrid: event 1: /email is no mail address"), "{}", ran.err);
    fs::write(folder.path().join("own.json"), "{\"a\":1}").unwrap();
    assert_eq!(
        rows(&run(folder.path(), ["classify", "--format", "ndjson", "own.json"])),
        ["own.json other null null null"]
    );
    let broken = run(folder.path(), ["classify", "--from", "sendgrid", "own.json"]);
    assert_eq!(broken.status, 0, "an event of no kind is named, not fatal: {}", broken.err);
    assert!(broken.err.contains("event 0: /event is missing"), "{}", broken.err);
    fs::write(folder.path().join("cut.json"), "[{").unwrap();
    let broken = run(folder.path(), ["classify", "--from", "sendgrid", "cut.json"]);
    assert_eq!(broken.status, 3);
    assert!(broken.err.contains("sendgrid: the body is not JSON"), "{}", broken.err);
}
