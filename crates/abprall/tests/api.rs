//! The interface for programs, as they meet it: a real process, real HTTP.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

mod common;

use common::server::{Server, bounce, free_ports};
use common::{abprall, example, project, run};

struct Api {
    folder: TempDir,
    _server: Server,
    port: u16,
}

struct Answer {
    status: u16,
    headers: String,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        let lines = self.headers.lines().filter_map(|line| line.split_once(':'));
        let mut found = lines.filter(|(known, _)| known.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| value.trim())
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {} {}", self.status, self.body))
    }

    /// It is a problem as RFC 9457 writes it, with this status.
    fn is_problem(&self, status: u16) {
        assert_eq!(self.status, status, "{} {}", self.headers, self.body);
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{}", self.body);
        let problem = self.json();
        assert_eq!(problem["status"], status);
        assert!(problem["title"].is_string() && problem["detail"].is_string(), "{problem}");
    }
}

impl Api {
    /// A server with the examples' bounces, and these settings of `[http]`.
    fn start(folder: TempDir, http: &str) -> Self {
        let [port] = free_ports();
        let settings = format!("[http]\nlisten = [\"127.0.0.1:{port}\"]\n{http}\n");
        let server = Server::start(abprall(folder.path()), folder.path(), &settings);
        Self { folder, _server: server, port }
    }

    fn ask(&self, method: &str, path: &str, key: Option<&str>, more: &str, body: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let key = key.map(|key| format!("Authorization: Bearer {key}\r\n")).unwrap_or_default();
        let length =
            if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: abprall\r\nConnection: close\r\n{key}{more}{length}\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        // A body that is too large is refused before its end.
        let _ = stream.write_all(body);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        let (line, headers) = head.split_once("\r\n").unwrap_or((head, ""));
        let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.unwrap_or_else(|| panic!("no HTTP: {answer:?} to {method} {path:?}"));
        Answer { status, headers: headers.to_owned(), body: body.to_owned() }
    }

    fn get(&self, path: &str, key: &str) -> Answer {
        self.ask("GET", path, Some(key), "", b"")
    }

    fn delete(&self, path: &str, key: &str) -> Answer {
        self.ask("DELETE", path, Some(key), "", b"")
    }

    fn post(&self, path: &str, key: &str, body: &Value) -> Answer {
        let json = "Content-Type: application/json\r\n";
        self.ask("POST", path, Some(key), json, body.to_string().as_bytes())
    }
}

fn processed() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(run(folder.path(), [Path::new("process"), &example("bounces.mbox")]).status, 0);
    folder
}

/// Makes a key; the one thing on standard output.
fn key(folder: &Path, name: &str, more: &[&str]) -> String {
    let ran = run(folder, [&["api-key", "create", name], more].concat());
    assert_eq!(ran.status, 0, "{}", ran.err);
    ran.out.trim().to_owned()
}

const REQUIRED: &str = "keys = \"required\"";

#[test]
fn every_operation_that_is_described_wants_a_key_and_is_there() {
    let folder = processed();
    let check = key(folder.path(), "check", &["--scope", "check"]);
    let api = Api::start(folder, REQUIRED);
    let described: Value =
        serde_json::from_str(&fs::read_to_string(project().join("openapi.json")).unwrap()).unwrap();
    assert_eq!(api.ask("GET", "/v1/openapi.json", None, "", b"").json(), described);
    let mut seen = 0;
    for (path, operations) in described["paths"].as_object().unwrap() {
        for method in operations.as_object().unwrap().keys() {
            let method = method.to_uppercase();
            let real = path
                .replace("{address}", "a@b.example")
                .replace("{subject}", "a@b.example")
                .replace("{domain}", "b.example")
                .replace("{incident}", "1")
                .replace("{id}", "1");
            if !path.starts_with("/v1/") || path == "/v1/openapi.json" {
                continue;
            }
            let without = api.ask(&method, &real, None, "", b"");
            without.is_problem(401);
            assert!(without.header("www-authenticate").unwrap().starts_with("Bearer"), "{path}");
            let wrong = api.ask(&method, &real, Some("abprall_0000000000000000_00"), "", b"");
            assert!(matches!(wrong.status, 401 | 429), "{path}: {}", wrong.status);
            let narrow = api.ask(&method, &real, Some(&check), "", b"");
            if real.starts_with("/v1/check") {
                assert_ne!(narrow.status, 403, "{path}");
            } else {
                narrow.is_problem(403);
                assert!(narrow.header("www-authenticate").unwrap().contains("insufficient_scope"), "{path}");
            }
            seen += 1;
        }
    }
    assert!(seen >= 20, "{seen}");
}

