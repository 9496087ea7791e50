//! What may happen to a server: it is killed under load, its disk is full, its database is gone, others hold its connections. What it
//! has acknowledged is there afterwards, once, and it goes on by itself.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Mutex, mpsc};
use std::time::{Duration, Instant};

mod common;

use common::server::{Lmtp, Server, bounce, connect, exchange, free_ports, http, policy_question};
use common::{abprall, project, run};

const KILLS: usize = 85;
const FULL_DISKS: usize = 12;
const LOST_DATABASES: usize = 4;

fn settings(store: &str, [lmtp, policy, http]: [u16; 3]) -> String {
    format!(
        "store = \"{store}\"\nindex = \"index\"\n[gate.policy]\nlisten = [\"127.0.0.1:{policy}\"]\n[http]\nlisten = [\"127.0.0.1:{http}\"]\n\
         [intake.lmtp]\nlisten = [\"127.0.0.1:{lmtp}\"]\nrecipients = [\"bounces@sender.example\"]\n"
    )
}

/// How many of these the gate refuses; all are asked on one connection.
fn refused(policy: u16, addresses: &[String]) -> usize {
    let mut stream = connect(policy);
    let said = addresses.iter().filter(|address| {
        exchange(&mut stream, &policy_question(address), "\n\n").unwrap().starts_with("action=550 ")
    });
    said.count()
}

/// What clients have sent, and what was acknowledged.
#[derive(Default)]
struct Book {
    sent: Mutex<BTreeSet<String>>,
    acknowledged: Mutex<Vec<String>>,
}

impl Book {
    /// Sends bounces until the server is gone; `send` gives whether one was acknowledged.
    fn fill(
        &self,
        name: &str,
        first: &mpsc::Sender<()>,
        mut send: impl FnMut(&str) -> std::io::Result<bool>,
    ) {
        for number in 0.. {
            // A domain for each client and round: a thousand at one domain would be an incident, which freezes what is suppressed.
            let about = format!("user{number}@{name}.example");
            self.sent.lock().unwrap().insert(about.clone());
            match send(&about) {
                Ok(stored) => {
                    assert!(stored, "{about} was not stored, and the server lives");
                    self.acknowledged.lock().unwrap().push(about);
                    // Who listens for it may have heard enough.
                    let _ = first.send(());
                }
                Err(_) => return,
            }
        }
    }
}

#[test]
fn killed_under_load_nothing_acknowledged_is_lost_and_nothing_counted_twice() {
    let folder = tempfile::tempdir().unwrap();
    let ports @ [lmtp, policy, web] = free_ports();
    let book = Book::default();
    let settings = settings("abprall.db", ports) + "[keep]\nraw_mail = \"30d\"\n";
    let start = || Server::start(abprall(folder.path()), folder.path(), &settings);
    let mut last: Vec<String> = Vec::new();
    for round in 0..KILLS {
        let mut server = start();
        // From the last round: the index was brought in step with the database, and nothing is new that was acknowledged.
        assert_eq!(refused(policy, &last), last.len(), "round {round}");
        if let Some(known) = last.iter().rfind(|about| about.contains("@http")) {
            let (status, body) = http(web, "POST", "/v1/bounces", &bounce(known)).unwrap();
            assert!(status == 200 && body.contains("\"new\":false"), "{known}: {status} {body}");
        }
        // Who was not sure sends it again: in the end each is counted once.
        if let Some(known) = last.iter().rfind(|about| about.contains("@lmtp")) {
            assert!(Lmtp::connect(lmtp).send(&bounce(known)).unwrap().starts_with("250 "));
        }
        let before = book.acknowledged.lock().unwrap().len();
        let (first, heard) = mpsc::channel();
        std::thread::scope(|scope| {
            for client in 0..3 {
                let (book, first) = (&book, first.clone());
                let mut connection = Lmtp::connect(lmtp);
                scope.spawn(move || {
                    book.fill(&format!("lmtp{client}.round{round}"), &first, |about| {
                        connection.send(&bounce(about)).map(|reply| reply.starts_with("250 "))
                    });
                });
            }
            let posts = first.clone();
            let book = &book;
            scope.spawn(move || {
                book.fill(&format!("http.round{round}"), &posts, |about| {
                    http(web, "POST", "/v1/bounces", &bounce(about)).map(|(status, _)| status == 200)
                });
            });
            let mut asking = connect(policy);
            scope.spawn(move || {
                let strangers = policy_question("stranger@example.org");
                while let Ok(said) = exchange(&mut asking, &strangers, "\n\n")
                    && !said.is_empty()
                {
                    assert_eq!(said, "action=DUNNO\n\n");
                }
            });
            heard.recv_timeout(Duration::from_secs(30)).unwrap();
            // The kill is to come at many different moments of a commit.
            std::thread::sleep(Duration::from_micros((round as u64 * 977) % 40_000));
            server.kill();
        });
        last = book.acknowledged.lock().unwrap()[before..].to_vec();
    }
    let _server = start();
    let (sent, acknowledged) = (book.sent.into_inner().unwrap(), book.acknowledged.into_inner().unwrap());
    assert!(acknowledged.len() > KILLS * 2, "{}: the test would show little", acknowledged.len());
    let all: Vec<_> = sent.iter().collect();
    let question = serde_json::json!({ "addresses": all }).to_string();
    let (_, answer) = http(web, "POST", "/v1/check", &question).unwrap();
    let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
    let results = answer["results"].as_array().unwrap();
    let by_gate: BTreeSet<_> = results
        .iter()
        .filter(|one| one["state"] != "ok")
        .map(|one| one["address"].as_str().unwrap().to_owned())
        .collect();
    let export = run(folder.path(), ["suppressions", "export", "--format", "csv"]).out;
    let by_database: BTreeSet<_> =
        export.lines().skip(1).map(|row| row.split(',').next().unwrap().to_owned()).collect();
    let differ: Vec<_> = by_gate.symmetric_difference(&by_database).take(5).collect();
    assert!(differ.is_empty(), "the index and the database agree: {differ:?}; {}", results[0]);
    let lost: Vec<_> = acknowledged.iter().filter(|address| !by_database.contains(*address)).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    let report = run(folder.path(), ["report", "--format", "json"]).json();
    assert_eq!(report["messages"].as_u64().unwrap() as usize, by_database.len(), "each counts once");
    // Raw mail is there before its decisions, and whole under its name.
    let kept = kept_mail(&folder.path().join("abprall.db.mail"));
    assert!(kept.len() >= by_database.len(), "{} of {} kept", kept.len(), by_database.len());
    for content in kept.iter().step_by(kept.len() / 20) {
        let mail = run(folder.path(), ["message", content]);
        assert!(mail.status == 0 && mail.out.ends_with("--b--\r\n"), "{content}: {}", mail.err);
    }
    println!("{KILLS} kills, {} sent, {} acknowledged, none lost", sent.len(), acknowledged.len());
}

