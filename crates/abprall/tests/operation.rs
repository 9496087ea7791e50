//! What an administrator does with the server: settings, doctor, signals, systemd, logs, retention, the package.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

mod common;
#[path = "common/resolver.rs"]
mod resolver;
#[path = "operation/server.rs"]
mod server;
#[path = "operation/telling.rs"]
mod telling;

use common::{Ran, abprall, example, project, run};
use server::{Server, free_port};

fn written(settings: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("abprall.toml"), settings).unwrap();
    folder
}

// --- settings

#[test]
fn all_that_is_wrong_is_told_at_once_with_line_key_and_hint() {
    let folder = written("[gate]\nheld = \"maybe\"\n\n[logg]\nlevel = \"x\"\n[keep]\ntexts = \"soon\"\n");
    let mut command = abprall(folder.path());
    command.args(["config", "check", "--set", "log.level=loud"]).env("ABPRALL_GATE__ON_FAILURE", "panic");
    let ran = Ran::of(command.output().unwrap());
    assert_eq!(ran.status, 2);
    for words in [
        "line 2: gate.held: \"maybe\" is none of refuse, defer",
        "line 4: logg: there is no such key; did you mean `log`?",
        "line 7: keep.texts: \"soon\" is no length of time",
        "gate.on_failure: \"panic\" is none of defer, accept (from ABPRALL_GATE__ON_FAILURE)",
        "log.level: \"loud\" is none of error, warn, info, debug, trace (from --set log.level)",
    ] {
        assert!(ran.err.contains(words), "{words}\n{}", ran.err);
    }
}

#[test]
fn the_command_line_wins_over_the_environment_and_that_over_the_file() {
    let folder = written("tenant = \"file\"\nlist = \"file\"\n[gate]\nheld = \"defer\"\n");
    let mut command = abprall(folder.path());
    command.args(["config", "show", "--format", "json", "--set", "list=flag"]);
    command.env("ABPRALL_TENANT", "variable").env("ABPRALL_LIST", "variable");
    let shown = Ran::of(command.output().unwrap()).json();
    let all = shown["settings"].as_array().unwrap();
    let setting = |key: &str| all.iter().find(|one| one["key"] == key).unwrap();
    assert_eq!((&setting("list")["value"], &setting("list")["from"]), (&"flag".into(), &"--set list".into()));
    assert_eq!(setting("tenant")["value"], "variable");
    assert_eq!((&setting("gate.held")["value"], &setting("gate.held")["line"]), (&"defer".into(), &4.into()));
    assert_eq!(
        (&setting("gate.on_failure")["value"], &setting("gate.on_failure")["from"]),
        (&"defer".into(), &"default".into())
    );
}

#[test]
fn what_holds_is_shown_as_settings_without_secrets() {
    let folder = written(&format!(
        "store = \"postgres://abprall:s3cr3t-pw@db.example/abprall\"\n[gate.policy]\nlisten = [\"127.0.0.1:1\"]\n{}",
        ways("127.0.0.1:2", "http://127.0.0.1:3/hook?token=s3cr3t-query")
    ));
    let shown = run(folder.path(), ["config", "show"]);
    assert_eq!(shown.status, 0, "{}", shown.err);
    assert!(!shown.out.contains("s3cr3t") && !shown.out.contains(SIGNING), "{}", shown.out);
    // It could be read again.
    fs::write(folder.path().join("again.toml"), shown.out.replace("\"********\"", &format!("\"{SIGNING}\"")))
        .unwrap();
    let again = run(folder.path(), ["config", "check", "--config", "again.toml"]);
    assert_eq!(again.status, 0, "{}\n{}", again.err, shown.out);
}

#[test]
fn a_command_finds_the_database_of_the_settings() {
    let folder = written("store = \"elsewhere.db\"\n");
    run(folder.path(), ["process", "--store", "elsewhere.db", example("bounces.mbox").to_str().unwrap()]);
    let stops = |arguments: &[&str]| run(folder.path(), ["suppressions", "list"].iter().chain(arguments));
    assert_eq!(stops(&[]).status, 0, "those of this folder are found");
    assert_eq!(stops(&["--store", "abprall.db"]).status, 3, "who names a database means that one");
    let found = stops(&["--config", "abprall.toml"]);
    assert!(found.status == 0 && !found.out.is_empty(), "{}", found.err);
    assert_eq!(stops(&["--config", "abprall.toml", "--store", "nowhere.db"]).status, 3, "the flag wins");
    fs::write(folder.path().join("abprall.toml"), "store = 1\n").unwrap();
    assert_eq!(stops(&["--config", "abprall.toml"]).status, 2);
}

