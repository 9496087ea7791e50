//! The server as mail servers and programs meet it: real sockets, a real process.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use tempfile::TempDir;

mod common;
#[path = "common/resolver.rs"]
mod resolver;

use common::{abprall, example, run};

/// Five places at loopback that nobody uses.
fn free_ports() -> [u16; 5] {
    let listeners: [TcpListener; 5] = std::array::from_fn(|_| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

struct Server {
    folder: TempDir,
    child: Child,
    policy: u16,
    socketmap: u16,
    tcp_table: u16,
    http: u16,
    smtp: u16,
}

impl Server {
    fn start(folder: TempDir, more: &str) -> Self {
        let [policy, socketmap, tcp_table, http, smtp] = free_ports();
        let settings = format!(
            "{more}\n[gate.policy]\nlisten = [\"127.0.0.1:{policy}\"]\n[gate.socketmap]\nlisten = [\"127.0.0.1:{socketmap}\"]\n\
             [gate.tcp_table]\nlisten = [\"127.0.0.1:{tcp_table}\"]\n[http]\nlisten = [\"127.0.0.1:{http}\"]\n\
             [intake.lmtp]\nlisten = [\"unix:{0}/lmtp\"]\nrecipients = [\"bounces@sender.example\"]\n\
             [intake.smtp]\nlisten = [\"127.0.0.1:{smtp}\"]\nname = \"mx.sender.example\"\nrecipients = [\"@bounces.sender.example\"]\n",
            folder.path().display()
        );
        fs::write(folder.path().join("abprall.toml"), settings).unwrap();
        let mut child = abprall(folder.path()).arg("serve").stderr(Stdio::piped()).spawn().unwrap();
        // It says when it serves.
        let mut said = String::new();
        let mut errors = BufReader::new(child.stderr.take().unwrap());
        while !said.contains("serving") {
            let before = said.len();
            errors.read_line(&mut said).unwrap();
            assert!(said.len() > before, "it ended: {said}");
        }
        std::thread::spawn(move || std::io::copy(&mut errors, &mut std::io::sink()));
        Self { folder, child, policy, socketmap, tcp_table, http, smtp }
    }

    fn ask(&self, port: u16, question: &str, end: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        exchange(&mut stream, question, end)
    }

    fn policy(&self, recipient: &str) -> String {
        let question = format!(
            "request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=ESMTP\nrecipient={recipient}\n\n"
        );
        self.ask(self.policy, &question, "\n\n")
    }

    fn socketmap(&self, map: &str, key: &str) -> String {
        let query = format!("{map} {key}");
        self.ask(self.socketmap, &format!("{}:{query},", query.len()), ",")
    }

    fn http(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.http)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn get(&self, path: &str) -> String {
        self.http(&format!("GET {path} HTTP/1.1\r\nHost: abprall\r\nConnection: close\r\n\r\n"))
    }

    fn post(&self, path: &str, body: &str) -> String {
        let kind = if path == "/v1/bounces" { "message/rfc822" } else { "application/json" };
        self.http(&format!(
            "POST {path} HTTP/1.1\r\nHost: abprall\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        ))
    }

    fn lmtp(&self, to: &str, mail: &str) -> String {
        let mut stream = UnixStream::connect(self.folder.path().join("lmtp")).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        converse(&mut stream, "LHLO", to, mail)
    }

    fn smtp(&self, to: &str, mail: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.smtp)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        converse(&mut stream, "EHLO", to, mail)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn exchange(stream: &mut (impl Read + Write), question: &str, end: &str) -> String {
    stream.write_all(question.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let mut byte = [0];
    while !answer.ends_with(end.as_bytes()) && stream.read(&mut byte).unwrap() == 1 {
        answer.push(byte[0]);
    }
    String::from_utf8(answer).unwrap()
}

/// One message in one pipeline; gives all that was said.
fn converse(stream: &mut (impl Read + Write), hello: &str, to: &str, mail: &str) -> String {
    let mail = mail.replace("\r\n", "\n").replace("\n.", "\n..").replace('\n', "\r\n");
    exchange(stream, "", "\n");
    stream
        .write_all(
            format!(
                "{hello} mx.example\r\nMAIL FROM:<>\r\nRCPT TO:<{to}>\r\nDATA\r\n{mail}\r\n.\r\nQUIT\r\n"
            )
            .as_bytes(),
        )
        .unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).unwrap();
    said
}

fn bounce(about: &str) -> String {
    format!(
        "From: MAILER-DAEMON@mx.example\nTo: bounces@sender.example\nSubject: Undelivered Mail\nMIME-Version: 1.0\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\nContent-Type: text/plain\n\nSorry.\n\
         --b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\n\
         Final-Recipient: rfc822; {about}\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 User unknown\n\n--b--\n"
    )
}

fn processed() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(run(folder.path(), [Path::new("process"), &example("bounces.mbox")]).status, 0);
    folder
}

#[test]
fn postfix_hears_our_reason_by_whatever_protocol_it_asks() {
    let server = Server::start(processed(), "");
    let refused = server.policy("nobody@rej.test");
    assert!(
        refused.starts_with("action=550 5.7.1 Recipient is on the suppression list of abprall"),
        "{refused}"
    );
    assert!(refused.contains("Mailbox does not exist"), "{refused}");
    assert!(server.policy("who@router.test").contains("on hold"), "held addresses are refused as well");
    assert_eq!(server.policy("stranger@example.org"), "action=DUNNO\n\n");
    assert_eq!(server.policy("no address"), "action=DUNNO\n\n");
    let found = server.socketmap("access", "nobody@rej.test");
    assert!(found.contains(":OK 550 5.7.1 Recipient is on"), "{found}");
    assert!(server.socketmap("transport", "nobody@rej.test").contains(":OK error:5.7.1 Recipient is on"));
    assert_eq!(server.socketmap("access", "stranger@example.org"), "9:NOTFOUND ,");
    let found = server.ask(server.tcp_table, "get nobody@rej.test\n", "\n");
    assert!(found.starts_with("200 550%205.7.1%20Recipient%20is"), "{found}");
    assert_eq!(server.ask(server.tcp_table, "get stranger@example.org\n", "\n"), "500 not%20found\n");
}

#[test]
fn our_own_refusal_is_read_as_our_own() {
    let server = Server::start(processed(), "");
    let refused = server.policy("nobody@rej.test");
    let reply = refused.trim().trim_start_matches("action=");
    fs::write(server.folder.path().join("lines"), format!("{reply}\n")).unwrap();
    let read = run(server.folder.path(), ["classify", "--lines", "lines", "--format", "ndjson"]);
    assert_eq!(read.lines()[0]["reason"], "already_suppressed", "{reply}");
}

#[test]
fn a_database_that_the_server_has_just_made_is_locked_against_the_cleaning_up_of_others() {
    let server = Server::start(tempfile::tempdir().unwrap(), "");
    // Who closes a database in WAL mode and gets this lock deletes the log: SQLite 3.40, say, at the end of each program.
    let database = fs::File::options().write(true).open(server.folder.path().join("abprall.db")).unwrap();
    let locked = rustix::fs::fcntl_lock(&database, rustix::fs::FlockOperation::NonBlockingLockExclusive);
    assert!(matches!(locked, Err(rustix::io::Errno::AGAIN | rustix::io::Errno::ACCESS)), "{locked:?}");
}

#[test]
fn held_addresses_can_be_deferred_instead() {
    let server = Server::start(processed(), "[gate]\nheld = \"defer\"");
    assert!(server.policy("who@router.test").starts_with("action=450 4.7.1 "));
    assert!(server.policy("nobody@rej.test").starts_with("action=550 "));
}

#[test]
fn what_lmtp_and_smtp_acknowledge_is_refused_to_the_next_sender() {
    let server = Server::start(tempfile::tempdir().unwrap(), "");
    assert_eq!(server.policy("anna@gone.example"), "action=DUNNO\n\n");
    let said = server.lmtp("bounces@sender.example", &bounce("anna@gone.example"));
    assert!(said.contains("\r\n250 2.0.0 taken in\r\n"), "{said}");
    assert!(server.policy("anna@gone.example").starts_with("action=550 "));
    let said = server.smtp("token+x@bounces.sender.example", &bounce("bert@gone.example"));
    assert!(said.contains("\r\n250 2.0.0 taken in\r\n"), "{said}");
    assert!(server.policy("bert@gone.example").starts_with("action=550 "));
    // What another process changes is heard within two seconds.
    assert_eq!(run(server.folder.path(), ["suppressions", "remove", "bert@gone.example"]).status, 0);
    assert_eq!(server.policy("bert@gone.example"), "action=DUNNO\n\n");
}

#[test]
fn nothing_is_relayed() {
    let server = Server::start(tempfile::tempdir().unwrap(), "");
    let said = server.smtp("anna@gone.example", "Subject: x\n\nx\n");
    assert!(said.contains("\r\n550 5.7.1 "), "{said}");
    let said = server.lmtp("nobody@sender.example", "Subject: x\n\nx\n");
    assert!(said.contains("\r\n550 5.1.1 "), "{said}");
}

#[test]
fn programs_ask_and_deposit_over_http() {
    let server = Server::start(processed(), "");
    assert!(server.get("/health").ends_with("ok\n"));
    let one = server.get("/v1/check/nobody@rej.test");
    assert!(one.starts_with("HTTP/1.1 200") && one.contains("\"state\":\"suppressed\""), "{one}");
    let many = server.post("/v1/check", r#"{"addresses":["nobody@rej.test","a@b.example","nonsense"]}"#);
    let json: serde_json::Value = serde_json::from_str(many.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    assert_eq!(json["results"][0]["state"], "suppressed");
    assert_eq!(json["results"][1]["state"], "ok");
    assert!(json["results"][2]["error"].is_string());
    let taken = server.post("/v1/bounces", &bounce("carl@gone.example").replace('\n', "\r\n"));
    assert!(taken.contains("\"new\":true") && taken.contains("\"outcome\":\"suppress\""), "{taken}");
    let again = server.post("/v1/bounces", &bounce("carl@gone.example").replace('\n', "\r\n"));
    assert!(again.contains("\"new\":false"), "{again}");
    for wrong in [server.get("/nowhere"), server.get("/v1/check/nonsense"), server.post("/v1/bounces", "")] {
        assert!(wrong.starts_with("HTTP/1.1 4") && wrong.contains("application/problem+json"), "{wrong}");
    }
}

#[test]
fn what_is_held_is_looked_at_by_the_same_process() {
    let dns = UdpSocket::bind("127.0.0.1:0").unwrap();
    let place = dns.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut bytes = [0; 1500];
        loop {
            let (length, peer) = dns.recv_from(&mut bytes).unwrap();
            let _gone = dns.send_to(&resolver::answer(&bytes[..length]), peer);
        }
    });
    let watch = format!(
        "[watch]\nresolvers = [\"{place}\"]\ncanaries = [\"none\"]\nroots = [\"127.0.0.1\"]\ndeadline = \"2s\"\npoll = \"1s\"\n"
    );
    let server = Server::start(tempfile::tempdir().unwrap(), &watch);
    let gone = bounce("anna@null.example")
        .replace("5.1.1", "5.4.4")
        .replace("User unknown", "Host or domain name not found");
    let taken = server.post("/v1/bounces", &gone.replace('\n', "\r\n"));
    assert!(taken.contains("\"outcome\":\"hold\""), "{taken}");
    // Nobody of the domain bounced but Anna; after the look all of them are stopped.
    let mut other = String::new();
    for _ in 0..200 {
        other = server.get("/v1/check/bert@null.example");
        if other.contains("\"scope\":\"domain\"") {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(
        other.contains("\"state\":\"suppressed\"") && other.contains("\"reason\":\"null_mx\""),
        "{other}"
    );
}

#[test]
fn killed_under_load_it_has_lost_nothing_that_it_acknowledged() {
    let mut folder = tempfile::tempdir().unwrap();
    let mut acknowledged = Vec::new();
    for round in 0..6 {
        let mut server = Server::start(folder, "");
        let mut stream = UnixStream::connect(server.folder.path().join("lmtp")).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        exchange(&mut stream, "", "\n");
        // The last line of the reply has a space where the others have a hyphen.
        let hello = exchange(&mut stream, "LHLO mx.example\r\n", "\r\n250 ");
        assert!(hello.contains("250-PIPELINING"), "{hello}");
        // One more in each round before the kill, then some that nobody answers.
        for number in 0..40 {
            let about = format!("user{number}@round{round}.example");
            let mail = bounce(&about).replace('\n', "\r\n");
            let said = if number <= round * 5 {
                let ask = format!("MAIL FROM:<>\r\nRCPT TO:<bounces@sender.example>\r\nDATA\r\n{mail}.\r\n");
                exchange(&mut stream, &ask, "taken in\r\n")
            } else {
                let ask = format!("MAIL FROM:<>\r\nRCPT TO:<bounces@sender.example>\r\nDATA\r\n{mail}.\r\n");
                if stream.write_all(ask.as_bytes()).is_err() {
                    break;
                }
                continue;
            };
            assert!(said.ends_with("taken in\r\n"), "{said}");
            acknowledged.push(about);
        }
        server.child.kill().unwrap();
        server.child.wait().unwrap();
        folder = std::mem::replace(&mut server.folder, tempfile::tempdir().unwrap());
    }
    let server = Server::start(folder, "");
    for about in &acknowledged {
        assert!(
            server.policy(about).starts_with("action=550 "),
            "{about} was acknowledged and is not stopped"
        );
    }
    let report = run(server.folder.path(), ["report", "--format", "json"]).json();
    let (messages, stopped) =
        (report["messages"].as_u64().unwrap(), report["addresses_suppressed"].as_u64().unwrap());
    assert_eq!(messages, stopped, "each message counts once");
}

#[test]
fn it_ends_in_order_when_it_is_told_to() {
    let mut server = Server::start(tempfile::tempdir().unwrap(), "");
    let kill = std::process::Command::new("kill").arg(server.child.id().to_string()).status().unwrap();
    assert!(kill.success());
    assert!(server.child.wait().unwrap().success());
}

#[test]
fn wrong_settings_are_told_at_once_and_nothing_starts() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("abprall.toml"), "stor = 1\n[http]\nlisten = [\"0.0.0.0:1\"]\n").unwrap();
    let ran = run(folder.path(), ["serve"]);
    assert_eq!(ran.status, 2);
    assert!(ran.err.contains("stor: there is no such key; did you mean `store`?"), "{}", ran.err);
    assert!(ran.err.contains("http.listen"), "{}", ran.err);
    assert!(!folder.path().join("abprall.db").exists());
    assert_eq!(run(folder.path(), ["serve", "--check"]).status, 2);
}