#[test]
fn a_key_opens_what_its_scopes_say_until_it_is_revoked_or_over() {
    let folder = processed();
    let read = key(folder.path(), "reader", &["--scope", "read,check"]);
    let api = Api::start(folder, REQUIRED);
    assert_eq!(api.get("/v1/check/nobody@rej.test", &read).json()["state"], "suppressed");
    assert_eq!(api.get("/v1/suppressions", &read).status, 200);
    api.post("/v1/suppressions", &read, &json!({"subject": "x@y.example"})).is_problem(403);
    api.get("/v1/audit", &read).is_problem(403);
    let listed = run(api.folder.path(), ["api-key", "list", "--format", "ndjson"]);
    assert!(!listed.out.contains("argon2") && !listed.out.contains(read.rsplit('_').next().unwrap()));
    assert_eq!(listed.lines()[0]["scopes"], json!(["check", "read"]));
    assert_eq!(run(api.folder.path(), ["api-key", "create", "reader", "--scope", "read"]).status, 2);
    assert_eq!(run(api.folder.path(), ["api-key", "revoke", "reader"]).status, 0);
    assert_eq!(run(api.folder.path(), ["api-key", "revoke", "reader"]).status, 1);
    // Two seconds are promised; a machine that is busy may take longer.
    let revoked_at = Instant::now();
    while api.get("/v1/check/nobody@rej.test", &read).status == 200 {
        assert!(revoked_at.elapsed() < Duration::from_secs(20), "it still opens");
        std::thread::yield_now();
    }
    api.get("/v1/suppressions", &read).is_problem(401);
    let yesterday = ["api-key", "create", "old", "--scope", "read", "--expires", "2020-01-01"];
    assert_eq!(run(api.folder.path(), yesterday).status, 2);
}

#[test]
fn what_is_stopped_over_http_is_refused_at_once_listed_told_and_lifted() {
    let folder = processed();
    let admin = key(folder.path(), "desk", &["--scope", "admin"]);
    let api = Api::start(folder, "");
    let order = json!({"subject": "anna@shop.example", "reason": "user_unknown", "note": "she rang"});
    let stopped = api.post("/v1/suppressions", &admin, &order);
    assert_eq!(
        (stopped.status, stopped.json()["state"].as_str()),
        (201, Some("suppressed")),
        "{}",
        stopped.body
    );
    let place = stopped.header("location").unwrap().to_owned();
    assert_eq!(api.get(&place, &admin).json()["reason"], "user_unknown");
    assert_eq!(api.ask("GET", "/v1/check/anna%40shop.example", None, "", b"").json()["state"], "suppressed");
    let why = api.get("/v1/why/anna@shop.example", &admin).json();
    assert_eq!(
        (&why["decisions"][0]["rule"], &why["decisions"][0]["note"]),
        (&json!("operator"), &json!("she rang"))
    );
    assert_eq!(api.delete("/v1/suppressions/anna@shop.example", &admin).json()["state"], "ok");
    api.delete("/v1/suppressions/anna@shop.example", &admin).is_problem(404);
    // Whoever does not want our mail stays stopped, unless they ask to come back.
    api.post("/v1/suppressions", &admin, &json!({"subject": "bert@shop.example", "reason": "complaint"}));
    api.delete("/v1/suppressions/bert@shop.example", &admin).is_problem(409);
    let lifted = api.delete("/v1/suppressions/bert@shop.example?consent=true", &admin);
    assert_eq!(lifted.json()["state"], "ok");
    api.post(
        "/v1/suppressions",
        &admin,
        &json!({"subject": "carl@shop.example", "reason": "unsubscribe", "list": "news"}),
    );
    api.delete("/v1/suppressions/carl@shop.example", &admin).is_problem(409);
    // A whole domain.
    api.post(
        "/v1/suppressions",
        &admin,
        &json!({"subject": "dead.example", "state": "held", "reason": "null_mx"}),
    );
    let anybody = api.ask("GET", "/v1/check/anybody@dead.example", None, "", b"").json();
    assert_eq!((&anybody["state"], &anybody["scope"]), (&json!("held"), &json!("domain")));
    let held = api.get("/v1/suppressions?state=held&reason=null_mx", &admin).json();
    assert_eq!(held["rows"][0]["address"], "dead.example");
    // All of it is told, with who did it.
    let audit = api.get("/v1/audit", &admin).json();
    let told: Vec<_> =
        audit["rows"].as_array().unwrap().iter().map(|row| row["action"].as_str().unwrap()).collect();
    assert_eq!(told, ["stop", "stop", "lift", "stop", "lift", "stop", "key_created"]);
    assert_eq!(audit["rows"][0]["actor"], "key:desk");
    assert_eq!(run(api.folder.path(), ["audit", "--format", "ndjson"]).lines().len(), 7);
}

