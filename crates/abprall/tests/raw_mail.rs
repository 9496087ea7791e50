//! Raw mail that is kept: as it came in, for as long as it was said, and not of who wants to be forgotten.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant, SystemTime};

mod common;

use common::server::{Lmtp, Server, bounce, connect, exchange, free_ports, http};
use common::{abprall, run};

fn settings([lmtp, http]: [u16; 2], keep: &str) -> String {
    format!(
        "store = \"abprall.db\"\n[http]\nlisten = [\"127.0.0.1:{http}\"]\n\
         [intake.lmtp]\nlisten = [\"127.0.0.1:{lmtp}\"]\nrecipients = [\"bounces@sender.example\"]\n\
         [intake.folder.drop]\npath = \"drop\"\n[keep]\n{keep}\n"
    )
}

const KEEP: &str = "raw_mail = \"30d\"";

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    let days = fs::read_dir(folder.join("abprall.db.mail")).into_iter().flatten();
    for day in days {
        all.extend(fs::read_dir(day.unwrap().path()).unwrap().map(|file| file.unwrap().path()));
    }
    all.sort();
    all
}

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !done() {
        assert!(Instant::now() < end, "{what}");
        std::thread::yield_now();
    }
}

/// With a key that may do everything, as soon as the server knows it.
fn key(folder: &Path, port: u16) -> String {
    let made = run(folder, ["api-key", "create", "admin", "--scope", "admin", "--scope", "read"]);
    let key = made.out.trim().to_owned();
    until("the key does not open", || asked(port, &key, "GET", "/v1/audit").0 == 200);
    key
}

fn asked(port: u16, key: &str, method: &str, path: &str) -> (u16, String) {
    let question = format!(
        "{method} {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {key}\r\nConnection: close\r\n\r\n"
    );
    let answer = exchange(&mut connect(port), &question, "\0").unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), body.to_owned())
}

fn post(port: u16, mail: &str) {
    let (status, body) = http(port, "POST", "/v1/bounces", mail).unwrap();
    assert_eq!(status, 200, "{body}");
}

