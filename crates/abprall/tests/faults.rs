//! What goes wrong on real machines: every fault has its message and its exit status, and loses nothing.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::Path;
use std::process::Command;

use rusqlite::Connection;

mod common;

use common::{Ran, contents, example, large_mailbox, run};

#[test]
fn a_path_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let ran = run(folder.path(), ["process", "nowhere.mbox"]);
    assert_eq!(ran.status, 3);
    assert!(ran.err.contains("nowhere.mbox"), "{}", ran.err);
}

#[test]
fn what_cannot_be_read_is_named_and_the_rest_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("mail")).unwrap();
    fs::copy(example("bounces.mbox"), folder.path().join("mail/good.mbox")).unwrap();
    // Reading this file fails with EIO for everybody, also for root.
    std::os::unix::fs::symlink("/proc/self/mem", folder.path().join("mail/broken.eml")).unwrap();
    let ran = run(folder.path(), ["process", "mail", "mail/broken.eml", "--format", "json"]);
    assert_eq!(ran.status, 3, "{}", ran.out);
    assert!(ran.err.contains("broken.eml"), "{}", ran.err);
    assert_eq!(ran.json()["messages"], 25);
}

#[test]
fn a_damaged_gzip_file_is_named_and_what_was_read_of_it_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let plain = fs::read(example("bounces.mbox")).unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut gzip, &plain).unwrap();
    let whole = gzip.finish().unwrap();
    fs::write(folder.path().join("cut.mbox.gz"), &whole[..whole.len() * 2 / 3]).unwrap();
    let ran = run(folder.path(), ["process", "cut.mbox.gz", "--format", "json"]);
    assert_eq!(ran.status, 3);
    assert!(ran.err.contains("cut.mbox.gz"), "{}", ran.err);
}

#[test]
fn questions_to_no_database_say_how_to_make_one() {
    let folder = tempfile::tempdir().unwrap();
    for command in [
        &["check", "a@b.example"][..],
        &["why", "a@b.example"],
        &["report"],
        &["suppressions", "list"],
        &["suppressions", "export"],
    ] {
        let ran = run(folder.path(), command);
        assert_eq!(ran.status, 3, "{command:?}");
        assert!(ran.err.contains("abprall process"), "{command:?}: {}", ran.err);
        assert!(!folder.path().join("abprall.db").exists(), "{command:?} made a database");
    }
}

#[test]
fn a_file_that_is_no_database_of_ours_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("abprall.db");
    fs::write(&path, "Dear diary, this is no database. ".repeat(100)).unwrap();
    let before = fs::read(&path).unwrap();
    let ran = run(folder.path(), [Path::new("process"), &example("bounces.mbox")]);
    assert_eq!(ran.status, 3);
    assert!(ran.err.contains("abprall.db"), "{}", ran.err);
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn a_database_of_a_newer_abprall_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), [Path::new("process"), &example("bounces.mbox")]);
    let connection = Connection::open(folder.path().join("abprall.db")).unwrap();
    connection.pragma_update(None, "user_version", 9999).unwrap();
    drop(connection);
    for command in ["process", "report"] {
        let bounces = example("bounces.mbox");
        let mut arguments = vec![Path::new(command)];
        if command == "process" {
            arguments.push(&bounces);
        }
        let ran = run(folder.path(), arguments);
        assert_eq!(ran.status, 3);
        assert!(ran.err.contains("newer abprall"), "{}", ran.err);
    }
}

#[test]
fn a_locked_database_is_waited_for_and_then_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("abprall.db");
    run(folder.path(), [Path::new("process"), &example("bounces.mbox")]);
    let before = contents(folder.path(), "abprall.db");
    let connection = Connection::open(&path).unwrap();
    connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    large_mailbox(&folder.path().join("more.mbox"), 20);
    let ran = run(folder.path(), ["process", "more.mbox"]);
    assert_eq!(ran.status, 3);
    assert!(ran.err.contains("locked by another process"), "{}", ran.err);
    // Reading goes on beside a writer.
    assert_eq!(contents(folder.path(), "abprall.db"), before);
    connection.execute_batch("ROLLBACK").unwrap();
    assert_eq!(run(folder.path(), ["process", "more.mbox"]).status, 0);
}

#[test]
fn a_full_disk_loses_nothing_that_was_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    large_mailbox(&here.join("bounces.mbox"), 4000);
    // A disk of its own of 2 MiB: the database does not fit. Then it grows, and the same command is run again.
    let ran = on_own_disk(
        here,
        "size=2m",
        "set +e\n\
         $ABPRALL process bounces.mbox --format ndjson --store disk/abprall.db >said 2>full.err; echo $? >full.status\n\
         set -e\n\
         mount -o remount,size=200m disk\n\
         $ABPRALL process bounces.mbox --format ndjson --store disk/abprall.db >said-again\n\
         cp disk/abprall.db after.db; [ ! -e disk/abprall.db-wal ] || cp disk/abprall.db-wal after.db-wal",
    );
    assert_eq!(ran.status, 0, "{}", ran.err);
    let read = |name: &str| fs::read_to_string(here.join(name)).unwrap();
    assert_eq!(read("full.status").trim(), "3", "{}", read("full.err"));
    assert!(read("full.err").contains("disk is full"), "{}", read("full.err"));
    let key = |line: &str| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        (format!("{} {}", line["source"], line["index"]), line["new"] == true)
    };
    let acknowledged: std::collections::BTreeSet<_> =
        read("said").lines().map(key).filter(|(_, new)| *new).map(|(place, _)| place).collect();
    assert!(
        !acknowledged.is_empty(),
        "the disk was full before the first batch: the test would show nothing"
    );
    for (place, new) in read("said-again").lines().map(key) {
        assert!(!(new && acknowledged.contains(&place)), "{place} was acknowledged, and is lost");
    }
    run(here, ["process", "bounces.mbox", "--store", "whole.db"]);
    assert_eq!(contents(here, "after.db"), contents(here, "whole.db"));
}

#[test]
fn a_read_only_disk_is_named() {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(example("bounces.mbox"), folder.path().join("bounces.mbox")).unwrap();
    let ran = on_own_disk(
        folder.path(),
        "size=20m",
        "mount -o remount,ro disk\n$ABPRALL process bounces.mbox --store disk/abprall.db",
    );
    assert_eq!(ran.status, 3, "{}", ran.err);
    assert!(ran.err.contains("disk/abprall.db"), "{}", ran.err);
    let ran = on_own_disk(
        folder.path(),
        "size=20m",
        "$ABPRALL process bounces.mbox --store disk/abprall.db >first\n\
         mount -o remount,ro disk\n\
         $ABPRALL suppressions add a@b.example --reason user_unknown --store disk/abprall.db",
    );
    assert_eq!(ran.status, 3, "{}", ran.err);
    assert!(ran.err.contains("read-only") || ran.err.contains("cannot open"), "{}", ran.err);
}

/// Runs a shell script with a tmpfs mounted at `disk`, in namespaces of its own: nothing else sees the mount.
fn on_own_disk(folder: &Path, options: &str, script: &str) -> Ran {
    fs::create_dir_all(folder.join("disk")).unwrap();
    let script = format!("set -e\nmount -t tmpfs -o {options} tmpfs disk\n{script}");
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", &script])
        .current_dir(folder)
        .env("ABPRALL", assert_cmd::cargo::cargo_bin!("abprall"))
        .output()
        .unwrap();
    Ran::of(output)
}