#[test]
fn decisions_come_once_each_in_order_and_are_waited_for() {
    let folder = processed();
    let keys = key(folder.path(), "stream", &["--scope", "read"]);
    let api = Api::start(folder, "");
    let (mut after, mut seen) = (0, Vec::new());
    loop {
        let page = api.get(&format!("/v1/decisions?after={after}&limit=2"), &keys).json();
        let rows = page["rows"].as_array().unwrap();
        seen.extend(rows.iter().map(|row| row["id"].as_i64().unwrap()));
        after = page["next"].as_i64().unwrap();
        if rows.is_empty() {
            break;
        }
    }
    assert!(seen.len() >= 3 && seen.is_sorted(), "{seen:?}");
    let lines = api.ask("GET", "/v1/decisions", Some(&keys), "Accept: application/x-ndjson\r\n", b"");
    assert_eq!(lines.header("content-type"), Some("application/x-ndjson"));
    assert_eq!(lines.body.lines().count(), seen.len());
    let one = api.get(&format!("/v1/decisions/{}", seen[0]), &keys).json();
    assert_eq!(one, serde_json::from_str::<Value>(lines.body.lines().next().unwrap()).unwrap());
    // Somebody waits; what comes in meanwhile is told at once, not at the end of the wait.
    let waited = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let began = Instant::now();
            (api.get(&format!("/v1/decisions?after={after}&wait=30"), &keys).json(), began.elapsed())
        });
        let taken = api.ask("POST", "/v1/bounces", None, "", bounce("carl@gone.example").as_bytes());
        assert_eq!(taken.json()["new"], true, "{}", taken.body);
        waiting.join().unwrap()
    });
    assert_eq!(waited.0["rows"][0]["about"], "carl@gone.example");
    assert!(waited.1 < Duration::from_secs(25), "{:?}", waited.1);
}

