//! `route` as people and programs see it: stored diagnoses printed anew, bounces read without a network, wrong usage.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};

mod common;

use common::{Ran, project, run};

const FIXTURES: [&str; 9] = [
    "deliverable",
    "degraded",
    "all-down",
    "nxdomain",
    "null-mx",
    "vantage-blind",
    "dnssec",
    "contradicted",
    "hostile",
];

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/route").join(name)
}

fn show(name: &str, arguments: &[&str]) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    let file = fixture(&format!("{name}.json"));
    let mut all = vec!["route", "--show", file.to_str().unwrap()];
    all.extend(arguments);
    run(folder.path(), all)
}

fn route(arguments: &[&str]) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), ["route"].iter().chain(arguments))
}

fn corpus(name: &str) -> String {
    project().join("corpus/mail").join(name).to_str().unwrap().to_owned()
}

/// Holds the output against a file that is read by people; `ABPRALL_ACCEPT=1` writes it anew.
fn check(ran: &Ran, file: &str) {
    let path = fixture(file);
    if std::env::var_os("ABPRALL_ACCEPT").is_some() {
        fs::write(&path, &ran.out).unwrap();
    }
    assert_eq!(ran.out, fs::read_to_string(path).unwrap(), "{file}");
}

#[test]
fn pages_read_as_they_were_approved() {
    check(&show("degraded", &[]), "degraded.en.txt");
    check(&show("degraded", &["--lang", "de", "--verbose"]), "degraded.de.txt");
    check(&show("degraded", &["--format", "markdown"]), "degraded.en.md");
    check(&show("all-down", &["--lang", "de"]), "all-down.de.txt");
    check(&show("vantage-blind", &[]), "vantage-blind.en.txt");
    check(&show("contradicted", &[]), "contradicted.en.txt");
}

#[test]
fn the_exit_status_says_whether_mail_gets_through() {
    for name in FIXTURES {
        let expected = i32::from(!["deliverable", "degraded", "contradicted"].contains(&name));
        for format in ["text", "json", "markdown", "svg"] {
            assert_eq!(show(name, &["--format", format]).status, expected, "{name} {format}");
        }
    }
}

#[test]
fn every_page_answers_in_both_languages_what_is_wrong_and_what_to_do_now() {
    for name in FIXTURES {
        for (language, parts) in [
            ("en", ["What is wrong", "The route", "For the list owner", "For the developer", "How we know"]),
            (
                "de",
                ["Was nicht stimmt", "Der Weg", "Für die Listenpflege", "Für die Entwicklung", "Woher wir"],
            ),
        ] {
            let ran = show(name, &["--lang", language]);
            for part in parts {
                assert!(ran.out.contains(part), "{name}: {part} is missing in\n{}", ran.out);
            }
            let widest = ran.out.lines().map(|line| line.chars().count()).max();
            assert!(widest <= Some(80), "{name} {language}: a line of {widest:?} columns");
        }
    }
}

#[test]
fn what_is_wrong_comes_before_the_map_and_worst_comes_first() {
    let out = show("degraded", &["--verbose"]).out;
    let place = |text: &str| out.find(text).unwrap_or_else(|| panic!("{text} is missing in\n{out}"));
    let order = [
        "The preferred mail server is down",
        "A mail server refuses connections",
        "Any name here seems",
        "The route",
        "What works instead",
        "What to do now",
    ];
    assert!(order.map(place).is_sorted(), "{out}");
}

#[test]
fn without_colour_symbols_and_words_still_tell_the_state() {
    let out = show("degraded", &[]).out;
    assert!(!out.contains('\u{1b}'));
    for (address, state) in [
        ("192.0.2.1", "✗ 192.0.2.1  refuses connections"),
        ("192.0.2.2", "✓ 192.0.2.2  takes mail"),
        ("192.0.2.3", "✗ 192.0.2.3  says: not now"),
    ] {
        assert!(out.contains(state), "{address}: {out}");
    }
}

#[test]
fn a_dead_network_of_ours_is_never_told_as_a_dead_domain() {
    let out = show("vantage-blind", &[]).out;
    assert!(out.contains("Nobody leaves the list"), "{out}");
    assert!(!out.contains("Stop sending") && !out.contains("Hold the"), "{out}");
}

#[test]
fn a_bounce_that_is_contradicted_keeps_the_address() {
    let out = show("contradicted", &[]).out;
    assert!(out.contains("Keep the address") && out.contains("Release the address"), "{out}");
    assert!(!out.contains("Send as usual"), "the advice on this bounce outranks that on the domain: {out}");
}