/// The contents of the messages in a folder of raw mail.
fn kept_mail(folder: &Path) -> BTreeSet<String> {
    let days = std::fs::read_dir(folder).unwrap();
    let files = days.flat_map(|day| std::fs::read_dir(day.unwrap().path()).unwrap());
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    names.filter_map(|name| name.strip_suffix(".gz").map(str::to_owned)).collect()
}

/// A server on a disk of its own of 8 MiB, in namespaces of its own; lines of words make the disk full or free.
struct OnOwnDisk {
    server: Server,
    words: BufReader<std::process::ChildStdout>,
}

impl OnOwnDisk {
    fn start(folder: &Path, settings: &str) -> Self {
        std::fs::write(folder.join("abprall.toml"), settings).unwrap();
        std::fs::create_dir(folder.join("disk")).unwrap();
        let program = abprall(folder);
        let script = "mount -t tmpfs -o size=8m none disk\n\
            \"$ABPRALL\" serve 2>errors & \n\
            until grep -q serving errors; do kill -0 $! || exit 1; done; echo ready\n\
            while read -r word; do\n\
              if [ $word = full ]; then cat /dev/zero >disk/ballast 2>/dev/null || true; else rm disk/ballast; fi\n\
              echo $word\n\
            done\n\
            kill $!; wait $!";
        let child = Command::new("unshare")
            .args(["-Urm", "sh", "-c", script])
            .current_dir(folder)
            .env("ABPRALL", program.get_program())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let mut server = Server::of(child.unwrap());
        let words = BufReader::new(server.child.stdout.take().unwrap());
        let mut own = Self { server, words };
        own.hear("ready");
        own
    }

    fn tell(&mut self, word: &str) {
        writeln!(self.server.child.stdin.as_mut().unwrap(), "{word}").unwrap();
        self.hear(word);
    }

    fn hear(&mut self, word: &str) {
        let mut line = String::new();
        self.words.read_line(&mut line).unwrap();
        assert_eq!(line.trim(), word);
    }

    /// Ends it in order; gives how the server ended.
    fn end(&mut self) -> std::process::ExitStatus {
        drop(self.server.child.stdin.take());
        self.server.child.wait().unwrap()
    }
}

impl Drop for OnOwnDisk {
    fn drop(&mut self) {
        // Else the server would outlive a test that fails.
        self.end();
    }
}

