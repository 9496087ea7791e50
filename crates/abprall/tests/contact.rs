//! `contact` as people and programs see it, against a resolver on loopback that knows a dead domain and one that works.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;

mod common;

use common::{Ran, run};

/// The mail server of `dead.test` does not exist; its zone is run by `admin@works.test`. Nothing else has a SOA.
fn resolver() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut bytes = [0; 1500];
        loop {
            let (length, peer) = socket.recv_from(&mut bytes).unwrap();
            // The program may have ended.
            let _gone = socket.send_to(&answer(&bytes[..length]), peer);
        }
    });
    address
}

/// RFC 1035 §4.1.
fn answer(query: &[u8]) -> Vec<u8> {
    let end_of_name = 12 + query[12..].iter().position(|byte| *byte == 0).unwrap();
    let end_of_question = end_of_name + 5;
    let name = query[12..end_of_name].to_ascii_lowercase();
    let kind = query[end_of_name + 2];
    let soa = b"\x00\x05admin\x05works\x04test\x00\0\0\0\x01\0\0\0\x3c\0\0\0\x3c\0\0\0\x3c\0\0\0\x3c";
    let (code, data): (u8, &[u8]) = match (&name[..], kind) {
        (b"\x04dead\x04test", 15) => (0, b"\0\x0a\x04gone\xc0\x0c"),
        (b"\x04dead\x04test", 6) => (0, soa),
        (b"\x04dead\x04test" | b"\x05works\x04test", 2) => (0, b""),
        (b"\x05works\x04test", 15) => (0, b"\0\x0a\x02mx\xc0\x0c"),
        (b"\x02mx\x05works\x04test", 1) => (0, &[10, 77, 0, 25]),
        (b"\x02mx\x05works\x04test" | b"\x05works\x04test" | b"\x04dead\x04test", _) => (0, b""),
        _ => (3, b""),
    };
    let mut answer = query[..end_of_question].to_vec();
    answer[2..12].copy_from_slice(&[0x81, 0x80 | code, 0, 1, 0, u8::from(!data.is_empty()), 0, 0, 0, 0]);
    if !data.is_empty() {
        answer.extend([0xc0, 12, 0, kind, 0, 1, 0, 0, 0, 60, 0, u8::try_from(data.len()).unwrap()]);
        answer.extend(data);
    }
    answer
}

fn contact(folder: &Path, arguments: &[&str]) -> Ran {
    let resolver = resolver().to_string();
    let fixed = [
        "contact",
        "--dns-only",
        "--no-rdap",
        "--no-canaries",
        "--root",
        "127.0.0.1",
        "--resolver",
        &resolver,
    ];
    run(folder, fixed.iter().chain(arguments))
}

fn contact_of_dead(arguments: &[&str]) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    contact(folder.path(), &[&["dead.test"], arguments].concat())
}

const BOUNCE: &str = "From: MAILER-DAEMON@out.sender.test\nTo: list@sender.test\nSubject: Undelivered\nMIME-Version: 1.0\n\
Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\nContent-Type: text/plain\n\nSorry.\n\n--b\n\
Content-Type: message/delivery-status\n\nReporting-MTA: dns; out.sender.test\nArrival-Date: Tue, 24 Nov 2026 12:00:00 +0000\n\n\
Final-Recipient: rfc822; anna@dead.test\nAction: failed\nStatus: 5.4.3\n\
Diagnostic-Code: smtp; 550 5.4.3 Routing server failure\n\n--b--\n";

#[test]
fn the_page_says_whom_to_write_to_and_that_postmaster_is_dead_too_within_80_columns() {
    for (language, parts) in [
        (
            "en",
            [
                "Whom to write to",
                "✓ admin@works.test",
                "Not by mail",
                "✗ postmaster@dead.test",
                "Dead too",
                "Nothing was sent",
            ],
        ),
        (
            "de",
            [
                "An wen schreiben",
                "✓ admin@works.test",
                "Nicht per Mail",
                "✗ postmaster@dead.test",
                "Ebenfalls tot",
                "Nichts wurde gesendet",
            ],
        ),
    ] {
        let ran = contact_of_dead(&["--lang", language]);
        assert_eq!(ran.status, 0, "{}", ran.err);
        let places: Vec<_> = parts.iter().map(|part| ran.out.find(part)).collect();
        assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{places:?} in\n{}", ran.out);
        let widest = ran.out.lines().map(|line| line.chars().count()).max();
        assert!(widest <= Some(80), "{language}: a line of {widest:?} columns in\n{}", ran.out);
        assert!(!ran.out.contains('\u{1b}'));
    }
}

