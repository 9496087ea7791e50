//! People are told: by mail to a real SMTP session, by a post to a program.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use abprall_wire::smtp::HelloName;
use abprall_wire::smtp::server::{
    MessageAnswer, Protocol, RecipientAnswer, ServerAction, ServerConfig, ServerSession,
};
use aws_lc_rs::hmac;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::server::Server;

const WAIT: Duration = Duration::from_secs(30);

/// A bounce that opens an incident.
fn routing(domain: &str) -> String {
    format!(
        "From: MAILER-DAEMON@mx.example\r\nTo: bounces@sender.example\r\nSubject: Undelivered\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n\
         no\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r\n\r\n\
         Final-Recipient: rfc822; anna@{domain}\r\nAction: failed\r\nStatus: 5.4.3\r\n\
         Diagnostic-Code: smtp; 550 5.4.3 Routing server failure\r\n\r\n--b--\r\n"
    )
}

/// Takes mail as servers do, and hands each message over.
fn mail_server() -> (u16, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (tell, messages) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            if let Some(message) = take_mail(stream.unwrap())
                && tell.send(message).is_err()
            {
                break;
            }
        }
    });
    (port, messages)
}

fn take_mail(mut stream: TcpStream) -> Option<String> {
    let begin = Instant::now();
    let config = ServerConfig::new(HelloName::parse("relay.example").unwrap(), Protocol::Smtp);
    let mut session = ServerSession::new(Arc::new(config), begin.elapsed());
    let mut message = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        while let Some(action) = session.next_action() {
            match action {
                ServerAction::Send(bytes) => stream.write_all(&bytes).unwrap(),
                ServerAction::Judge(_) => {
                    session.answer_recipient(&RecipientAnswer::Accepted, begin.elapsed());
                }
                ServerAction::Body(bytes) => message.extend_from_slice(&bytes),
                ServerAction::Complete { .. } => {
                    session.answer_message(&[MessageAnswer::Stored("taken".into())], begin.elapsed());
                }
                ServerAction::Close => {
                    return String::from_utf8(message).ok().filter(|text| !text.is_empty());
                }
                ServerAction::StartTls | ServerAction::Begin(_) | ServerAction::Discard(_) => {}
            }
        }
        match stream.read(&mut buffer) {
            Ok(count) if count > 0 => {
                let mut rest = &buffer[..count];
                while !rest.is_empty() {
                    let taken = session.receive(rest, begin.elapsed());
                    rest = &rest[taken..];
                    if taken == 0 {
                        break;
                    }
                }
            }
            Ok(_) | Err(_) => session.closed(),
        }
    }
}

fn by_mail(port: u16, more: &str) -> String {
    format!(
        "[notify.chief]\nrelay = \"127.0.0.1:{port}\"\nfrom = \"abprall@ours.example\"\nto = [\"Chief <chief@ours.example>\"]\n\
         digest = \"none\"\n{more}"
    )
}

#[test]
fn an_incident_is_told_by_mail_once_and_not_again_after_a_restart() {
    let (port, messages) = mail_server();
    let settings = by_mail(port, "");
    let mut server = Server::start(&settings, &[]);
    // A way that is new begins now; wait until it has begun.
    server.lmtp("bounces@sender.example", &routing("before.example"));
    let first = messages.recv_timeout(WAIT).unwrap();
    for words in [
        "Subject: [abprall] Mail to before.example fails",
        "To: Chief <chief@ours.example>",
        "Auto-Submitted: auto-generated",
        "Message-ID: <abprall-",
        "abprall contact before.example",
        "abprall incidents 1",
    ] {
        assert!(first.contains(words), "{words}\n{first}");
    }
    assert!(!first.contains("anna@"), "nobody's address is told: {first}");
    server.wait_for("told");
    server.signal("TERM");
    assert!(server.ended().success());

    let folder = tempfile::tempdir().unwrap();
    for file in ["abprall.db", "abprall.db-wal"] {
        let _ = fs::copy(server.folder.path().join(file), folder.path().join(file));
    }
    let again = Server::start_in(folder, &settings.replace("to = ", "language = \"de\"\nto = "), &[], |_| {});
    again.lmtp("bounces@sender.example", &routing("after.example"));
    let next = messages.recv_timeout(WAIT).unwrap();
    assert!(next.contains("after.example") && !next.contains("before.example"), "{next}");
    assert!(next.contains("kommt nicht an") || next.contains("kommt_nicht_an"), "{next}");
}

#[test]
fn what_happened_while_the_relay_was_away_is_told_when_it_is_back_and_together() {
    let (port, messages) = mail_server();
    let nobody = crate::free_port();
    let mut server = Server::start(&by_mail(nobody, ""), &[]);
    server.lmtp("bounces@sender.example", &routing("one.example"));
    server.wait_for("cannot tell, trying again");
    server.lmtp("bounces@sender.example", &routing("two.example"));
    // The settings name a relay that works: a reload is enough.
    let path = server.folder.path().join("abprall.toml");
    let settings = fs::read_to_string(&path).unwrap();
    fs::write(&path, settings.replace(&format!(":{nobody}\""), &format!(":{port}\""))).unwrap();
    server.signal("HUP");
    let message = messages.recv_timeout(WAIT).unwrap();
    for words in ["one.example", "two.example", "(and 1 more)"] {
        assert!(message.contains(words), "{words}: {message}");
    }
}

