//! `abprall report` as HTML, JSON and CSV: what is shown is what is known, and a page needs nothing but itself.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use abprall_mail::{Confidence, Verdict};
use abprall_policy::{Conclusion, DomainHealth, DomainLook, HostHealth, HostLook, Policy};
use abprall_store::{DomainUpdate, HostUpdate, NewObservation, Work, WorkOutcome, open_store};
use jiff::Timestamp;
use serde_json::Value;
use tempfile::TempDir;

mod common;

use common::{project, run};

/// What a hostile server says: markup, an end of the comment and of the style, and letters that turn the direction of writing.
const HOSTILE: &str = "554 <script>alert(1)</script> --></style> \u{202e}txet & \"quotes\"";

/// A folder with a database: the lab's bounces, and what looks at the first domains saw.
fn watched() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let ran = run(folder.path(), [Path::new("process"), &project().join("corpus/mail")]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    let mut store = open_store(folder.path().join("abprall.db").to_str().unwrap()).unwrap();
    let now = Timestamp::now();
    let policy = Policy::default();
    let items = store.lease_due("test", now, Duration::from_secs(60), 6).unwrap();
    assert!(items.len() > 2, "the lab's bounces call for looks");
    for (number, item) in items.iter().enumerate() {
        let Work::Investigate { domain, .. } = &item.work else { panic!("{item:?}") };
        let (verdict, conclusion) = match number % 3 {
            0 => (Verdict::UndeliverablePermanent, Conclusion::SuppressDomain { rule: "test-dead" }),
            1 => (Verdict::UndeliverableTransient, Conclusion::HoldDomain { rule: "test-down" }),
            _ => (Verdict::Deliverable, Conclusion::Release { rule: "test-fine" }),
        };
        let look = DomainLook { verdict, confidence: Confidence::High };
        let begin = now - Duration::from_secs(9 * 86_400);
        let host = (0..10).fold(HostHealth::new(begin), |health, day| {
            health.after(HostLook::Failed, begin + Duration::from_secs(day * 86_400), &policy.watch)
        });
        let outcome = WorkOutcome {
            observation: Some(NewObservation {
                at: now,
                verdict,
                confidence: Confidence::High,
                diagnosis: "{}".to_owned(),
            }),
            domain: Some(DomainUpdate {
                health: DomainHealth::new(now).after(look, now, &policy.watch),
                operator: Some("operator.example".to_owned()),
                mx_hosts: vec![format!("mx.{domain}")],
                name_servers: Vec::new(),
            }),
            hosts: vec![HostUpdate {
                host: format!("mx.{domain}"),
                ip: "192.0.2.1".parse().unwrap(),
                health: host,
                detail: Some(HOSTILE.to_owned()),
                next_look: Some(now),
            }],
            conclusion: Some(conclusion),
            incident: Some(format!("domain:{domain}")),
            next_look: Some(now),
            ..WorkOutcome::default()
        };
        store.complete(item, &outcome, now).unwrap();
    }
    folder
}

/// A folder whose looks all ended blind, and how many domains they were at.
fn blind() -> (TempDir, usize) {
    let folder = tempfile::tempdir().unwrap();
    let ran = run(folder.path(), [Path::new("process"), &project().join("corpus/mail")]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    let mut store = open_store(folder.path().join("abprall.db").to_str().unwrap()).unwrap();
    let now = Timestamp::now();
    let items = store.lease_due("test", now, Duration::from_secs(60), 4).unwrap();
    for item in &items {
        let observation = NewObservation {
            at: now,
            verdict: Verdict::VantageBlind,
            confidence: Confidence::Medium,
            diagnosis: "{}".to_owned(),
        };
        let outcome = WorkOutcome {
            observation: Some(observation),
            conclusion: Some(Conclusion::Keep { rule: "vantage-blind" }),
            next_look: Some(now),
            ..WorkOutcome::default()
        };
        store.complete(item, &outcome, now).unwrap();
    }
    (folder, items.len())
}

#[test]
fn where_our_own_side_sees_nothing_the_report_begins_with_that() {
    let (folder, looks) = blind();
    let report = json(&folder, &[]);
    assert_eq!(report["looks"]["blind"], looks);
    assert_eq!(report["looks"]["all_blind"], true);
    let first = &report["headline"]["points"][0];
    assert_eq!((&first["condition"], &first["command"]), (&"urgent".into(), &"abprall doctor".into()));
    let text = run(folder.path(), ["report", "--lang", "de"]).out;
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains(&format!("über {looks} Domains wurde nichts entschieden")), "{text}");
    let domains = run(folder.path(), ["domains", "--sort", "route", "--rows", "1000"]).out;
    assert_eq!(domains.lines().filter(|line| line.starts_with("blind ")).count(), looks, "{domains}");
}