#[test]
fn with_a_full_disk_senders_keep_their_bounces_until_there_is_space() {
    let folder = tempfile::tempdir().unwrap();
    let ports @ [lmtp, policy, web] = free_ports();
    let mut own = OnOwnDisk::start(
        folder.path(),
        &settings("disk/abprall.db", ports).replace("\"index\"", "\"disk/index\""),
    );
    let mut client = Lmtp::connect(lmtp);
    let mut acknowledged = Vec::new();
    for round in 0..FULL_DISKS {
        own.tell("full");
        let mut later = None;
        for number in 0..2_000 {
            let about = format!("user{number}@full{round}.example");
            let reply = client.send(&bounce(&about)).unwrap();
            if reply.starts_with("250 ") {
                acknowledged.push(about);
            } else {
                assert!(reply.starts_with("451 4.3.0 "), "{reply}");
                later = Some(about);
                break;
            }
        }
        let later = later.expect("the disk was never full");
        let (status, _) = http(web, "POST", "/v1/bounces", &bounce(&later)).unwrap();
        assert_eq!(status, 503);
        assert_eq!(refused(policy, &acknowledged), acknowledged.len(), "the gate goes on");
        assert_eq!(
            refused(policy, std::slice::from_ref(&later)),
            0,
            "what was not stored counts for nothing"
        );
        own.tell("free");
        let reply = client.send(&bounce(&later)).unwrap();
        assert!(reply.starts_with("250 "), "with space it goes on by itself: {reply}");
        acknowledged.push(later);
    }
    assert_eq!(refused(policy, &acknowledged), acknowledged.len());
    assert!(own.end().success());
}

#[test]
fn with_the_disk_of_raw_mail_full_senders_keep_their_bounces_until_there_is_space() {
    let folder = tempfile::tempdir().unwrap();
    let ports @ [lmtp, policy, web] = free_ports();
    let keep = "[keep]\nraw_mail = \"30d\"\nraw_mail_folder = \"disk/mail\"\n";
    let mut own = OnOwnDisk::start(folder.path(), &(settings("abprall.db", ports) + keep));
    let mut client = Lmtp::connect(lmtp);
    for round in 0..3 {
        let (before, about) = (format!("before@full{round}.example"), format!("user@full{round}.example"));
        assert!(client.send(&bounce(&before)).unwrap().starts_with("250 "));
        own.tell("full");
        let reply = client.send(&bounce(&about)).unwrap();
        assert!(reply.starts_with("451 4.3.0 "), "{reply}");
        assert_eq!(http(web, "POST", "/v1/bounces", &bounce(&about)).unwrap().0, 503);
        assert_eq!(refused(policy, &[before, about.clone()]), 1, "what was not kept counts for nothing");
        own.tell("free");
        assert!(client.send(&bounce(&about)).unwrap().starts_with("250 "), "it goes on by itself");
        assert_eq!(refused(policy, std::slice::from_ref(&about)), 1);
    }
    let (_, metrics) = http(web, "GET", "/metrics", "").unwrap();
    assert!(metrics.contains("abprall_raw_mail_errors_total 6"), "{metrics}");
    assert!(own.end().success());
}

fn postgres(action: &str, folder: &Path) -> String {
    let ran = Command::new(project().join("lab/postgres.sh")).arg(action).arg(folder).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).unwrap().trim().to_owned()
}

struct Postgres(tempfile::TempDir);

impl Drop for Postgres {
    fn drop(&mut self) {
        // It may be down when the test fails.
        let _ = Command::new(project().join("lab/postgres.sh")).arg("stop").arg(self.0.path()).output();
    }
}

#[test]
fn with_its_database_gone_the_gate_answers_from_the_index_and_all_goes_on_when_it_is_back() {
    if std::env::var_os("ABPRALL_TEST_POSTGRES").is_none() {
        println!(
            "skipped: ABPRALL_TEST_POSTGRES is not set, so there may be no PostgreSQL to start (see test.sh)"
        );
        return;
    }
    let database = Postgres(tempfile::tempdir().unwrap());
    postgres("start", database.0.path());
    let folder = tempfile::tempdir().unwrap();
    let ports @ [lmtp, policy, web] = free_ports();
    let socket = database.0.path().display().to_string().replace('/', "%2F");
    let store = format!("postgres://abprall@{socket}/postgres");
    let _server = Server::start(abprall(folder.path()), folder.path(), &settings(&store, ports));
    let mut client = Lmtp::connect(lmtp);
    let mut acknowledged = vec!["first@gone.example".to_owned()];
    assert!(client.send(&bounce(&acknowledged[0])).unwrap().starts_with("250 "));
    for round in 0..LOST_DATABASES {
        postgres("stop", database.0.path());
        let since = Instant::now();
        let about = format!("user@lost{round}.example");
        let reply = client.send(&bounce(&about)).unwrap();
        assert!(reply.starts_with("451 4.3.0 "), "{reply}");
        assert_eq!(http(web, "POST", "/v1/bounces", &bounce(&about)).unwrap().0, 503);
        // The index says: not stopped. Nobody has to be asked.
        assert_eq!(http(web, "GET", "/v1/check/stranger@example.org", "").unwrap().0, 200);
        let said = exchange(&mut connect(policy), &policy_question("stranger@example.org"), "\n\n").unwrap();
        assert_eq!(said, "action=DUNNO\n\n");
        // It says: perhaps. Only the database knows.
        assert_eq!(http(web, "GET", "/v1/check/first@gone.example", "").unwrap().0, 503);
        let said = exchange(&mut connect(policy), &policy_question("first@gone.example"), "\n\n").unwrap();
        assert!(said.starts_with("action=450 4.7.1 abprall cannot tell now"), "{said}");
        assert!(since.elapsed() < Duration::from_secs(20), "answers took {:?}", since.elapsed());
        postgres("again", database.0.path());
        let end = Instant::now() + Duration::from_secs(30);
        while !client.send(&bounce(&about)).unwrap().starts_with("250 ") {
            assert!(Instant::now() < end, "the database is back for 30 s and takes nothing");
        }
        acknowledged.push(about);
        // The gate looks for it again within a second.
        while refused(policy, &acknowledged[..1]) == 0 {
            assert!(Instant::now() < end, "the database is back for 30 s and the gate does not see it");
        }
        assert_eq!(refused(policy, &acknowledged), acknowledged.len(), "round {round}");
    }
}

