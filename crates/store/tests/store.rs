//! What the store promises, on real files.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::Path;

use abprall_bounce::{Classifier, Kind, Report, read_line};
use abprall_mail::{Domain, EmailAddress, Reason};
use abprall_policy::{Case, Outcome, Stop, decide};
use abprall_store::{
    ContentId, Entry, Message, Recorded, Scope, SqliteStore, Standing, State, StoreError, Subject,
};
use jiff::{Timestamp, ToSpan};
use rusqlite::Connection;
use tempfile::TempDir;

fn address(text: &str) -> EmailAddress {
    EmailAddress::parse(text).unwrap()
}

fn now() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

/// Records one reply as a message of its own.
fn record(store: &mut SqliteStore, name: &str, reply: &str) -> Recorded {
    let report = read_line(reply);
    record_report(store, name, &report)
}

fn record_report(store: &mut SqliteStore, name: &str, report: &Report) -> Recorded {
    let judged = Classifier::built_in().classify(report);
    let decision = decide(&Case::of(report, &judged));
    let message = Message {
        content: ContentId::of(name.as_bytes()),
        source: name,
        seen_at: now(),
        holds: None,
        entries: vec![Entry { report, judged: &judged, decision }],
    };
    store.record(&[message]).unwrap().remove(0)
}

fn state(store: &SqliteStore, text: &str) -> State {
    store.check(&address(text), now()).unwrap().state
}

struct Fixture {
    folder: TempDir,
    store: SqliteStore,
}

fn fixture() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&folder.path().join("store.db")).unwrap();
    Fixture { folder, store }
}

const UNKNOWN: &str = "550 5.1.1 <anna@gone.example>: Recipient address rejected: User unknown";
const ROUTING: &str = "550 5.4.3 <bert@dead.example>: Routing server failure";
const LISTED: &str = "554 5.7.1 <carl@strict.example>: Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org";

#[test]
fn a_dead_mailbox_is_suppressed_a_dead_route_held_a_listed_sender_neither() {
    let mut store = fixture().store;
    for (name, reply) in [("1", UNKNOWN), ("2", ROUTING), ("3", LISTED)] {
        assert!(matches!(record(&mut store, name, reply), Recorded::New(ids) if ids.len() == 1));
    }
    assert_eq!(state(&store, "anna@gone.example"), State::Suppressed);
    assert_eq!(state(&store, "ANNA@Gone.Example"), State::Suppressed);
    assert_eq!(state(&store, "bert@dead.example"), State::Held);
    assert_eq!(state(&store, "carl@strict.example"), State::Ok);
    assert_eq!(state(&store, "nobody@gone.example"), State::Ok);
}

#[test]
fn the_same_content_counts_once() {
    let Fixture { folder, mut store } = fixture();
    record(&mut store, "1", UNKNOWN);
    let once = store.summary(None, now(), 10).unwrap();
    assert_eq!(record(&mut store, "1", UNKNOWN), Recorded::Known);
    assert_eq!(store.summary(None, now(), 10).unwrap(), once);
    // A new process knows it as well.
    let mut again = SqliteStore::open(&folder.path().join("store.db")).unwrap();
    assert_eq!(record(&mut again, "1", UNKNOWN), Recorded::Known);
    assert_eq!(again.summary(None, now(), 10).unwrap(), once);
}

#[test]
fn a_harder_stop_replaces_a_softer_one_and_not_the_other_way_round() {
    let mut store = fixture().store;
    record(&mut store, "1", "550 5.4.3 <anna@gone.example>: Routing server failure");
    assert_eq!(state(&store, "anna@gone.example"), State::Held);
    record(&mut store, "2", UNKNOWN);
    record(&mut store, "3", "550 5.4.3 <anna@gone.example>: Routing server failure");
    let standing = store.check(&address("anna@gone.example"), now()).unwrap();
    assert_eq!((standing.state, standing.reason), (State::Suppressed, Some(Reason::UserUnknown)));
    let complaint =
        Report { kind: Kind::Complaint, recipient: Some(address("anna@gone.example")), ..Report::default() };
    record_report(&mut store, "4", &complaint);
    record(&mut store, "5", UNKNOWN);
    let standing = store.check(&address("anna@gone.example"), now()).unwrap();
    assert_eq!(standing.reason, Some(Reason::Complaint));
}

