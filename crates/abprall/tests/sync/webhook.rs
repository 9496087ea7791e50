use aws_lc_rs::hmac;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;

use crate::house::House;
use crate::server::{Asked, Server};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

pub(crate) fn settings(url: &str, more: &str) -> String {
    format!(
        "[sync.hook]\nkind = \"webhook\"\nurl = \"{url}\"\nsecret = \"{SECRET}\"\nallow_network = [\"127.0.0.0/8\"]\n\
         retry_min = \"1ms\"\nretry_max = \"2ms\"\n{more}\n"
    )
}

fn ok(_: &Asked) -> (u16, String) {
    (204, String::new())
}

/// Holds the signature against the body, as a receiver does.
fn verify(asked: &Asked) {
    let header = |name: &str| asked.headers[name].as_str();
    let age = jiff::Timestamp::now().as_second() - header("webhook-timestamp").parse::<i64>().unwrap();
    assert!((0..60).contains(&age), "{age} s");
    let key = BASE64_STANDARD.decode(SECRET.strip_prefix("whsec_").unwrap()).unwrap();
    let signed = format!("{}.{}.{}", header("webhook-id"), header("webhook-timestamp"), asked.body);
    let signature = BASE64_STANDARD.decode(header("webhook-signature").strip_prefix("v1,").unwrap()).unwrap();
    hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, &key), signed.as_bytes(), &signature).unwrap();
}

#[test]
fn a_webhook_gets_signed_batches_with_how_somebody_stands_and_what_was_decided() {
    let server = Server::start(ok);
    let house = House::new(&settings(&server.url("/hooks/abprall?v=1"), ""));
    house.stop(&["a@x.example"], &["--tenant", "shop", "--note", "not told"]);
    house.stop(&["y.example"], &["--hold"]);
    assert_eq!(house.tell_all(), 2);
    let asked = server.asked();
    let [asked] = &asked[..] else { panic!("one batch: {asked:?}") };
    assert_eq!(asked.line, "POST /hooks/abprall?v=1");
    let names: Vec<_> = asked.headers.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "content-length",
            "content-type",
            "host",
            "user-agent",
            "webhook-id",
            "webhook-signature",
            "webhook-timestamp"
        ]
    );
    assert_eq!(asked.headers["content-type"], "application/json");
    assert_eq!(asked.headers["host"], format!("127.0.0.1:{}", server.port));
    verify(asked);
    let (first, second) = (&asked.json()["events"][0]["since"], &asked.json()["events"][1]["since"]);
    let wanted = json!({"events": [
        {
            "address": "a@x.example", "domain": "x.example", "state": "suppressed", "scope": "address",
            "reason": "user_unknown", "since": first, "until": null, "tenant": "shop", "list": null,
            "decision": {"id": 1, "outcome": "suppress", "reason": "user_unknown", "rule": "operator", "at": first,
                "scope": "address", "tenant": "shop", "list": null, "undoes": null},
        },
        {
            "address": null, "domain": "y.example", "state": "held", "scope": "domain",
            "reason": "user_unknown", "since": second, "until": null, "tenant": null, "list": null,
            "decision": {"id": 2, "outcome": "hold", "reason": "user_unknown", "rule": "operator", "at": second,
                "scope": "domain", "tenant": null, "list": null, "undoes": null},
        },
    ]});
    assert_eq!(asked.json(), wanted);
    // Undo is an event like another.
    house.lift(&["a@x.example"]);
    assert_eq!(house.tell_all(), 1);
    let lifted = &server.asked()[0].json()["events"][0];
    assert_eq!((&lifted["state"], &lifted["reason"]), (&json!("ok"), &json!(null)));
    assert_eq!((&lifted["decision"]["outcome"], &lifted["decision"]["undoes"]), (&json!("lift"), &json!(1)));
    assert_eq!(house.tell_all(), 0, "each is told once");
}

#[test]
fn one_event_that_is_refused_holds_up_nobody_else_and_is_a_dead_letter_in_the_end() {
    let server = Server::start(|asked: &Asked| {
        if asked.body.contains("bad@x.example") { (422, "no\u{1b}[31m such".to_owned()) } else { ok(asked) }
    });
    let house = House::new(&settings(&server.url("/"), "attempts = 2"));
    house.stop(&["a@x.example", "bad@x.example", "b@x.example"], &[]);
    let row = house.tell().remove(0);
    assert_eq!(row["told"], 2, "{row}");
    // Alone it is tried again and again: nobody knows whether it is the event or the target.
    for _ in 0..5 {
        house.tell();
    }
    let status = house.status().remove(0);
    assert_eq!(
        (&status["waiting"], &status["dead"], &status["state"]),
        (&json!(1), &json!(0), &json!("behind"))
    );
    // That others are taken meanwhile shows it.
    let mut others = 0;
    crate::house::until("it is given up", || {
        others += 1;
        house.stop(&[&format!("c{others}@x.example")], &[]);
        house.tell();
        house.status()[0]["dead"] == 1
    });
    assert_eq!(house.run(&["sync", "status"]).status, 1, "a person has to look");
    let dead = house.run(&["sync", "dead", "list", "--format", "json"]).json();
    let letter = &dead["rows"][0];
    assert_eq!((&letter["name"], &letter["attempts"]), (&json!("bad@x.example"), &json!(2)));
    assert_eq!(letter["error"], "422 no [31m such", "no control characters");
    server.answer(ok);
    let number = letter["id"].to_string();
    assert_eq!(house.run(&["sync", "dead", "retry", &number]).status, 0);
    assert_eq!(house.run(&["sync", "dead", "retry", &number]).status, 1);
    assert_eq!(house.tell_all(), 1);
    assert_eq!(house.run(&["sync", "status"]).status, 0);
}

