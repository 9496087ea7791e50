//! Appends events to a file, for programs that read files. A batch is on the disk before it counts as told.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use abprall_mail::Reason;
use abprall_store::Scope;

use super::Event;
use super::target::{Answer, Holds, Member, Target, Told, Trouble};

/// Where, and in which form.
#[derive(Clone, Debug)]
pub(crate) struct FileSettings {
    pub(super) path: PathBuf,
    pub(super) format: FileFormat,
}

/// How an event is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum FileFormat {
    /// One JSON object a line.
    Ndjson,
    /// With a header.
    Csv,
}

const COLUMNS: [&str; 13] = [
    "address",
    "domain",
    "state",
    "scope",
    "reason",
    "since",
    "until",
    "tenant",
    "list",
    "decision",
    "outcome",
    "rule",
    "decided_at",
];

pub(super) struct FileTarget {
    settings: FileSettings,
}

impl FileTarget {
    pub(super) fn new(settings: &FileSettings) -> Self {
        Self { settings: settings.clone() }
    }

    /// The file is opened by its name each time: whoever moves it away gets no more lines.
    fn append(&self, events: &[Event]) -> io::Result<()> {
        let mut file = open(&self.settings.path)?;
        let is_new = cut_torn_line(&mut file)? == 0;
        let bytes = match self.settings.format {
            FileFormat::Ndjson => ndjson(events)?,
            FileFormat::Csv => csv(events, is_new)?,
        };
        file.write_all(&bytes)?;
        file.sync_data()?;
        if is_new
            && let Some(folder) = self.settings.path.parent().filter(|path| !path.as_os_str().is_empty())
        {
            // A new name is only durable with its folder.
            File::open(folder)?.sync_all()?;
        }
        Ok(())
    }
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        // Addresses are nobody else's business.
        options.mode(0o640);
    }
    options.open(path)
}

/// What a crash left of a line that was not told is taken away: all of it is written again. Gives the size that stays.
fn cut_torn_line(file: &mut File) -> io::Result<u64> {
    let size = file.seek(SeekFrom::End(0))?;
    let mut end = size;
    let mut piece = [0_u8; 4096];
    while end > 0 {
        let from = end.saturating_sub(piece.len() as u64);
        let length = usize::try_from(end - from).unwrap_or(piece.len());
        file.seek(SeekFrom::Start(from))?;
        file.read_exact(&mut piece[..length])?;
        match piece[..length].iter().rposition(|byte| *byte == b'\n') {
            Some(at) => {
                end = from + at as u64 + 1;
                break;
            }
            None => end = from,
        }
    }
    if end < size {
        file.set_len(end)?;
    }
    Ok(end)
}

fn ndjson(events: &[Event]) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for event in events {
        serde_json::to_writer(&mut bytes, event)?;
        bytes.push(b'\n');
    }
    Ok(bytes)
}

fn csv(events: &[Event], with_header: bool) -> io::Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    if with_header {
        writer.write_record(COLUMNS)?;
    }
    let time = |at: Option<jiff::Timestamp>| at.map(|at| at.to_string()).unwrap_or_default();
    for event in events {
        writer.write_record([
            event.address.as_deref().unwrap_or_default(),
            &event.domain,
            event.state.as_str(),
            event.scope.map_or("", Scope::as_str),
            event.reason.map_or("", Reason::as_str),
            &time(event.since),
            &time(event.until),
            event.tenant.as_deref().unwrap_or_default(),
            event.list.as_deref().unwrap_or_default(),
            &event.decision.id.to_string(),
            event.decision.outcome.as_str(),
            &event.decision.rule,
            &event.decision.at.to_string(),
        ])?;
    }
    writer.into_inner().map_err(|error| io::Error::other(error.to_string()))
}

impl Target for FileTarget {
    fn tell(&mut self, events: &[Event], _: Instant) -> Answer {
        match self.append(events) {
            Ok(()) => Answer { told: vec![Told::Done; events.len()], trouble: None },
            Err(error) => {
                let error = format!("{}: {error}", self.settings.path.display());
                Answer::none(events.len(), Trouble::away(error))
            }
        }
    }

    fn members(&mut self, _: &mut dyn FnMut(Member) -> anyhow::Result<()>) -> anyhow::Result<Holds> {
        anyhow::bail!("a file of events cannot be asked whom it knows")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_crash_left_of_a_line_is_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events");
        let long = "x".repeat(10_000);
        for (before, after) in [
            (String::new(), String::new()),
            ("torn".to_owned(), String::new()),
            ("one\ntwo\n".to_owned(), "one\ntwo\n".to_owned()),
            (format!("one\n{long}"), "one\n".to_owned()),
        ] {
            std::fs::write(&path, &before).unwrap();
            let size = cut_torn_line(&mut open(&path).unwrap()).unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), after);
            assert_eq!(size, after.len() as u64);
        }
    }
}
