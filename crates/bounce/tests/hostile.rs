//! Input that wants to do harm: an answer in bounded time, never a panic.

use std::fmt::Write;
use std::time::{Duration, Instant};

use abprall_bounce::{Damage, Kind, NotABounce, Reading, read};
use proptest::prelude::*;

const DSN: &str = "Return-Path: <>\nFrom: MAILER-DAEMON@mx.example\nSubject: Undelivered Mail Returned to Sender\n\
    MIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary=\"b\"\n\n--b\n\
    Content-Type: text/plain\n\n<u@c.example>: host mx.c.example[192.0.2.1] said: 550 5.1.1 no such user (in reply to RCPT TO command)\n\
    --b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\nFinal-Recipient: rfc822; u@c.example\n\
    Action: failed\nStatus: 5.1.1\nRemote-MTA: dns; mx.c.example\nDiagnostic-Code: smtp; 550 5.1.1 no such user\n\n\
    --b\nContent-Type: message/rfc822\n\nFrom: news@a.example\nTo: u@c.example\nMessage-ID: <1@a.example>\nSubject: x\n\nbody\n--b--\n";

fn quickly(message: &[u8]) -> Reading {
    let start = Instant::now();
    let reading = read(message);
    // Far more than needed, also unoptimised on a busy machine.
    assert!(start.elapsed() < Duration::from_secs(60), "took {:?}", start.elapsed());
    reading
}

fn assert_is_the_failure(reading: &Reading) {
    let report = &reading.reports[0];
    assert_eq!(report.kind, Kind::Failed);
    assert_eq!(report.recipient.as_ref().map(ToString::to_string).as_deref(), Some("u@c.example"));
    assert_eq!(report.message_id.as_deref(), Some("1@a.example"));
}

#[test]
fn every_line_ending_is_read_alike() {
    let plain = quickly(DSN.as_bytes());
    assert_is_the_failure(&plain);
    for text in
        [DSN.replace('\n', "\r\n"), DSN.replace('\n', "\r"), format!("From MAILER-DAEMON Mon Jan  1\n{DSN}")]
    {
        assert_eq!(quickly(text.as_bytes()), plain);
    }
}

#[test]
fn nul_bytes_and_bad_utf8_are_noted_and_read_around() {
    let mut bytes = DSN.replace("body", "bo\0dy").into_bytes();
    bytes.extend_from_slice(&[0xFF, 0xFE, 0x80]);
    let reading = quickly(&bytes);
    assert_is_the_failure(&reading);
    assert!(reading.damage.contains(&Damage::NulByte));
}

#[test]
fn a_bounce_cut_anywhere_is_read_without_panic() {
    for end in 0..DSN.len() {
        quickly(&DSN.as_bytes()[..end]);
    }
}

#[test]
fn a_hundred_thousand_recipients_have_a_report_each() {
    let mut text = DSN[..DSN.find("Final-Recipient").unwrap()].to_owned();
    for number in 0..100_000 {
        write!(text, "Final-Recipient: rfc822; u{number}@c.example\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 no\n\n").unwrap();
    }
    let reading = quickly(text.as_bytes());
    assert_eq!(reading.reports.len(), 100_000);
}

#[test]
fn ten_thousand_nested_parts_are_not_followed() {
    for unit in [
        "Content-Type: message/rfc822\n\n",
        "Content-Type: multipart/mixed; boundary=a\n\n--a\n",
        "Content-Type: multipart/digest; boundary=a\n\n--a\n\n",
        "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n",
    ] {
        let reading = quickly(format!("From: a@b.example\n{}", unit.repeat(10_000)).as_bytes());
        assert!(reading.reports.is_empty());
    }
    let many: String =
        (0..10_000).map(|n| format!("Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n")).collect();
    quickly(format!("From: a@b.example\n{many}").as_bytes());
}

#[test]
fn a_huge_message_is_read_as_far_as_the_limit() {
    let mut bytes = DSN.replace("body\n--b--\n", "").into_bytes();
    bytes.resize(100 * 1024 * 1024, b'x');
    let reading = quickly(&bytes);
    assert_is_the_failure(&reading);
    assert!(reading.damage.contains(&Damage::TooLarge));
}

#[test]
fn long_lines_and_many_fields_do_no_harm() {
    let line = "x".repeat(4 * 1024 * 1024);
    quickly(format!("From: a@b.example\nSubject: {line}\n\n{line}").as_bytes());
    quickly(DSN.replace("no such user", &line).as_bytes());
    quickly(format!("{}\n\nx", "a:\n".repeat(1_000_000)).as_bytes());
    quickly(format!("From: MAILER-DAEMON\n\n{}", "From: \n".repeat(100_000)).as_bytes());
    quickly(format!("From: MAILER-DAEMON\n\n{}", "<a@b.example>:\n".repeat(100_000)).as_bytes());
    quickly(format!("From: MAILER-DAEMON\n\n{}", "550 5.1.1 ".repeat(300_000)).as_bytes());
}

#[test]
fn nothing_is_unreadable() {
    for bytes in [&b""[..], b"\n", b"\0\0\0", b"\xFF\xD8\xFF"] {
        assert_eq!(quickly(bytes).not_a_bounce, Some(NotABounce::Unreadable));
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        read(&bytes);
    }

    #[test]
    fn a_damaged_bounce_is_read_without_panic(at in 0..DSN.len(), bytes in proptest::collection::vec(any::<u8>(), 0..8), cut in 0..40usize) {
        let mut mail = DSN.as_bytes().to_vec();
        let end = (at + cut).min(mail.len());
        mail.splice(at..end, bytes);
        read(&mail);
    }

    #[test]
    fn lines_of_a_bounce_in_any_order_are_read_without_panic(order in proptest::collection::vec(0..40usize, 0..60)) {
        let lines: Vec<&str> = DSN.lines().collect();
        let text: String = order.iter().filter_map(|at| lines.get(*at)).map(|line| format!("{line}\n")).collect();
        read(text.as_bytes());
    }
}