#[test]
fn redirects_are_not_followed_private_places_not_contacted_and_410_is_the_last_word() {
    let server = Server::start(|asked: &Asked| {
        if asked.line.contains("elsewhere") { (200, String::new()) } else { (302, String::new()) }
    });
    let house = House::new(&settings(&server.url("/"), "attempts = 1"));
    house.stop(&["a@x.example"], &[]);
    house.tell();
    assert!(server.asked().iter().all(|asked| !asked.line.contains("elsewhere")));
    assert_eq!((&house.status()[0]["dead"], &house.status()[0]["waiting"]), (&json!(0), &json!(1)));

    server.answer(|_| (410, "gone".to_owned()));
    house.stop(&["b@x.example"], &[]);
    house.tell();
    let status = house.status().remove(0);
    assert_eq!((&status["state"], &status["last_error"]), (&json!("disabled"), &json!("410 gone")));
    server.asked();
    house.stop(&["c@x.example"], &[]);
    assert_eq!(house.tell_all(), 0);
    assert_eq!(server.count(), 0, "it wants to hear nothing more");
    server.answer(ok);
    assert_eq!(house.run(&["sync", "resume", "hook"]).status, 0);
    assert_eq!(house.tell_all(), 3);

    // Whatever a name, or a number that is none, leads to: what counts is the address.
    house.configure(
        &settings(&format!("http://127.1:{}/", server.port), "").replace("127.0.0.0/8", "10.0.0.0/8"),
    );
    server.asked();
    house.stop(&["d@x.example"], &[]);
    let row = house.tell().remove(0);
    assert!(row["error"].as_str().unwrap().contains("not a public one"), "{row}");
    assert_eq!(server.count(), 0);
    house.configure(&settings(&server.url("/"), "").replace("127.0.0.0/8", "10.0.0.0/8"));
    let ran = house.run(&["sync", "status"]);
    assert_eq!(ran.status, 2);
    assert!(ran.err.contains("allow_network = [\"127.0.0.1/32\"]"), "{}", ran.err);
}

#[test]
fn a_dry_run_shows_what_would_be_told_and_touches_nothing() {
    let server = Server::start(ok);
    let house = House::new(&settings(&server.url("/"), ""));
    house.stop(&["a@x.example"], &[]);
    let ran = house.run(&["sync", "run", "--dry-run", "--format", "ndjson"]);
    assert_eq!(ran.lines()[0]["address"], "a@x.example");
    let words = house.run(&["sync", "run", "--dry-run", "--lang", "de"]);
    assert_eq!(words.out, "hook  sperren  a@x.example  Postfach existiert nicht\n");
    assert_eq!(server.count(), 0);
    assert_eq!(house.status()[0]["state"], "new");
    assert_eq!(house.tell_all(), 1);
    assert_eq!(house.run(&["sync", "run", "nobody", "--once"]).status, 2);
}

#[test]
fn the_server_tells_within_a_second_or_so() {
    let server = Server::start(ok);
    let house = House::new(&settings(&server.url("/"), ""));
    house.stop(&["first@x.example"], &[]);
    let _serving = house.start(&["serve"]);
    crate::house::until("it is told what was decided before", || server.count() == 1);
    house.stop(&["a@x.example"], &[]);
    let begin = std::time::Instant::now();
    crate::house::until("it is told", || server.count() == 2);
    // Far less on a machine that does nothing else.
    assert!(begin.elapsed() < std::time::Duration::from_secs(5), "{:?}", begin.elapsed());
    assert!(server.asked()[1].body.contains("a@x.example"));
}

#[test]
fn over_tls_the_certificate_counts() {
    let (server, authority) = Server::start_tls(ok);
    let url = format!("https://localhost:{}/", server.port);
    let house = House::new(&settings(&url, ""));
    house.stop(&["a@x.example"], &[]);
    let row = house.tell().remove(0);
    assert!(row["error"].as_str().unwrap().starts_with("TLS with localhost failed"), "{row}");
    assert_eq!(server.count(), 0);
    std::fs::write(house.path().join("ca.pem"), authority).unwrap();
    house.configure(&settings(&url, "ca = \"ca.pem\""));
    crate::house::until("it is told", || house.tell()[0]["told"] == 1);
    verify(&server.asked()[0]);
}

#[test]
fn who_does_not_answer_or_answers_without_end_is_left_alone() {
    let (answer, waits) = std::sync::mpsc::channel::<()>();
    let server = Server::start(move |_| {
        // Until the test ends.
        _ = waits.recv();
        ok_with(String::new())
    });
    let house = House::new(&settings(&server.url("/"), "timeout = \"100ms\"\nlease = \"200ms\""));
    house.stop(&["a@x.example"], &[]);
    let row = house.tell().remove(0);
    assert_eq!(row["error"], "127.0.0.1 did not answer in time");
    drop(answer);
    let flood = "x".repeat(9 * 1024 * 1024);
    let server = Server::start(move |_| ok_with(flood.clone()));
    house.configure(&settings(&server.url("/"), ""));
    let mut row = serde_json::Value::Null;
    crate::house::until("it is told", || {
        row = house.tell().remove(0);
        server.count() > 0
    });
    assert_eq!(row["error"], "127.0.0.1: length limit exceeded");
    assert_eq!(house.status()[0]["waiting"], 1, "nothing is lost");
}

fn ok_with(body: String) -> (u16, String) {
    (200, body)
}