const IDLE: usize = 10_000;
const SLOW: usize = 1_000;

#[test]
fn ten_thousand_idle_and_a_thousand_slow_connections_do_not_disturb_the_gate() {
    // This process holds the other ends: more than the usual limit of files.
    let own = std::process::id().to_string();
    assert!(Command::new("prlimit").args(["--pid", &own, "--nofile=15000"]).status().unwrap().success());
    let folder = tempfile::tempdir().unwrap();
    let ports @ [lmtp, policy, web] = free_ports();
    // It is started with the usual limit, and raises it.
    let mut program = Command::new("sh");
    program.args(["-c", "ulimit -Sn 1024; exec \"$0\" \"$@\""]).arg(abprall(folder.path()).get_program());
    program.current_dir(folder.path());
    let server = Server::start(program, folder.path(), &settings("abprall.db", ports));
    let empty = server.memory_kib();
    let open = |port, count| {
        (0..count).map(|_| TcpStream::connect(("127.0.0.1", port)).unwrap()).collect::<Vec<_>>()
    };
    let idle: Vec<_> = [lmtp, policy, web].into_iter().flat_map(|port| open(port, IDLE / 3)).collect();
    let mut slow: Vec<_> = [lmtp, policy, web].into_iter().flat_map(|port| open(port, SLOW / 3)).collect();
    let (stop, stopped) = mpsc::channel::<()>();
    let waits = std::thread::scope(|scope| {
        scope.spawn(move || {
            // A byte each, again and again: a request, a command, a header that never ends.
            while matches!(stopped.recv_timeout(Duration::from_millis(200)), Err(RecvTimeoutError::Timeout)) {
                for stream in &mut slow {
                    match stream.write_all(b"x") {
                        // The server may throw out who never ends.
                        Ok(()) => {}
                        Err(error) => assert!(
                            matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset),
                            "{error}"
                        ),
                    }
                }
            }
        });
        let mut waits = Vec::new();
        let mut mail = Lmtp::connect(lmtp);
        let mut asking = connect(policy);
        for number in 0..100 {
            let about = format!("user{number}@gone.example");
            assert!(mail.send(&bounce(&about)).unwrap().starts_with("250 "));
            let since = Instant::now();
            let said = exchange(&mut asking, &policy_question(&about), "\n\n").unwrap();
            waits.push(since.elapsed());
            assert!(said.starts_with("action=550 "), "{said}");
            if number % 20 == 0 {
                assert_eq!(
                    refused(policy, std::slice::from_ref(&about)),
                    1,
                    "who connects anew is heard as well"
                );
                assert_eq!(http(web, "GET", &format!("/v1/check/{about}"), "").unwrap().0, 200);
            }
        }
        drop(stop);
        waits.sort();
        waits
    });
    let memory = server.memory_kib() - empty;
    println!(
        "{} connections: {} KiB each; the gate answers in {:?}, 99 % within {:?}",
        idle.len() + SLOW,
        memory / (IDLE + SLOW) as u64,
        waits[waits.len() / 2],
        waits[waits.len() * 99 / 100]
    );
    // What the documentation says.
    assert!(memory < 32 * (IDLE + SLOW) as u64, "{memory} KiB");
    assert!(waits[waits.len() / 2] < Duration::from_millis(200), "{waits:?}");
    let mut greeting = [0; 3];
    (&idle[0]).read_exact(&mut greeting).unwrap();
    assert_eq!(&greeting, b"220", "who is only idle is kept");
}
