//! Mail that lies beside bounces in a mailbox and must not become one.

use abprall_bounce::{Kind, NotABounce, read};

fn what(mail: &str) -> NotABounce {
    let reading = read(mail.as_bytes());
    assert!(reading.reports.is_empty(), "{:?}\n{mail}", reading.reports);
    reading.not_a_bounce.expect("a reason why there is no report")
}

fn kind(mail: &str) -> (Kind, String) {
    let reading = read(mail.as_bytes());
    let report = reading.reports.first().unwrap_or_else(|| panic!("{:?}\n{mail}", reading.not_a_bounce));
    (report.kind, report.recipient.as_ref().map(ToString::to_string).unwrap_or_default())
}

#[test]
fn people_who_write_about_bounces_are_people() {
    for mail in [
        "Return-Path: <a@b.example>\nFrom: Anna <a@b.example>\nSubject: Problem with bob\n\nI got 550 5.1.1 User unknown for bob@c.example. Why?\n",
        "Return-Path: <s@b.example>\nFrom: s@b.example\nSubject: Delivery failed: your parcel\n\nWe could not deliver parcel 550123456. Write to x@b.example.\n",
        "Return-Path: <>\nFrom: postmaster@c.example\nSubject: Welcome to your new mailbox\n\nYour quota is 5 GB. Write to help@c.example.\n",
        "Return-Path: <p@c.example>\nFrom: postmaster@c.example\nSubject: Mailbox almost full\n\nYour mailbox is 95% full. 552 5.2.2 will be returned when it is full.\n",
    ] {
        assert_eq!(what(mail), NotABounce::OrdinaryMail, "{mail}");
    }
}

#[test]
fn a_message_attached_by_a_person_is_ordinary_mail() {
    let mail = "Return-Path: <a@b.example>\nFrom: a@b.example\nSubject: look\nContent-Type: multipart/mixed; boundary=x\n\n--x\n\nsee\n\
        --x\nContent-Type: message/rfc822\n\nFrom: c@d.example\nTo: e@f.example\nSubject: hi\n\nhello\n--x--\n";
    assert_eq!(what(mail), NotABounce::OrdinaryMail);
}

#[test]
fn a_newsletter_about_bounces_is_list_mail() {
    let mail = "Return-Path: <e@b.example>\nFrom: e@b.example\nSubject: Undelivered Mail Returned to Sender: what 550 means\n\
        List-Id: <weekly.b.example>\nPrecedence: bulk\n\n<x@c.example>: host mx said: 550 5.1.1 User unknown\n";
    assert_eq!(what(mail), NotABounce::ListMail);
}

#[test]
fn bait_in_the_dress_of_a_bounce_is_phishing() {
    for mail in [
        "Return-Path: <x@evil.example>\nFrom: MAILER-DAEMON@us.example\nSubject: Mail delivery failed: returning message to sender\n\n\
         Your mailbox quota is exceeded. Click http://evil.example/ to release 5 undelivered messages.\n",
        "Return-Path: <x@evil.example>\nFrom: \"Mail Delivery System\" <noreply@evil.example>\nTo: news@us.example\n\
         Subject: Undelivered Mail Returned to Sender\nContent-Type: text/html\n\n<p>Dear news@us.example, 7 messages are pending. \
         <a href=\"http://evil.example/\">Click here</a> to release messages to your mailbox</p>\n",
    ] {
        assert_eq!(what(mail), NotABounce::Phishing, "{mail}");
    }
}

#[test]
fn a_tls_report_is_known_by_its_type() {
    let mail = "From: tls@isp.example\nSubject: x\nContent-Type: multipart/report; report-type=\"tlsrpt\"; boundary=x\n\n--x\n\nreport\n\
        --x\nContent-Type: application/tlsrpt+gzip\nContent-Transfer-Encoding: base64\n\nH4sI\n--x--\n";
    assert_eq!(what(mail), NotABounce::TlsReport);
}

#[test]
fn who_is_away_or_answers_by_machine_is_no_failure() {
    let away = |address: &str| (Kind::AutoReply, address.to_owned());
    for mail in [
        "Return-Path: <>\nFrom: bob@c.example\nSubject: Out of Office: Newsletter 7\nAuto-Submitted: auto-generated\n\nI am away.\n",
        "Return-Path: <>\nFrom: bob@c.example\nSubject: Newsletter 7\nAuto-Submitted: auto-replied\n\nI no longer work here; write to \
         new@c.example. Your message was not delivered to me.\n",
        "Return-Path: <s@c.example>\nFrom: bob@c.example\nSubject: [Ticket#1] Newsletter\nAuto-Submitted: auto-replied\n\nThank you.\n",
    ] {
        assert_eq!(kind(mail), away("bob@c.example"), "{mail}");
    }
}

#[test]
fn a_failed_authentication_is_no_complaint() {
    let mail = "From: dmarc@isp.example\nContent-Type: multipart/report; report-type=feedback-report; boundary=x\n\n--x\n\nhello\n--x\n\
        Content-Type: message/feedback-report\n\nFeedback-Type: auth-failure\nOriginal-Rcpt-To: a@b.example\nAuth-Failure: dmarc\n--x--\n";
    assert_eq!(what(mail), NotABounce::DmarcReport);
}
