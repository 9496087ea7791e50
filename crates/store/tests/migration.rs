//! A database of the first schema is brought to the newest one, and answers as before.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::Path;

use abprall_mail::{Domain, EmailAddress, Reason};
use abprall_policy::{Outcome, Policy, Stop};
use abprall_store::{
    Audience, ContentId, DomainFilter, DomainSort, HostFilter, HostSort, Message, Mode, Page, Recorded,
    Scope, Selection, SqlStore, Standing, State, StopFilter, StopOrder, Store, Subject,
};
use jiff::{Timestamp, ToSpan};
use rusqlite::{Connection, params};
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

const FIRST: &str = include_str!("../migrations/sqlite/0001_initial.sql");
const SEED: u64 = 0x1234_5678_9abc_def0;

fn now() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

fn subject(text: &str) -> Subject {
    match EmailAddress::parse(text) {
        Ok(address) => Subject::Address(address),
        Err(_) => Subject::Domain(Domain::parse(text).unwrap()),
    }
}

/// A message that the old database holds.
const OLD: &[u8] = b"Date: Tue, 24 Nov 2026 12:00:00 +0000\n\nold";

/// As the first release wrote it: a suppressed, a held and a soft address of two domains, a domain that a person stopped, and
/// a message without a report.
fn old_database(path: &Path) {
    let connection = Connection::open(path).unwrap();
    connection.pragma_update(None, "application_id", i32::from_be_bytes(*b"Abpr")).unwrap();
    connection
        .execute_batch(
            "CREATE TABLE migration (number INTEGER PRIMARY KEY, checksum INTEGER NOT NULL) STRICT;",
        )
        .unwrap();
    connection.execute_batch(FIRST).unwrap();
    connection
        .execute("INSERT INTO migration VALUES (1, ?1)", [xxh3_64(FIRST.as_bytes()).cast_signed()])
        .unwrap();
    connection.pragma_update(None, "user_version", 1).unwrap();
    connection
        .execute("INSERT INTO setting VALUES ('address_hash_seed', ?1)", [format!("{SEED:016x}")])
        .unwrap();
    let at = now().as_microsecond();
    connection
        .execute_batch(
            "INSERT INTO domain VALUES (1, 'gone.example'), (2, 'dead.example'), (3, 'stopped.example');
             INSERT INTO host VALUES (1, 'mx.gone.example');
             INSERT INTO message VALUES (5, x'00', 'quiet.eml', 0, 'auto_reply');",
        )
        .unwrap();
    for (id, text, domain) in
        [(1, "anna@gone.example", 1), (2, "bert@dead.example", 2), (3, "soft@dead.example", 2)]
    {
        let hash = EmailAddress::parse(text).unwrap().suppression_key().fingerprint(SEED).cast_signed();
        connection
            .execute("INSERT INTO address VALUES (?1, ?2, ?3, ?4)", params![id, hash, text, domain])
            .unwrap();
    }
    connection
        .execute("UPDATE message SET content = ?1 WHERE id = 5", [xxh3_128(OLD).to_be_bytes().as_slice()])
        .unwrap();
    let day = now().as_second() / 86_400;
    for (id, address, host, reason, permanence, bounce_type, action, outcome, rule, status, domain) in [
        (
            1,
            1,
            Some(1),
            "user_unknown",
            "permanent",
            "hard",
            "suppress",
            "suppress",
            "recipient-permanent",
            "5.1.1",
            1,
        ),
        (
            2,
            2,
            None,
            "routing_server_failure",
            "permanent",
            "hard",
            "hold",
            "hold",
            "route-permanent",
            "5.4.3",
            2,
        ),
        (3, 3, None, "mailbox_full", "transient", "soft", "retry", "count", "transient", "4.2.2", 2),
    ] {
        connection
            .execute(
                "INSERT INTO message VALUES (?1, ?2, ?3, ?4, NULL)",
                params![id, vec![id as u8; 16], format!("{id}.eml"), at],
            )
            .unwrap();
        connection
            .execute(
                "INSERT INTO report (id, message, position, address, host, happened_at, kind, reason, permanence, bounce_type,
                     action, confidence, status, diagnostic, because, contradictions)
                 VALUES (?1, ?1, 0, ?2, ?3, ?4, 'failed', ?5, ?6, ?7, ?8, 0.9, ?9, 'as it was', '[]', '[]')",
                params![id, address, host, at, reason, permanence, bounce_type, action, status],
            )
            .unwrap();
        connection
            .execute(
                "INSERT INTO decision (id, address, report, taken_at, outcome, reason, rule, policy)
                 VALUES (?1, ?2, ?1, ?3, ?4, ?5, ?6, 1)",
                params![id, address, at, outcome, reason, rule],
            )
            .unwrap();
        connection
            .execute(
                "INSERT INTO daily VALUES (?1, ?2, ?3, 'failed', ?4, ?5, ?6, 1)",
                params![day, domain, host.unwrap_or(0), reason, bounce_type, outcome],
            )
            .unwrap();
    }
    connection
        .execute(
            "INSERT INTO decision (id, domain, taken_at, outcome, reason, rule, policy, note)
             VALUES (4, 3, ?1, 'hold', 'null_mx', 'operator', 1, 'rang them')",
            [at],
        )
        .unwrap();
    connection
        .execute("INSERT INTO address_stop VALUES (1, 'suppression', 'user_unknown', ?1, NULL, 1)", [at])
        .unwrap();
    connection
        .execute("INSERT INTO address_stop VALUES (2, 'hold', 'routing_server_failure', ?1, NULL, 2)", [at])
        .unwrap();
    connection.execute("INSERT INTO domain_stop VALUES (3, 'hold', 'null_mx', ?1, NULL, 4)", [at]).unwrap();
}

