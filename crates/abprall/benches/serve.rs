//! `abprall serve` under load, with what makes the load on the same cores: answers of the gate a second and how long they take, at the
//! size of a large sender, and bounces taken in by LMTP.
//!
//! `cargo bench -p abprall --bench serve`. `SERVE_BENCH_ENTRIES` sets how many suppressions the index holds (default 20 million; the
//! database holds 10,000 of them, which are the ones that are asked for), `SERVE_BENCH_SECONDS` how long each part lasts (default 5).
//! `SERVE_BENCH_DIR` says where: DSN/s depend on its disk. `wrk` (Debian) makes the load for HTTP once more, where it is installed.
#![expect(clippy::unwrap_used, reason = "a benchmark")]
#![allow(dead_code, reason = "what the tests share is used in part")]

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use abprall_store::{Fingerprints, SegmentBuilder, SuppressionIndex, open_existing_store};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep_until;

#[path = "../tests/common/server.rs"]
mod server;

use server::{Server, bounce, free_ports};

const CONNECTIONS: usize = 64;
/// Suppressions that the database holds as well.
const KNOWN: u64 = 10_000;

fn main() {
    let entries = size("SERVE_BENCH_ENTRIES", 20_000_000);
    let duration = Duration::from_secs(size("SERVE_BENCH_SECONDS", 5));
    let folder = match std::env::var_os("SERVE_BENCH_DIR") {
        Some(folder) => tempfile::tempdir_in(folder).unwrap(),
        None => tempfile::tempdir().unwrap(),
    };
    let ports @ [policy, http, lmtp] = free_ports();
    prepare(folder.path(), entries);
    let mut program = Command::new(env!("CARGO_BIN_EXE_abprall"));
    let server = Server::start(
        std::mem::replace(program.current_dir(&folder), Command::new("true")),
        folder.path(),
        &settings(ports),
    );
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    println!(
        "{entries} suppressions, {CONNECTIONS} connections, one generator thread; load of the machine {}",
        load()
    );
    for one_in in [50, 5] {
        println!("one question in {one_in} is about a suppressed address");
        for (question, port) in [(Question::Policy, policy), (Question::Http, http)] {
            let (count, waits) = runtime.block_on(ask(question, port, one_in, Pace::Full, duration));
            println!(
                "  {question:?}: {:.0} answers/s, {}",
                count as f64 / duration.as_secs_f64(),
                told(waits)
            );
            let (count, waits) =
                runtime.block_on(ask(question, port, one_in, Pace::Steady(20_000), duration));
            println!(
                "  {question:?} at 20,000/s: {:.0} answers/s, {}",
                count as f64 / duration.as_secs_f64(),
                told(waits)
            );
        }
    }
    wrk(folder.path(), http, duration);
    let count = runtime.block_on(deposit(lmtp, duration));
    println!(
        "LMTP: {:.0} DSN/s acknowledged, {CONNECTIONS} connections",
        count as f64 / duration.as_secs_f64()
    );
    println!(
        "memory of the server: {} MiB beside the mapped index; load of the machine {}",
        server.memory_kib() / 1024,
        load()
    );
}

fn settings([policy, http, lmtp]: [u16; 3]) -> String {
    format!(
        "[gate.policy]\nlisten = [\"127.0.0.1:{policy}\"]\n[http]\nlisten = [\"127.0.0.1:{http}\"]\n\
         [intake.lmtp]\nlisten = [\"127.0.0.1:{lmtp}\"]\nrecipients = [\"bounces@sender.example\"]\n"
    )
}

