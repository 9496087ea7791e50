//! What is asked of PostgreSQL beyond the contract: several at once, and a server that crashes.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::HashSet;
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use abprall_bounce::{Classification, Classifier, Report, read_line};
use abprall_policy::Policy;
use abprall_store::{
    Audience, ContentId, Entry, Message, Recorded, Store, StoreError, Subject, open_existing_store,
    open_store,
};
use jiff::Timestamp;
use postgres::{Client, NoTls};
use tempfile::TempDir;

#[test]
fn several_who_record_the_same_and_different_messages_store_each_once() {
    let Some(schema) = Schema::new("record") else { return };
    let bounces = bounces(400);
    let new: usize = thread::scope(|scope| {
        let workers: Vec<_> = [7, 20, 33, 50]
            .map(|batch| {
                let (schema, bounces) = (&schema, &bounces);
                scope.spawn(move || {
                    let mut store = schema.open();
                    bounces.chunks(batch).map(|batch| record(&mut *store, batch)).sum::<usize>()
                })
            })
            .into();
        workers.into_iter().map(|worker| worker.join().unwrap()).sum()
    });
    assert_eq!(new, 400);
    assert_complete(&*schema.open(), &bounces);
}

#[test]
fn several_who_lease_at_once_never_get_the_same_item() {
    let Some(schema) = Schema::new("lease") else { return };
    let domains = 60;
    let bounces: Vec<_> = (0..domains)
        .map(|number| bounce(&format!("550 5.4.3 <a@d{number}.example>: Routing server failure"), number))
        .collect();
    record(&mut *schema.open(), &bounces);
    let leased: Vec<i64> = thread::scope(|scope| {
        let workers: Vec<_> = ["a", "b", "c", "d"]
            .map(|owner| {
                let schema = &schema;
                scope.spawn(move || {
                    let mut store = schema.open();
                    let mut ids = Vec::new();
                    loop {
                        let items = store.lease_due(owner, now(), Duration::from_secs(60), 3).unwrap();
                        if items.is_empty() {
                            return ids;
                        }
                        assert!(items.iter().all(|item| item.owner == owner), "{items:?}");
                        ids.extend(items.iter().map(|item| item.id));
                    }
                })
            })
            .into();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    assert_eq!(leased.len(), domains);
    assert_eq!(leased.iter().collect::<HashSet<_>>().len(), domains);
}

#[test]
fn a_server_that_crashes_while_many_record_loses_nothing_and_doubles_nothing() {
    let Some(_) = server() else { return };
    let crashing = Server::start();
    let schema = Schema::on(&crashing.place, "crash");
    let all: Vec<_> = bounces(900);
    let shares: Vec<_> = all.chunks(300).collect();
    let (told, done) = mpsc::channel();
    thread::scope(|scope| {
        for share in &shares {
            let (schema, told) = (&schema, told.clone());
            scope.spawn(move || {
                let mut store = schema.open();
                for batch in share.chunks(5) {
                    // Whatever happened to the connection: each is new, for it was never stored before.
                    assert_eq!(record(&mut *store, batch), batch.len());
                    told.send(()).unwrap();
                }
            });
        }
        drop(told);
        for number in 1.. {
            if done.recv().is_err() {
                assert_eq!(number, 181, "all batches were stored");
                break;
            }
            if [10, 50, 90, 130, 160].contains(&number) {
                crashing.crash();
            }
        }
    });
    assert_complete(&*schema.open(), &all);
}

#[test]
fn questions_are_answered_again_after_a_crash() {
    let Some(_) = server() else { return };
    let crashing = Server::start();
    let schema = Schema::on(&crashing.place, "ask");
    let mut store = schema.open();
    record(&mut *store, &bounces(3));
    crashing.crash();
    assert_eq!(store.summary(None, now(), 10).unwrap().messages, 3);
    crashing.crash();
    let mut listed = 0;
    store
        .stops(&abprall_store::StopFilter::default(), now(), &mut |_| {
            listed += 1;
            std::ops::ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(listed, 3);
}

#[test]
fn a_database_of_somebody_else_is_not_touched() {
    let Some(schema) = Schema::new("other") else { return };
    schema.client().batch_execute("CREATE TABLE wine (year bigint)").unwrap();
    assert!(matches!(open_store(&schema.place), Err(StoreError::NotOurs { .. })));
    assert!(matches!(open_existing_store(&schema.place), Err(StoreError::Missing { .. })));
}

#[test]
fn another_migration_or_a_newer_schema_is_refused() {
    let Some(schema) = Schema::new("schema") else { return };
    drop(schema.open());
    let mut client = schema.client();
    client.batch_execute("INSERT INTO migration SELECT max(number) + 1, 7 FROM migration").unwrap();
    let Err(StoreError::Newer { found, known, .. }) = open_store(&schema.place) else { panic!() };
    assert_eq!(found, known + 1);
    client.execute("DELETE FROM migration WHERE number = $1", &[&i64::from(found)]).unwrap();
    client.batch_execute("UPDATE migration SET checksum = 7").unwrap();
    assert!(matches!(open_store(&schema.place), Err(StoreError::OtherMigration { number: 1, .. })));
}

#[test]
fn what_cannot_be_reached_is_told_at_once_and_without_the_password() {
    for place in [
        "postgres://me:secret@127.0.0.1:1/db",
        "postgres://me:secret@127.0.0.1:1/db?sslmode=require",
        "host=/nowhere user=me password=secret",
        "postgres://me:secret@[",
    ] {
        let error = open_store(place).err().unwrap();
        assert!(matches!(error, StoreError::CannotOpen { .. }), "{place}: {error:?}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}

/// The connection string of the test server.
fn server() -> Option<String> {
    let named = std::env::var("ABPRALL_TEST_POSTGRES").ok();
    if named.is_none() {
        eprintln!("skipped: ABPRALL_TEST_POSTGRES names no server");
    }
    named
}

/// A schema of its own.
#[test]
fn an_inspection_says_what_a_server_is_and_changes_nothing() {
    let Some(schema) = Schema::new("inspect") else { return };
    assert!(matches!(abprall_store::inspect_store(&schema.place), Err(StoreError::Missing { .. })));
    drop(schema.open());
    let found = abprall_store::inspect_store(&schema.place).unwrap();
    assert_eq!(found.schema, found.known_schema);
    assert!(found.server.unwrap().starts_with("PostgreSQL "));
    assert!(found.clock.unwrap().duration_since(Timestamp::now()).abs() < jiff::SignedDuration::from_mins(1));
    let fsync: String = schema.client().query_one("SHOW fsync", &[]).unwrap().get(0);
    assert_eq!(found.not_durable.iter().any(|one| one == "fsync=off"), fsync == "off");

    // One of a newer abprall is looked at, and left alone.
    schema.client().execute("INSERT INTO migration VALUES (999, 0)", &[]).unwrap();
    let newer = abprall_store::inspect_store(&schema.place).unwrap();
    assert!(newer.schema == 999 && newer.known_schema < 999);
}

struct Schema {
    place: String,
}

impl Schema {
    fn new(name: &str) -> Option<Self> {
        Some(Self::on(&server()?, name))
    }

    fn on(server: &str, name: &str) -> Self {
        let name = format!("{name}_{}", std::process::id());
        let mut client = Client::connect(server, NoTls).unwrap();
        client.batch_execute(&format!("DROP SCHEMA IF EXISTS {name} CASCADE; CREATE SCHEMA {name}")).unwrap();
        Self { place: format!("{server} options='-c search_path={name}'") }
    }

    fn open(&self) -> Box<dyn Store> {
        open_store(&self.place).unwrap()
    }

    fn client(&self) -> Client {
        Client::connect(&self.place, NoTls).unwrap()
    }
}

/// A server of its own, which may crash without harm to other tests.
struct Server {
    folder: TempDir,
    place: String,
}

impl Server {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = run("start", &folder);
        Self { folder, place: place.trim().to_owned() }
    }

    fn crash(&self) {
        run("crash", &self.folder);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        run("stop", &self.folder);
    }
}

fn run(action: &str, folder: &TempDir) -> String {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../lab/postgres.sh");
    // Into a file: the server keeps the pipe of whoever started it open.
    let out = folder.path().join(action);
    let mut command = Command::new(script);
    command.arg(action).arg(folder.path()).stdout(std::fs::File::create(&out).unwrap());
    assert!(command.status().unwrap().success(), "{action}");
    std::fs::read_to_string(out).unwrap()
}

struct Bounce {
    content: ContentId,
    report: Report,
    judged: Classification,
}

fn bounce(reply: &str, number: usize) -> Bounce {
    let report = read_line(reply);
    let judged = Classifier::built_in().classify(&report);
    Bounce { content: ContentId::of(number.to_string().as_bytes()), report, judged }
}

/// Of as many addresses, at a few domains.
fn bounces(count: usize) -> Vec<Bounce> {
    let reply = |number: usize| {
        format!("550 5.1.1 <a{number}@d{}.example>: Recipient address rejected: User unknown", number % 7)
    };
    (0..count).map(|number| bounce(&reply(number), number)).collect()
}

/// Gives how many were new.
fn record(store: &mut dyn Store, bounces: &[Bounce]) -> usize {
    let messages: Vec<_> = bounces
        .iter()
        .map(|bounce| Message {
            content: bounce.content,
            source: "test",
            seen_at: now(),
            holds: None,
            audience: Audience::default(),
            entries: vec![Entry { report: &bounce.report, judged: &bounce.judged }],
        })
        .collect();
    let recorded = store.record(&messages, &Policy::default()).unwrap();
    recorded.iter().filter(|recorded| matches!(recorded, Recorded::New(_))).count()
}

/// Each bounce has one report and one decision, stops its address, and all sums say so.
fn assert_complete(store: &dyn Store, bounces: &[Bounce]) {
    let count = bounces.len() as u64;
    let summary = store.summary(None, now(), 100).unwrap();
    assert_eq!(summary.messages, count);
    assert_eq!(summary.reasons.iter().map(|row| row.reports).sum::<u64>(), count);
    assert_eq!(summary.stopped.addresses_suppressed, count);
    assert_eq!(summary.domains.iter().map(|row| row.failures).sum::<u64>(), count);
    assert_eq!(summary.domains.iter().map(|row| row.addresses).sum::<u64>(), count);
    for bounce in bounces {
        let subject = Subject::Address(bounce.report.recipient.clone().unwrap());
        let story = store.story(&subject, now(), 10).unwrap().unwrap();
        assert_eq!(story.decisions_total, 1, "{subject}");
    }
}

fn now() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().unwrap()
}
