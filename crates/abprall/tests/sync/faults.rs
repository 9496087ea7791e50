use std::collections::HashMap;
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::house::{House, until};
use crate::server::{Asked, Server};
use crate::webhook::settings;

/// How often the one who tells is killed.
const ROUNDS: usize = 6;

#[test]
fn killed_at_any_moment_it_loses_nothing_keeps_the_order_and_tells_the_undo_last() {
    let seen: Arc<Mutex<Vec<(String, i64, String)>>> = Arc::default();
    let at_work = Arc::clone(&seen);
    // The answer is kept back while this says so: whoever is killed then has told something and does not know it.
    let (is_held, is_holding): (Arc<AtomicBool>, Arc<AtomicBool>) = Default::default();
    let (held, holding) = (Arc::clone(&is_held), Arc::clone(&is_holding));
    let server = Server::start(move |asked: &Asked| {
        for event in asked.json()["events"].as_array().unwrap() {
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            let decision = event["decision"]["id"].as_i64().unwrap();
            at_work.lock().unwrap().push((text(&event["address"]), decision, text(&event["state"])));
        }
        holding.store(held.load(Ordering::SeqCst), Ordering::SeqCst);
        while held.load(Ordering::SeqCst) {
            std::thread::park_timeout(std::time::Duration::from_millis(1));
        }
        (204, String::new())
    });
    let house = House::new(&settings(&server.url("/"), "batch = 7\ntimeout = \"400ms\"\nlease = \"800ms\""));
    let names: Vec<_> = (0..60).map(|number| format!("u{number}@x.example")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let mut decisions = 0;
    for round in 0..ROUNDS {
        // Everybody is stopped, every other one is let go, a few are stopped again: all in one round.
        house.stop(&names, &[]);
        let freed: Vec<_> = names.iter().skip(round % 2).step_by(2).copied().collect();
        house.lift(&freed);
        house.stop(&freed[..10], &["--hold"]);
        decisions += names.len() + freed.len() + 10;
        let before = seen.lock().unwrap().len();
        let mut teller = house.start(&["sync", "run"]);
        until("it tells", || seen.lock().unwrap().len() > before + round * 9);
        if round % 2 == 1 {
            is_held.store(true, Ordering::SeqCst);
            until("an answer is kept back", || is_holding.load(Ordering::SeqCst));
        }
        teller.kill();
        is_held.store(false, Ordering::SeqCst);
        is_holding.store(false, Ordering::SeqCst);
    }
    // The last lease is over within a second.
    until("all is told", || {
        house.tell();
        let status = house.status().remove(0);
        status["waiting"] == 0 && status["cursor"] == status["last_decision"] && status["owner"].is_null()
    });
    let seen = seen.lock().unwrap();
    let mut of: HashMap<&str, Vec<(i64, &str)>> = HashMap::new();
    for (address, decision, state) in seen.iter() {
        of.entry(address).or_default().push((*decision, state));
    }
    let mut told = 0;
    for (address, events) in of {
        // Told again, it is told again in order.
        let mut firsts = Vec::new();
        for (decision, _) in &events {
            if !firsts.contains(decision) {
                firsts.push(*decision);
            }
        }
        assert!(firsts.is_sorted(), "{address}: {events:?}");
        told += firsts.len();
        let standing = house.run(&["check", address, "--format", "json"]).json();
        assert_eq!(standing["state"], events.last().unwrap().1, "{address}: {events:?}");
    }
    assert_eq!(told, decisions, "every decision was told");
    assert!(seen.len() > decisions, "the test would not show anything: no batch was told twice");
}

#[test]
fn a_target_that_is_gone_and_comes_back_hears_all_of_it() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let house = House::new(&settings(&format!("http://127.0.0.1:{port}/"), ""));
    house.stop(&["a@x.example", "b@x.example"], &[]);
    for _ in 0..3 {
        let row = house.tell().remove(0);
        assert_eq!(row["told"], 0);
    }
    let status = house.status().remove(0);
    assert_eq!(
        (&status["state"], &status["waiting"], &status["dead"]),
        (&"away".into(), &2.into(), &0.into())
    );
    assert!(status["last_error"].as_str().unwrap().contains("Connection refused"), "{status}");
    // It is there, but overloaded; then it is well.
    let server = Server::start_at(port, |_| (503, "later".to_owned()));
    until("it is asked", || {
        house.tell();
        server.count() > 0
    });
    house.lift(&["a@x.example"]);
    server.answer(|_| (200, String::new()));
    server.asked();
    until("it hears all", || {
        house.tell();
        house.status()[0]["state"] == "up_to_date"
    });
    let events: Vec<_> = server
        .asked()
        .iter()
        .flat_map(|asked| asked.json()["events"].as_array().unwrap().clone())
        .map(|event| format!("{} {}", event["address"].as_str().unwrap(), event["state"].as_str().unwrap()))
        .collect();
    assert_eq!(events, ["a@x.example ok", "b@x.example suppressed", "a@x.example ok"]);
}