#[test]
fn by_every_way_a_bounce_is_kept_as_it_came_and_why_says_how_to_read_it() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::create_dir(folder.join("drop")).unwrap();
    let ports @ [lmtp, web] = free_ports();
    let _server = Server::start(abprall(folder), folder, &settings(ports, KEEP));
    let key = key(folder, web);
    let by_lmtp = bounce("anna@lmtp.example");
    assert!(Lmtp::connect(lmtp).send(&by_lmtp).unwrap().starts_with("250 "));
    assert_eq!(files(folder).len(), 1, "it is there with the acknowledgement");
    let by_http = bounce("anna@http.example");
    post(web, &by_http);
    assert_eq!(files(folder).len(), 2);
    let by_folder = bounce("anna@folder.example");
    fs::write(folder.join("drop/a.tmp"), &by_folder).unwrap();
    fs::rename(folder.join("drop/a.tmp"), folder.join("drop/a.eml")).unwrap();
    until("it was not taken", || folder.join("drop/done/a.eml").exists());
    // A letter that says nothing of anybody stays in the folder, for a person.
    fs::write(folder.join("drop/letter.eml"), "From: a@b.example\n\nDear all,\n").unwrap();
    until("it was not taken", || folder.join("drop/failed/letter.eml").exists());
    assert_eq!(files(folder).len(), 3);
    for file in files(folder) {
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(file.parent().unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o700);
    }
    for (who, mail) in [
        ("anna@lmtp.example", &by_lmtp),
        ("anna@http.example", &by_http),
        ("anna@folder.example", &by_folder),
    ] {
        let why = run(folder, ["why", who]).out;
        let line = why.lines().find(|line| line.contains("raw mail")).unwrap_or_else(|| panic!("{why}"));
        let number = line.split_whitespace().next_back().unwrap();
        let printed = run(folder, ["message", number]).out;
        const TRACE: &str = "Return-Path: <>\r\nDelivered-To: bounces@sender.example\r\n";
        // What came by SMTP says where it was sent to, and from.
        let printed = printed.strip_prefix(TRACE).unwrap_or(&printed);
        assert_eq!(printed, mail, "{who}");
        let story = run(folder, ["why", who, "--format", "json"]).json();
        let content = story["decisions"][0]["report"]["content"].as_str().unwrap();
        assert_eq!(story["raw_mail"], serde_json::json!([content]));
        assert!(run(folder, ["message", content]).out.ends_with(mail.as_str()));
        let (status, body) = asked(web, &key, "GET", &format!("/v1/why/{who}"));
        assert!(status == 200 && body.contains(&format!("\"raw_mail\":[\"{content}\"]")), "{body}");
        let (status, body) = asked(web, &key, "GET", &format!("/v1/messages/{content}"));
        assert!(status == 200 && body.ends_with(mail.as_str()), "{status} {body}");
        let person = run(folder, ["export", who]).json();
        assert!(person["raw_mail"][0]["message"].as_str().unwrap().ends_with(mail.as_str()), "{person}");
    }
    for wrong in ["..%2F..%2Fabprall.db", "0", &"f".repeat(32)] {
        let (status, _) = asked(web, &key, "GET", &format!("/v1/messages/{wrong}"));
        assert!(status == 400 || status == 404, "{wrong}: {status}");
    }
    assert_eq!(run(folder, ["message", "4711"]).status, 1);
    assert_eq!(run(folder, ["message", "../x"]).status, 2);
    let (_, metrics) = http(web, "GET", "/metrics", "").unwrap();
    let bytes = metrics.lines().find_map(|line| line.strip_prefix("abprall_raw_mail_bytes ")).unwrap();
    assert!(bytes.parse::<u64>().unwrap() >= 3 * 512, "{bytes}");
}

#[test]
fn without_the_setting_no_mail_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let ports @ [_, web] = free_ports();
    let _server = Server::start(abprall(folder.path()), folder.path(), &settings(ports, "texts = \"90d\""));
    post(web, &bounce("anna@gone.example"));
    assert!(!folder.path().join("abprall.db.mail").exists());
    assert!(!run(folder.path(), ["why", "anna@gone.example"]).out.contains("raw mail"));
}

#[test]
fn who_is_forgotten_is_in_no_kept_mail_nor_in_any_that_comes_later() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let ports @ [_, web] = free_ports();
    let _server = Server::start(abprall(folder), folder, &settings(ports, KEEP));
    let key = key(folder, web);
    let others = bounce("berta@gone.example").replace("Sorry.", "Sorry, said Anna@Gone.example.");
    for mail in [&bounce("anna@gone.example"), &others, &bounce("joanna@gone.example")] {
        post(web, mail);
    }
    assert_eq!(files(folder).len(), 3);
    let preview = run(folder, ["erase", "anna@gone.example"]);
    assert!(preview.out.contains("2 messages of the raw mail would be removed"), "{}", preview.out);
    let joanna = run(folder, ["erase", "joanna@gone.example", "--lang", "de"]);
    assert!(joanna.out.contains("1 Nachricht der Rohmails würde gelöscht"), "{}", joanna.out);
    assert_eq!(files(folder).len(), 3);
    let erased = run(folder, ["erase", "anna@gone.example", "--yes", "--format", "json"]).json();
    assert_eq!((&erased["raw_mail"], &erased["known"]), (&2.into(), &true.into()));
    assert_eq!(files(folder).len(), 1, "joanna is somebody else");
    // It bounces again: recognised, decided, and not kept.
    post(web, &bounce("anna@gone.example").replace("Sorry.", "Once more."));
    assert_eq!(files(folder).len(), 1);
    let (status, body) = asked(web, &key, "DELETE", "/v1/recipients/joanna@gone.example");
    assert!(status == 200 && body.contains("\"raw_mail\":1"), "{status} {body}");
    assert!(files(folder).is_empty());
}

