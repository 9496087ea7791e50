//! What is only about the SQLite file; the rest of what a store promises is in `contract.rs`.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::Path;

use abprall_mail::{EmailAddress, Reason};
use abprall_policy::Stop;
use abprall_store::{Audience, SqlStore, State, StopOrder, Store, StoreError, Subject};
use jiff::Timestamp;
use rusqlite::Connection;
use tempfile::TempDir;

fn now() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

struct Fixture {
    folder: TempDir,
    store: SqlStore,
}

fn fixture() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let store = SqlStore::open(&folder.path().join("store.db")).unwrap();
    Fixture { folder, store }
}

fn open_error(path: &Path) -> StoreError {
    SqlStore::open(path).err().unwrap()
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
    let missing = SqlStore::open_existing(&folder.path().join("none.db"));
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
    let subject = Subject::Address(EmailAddress::parse("anna@gone.example").unwrap());
    let order = StopOrder {
        stop: Stop::Suppression,
        reason: Reason::UserUnknown,
        until: None,
        audience: Audience::default(),
        note: None,
    };
    store.stop(&subject, &order, now()).unwrap();
    let other = Connection::open(folder.path().join("store.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(store.check_subject(&subject, now()).unwrap().state, State::Suppressed);
    assert!(matches!(store.lift(&subject, now(), None), Err(StoreError::Locked)));
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(store.lift(&subject, now(), None).unwrap().state, State::Suppressed);
}
