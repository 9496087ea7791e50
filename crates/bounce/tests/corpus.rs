//! The answers to the lab's bounces, held against how each case was built (`corpus/expected.ndjson`).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use abprall_bounce::{Classification, Classifier, Report, read};
use abprall_mail::{Action, BounceType};
use serde_json::Value;

/// A message of the corpus: what is right, and what was answered.
struct Case {
    file: String,
    expected: Vec<Value>,
    truth: Value,
    answers: Vec<(Report, Classification)>,
}

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../corpus")
}

fn cases() -> Vec<Case> {
    let classifier = Classifier::built_in();
    let expected =
        fs::read_to_string(corpus().join("expected.ndjson")).expect("the corpus is part of the repository");
    let case = |line: &str| {
        let row: Value = serde_json::from_str(line).expect("each line is JSON");
        let file = row["file"].as_str().expect("each line names its file").to_owned();
        let message = fs::read(corpus().join("mail").join(&file)).expect("each file is there");
        let answers = read(&message).reports.into_iter().map(|report| {
            let judged = classifier.classify(&report);
            (report, judged)
        });
        Case {
            answers: answers.collect(),
            expected: row["reports"].as_array().cloned().unwrap_or_default(),
            truth: row["truth"].clone(),
            file,
        }
    };
    expected.lines().map(case).collect()
}

/// The answer for an expected report: by recipient, else by place.
fn answer_for(case: &Case, index: usize) -> Option<&(Report, Classification)> {
    let wanted = case.expected[index]["recipient"].as_str().map(str::to_lowercase);
    let named =
        |address: &Option<abprall_mail::EmailAddress>| address.as_ref().map(|a| a.as_str().to_lowercase());
    let by_name = wanted.as_ref().and_then(|wanted| {
        let mut answers = case.answers.iter();
        answers.find(|(report, _)| {
            [&report.recipient, &report.original_recipient].iter().any(|a| named(a).as_ref() == Some(wanted))
        })
    });
    by_name.or_else(|| case.answers.get(index))
}

fn accepts(expected: &Value, answer: &str) -> bool {
    match expected {
        Value::Array(any) => any.iter().any(|one| one == answer),
        one => one == answer,
    }
}

/// Counts a field over all expected reports that state it; panics with the misses when fewer than `share` are right.
fn hold(share: f64, field: &str, right: impl Fn(&Value, &Report, &Classification) -> bool) {
    let (mut all, mut misses) = (0, Vec::new());
    for case in cases() {
        for (index, expected) in case.expected.iter().enumerate() {
            let wanted = &expected[field];
            // A message that is no bounce is held by the test of the look-alikes.
            if wanted.is_null() || accepts(&expected["kind"], "other") {
                continue;
            }
            all += 1;
            match answer_for(&case, index) {
                Some((report, judged)) if right(wanted, report, judged) => {}
                Some((report, judged)) => misses.push(format!(
                    "{}: want {wanted}, have {} {} {} ({:?})",
                    case.file, report.kind, judged.reason, judged.bounce_type, report.diagnostic
                )),
                None => misses.push(format!("{}: want {wanted}, have no report", case.file)),
            }
        }
    }
    let reached = 1.0 - misses.len() as f64 / f64::from(all);
    assert!(all > 200, "only {all} reports state {field}");
    assert!(reached >= share, "{field}: {:.2} % of {all}\n{}", 100.0 * reached, misses.join("\n"));
}

#[test]
fn the_kind_is_right() {
    hold(0.98, "kind", |wanted, report, _| accepts(wanted, report.kind.as_str()));
}

#[test]
fn hard_bounces_are_told_from_others() {
    hold(0.98, "hard", |wanted, _, judged| wanted.as_bool() == Some(judged.bounce_type == BounceType::Hard));
}

#[test]
fn the_reason_is_right() {
    hold(0.95, "reason_any", |wanted, _, judged| accepts(wanted, judged.reason.as_str()));
}

#[test]
fn every_recipient_is_found_and_no_other() {
    let (mut all, mut misses) = (0, Vec::new());
    for case in cases() {
        let wanted: BTreeSet<String> =
            case.expected.iter().filter_map(|e| Some(e["recipient"].as_str()?.to_lowercase())).collect();
        if wanted.is_empty() {
            continue;
        }
        all += 1;
        let names = |pick: fn(&Report) -> &Option<abprall_mail::EmailAddress>| -> BTreeSet<String> {
            case.answers.iter().filter_map(|(r, _)| Some(pick(r).as_ref()?.as_str().to_lowercase())).collect()
        };
        let (have, aliases) = (names(|r| &r.recipient), names(|r| &r.original_recipient));
        let covered = wanted.iter().all(|address| have.contains(address) || aliases.contains(address));
        if !covered || have.len() > wanted.len() {
            misses.push(format!("{}: want {wanted:?}, have {have:?}", case.file));
        }
    }
    let reached = 1.0 - misses.len() as f64 / f64::from(all);
    assert!(all > 350 && reached >= 0.995, "{:.2} % of {all}\n{}", 100.0 * reached, misses.join("\n"));
}

#[test]
fn what_only_looks_like_a_bounce_is_none() {
    let mut wrong = Vec::new();
    for case in cases() {
        if !case.expected.is_empty() && case.expected.iter().all(|e| accepts(&e["kind"], "other")) {
            let kinds: Vec<_> = case.answers.iter().map(|(report, _)| report.kind.as_str()).collect();
            let allowed = |kind: &&&str| case.expected.iter().any(|e| accepts(&e["kind"], kind));
            if kinds.iter().filter(|kind| !allowed(kind)).count() > 0 {
                wrong.push(format!("{}: {kinds:?}", case.file));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn nobody_is_suppressed_for_what_is_not_their_fault() {
    let not_theirs = ["fix-sender-side", "throttle-check-reputation", "no-action", "ignore-not-a-bounce"];
    let mut harmed = Vec::new();
    let mut actions: BTreeMap<&str, u32> = BTreeMap::new();
    for case in cases() {
        let right = case.truth["right_action"].as_str().unwrap_or_default();
        for (_, judged) in &case.answers {
            *actions.entry(judged.action.as_str()).or_default() += 1;
            if not_theirs.contains(&right) && judged.action == Action::Suppress {
                harmed.push(format!("{}: {right}, but {}", case.file, judged.reason));
            }
        }
    }
    assert!(harmed.is_empty(), "{}", harmed.join("\n"));
    // The test could not fail if nobody were ever suppressed.
    assert!(actions.get("suppress").is_some_and(|count| *count > 50), "{actions:?}");
}
