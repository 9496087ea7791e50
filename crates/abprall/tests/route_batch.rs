//! `route --batch`: killed at any moment (SIGKILL) and continued, every domain of the list has exactly one line.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};

mod common;

use common::{abprall, run};

const DOMAINS: usize = 3000;

/// A resolver on loopback that knows an MX for every name, and an address for every host.
struct Resolver {
    address: SocketAddr,
    /// How many questions it may answer before it kills the process that asks.
    kill: Arc<Mutex<Option<(usize, Child)>>>,
    killed: Receiver<Child>,
}

impl Resolver {
    fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let kill: Arc<Mutex<Option<(usize, Child)>>> = Arc::default();
        let (sender, killed) = channel();
        let armed = Arc::clone(&kill);
        std::thread::spawn(move || {
            let mut bytes = [0; 1500];
            loop {
                let (length, peer) = socket.recv_from(&mut bytes).unwrap();
                let mut armed = armed.lock().unwrap();
                if let Some((left, child)) = armed.as_mut() {
                    *left -= 1;
                    if *left == 0 {
                        child.kill().unwrap();
                        sender.send(armed.take().unwrap().1).unwrap();
                    }
                }
                drop(armed);
                // A process that was killed has no socket any more.
                let _gone = socket.send_to(&answer(&bytes[..length]), peer);
            }
        });
        Self { address, kill, killed }
    }
}

/// MX 10 mx.NAME, A 127.0.0.1; nothing for other types (RFC 1035 §4.1).
fn answer(query: &[u8]) -> Vec<u8> {
    let end_of_name = 12 + query[12..].iter().position(|byte| *byte == 0).unwrap();
    let end_of_question = end_of_name + 5;
    let data: &[u8] = match query[end_of_name + 2] {
        15 => &[0, 10, 2, b'm', b'x', 0xc0, 12],
        1 => &[127, 0, 0, 1],
        _ => &[],
    };
    let mut answer = query[..end_of_question].to_vec();
    answer[2..12].copy_from_slice(&[0x81, 0x80, 0, 1, 0, u8::from(!data.is_empty()), 0, 0, 0, 0]);
    if !data.is_empty() {
        answer.extend([0xc0, 12, 0, query[end_of_name + 2], 0, 1, 0, 0, 0, 60, 0, data.len() as u8]);
        answer.extend(data);
    }
    answer
}

fn arguments(resolver: &Resolver) -> Vec<String> {
    let fixed = "route --batch list --output out.ndjson --dns-only --no-canaries --concurrency 50 --resume --resolver";
    fixed.split(' ').map(str::to_owned).chain([resolver.address.to_string()]).collect()
}

/// How often each domain has a line. The last line may be cut off.
fn lines(here: &Path) -> BTreeMap<String, usize> {
    let text = fs::read_to_string(here.join("out.ndjson")).unwrap_or_default();
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let mut lines = BTreeMap::new();
    for line in whole.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        *lines.entry(line["domain"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    lines
}

#[test]
fn killed_at_any_moment_and_continued_every_domain_has_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let names: Vec<String> = (0..DOMAINS).map(|number| format!("d{number}.test")).collect();
    fs::write(here.join("list"), names.join("\n")).unwrap();
    let resolver = Resolver::start();
    let mut before = 0;
    for questions in [100, 1000, 2500, 1] {
        // (The lock is held until the child is armed: no question is answered before.)
        let mut armed = resolver.kill.lock().unwrap();
        let child = abprall(here)
            .args(arguments(&resolver))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        *armed = Some((questions, child));
        drop(armed);
        resolver.killed.recv().unwrap().wait().unwrap();
        let lines = lines(here);
        assert!(lines.len() < DOMAINS, "the kill came too late to show anything");
        assert!(lines.len() >= before, "lines were lost");
        assert!(lines.values().all(|times| *times == 1), "{lines:?}");
        before = lines.len();
    }
    // It could not fail if no kill came after the first line.
    assert!(before > 0);
    // The worst moment: in the middle of a line.
    let mut output = fs::OpenOptions::new().append(true).open(here.join("out.ndjson")).unwrap();
    output.write_all(b"{\"index\":2999,\"domain\":\"d29").unwrap();
    let last = run(here, arguments(&resolver));
    assert_eq!(last.status, 0, "{}", last.err);
    // Thousands stand apart.
    let err = last.err.replace('\u{202f}', "");
    assert!(err.contains(&format!("{before} were done before")), "{}", last.err);
    let lines = lines(here);
    assert_eq!(lines.keys().cloned().collect::<Vec<_>>(), {
        let mut names = names;
        names.sort();
        names
    });
    assert!(lines.values().all(|times| *times == 1));
    let text = fs::read_to_string(here.join("out.ndjson")).unwrap();
    assert!(text.ends_with("}\n"));
}

#[test]
fn a_file_with_other_content_is_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    fs::write(here.join("list"), "a.test\n").unwrap();
    fs::write(here.join("out.ndjson"), "my notes\n").unwrap();
    for resume in [&[][..], &["--resume"]] {
        let arguments = ["route", "--batch", "list", "--dns-only", "--output", "out.ndjson"];
        let ran = run(here, arguments.iter().chain(resume));
        assert_eq!(ran.status, 2, "{}", ran.err);
        assert_eq!(fs::read_to_string(here.join("out.ndjson")).unwrap(), "my notes\n");
    }
}

#[test]
fn lines_that_are_no_domains_are_answered_too_and_the_exit_status_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    fs::write(here.join("list"), "# mine\nuser@A.test\nno domain\na.test\n").unwrap();
    let resolver = Resolver::start();
    let address = resolver.address.to_string();
    let arguments = ["route", "--batch", "list", "--dns-only", "--no-canaries", "--resolver", &address];
    let ran = run(here, arguments);
    assert_eq!(ran.status, 1, "{}", ran.err);
    let mut lines = ran.lines();
    lines.sort_by_key(|line| line["index"].as_u64());
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["domain"], "a.test");
    assert_eq!(lines[0]["observations"], serde_json::json!([]));
    assert_eq!(lines[1]["entry"], "no domain");
}
