//! A store with targets, as the program sees them.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::common::{Ran, abprall, run};

pub(crate) struct House {
    folder: TempDir,
}

impl House {
    /// With these `[sync.…]`.
    pub(crate) fn new(settings: &str) -> Self {
        let house = Self { folder: tempfile::tempdir().unwrap() };
        house.configure(settings);
        house
    }

    pub(crate) fn configure(&self, settings: &str) {
        std::fs::write(self.path().join("abprall.toml"), settings).unwrap();
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        run(self.path(), arguments)
    }

    /// A person stops somebody.
    pub(crate) fn stop(&self, names: &[&str], more: &[&str]) {
        let arguments = ["suppressions", "add", "--reason", "user_unknown"];
        let ran = self.run(&[&arguments[..], more, names].concat());
        assert_eq!(ran.status, 0, "{}", ran.err);
    }

    /// A person lifts it again.
    pub(crate) fn lift(&self, names: &[&str]) {
        let ran = self.run(&[&["suppressions", "remove"][..], names].concat());
        assert!(ran.status < 2, "{}", ran.err);
    }

    /// Tells what there is to tell. Gives the rows of the answer.
    pub(crate) fn tell(&self) -> Vec<Value> {
        let ran = self.run(&["sync", "run", "--once", "--format", "ndjson"]);
        assert!(ran.status < 2, "{}", ran.err);
        ran.lines()
    }

    /// As [`House::tell`], where nothing stands against it.
    pub(crate) fn tell_all(&self) -> u64 {
        let rows = self.tell();
        assert!(rows.iter().all(|row| row["error"].is_null() && row["refused"] == 0), "{rows:?}");
        rows.iter().map(|row| row["told"].as_u64().unwrap()).sum()
    }

    pub(crate) fn status(&self) -> Vec<Value> {
        self.run(&["sync", "status", "--format", "ndjson"]).lines()
    }

    /// Differences between a list and what is remembered: the exit status, and who.
    pub(crate) fn reconcile(&self, target: &str, more: &[&str]) -> (i32, Vec<String>) {
        let ran = self.run(&[&["sync", "reconcile", target, "--format", "ndjson"][..], more].concat());
        assert!(ran.status < 2, "{}", ran.err);
        let mut who: Vec<_> = ran
            .lines()
            .iter()
            .map(|row| {
                format!(
                    "{} {}/{}",
                    row["address"].as_str().unwrap(),
                    row["here"].as_str().unwrap(),
                    row["there"].as_str().unwrap()
                )
            })
            .collect();
        who.sort();
        (ran.status, who)
    }

    /// A command that goes on in the background; it is killed when it is dropped.
    pub(crate) fn start(&self, arguments: &[&str]) -> Running {
        let mut command: Command = abprall(self.path());
        Running(command.args(arguments).stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap())
    }
}

pub(crate) struct Running(pub(crate) Child);

impl Running {
    /// As a power cut would.
    pub(crate) fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Waits until something is so, as long as a slow machine may take.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let patience = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < patience, "{what}");
        std::thread::park_timeout(Duration::from_millis(10));
    }
}
