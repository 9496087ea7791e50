//! The server with its mailboxes, and mail for them.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::common::{abprall, run};
use crate::dovecot::{PASSWORD, free_ports};

pub struct Server {
    pub folder: TempDir,
    pub child: Child,
    http: u16,
    said: Arc<Mutex<String>>,
}

impl Server {
    pub fn start(folder: TempDir, intake: &str) -> Self {
        let [http] = free_ports();
        let settings = format!("[http]\nlisten = [\"127.0.0.1:{http}\"]\n{intake}");
        fs::write(folder.path().join("abprall.toml"), settings).unwrap();
        let mut serve = abprall(folder.path());
        serve.arg("serve").env("ABPRALL_TEST_PASSWORD", PASSWORD).stderr(Stdio::piped());
        let mut child = serve.spawn().unwrap();
        let mut errors = BufReader::new(child.stderr.take().unwrap());
        let said = Arc::new(Mutex::new(String::new()));
        let heard = Arc::clone(&said);
        std::thread::spawn(move || {
            let mut line = String::new();
            while errors.read_line(&mut line).unwrap_or(0) > 0 {
                heard.lock().unwrap().push_str(&line);
                line.clear();
            }
        });
        let server = Self { folder, child, http, said };
        server.wait_for("serving");
        server
    }

    pub fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    pub fn wait_for(&self, text: &str) {
        eventually(&format!("it says {text:?}"), || self.said().contains(text), || self.said());
    }

    pub fn is_stopped(&self, address: &str) -> bool {
        let mut stream = TcpStream::connect(("127.0.0.1", self.http)).unwrap();
        write!(stream, "GET /v1/check/{address} HTTP/1.1\r\nHost: abprall\r\nConnection: close\r\n\r\n")
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.contains("\"state\":\"suppressed\"")
    }

    pub fn wait_until_stopped(&self, address: &str) {
        eventually(&format!("{address} is stopped"), || self.is_stopped(address), || self.said());
    }

    /// Without a moment to clean up. Its folder stays.
    pub fn kill(mut self) -> TempDir {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        std::mem::replace(&mut self.folder, tempfile::tempdir().unwrap())
    }

    /// How many messages and stopped addresses the database holds.
    pub fn counts(&self) -> (u64, u64) {
        let report = run(self.folder.path(), ["report", "--format", "json"]).json();
        (report["messages"].as_u64().unwrap(), report["addresses_suppressed"].as_u64().unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn eventually(what: &str, mut holds: impl FnMut() -> bool, explain: impl Fn() -> String) {
    let end = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < end, "not within 20 seconds: {what}; {}", explain());
        std::thread::sleep(Duration::from_millis(10));
    }
}

pub fn bounce(about: &str) -> String {
    format!(
        "From: MAILER-DAEMON@mx.example\nTo: bounces@sender.example\nSubject: Undelivered Mail\nMIME-Version: 1.0\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\nContent-Type: text/plain\n\nSorry.\n\
         --b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\n\
         Final-Recipient: rfc822; {about}\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 User unknown\n\n--b--\n"
    )
}

/// A letter of a person.
pub const LETTER: &str = "From: anna@friends.example\nTo: bounces@sender.example\nSubject: Please call me\n\nThe shop is on fire.\n";

pub fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

pub fn maildir(root: &Path) {
    for part in ["tmp", "new", "cur"] {
        fs::create_dir_all(root.join(part)).unwrap();
    }
}
