use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;

use crate::common::run;
use crate::server::{Server, remembered, reports};

const FOLLOW: &str = "[intake.log.mail]\npath = \"mail.log\"\n";

/// What Postfix writes about a message that is refused; one report in four lines.
fn lines(id: &str, to: &str) -> String {
    arrival(id) + &refusal(id, to)
}

fn arrival(id: &str) -> String {
    format!(
        "Nov 25 09:42:16 mail postfix/cleanup[2]: {id}: message-id=<{id}@a.example>\n\
         Nov 25 09:42:16 mail postfix/qmgr[3]: {id}: from=<news@a.example>, size=1, nrcpt=1 (queue active)\n"
    )
}

fn refusal(id: &str, to: &str) -> String {
    format!(
        "Nov 25 09:42:17 mail postfix/smtp[4]: {id}: to=<{to}>, relay=mx.b.example[192.0.2.1]:25, delay=1, dsn=5.1.1, \
         status=bounced (host mx.b.example[192.0.2.1] said: 550 5.1.1 no such user (in reply to RCPT TO command))\n"
    )
}

fn delivery(id: &str, to: &str) -> String {
    format!(
        "Nov 25 09:42:17 mail postfix/smtp[4]: {id}: to=<{to}>, relay=mx.b.example[192.0.2.1]:25, delay=1, dsn=2.0.0, \
         status=sent (250 2.0.0 Ok)\n"
    )
}