#[test]
fn a_tenant_sees_and_changes_only_its_own() {
    let folder = processed();
    let one = key(folder.path(), "one", &["--scope", "admin", "--tenant", "t1"]);
    let two = key(folder.path(), "two", &["--scope", "admin", "--tenant", "t2"]);
    let all = key(folder.path(), "all", &["--scope", "admin"]);
    let api = Api::start(folder, REQUIRED);
    assert_eq!(api.post("/v1/suppressions", &one, &json!({"subject": "anna@shop.example"})).status, 201);
    // Only t1 sees, and is told, what it has stopped.
    let state = |key: &str| api.get("/v1/check/anna@shop.example", key).json()["state"].clone();
    assert_eq!((state(&one), state(&two), state(&all)), (json!("suppressed"), json!("ok"), json!("ok")));
    let count = |key: &str, path: &str| api.get(path, key).json()["rows"].as_array().unwrap().len();
    assert_eq!((count(&one, "/v1/suppressions"), count(&two, "/v1/suppressions")), (1, 0));
    assert_eq!((count(&one, "/v1/decisions"), count(&two, "/v1/decisions")), (1, 0));
    assert!(count(&all, "/v1/suppressions") > 1);
    let decision = api.get("/v1/decisions", &one).json()["rows"][0]["id"].as_i64().unwrap();
    assert_eq!(api.get(&format!("/v1/decisions/{decision}"), &one).status, 200);
    api.get(&format!("/v1/decisions/{decision}"), &two).is_problem(404);
    api.get("/v1/why/anna@shop.example", &two).is_problem(404);
    assert_eq!(api.get("/v1/why/anna@shop.example", &one).json()["decisions_total"], 1);
    // Nobody does anything in another's name, or to another's stops.
    api.post("/v1/suppressions", &two, &json!({"subject": "x@y.example", "tenant": "t1"})).is_problem(403);
    api.get("/v1/suppressions?tenant=t1", &two).is_problem(403);
    api.get("/v1/check/anna@shop.example?tenant=t1", &two).is_problem(403);
    api.post("/v1/check", &two, &json!({"addresses": ["anna@shop.example"], "tenant": "t1"})).is_problem(403);
    api.delete("/v1/suppressions/anna@shop.example?consent=true", &two).is_problem(404);
    api.delete("/v1/suppressions/nobody@rej.test", &two).is_problem(404);
    assert_eq!(api.get("/v1/check/nobody@rej.test", &two).json()["state"], "suppressed", "it is the house's");
    // What is about everybody is not for one of them, whatever its scopes are.
    for path in ["/v1/domains", "/v1/hosts", "/v1/incidents", "/v1/pending", "/v1/report", "/v1/audit"] {
        api.get(path, &one).is_problem(403);
    }
    api.get("/v1/recipients/anna@shop.example", &one).is_problem(403);
    api.delete("/v1/recipients/anna@shop.example", &one).is_problem(403);
    // Its bounces count for its mail.
    let mail = "Content-Type: message/rfc822\r\n";
    let taken = api.ask("POST", "/v1/bounces", Some(&two), mail, bounce("carl@gone.example").as_bytes());
    assert_eq!(taken.json()["new"], true, "{}", taken.body);
    assert_eq!((count(&one, "/v1/decisions"), count(&two, "/v1/decisions")), (1, 1));
    let lifted = api.delete("/v1/suppressions/anna@shop.example?consent=true", &one);
    assert_eq!(lifted.json()["state"], "ok", "{}", lifted.body);
}

#[test]
fn whatever_is_wrong_is_a_problem_as_rfc_9457_writes_it() {
    let folder = processed();
    let admin = key(folder.path(), "desk", &["--scope", "admin"]);
    let api = Api::start(folder, "");
    api.get("/nowhere", &admin).is_problem(404);
    api.get("/v1/why/stranger@example.org", &admin).is_problem(404);
    api.get("/v1/incidents/999", &admin).is_problem(404);
    let method = api.ask("DELETE", "/v1/check", Some(&admin), "", b"");
    method.is_problem(405);
    assert_eq!(method.header("allow"), Some("POST"), "{}", method.headers);
    let method = api.ask("PUT", "/v1/suppressions", Some(&admin), "", b"");
    method.is_problem(405);
    let allowed = method.header("allow").unwrap();
    assert!(allowed.contains("GET") && allowed.contains("POST"), "{allowed}");
    for path in [
        "/v1/suppressions?limit=0",
        "/v1/suppressions?limit=many",
        "/v1/suppressions?after=nowhere",
        "/v1/suppressions?state=gone",
        "/v1/suppressions?sort=x",
        "/v1/decisions?wait=31",
        "/v1/decisions?after=-1",
        "/v1/decisions/one",
        "/v1/check/nonsense",
        "/v1/report?since=2026-11-24&until=2026-11-01",
        "/v1/domains/..",
    ] {
        api.get(path, &admin).is_problem(400);
    }
    let csv = "Content-Type: text/csv\r\n";
    api.ask("POST", "/v1/suppressions", Some(&admin), csv, b"x@y.example").is_problem(415);
    let html = api.ask("POST", "/v1/bounces", Some(&admin), "Content-Type: text/html\r\n", b"<p>");
    html.is_problem(415);
    assert!(html.header("accept").unwrap().contains("message/rfc822"));
    for body in
        [json!({}), json!({"subject": 1}), json!({"subject": "x@y.example", "colour": "red"}), json!([])]
    {
        api.post("/v1/suppressions", &admin, &body).is_problem(400);
    }
    let past = json!({"subject": "x@y.example", "until": "2020-01-01T00:00:00Z"});
    api.post("/v1/suppressions", &admin, &past).is_problem(400);
    let long = json!({"subject": "x@y.example", "note": "x".repeat(20_000)});
    api.post("/v1/suppressions", &admin, &long).is_problem(413);
    let basic = api.ask("GET", "/v1/suppressions", None, "Authorization: Basic YTpi\r\n", b"");
    basic.is_problem(401);
}