fn standing(address: &str, state: State, scope: Scope, reason: Reason, decision: i64) -> Standing {
    Standing {
        address: address.into(),
        state,
        scope: Some(scope),
        reason: Some(reason),
        since: Some(now()),
        until: None,
        decision: Some(decision),
    }
}

#[test]
fn a_database_of_the_first_schema_answers_as_before() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    old_database(&path);
    let mut store = SqlStore::open(&path).unwrap();
    let check = |store: &SqlStore, text: &str| store.check_subject(&subject(text), now()).unwrap();
    assert_eq!(
        check(&store, "anna@gone.example"),
        standing("anna@gone.example", State::Suppressed, Scope::Address, Reason::UserUnknown, 1)
    );
    assert_eq!(
        check(&store, "bert@dead.example"),
        standing("bert@dead.example", State::Held, Scope::Address, Reason::RoutingServerFailure, 2)
    );
    assert_eq!(
        check(&store, "whoever@stopped.example"),
        standing("whoever@stopped.example", State::Held, Scope::Domain, Reason::NullMx, 4)
    );
    assert_eq!(check(&store, "soft@dead.example"), Standing::ok("soft@dead.example".into()));

    let summary = store.summary(None, now(), 10).unwrap();
    assert_eq!((summary.messages, summary.messages_without_report), (4, 1));
    let stopped = summary.stopped;
    assert_eq!((stopped.addresses_suppressed, stopped.addresses_held, stopped.domains_stopped), (1, 1, 1));
    assert_eq!(summary.reasons.iter().map(|row| row.reports).sum::<u64>(), 3);
    let domains: Vec<_> = summary
        .domains
        .iter()
        .map(|row| (row.domain.as_str(), row.failures, row.route_failures, row.addresses, row.stopped))
        .collect();
    assert_eq!(domains, [("dead.example", 2, 1, 2, 1), ("gone.example", 1, 0, 1, 1)]);
    assert_eq!((summary.domains_total, summary.hosts_total), (2, 1));
    assert_eq!((summary.hosts[0].host.as_str(), summary.hosts[0].domains), ("mx.gone.example", Some(1)));
    let today = store.summary(Some("2026-11-24".parse().unwrap()), now(), 10).unwrap();
    assert_eq!(
        (today.domains, today.hosts, today.reasons),
        (summary.domains, summary.hosts, summary.reasons)
    );

    let story = store.story(&subject("anna@gone.example"), now(), 10).unwrap().unwrap();
    assert_eq!(
        (story.decisions[0].id, story.decisions[0].outcome, story.decisions[0].policy),
        (1, Outcome::Suppress, 1)
    );
    assert_eq!(story.decisions[0].report.as_ref().unwrap().diagnostic.as_deref(), Some("as it was"));
    let story = store.story(&subject("stopped.example"), now(), 10).unwrap().unwrap();
    assert_eq!(story.decisions[0].note.as_deref(), Some("rang them"));
    let listed =
        store.domains(&DomainFilter::default(), DomainSort::Failures, Page::first(9), now()).unwrap().rows;
    assert_eq!(listed.len(), 3);
    assert_eq!((listed[0].domain.as_str(), listed[0].held, listed[0].failures), ("dead.example", 1, 2));
    assert_eq!(
        store.hosts(&HostFilter::default(), HostSort::Failures, Page::first(9)).unwrap().rows.len(),
        1
    );
    let mut seen = Vec::new();
    let each = &mut |row: abprall_store::StopRow| {
        seen.push(row.standing.address);
        std::ops::ControlFlow::Continue(())
    };
    store.stops(&StopFilter::default(), now(), each).unwrap();
    assert_eq!(seen, ["stopped.example", "anna@gone.example", "bert@dead.example"]);
    // The suppression index hears of all of them.
    assert_eq!(store.changes_since(0, 100).unwrap().len(), 3);

    // What was decided before the change can be undone after it.
    let selection = Selection {
        from: now(),
        to: now() + 1.second(),
        provider: None,
        reason: Some(Reason::UserUnknown),
        rule: None,
        tenant: None,
    };
    assert_eq!(store.rewind(&selection, Mode::Apply, now() + 1.hour(), None).unwrap().freed, 1);
    store.lift(&subject("stopped.example"), now() + 1.hour(), None).unwrap();
    let order = StopOrder {
        stop: Stop::Suppression,
        reason: Reason::Complaint,
        until: None,
        audience: Audience::default(),
        note: None,
    };
    store.stop(&subject("bert@dead.example"), &order, now() + 1.hour()).unwrap();
    let stopped = store.stopped(now() + 1.hour()).unwrap();
    assert_eq!((stopped.addresses_suppressed, stopped.addresses_held, stopped.domains_stopped), (1, 0, 0));
}