fn append(path: &Path, text: &str) {
    OpenOptions::new().create(true).append(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}

#[test]
fn a_log_is_waited_for_and_followed_and_a_line_without_its_end_waits() {
    let server = Server::new(FOLLOW);
    let log = server.path("mail.log");
    append(&log, &lines("4AB12C", "anna@b.example"));
    server.wait_until("anna@b.example", "suppressed");
    let two = lines("4AB12D", "bert@b.example");
    let (half, rest) = two.split_at(two.len() - 100);
    append(&log, half);
    append(&server.path("other"), "");
    append(&log, rest);
    append(&log, &delivery("4AB12E", "carl@b.example"));
    append(&log, &lines("4AB12F", "dora@b.example"));
    server.wait_until("dora@b.example", "suppressed");
    assert_eq!(server.state("bert@b.example"), "suppressed");
    assert_eq!(reports(server.folder(), "failed"), 3);
    assert_eq!(reports(server.folder(), "delivered"), 1);
}

#[test]
fn a_log_that_is_renamed_is_read_to_its_end_and_the_new_one_from_its_beginning() {
    let server = Server::new(FOLLOW);
    let log = server.path("mail.log");
    append(&log, &lines("4AB120", "a0@b.example"));
    server.wait_until("a0@b.example", "suppressed");
    let mut old = OpenOptions::new().append(true).open(&log).unwrap();
    old.write_all(arrival("4AB121").as_bytes()).unwrap();
    fs::rename(&log, server.path("mail.log.1")).unwrap();
    append(&log, &lines("4AB122", "a2@b.example"));
    server.wait_until("a2@b.example", "suppressed");
    // A process that had it open writes on into the old one.
    old.write_all(refusal("4AB121", "a1@b.example").as_bytes()).unwrap();
    server.wait_until("a1@b.example", "suppressed");
    assert_eq!(server.remembered(), 3);
    // Compressed logs are not read again.
    fs::write(server.path("mail.log.2.gz"), b"\x1f\x8b no lines").unwrap();
    let folder = server.stop();
    let server = Server::start(folder, FOLLOW);
    append(&server.path("mail.log"), &lines("4AB123", "a3@b.example"));
    server.wait_until("a3@b.example", "suppressed");
    assert_eq!(server.remembered(), 4);
}

#[test]
fn of_a_log_that_is_copied_and_truncated_nothing_is_lost() {
    let server = Server::new(FOLLOW);
    let log = server.path("mail.log");
    append(&log, &lines("4AB120", "a0@b.example"));
    server.wait_until("a0@b.example", "suppressed");
    // So fast that the server has not seen the last lines before they are gone from the log.
    append(&log, &lines("4AB121", "a1@b.example"));
    fs::copy(&log, server.path("mail.log.1")).unwrap();
    File::options().write(true).open(&log).unwrap().set_len(0).unwrap();
    append(&log, &lines("4AB122", "a2@b.example"));
    server.wait_until("a2@b.example", "suppressed");
    server.wait_until("a1@b.example", "suppressed");
    // And once more, with more in the new file than in the old.
    append(&log, &lines("4AB123", "a3@b.example"));
    fs::copy(&log, server.path("mail.log.2")).unwrap();
    File::options().write(true).open(&log).unwrap().set_len(0).unwrap();
    for number in 0..10 {
        append(&log, &lines(&format!("4AC12{number}"), &format!("c{number}@b.example")));
    }
    server.wait_until("c9@b.example", "suppressed");
    server.wait_until("a3@b.example", "suppressed");
    assert_eq!(server.remembered(), 14);
}

#[test]
fn what_was_rotated_while_the_server_was_down_is_read_too() {
    for copy_and_truncate in [false, true] {
        let server = Server::new(FOLLOW);
        let log = server.path("mail.log");
        append(&server.path("mail.log.7"), &lines("4AB0FF", "ancient@b.example"));
        append(&log, &lines("4AB120", "a0@b.example"));
        server.wait_until("a0@b.example", "suppressed");
        let folder = server.stop();
        append(&log, &lines("4AB121", "a1@b.example"));
        let rotate = |to: &str| {
            let to = folder.path().join(to);
            if copy_and_truncate {
                fs::copy(&log, to).unwrap();
                File::options().write(true).open(&log).unwrap().set_len(0).unwrap();
            } else {
                fs::rename(&log, to).unwrap();
            }
        };
        // Twice: the one in the middle was never seen under the log's own name.
        rotate("mail.log.2");
        append(&log, &lines("4AB122", "a2@b.example"));
        rotate("mail.log.1");
        append(&log, &lines("4AB123", "a3@b.example"));
        let server = Server::start(folder, FOLLOW);
        for address in ["a1@b.example", "a2@b.example", "a3@b.example"] {
            server.wait_until(address, "suppressed");
        }
        assert_eq!((server.remembered(), server.state("ancient@b.example")), (4, "ok".to_owned()));
    }
}

#[test]
fn what_earlier_lines_said_survives_a_restart_and_a_bounce_about_the_line_is_the_same_failure() {
    let server = Server::new(FOLLOW);
    let log = server.path("mail.log");
    append(&log, &arrival("4AB120"));
    append(&log, &lines("4AB121", "other@b.example"));
    server.wait_until("other@b.example", "suppressed");
    let folder = server.stop();
    // Rotated, too: what was said is in another file.
    fs::rename(&log, folder.path().join("mail.log.1")).unwrap();
    append(&log, &refusal("4AB120", "anna@b.example"));
    let server = Server::start(folder, FOLLOW);
    server.wait_until("anna@b.example", "suppressed");
    let bounce = "From: MAILER-DAEMON@mail.a.example\r\nMIME-Version: 1.0\r\n\
        Content-Type: multipart/report; report-type=delivery-status; boundary=x\r\n\r\n--x\r\n\
        Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mail.a.example\r\n\r\n\
        Final-Recipient: rfc822; anna@b.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\
        Diagnostic-Code: smtp; 550 5.1.1 no such user\r\n\r\n--x\r\nContent-Type: text/rfc822-headers\r\n\r\n\
        Message-ID: <4AB120@a.example>\r\nSubject: News\r\nFrom: news@a.example\r\n\r\n--x--\r\n";
    let taken = server.post("/v1/bounces", &[], bounce.as_bytes()).json();
    let decision = &taken["decisions"][0];
    assert_eq!(
        (&taken["new"], &decision["rule"], &decision["outcome"]),
        (&true.into(), &"same-failure".into(), &"nothing".into()),
        "{taken}"
    );
}

#[test]
fn one_file_given_to_process_and_followed_counts_once() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("mail.log");
    append(&log, &lines("4AB120", "a0@b.example"));
    append(&log, &lines("4AB121", "a1@b.example"));
    assert_eq!(run(folder.path(), ["process", "mail.log"]).status, 0);
    // Told or seen, the format makes no other line of it.
    let server = Server::start(folder, "[intake.log.mail]\npath = \"mail.log\"\nformat = \"postfix-log\"\n");
    append(&server.path("mail.log"), &lines("4AB122", "a2@b.example"));
    server.wait_until("a2@b.example", "suppressed");
    assert_eq!(server.remembered(), 3);
    let again = run(server.folder(), ["process", "mail.log", "--format", "json"]).json();
    assert_eq!((&again["messages"], &again["known"]), (&3.into(), &3.into()), "{again}");
}