/// A database with some suppressions, and its index with very many.
fn prepare(folder: &Path, entries: u64) {
    let list: String = (0..KNOWN).map(|number| known(number) + "\n").collect();
    std::fs::write(folder.join("known.txt"), list).unwrap();
    let mut import = Command::new(env!("CARGO_BIN_EXE_abprall"));
    let ran = import.current_dir(folder).args(["suppressions", "import", "known.txt"]).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let store = open_existing_store(folder.join("abprall.db").to_str().unwrap()).unwrap();
    let place = folder.join("abprall.db.index");
    let index = SuppressionIndex::open(&place, store.seed()).unwrap();
    index.catch_up(&*store).unwrap();
    let hash = Fingerprints::new(store.seed());
    let mut builder = SegmentBuilder::new(&place, store.seed()).unwrap();
    for number in 0..KNOWN {
        builder.push(hash.of(&known(number))).unwrap();
    }
    for number in 0..entries - KNOWN {
        builder.push(hash.of(&format!("user{number}@domain{}.example", number % 1_000_003))).unwrap();
    }
    builder.finish(index.mark()).unwrap();
}

fn known(number: u64) -> String {
    format!("stopped{number}@known{}.example", number % 977)
}

#[derive(Clone, Copy, Debug)]
enum Question {
    Policy,
    Http,
}

#[derive(Clone, Copy)]
enum Pace {
    /// Each connection asks as soon as it has its answer.
    Full,
    /// So many a second over all; what is late counts from when it should have been asked.
    Steady(u32),
}

impl Question {
    fn bytes(self, address: &str) -> String {
        match self {
            // As Postfix 3.7 asks in the lab.
            Self::Policy => format!(
                "request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=ESMTP\nclient_address=10.77.0.9\nclient_name=tester.lab.test\n\
                 client_port=34930\nreverse_client_name=tester.lab.test\nserver_address=10.77.0.22\nserver_port=25\nhelo_name=tester.lab.test\n\
                 sender=b+camp=42@bounces.test\nrecipient={address}\nrecipient_count=0\nqueue_id=8FDA0875A\ninstance=165.6b04c3d4.8e24d.0\n\
                 size=0\netrn_domain=\nstress=\nsasl_method=\nsasl_username=\nsasl_sender=\nccert_subject=\nccert_issuer=\nccert_fingerprint=\n\
                 ccert_pubkey_fingerprint=\nencryption_protocol=\nencryption_cipher=\nencryption_keysize=0\npolicy_context=\n\n"
            ),
            Self::Http => format!("GET /v1/check/{address} HTTP/1.1\r\nHost: abprall\r\n\r\n"),
        }
    }

    fn is_whole(self, answer: &[u8]) -> bool {
        match self {
            Self::Policy => answer.ends_with(b"\n\n"),
            // Our JSON is one object, without an object in it.
            Self::Http => answer.ends_with(b"}"),
        }
    }

    /// Whether it says that the address is stopped.
    fn is_no(self, answer: &[u8]) -> bool {
        match self {
            Self::Policy => answer.starts_with(b"action=550"),
            Self::Http => memchr::memmem::find(answer, b"\"state\":\"ok\"").is_none(),
        }
    }
}

/// Asks on all connections for so long. Gives how many answers came, and how long each took.
async fn ask(
    question: Question,
    port: u16,
    one_in: u64,
    pace: Pace,
    duration: Duration,
) -> (usize, Vec<Duration>) {
    let mut clients = tokio::task::JoinSet::new();
    let begin = tokio::time::Instant::now() + Duration::from_millis(50);
    for client in 0..CONNECTIONS {
        clients.spawn(async move {
            let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            stream.set_nodelay(true).unwrap();
            let mut waits = Vec::new();
            let mut buffer = vec![0; 4096];
            sleep_until(begin).await;
            for number in 0u64.. {
                let due = match pace {
                    Pace::Full => tokio::time::Instant::now(),
                    Pace::Steady(rate) => {
                        let nth = number as f64 * CONNECTIONS as f64 + client as f64;
                        let due = begin + Duration::from_secs_f64(nth / f64::from(rate));
                        sleep_until(due).await;
                        due
                    }
                };
                if due - begin >= duration {
                    break;
                }
                let pick = number * CONNECTIONS as u64 + client as u64;
                let is_known = pick.is_multiple_of(one_in);
                let address = if is_known {
                    known(pick / one_in % KNOWN)
                } else {
                    format!("subscriber{pick}@list.example")
                };
                stream.write_all(question.bytes(&address).as_bytes()).await.unwrap();
                let mut filled = 0;
                while !question.is_whole(&buffer[..filled]) {
                    let count = stream.read(&mut buffer[filled..]).await.unwrap();
                    assert!(count > 0, "the server has left");
                    filled += count;
                }
                assert_eq!(question.is_no(&buffer[..filled]), is_known, "{address}");
                waits.push(due.elapsed());
            }
            waits
        });
    }
    let waits = clients.join_all().await.concat();
    (waits.len(), waits)
}