#[test]
fn erase_finds_the_mail_by_the_database_alone_and_the_server_removes_what_it_did_not_reach() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let ports @ [_, web] = free_ports();
    let settings = settings(ports, &format!("{KEEP}\nraw_mail_folder = \"own\""));
    let kept = || {
        let days = fs::read_dir(folder.join("own")).unwrap();
        days.map(|day| fs::read_dir(day.unwrap().path()).unwrap().count()).sum::<usize>()
    };
    {
        let _server = Server::start(abprall(folder), folder, &settings);
        for name in ["anna", "berta", "carla"] {
            post(web, &bounce(&format!("{name}@gone.example")));
        }
    }
    assert_eq!(kept(), 3);
    let erase = |who: &str| run(folder, ["erase", who, "--yes", "--store", "abprall.db", "--format", "json"]);
    let anna = erase("anna@gone.example");
    assert!(anna.json()["raw_mail"] == 1 && anna.err.is_empty(), "{} {}", anna.out, anna.err);
    assert_eq!(kept(), 2);
    fs::rename(folder.join("own"), folder.join("away")).unwrap();
    let berta = erase("berta@gone.example");
    assert!(berta.err.contains("cannot be reached from here"), "{}", berta.err);
    fs::rename(folder.join("away"), folder.join("own")).unwrap();
    assert_eq!(kept(), 2);
    let _server = Server::start(abprall(folder), folder, &settings);
    until("berta's mail stays", || kept() == 1);
    let why = run(folder, ["why", "carla@gone.example"]).out;
    assert!(why.contains("raw mail"), "{why}");
}

#[test]
fn what_is_too_old_is_let_go_by_the_server_and_by_hand_and_nothing_known_is_kept_anew() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let ports @ [_, web] = free_ports();
    let mail = |number: u64| bounce(&format!("user{number}@gone.example"));
    {
        let _server = Server::start(abprall(folder), folder, &settings(ports, KEEP));
        (0..4).for_each(|number| post(web, &mail(number)));
    }
    let all = files(folder);
    // The day of the folder counts first: this is one that came in long ago.
    let old = folder.join("abprall.db.mail/2020-01-01");
    fs::create_dir(&old).unwrap();
    fs::rename(&all[0], old.join(all[0].file_name().unwrap())).unwrap();
    fs::write(old.join(format!(".{}.part", "0f".repeat(16))), "half").unwrap();
    let _server = Server::start(abprall(folder), folder, &settings(ports, KEEP));
    until("the server lets nothing go", || !old.exists());
    assert_eq!(files(folder).len(), 3);
    // They are sent again: known, and not kept again.
    (0..4).for_each(|number| post(web, &mail(number)));
    assert_eq!(files(folder).len(), 3);
    let before = SystemTime::now() - Duration::from_secs(60);
    for path in files(folder) {
        fs::File::options().append(true).open(path).unwrap().set_modified(before).unwrap();
    }
    let prune = ["prune", "--older-than", "10s", "--format", "json"];
    assert_eq!(run(folder, prune).json()["raw_mail"], 3);
    assert_eq!(files(folder).len(), 3, "it was only shown");
    assert_eq!(run(folder, prune.into_iter().chain(["--yes"])).json()["raw_mail"], 3);
    assert!(files(folder).is_empty());
}

