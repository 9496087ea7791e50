//! The program as people meet it at a terminal: which database is meant, what is said in both languages, nothing cut off.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use std::fs;

use common::{Ran, example, run};
use tempfile::TempDir;

fn ask(folder: &TempDir, line: &str) -> Ran {
    run(folder.path(), line.split(' '))
}

/// A folder with the example bounces in `abprall.db`.
fn processed() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let bounces = example("bounces.mbox").display().to_string();
    let ran = run(folder.path(), ["process", &bounces]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    folder
}

#[test]
fn the_settings_in_this_folder_say_which_database_is_meant() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("abprall.toml"), "store = \"server.db\"\n").unwrap();
    let missing = ask(&folder, "domains");
    assert_eq!(missing.status, 3, "{}", missing.err);
    assert!(missing.err.contains("server.db") && missing.err.contains("./abprall.toml"), "{}", missing.err);
    let add = ask(&folder, "suppressions add a@b.example --reason complaint");
    assert_eq!(add.status, 0, "{}", add.err);
    assert!(folder.path().join("server.db").exists() && !folder.path().join("abprall.db").exists());
    assert_eq!(ask(&folder, "check a@b.example").status, 1);
    // Whoever names a database means that one.
    let other = ask(&folder, "check a@b.example --store other.db");
    assert!(other.status == 3 && !other.err.contains("abprall.toml"), "{}", other.err);
}

#[test]
fn nothing_to_read_makes_no_database() {
    let folder = tempfile::tempdir().unwrap();
    let ran = ask(&folder, "process nowhere.mbox");
    assert!(ran.status == 3 && ran.err.contains("cannot read nowhere.mbox"), "{}", ran.err);
    assert!(!folder.path().join("abprall.db").exists());
}

#[test]
fn a_report_of_some_days_counts_nothing_of_other_days() {
    let folder = processed();
    let whole = ask(&folder, "report").out;
    assert!(whole.contains("25 messages, 24 reports"), "{whole}");
    let none = ask(&folder, "report --since 2001-01-01 --until 2001-01-02").out;
    assert!(none.contains("0 reports of these days") && !none.contains("25 messages"), "{none}");
    assert!(!none.contains("no bounce at all"), "{none}");
    let wrong = ask(&folder, "report --since 2026-01-02 --until 2026-01-01 --lang de");
    assert!(wrong.status == 2 && wrong.err.contains("nach dem letzten"), "{}", wrong.err);
}

#[test]
fn who_changed_what_is_told_in_both_languages() {
    let folder = processed();
    ask(&folder, "suppressions add bob@example.org --reason complaint --list news");
    ask(&folder, "rewind --from 2001-01-01 --to 2101-01-01 --reason user_unknown --yes");
    let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let english = one_line(&ask(&folder, "audit").out);
    assert!(
        english
            .contains("undid the decisions of 2001-01-01T00:00:00Z/2101-01-01T00:00:00Z reason=user_unknown"),
        "{english}"
    );
    assert!(
        english.contains("stopped bob@example.org for list news") && english.contains("command line"),
        "{english}"
    );
    let german = ask(&folder, "audit --lang de").out;
    assert!(german.contains("Entscheidungen zurückgenommen") && german.contains("Befehlszeile"), "{german}");
    let rewind = &ask(&folder, "audit --format ndjson").lines()[0];
    assert_eq!(rewind["subject"], "2001-01-01T00:00:00Z/2101-01-01T00:00:00Z reason=user_unknown");
}

#[test]
fn a_look_that_is_due_says_who_takes_it() {
    let folder = processed();
    let domain = ask(&folder, "domains router.test").out;
    assert!(domain.contains("due now: `abprall watch`"), "{domain}");
    let german = ask(&folder, "domains router.test --lang de").out;
    assert!(german.contains("jetzt fällig"), "{german}");
}