#[test]
fn what_was_sent_to_is_stopped_not_where_it_was_forwarded() {
    let mut store = fixture().store;
    let report = Report { original_recipient: Some(address("list@a.example")), ..read_line(UNKNOWN) };
    record_report(&mut store, "1", &report);
    assert_eq!(state(&store, "list@a.example"), State::Suppressed);
    assert_eq!(state(&store, "anna@gone.example"), State::Ok);
    let story = store.story(&Subject::Address(address("list@a.example")), now(), 10).unwrap().unwrap();
    let failed = story.decisions[0].report.as_ref().unwrap().failed_address.as_deref();
    assert_eq!(failed, Some("anna@gone.example"));
}

#[test]
fn a_story_tells_the_decision_with_its_evidence() {
    let mut store = fixture().store;
    record(&mut store, "mail/17.eml", ROUTING);
    let subject = Subject::Address(address("bert@dead.example"));
    store.lift(&subject, now(), Some("spoke with their admin")).unwrap();
    let story = store.story(&subject, now(), 10).unwrap().unwrap();
    assert_eq!(story.standing.state, State::Ok);
    let [lifted, held] = &story.decisions[..] else { panic!("{story:?}") };
    assert_eq!((lifted.outcome, lifted.rule.as_str()), (Outcome::Lift, "operator"));
    assert_eq!(lifted.note.as_deref(), Some("spoke with their admin"));
    assert_eq!((held.outcome, held.rule.as_str()), (Outcome::Hold, "route-permanent"));
    let report = held.report.as_ref().unwrap();
    assert_eq!(report.source, "mail/17.eml");
    assert_eq!(report.status.as_deref(), Some("5.4.3"));
    assert!(report.diagnostic.as_deref().unwrap().contains("Routing server failure"));
    assert!(!report.because.is_empty());
    assert!(store.story(&Subject::Address(address("x@y.example")), now(), 10).unwrap().is_none());
}

#[test]
fn a_stopped_domain_stops_its_addresses_until_it_is_lifted_or_over() {
    let mut store = fixture().store;
    let domain = Subject::Domain(Domain::parse("dead.example").unwrap());
    let until = now() + 24.hours();
    let standing =
        store.stop(&domain, Stop::Hold, Reason::RoutingServerFailure, now(), Some(until), None).unwrap();
    assert_eq!((standing.state, standing.scope), (State::Held, Some(Scope::Domain)));
    assert_eq!(state(&store, "anybody@dead.example"), State::Held);
    assert_eq!(state(&store, "anybody@other.example"), State::Ok);
    let later = store.check(&address("anybody@dead.example"), until).unwrap();
    assert_eq!(later, Standing::ok("anybody@dead.example".into()));
    assert_eq!(store.lift(&domain, now(), None).unwrap().state, State::Held);
    assert_eq!(state(&store, "anybody@dead.example"), State::Ok);
    // There is nothing left to lift, and nothing is written about it.
    assert_eq!(store.lift(&domain, now(), None).unwrap().state, State::Ok);
    assert_eq!(store.story(&domain, now(), 10).unwrap().unwrap().decisions_total, 2);
}