// --- doctor

#[test]
fn the_doctor_finds_a_good_set_up_good() {
    let server = Server::start("", &[]);
    let folder = server.folder.path();
    fs::set_permissions(folder.join("abprall.db"), fs::Permissions::from_mode(0o640)).unwrap();
    let ran = run(folder, ["doctor", "--no-canaries", "--format", "json"]);
    assert_eq!(ran.status, 0, "{}", ran.out);
    let checks = ran.json()["checks"].as_array().unwrap().clone();
    let whats: Vec<_> = checks.iter().map(|check| check["what"].as_str().unwrap()).collect();
    assert!(checks.iter().all(|check| check["state"] == "ok"), "{whats:?}");
    for what in
        ["abprall listens", "schema", "on the disk", "MiB free", "goes with the database", "from our clock"]
    {
        assert!(whats.iter().any(|found| found.contains(what)), "{what}: {whats:?}");
    }
}

#[test]
fn the_doctor_says_what_is_bad_and_what_to_do() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = written(&format!(
        "store = \"missing/abprall.db\"\n[http]\nlisten = [\"{}\", \"unix:missing/socket\"]\n",
        taken.local_addr().unwrap()
    ));
    fs::set_permissions(folder.path().join("abprall.toml"), fs::Permissions::from_mode(0o666)).unwrap();
    let ran = run(folder.path(), ["doctor", "--no-canaries", "--format", "json"]);
    assert_eq!(ran.status, 1);
    let checks = ran.json()["checks"].as_array().unwrap().clone();
    for (check, what) in [
        ("permissions", "can be written by everybody"),
        ("free-space", "missing"),
        ("listen", "is taken by"),
        ("listen", "missing/socket"),
    ] {
        let found =
            checks.iter().find(|one| one["check"] == check && one["what"].as_str().unwrap().contains(what));
        let found = found.unwrap_or_else(|| panic!("{check}: {what}: {checks:?}"));
        assert_eq!(found["state"], "bad");
        assert!(!found["advice"].as_str().unwrap().is_empty());
    }
    let german = run(folder.path(), ["doctor", "--no-canaries", "--lang", "de"]);
    assert!(german.out.contains("kaputt") && german.out.contains("ist von"), "{}", german.out);
}

#[test]
fn a_resolver_that_does_not_answer_is_ours_to_mend() {
    let folder = written("[watch]\ncanaries = [\"works.example\"]\n");
    let nobody = format!("127.0.0.1:{}", free_port());
    let set = format!("watch.resolvers={nobody}");
    let ran =
        run(folder.path(), ["doctor", "--format", "json", "--set", &set, "--allow-network", "127.0.0.0/8"]);
    assert_eq!(ran.status, 1);
    let checks = ran.json()["checks"].as_array().unwrap().clone();
    let state =
        |name: &str| checks.iter().find(|check| check["check"] == name).map(|check| check["state"].clone());
    assert_eq!(state("resolver"), Some("bad".into()), "{checks:?}");
    assert_eq!(state("port-25"), Some("warn".into()));
}

#[test]
fn a_resolver_that_answers_is_good_and_nobody_in_a_private_network_is_contacted() {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let place = socket.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        let mut query = [0; 1500];
        while let Ok((count, from)) = socket.recv_from(&mut query) {
            socket.send_to(&resolver::answer(&query[..count]), from).unwrap();
        }
    });
    let folder = written("");
    let arguments = ["doctor", "--format", "json", "--canary", "works.example", "--resolver", &place];
    let ran = run(folder.path(), arguments.iter().chain(&["--allow-network", "127.0.0.0/8"]));
    let checks = ran.json()["checks"].as_array().unwrap().clone();
    let state =
        |name: &str| checks.iter().find(|check| check["check"] == name).map(|check| check["state"].clone());
    assert_eq!(state("resolver"), Some("ok".into()), "{checks:?}");
    assert_eq!(state("port-25"), Some("warn".into()), "{checks:?}");
}