#[test]
fn a_program_gets_a_post_whose_signature_is_right() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let settings = format!(
        "[notify.program]\nkind = \"webhook\"\nurl = \"{url}\"\nsecret_file = \"key\"\ndigest = \"none\"\nevents = [\"incident_opened\"]\n"
    );
    let server = Server::start(&settings, &[("key", crate::SIGNING)]);
    server.lmtp("bounces@sender.example", &routing("dead.example"));
    let (mut stream, _) = listener.accept().unwrap();
    let request = read_request(&mut stream);
    stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let header = |name: &str| {
        let line = head.lines().find(|line| line.to_lowercase().starts_with(&format!("{name}:")));
        line.unwrap_or_else(|| panic!("{name}: {head}")).split_once(':').unwrap().1.trim().to_owned()
    };
    let key = BASE64_STANDARD.decode(crate::SIGNING.strip_prefix("whsec_").unwrap()).unwrap();
    let signed = format!("{}.{}.{body}", header("webhook-id"), header("webhook-timestamp"));
    let signature = header("webhook-signature");
    let tag = BASE64_STANDARD.decode(signature.strip_prefix("v1,").unwrap()).unwrap();
    hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, &key), signed.as_bytes(), &tag).unwrap();
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["events"][0]["topic"], "incident_opened");
    assert_eq!(body["events"][0]["key"], "domain:dead.example");
    assert!(head.starts_with("POST /hook HTTP/1.1"));
}

#[test]
fn what_a_list_does_not_take_is_told() {
    let (port, messages) = mail_server();
    let refusing = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", refusing.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in refusing.incoming() {
            let mut stream = stream.unwrap();
            // It takes all but one: so it is about that one.
            let status =
                if read_request(&mut stream).contains("nobody@rej.test") { "400 No" } else { "200 OK" };
            let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    let settings = by_mail(port, "events = [\"dead_letters\"]\n")
        + &format!(
            "[sync.shop]\nkind = \"webhook\"\nurl = \"{url}\"\nsecret = \"{}\"\nallow_network = [\"127.0.0.1/32\"]\nattempts = 1\n",
            crate::SIGNING
        );
    let mut server = Server::start(&settings, &[]);
    server.signal("TERM");
    assert!(server.ended().success());
    let folder = tempfile::tempdir().unwrap();
    for file in ["abprall.db", "abprall.db-wal", "abprall.toml"] {
        let _ = fs::copy(server.folder.path().join(file), folder.path().join(file));
    }
    let processed = crate::run(folder.path(), ["process", crate::example("bounces.mbox").to_str().unwrap()]);
    assert_eq!(processed.status, 0, "{}", processed.err);
    crate::run(folder.path(), ["sync", "run", "--once"]);
    let dead = crate::run(folder.path(), ["sync", "dead", "list", "--format", "ndjson"]);
    assert!(!dead.lines().is_empty(), "the test would not show anything: {}", dead.err);
    let _again = Server::start_in(folder, &settings, &[], |_| {});
    let message = messages.recv_timeout(WAIT).unwrap();
    for words in ["shop does not take what was decided", "abprall sync dead retry --target shop"] {
        assert!(message.replace("=\r\n", "").contains(words), "{words}: {message}");
    }
}

#[test]
fn a_list_that_takes_nothing_is_told_and_no_letter_is_dead() {
    let (port, messages) = mail_server();
    // Nobody listens there.
    let place = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let settings = by_mail(port, "events = [\"target_away\"]\n")
        + &format!(
            "[sync.shop]\nkind = \"webhook\"\nurl = \"http://{place}/\"\nsecret = \"{}\"\nallow_network = [\"127.0.0.1/32\"]\nattempts = 1\n\
             retry_min = \"1ms\"\nretry_max = \"1ms\"\n",
            crate::SIGNING
        );
    let mut server = Server::start(&settings, &[]);
    server.signal("TERM");
    assert!(server.ended().success());
    let folder = tempfile::tempdir().unwrap();
    for file in ["abprall.db", "abprall.db-wal", "abprall.toml"] {
        let _ = fs::copy(server.folder.path().join(file), folder.path().join(file));
    }
    let processed = crate::run(folder.path(), ["process", crate::example("bounces.mbox").to_str().unwrap()]);
    assert_eq!(processed.status, 0, "{}", processed.err);
    for _ in 0..12 {
        crate::run(folder.path(), ["sync", "run", "--once"]);
    }
    let _again = Server::start_in(folder, &settings, &[], |_| {});
    let message = messages.recv_timeout(WAIT).unwrap();
    for words in ["shop takes nothing at present", "abprall sync resume shop"] {
        assert!(message.replace("=\r\n", "").contains(words), "{words}: {message}");
    }
}

fn read_request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let count = stream.read(&mut buffer).unwrap();
        bytes.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.to_lowercase();
            let length = length.lines().find_map(|line| line.strip_prefix("content-length:")).unwrap();
            if body.len() >= length.trim().parse::<usize>().unwrap() {
                return text;
            }
        }
        assert!(count > 0, "{text}");
    }
}

#[test]
fn wrong_ways_are_told_with_what_to_write() {
    let text = "[notify.a]\nrelay = \"far.example:25\"\nuser = \"u\"\npassword = \"p\"\nfrom = \"x\"\nquiet = \"late\"\ntime_zone = \"Mars/Base\"\n\
                [notify.b]\nkind = \"webhook\"\nurl = \"http://far.example/\"\nevents = [\"rain\"]\n";
    let folder = crate::written(text);
    let ran = crate::run(folder.path(), ["config", "check"]);
    for words in [
        "notify.a.encryption",
        "notify.a.from",
        "notify.a.to",
        "notify.a.quiet",
        "notify.a.time_zone",
        "notify.b.url",
        "notify.b.secret",
        "notify.b.events",
    ] {
        assert!(ran.err.contains(words), "{words}: {}", ran.err);
    }
}