#[test]
fn the_summary_counts_by_reason_domain_and_server() {
    let mut store = fixture().store;
    for (name, local) in [("1", "a"), ("2", "b"), ("3", "c")] {
        record(&mut store, name, &format!("550 5.4.3 <{local}@dead.example>: Routing server failure"));
    }
    let report = Report { remote_mta: Some("MX1.gone.example".into()), ..read_line(UNKNOWN) };
    record_report(&mut store, "4", &report);
    let summary = store.summary(None, now(), 10).unwrap();
    assert_eq!(
        (summary.messages, summary.stopped.addresses_held, summary.stopped.addresses_suppressed),
        (4, 3, 1)
    );
    let dead = &summary.domains[0];
    assert_eq!((dead.domain.as_str(), dead.failures, dead.route_failures), ("dead.example", 3, 3));
    assert_eq!((dead.addresses, dead.stopped, dead.reason), (3, 3, Reason::RoutingServerFailure));
    assert_eq!((summary.hosts[0].host.as_str(), summary.hosts[0].domains), ("mx1.gone.example", 1));
    assert_eq!(summary.reasons.iter().map(|row| row.reports).sum::<u64>(), 4);
    // Nothing has happened since tomorrow.
    let empty = store.summary(Some("2026-11-25".parse().unwrap()), now(), 10).unwrap();
    assert!(empty.reasons.is_empty() && empty.domains.is_empty());
}

#[test]
fn the_list_of_stops_can_be_narrowed_down() {
    let mut store = fixture().store;
    record(&mut store, "1", UNKNOWN);
    record(&mut store, "2", ROUTING);
    let listed = |state, reason| {
        let mut names = Vec::new();
        let push = |standing: Standing| -> Result<(), StoreError> {
            names.push(standing.address);
            Ok(())
        };
        store.stops(state, reason, now(), push).unwrap();
        names
    };
    assert_eq!(listed(None, None), ["anna@gone.example", "bert@dead.example"]);
    assert_eq!(listed(Some(State::Held), None), ["bert@dead.example"]);
    assert_eq!(listed(None, Some(Reason::UserUnknown)), ["anna@gone.example"]);
}

fn open_error(path: &Path) -> StoreError {
    SqliteStore::open(path).err().unwrap()
}

#[test]
fn what_is_no_store_of_ours_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("list.csv");
    std::fs::write(&text, "address\nanna@example.com\n".repeat(100)).unwrap();
    assert!(matches!(open_error(&text), StoreError::NotOurs { .. }));
    let other = folder.path().join("other.db");
    Connection::open(&other).unwrap().execute_batch("CREATE TABLE subscriber (address TEXT)").unwrap();
    assert!(matches!(open_error(&other), StoreError::NotOurs { .. }));
    assert!(matches!(open_error(folder.path()), StoreError::CannotOpen { .. }));
    assert!(matches!(open_error(&folder.path().join("no/such/folder.db")), StoreError::CannotOpen { .. }));
    let missing = SqliteStore::open_existing(&folder.path().join("none.db"));
    assert!(matches!(missing.err().unwrap(), StoreError::Missing { .. }));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "nothing was left behind");
}

#[test]
fn a_newer_schema_and_another_builds_migration_are_refused() {
    let Fixture { folder, store } = fixture();
    drop(store);
    let path = folder.path().join("store.db");
    let raw = Connection::open(&path).unwrap();
    raw.pragma_update(None, "user_version", 99).unwrap();
    assert!(matches!(open_error(&path), StoreError::Newer { found: 99, .. }));
    raw.pragma_update(None, "user_version", 1).unwrap();
    raw.execute("UPDATE migration SET checksum = checksum + 1", []).unwrap();
    assert!(matches!(open_error(&path), StoreError::OtherMigration { number: 1, .. }));
}

#[test]
fn a_locked_store_can_be_asked_but_not_written() {
    let Fixture { folder, mut store } = fixture();
    record(&mut store, "1", UNKNOWN);
    let other = Connection::open(folder.path().join("store.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(state(&store, "anna@gone.example"), State::Suppressed);
    let subject = Subject::Address(address("anna@gone.example"));
    assert!(matches!(store.lift(&subject, now(), None), Err(StoreError::Locked)));
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(store.lift(&subject, now(), None).unwrap().state, State::Suppressed);
}