#[test]
fn a_database_of_another_program_or_without_durability_is_bad() {
    let folder = written("");
    let database = rusqlite::Connection::open(folder.path().join("abprall.db")).unwrap();
    database.execute_batch("CREATE TABLE other (x)").unwrap();
    let ran = run(folder.path(), ["doctor", "--no-canaries"]);
    assert!(ran.status == 1 && ran.out.contains("not a database of Abprall"), "{}", ran.out);
}

// --- signals

#[test]
fn a_hangup_changes_what_can_change_and_names_what_cannot() {
    let mut server = Server::start("", &[]);
    assert!(server.lmtp_rcpt("bounces@sender.example").starts_with("250"));
    assert!(server.lmtp_rcpt("other@sender.example").starts_with("550"));
    let path = server.folder.path().join("abprall.toml");
    let before = fs::read_to_string(&path).unwrap();

    let after = before.replace("bounces@sender.example", "other@sender.example") + "name = \"new.example\"\n";
    fs::write(&path, &after).unwrap();
    server.signal("HUP");
    server.wait_for("but for what needs a restart: intake.lmtp.name");
    assert!(server.lmtp_rcpt("other@sender.example").starts_with("250"));
    assert!(server.lmtp_rcpt("bounces@sender.example").starts_with("550"));

    fs::write(&path, before + "nonsense = 1\nmore = 2\n").unwrap();
    server.signal("HUP");
    server.wait_for("intake.lmtp.nonsense: there is no such key");
    server.wait_for("intake.lmtp.more: there is no such key");
    server.wait_for("nothing has changed");
    assert!(server.lmtp_rcpt("other@sender.example").starts_with("250"));
}

#[test]
fn rules_that_are_wrong_are_not_taken_over() {
    let mut server = Server::start("rules = [\"my.toml\"]\n", &[("my.toml", "")]);
    fs::write(server.folder.path().join("my.toml"), "[[rule]]\nnonsense = 1\n").unwrap();
    server.signal("HUP");
    server.wait_for("nothing has changed");
    assert!(server.lmtp_rcpt("bounces@sender.example").starts_with("250"));
}

#[test]
fn a_message_that_is_on_its_way_at_the_end_is_still_taken() {
    let mut server = Server::start("", &[]);
    let mut stream = UnixStream::connect(server.folder.path().join("lmtp")).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut said = [0; 512];
    stream
        .write_all(b"LHLO a.example\r\nMAIL FROM:<>\r\nRCPT TO:<bounces@sender.example>\r\nDATA\r\n")
        .unwrap();
    let mut all = String::new();
    while !all.contains("354") {
        let count = stream.read(&mut said).unwrap();
        all.push_str(std::str::from_utf8(&said[..count]).unwrap());
    }
    server.signal("TERM");
    server.wait_for("ending");
    stream.write_all(b"Subject: hello\r\n\r\nno bounce\r\n.\r\n").unwrap();
    let mut end = String::new();
    stream.read_to_string(&mut end).unwrap();
    assert!(end.contains("250"), "{end}");
    assert!(server.ended().success());
}

#[test]
fn systemd_hears_what_happens() {
    let folder = tempfile::tempdir().unwrap();
    let socket = UnixDatagram::bind(folder.path().join("notify")).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut server = Server::start_with("", &[], |command| {
        command.env("NOTIFY_SOCKET", folder.path().join("notify")).env("WATCHDOG_USEC", "200000");
    });
    let heard = |word: &str| {
        let mut bytes = [0; 2048];
        loop {
            let count = socket.recv(&mut bytes).unwrap_or_else(|error| panic!("{word}: {error}"));
            let said = std::str::from_utf8(&bytes[..count]).unwrap();
            if said.contains(word) {
                return said.to_owned();
            }
        }
    };
    assert!(heard("READY=1").contains("STATUS="));
    heard("WATCHDOG=1");
    server.signal("HUP");
    assert!(heard("RELOADING=1").contains("MONOTONIC_USEC="));
    heard("READY=1");
    server.signal("TERM");
    heard("STOPPING=1");
    assert!(server.ended().success());
}

