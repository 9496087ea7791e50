//! A server with settings of the test's, and what can be asked of it.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::common::{abprall, run};

pub struct Server {
    folder: Option<TempDir>,
    child: Child,
    port: u16,
    /// Reads what the server says, and gives it when it has ended.
    said: Option<JoinHandle<String>>,
}

pub struct Answer {
    pub status: u16,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

impl Server {
    /// In a folder of its own.
    pub fn new(settings: &str) -> Self {
        Self::start(tempfile::tempdir().unwrap(), settings)
    }

    pub fn start(folder: TempDir, settings: &str) -> Self {
        Self::start_with(folder, settings, "")
    }

    /// With more under `[http]`.
    pub fn start_with(folder: TempDir, settings: &str, http: &str) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let settings = format!("{settings}\n[http]\nlisten = [\"127.0.0.1:{port}\"]\n{http}\n");
        fs::write(folder.path().join("abprall.toml"), settings).unwrap();
        let mut child = abprall(folder.path()).arg("serve").stderr(Stdio::piped()).spawn().unwrap();
        let mut said = String::new();
        let mut errors = BufReader::new(child.stderr.take().unwrap());
        while !said.contains("serving") {
            let before = said.len();
            errors.read_line(&mut said).unwrap();
            assert!(said.len() > before, "it ended: {said}");
        }
        let said = std::thread::spawn(move || {
            let mut said = String::new();
            let mut line = String::new();
            while errors.read_line(&mut line).is_ok_and(|read| read > 0) {
                eprint!("{line}");
                said.push_str(&std::mem::take(&mut line));
            }
            said
        });
        Self { folder: Some(folder), child, port, said: Some(said) }
    }

    pub fn folder(&self) -> &Path {
        self.folder.as_ref().unwrap().path()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    /// Ends it, and gives its log.
    pub fn log(mut self) -> String {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.said.take().unwrap().join().unwrap()
    }

    /// No farewell: as a power failure would do it.
    pub fn kill(mut self) -> TempDir {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.folder.take().unwrap()
    }

    /// In order.
    pub fn stop(mut self) -> TempDir {
        let told = std::process::Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        assert!(told.success());
        assert!(self.child.wait().unwrap().success());
        self.folder.take().unwrap()
    }

    /// Where it can be reached.
    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], b"")
    }

    pub fn post(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        self.ask("POST", path, headers, body)
    }

    fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        ask(self.port, method, path, headers, body).unwrap()
    }

    pub fn state(&self, address: &str) -> String {
        self.get(&format!("/v1/check/{address}")).json()["state"].as_str().unwrap().to_owned()
    }

    /// Asks until it is so: what is followed comes in by itself.
    pub fn wait_until(&self, address: &str, state: &str) {
        let begin = Instant::now();
        while self.state(address) != state {
            assert!(begin.elapsed() < Duration::from_secs(60), "{address} does not become {state}");
            // Nothing rings here; what is waited for is the answer.
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }

    /// How many messages, lines and events are remembered.
    pub fn remembered(&self) -> u64 {
        remembered(self.folder())
    }
}

/// `None` where there is no whole answer.
pub fn ask(port: u16, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Option<Answer> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(30))).ok()?;
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: abprall\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).ok()?;
    // A body that is too large is refused before it is read.
    let _ = stream.write_all(body);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8(answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some(Answer { status: head.split(' ').nth(1)?.parse().ok()?, body: body.to_owned() })
}

pub fn remembered(folder: &Path) -> u64 {
    report(folder)["messages"].as_u64().unwrap()
}

/// How many reports of a kind counted.
pub fn reports(folder: &Path, kind: &str) -> u64 {
    let report = report(folder);
    let rows = report["reasons"].as_array().unwrap().iter().filter(|row| row["kind"] == kind);
    rows.map(|row| row["reports"].as_u64().unwrap()).sum()
}

pub fn report(folder: &Path) -> serde_json::Value {
    run(folder, ["report", "--format", "json", "--limit", "100000"]).json()
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
