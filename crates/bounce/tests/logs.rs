//! The logs of the lab's mail servers, held against the bounces that the same servers wrote about the same messages.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use abprall_bounce::log::{LogFormat, LogReader};
use abprall_bounce::{Classifier, Kind, Report, read};
use abprall_mail::Reason;
use jiff::Timestamp;
use proptest::prelude::*;

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../corpus")
}

fn now() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

fn read_log(text: &[u8], format: LogFormat) -> Vec<Report> {
    let mut reader = LogReader::new(format);
    let reports = text.split(|byte| *byte == b'\n').flat_map(|line| reader.read_line(line, now())).collect();
    assert_eq!(reader.tally().unreadable, 0, "{}", String::from_utf8_lossy(text));
    reports
}

/// The logs of a server with the bounces that belong to them.
fn cases(mta: &str) -> Vec<(String, Vec<Report>, Vec<Report>)> {
    let mut cases = Vec::new();
    for entry in fs::read_dir(corpus().join("log")).expect("the corpus is part of the repository") {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if !name.starts_with(&format!("{mta}--")) {
            continue;
        }
        let text = fs::read(&path).unwrap();
        let format = LogFormat::sniff(&text).unwrap_or_else(|| panic!("{name} is a log"));
        let mail = fs::read(corpus().join("mail").join(format!("{name}.eml")));
        let bounces = mail.map(|mail| read(&mail).reports).unwrap_or_default();
        cases.push((name, read_log(&text, format), bounces));
    }
    assert!(cases.len() > 20, "{mta} has {} logs", cases.len());
    cases.sort_by(|a, b| a.0.cmp(&b.0));
    cases
}

fn recipients_of(report: &Report) -> Vec<&abprall_mail::EmailAddress> {
    report.recipient.iter().chain(&report.original_recipient).collect()
}

/// Every failure that the server itself reported by mail is in its log, of the same kind, with the same judgement.
fn check(mta: &str, has_message_ids: bool) {
    let classifier = Classifier::built_in();
    let (mut compared, mut misses) = (0, BTreeMap::new());
    for (name, logged, bounces) in cases(mta) {
        for bounce in bounces.iter().filter(|bounce| bounce.kind == Kind::Failed) {
            // A bounce of a server further on: this one delivered to it.
            let own = bounce
                .reporting_mta
                .as_deref()
                .is_none_or(|host| host.starts_with(mta) || host.starts_with("sender"));
            if !own {
                continue;
            }
            compared += 1;
            let same = |report: &&Report| {
                report.kind == Kind::Failed
                    && recipients_of(report).iter().any(|address| recipients_of(bounce).contains(address))
            };
            let Some(report) = logged.iter().find(same) else {
                misses.insert(name.clone(), "no failure is logged".to_owned());
                continue;
            };
            assert!(report.last_attempt_at.is_some(), "{name}");
            assert!(report.queue_id.is_some(), "{name}");
            if has_message_ids {
                assert_eq!(report.message_id, bounce.message_id, "{name}");
                assert!(
                    report.sender.as_deref().is_some_and(|sender| sender.ends_with("@bounces.test")),
                    "{name}"
                );
            }
            let (by_log, by_mail) = (classifier.classify(report), classifier.classify(bounce));
            // Exim's notice about a frozen message names no cause; its log does.
            let knows_more = by_mail.reason == Reason::Undetermined;
            if !knows_more && (by_log.reason, by_log.action) != (by_mail.reason, by_mail.action) {
                let both = format!(
                    "log {} {}, mail {} {}: {:?} / {:?}",
                    by_log.reason,
                    by_log.action,
                    by_mail.reason,
                    by_mail.action,
                    report.diagnostic,
                    bounce.diagnostic
                );
                misses.insert(name.clone(), both);
            }
        }
    }
    assert!(compared > 10, "{mta}: {compared} failures were compared");
    assert!(misses.is_empty(), "{mta}: {compared} compared, {} differ: {misses:#?}", misses.len());
}

#[test]
fn postfix_logs_what_it_bounces() {
    check("postfix", true);
}

#[test]
fn exim_logs_what_it_bounces() {
    check("exim", true);
}

#[test]
fn sendmail_logs_what_it_bounces() {
    check("sendmail", true);
}

#[test]
fn opensmtpd_logs_what_it_bounces() {
    check("opensmtpd", false);
}

#[test]
fn no_delivery_of_a_bounce_is_a_report() {
    for mta in ["postfix", "exim", "sendmail", "opensmtpd"] {
        for (name, logged, _) in cases(mta) {
            let back = logged.iter().find(|report| {
                recipients_of(report).iter().any(|address| address.domain_part() == "bounces.test")
            });
            assert!(back.is_none(), "{name}: {back:?}");
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_make_a_reader_panic_or_remember_too_much(
        lines in proptest::collection::vec(
            prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..200),
                "(Nov 25 09:42:17 h |2026-11-25 09:42:17 )?(postfix/smtp\\[1\\]: |sm-mta\\[1\\]: |smtpd\\[1\\]: |exim: )?[0-9A-F]{6}: (to|from)=<[a-z\"@.>, ]{0,12}>?,? ?(orig_to=<[a-z@]{0,4}>, )?(dsn=[0-9.]{0,6}, )?(status|stat)=[a-z]{0,9} ?\\(?.{0,40}".prop_map(String::into_bytes),
                "2026-11-25 09:42:17 [0-9a-zA-Z]{6}-[0-9a-zA-Z]{6}-[0-9a-zA-Z]{2} (<=|=>|->|\\*\\*|==|Completed) .{0,60}".prop_map(String::into_bytes),
                ".{0,8}(type,rcpt|b,|d,|\\{\"type\":\"Bounce\",)?.{0,60}".prop_map(String::into_bytes),
            ],
            0..40,
        ),
        format in 0_usize..7,
    ) {
        use strum::IntoEnumIterator;
        let format = LogFormat::iter().nth(format).unwrap();
        let mut reader = LogReader::new(format);
        for line in &lines {
            let _format = LogFormat::sniff(line);
            let _reports = reader.read_line(line, now());
        }
        prop_assert!(reader.remembered_bytes() < 1 << 20);
    }
}