#[test]
fn a_socket_that_systemd_opened_is_used_by_its_name() {
    let folder = written("[intake.lmtp]\nlisten = [\"systemd:lmtp\"]\nrecipients = [\"a@b.example\"]\n");
    let socket = UnixListener::bind(folder.path().join("s")).unwrap();
    let program = assert_cmd::cargo::cargo_bin!("abprall");
    let place = folder.path().to_owned();
    let start = |names: &str, socket: UnixListener| {
        let script = format!(
            "exec 3<&0; export LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES={names}; exec {} serve",
            program.display()
        );
        let mut command = Command::new("sh");
        command.args(["-c", &script]).current_dir(&place).stdin(Stdio::from(OwnedFd::from(socket)));
        command
    };
    let wrong = Ran::of(start("other", socket.try_clone().unwrap()).output().unwrap());
    assert!(wrong.status == 3 && wrong.err.contains("FileDescriptorName=lmtp"), "{}", wrong.err);
    let path = folder.path().join("s");
    let _server = Server::of(folder, start("lmtp", socket));
    let mut stream = UnixStream::connect(path).unwrap();
    let mut greeting = [0; 4];
    stream.read_exact(&mut greeting).unwrap();
    assert_eq!(&greeting, b"220 ");
}

// --- logs

/// The key of a webhook.
const SIGNING: &str = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz";

fn ways(relay: &str, url: &str) -> String {
    format!(
        "[notify.people]\nrelay = \"{relay}\"\nfrom = \"abprall@ours.example\"\nto = [\"chief@ours.example\"]\nuser = \"u\"\n\
         password = \"s3cr3t-relay\"\n[notify.program]\nkind = \"webhook\"\nurl = \"{url}\"\nsecret = \"{SIGNING}\"\n"
    )
}

#[test]
fn neither_addresses_nor_secrets_are_in_the_log() {
    for format in ["text", "json"] {
        let nobody = format!("127.0.0.1:{}", free_port());
        let settings = ways(&nobody, &format!("http://{nobody}/s3cr3t?token=s3cr3t-query"));
        let settings =
            settings.replace("[notify", "digest = \"none\"\n[notify").replacen("digest = \"none\"\n", "", 1);
        let more = format!("{settings}\n[log]\nlevel = \"trace\"\nformat = \"{format}\"\n");
        let mut server = Server::start(&more, &[]);
        let mail = fs::read_to_string(project().join("examples/bounces.mbox")).unwrap();
        for (number, mail) in mail.split("\nFrom ").enumerate() {
            let mail = mail.split_once('\n').unwrap().1;
            server.lmtp(&format!("bounces+secret{number}@sender.example"), mail);
        }
        server.lmtp_rcpt("\"odd one\"@nowhere.example");
        server.signal("HUP");
        server.wait_for("the settings hold");
        server.signal("TERM");
        assert!(server.ended().success());
        let log = server.log();
        assert!(
            log.contains("decided") && log.contains("<address>"),
            "the test would not show anything: {log}"
        );
        for secret in ["@", "s3cr3t-relay", "s3cr3t-query", SIGNING, &SIGNING[6..]] {
            assert!(!log.contains(secret), "{secret}: {log}");
        }
        if format == "json" {
            for line in log.lines() {
                let line: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
                assert!(line["level"].is_string() && line["timestamp"].is_string(), "{line}");
            }
        }
    }
}

#[test]
fn whoever_wants_addresses_in_the_log_says_so() {
    for (word, shown) in [("domain", "<address>@"), ("full", "@")] {
        let more = format!("[log]\nlevel = \"debug\"\naddresses = \"{word}\"\n");
        let mut server = Server::start(&more, &[]);
        let mail = fs::read_to_string(project().join("examples/bounces.mbox")).unwrap();
        let first = mail.split("\nFrom ").next().unwrap().split_once('\n').unwrap().1.to_owned();
        server.lmtp("bounces@sender.example", &first);
        let line = server.wait_for("decided");
        assert!(line.contains(shown) && line.contains("<address>") == (word == "domain"), "{line}");
    }
}

// --- what a new user meets

#[test]
fn a_missing_settings_file_is_called_missing_and_says_where_one_is() {
    let folder = tempfile::tempdir().unwrap();
    for command in
        [&["config", "check"][..], &["config", "show"], &["sync", "status"], &["serve"], &["doctor"]]
    {
        let ran = run(folder.path(), command);
        assert_ne!(ran.status, 0);
        let said = ran.err + &ran.out;
        for words in ["there is no settings file", "--config", "packaging/abprall.toml"] {
            assert!(said.contains(words), "{command:?}: {said}");
        }
    }
}