#[test]
fn nothing_in_a_path_header_or_body_becomes_sql_or_leaves_its_place() {
    let folder = processed();
    let admin = key(folder.path(), "desk", &["--scope", "admin"]);
    let api = Api::start(folder, "");
    let before = api.get("/v1/suppressions?limit=1000", &admin).json();
    for evil in [
        "a'%20OR%20'1'%3D'1@x.example",
        "%27%3B%20DROP%20TABLE%20stop%3B--@x.example",
        "%22%22@x.example",
        "..%2F..%2F..%2Fetc%2Fpasswd",
        "../../etc/passwd",
        "%00@x.example",
        "a%0d%0aSet-Cookie:%20x=1@x.example",
        "%ff%fe@x.example",
        "%",
        "a%40x.example%3Fconsent=true",
        "%F0%9F%92%A9@x.example",
    ] {
        for path in [
            format!("/v1/check/{evil}"),
            format!("/v1/why/{evil}"),
            format!("/v1/domains/{evil}"),
            format!("/v1/recipients/{evil}"),
            format!("/v1/suppressions/{evil}"),
            format!("/v1/suppressions?tenant={evil}"),
            format!("/v1/suppressions?after={evil}"),
            format!("/v1/hosts?host={evil}"),
            format!("/v1/hosts/{evil}"),
            format!("/v1/incidents?domain={evil}"),
        ] {
            let answer = api.get(&path, &admin);
            assert!(matches!(answer.status, 200 | 400 | 404), "{path}: {} {}", answer.status, answer.body);
            assert!(answer.header("set-cookie").is_none(), "{path}");
            assert!(!answer.body.contains("root:"), "{path}");
        }
        let deleted = api.delete(&format!("/v1/suppressions/{evil}"), &admin);
        assert!(matches!(deleted.status, 400 | 404), "{evil}: {}", deleted.status);
    }
    for subject in
        ["'; DELETE FROM stop; --@x.example", "x@y.example'--", "a\u{0}b@x.example", "a\r\nb@x.example"]
    {
        let answer = api.post("/v1/suppressions", &admin, &json!({"subject": subject}));
        assert!(matches!(answer.status, 400 | 201), "{subject:?}: {} {}", answer.status, answer.body);
    }
    let note = json!({"subject": "note@y.example", "note": "'); DROP TABLE audit; --", "tenant": "'; --"});
    assert_eq!(api.post("/v1/suppressions", &admin, &note).status, 201);
    let evil = "Authorization: Bearer ' OR 1=1 --\r\nX-Forwarded-For: '; DROP TABLE api_key; --\r\n";
    api.ask("GET", "/v1/suppressions", None, evil, b"").is_problem(401);
    let after = api.get("/v1/suppressions?limit=1000", &admin).json();
    let names = |page: &Value| -> Vec<String> {
        page["rows"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["address"].as_str().unwrap().to_owned())
            .collect()
    };
    let (before, after) = (names(&before), names(&after));
    assert!(before.iter().all(|name| after.contains(name)), "{before:?} {after:?}");
}

#[test]
fn a_person_is_told_all_that_is_known_and_then_forgotten() {
    let folder = processed();
    let admin = key(folder.path(), "desk", &["--scope", "admin"]);
    let api = Api::start(folder, "");
    let known = api.get("/v1/recipients/nobody@rej.test", &admin).json();
    assert_eq!(known["standing"]["state"], "suppressed");
    assert!(known["decisions"][0]["report"]["diagnostic"].is_string(), "{known}");
    api.post("/v1/suppressions", &admin, &json!({"subject": "nobody@rej.test", "note": "by hand"}));
    let erased = api.delete("/v1/recipients/nobody@rej.test", &admin).json();
    assert_eq!((&erased["known"], &erased["stopped"]), (&json!(true), &json!(true)));
    for path in ["/v1/audit", "/v1/suppressions?limit=1000", "/v1/decisions?limit=1000"] {
        let body = api.get(path, &admin).body;
        assert!(!body.contains("nobody@rej.test"), "{path}: {body}");
    }
    let listed = api.get("/v1/suppressions?limit=1000", &admin).body;
    assert!(listed.contains("@rej.test") && !listed.contains("erased:"), "{listed}");
    assert_eq!(api.ask("GET", "/v1/check/nobody@rej.test", None, "", b"").json()["state"], "suppressed");
    api.delete("/v1/recipients/stranger@example.org", &admin).is_problem(404);
}

