//! A server with one LMTP socket, whose log is read line by line.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use tempfile::TempDir;

use crate::common::abprall;

/// Nothing here takes longer, on the slowest machine.
const WAIT: Duration = Duration::from_secs(60);

/// A port at loopback where nobody listens.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

pub struct Server {
    pub folder: TempDir,
    child: Child,
    lines: Receiver<String>,
    heard: Vec<String>,
}

impl Server {
    /// With more settings, at the end of which [intake.lmtp] follows, and files beside them.
    pub fn start(more: &str, files: &[(&str, &str)]) -> Self {
        Self::start_with(more, files, |_| {})
    }

    pub fn start_with(more: &str, files: &[(&str, &str)], change: impl FnOnce(&mut Command)) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), more, files, change)
    }

    pub fn start_in(
        folder: TempDir,
        more: &str,
        files: &[(&str, &str)],
        change: impl FnOnce(&mut Command),
    ) -> Self {
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        let settings = format!(
            "{more}\n[intake.lmtp]\nlisten = [\"unix:{}/lmtp\"]\nrecipients = [\"bounces@sender.example\"]\n",
            folder.path().display()
        );
        fs::write(folder.path().join("abprall.toml"), settings).unwrap();
        let mut command = abprall(folder.path());
        command.arg("serve");
        change(&mut command);
        Self::of(folder, command)
    }

    /// Starts it, and returns when it serves.
    pub fn of(folder: TempDir, mut command: Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let errors = BufReader::new(child.stderr.take().unwrap());
        let (tell, lines) = channel();
        std::thread::spawn(move || {
            for line in errors.lines().map_while(Result::ok) {
                if tell.send(line).is_err() {
                    break;
                }
            }
        });
        let mut server = Self { folder, child, lines, heard: Vec::new() };
        server.wait_for("serving");
        server
    }

    /// The next line of the log that holds these words.
    pub fn wait_for(&mut self, words: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(WAIT);
            let line = line.unwrap_or_else(|_| panic!("{words}: {}", self.heard.join("\n")));
            self.heard.push(line.clone());
            if line.contains(words) {
                return line;
            }
        }
    }

    /// All that it said, when it has ended.
    pub fn log(&mut self) -> String {
        while let Ok(line) = self.lines.recv_timeout(WAIT) {
            self.heard.push(line);
        }
        self.heard.join("\n")
    }

    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([format!("-{name}"), self.child.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }

    pub fn ended(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    /// What is said to a recipient.
    pub fn lmtp_rcpt(&self, to: &str) -> String {
        let said = self.talk(&format!("LHLO a.example\r\nMAIL FROM:<>\r\nRCPT TO:<{to}>\r\nQUIT\r\n"));
        let mut lines = said.lines().rev();
        lines.nth(1).unwrap().to_owned()
    }

    /// Deposits a message; gives all that was said.
    pub fn lmtp(&self, to: &str, mail: &str) -> String {
        let mail = mail.replace("\r\n", "\n").replace("\n.", "\n..").replace('\n', "\r\n");
        self.talk(&format!(
            "LHLO a.example\r\nMAIL FROM:<>\r\nRCPT TO:<{to}>\r\nDATA\r\n{mail}\r\n.\r\nQUIT\r\n"
        ))
    }

    fn talk(&self, all: &str) -> String {
        let mut stream = UnixStream::connect(self.folder.path().join("lmtp")).unwrap();
        stream.set_read_timeout(Some(WAIT)).unwrap();
        stream.write_all(all.as_bytes()).unwrap();
        let mut said = String::new();
        stream.read_to_string(&mut said).unwrap();
        said
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