#[test]
fn the_headline_does_not_depend_on_how_many_rows_are_shown() {
    let (folder, _) = blind();
    let of = |rows| {
        let report = run(folder.path(), ["report", "--format", "json", "--top", rows]).json();
        report["headline"].clone()
    };
    let (few, all) = (of("1"), of("1000"));
    assert_eq!(few, all);
    let unseen =
        run(folder.path(), ["domains", "--sort", "route", "--rows", "1000", "--format", "json"]).json();
    let is_unseen =
        |row: &&Value| row["route_failures"] != 0 && row["health"].is_null() && row["blind"] == false;
    let unseen = unseen["rows"].as_array().unwrap().iter().filter(is_unseen).count();
    assert!(
        unseen > 1 && all.to_string().contains(&format!("{unseen} domains with routing failures")),
        "{all}"
    );
    let text = run(folder.path(), ["report"]).out;
    assert!(!text.contains("What to do") && !text.contains("below"), "{text}");
}

fn html(folder: &TempDir, arguments: &[&str]) -> String {
    let arguments =
        [&["report", "--format", "html", "--top", "100", "-o", "report.html"], arguments].concat();
    let ran = run(folder.path(), arguments);
    assert_eq!((ran.status, &*ran.out), (0, ""), "{}", ran.err);
    fs::read_to_string(folder.path().join("report.html")).unwrap()
}

fn json(folder: &TempDir, arguments: &[&str]) -> Value {
    run(folder.path(), [&["report", "--format", "json", "--top", "100"], arguments].concat()).json()
}

