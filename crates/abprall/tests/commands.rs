//! The commands as a person and a program use them, on the mailbox of the examples.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use tempfile::TempDir;

mod common;

use common::{Ran, abprall, contents, example, large_mailbox, run};

/// A folder with a database of the examples.
fn processed() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let ran = run(folder.path(), [Path::new("process"), &example("bounces.mbox")]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    folder
}

fn ask(folder: &TempDir, arguments: &[&str]) -> Ran {
    run(folder.path(), arguments)
}

#[test]
fn where_nothing_is_there_no_message_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("none.mbox"), "").unwrap();
    fs::create_dir(folder.path().join("none")).unwrap();
    // Standard input is empty here.
    for (input, lang, words) in [
        ("-", "en", "Nothing there: no message to read\n"),
        ("-", "de", "Nichts da: keine Nachricht zu lesen\n"),
        ("none.mbox", "en", "Nothing there"),
        ("none", "en", "Nothing there"),
    ] {
        let ran = abprall(folder.path())
            .args(["process", input, "--lang", lang])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let out = String::from_utf8(ran.stdout).unwrap();
        assert!(ran.status.success() && out.starts_with(words), "{input}: {out}");
        assert!(!out.contains("message,"), "{out}");
    }
}

#[test]
fn processing_twice_changes_nothing() {
    let folder = processed();
    let before = contents(folder.path(), "abprall.db");
    // Under another name, gzipped, with CRLF: the same messages are the same messages.
    let plain = fs::read(example("bounces.mbox")).unwrap();
    let crlf = String::from_utf8(plain.clone()).unwrap().replace('\n', "\r\n");
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(crlf.as_bytes()).unwrap();
    fs::write(folder.path().join("again.mbox.gz"), gzip.finish().unwrap()).unwrap();
    // And with bare CR, as old Macs wrote it.
    fs::write(folder.path().join("again.cr"), String::from_utf8(plain).unwrap().replace('\n', "\r")).unwrap();
    for again in ["again.mbox.gz", "again.cr"] {
        let again = ask(&folder, &["process", again, "--format", "json"]).json();
        assert_eq!((&again["messages"], &again["known"]), (&25.into(), &25.into()), "{again}");
    }
    assert_eq!(contents(folder.path(), "abprall.db"), before);
}

#[test]
fn the_order_of_the_output_is_that_of_the_input() {
    let folder = tempfile::tempdir().unwrap();
    large_mailbox(&folder.path().join("many.mbox"), 900);
    let ran = ask(&folder, &["process", "many.mbox", "--format", "ndjson"]);
    let places: Vec<u64> = ran
        .lines()
        .iter()
        .map(|line| line["source"].as_str().unwrap().rsplit('#').next().unwrap().parse().unwrap())
        .collect();
    assert!(places.len() > 500 && places.is_sorted(), "{places:?}");
}

#[test]
fn the_right_addresses_are_stopped_and_the_others_are_not() {
    let folder = processed();
    for (address, status, state) in [
        ("nobody@rej.test", 1, "suppressed"),
        ("NOBODY@REJ.TEST", 1, "suppressed"),
        ("who@router.test", 1, "held"),
        ("dataspam@rej.test", 0, "ok"),
        ("dmarc@rej.test", 0, "ok"),
        ("full@rej.test", 0, "ok"),
        ("stranger@example.org", 0, "ok"),
    ] {
        let ran = ask(&folder, &["check", address, "--format", "json"]);
        assert_eq!(ran.status, status, "{address}: {}", ran.out);
        assert_eq!(ran.json()["state"], state, "{address}");
    }
}

