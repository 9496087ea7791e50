//! The desk: what no rule understands is looked at, made a rule of, and decided.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

mod common;

use common::{Ran, contents, run};

/// A bounce whose words nobody knows.
fn bounce(number: usize, recipient: &str, reply: &str) -> String {
    format!(
        "From MAILER-DAEMON Tue Nov 24 12:00:00 2026\n\
         From: Mail Delivery System <MAILER-DAEMON@relay.test>\n\
         To: news@sender.test\n\
         Subject: Undelivered Mail Returned to Sender\n\
         MIME-Version: 1.0\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=\"b\"\n\
         \n\
         --b\n\
         Content-Type: message/delivery-status\n\
         \n\
         Reporting-MTA: dns; relay.test\n\
         \n\
         Final-Recipient: rfc822; {recipient}\n\
         Action: failed\n\
         Status: 5.0.0\n\
         Remote-MTA: dns; mx.provider.test\n\
         Diagnostic-Code: smtp; {reply}\n\
         \n\
         --b\n\
         Content-Type: text/rfc822-headers\n\
         \n\
         Message-ID: <{number}@sender.test>\n\
         \n\
         --b--\n\n"
    )
}

/// Seven reports of one kind, two of another.
fn desk() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut mail = String::new();
    for number in 0..7 {
        let recipient = format!("p{number}@one.test");
        let reply =
            format!("554 5.0.0 <{recipient}>: the moon is full in house {number} of mx{number}.one.test");
        mail += &bounce(number, &recipient, &reply);
    }
    for number in 7..9 {
        let recipient = format!("q{number}@two.test");
        mail += &bounce(number, &recipient, "554 5.0.0 gnomes have eaten the envelope");
    }
    fs::write(folder.path().join("mail.mbox"), mail).unwrap();
    let ran = run(folder.path(), ["process", "mail.mbox", "--now", "2026-11-01T12:00:00Z"]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    folder
}

fn ask(folder: &TempDir, arguments: &[&str]) -> Ran {
    run(folder.path(), arguments)
}

fn clusters(folder: &TempDir) -> Vec<Value> {
    let ran = ask(folder, &["review", "--format", "ndjson"]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    ran.lines()
}

#[test]
fn the_largest_cluster_comes_first() {
    let folder = desk();
    let found = clusters(&folder);
    let counts: Vec<_> = found.iter().map(|cluster| cluster["reports"].as_u64().unwrap()).collect();
    assert_eq!(counts, [7, 2], "{found:#?}");
    assert_eq!(found[0]["pattern"], "554 5.0.0 <ADDRESS>: the moon is full in house N of HOST");
    let page = ask(&folder, &["review", "--rows", "1", "--format", "json"]).json();
    let next = page["next"].as_str().unwrap();
    let rest = ask(&folder, &["review", "--after", next, "--format", "json"]).json();
    assert_eq!((&rest["rows"][0], &rest["next"]), (&found[1], &Value::Null));
}

#[test]
fn a_cluster_shows_its_reports_and_what_the_rules_make_of_them() {
    let folder = desk();
    let id = clusters(&folder)[1]["id"].to_string();
    let rows = ask(&folder, &["review", "show", &id, "--format", "ndjson"]).lines();
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0]["address"], "q7@two.test");
    assert_eq!(rows[0]["text"], "554 5.0.0 gnomes have eaten the envelope");
    assert_eq!(rows[0]["reason"], "undetermined");
    for language in ["en", "de"] {
        let ran = ask(&folder, &["review", "show", &id, "--lang", language]);
        assert!(ran.out.contains("q8@two.test"), "{}", ran.out);
        let longest = ran.out.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(longest <= 80, "{}", ran.out);
    }
    let none = ask(&folder, &["review", "show", "999"]);
    assert_eq!((none.status, none.out.as_str()), (1, ""));
    assert!(none.err.contains("abprall review"), "{}", none.err);
}

#[test]
fn a_rule_is_drafted_that_catches_the_cluster_and_nothing_else() {
    let folder = desk();
    let id = clusters(&folder)[0]["id"].to_string();
    let drafted =
        ask(&folder, &["review", "rule", &id, "--reason", "mailbox_disabled", "--format", "json"]).json();
    assert_eq!(
        (&drafted["waiting"], &drafted["caught"], &drafted["caught_elsewhere"]),
        (&7.into(), &7.into(), &0.into()),
        "{drafted:#}"
    );
    assert_eq!(drafted["outcomes"], serde_json::json!({"suppress": 7}));
    assert_eq!(drafted["doubts"], serde_json::json!([]));
    let pattern = drafted["pattern"].as_str().unwrap();
    assert!(pattern.contains("the moon is full in house") && !pattern.contains("one.test"), "{pattern}");
    // What is printed is a file of rules.
    let text = ask(&folder, &["review", "rule", &id, "--reason", "mailbox_disabled"]).out;
    assert!(!text.contains("@one.test"), "{text}");
    fs::write(folder.path().join("own.toml"), text).unwrap();
    let checked = ask(&folder, &["rules", "check", "own.toml"]);
    assert_eq!(checked.status, 0, "{}", checked.out);
}