/// A page as its tags (without attributes) and the texts between them.
#[derive(Debug, PartialEq)]
enum Piece<'a> {
    Open(&'a str),
    Close(&'a str),
    Text(&'a str),
}

/// The parts of a page; fails where a tag or its attributes are not closed.
fn pieces(page: &str) -> Vec<Piece<'_>> {
    const EMPTY: [&str; 5] = ["meta", "link", "!DOCTYPE", "i/", "br"];
    let mut pieces = Vec::new();
    let mut rest = page;
    while let Some(start) = rest.find('<') {
        if !rest[..start].trim().is_empty() {
            pieces.push(Piece::Text(rest[..start].trim()));
        }
        rest = &rest[start..];
        let mut quoted = false;
        let end = rest
            .char_indices()
            .find(|(_, c)| {
                quoted ^= *c == '"';
                *c == '>' && !quoted
            })
            .unwrap()
            .0;
        let tag = &rest[1..end];
        let name = tag.split_whitespace().next().unwrap().trim_end_matches('/');
        match name.strip_prefix('/') {
            Some(name) => pieces.push(Piece::Close(name)),
            None if EMPTY.contains(&name) || tag.ends_with('/') => {}
            None => pieces.push(Piece::Open(name)),
        }
        rest = &rest[end + 1..];
    }
    assert!(rest.trim().is_empty(), "text after the end: {rest}");
    pieces
}

/// The numbers in the cells of class `num` of the table with this id, row by row.
fn numbers(page: &str, table: &str) -> Vec<Vec<u64>> {
    let Some(start) = page.find(&format!(" id=\"{table}\"")) else { return Vec::new() };
    let table = &page[start..start + page[start..].find("</table>").unwrap()];
    let body = table.split("<tbody").nth(1).unwrap();
    body.split("<tr").skip(1).map(|row| row.split("class=\"num").skip(1).map(number).collect()).collect()
}

/// The first number of a cell.
fn number(cell: &str) -> u64 {
    let text = &cell[cell.find('>').unwrap()..];
    let text = text.trim_start_matches(|c: char| !c.is_ascii_digit());
    let digits: String = text.chars().take_while(|c| c.is_ascii_digit() || *c == '\u{202f}').collect();
    digits.replace('\u{202f}', "").parse().unwrap()
}

fn column(rows: &Value, keys: &[&str]) -> Vec<Vec<u64>> {
    let row = |row: &Value| keys.iter().map(|key| row[key].as_u64().unwrap()).collect();
    rows.as_array().unwrap().iter().map(row).collect()
}

#[test]
fn a_page_is_well_formed_and_has_headings_in_order() {
    let folder = watched();
    for page in
        [html(&folder, &[]), html(&folder, &["--lang", "de"]), html(&folder, &["--since", "2099-01-01"])]
    {
        let mut open = Vec::new();
        let mut headings = Vec::new();
        for piece in pieces(&page) {
            match piece {
                Piece::Open(name) => {
                    if let Some(level) = name.strip_prefix('h').and_then(|level| level.parse::<u8>().ok()) {
                        headings.push(level);
                    }
                    open.push(name);
                }
                Piece::Close(name) => assert_eq!(open.pop(), Some(name), "{open:?}"),
                Piece::Text(_) => {}
            }
        }
        assert!(open.is_empty(), "{open:?}");
        assert_eq!(headings.iter().filter(|level| **level == 1).count(), 1);
        assert!(headings.windows(2).all(|pair| pair[1] <= pair[0] + 1), "{headings:?}");
        let mut ids = BTreeSet::new();
        for id in page.split(" id=\"").skip(1).map(|rest| rest.split('"').next().unwrap()) {
            assert!(ids.insert(id), "{id} twice");
        }
        for target in page.split("href=\"#").skip(1).map(|rest| rest.split('"').next().unwrap()) {
            assert!(ids.contains(target), "{target} leads nowhere");
        }
    }
}

#[test]
fn a_page_needs_nothing_from_outside_and_runs_nothing() {
    let page = html(&watched(), &[]).to_lowercase();
    for outside in
        ["http://", "https://", "src=", "@import", "url(", "<script", "javascript:", "<iframe", " onload"]
    {
        assert!(!page.contains(outside), "{outside}");
    }
    assert_eq!(page.matches("<link").count(), page.matches("href=\"data:,\"").count());
}

#[test]
fn every_table_has_a_caption_and_every_picture_a_title_or_is_silent() {
    let page = html(&watched(), &[]);
    assert_eq!(page.matches("<table").count(), page.matches("<caption").count());
    for svg in page.split("<svg").skip(1) {
        let tag = &svg[..svg.find('>').unwrap()];
        let is_titled = svg[tag.len() + 1..].starts_with("<title") && tag.contains("role=\"img\"");
        assert!(is_titled || tag.contains("aria-hidden=\"true\""), "{tag}");
    }
}

#[test]
fn what_is_shown_is_what_json_says() {
    let folder = watched();
    let (page, json) = (html(&folder, &[]), json(&folder, &[]));
    let tables: [(&str, &str, &[&str]); 6] = [
        ("reasons-table", "failures_by_reason", &["failures"]),
        ("parties-table", "failures_by_party", &["failures"]),
        ("providers-table", "providers", &["failures", "domains"]),
        ("domains-table", "unreachable_domains", &["addresses_affected"]),
        ("servers-table", "failing_servers", &["failures", "mx_of"]),
        ("incidents-table", "incidents", &["domains", "addresses"]),
    ];
    for (table, key, columns) in tables {
        let shown: Vec<Vec<u64>> =
            numbers(&page, table).into_iter().map(|row| row[..columns.len()].to_vec()).collect();
        assert!(!shown.is_empty(), "{table}");
        assert_eq!(shown, column(&json[key], columns), "{table}");
    }
    assert_eq!(numbers(&page, "recoveries-table"), column(&json["recoveries"], &["reinstated", "released"]));
    let sums = |rows: Vec<Vec<u64>>, place: usize| rows.iter().map(|row| row[place]).sum::<u64>();
    for (place, key) in ["all", "hard", "block", "soft"].into_iter().enumerate() {
        assert_eq!(sums(numbers(&page, "days"), place), json["failures"][key].as_u64().unwrap(), "{key}");
    }
    let figures: Vec<u64> = page.split("<dd").skip(1).map(number).collect();
    let recovered = &json["recovered"];
    assert_eq!(
        figures,
        [
            json["failures"]["all"].as_u64().unwrap(),
            json["addresses_suppressed"].as_u64().unwrap(),
            json["addresses_held"].as_u64().unwrap(),
            recovered["reinstated"].as_u64().unwrap() + recovered["released"].as_u64().unwrap(),
        ]
    );
    assert!(recovered["released"].as_u64().unwrap() > 0, "a look released somebody");
    for point in json["headline"]["points"].as_array().unwrap() {
        assert!(page.contains(point["text"].as_str().unwrap()), "{point}");
    }
}

#[test]
fn parts_add_up_to_the_whole() {
    let folder = watched();
    let json = json(&folder, &[]);
    let all = json["failures"]["all"].as_u64().unwrap();
    let sum = |key: &str, column: &str, wanted: &dyn Fn(&Value) -> bool| -> u64 {
        json[key]
            .as_array()
            .unwrap()
            .iter()
            .filter(|row| wanted(row))
            .map(|row| row[column].as_u64().unwrap())
            .sum()
    };
    assert!(all > 300);
    assert_eq!(sum("failures_by_reason", "failures", &|_| true), all);
    assert_eq!(sum("failures_by_party", "failures", &|_| true), all);
    assert_eq!(sum("by_day", "reports", &|row| row["kind"] == "failed"), all);
    assert_eq!(sum("reasons", "reports", &|row| row["kind"] == "failed"), all);
}

#[test]
fn a_period_has_two_ends() {
    let folder = watched();
    let whole = json(&folder, &[]);
    let days: BTreeSet<&str> =
        whole["by_day"].as_array().unwrap().iter().map(|row| row["day"].as_str().unwrap()).collect();
    let day = *days.last().unwrap();
    let one = json(&folder, &["--since", day, "--until", day]);
    let of_day = |rows: &Value| -> u64 {
        let rows = rows["by_day"].as_array().unwrap().iter();
        rows.filter(|row| row["day"] == day).map(|row| row["reports"].as_u64().unwrap()).sum()
    };
    assert_eq!(of_day(&one), of_day(&whole));
    assert_eq!(one["days"], serde_json::json!([day, day]));
    let before = json(&folder, &["--until", "1999-01-01"]);
    assert_eq!(
        (&before["failures"]["all"], &before["hosts"]),
        (&serde_json::json!(0), &serde_json::json!([]))
    );
    let wrong = run(folder.path(), ["report", "--since", "2026-02-01", "--until", "2026-01-01"]);
    assert_eq!(wrong.status, 2);
    assert!(wrong.err.contains("2026-02-01"), "{}", wrong.err);
}

#[test]
fn both_languages_are_complete() {
    let folder = watched();
    let (english, german) = (html(&folder, &[]), html(&folder, &["--lang", "de"]));
    let texts = |page: &str| -> BTreeSet<String> {
        let body = &page[page.find("<body").unwrap()..];
        let mut in_command = false;
        let texts = pieces(body).into_iter().filter_map(|piece| {
            match piece {
                Piece::Open(name) => in_command |= name == "code",
                Piece::Close(name) => in_command &= name != "code",
                Piece::Text(text) if !in_command => return Some(text.to_owned()),
                Piece::Text(_) => {}
            }
            None
        });
        texts.collect()
    };
    let (english, german) = (texts(&english), texts(&german));
    // Names, commands, numbers and words that both languages have.
    let is_the_same = |text: &&String| {
        let has_words =
            text.chars().filter(|c| c.is_alphabetic()).count() > 2 && text.contains(char::is_alphabetic);
        let is_name = text.contains(".test") || text.contains(".example") || text.starts_with("554 ");
        let is_month = text.chars().any(|c| c.is_ascii_digit())
            && text.chars().filter(|c| c.is_alphabetic()).count() < 6;
        has_words && !is_name && !is_month && !["Domains", "Domain", "Server"].contains(&text.as_str())
    };
    let untranslated: Vec<_> = english.intersection(&german).filter(is_the_same).collect();
    assert!(untranslated.is_empty(), "{untranslated:?}");
    assert!(
        english.len() > 80 && english.len().abs_diff(german.len()) < 12,
        "{} {}",
        english.len(),
        german.len()
    );
}

#[test]
fn words_of_hostile_servers_stay_words() {
    let page = html(&watched(), &[]);
    assert!(
        page.contains("554 &#60;script&#62;") || page.contains("554 &lt;script&gt;"),
        "the detail is shown"
    );
    assert!(!page.contains("<script") && !page.contains('\u{202e}') && !page.contains("--></style>"));
}

#[test]
fn csv_has_each_table_with_the_numbers_of_json() {
    let folder = watched();
    let json = json(&folder, &[]);
    let tables = [
        ("days", "by_day", "reports"),
        ("reasons", "failures_by_reason", "failures"),
        ("parties", "failures_by_party", "failures"),
        ("providers", "providers", "failures"),
        ("domains", "unreachable_domains", "addresses_affected"),
        ("servers", "failing_servers", "failures"),
        ("recoveries", "recoveries", "released"),
        ("incidents", "incidents", "addresses"),
    ];
    for (table, key, column) in tables {
        let ran = run(folder.path(), ["report", "--format", "csv", "--table", table, "--top", "100"]);
        let mut csv = csv::Reader::from_reader(ran.out.as_bytes());
        let place = csv.headers().unwrap().iter().position(|name| name == column).unwrap();
        let cells: Vec<u64> = csv.records().map(|row| row.unwrap()[place].parse().unwrap()).collect();
        let said: Vec<u64> =
            json[key].as_array().unwrap().iter().map(|row| row[column].as_u64().unwrap()).collect();
        assert!(!cells.is_empty(), "{table}");
        assert_eq!(cells, said, "{table}");
    }
}

#[test]
fn an_empty_store_has_a_page_too() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("nothing.mbox"), "").unwrap();
    assert_eq!(run(folder.path(), ["process", "nothing.mbox"]).status, 0);
    assert!(html(&folder, &[]).contains("Nothing has come back yet."));
    assert_eq!(json(&folder, &[])["headline"]["condition"], "empty");
}