#[test]
fn who_asks_too_often_is_told_when_to_come_again() {
    let folder = processed();
    let slow = key(folder.path(), "slow", &["--scope", "check"]);
    let other = key(folder.path(), "other", &["--scope", "check"]);
    let api = Api::start(folder, &format!("{REQUIRED}\nkey_rate = 3"));
    // In each second three are answered; eight at once are not.
    let answers: Vec<_> = (0..8).map(|_| api.get("/v1/check/a@b.example", &slow)).collect();
    let refused = answers.iter().find(|answer| answer.status == 429).unwrap();
    refused.is_problem(429);
    assert!(refused.header("retry-after").unwrap().parse::<u32>().unwrap() >= 1);
    assert_eq!(answers[0].status, 200);
    assert_eq!(api.get("/v1/check/a@b.example", &other).status, 200, "another key has its own rate");
}

#[test]
fn one_mail_host_is_shown_by_its_name() {
    let folder = processed();
    let read = key(folder.path(), "reader", &["--scope", "read"]);
    let api = Api::start(folder, "");
    let all = api.get("/v1/hosts", &read).json();
    let row = &all["rows"][0];
    let name = row["host"].as_str().unwrap();
    let one = api.get(&format!("/v1/hosts/{}.", name.to_uppercase()), &read);
    assert!(one.header("etag").is_some());
    let one = one.json();
    assert_eq!(one, json!({"host": name, "reported": row, "addresses": []}));
    api.get("/v1/hosts/nobody.example", &read).is_problem(404);
}

#[test]
fn many_addresses_in_one_question_count_each() {
    let folder = processed();
    let slow = key(folder.path(), "slow", &["--scope", "check"]);
    let api = Api::start(folder, &format!("{REQUIRED}\nkey_rate = 100\nkey_addresses = 10"));
    let addresses: Vec<_> = (0..100_000).map(|number| format!("a{number}@b.example")).collect();
    let ask = |addresses: &[String]| {
        let body = serde_json::json!({ "addresses": addresses }).to_string();
        let json = "Content-Type: application/json\r\n";
        api.ask("POST", "/v1/check", Some(&slow), json, body.as_bytes())
    };
    let largest = ask(&addresses);
    assert_eq!(largest.status, 200, "the largest question passes at any rate");
    assert_eq!(largest.json()["results"].as_array().unwrap().len(), 100_000);
    let refused = ask(&addresses[..50_000]);
    refused.is_problem(429);
    assert!(refused.header("retry-after").unwrap().parse::<u32>().unwrap() > 1000);
    assert_eq!(api.get("/v1/check/a@b.example", &slow).status, 200, "one alone is a request and not more");
}

#[test]
fn an_answer_that_is_known_is_not_sent_again() {
    let folder = processed();
    let read = key(folder.path(), "reader", &["--scope", "read"]);
    let api = Api::start(folder, "");
    let first = api.get("/v1/suppressions", &read);
    let tag = first.header("etag").unwrap().to_owned();
    let known = format!("If-None-Match: {tag}\r\n");
    let again = api.ask("GET", "/v1/suppressions", Some(&read), &known, b"");
    assert_eq!((again.status, again.body.as_str(), again.header("etag")), (304, "", Some(&*tag)));
    assert_eq!(
        run(api.folder.path(), ["suppressions", "add", "new@x.example", "--reason", "user_unknown"]).status,
        0
    );
    let changed = api.ask("GET", "/v1/suppressions", Some(&read), &known, b"");
    assert_eq!(changed.status, 200);
    assert_ne!(changed.header("etag"), Some(&*tag));
    // Page by page, and what the command prints.
    let (mut path, mut rows) = ("/v1/suppressions?limit=1".to_owned(), Vec::new());
    loop {
        let page = api.get(&path, &read).json();
        rows.extend(page["rows"].as_array().unwrap().clone());
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/v1/suppressions?limit=1&after={next}");
    }
    let printed = run(api.folder.path(), ["suppressions", "list", "--format", "ndjson"]).lines();
    assert_eq!(rows.len(), printed.len());
    for (row, printed) in rows.iter().zip(&printed) {
        for (field, value) in printed.as_object().unwrap() {
            assert_eq!(&row[field], value, "{field}");
        }
    }
}