#[test]
fn each_log_is_known_by_its_first_lines() {
    let server = Server::new(
        "[intake.log.exim]\npath = \"mainlog\"\n[intake.log.pmta]\npath = \"acct.csv\"\n[intake.log.kumo]\npath = \"kumo.json\"\n\
         [intake.log.end]\npath = \"end.log\"\nstart = \"end\"\n",
    );
    append(
        &server.path("mainlog"),
        "2026-11-25 09:52:01 1xVd3O-00002z-1P <= n@a.example H=x [192.0.2.9] P=esmtp S=1 id=1@a.example\n\
         2026-11-25 09:52:02 1xVd3O-00002z-1P ** exim@b.example R=r T=t H=mx.b.example [192.0.2.1]: SMTP error from remote mail \
         server after RCPT TO:<exim@b.example>: 550 5.1.1 no such user\n",
    );
    append(
        &server.path("acct.csv"),
        "type,timeLogged,orig,rcpt,dsnAction,dsnStatus,dsnDiag,bounceCat\n\
         b,2026-11-25 09:52:02+0000,n@a.example,pmta@b.example,failed,5.1.1,smtp;550 5.1.1 no such user,bad-mailbox\n",
    );
    append(
        &server.path("kumo.json"),
        "{\"type\":\"Bounce\",\"id\":\"k\",\"sender\":\"n@a.example\",\"recipient\":\"kumo@b.example\",\"response\":{\"code\":550,\
         \"content\":\"5.1.1 no such user\"},\"timestamp\":1757070003,\"event_time\":1757070003}\n",
    );
    // It was not there when the server began: all of it is new.
    append(&server.path("end.log"), &lines("4AB120", "end@b.example"));
    for address in ["exim@b.example", "pmta@b.example", "kumo@b.example", "end@b.example"] {
        server.wait_until(address, "suppressed");
    }
    // After a restart the columns are still known, and of a log that is there only what comes is read.
    let folder = server.stop();
    fs::remove_file(folder.path().join("abprall.db.log-end")).unwrap();
    append(&folder.path().join("end.log"), &lines("4AB121", "unread@b.example"));
    let server = Server::start(
        folder,
        "[intake.log.pmta]\npath = \"acct.csv\"\n[intake.log.end]\npath = \"end.log\"\nstart = \"end\"\n",
    );
    append(
        &server.path("acct.csv"),
        "b,2026-11-25 09:52:02+0000,n@a.example,pmta2@b.example,failed,5.1.1,smtp;550 5.1.1 no such user,bad-mailbox\n",
    );
    server.wait_until("pmta2@b.example", "suppressed");
    assert_eq!(server.state("unread@b.example"), "ok");
}

#[test]
fn killed_at_any_moment_it_loses_no_line_and_counts_none_twice() {
    const ROUNDS: u32 = 12;
    const LINES: u32 = 40;
    let mut folder = tempfile::tempdir().unwrap();
    let mut in_the_middle = 0;
    for round in 0..ROUNDS {
        let server = Server::start(folder, FOLLOW);
        let log = server.path("mail.log");
        for number in 0..LINES {
            append(
                &log,
                &lines(&format!("4A{round:02}C{number:03}"), &format!("u{number}@r{round}.example")),
            );
            // Rotated in the middle of some rounds, in both ways.
            if number == LINES / 2 && round % 3 == 1 {
                fs::rename(&log, server.path(&format!("mail.log.{round}"))).unwrap();
            }
            if number == LINES / 2 && round % 3 == 2 {
                fs::copy(&log, server.path(&format!("mail.log.{round}"))).unwrap();
                File::options().write(true).open(&log).unwrap().set_len(0).unwrap();
            }
            if number == (round * 7) % LINES {
                server.wait_until(&format!("u0@r{round}.example"), "suppressed");
            }
        }
        folder = server.kill();
        let known = remembered(folder.path());
        in_the_middle += u32::from(known < u64::from((round + 1) * LINES));
    }
    assert!(in_the_middle > ROUNDS / 3, "the test would show nothing: {in_the_middle}");
    let server = Server::start(folder, FOLLOW);
    append(&server.path("mail.log"), &lines("4AFFFF", "last@b.example"));
    server.wait_until("last@b.example", "suppressed");
    for round in 0..ROUNDS {
        for number in 0..LINES {
            server.wait_until(&format!("u{number}@r{round}.example"), "suppressed");
        }
    }
    assert_eq!(server.remembered(), u64::from(ROUNDS * LINES + 1));
}