#[test]
fn a_message_from_before_keys_had_a_day_is_still_known() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    old_database(&path);
    let mut store = SqlStore::open(&path).unwrap();
    let message = |bytes: &[u8]| Message {
        content: ContentId::of(bytes),
        source: "again.eml",
        seen_at: now(),
        holds: Some("auto_reply"),
        audience: Audience::default(),
        entries: Vec::new(),
    };
    let new = b"Date: Tue, 24 Nov 2026 12:00:00 +0000\n\nnew";
    let batch = [message(new), message(OLD)];
    let recorded = store.record(&batch, &Policy::default()).unwrap();
    assert_eq!(recorded, [Recorded::New(Vec::new()), Recorded::Known]);
    assert_eq!(store.record(&batch, &Policy::default()).unwrap(), [Recorded::Known, Recorded::Known]);
}

#[test]
fn an_empty_database_of_the_first_schema_is_brought_up_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    old_database(&path);
    Connection::open(&path)
        .unwrap()
        .execute_batch(
            "DELETE FROM address_stop; DELETE FROM domain_stop; DELETE FROM daily; DELETE FROM decision; DELETE FROM report;
             DELETE FROM message; DELETE FROM address; DELETE FROM host; DELETE FROM domain;",
        )
        .unwrap();
    let store = SqlStore::open(&path).unwrap();
    let summary = store.summary(None, now(), 10).unwrap();
    assert_eq!((summary.messages, summary.domains_total), (0, 0));
    assert!(store.changes_since(0, 10).unwrap().is_empty());
}