#[test]
fn check_reads_addresses_from_standard_input() {
    let folder = processed();
    let mut child = abprall(folder.path())
        .args(["check", "-", "--format", "json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"full@rej.test\n\nnot an address\nwho@router.test\n").unwrap();
    let ran = Ran::of(child.wait_with_output().unwrap());
    assert_eq!(ran.status, 2, "a line that is no address is a mistake of the caller");
    assert!(ran.err.contains("line 3"), "{}", ran.err);
    let states: Vec<_> = ran.lines().iter().map(|line| line["state"].as_str().unwrap().to_owned()).collect();
    assert_eq!(states, ["ok", "held"]);
}

#[test]
fn why_tells_the_reply_the_rule_and_where_it_came_from() {
    let folder = processed();
    let ran = ask(&folder, &["why", "who@router.test"]);
    for words in ["550 5.4.3", "Routing server failure", "route-permanent", "bounces.mbox#"] {
        assert!(ran.out.contains(words), "{words}\n{}", ran.out);
    }
    let german = ask(&folder, &["why", "who@router.test", "--lang", "de"]);
    assert!(german.out.contains("angehalten"), "{}", german.out);
    let unknown = ask(&folder, &["why", "stranger@example.org"]);
    assert_eq!(unknown.status, 0, "{}", unknown.err);
    let domain = ask(&folder, &["why", "rej.test"]);
    assert!(domain.out.contains("nobody@rej.test"), "{}", domain.out);
}

#[test]
fn what_a_person_stops_and_lifts_is_remembered_with_its_note() {
    let folder = processed();
    let add = ask(
        &folder,
        &["suppressions", "add", "friend@example.org", "--reason", "unsubscribe", "--note", "by telephone"],
    );
    assert_eq!(add.status, 0, "{}", add.err);
    assert_eq!(ask(&folder, &["check", "friend@example.org"]).status, 1);
    assert!(ask(&folder, &["why", "friend@example.org"]).out.contains("by telephone"));
    // Whoever has unsubscribed comes back only by their own wish.
    let remove = &["suppressions", "remove", "friend@example.org", "--note", "a mistake"];
    assert_eq!(ask(&folder, remove).status, 1);
    assert_eq!(ask(&folder, &["check", "friend@example.org"]).status, 1);
    let remove = ask(&folder, &[&remove[..], &["--consent"]].concat());
    assert_eq!(remove.status, 0, "{}", remove.err);
    assert_eq!(ask(&folder, &["check", "friend@example.org"]).status, 0);
    assert!(ask(&folder, &["why", "friend@example.org"]).out.contains("a mistake"));
}

#[test]
fn who_has_left_one_list_comes_back_to_it_only_by_their_own_wish() {
    let folder = processed();
    let add = ["suppressions", "add", "friend@example.org", "--reason", "unsubscribe", "--list", "news"];
    ask(&folder, &add);
    let remove = ["suppressions", "remove", "friend@example.org"];
    assert_eq!(ask(&folder, &remove).status, 1);
    assert_eq!(ask(&folder, &["check", "friend@example.org", "--list", "news"]).status, 1);
    assert_eq!(ask(&folder, &[&remove[..], &["--consent"]].concat()).status, 0);
    assert_eq!(ask(&folder, &["check", "friend@example.org", "--list", "news"]).status, 0);
}

#[test]
fn the_database_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let folder = processed();
    let mode = std::fs::metadata(folder.path().join("abprall.db")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_stop_for_one_list_is_shown_as_it_stands_for_that_list() {
    let folder = processed();
    let add =
        ask(&folder, &["suppressions", "add", "bob@example.org", "--list", "news", "--reason", "complaint"]);
    assert!(add.out.starts_with("suppressed   bob@example.org for list news\n"), "{}", add.out);
    assert_eq!(ask(&folder, &["check", "bob@example.org"]).status, 0);
    assert_eq!(ask(&folder, &["check", "bob@example.org", "--list", "news"]).status, 1);
    let why = ask(&folder, &["why", "bob@example.org"]).out;
    assert!(why.starts_with("ok ") && why.contains(" suppressed for list news\n"), "{why}");
    let add =
        ["suppressions", "add", "shop.example", "--reason", "null_mx", "--tenant", "shop", "--lang", "de"];
    let domain = ask(&folder, &add);
    assert!(domain.out.contains("shop.example für Mandant shop\n"), "{}", domain.out);
}

#[test]
fn nobody_is_stopped_without_a_reason() {
    let folder = processed();
    for (language, words) in [("en", "say why"), ("de", "den Grund")] {
        let add = ask(&folder, &["suppressions", "add", "bob@example.org", "--lang", language]);
        assert!(add.status == 2 && add.err.contains(words) && add.err.contains("unsubscribe"), "{}", add.err);
    }
    let add = ask(&folder, &["suppressions", "add", "bob@example.org", "--reason", "user_unknwon"]);
    assert!(add.status == 2 && add.err.contains("'user_unknown'"), "{}", add.err);
    assert_eq!(ask(&folder, &["check", "bob@example.org"]).status, 0);
}

#[test]
fn a_list_says_for_whose_mail_a_stop_is_and_can_be_asked_for_it() {
    let folder = processed();
    let add = ["suppressions", "add", "--reason", "unsubscribe", "bob@shop.example"];
    assert_eq!(ask(&folder, &[&add[..], &["--tenant", "shop", "--list", "news"]].concat()).status, 0);
    assert_eq!(ask(&folder, &["suppressions", "add", "shop.example", "--reason", "null_mx"]).status, 0);
    let list = |more: &[&str]| ask(&folder, &[&["suppressions", "list"], more].concat());
    let line = &list(&["--list", "news", "--format", "ndjson"]).lines()[0];
    assert_eq!((&line["tenant"], &line["list"]), (&"shop".into(), &"news".into()));
    assert_eq!(list(&["--tenant", "shop", "--format", "plain"]).out, "bob@shop.example\n");
    assert_eq!(
        list(&["--domain", "shop.example", "--format", "plain"]).out,
        "shop.example\nbob@shop.example\n"
    );
    let table = list(&["--tenant", "shop"]).out;
    assert!(
        table.contains("bob@shop.example") && table.contains("only for tenant shop, list news"),
        "{table}"
    );
    let csv = ask(&folder, &["suppressions", "export", "--tenant", "shop"]).out;
    assert!(csv.starts_with("address,state,scope,reason,since,until,decision,tenant,list\n"), "{csv}");
    assert!(csv.ends_with(",shop,news\n"), "{csv}");
    let plain = ask(&folder, &["suppressions", "export", "--format", "plain"]);
    assert!(plain.err.contains("one tenant or list only"), "{}", plain.err);
}

#[test]
fn a_stop_for_one_list_comes_back_from_a_file_as_one_for_that_list() {
    let folder = processed();
    let add = ["suppressions", "add", "bob@example.org", "--reason", "unsubscribe", "--list", "news"];
    assert_eq!(ask(&folder, &add).status, 0);
    ask(&folder, &["suppressions", "export", "-o", "list.csv"]);
    let import = ask(&folder, &["suppressions", "import", "list.csv", "--store", "other.db"]);
    assert_eq!(import.status, 0, "{}", import.err);
    let check = |more: &[&str]| {
        ask(&folder, &[&["check", "bob@example.org", "--store", "other.db"], more].concat()).status
    };
    assert_eq!((check(&[]), check(&["--list", "news"])), (0, 1));
}

#[test]
fn a_word_that_is_neither_address_nor_domain_is_not_stopped() {
    let folder = processed();
    for word in ["bad", "@bad"] {
        let add = ask(&folder, &["suppressions", "add", word, "--reason", "null_mx"]);
        assert!(add.status == 2 && add.err.contains("neither an address nor a domain"), "{}", add.err);
    }
    assert_eq!(ask(&folder, &["suppressions", "add", "good.example", "--reason", "null_mx"]).status, 0);
}

#[test]
fn a_domain_that_is_stopped_stops_all_its_addresses() {
    let folder = processed();
    ask(&folder, &["suppressions", "add", "example.org", "--hold", "--reason", "routing_server_failure"]);
    let ran = ask(&folder, &["check", "anybody@example.org", "--format", "json"]);
    assert_eq!((ran.status, &ran.json()["scope"]), (1, &"domain".into()));
    assert_eq!(ask(&folder, &["check", "anybody@other.example"]).status, 0);
}

#[test]
fn the_list_can_be_exported_whole() {
    let folder = processed();
    let plain = ask(&folder, &["suppressions", "export", "--format", "plain"]).out;
    let csv = ask(&folder, &["suppressions", "export"]).out;
    assert!(csv.starts_with("address,state,scope,reason,"), "{csv}");
    assert_eq!(csv.lines().count(), plain.lines().count() + 1);
    let ran = ask(&folder, &["suppressions", "export", "-o", "list.csv"]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert_eq!(fs::read_to_string(folder.path().join("list.csv")).unwrap(), csv);
}

#[test]
fn the_report_counts_by_reason_party_domain_and_server() {
    let folder = processed();
    let report = ask(&folder, &["report", "--format", "json"]).json();
    let text = report.to_string();
    for words in ["routing_server_failure", "router.test", "router.lab.test", "recipient_domain"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let page = ask(&folder, &["report"]).out;
    assert!(page.contains("Domains by failures") && page.contains("router.test"), "{page}");
    assert!(!page.contains('\u{1b}'), "colours in a file");
    for line in page.lines().chain(ask(&folder, &["process", "."]).out.lines()) {
        assert!(line.chars().count() <= 80, "wider than a terminal of 80 columns: {line}");
    }
}

#[test]
fn own_rules_win_over_the_built_in_ones() {
    let folder = tempfile::tempdir().unwrap();
    let rules = example("rules.toml").display().to_string();
    fs::write(
        folder.path().join("lines"),
        "550 5.7.1 <a@b.example>: Rejected by ACME gateway: project closed\n",
    )
    .unwrap();
    let reason = |more: &[&str]| {
        let ran =
            run(folder.path(), [&["classify", "--lines", "lines", "--format", "ndjson"], more].concat());
        ran.lines()[0]["reason"].as_str().unwrap().to_owned()
    };
    assert_eq!(reason(&[]), "policy_refused");
    assert_eq!(reason(&["--rules", &rules]), "mailbox_disabled");
}

#[test]
fn rules_are_checked_listed_and_tried() {
    let folder = tempfile::tempdir().unwrap();
    let rules = example("rules.toml").display().to_string();
    for files in [&[][..], &[rules.as_str()]] {
        let ran = run(folder.path(), [&["rules", "check"], files].concat());
        assert_eq!(ran.status, 0, "{}{}", ran.out, ran.err);
    }
    let listed = ask(&folder, &["rules", "list", "--rules", &rules, "--format", "ndjson"]).lines();
    assert_eq!(listed[0]["id"], "acme-project-closed");
    assert!(listed.len() > 100);
    let tried =
        ask(&folder, &["rules", "test", "550 5.4.3 Routing server failure", "--format", "json"]).json();
    assert_eq!(tried["reason"], "routing_server_failure");
    assert!(!tried["matching"].as_array().unwrap().is_empty());
}

#[test]
fn a_doubtful_rule_is_a_finding_and_a_broken_file_stops_everything() {
    let folder = tempfile::tempdir().unwrap();
    let rule = |id: &str, pattern: &str, example: &str| {
        format!(
            "[[rule]]\nid = \"{id}\"\npattern = '{pattern}'\nreason = \"user_unknown\"\nexample = \"{example}\"\n"
        )
    };
    let doubtful = rule("never-fits", "no such mule", "550 no such user");
    fs::write(folder.path().join("doubtful.toml"), doubtful).unwrap();
    let ran = ask(&folder, &["rules", "check", "doubtful.toml"]);
    assert_eq!(ran.status, 1);
    assert!(ran.out.contains("example-does-not-match"), "{}", ran.out);
    let broken = rule("Not An Id", "(", "x") + &rule("other", "x", "y").replace("user_unknown", "nonsense");
    fs::write(folder.path().join("broken.toml"), broken).unwrap();
    let bounces = example("bounces.mbox").display().to_string();
    let ran = ask(&folder, &["process", &bounces, "--rules", "broken.toml"]);
    assert_eq!(ran.status, 2);
    assert!(ran.err.contains("broken.toml"), "{}", ran.err);
    assert!(!folder.path().join("abprall.db").exists(), "nothing was to be done");
}

#[test]
fn every_reason_and_code_is_explained_in_both_languages() {
    let folder = tempfile::tempdir().unwrap();
    for question in ["5.4.3", "X.1.1", "4.2.2", "routing_server_failure", "550 5.1.1 No such user here"] {
        for language in ["en", "de"] {
            for format in ["text", "json", "markdown"] {
                let ran = ask(&folder, &["explain", question, "--lang", language, "--format", format]);
                assert_eq!(ran.status, 0, "{question}: {}", ran.err);
                assert!(ran.out.len() > 500, "{question} {language} {format}: {}", ran.out);
            }
        }
    }
    assert_eq!(ask(&folder, &["explain", "5.9.77"]).status, 0, "well-formed, though nobody registered it");
    assert_eq!(ask(&folder, &["explain", "nonsense"]).status, 2);
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let folder = processed();
    for arguments in [&["explain", "5.4.3"][..], &["report"], &["rules", "list"], &["suppressions", "list"]] {
        let mut child = abprall(folder.path())
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let ran = Ran::of(child.wait_with_output().unwrap());
        assert_eq!((ran.status, ran.err.as_str()), (0, ""), "{arguments:?}");
    }
}

#[test]
fn explain_calls_a_success_no_failure_and_knows_what_to_do_of_every_class() {
    let folder = tempfile::tempdir().unwrap();
    let success = ask(&folder, &["explain", "2.0.0"]);
    assert!(success.out.contains("no failure") && !success.out.contains("soft bounce"), "{}", success.out);
    for (code, advice) in [("4.9.99", "tries again"), ("5.9.99", "a person has to look")] {
        let ran = ask(&folder, &["explain", code]);
        assert_eq!(ran.status, 0, "{code}");
        assert!(ran.out.contains("What to do") && ran.out.contains(advice), "{code}: {}", ran.out);
    }
    let nonsense = ask(&folder, &["explain", "unsinn", "--lang", "de"]);
    assert_eq!(nonsense.status, 2);
    assert!(nonsense.err.contains("nichts bekannt zu „unsinn“"), "{}", nonsense.err);
}

#[test]
fn a_confidence_is_printed_with_the_digits_that_are_known() {
    let folder = tempfile::tempdir().unwrap();
    let replies = example("replies.txt");
    for format in ["csv", "ndjson"] {
        let ran = run(
            folder.path(),
            [Path::new("classify"), Path::new("--lines"), Path::new("--format"), Path::new(format), &replies],
        );
        assert!(ran.out.contains("0.9") && !ran.out.contains("0.8999"), "{format}: {}", ran.out);
    }
}
