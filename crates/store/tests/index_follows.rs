//! The suppression index beside a real database.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::Path;

use abprall_mail::{Domain, EmailAddress, Reason};
use abprall_policy::Stop;
use abprall_store::{
    Audience, ImportMode, ImportedStop, Question, State, StopOrder, Store, Subject, SuppressionIndex,
    open_store,
};
use jiff::Timestamp;
use tempfile::TempDir;

fn now() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

fn address(number: u32) -> EmailAddress {
    EmailAddress::parse(&format!("user{number}@domain{}.example", number % 7)).unwrap()
}

fn stop(store: &mut dyn Store, subject: &Subject) {
    let order = StopOrder {
        stop: Stop::Suppression,
        reason: Reason::UserUnknown,
        until: None,
        audience: Audience::default(),
        note: None,
    };
    store.stop(subject, &order, now()).unwrap();
}

fn import(store: &mut dyn Store, numbers: std::ops::Range<u32>) {
    let mut rows = numbers.map(|number| ImportedStop {
        subject: Subject::Address(address(number)),
        stop: Stop::Suppression,
        reason: Reason::UserUnknown,
        since: None,
        until: None,
        audience: Audience::default(),
        note: None,
    });
    store.import_stops(&mut rows, ImportMode::Batches, now()).unwrap();
}

struct Beside {
    folder: TempDir,
    store: Box<dyn Store>,
}

impl Beside {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = open_store(folder.path().join("store.db").to_str().unwrap()).unwrap();
        Self { folder, store }
    }

    fn index(&self) -> SuppressionIndex {
        let index = SuppressionIndex::open(&self.folder.path().join("index"), self.store.seed()).unwrap();
        index.catch_up(&*self.store).unwrap();
        index
    }

    /// The index says no only where the database says no, and says yes to nobody whom it was not told of.
    fn assert_agrees(&self, index: &SuppressionIndex, numbers: std::ops::Range<u32>) {
        for number in numbers {
            let address = address(number);
            let stopped =
                self.store.check(&Question::about(address.clone()), now()).unwrap().state != State::Ok;
            let key = address.suppression_key();
            assert_eq!(index.could_be_stopped(key.as_str(), address.domain_part()), stopped, "{address}");
        }
    }
}

#[test]
fn what_changes_in_the_database_is_in_the_index_after_the_next_look() {
    let mut house = Beside::new();
    import(&mut *house.store, 0..300);
    house.assert_agrees(&house.index(), 0..400);
    house.store.lift(&Subject::Address(address(7)), now(), None).unwrap();
    stop(&mut *house.store, &Subject::Address(address(333)));
    let index = house.index();
    house.assert_agrees(&index, 0..400);
    stop(&mut *house.store, &Subject::Domain(Domain::parse("domain3.example").unwrap()));
    index.catch_up(&*house.store).unwrap();
    house.assert_agrees(&index, 0..400);
    index.rebuild().unwrap();
    house.assert_agrees(&index, 0..400);
    house.assert_agrees(&house.index(), 0..400);
}

#[test]
fn while_a_mail_host_is_stopped_the_database_is_asked_about_everybody() {
    let mut house = Beside::new();
    let host = Subject::MxHost(Domain::parse("mx.example").unwrap());
    stop(&mut *house.store, &host);
    let index = house.index();
    assert!(index.could_be_stopped("anna@else.example", "else.example"));
    house.store.lift(&host, now(), None).unwrap();
    index.catch_up(&*house.store).unwrap();
    assert!(!index.could_be_stopped("anna@else.example", "else.example"));
}

#[test]
fn a_large_debt_is_read_into_a_segment_and_not_into_memory() {
    let mut house = Beside::new();
    import(&mut *house.store, 0..250_000);
    let index = house.index();
    let (segment, delta) = index.sizes();
    assert_eq!((segment, delta), (250_000, 0));
    house.assert_agrees(&index, 249_500..250_500);
    assert_eq!(segments(&house.folder.path().join("index")), 1, "older segments go");
}

fn segments(folder: &Path) -> usize {
    std::fs::read_dir(folder).unwrap().count()
}

#[test]
fn an_index_that_is_ahead_of_a_database_that_was_put_back_begins_anew() {
    let mut house = Beside::new();
    import(&mut *house.store, 0..100);
    let path = house.folder.path().join("store.db");
    let kept = house.folder.path().join("kept.db");
    drop(std::mem::replace(&mut house.store, open_store(":memory:").unwrap()));
    std::fs::copy(&path, &kept).unwrap();
    house.store = open_store(path.to_str().unwrap()).unwrap();
    import(&mut *house.store, 100..200);
    house.index().rebuild().unwrap();
    house.assert_agrees(&house.index(), 0..400);
    drop(std::mem::replace(&mut house.store, open_store(":memory:").unwrap()));
    // The backup comes back, and goes on with others, by the same numbers.
    for extension in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(house.folder.path().join(format!("store.db{extension}")));
    }
    std::fs::copy(&kept, &path).unwrap();
    house.store = open_store(path.to_str().unwrap()).unwrap();
    house.assert_agrees(&house.index(), 0..400);
    import(&mut *house.store, 300..400);
    house.assert_agrees(&house.index(), 0..500);
}