fn told(mut waits: Vec<Duration>) -> String {
    waits.sort();
    let share = |per_mille: usize| waits[(waits.len() - 1) * per_mille / 1000];
    format!("half within {:.2?}, 99 % within {:.2?}, all within {:.2?}", share(500), share(990), share(1000))
}

/// Brings bounces in on all connections for so long, each about another address; gives how many were acknowledged.
async fn deposit(port: u16, duration: Duration) -> usize {
    let mut clients = tokio::task::JoinSet::new();
    let begin = Instant::now();
    for client in 0..CONNECTIONS {
        clients.spawn(async move {
            let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            stream.set_nodelay(true).unwrap();
            replies(&mut stream, b"220 ", 1).await;
            stream.write_all(b"LHLO mx.example\r\n").await.unwrap();
            replies(&mut stream, b"250 ", 1).await;
            let mut count = 0;
            while begin.elapsed() < duration {
                let mail = bounce(&format!("user{count}.{client}@gone{}.example", count % 97));
                stream
                    .write_all(b"MAIL FROM:<>\r\nRCPT TO:<bounces@sender.example>\r\nDATA\r\n")
                    .await
                    .unwrap();
                replies(&mut stream, b"354 ", 1).await;
                stream.write_all(mail.as_bytes()).await.unwrap();
                stream.write_all(b".\r\n").await.unwrap();
                replies(&mut stream, b"250 2.0.0 ", 1).await;
                count += 1;
            }
            count
        });
    }
    clients.join_all().await.into_iter().sum()
}

/// Reads until so many lines began so.
async fn replies(stream: &mut TcpStream, start: &[u8], count: usize) {
    let (mut heard, mut buffer) = (Vec::new(), [0; 1024]);
    loop {
        let found = heard
            .split_inclusive(|&byte| byte == b'\n')
            .filter(|line: &&[u8]| line.starts_with(start) && line.ends_with(b"\n"));
        if found.count() >= count {
            return;
        }
        let taken = stream.read(&mut buffer).await.unwrap();
        assert!(taken > 0, "the server has left");
        heard.extend_from_slice(&buffer[..taken]);
    }
}

/// The same question over HTTP by a tool that others know.
fn wrk(folder: &Path, port: u16, duration: Duration) {
    let script = "local n = 0\nrequest = function()\n  n = n + 1\n\
        if n % 50 == 0 then return wrk.format('GET', '/v1/check/stopped' .. n % 10000 .. '@known' .. n % 10000 % 977 .. '.example') end\n\
        return wrk.format('GET', '/v1/check/subscriber' .. n .. '@list.example')\nend\n";
    std::fs::write(folder.join("wrk.lua"), script).unwrap();
    let ran = Command::new("wrk")
        .args(["-t1", "--latency", "-s", "wrk.lua"])
        .arg(format!("-c{CONNECTIONS}"))
        .arg(format!("-d{}s", duration.as_secs()))
        .arg(format!("http://127.0.0.1:{port}/"))
        .current_dir(folder)
        .output();
    match ran {
        Ok(ran) => {
            let said = String::from_utf8_lossy(&ran.stdout);
            let lines = said.lines().map(str::trim).filter(|line| {
                ["Requests/sec", "50%", "99%", "Non-2xx"].iter().any(|start| line.starts_with(start))
            });
            println!("wrk: {}", lines.collect::<Vec<_>>().join(", "));
        }
        Err(error) => println!("wrk is left out: {error}"),
    }
}

fn load() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap();
    load.split(' ').next().unwrap().to_owned()
}

fn size(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |text| text.replace('_', "").parse().unwrap())
}
