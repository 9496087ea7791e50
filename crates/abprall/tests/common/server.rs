//! A server of the program as a real process, and how its clients talk.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A process that is killed when the test ends.
pub struct Server {
    pub child: Child,
}

/// Places at loopback that nobody uses.
pub fn free_ports<const N: usize>() -> [u16; N] {
    let listeners: [TcpListener; N] = std::array::from_fn(|_| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

impl Server {
    /// Starts `program serve` in the folder and waits until it serves.
    pub fn start(mut program: Command, folder: &Path, settings: &str) -> Self {
        fs::write(folder.join("abprall.toml"), settings).unwrap();
        let mut child = program.arg("serve").stderr(Stdio::piped()).spawn().unwrap();
        let mut said = String::new();
        let mut errors = BufReader::new(child.stderr.take().unwrap());
        while !said.contains("serving") {
            let before = said.len();
            errors.read_line(&mut said).unwrap();
            assert!(said.len() > before, "it ended: {said}");
        }
        std::thread::spawn(move || std::io::copy(&mut errors, &mut std::io::sink()));
        Self { child }
    }

    /// Its process, which is already serving.
    pub fn of(child: Child) -> Self {
        Self { child }
    }

    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Memory of the process that is its own, in KiB.
    pub fn memory_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("RssAnon:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have been killed by the test.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// Sends and reads until what comes ends so; what came before where the connection ends.
pub fn exchange(stream: &mut (impl Read + Write), question: &str, end: &str) -> std::io::Result<String> {
    stream.write_all(question.as_bytes())?;
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    while !answer.ends_with(end.as_bytes()) {
        match stream.read(&mut buffer)? {
            0 => break,
            count => answer.extend_from_slice(&buffer[..count]),
        }
    }
    Ok(String::from_utf8(answer).unwrap())
}

pub fn policy_question(recipient: &str) -> String {
    format!(
        "request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=ESMTP\nrecipient={recipient}\n\n"
    )
}

/// A DSN about a user who is unknown, with the line ends of mail.
pub fn bounce(about: &str) -> String {
    format!(
        "From: MAILER-DAEMON@mx.example\nTo: bounces@sender.example\nSubject: Undelivered Mail\nMIME-Version: 1.0\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\nContent-Type: text/plain\n\nSorry.\n\
         --b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\n\
         Final-Recipient: rfc822; {about}\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 User unknown\n\n--b--\n"
    )
    .replace('\n', "\r\n")
}

/// A client of LMTP that keeps its connection, as mail servers do.
pub struct Lmtp(pub TcpStream);

impl Lmtp {
    pub fn connect(port: u16) -> Self {
        let mut stream = connect(port);
        exchange(&mut stream, "", "\n").unwrap();
        exchange(&mut stream, "LHLO mx.example\r\n", "250 CHUNKING\r\n").unwrap();
        Self(stream)
    }

    /// The reply to the message; an error where the server is gone.
    pub fn send(&mut self, mail: &str) -> std::io::Result<String> {
        let ask = format!("MAIL FROM:<>\r\nRCPT TO:<bounces@sender.example>\r\nDATA\r\n{mail}.\r\n");
        self.0.write_all(ask.as_bytes())?;
        let (mut answer, mut buffer) = (Vec::new(), [0; 1024]);
        // One reply each to MAIL, RCPT and DATA, and one to the message.
        while answer.iter().filter(|&&byte| byte == b'\n').count() < 4 {
            match self.0.read(&mut buffer)? {
                0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
                count => answer.extend_from_slice(&buffer[..count]),
            }
        }
        let answer = String::from_utf8(answer).unwrap();
        Ok(answer.trim_end().lines().next_back().unwrap().to_owned())
    }
}

/// One request on a connection of its own; gives status and body. An error where the server is gone.
pub fn http(port: u16, method: &str, path: &str, body: &str) -> std::io::Result<(u16, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: abprall\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all((head + body).as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").ok_or(std::io::ErrorKind::UnexpectedEof)?;
    Ok((head[9..12].parse().unwrap(), body.to_owned()))
}
