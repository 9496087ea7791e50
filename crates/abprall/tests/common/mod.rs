//! What the tests of the program share: running it, and mail to feed it with.
#![allow(dead_code, reason = "each test file uses a part")]
#![expect(clippy::unwrap_used, reason = "tests")]

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

pub fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

pub fn example(name: &str) -> PathBuf {
    project().join("examples").join(name)
}

/// The program in a folder of its own, without settings from the environment.
pub fn abprall(folder: &Path) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("abprall"));
    command
        .current_dir(folder)
        .env_remove("ABPRALL_STORE")
        .env_remove("ABPRALL_RULES")
        .env_remove("ABPRALL_LANG")
        .env("NO_COLOR", "1");
    command
}

pub struct Ran {
    pub status: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    pub fn of(output: Output) -> Self {
        Self {
            status: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Each line of the output as JSON.
    pub fn lines(&self) -> Vec<serde_json::Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap()
    }
}

pub fn run<A: AsRef<OsStr>>(folder: &Path, arguments: impl IntoIterator<Item = A>) -> Ran {
    Ran::of(abprall(folder).args(arguments).output().unwrap())
}

/// Writes a mailbox of `messages` different bounces: the lab's, each copy of one with a mark and recipients of its own.
pub fn large_mailbox(path: &Path, messages: usize) {
    let mut originals: Vec<_> =
        fs::read_dir(project().join("corpus/mail")).unwrap().map(|entry| entry.unwrap().path()).collect();
    originals.sort();
    let originals: Vec<_> = originals.iter().map(|path| fs::read(path).unwrap()).collect();
    let mut mailbox = Vec::new();
    for (number, mail) in originals.iter().cycle().take(messages).enumerate() {
        let copy = number / originals.len();
        mailbox.extend_from_slice(b"From MAILER-DAEMON Tue Nov 24 12:00:00 2026\n");
        mailbox.extend_from_slice(format!("X-Copy: {number}\n").as_bytes());
        for line in String::from_utf8_lossy(mail).lines() {
            let line = line.trim_end_matches('\r').replace(".test", &format!("{copy}.test"));
            if line.starts_with("From ") {
                mailbox.push(b'>');
            }
            mailbox.extend_from_slice(line.as_bytes());
            mailbox.push(b'\n');
        }
        mailbox.push(b'\n');
    }
    fs::write(path, mailbox).unwrap();
}

/// What the database holds, as far as a person or a program can see it.
pub fn contents(folder: &Path, store: &str) -> (serde_json::Value, String) {
    let mut report =
        run(folder, ["report", "--format", "json", "--limit", "1000000", "--store", store]).json();
    // When it was asked and when work was put down is no part of what is remembered.
    report
        .as_object_mut()
        .unwrap()
        .retain(|key, _| !matches!(&**key, "at" | "unreachable_domains" | "incidents"));
    let export = run(folder, ["suppressions", "export", "--format", "csv", "--store", store]).out;
    // Times and numbers of decisions differ from run to run.
    let rows = export.lines().map(|row| row.split(',').take(4).collect::<Vec<_>>().join(","));
    let mut rows: Vec<_> = rows.collect();
    rows.sort();
    (report, rows.join("\n"))
}

pub mod server;