#[test]
fn names_in_other_scripts_are_shown_with_the_form_that_the_dns_knows() {
    let out = show("deliverable", &[]).out;
    assert!(out.starts_with("bücher.example (xn--bcher-kva.example): "), "{out}");
}

#[test]
fn what_hostile_servers_write_stays_text() {
    for format in ["text", "markdown", "svg"] {
        let out = show("hostile", &["--format", format]).out;
        assert!(out.contains("pwned"), "{format}: the reply is not shown at all");
        let steers = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
        assert!(!out.contains(steers), "{format}: a control character got through");
    }
    let markdown = show("hostile", &["--format", "markdown"]).out;
    assert!(!markdown.replace("\\<", "").contains("<script"), "{markdown}");
    let svg = show("hostile", &["--format", "svg"]).out;
    assert!(!svg.contains("<script"));
    assert!(
        svg.contains("and 18 more servers") && svg.contains("and 12 more addresses"),
        "the map is bounded"
    );
}

#[test]
fn the_picture_needs_nothing_from_outside_and_can_be_read_aloud() {
    let svg = show("degraded", &["--format", "svg"]).out;
    for part in [
        "role=\"img\"",
        "<title id=\"title\">shop.example",
        "<desc id=\"desc\">",
        "prefers-color-scheme:dark",
    ] {
        assert!(svg.contains(part), "{part}");
    }
    let spoken = &svg[svg.find("<desc").unwrap()..svg.find("</desc>").unwrap()];
    assert!(spoken.contains("mx2.shop.example") && spoken.contains("takes mail"), "{spoken}");
    assert!(!svg.contains("href") && !svg.contains("url(") && svg.matches("http").count() == 1);
}

#[test]
fn json_comes_out_as_it_went_in() {
    let stored = fs::read_to_string(fixture("degraded.json")).unwrap();
    let mut stored: serde_json::Value = serde_json::from_str(&stored).unwrap();
    let mut shown = show("degraded", &["--format", "json", "--lang", "de"]).json();
    let german = shown["findings"][0]["explanation"].as_str().unwrap().to_owned();
    assert!(german.starts_with("mx1.shop.example [192.0.2.1] lehnt"), "{german}");
    for one in [&mut stored, &mut shown] {
        for finding in one["findings"].as_array_mut().unwrap() {
            finding["explanation"].take();
        }
    }
    assert_eq!(stored, shown);
}

#[test]
fn a_bounce_is_explained_without_a_network() {
    let ran = route(&["--offline", &corpus("courier--routing.eml")]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    for part in
        ["routing@rej.test", "courier.lab.test → dest-rej.lab.test", "behind the recipient's mail server"]
    {
        assert!(ran.out.contains(part), "{part} is missing in\n{}", ran.out);
    }
    let line = route(&["--offline", "--format", "json", &corpus("courier--routing.eml")]).json();
    assert_eq!(line["bounce"]["report"]["status"], "5.4.3");
    assert_eq!(line["bounce"]["judgement"]["failing"]["side"], "behind_mx");
    assert!(line.get("verdict").is_none(), "nothing was looked at");
}

#[test]
fn wrong_usage_is_told_from_what_could_not_be_done() {
    for arguments in [
        &["no such file.eml"] as &[&str],
        &["--offline", "example.com"],
        &["--format", "svg", "one.example", "two.example"],
        &["--relay", "a b", "example.com"],
        &["--our-host", "???", "example.com"],
        &["--resolver", "nonsense", "example.com"],
        &["--show", "x.json", "example.com"],
        &["--ca-file", "missing.pem", "example.com"],
        &[],
    ] {
        let ran = route(arguments);
        assert_eq!(ran.status, 2, "{arguments:?}: {}", ran.err);
        assert!(ran.out.is_empty() && !ran.err.is_empty(), "{arguments:?}");
    }
    for arguments in [&["--offline", "./missing.eml"] as &[&str], &["--show", "./missing.json"]] {
        assert_eq!(route(arguments).status, 3, "{arguments:?}");
    }
    let no_bounce = tempfile::NamedTempFile::new().unwrap();
    fs::write(&no_bounce, "From: a@example.com\nSubject: Hello\n\nHow are you?\n").unwrap();
    let ran = route(&["--offline", no_bounce.path().to_str().unwrap()]);
    assert_eq!(ran.status, 3);
    assert!(ran.err.contains("holds no bounce"), "{}", ran.err);
}
