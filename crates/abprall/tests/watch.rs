//! `watch` is killed at any moment (SIGKILL), while another one works on the same database: nothing is lost, nothing is done twice,
//! and what the dead had leased is taken over.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};

use jiff::{Timestamp, ToSpan};
use rusqlite::Connection;

mod common;
#[path = "common/resolver.rs"]
mod resolver;

use common::{abprall, run};
use resolver::answer;

/// Of each kind.
const DOMAINS: usize = 160;

/// Rounds: in every second one process is killed while it looks, in the others two while they store.
const ROUNDS: usize = 60;

/// A resolver on loopback: names that begin with `n` have a null MX, with `x` do not exist, all others have a mail host in a private
/// network, which nobody contacts: only the DNS is looked at.
struct Resolver {
    address: SocketAddr,
    /// How many questions it may answer before it kills this process.
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

/// Names that are held, and for each kind what is to become of it.
fn held(here: &Path) -> Vec<String> {
    let mut names = Vec::new();
    let mut lines = String::new();
    for number in 0..DOMAINS {
        // What does not exist takes long to look at, and is looked at again and again.
        let kinds: &[&str] = if number % 40 == 0 { &["n", "d", "x"] } else { &["n", "d"] };
        for kind in kinds {
            let name = format!("{kind}{number}.test");
            lines += &format!(
                "550 5.4.4 <p@{name}>: Host or domain name not found. Name service error for name={name} type=A: Host not found\n"
            );
            names.push(name);
        }
    }
    fs::write(here.join("lines"), lines).unwrap();
    let ran = run(here, ["process", "--lines", "lines", "--store", "s.db", "--now", "2026-11-24T12:00:00Z"]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    names
}

fn watch(here: &Path, resolver: SocketAddr, now: Timestamp) -> Command {
    let mut command = abprall(here);
    // The walk of the delegation begins at a root server that is not there.
    let fixed = "watch --store s.db --format ndjson --dns-only --no-canaries --allow-network 10.77.0.0/24 --deadline 1s --root 127.0.0.1 --resolver";
    command.args(fixed.split(' ')).arg(resolver.to_string()).args(["--now", &now.to_string()]);
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

/// What a process has told, up to where it ended; `on_line` sees how many lines there were.
fn told(child: &mut Child, mut on_line: impl FnMut(usize)) -> Vec<serde_json::Value> {
    let out = BufReader::new(child.stdout.take().unwrap());
    let mut all = Vec::new();
    for line in out.lines() {
        // The last line may be cut by the kill: then nothing was said.
        let Ok(line) = serde_json::from_str::<serde_json::Value>(&line.unwrap()) else { break };
        if line.get("what").is_some() {
            all.push(line);
        }
        on_line(all.len());
    }
    all
}

#[test]
fn killed_at_any_moment_nothing_is_lost_nothing_doubled_and_leases_are_taken_over() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let names = held(here);
    let resolver = Resolver::start();
    let mut now: Timestamp = "2026-11-24T12:00:01Z".parse().unwrap();
    let mut looks: BTreeMap<i64, String> = BTreeMap::new();
    let mut in_the_middle = 0;
    for round in 0..ROUNDS {
        let victim = watch(here, resolver.address, now).spawn().unwrap();
        let said = if round % 2 == 0 {
            let mut armed = resolver.kill.lock().unwrap();
            let mut victim = victim;
            let out = victim.stdout.take();
            *armed = Some((1 + round * 7 % 90, victim));
            drop(armed);
            // It may end before so many questions are asked: then nothing was due any more.
            let mut reader = Reader { out };
            let said = reader.read();
            drop(resolver.kill.lock().unwrap().take());
            if let Ok(mut dead) = resolver.killed.try_recv() {
                dead.wait().unwrap();
                in_the_middle += 1;
            }
            said
        } else {
            let other = watch(here, resolver.address, now).spawn().unwrap();
            let one = std::thread::spawn(move || killed_after(victim, 1 + round % 13));
            let two = std::thread::spawn(move || killed_after(other, 1 + round % 7));
            let mut all = Vec::new();
            for (said, hit) in [one.join().unwrap(), two.join().unwrap()] {
                in_the_middle += usize::from(hit);
                all.extend(said);
            }
            all
        };
        note(&mut looks, said);
        // Leases of the dead end.
        now = now.checked_add(301.seconds()).unwrap();
    }
    let mut last = watch(here, resolver.address, now).spawn().unwrap();
    note(&mut looks, told(&mut last, |_| ()));
    assert!(last.wait().unwrap().success() || !looks.is_empty());
    // It could not fail if no kill hit anything.
    assert!(in_the_middle > ROUNDS / 2, "{in_the_middle}");

    let store = Connection::open(here.join("s.db")).unwrap();
    let count = |sql: &str| -> BTreeMap<String, u32> {
        let mut statement = store.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    };
    // Whatever was told is there, whatever was done is there once.
    let stored = count("SELECT CAST(id AS TEXT), 1 FROM observation");
    assert!(looks.keys().all(|id| stored.contains_key(&id.to_string())), "an acknowledged look is lost");
    let seen =
        count("SELECT name, count(*) FROM observation JOIN domain ON domain.id = domain GROUP BY name");
    let decided = count(
        "SELECT name, count(*) FROM decision JOIN domain ON domain.id = decision.domain
         WHERE address IS NULL AND outcome IN ('hold', 'suppress') GROUP BY name",
    );
    let freed = count(
        "SELECT domain.name, count(*) FROM decision JOIN address ON address.id = decision.address
             JOIN domain ON domain.id = address.domain
         WHERE outcome = 'release' GROUP BY domain.name",
    );
    let work = count("SELECT name, count(*) FROM work JOIN domain ON domain.id = domain GROUP BY name");
    for name in &names {
        let kind = name.as_bytes()[0];
        let (looked, stops, releases, next) =
            (seen.get(name), decided.get(name), freed.get(name), work.get(name));
        let wanted = match kind {
            b'n' => (Some(&1), Some(&1), None, Some(&1)),
            b'd' => (Some(&1), None, Some(&1), None),
            _ => (looked.filter(|looks| **looks >= 1), Some(&1), None, Some(&1)),
        };
        assert!(looked.is_some(), "{name} was lost");
        assert_eq!((looked, stops, releases, next), wanted, "{name}");
    }
    let ask = |name: &str| run(here, ["check", "--store", "s.db", &format!("p@{name}")]).status;
    assert_eq!((ask("n7.test"), ask("d7.test"), ask("x40.test")), (1, 0, 1));
}

/// What it has told when it was killed behind so many lines, and whether it came so far.
fn killed_after(mut child: Child, lines: usize) -> (Vec<serde_json::Value>, bool) {
    let (pid, mut hit) = (child.id(), false);
    let said = told(&mut child, |count| {
        if count == lines && !hit {
            hit = true;
            assert!(Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap().success());
        }
    });
    child.wait().unwrap();
    (said, hit)
}

/// Each look is acknowledged once.
fn note(looks: &mut BTreeMap<i64, String>, said: Vec<serde_json::Value>) {
    let mut here = BTreeSet::new();
    for line in said {
        let Some(id) = line["observation"].as_i64() else { continue };
        let domain = line["domain"].as_str().unwrap_or_default().to_owned();
        assert!(here.insert(id) && looks.insert(id, domain).is_none(), "look {id} was told twice");
    }
}

/// The output of a process that somebody else may kill.
struct Reader {
    out: Option<std::process::ChildStdout>,
}

impl Reader {
    fn read(&mut self) -> Vec<serde_json::Value> {
        let out = BufReader::new(self.out.take().unwrap());
        let lines = out.lines().map_while(Result::ok);
        let parsed = lines.map_while(|line| serde_json::from_str::<serde_json::Value>(&line).ok());
        parsed.filter(|line| line.get("what").is_some()).collect()
    }
}

#[test]
fn terminated_it_finishes_what_it_has_begun() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    held(here);
    let resolver = Resolver::start();
    let mut command = abprall(here);
    let fixed = "watch --store s.db --format ndjson --dns-only --no-canaries --allow-network 10.77.0.0/24 --deadline 2s --root 127.0.0.1 --follow --resolver";
    command.args(fixed.split(' ')).arg(resolver.address.to_string());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let pid = child.id();
    let said = told(&mut child, |lines| {
        if lines == 3 {
            let ended = Command::new("kill").args(["-TERM", &pid.to_string()]).status().unwrap();
            assert!(ended.success());
        }
    });
    assert!(child.wait().unwrap().code().is_some_and(|code| code <= 1));
    let store = Connection::open(here.join("s.db")).unwrap();
    let one = |sql: &str| -> i64 { store.query_row(sql, [], |row| row.get(0)).unwrap() };
    assert_eq!(one("SELECT count(*) FROM work WHERE leased_until IS NOT NULL"), 0, "a lease is left over");
    assert_eq!(one("SELECT count(*) FROM observation"), i64::try_from(said.len()).unwrap());
    assert!(said.len() < 2 * DOMAINS, "it did not end before all was done");
}

#[test]
fn a_domain_that_waits_for_a_person_comes_back_by_that_word_alone() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    held(here);
    let allow = |domain: &str| {
        run(
            here,
            [
                "watch",
                "--store",
                "s.db",
                "--allow",
                domain,
                "--note",
                "their admin called",
                "--format",
                "json",
            ],
        )
    };
    assert_eq!(allow("n1.test").status, 1);
    let store = Connection::open(here.join("s.db")).unwrap();
    let waits = r#"{"stage":"needs_person","why":"new_name_servers"}"#;
    let changed = store.execute(
        "UPDATE domain_state SET reinstatement = ?1 WHERE domain = (SELECT id FROM domain WHERE name = 'n1.test')",
        [waits],
    );
    assert_eq!(changed.unwrap(), 1);
    let allowed = allow("n1.test");
    assert_eq!((allowed.status, allowed.json()["doubt"].as_str()), (0, Some("new_name_servers")));
    assert_eq!(allow("n1.test").status, 1);
    let noted: i64 = store
        .query_row(
            "SELECT count(*) FROM incident_event WHERE detail LIKE '%their admin called%'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(noted, 1);
}