#[test]
fn a_secret_that_cannot_be_read_is_one_problem() {
    let folder = tempfile::tempdir().unwrap();
    let http = "[http]\nlisten = [\"127.0.0.1:1\"]\n";
    for rest in [
        "[intake.webhook.a]\nservice = \"mailgun\"\nkey_file = \"gone\"\n",
        "[intake.webhook.a]\nservice = \"postmark\"\nuser = \"u\"\npassword_file = \"gone\"\n",
        "[intake.webhook.a]\nservice = \"postmark\"\ntoken_header = \"X-T\"\ntoken_file = \"gone\"\n",
        "[notify.chat]\nkind = \"webhook\"\nurl = \"https://example.org/hook\"\nsecret_file = \"gone\"\n",
        "[sync.shop]\nkind = \"webhook\"\nurl = \"https://example.org/hook\"\nsecret_file = \"gone\"\n",
    ] {
        std::fs::write(folder.path().join("abprall.toml"), format!("{http}{rest}")).unwrap();
        let ran = run(folder.path(), ["config", "check"]);
        assert_eq!(ran.status, 2, "{rest}");
        assert!(ran.err.contains("1 problem in") && ran.err.contains("cannot read"), "{rest}: {}", ran.err);
    }
}

#[test]
fn a_target_nobody_configured_and_a_place_that_is_taken_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let place = taken.local_addr().unwrap().to_string();
    std::fs::write(folder.path().join("abprall.toml"), format!("[http]\nlisten = [\"{place}\"]\n")).unwrap();
    let sync = run(folder.path(), ["sync", "reconcile", "foo"]);
    assert!(sync.status == 2 && sync.err.contains("the settings have no [sync.…] at all"), "{}", sync.err);
    let serve = run(folder.path(), ["serve"]);
    assert_ne!(serve.status, 0);
    assert!(serve.err.contains(&place) && serve.err.contains("ss -ltnp"), "{}", serve.err);
}

// --- people

#[test]
fn what_is_old_goes_and_all_of_a_person_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), ["process", example("bounces.mbox").to_str().unwrap()]);
    let list = run(folder.path(), ["suppressions", "export", "--format", "csv"]).out;
    let address = list.lines().nth(1).unwrap().split(',').next().unwrap().to_owned();
    let export = |address: &str| run(folder.path(), ["export", address]);
    let known = export(&address);
    assert_eq!(known.status, 0);
    assert_eq!(known.json()["kept_as"], *address);
    assert!(known.json()["decisions"][0]["report"]["diagnostic"].is_string(), "{}", known.out);
    assert_eq!(
        (export("nobody@nowhere.example").status, &export("nobody@nowhere.example").json()["known"]),
        (1, &false.into())
    );

    let prune = |more: &[&str]| {
        let mut arguments = vec!["prune", "--addresses", "--format", "json", "--older-than"];
        arguments.extend(more);
        run(folder.path(), arguments).json()
    };
    assert_eq!(prune(&["1d"])["reports"], 0, "nothing is a day old");
    let preview = prune(&["1us"]);
    assert!(preview["reports"].as_u64().unwrap() > 0 && preview["done"] == false, "{preview}");
    assert_eq!(prune(&["1us", "--dry-run"])["done"], false);
    assert_eq!(run(folder.path(), ["prune", "--older-than", "1us", "--dry-run", "--yes"]).status, 2);
    assert!(run(folder.path(), ["prune", "--older-than", "1us"]).out.contains("--yes does it"));
    assert_eq!(export(&address).json()["kept_as"], *address);
    let done = prune(&["1us", "--yes"]);
    assert_eq!(done["done"], true);
    assert_eq!((&done["reports"], &done["addresses"]), (&preview["reports"], &preview["addresses"]));
    let after = export(&address).json();
    assert!(after["kept_as"].as_str().unwrap().starts_with("erased:"), "{after}");
    assert!(after["decisions"][0]["report"]["diagnostic"].is_null());
    assert_eq!(run(folder.path(), ["check", &address]).status, 1, "it is still stopped");
}

#[test]
fn the_server_lets_the_old_go_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), ["process", example("bounces.mbox").to_str().unwrap()]);
    let mut server = Server::start_in(folder, "[keep]\ntexts = \"1s\"\n", &[], |_| {});
    let line = server.wait_for("what is old was let go");
    assert!(line.contains("Texts"), "{line}");
}

// --- the package

