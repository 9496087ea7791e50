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
    "2026-11-24T12:00:00Z".parse().expect("a time")
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
        let path = entry.expect("the folder can be read").path();
        let name = path.file_stem().expect("a file has a name").to_string_lossy().into_owned();
        if !name.starts_with(&format!("{mta}--")) {
            continue;
        }
        let text = fs::read(&path).expect("each log can be read");
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

/// One line a report: kind, recipient, codes, remote host, class.
fn rows(log: &str, format: LogFormat) -> Vec<String> {
    assert_eq!(LogFormat::sniff(log.as_bytes()), Some(format));
    let row = |report: Report| {
        format!(
            "{} {} {} {} {} {}",
            report.kind,
            report.recipient.map_or("-".to_owned(), |address| address.to_string()),
            report.reply_code.map_or("-".to_owned(), |code| code.to_string()),
            report.status.map_or("-".to_owned(), |status| status.to_string()),
            report.remote_mta.as_deref().unwrap_or("-"),
            report.provider_class.map_or("-".to_owned(), |class| class.word),
        )
    };
    read_log(log.as_bytes(), format).into_iter().map(row).collect()
}

#[test]
fn powermta_columns_are_known_by_their_names() {
    let log = "type,header_Message-Id,rcpt,timeLogged,dsnStatus,dsnDiag,dsnMta,bounceCat,orig,custom\n\
        b,<1@a.example>,u@b.example,2026-09-21 12:00:00+0000,5.4.3 (directory server failure),\"smtp;550 5.4.3 Routing server failure, sorry\",mx.b.example (192.0.2.1),routing-errors,n@a.example,x\n\
        d,<2@a.example>,v@b.example,1758456000,2.0.0,smtp;250 2.0.0 ok,mx.b.example (192.0.2.1),,n@a.example,x\n\
        t,<3@a.example>,w@b.example,1758456000,4.4.1,smtp;451 4.4.1 busy,,,n@a.example,x\n\
        rb,<4@a.example>,x@b.example,1758456000,5.1.1,smtp;550 5.1.1 unknown,,bad-mailbox,n@a.example,x\n\
        r,,,,,,,,n@a.example,x\n";
    let expected = [
        "failed u@b.example 550 5.4.3 mx.b.example routing-errors",
        "delivered v@b.example 250 2.0.0 mx.b.example -",
        "delayed w@b.example 451 4.4.1 - -",
        "failed x@b.example 550 5.1.1 - bad-mailbox",
    ];
    assert_eq!(rows(log, LogFormat::PowermtaCsv), expected);
    let reports = read_log(log.as_bytes(), LogFormat::PowermtaCsv);
    assert_eq!(reports[0].message_id.as_deref(), Some("1@a.example"));
    assert_eq!(reports[0].diagnostic.as_deref(), Some("smtp;550 5.4.3 Routing server failure, sorry"));
    assert_eq!(reports[0].last_attempt_at, "2026-09-21T12:00:00Z".parse().ok());
}

#[test]
fn powermta_records_without_a_header_line_are_unreadable_and_counted() {
    let mut reader = LogReader::new(LogFormat::PowermtaCsv);
    assert!(reader.read_line(b"b,u@b.example,550 unknown", now()).is_empty());
    assert_eq!(reader.tally().unreadable, 1);
}

#[test]
fn kumomta_records_of_each_type_are_read() {
    let record = |kind: &str, content: &str| {
        format!(
            r#"{{"type":"{kind}","id":"k","sender":"n@a.example","recipient":"u@b.example","response":{{"code":550,"enhanced_code":{{"class":5,"subject":1,"detail":1}},"content":"{content}","command":null}},"peer_address":{{"name":"mx.b.example.","addr":"192.0.2.1"}},"event_time":1757070003.5,"headers":{{"Message-ID":"<1@a.example>"}},"bounce_classification":"InvalidRecipient","feedback_report":{{"original_rcpto_to":["v@b.example"]}}}}"#
        )
    };
    let kinds = [
        "Reception",
        "Delivery",
        "Bounce",
        "TransientFailure",
        "Expiration",
        "OOB",
        "Feedback",
        "AdminBounce",
        "Rejection",
    ];
    let log = kinds.map(|kind| record(kind, "no such user")).join("\n");
    let kinds: Vec<String> = rows(&log, LogFormat::KumomtaJson)
        .iter()
        .map(|row| row.split(' ').take(2).collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(
        kinds,
        [
            "delivered u@b.example",
            "failed u@b.example",
            "delayed u@b.example",
            "failed u@b.example",
            "failed u@b.example",
            "complaint v@b.example",
        ]
    );
    let internal = record("TransientFailure", "KumoMTA internal: all hosts are throttled");
    assert!(read_log(internal.as_bytes(), LogFormat::KumomtaJson).is_empty());
}

#[test]
fn words_of_a_server_that_look_like_fields_are_only_words() {
    let log = "Nov 25 09:42:17 mail postfix/smtp[4]: 4AB12: to=<u@b.example>, orig_to=<list@a.example>, relay=mx.b.example[192.0.2.1]:25, \
        dsn=5.1.1, status=bounced (host mx.b.example[192.0.2.1] said: 550 5.1.1 x), status=sent (250 ok (in reply to RCPT TO command))\n\
        Nov 25 09:42:17 mail sm-mta[4]: 6ANN2SVL000155: to=<v@b.example>, delay=00:00:01, relay=mx.b.example. [192.0.2.1], dsn=5.1.1, \
        reply=550 5.1.1 no, stat=Sent (ok), stat=User unknown\n";
    let expected =
        ["failed u@b.example 550 5.1.1 mx.b.example -", "failed v@b.example 550 5.1.1 mx.b.example -"];
    assert_eq!(rows(log, LogFormat::MailLog), expected);
    let reports = read_log(log.as_bytes(), LogFormat::MailLog);
    assert_eq!(
        reports[0].original_recipient.as_ref().map(ToString::to_string).as_deref(),
        Some("list@a.example")
    );
    assert_eq!(reports[0].reporting_mta.as_deref(), Some("mail"));
}

#[test]
fn one_line_of_sendmail_may_tell_of_many_recipients() {
    let log = "Nov 25 09:42:16 mail sm-mta[4]: 6ANN2SVL000155: from=<n@a.example>, size=1, nrcpts=3, msgid=<1@a.example>, relay=x\n\
        Nov 25 09:42:17 mail sm-mta[4]: 6ANN2SVL000155: to=<u@b.example>,<v@b.example>,w@b.example, delay=00:00:01, dsn=4.0.0, \
        stat=Deferred: Connection timed out with mx.b.example.\n\
        Nov 30 09:42:17 mail sm-mta[4]: 6ANN2SVL000155: 6ANN2TVL000999: sender notify: Cannot send message for 5 days\n";
    let reports = read_log(log.as_bytes(), LogFormat::MailLog);
    let kinds: Vec<Kind> = reports.iter().map(|report| report.kind).collect();
    assert_eq!(
        kinds,
        [Kind::Delayed, Kind::Delayed, Kind::Delayed, Kind::Failed, Kind::Failed, Kind::Failed]
    );
    assert!(reports.iter().all(|report| report.message_id.as_deref() == Some("1@a.example")));
    assert_eq!(reports[5].diagnostic.as_deref(), Some("Connection timed out with mx.b.example."));
}