#[test]
fn a_rule_without_a_reason_is_printed_but_not_written() {
    let folder = desk();
    let id = clusters(&folder)[0]["id"].to_string();
    let printed = ask(&folder, &["review", "rule", &id]);
    assert!(printed.status == 0 && printed.out.contains("reason = \"undetermined\""), "{}", printed.out);
    let refused = ask(&folder, &["review", "rule", &id, "-o", "own.toml"]);
    assert_eq!(refused.status, 2);
    assert!(refused.err.contains("--reason"), "{}", refused.err);
    assert!(!folder.path().join("own.toml").exists());
}

#[test]
fn rules_are_appended_to_a_file_that_stays_whole() {
    let folder = desk();
    for (cluster, reason) in clusters(&folder).iter().zip(["mailbox_disabled", "spam_content"]) {
        let id = cluster["id"].to_string();
        let ran = ask(&folder, &["review", "rule", &id, "--reason", reason, "-o", "own.toml"]);
        assert_eq!(ran.status, 0, "{}", ran.err);
    }
    let rules = ask(&folder, &["rules", "list", "--rules", "own.toml", "--format", "ndjson"]).lines();
    let own: Vec<_> = rules.iter().filter(|rule| rule["file"] == "own.toml").collect();
    assert_eq!((own.len(), &own[1]["reason"]), (2, &"spam_content".into()));
    // A file with a mistake gets nothing.
    fs::write(folder.path().join("broken.toml"), "[[rule]]\nid = \"x\"\n").unwrap();
    let id = clusters(&folder)[0]["id"].to_string();
    let ran = ask(&folder, &["review", "rule", &id, "--reason", "spam_content", "-o", "broken.toml"]);
    assert_eq!(ran.status, 2, "{}", ran.err);
    assert_eq!(fs::read_to_string(folder.path().join("broken.toml")).unwrap(), "[[rule]]\nid = \"x\"\n");
}

#[test]
fn history_is_judged_anew_only_when_told_so() {
    let folder = desk();
    let id = clusters(&folder)[0]["id"].to_string();
    let ran = ask(&folder, &["review", "rule", &id, "--reason", "mailbox_disabled", "-o", "own.toml"]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    let before = contents(folder.path(), "abprall.db");
    let rerun =
        ["review", "rerun", "--rules", "own.toml", "--format", "json", "--now", "2026-11-02T12:00:00Z"];
    let preview = ask(&folder, &rerun).json();
    assert_eq!(
        (&preview["done"], &preview["understood"], &preview["still_waiting"]),
        (&false.into(), &7.into(), &2.into())
    );
    assert_eq!(
        preview["changes"],
        serde_json::json!([{"outcome": "suppress", "reason": "mailbox_disabled", "reports": 7}])
    );
    assert_eq!(contents(folder.path(), "abprall.db"), before);
    assert_eq!(ask(&folder, &["check", "p3@one.test"]).status, 0);

    let done = ask(&folder, &[&rerun[..], &["--yes"]].concat()).json();
    assert_eq!(
        (&done["done"], &done["stopped"], &done["still_waiting"]),
        (&true.into(), &7.into(), &2.into())
    );
    let check = ask(&folder, &["check", "p3@one.test", "--format", "json"]);
    assert_eq!((check.status, &check.json()["state"]), (1, &"suppressed".into()));
    let left = clusters(&folder);
    assert_eq!((left.len(), &left[0]["reports"]), (1, &2.into()));
    // Nothing is left for it, so nothing happens.
    let again = ask(&folder, &[&rerun[..], &["--yes"]].concat());
    assert_eq!((again.status, &again.json()["understood"]), (1, &0.into()));
    // The story has both decisions.
    let why = ask(&folder, &["why", "p3@one.test", "--format", "json"]).json();
    assert_eq!(why["decisions"].as_array().unwrap().len(), 2, "{why:#}");
    // And another policy is held against the later one.
    fs::write(folder.path().join("same.toml"), "").unwrap();
    let tried =
        ask(&folder, &["what-if", "same.toml", "--format", "json", "--now", "2026-12-01T00:00:00Z"]).json();
    assert_eq!(
        (&tried["changes"]["removed"], &tried["changes"]["unchanged"]),
        (&0.into(), &7.into()),
        "{tried:#}"
    );
}

#[test]
fn a_rule_about_the_message_stops_nobody() {
    let folder = desk();
    let id = clusters(&folder)[1]["id"].to_string();
    let drafted = ask(
        &folder,
        &["review", "rule", &id, "--reason", "content_rejected", "-o", "own.toml", "--format", "json"],
    )
    .json();
    assert_eq!(drafted["outcomes"], serde_json::json!({"alert": 2}));
    let done = ask(&folder, &["review", "rerun", "--rules", "own.toml", "--yes", "--format", "json"]).json();
    assert_eq!((&done["understood"], &done["stopped"]), (&2.into(), &0.into()));
    assert_eq!(ask(&folder, &["suppressions", "list", "--format", "plain"]).out, "");
}