/// In a frame as wide as a small telephone: the window of a browser cannot be that narrow.
const FRAME: &str = "<!DOCTYPE html><body><iframe id=f src=report.html style='border:0;width:360px;height:900px'></iframe>
<script>f.onload = () => { const page = f.contentDocument.documentElement;
document.body.dataset.wide = page.scrollWidth; document.body.dataset.words = page.innerText.length; }</script>";

#[test]
fn a_browser_shows_it_on_a_telephone_without_errors_and_sideways_scrolling() {
    let Some(browser) = ["chromium", "chromium-browser", "google-chrome"].into_iter().find(|name| {
        Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success())
    }) else {
        eprintln!("no chromium here: the page was not looked at");
        return;
    };
    let folder = watched();
    for language in ["en", "de"] {
        html(&folder, &["--lang", language]);
        fs::write(folder.path().join("frame.html"), FRAME).unwrap();
        let output = Command::new(browser)
            .args([
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--hide-scrollbars",
                "--allow-file-access-from-files",
            ])
            .args(["--enable-logging=stderr", "--virtual-time-budget=3000", "--dump-dom"])
            .arg(format!("--user-data-dir={}", folder.path().join("browser").display()))
            .arg(format!("file://{}", folder.path().join("frame.html").display()))
            .output()
            .unwrap();
        let (page, log) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(page.contains("data-wide=\"360\""), "{page}\n{log}");
        let words = page.split("data-words=\"").nth(1).unwrap().split('"').next().unwrap();
        assert!(words.parse::<u32>().unwrap() > 2000, "{page}");
        let errors: Vec<_> = log.lines().filter(|line| line.contains("CONSOLE")).collect();
        assert!(errors.is_empty(), "{errors:?}");
    }
}