#[test]
fn it_says_whether_it_works_and_what_it_does() {
    let folder = processed();
    let api = Api::start(folder, "");
    assert_eq!(api.ask("GET", "/health", None, "", b"").body, "ok\n");
    let ready = api.ask("GET", "/ready", None, "", b"");
    assert_eq!(ready.status, 200);
    let parts = ready.json();
    assert!(["database", "index", "writer"].iter().all(|part| parts[part]["up"] == true), "{parts}");
    api.ask("GET", "/v1/check/nobody@rej.test", None, "", b"");
    api.ask("POST", "/v1/bounces", None, "", bounce("carl@gone.example").as_bytes());
    api.ask("POST", "/v1/bounces", None, "", bounce("carl@gone.example").as_bytes());
    let metrics = api.ask("GET", "/metrics", None, "", b"");
    assert!(metrics.header("content-type").unwrap().starts_with("application/openmetrics-text"));
    for line in [
        "abprall_gate_questions_total{protocol=\"http\",answer=\"suppressed\"} 1",
        "abprall_intake_total{source=\"http\",outcome=\"new\"} 1",
        "abprall_intake_total{source=\"http\",outcome=\"known\"} 1",
        "abprall_decisions_total{outcome=\"suppress\",reason=\"user_unknown\"} 1",
        "abprall_stops_total 1",
        "abprall_http_requests_total{route=\"/v1/bounces\",method=\"POST\",status=\"200\"} 2",
        "abprall_database_up 1",
        "abprall_stopped{kind=\"addresses_suppressed\"}",
    ] {
        assert!(metrics.body.contains(line), "{line} is not in\n{}", metrics.body);
    }
    assert!(!metrics.body.contains("rej.test"), "no address is counted by name");
}

#[test]
fn outside_of_this_machine_it_listens_only_with_keys() {
    let folder = tempfile::tempdir().unwrap();
    let settings = |keys: &str| format!("[http]\nlisten = [\"0.0.0.0:8025\"]\n{keys}\n");
    fs::write(folder.path().join("abprall.toml"), settings("")).unwrap();
    let ran = run(folder.path(), ["serve", "--check"]);
    assert_eq!(ran.status, 2);
    assert!(ran.err.contains("keys = \"required\""), "{}", ran.err);
    fs::write(folder.path().join("abprall.toml"), settings(REQUIRED)).unwrap();
    assert_eq!(run(folder.path(), ["serve", "--check"]).status, 0);
}

#[test]
fn no_key_and_no_address_stands_in_what_it_says() {
    let folder = processed();
    let admin = key(folder.path(), "desk", &["--scope", "admin"]);
    let [port] = free_ports();
    let settings = format!("[http]\nlisten = [\"127.0.0.1:{port}\"]\n{REQUIRED}\n");
    fs::write(folder.path().join("abprall.toml"), settings).unwrap();
    let mut child =
        abprall(folder.path()).arg("serve").stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut errors = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains("serving") {
        assert!(errors.read_line(&mut said).unwrap() > 0, "{said}");
    }
    let stop = std::process::Command::new("kill");
    let server = Server { child };
    let mut api = Api { folder, _server: server, port };
    api.post("/v1/suppressions", &admin, &json!({"subject": "secret.person@shop.example"}));
    api.get("/v1/why/secret.person@shop.example", &admin);
    api.get("/v1/check/secret.person@shop.example", &format!("{admin}x"));
    api.ask("POST", "/v1/bounces", Some(&admin), "", bounce("secret.person@gone.example").as_bytes());
    api.delete("/v1/recipients/secret.person@shop.example", &admin);
    let mut stop = stop;
    assert!(stop.arg(api._server.child.id().to_string()).status().unwrap().success());
    errors.read_to_string(&mut said).unwrap();
    let mut out = String::new();
    api._server.child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    let secret = admin.rsplit('_').next().unwrap();
    for told in [&said, &out] {
        assert!(!told.contains(secret) && !told.contains("secret.person"), "{told}");
    }
    // Nor is the secret itself anywhere in the database.
    for file in fs::read_dir(api.folder.path()).unwrap() {
        let path = file.unwrap().path();
        if path.is_file() {
            let bytes = fs::read(&path).unwrap();
            assert!(!bytes.windows(secret.len()).any(|part| part == secret.as_bytes()), "{}", path.display());
        }
    }
}