#[test]
fn where_no_mail_can_be_kept_a_reload_changes_nothing_and_senders_hear_why_it_is_not_taken() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let ports @ [_, web] = free_ports();
    fs::write(folder.join("abprall.toml"), settings(ports, "texts = \"90d\"")).unwrap();
    let mut server = Server::of(abprall(folder).arg("serve").stderr(Stdio::piped()).spawn().unwrap());
    let mut log = BufReader::new(server.child.stderr.take().unwrap()).lines();
    let mut heard = |wanted: &str| {
        let all: Vec<_> =
            log.by_ref().map(Result::unwrap).take_while(|line| !line.contains(wanted)).collect();
        all.join("\n")
    };
    heard("serving");
    // Nobody may write here, not even root.
    fs::write(folder.join("abprall.db.mail"), "").unwrap();
    let reload = |keep: &str| {
        fs::write(folder.join("abprall.toml"), settings(ports, keep)).unwrap();
        let sent = std::process::Command::new("kill").args(["-HUP", &server.child.id().to_string()]).status();
        assert!(sent.unwrap().success());
    };
    reload(KEEP);
    let said = heard("reload: nothing has changed");
    assert!(said.contains("raw mail cannot be kept"), "{said}");
    post(web, &bounce("anna@gone.example"));
    fs::remove_file(folder.join("abprall.db.mail")).unwrap();
    reload(KEEP);
    heard("reload: the settings hold");
    post(web, &bounce("anna@kept.example"));
    assert_eq!(files(folder).len(), 1);
    fs::rename(folder.join("abprall.db.mail"), folder.join("away")).unwrap();
    fs::write(folder.join("abprall.db.mail"), "").unwrap();
    let (status, body) = http(web, "POST", "/v1/bounces", &bounce("berta@gone.example")).unwrap();
    assert!(status == 503 && body.contains("raw mail") && !body.contains("database"), "{status} {body}");
}

#[test]
fn mail_whose_decisions_were_not_written_is_not_kept() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let ports @ [_, web] = free_ports();
    let _server = Server::start(abprall(folder), folder, &settings(ports, KEEP));
    let database = rusqlite::Connection::open(folder.join("abprall.db")).unwrap();
    let fail = "CREATE TRIGGER fail BEFORE INSERT ON decision BEGIN SELECT RAISE(ABORT, 'not this one'); END";
    database.execute_batch(fail).unwrap();
    let mail = bounce("anna@gone.example");
    assert_eq!(http(web, "POST", "/v1/bounces", &mail).unwrap().0, 503);
    assert!(files(folder).is_empty());
    database.execute_batch("DROP TRIGGER fail").unwrap();
    post(web, &mail);
    assert_eq!(files(folder).len(), 1);
}

#[test]
fn doctor_says_where_others_could_read_mail_and_where_some_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let ports @ [_, web] = free_ports();
    let doctor = |settings: &str| {
        fs::write(folder.join("abprall.toml"), settings).unwrap();
        let checks = run(folder, ["doctor", "--no-canaries", "--format", "json"]).json();
        let found = checks["checks"].as_array().unwrap().iter().find(|check| check["check"] == "raw-mail");
        found.map(|check| check["state"].as_str().unwrap().to_owned())
    };
    assert_eq!(doctor(&settings(ports, "")), None);
    {
        let _server = Server::start(abprall(folder), folder, &settings(ports, KEEP));
        post(web, &bounce("anna@gone.example"));
    }
    let kept = "raw_mail = \"30d\"\nraw_mail_bytes_max = \"64MiB\"";
    assert_eq!(doctor(&settings(ports, kept)).as_deref(), Some("ok"));
    assert_eq!(doctor(&settings(ports, "")).as_deref(), Some("warn"));
    std::os::unix::fs::symlink("nowhere", folder.join("link")).unwrap();
    for place in ["link", "link/mail", "abprall.toml/mail", "/proc/mail"] {
        let settings = settings(ports, &format!("{kept}\nraw_mail_folder = \"{place}\""));
        assert_eq!(doctor(&settings).as_deref(), Some("bad"), "{place}");
        let refused = run(folder, ["serve"]);
        assert!(refused.status != 0 && refused.err.contains(place), "{}", refused.err);
    }
    let mail = folder.join("abprall.db.mail");
    fs::set_permissions(&mail, fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(doctor(&settings(ports, kept)).as_deref(), Some("bad"));
}