#[test]
fn a_target_that_refuses_everybody_is_away_and_no_event_is_given_up_for_it() {
    let server = Server::start(|_| (404, "no such page".to_owned()));
    let house = House::new(&settings(&server.url("/"), "attempts = 2\nbatch = 3"));
    let names: Vec<_> = (0..12).map(|number| format!("u{number}@x.example")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    house.stop(&names, &[]);
    house.lift(&["u0@x.example"]);
    for status in [404, 500, 400] {
        server.answer(move |_| (status, "no".to_owned()));
        for _ in 0..10 {
            assert_eq!(house.tell()[0]["told"], 0);
        }
    }
    let status = house.status().remove(0);
    assert_eq!((&status["state"], &status["dead"]), (&"away".into(), &0.into()), "{status}");
    assert!(status["last_error"].as_str().unwrap().contains("refuses whatever it is told: 400"), "{status}");
    server.asked();
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let noted = Arc::clone(&seen);
    server.answer(move |asked: &Asked| {
        for event in asked.json()["events"].as_array().unwrap() {
            let text = |name: &str| event[name].as_str().unwrap().to_owned();
            noted.lock().unwrap().push(format!("{} {}", text("address"), event["decision"]["id"]));
        }
        (200, String::new())
    });
    until("it hears all", || {
        house.tell();
        house.status()[0]["state"] == "up_to_date"
    });
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 13, "each once: {seen:?}");
    let of_first: Vec<_> = seen.iter().filter(|line| line.starts_with("u0@")).collect();
    assert_eq!(of_first, ["u0@x.example 1", "u0@x.example 13"], "in order");
}

#[test]
fn who_stands_before_others_and_is_refused_does_not_hold_them_up() {
    let server =
        Server::start(
            |asked: &Asked| {
                if asked.body.contains("bad") { (500, String::new()) } else { (204, String::new()) }
            },
        );
    let house = House::new(&settings(&server.url("/"), "attempts = 3"));
    let bad: Vec<_> = (0..12).map(|number| format!("bad{number}@x.example")).collect();
    let bad: Vec<_> = bad.iter().map(String::as_str).collect();
    house.stop(&bad, &[]);
    house.stop(&["good@x.example"], &[]);
    until("the other is told", || house.tell()[0]["told"] == 1);
    assert_eq!(house.status()[0]["dead"], 0);
}

#[test]
fn more_who_are_refused_than_one_batch_has_hold_up_nobody_behind_them() {
    let server =
        Server::start(
            |asked: &Asked| {
                if asked.body.contains("bad") { (422, String::new()) } else { (204, String::new()) }
            },
        );
    let house = House::new(&settings(&server.url("/"), "batch = 10"));
    let bad: Vec<_> = (0..60).map(|number| format!("bad{number}@x.example")).collect();
    let bad: Vec<_> = bad.iter().map(String::as_str).collect();
    house.stop(&bad, &[]);
    house.stop(&["good@x.example"], &[]);
    until("the last one is told", || house.tell()[0]["told"] == 1);
    assert_eq!(house.status()[0]["dead"], 0);
}

#[test]
fn two_processes_share_the_work_and_tell_nothing_twice() {
    let seen: Arc<Mutex<Vec<i64>>> = Arc::default();
    let at_work = Arc::clone(&seen);
    let server = Server::start(move |asked: &Asked| {
        let events = asked.json()["events"].as_array().unwrap().clone();
        at_work.lock().unwrap().extend(events.iter().map(|event| event["decision"]["id"].as_i64().unwrap()));
        (204, String::new())
    });
    let house = House::new(&settings(&server.url("/"), "batch = 5"));
    // There is no database before something was decided.
    house.stop(&["u0@x.example"], &[]);
    let _tellers = [house.start(&["sync", "run"]), house.start(&["sync", "run"])];
    let names: Vec<_> = (0..100).map(|number| format!("u{number}@x.example")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    for part in names[1..].chunks(20) {
        house.stop(part, &[]);
    }
    until("all is told", || seen.lock().unwrap().len() >= names.len());
    let mut seen = seen.lock().unwrap().clone();
    assert!(seen.is_sorted(), "{seen:?}");
    seen.dedup();
    assert_eq!(seen.len(), names.len());
}