#[test]
fn the_package_installs_and_what_it_ships_is_good() {
    if Command::new("dpkg-deb").arg("--version").output().is_err() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let program = assert_cmd::cargo::cargo_bin!("abprall");
    let made = Command::new(project().join("packaging/deb.sh"))
        .arg(program)
        .arg(folder.path())
        .env("DEB_COMPRESSION", "none")
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let package = String::from_utf8(made.stdout).unwrap().trim().to_owned();

    // As dpkg does it, in a root of its own.
    let root = folder.path().join("root");
    for place in ["updates", "info"] {
        fs::create_dir_all(root.join("var/lib/dpkg").join(place)).unwrap();
    }
    fs::write(root.join("var/lib/dpkg/status"), "").unwrap();
    let dpkg = |arguments: &[&str]| {
        let mut command = Command::new("dpkg");
        command.arg(format!("--root={}", root.display())).args(["--force-depends", "--force-not-root"]);
        command.args(arguments).env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").output().unwrap()
    };
    let unpacked = dpkg(&["--unpack", &package]);
    assert!(unpacked.status.success(), "{}", String::from_utf8_lossy(&unpacked.stderr));
    let status = String::from_utf8(dpkg(&["--status", "abprall"]).stdout).unwrap();
    assert!(status.contains("/etc/abprall/abprall.toml newconffile"), "{status}");

    // Until it is configured, dpkg keeps the file under another name.
    let shipped = root.join("etc/abprall/abprall.toml.dpkg-new");
    let installed = root.join("usr/bin/abprall");
    let check =
        Command::new(&installed).args(["config", "check", "--config"]).arg(&shipped).output().unwrap();
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stderr));
    for file in [
        "usr/lib/systemd/system/abprall.service",
        "usr/lib/systemd/system/abprall-lmtp.socket",
        "usr/lib/sysusers.d/abprall.conf",
        "usr/share/man/man1/abprall.1.gz",
        "usr/share/man/man1/abprall-doctor.1.gz",
        "usr/share/bash-completion/completions/abprall",
        "usr/share/zsh/vendor-completions/_abprall",
        "usr/share/fish/vendor_completions.d/abprall.fish",
        "usr/share/doc/abprall/operation.md",
    ] {
        assert!(root.join(file).metadata().unwrap().len() > 0, "{file}");
    }
    every_key_is_in(&fs::read_to_string(shipped).unwrap());
}

/// Each key that `config show` knows is in the shipped file, as an example or a comment.
fn every_key_is_in(shipped: &str) {
    let folder = written(
        "[http]\n[watch]\n[gate.milter]\n[gate.policy]\n[gate.socketmap]\n[gate.tcp_table]\n[intake.lmtp]\nrecipients = [\"a@b.example\"]\n\
         [intake.smtp]\nrecipients = [\"a@b.example\"]\n",
    );
    let shown = run(folder.path(), ["config", "show", "--format", "json"]);
    let shown = shown.json();
    for setting in shown["settings"].as_array().unwrap() {
        let key = setting["key"].as_str().unwrap();
        let (table, name) = key.rsplit_once('.').unwrap_or(("", key));
        let section = match table {
            "" => shipped.split("\n[").next().unwrap(),
            table => {
                shipped.split(&format!("[{table}]")).nth(1).unwrap_or_else(|| panic!("[{table}] is missing"))
            }
        };
        let section = section.split("\n[").next().unwrap().split("\n# [").next().unwrap();
        assert!(section.contains(&format!("{name} = ")), "{key} is missing");
    }
}

#[test]
fn the_units_are_sound_and_closed() {
    let verify = |arguments: &[&str]| Command::new("systemd-analyze").args(arguments).output();
    let folder = tempfile::tempdir().unwrap();
    let units = project().join("packaging/systemd");
    let unit = fs::read_to_string(units.join("abprall.service")).unwrap();
    // The program is not at its place here.
    let here = folder.path().join("abprall.service");
    fs::write(&here, unit.replace("/usr/bin/abprall", "/bin/true")).unwrap();
    fs::copy(units.join("abprall-lmtp.socket"), folder.path().join("abprall-lmtp.socket")).unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let Ok(ran) = verify(&["verify", "--man=no", &path("abprall.service"), &path("abprall-lmtp.socket")])
    else {
        return;
    };
    assert!(ran.status.success() && ran.stderr.is_empty(), "{}", String::from_utf8_lossy(&ran.stderr));
    // 0 is closed, 10 is open; without a sandbox a service has 9.2.
    let ran = verify(&["security", "--offline=true", "--threshold=20", &path("abprall.service")]).unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stdout));
}