#[test]
fn json_has_candidates_in_order_and_the_draft_in_both_languages() {
    let line = contact_of_dead(&["--format", "json"]).json();
    assert_eq!(line["domain"], "dead.test");
    assert_eq!(line["verdict"], "undeliverable_permanent");
    let first = &line["candidates"][0];
    assert_eq!(first["address"], "admin@works.test");
    assert_eq!(first["role"], "zone_administrator");
    assert_eq!(first["sources"][0]["kind"], "soa_rname");
    assert_eq!(first["mail"], "works_by_dns");
    let last = line["candidates"].as_array().unwrap().last().unwrap();
    assert_eq!((&last["address"], &last["mail"]), (&"postmaster@dead.test".into(), &"fails".into()));
    assert_eq!(line["drafts"]["en"]["subject"], "Mail to dead.test does not arrive");
    assert_eq!(line["drafts"]["de"]["subject"], "Mail an dead.test kommt nicht an");
    assert_eq!(line["drafts"]["de"]["to"], "admin@works.test");
    assert_eq!(line["diagnosis"]["mx"][0]["host"], "gone.dead.test");
}

#[test]
fn the_draft_is_a_message_with_the_evidence_and_the_reply_of_the_bounce() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("bounce.eml"), BOUNCE).unwrap();
    for (language, servers) in [("en", "The mail servers:"), ("de", "Die Mailserver:")] {
        let arguments = [
            "dead.test",
            "--draft",
            "--bounce",
            "bounce.eml",
            "--from",
            "me@sender.test",
            "--lang",
            language,
        ];
        let ran = contact(folder.path(), &arguments);
        assert_eq!(ran.status, 0, "{}", ran.err);
        let (head, body) = ran.out.split_once("\n\n").unwrap();
        for field in [
            "From: me@sender.test",
            "To: admin@works.test",
            "X-Unsent: 1",
            "Content-Type: text/plain; charset=utf-8",
        ] {
            assert!(head.lines().any(|line| line == field), "{field} is missing in\n{head}");
        }
        assert!(head.is_ascii(), "{head}");
        for part in [
            servers,
            "MX 10 gone.dead.test",
            "anna@dead.test",
            "> 550 5.4.3 Routing server failure",
            "2026-11-24 12:00",
        ] {
            assert!(body.contains(part), "{part} is missing in\n{body}");
        }
        let server = body.lines().find(|line| line.starts_with("- MX 10 gone.dead.test: ")).unwrap();
        let time = server.rsplit_once(", ").unwrap().1;
        assert!(time.ends_with(" UTC") && time.starts_with("20"), "{server}");
        assert!(body.lines().all(|line| line.chars().count() <= 72), "{body}");
    }
}

#[test]
fn the_draft_file_has_the_line_ends_of_mail() {
    let folder = tempfile::tempdir().unwrap();
    let ran = contact(folder.path(), &["dead.test", "--draft-file", "draft.eml"]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    let message = fs::read_to_string(folder.path().join("draft.eml")).unwrap();
    assert!(message.contains("\r\nSubject: Mail to dead.test does not arrive\r\n"));
    assert_eq!(message.matches('\n').count(), message.matches("\r\n").count());
}

#[test]
fn markdown_holds_the_draft_for_a_ticket() {
    let out = contact_of_dead(&["--format", "markdown"]).out;
    assert!(out.starts_with("# dead.test: "), "{out}");
    assert!(out.contains("- **✓ admin@works.test**: "), "{out}");
    assert!(out.contains("\n    Hello,\n"), "{out}");
}

#[test]
fn where_our_own_side_is_blind_nobody_is_told_anything() {
    let folder = tempfile::tempdir().unwrap();
    // A resolver that answers nobody: the port is taken by a socket that is not read.
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let resolver = silent.local_addr().unwrap().to_string();
    let fixed = [
        "contact",
        "dead.test",
        "--dns-only",
        "--no-rdap",
        "--deadline",
        "2s",
        "--root",
        "127.0.0.1",
        "--resolver",
        &resolver,
    ];
    let ran = run(folder.path(), fixed.iter().chain(&["--draft", "--draft-file", "draft.eml"]));
    assert_eq!((ran.status, ran.out.as_str()), (1, ""));
    assert!(ran.err.contains("No mail is drafted"), "{}", ran.err);
    assert!(!folder.path().join("draft.eml").exists());
}

#[test]
fn wrong_usage_is_told_apart_from_failure() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in
        [&["dead.test", "--from", "nobody"][..], &["a b"], &[], &["dead.test", "--draft", "--format", "json"]]
    {
        assert_eq!(contact(folder.path(), arguments).status, 2, "{arguments:?}");
    }
    let ran = run(folder.path(), ["contact", "dead.test", "--rdap", "ftp://rdap.test"]);
    assert_eq!(ran.status, 2, "{}", ran.err);
    assert_eq!(contact(folder.path(), &["dead.test", "--bounce", "none.eml"]).status, 3);
    fs::write(folder.path().join("bounce.eml"), BOUNCE).unwrap();
    let ran = contact(folder.path(), &["works.test", "--bounce", "bounce.eml"]);
    assert_eq!(ran.status, 3);
    assert!(ran.err.contains("no failure or delay of an address at works.test"), "{}", ran.err);
}