#[test]
fn an_explanation_begins_with_what_to_do_and_keeps_the_rest_for_who_wants_it() {
    let folder = tempfile::tempdir().unwrap();
    for who in
        ["", " --for admin", " --for developer", " --for marketer", " --lang de", " --lang de --for admin"]
    {
        let page = ask(&folder, &format!("explain 5.4.3{who}")).out;
        let third = page.lines().nth(2).unwrap();
        assert!(third.starts_with("What to do") || third.starts_with("Was zu tun ist"), "{page}");
        assert!(page.lines().count() <= 42, "{who}: {} lines", page.lines().count());
    }
    let full = ask(&folder, "explain 5.4.3 --for admin --full").out;
    for heading in ["The ten causes", "MX analysis", "Path analysis", "What others call it"] {
        assert!(full.contains(heading), "{heading}");
    }
}

#[test]
fn reading_only_says_the_same_words_as_the_other_commands() {
    let folder = tempfile::tempdir().unwrap();
    let bounces = example("bounces.mbox").display().to_string();
    for (language, words) in [
        ("en", ["Mailbox does not exist (the recipient's mailbox)", "25 messages, 24 reports"]),
        ("de", ["Postfach existiert nicht (das Postfach des Empfängers)", "25 Nachrichten, 24 Meldungen"]),
    ] {
        let table = run(folder.path(), ["classify", &bounces, "--lang", language]).out;
        for words in words {
            assert!(table.contains(words), "{words}: {table}");
        }
        assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
    }
}

#[test]
fn no_address_and_no_host_is_cut_at_eighty_columns() {
    let folder = processed();
    let long = format!("{}@{}.example.org", "anna.maria.".repeat(5) + "x", "a-long-label".repeat(5));
    ask(&folder, &format!("suppressions add {long} --reason user_unknown"));
    let domain = long.split_once('@').unwrap().1;
    for line in ["suppressions list".to_owned(), format!("why {domain}"), "audit".to_owned()] {
        for language in ["en", "de"] {
            let page = ask(&folder, &format!("{line} --lang {language}")).out;
            assert!(page.contains(&long), "{line}: {page}");
        }
    }
    for line in ["domains", "hosts", "incidents", "report", "suppressions list"] {
        let page = ask(&folder, &format!("{line} --lang de")).out;
        assert!(!page.contains('…'), "{line}: {page}");
    }
}

#[test]
fn the_language_can_be_chosen_once_and_for_all() {
    let folder = processed();
    let german = |line: &str| {
        Ran::of(
            common::abprall(folder.path()).args(line.split(' ')).env("ABPRALL_LANG", "de").output().unwrap(),
        )
    };
    assert!(german("check who@router.test").out.contains("angehalten"));
    assert!(german("suppressions list --lang en").out.contains("held"));
}

#[test]
fn old_settings_that_are_broken_do_not_stop_the_help() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("abprall.toml"), "nonsense = 1\n").unwrap();
    assert_eq!(ask(&folder, "check --help").status, 0);
    let broken = ask(&folder, "check a@b.example");
    assert!(broken.status == 2 && broken.err.contains("abprall.toml"), "{}", broken.err);
}

#[test]
fn what_a_look_saw_is_told_in_words() {
    let folder = processed();
    let look = "watch --dns-only --no-canaries --deadline 1s --resolver 127.0.0.1:9 --domain router.test";
    ask(&folder, look);
    let page = ask(&folder, "domains router.test --lang de").out;
    assert!(page.contains("die letzten Blicke"), "{page}");
    assert!(
        !page.contains("unknown") && !page.contains("vantage_blind") && !page.contains("(low)"),
        "{page}"
    );
}

#[test]
fn a_rule_that_is_tried_says_what_follows_in_both_languages() {
    let folder = tempfile::tempdir().unwrap();
    let german = run(folder.path(), ["rules", "test", "550 5.1.1 nope", "--lang", "de"]).out;
    assert!(german.contains("Postfach existiert nicht") && german.contains("(suppress)"), "{german}");
}
