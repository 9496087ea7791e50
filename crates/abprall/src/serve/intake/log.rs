//! A log that is followed: over rotation, over our own restarts, and with what earlier lines said of a queue id.

mod file;
mod position;
mod rotated;

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use abprall_bounce::Reading;
use abprall_bounce::log::{LogFormat, LogReader};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use self::file::{LogFile, Progress, id_of};
use self::position::State;
use crate::intake::identity;
use crate::serve::keeper::{Item, Keeper, NotStored};
use crate::serve::limits::{
    LOG_BATCH_BYTES, LOG_BATCH_REPORTS, LOG_CONTEXT_BYTES, LOG_EVERY, LOG_OLD_MAX, LOG_OLD_QUIET,
    LOG_STATE_EVERY, LOG_STORE_AGAIN,
};
use crate::serve::settings::{LogSettings, Start};
use crate::serve::stop::Stop;
use crate::spans::SPANS;

/// Follows a log.
pub(in crate::serve) struct Follower {
    start: Start,
    settings: LogSettings,
    keeper: Keeper,
    stop: Stop,
    /// Known when the first lines are.
    reader: Option<(LogFormat, LogReader)>,
    /// The oldest first; the last one is the log itself, or was until it was renamed.
    files: Vec<Followed>,
    /// What waits to be stored.
    items: Vec<Item>,
    bytes: u64,
    buffer: Vec<u8>,
    /// Something was read that the state does not say.
    unsaved: bool,
    saved: Instant,
    complaint: String,
    /// How often what was read before was looked for in vain.
    searches: u32,
}

/// How often that is, before something is given up: rotation renames one file after the other.
const SEARCHES_MAX: u32 = 5;

struct Followed {
    file: LogFile,
    /// Since when nothing came.
    quiet: Instant,
}

/// What is left to do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Step {
    More,
    Idle,
}

/// The server ends, and what was read last is not stored: it is not to be written down as read.
struct Unstored;

impl Follower {
    pub(in crate::serve) fn new(settings: LogSettings, keeper: Keeper, stop: Stop) -> Self {
        // All of a file that is made while we wait for it is new.
        let start = if settings.path.exists() { settings.start } else { Start::Beginning };
        Self {
            start,
            settings,
            keeper,
            stop,
            reader: None,
            files: Vec::new(),
            items: Vec::new(),
            bytes: 0,
            buffer: Vec::new(),
            unsaved: false,
            saved: Instant::now(),
            complaint: String::new(),
            searches: 0,
        }
    }

    /// Until the server is to end.
    pub(in crate::serve) async fn serve(self) -> anyhow::Result<()> {
        Ok(tokio::task::spawn_blocking(|| self.run()).await?)
    }

    fn run(mut self) {
        while !self.stop.is_wanted() {
            match self.step() {
                Ok(Ok(Step::More)) => {}
                Ok(Ok(Step::Idle)) => {
                    self.save_if_due();
                    self.stop.sleep(LOG_EVERY);
                }
                Ok(Err(Unstored)) => return,
                Err(error) => {
                    self.complain(&error.to_string());
                    self.stop.sleep(Duration::from_secs(1));
                }
            }
        }
        self.save();
    }

    fn step(&mut self) -> io::Result<Result<Step, Unstored>> {
        if self.files.is_empty() {
            self.begin()?;
        }
        if !self.know_format()? {
            self.look_at_path()?;
            return Ok(Ok(Step::Idle));
        }
        let mut index = 0;
        while index < self.files.len() {
            match self.read(index)? {
                Progress::Lines => self.files[index].quiet = Instant::now(),
                Progress::Nothing => index += 1,
                Progress::Truncated => self.begin_anew(index)?,
            }
            let is_full = self.items.len() >= LOG_BATCH_REPORTS || self.bytes >= LOG_BATCH_BYTES;
            if is_full || self.stop.is_wanted() {
                return Ok(self.store().map(|()| Step::More));
            }
        }
        self.let_go()?;
        if self.store().is_err() {
            return Ok(Err(Unstored));
        }
        // All that is in the files that we have is read: is there another?
        Ok(Ok(if self.look_at_path()? { Step::More } else { Step::Idle }))
    }

    fn read(&mut self, index: usize) -> io::Result<Progress> {
        let Some((format, reader)) = &mut self.reader else { return Ok(Progress::Nothing) };
        let Followed { file, .. } = &mut self.files[index];
        let name = file.path.display().to_string();
        let (keeper, items, bytes) = (&self.keeper, &mut self.items, &mut self.bytes);
        let now = Timestamp::now();
        let progress = file.read(&mut self.buffer, &mut |number, line| {
            *bytes += line.len() as u64;
            items.extend(item(keeper, *format, reader, &name, number, line, now));
        })?;
        self.unsaved |= progress == Progress::Lines;
        Ok(progress)
    }

    /// Stores what waits; does not give up before the server ends.
    fn store(&mut self) -> Result<(), Unstored> {
        self.bytes = 0;
        if self.items.is_empty() {
            return Ok(());
        }
        let items = Arc::new(std::mem::take(&mut self.items));
        let _span =
            tracing::trace_span!(target: SPANS, "intake", way = "file", messages = items.len()).entered();
        while let Err(NotStored) =
            self.keeper.keep_all_blocking(Arc::clone(&items), self.settings.audience.clone())
        {
            if self.stop.is_wanted() {
                return Err(Unstored);
            }
            self.stop.sleep(LOG_STORE_AGAIN);
        }
        self.save_if_due();
        Ok(())
    }

    fn save_if_due(&mut self) {
        if self.saved.elapsed() >= LOG_STATE_EVERY {
            self.save();
        }
    }

    /// Writes down how far was read, when all of that is stored.
    fn save(&mut self) {
        if !self.unsaved || !self.items.is_empty() {
            return;
        }
        let state = State {
            format: self.reader.as_ref().map(|(format, _)| format.to_string()),
            files: self.files.iter().map(|followed| followed.file.position()).collect(),
            saved_at: Timestamp::now().as_second(),
        };
        match state.save(&self.settings.state) {
            Ok(()) => self.unsaved = false,
            Err(error) => {
                let state = self.settings.state.display();
                self.complain(&format!("cannot write {state}: {error}; after a restart all is read again"));
            }
        }
        self.saved = Instant::now();
    }

    /// Finds what was followed before, and what has come since.
    fn begin(&mut self) -> io::Result<()> {
        let state = State::load(&self.settings.state).unwrap_or_else(|error| {
            let state = self.settings.state.display();
            self.complain(&format!("{state} cannot be read ({error}): the log is read from its beginning"));
            self.start = Start::Beginning;
            None
        });
        let rotated = rotated::beside(&self.settings.path)?;
        match &state {
            Some(state) => {
                let missing = self.resume(state, &rotated)?;
                // It is being rotated this moment: look again.
                let now = rotated::beside(&self.settings.path)?;
                let is_known = |one: &rotated::Rotated| rotated.iter().any(|known| known.id == one.id);
                let is_changing = now.len() != rotated.len() || !now.iter().all(is_known);
                if is_changing || (missing && self.searches < SEARCHES_MAX) {
                    self.searches += 1;
                    self.files.clear();
                    return Ok(());
                }
                if missing {
                    self.complain(
                        "a part of the log that was being read is gone; give the rotated files to `abprall process`",
                    );
                }
            }
            None => match existing(LogFile::open(&self.settings.path))? {
                Some(mut file) => {
                    if self.start == Start::End {
                        file.skip_to_end()?;
                    }
                    self.follow(file);
                }
                None => self.start = Start::Beginning,
            },
        }
        if self.files.is_empty() {
            return Ok(());
        }
        if let Some(format) = self.settings.format.or_else(|| state.and_then(|state| state.known_format())) {
            self.know(format);
        }
        if self.know_format()? {
            self.remember(&rotated)?;
        }
        // Before anything is read: else a file that is rotated before the first note would be nobody's.
        self.unsaved = true;
        self.save();
        Ok(())
    }

    /// Says whether a file is missing that was read before.
    fn resume(&mut self, state: &State, rotated: &[rotated::Rotated]) -> io::Result<bool> {
        let mut missing = false;
        let log = existing(self.settings.path.metadata())?;
        let mut newest = None;
        for place in &state.files {
            // The same file first; after `copytruncate` it lies in another one.
            let log = log.iter().map(|log| (self.settings.path.as_path(), id_of(log)));
            let mut paths: Vec<_> =
                log.chain(rotated.iter().map(|one| (one.path.as_path(), one.id))).collect();
            paths.sort_by_key(|(_, id)| *id != place.id);
            let mut file = None;
            for (path, _) in paths {
                file = existing(LogFile::open_at(path, place))?.flatten();
                if file.is_some() {
                    break;
                }
            }
            match file {
                Some(file) if self.files.iter().all(|followed| followed.file.id != file.id) => {
                    newest = Some(file.path.clone());
                    self.follow(file);
                }
                Some(_) => {}
                None => missing = true,
            }
        }
        if newest.as_ref() == Some(&self.settings.path) {
            return Ok(missing);
        }
        // What came between the one that was read last and the log of today.
        let known = newest.and_then(|path| rotated.iter().find(|one| one.path == path));
        let since = known.map_or_else(|| saved_at(state), |one| one.modified);
        let between: Vec<_> = rotated
            .iter()
            .filter(|one| one.modified >= since)
            .filter(|one| self.files.iter().all(|followed| followed.file.id != one.id))
            .map(|one| one.path.clone())
            .collect();
        for path in between.into_iter().chain([self.settings.path.clone()]) {
            if let Some(file) = existing(LogFile::open(&path))? {
                self.follow(file);
            }
        }
        Ok(missing)
    }

    fn follow(&mut self, file: LogFile) {
        self.files.push(Followed { file, quiet: Instant::now() });
    }

    /// A log that is truncated was copied before, mostly: what we have not read of it is in the copy.
    fn begin_anew(&mut self, index: usize) -> io::Result<()> {
        let place = self.files[index].file.position();
        let path = self.files[index].file.path.clone();
        let mut copy = None;
        for one in rotated::beside(&self.settings.path)?.iter().rev() {
            if one.id != place.id {
                copy = existing(LogFile::open_at(&one.path, &place))?.flatten();
            }
            if copy.is_some() {
                break;
            }
        }
        if copy.is_none() && place.offset > 0 {
            self.complain("the log was truncated, and there is no copy of it: what was not read yet is lost");
        }
        let new = existing(LogFile::open(&path))?;
        let others = self.files.iter().enumerate().filter(|(at, _)| *at != index);
        let taken: Vec<_> = others.map(|(_, followed)| followed.file.id).collect();
        let new = new.filter(|file| !taken.contains(&file.id));
        let new = new.map(|file| Followed { file, quiet: Instant::now() });
        let copy = copy.map(|file| Followed { file, quiet: Instant::now() });
        self.files.splice(index..=index, copy.into_iter().chain(new));
        self.unsaved = true;
        Ok(())
    }

    /// Whether another file has taken the log's name; then that is read too.
    fn look_at_path(&mut self) -> io::Result<bool> {
        let Some(metadata) = existing(self.settings.path.metadata())? else { return Ok(false) };
        let id = id_of(&metadata);
        if self.files.is_empty() || self.files.iter().any(|followed| followed.file.id == id) {
            return Ok(false);
        }
        let Some(file) = existing(LogFile::open(&self.settings.path))? else { return Ok(false) };
        self.follow(file);
        self.unsaved = true;
        Ok(true)
    }

    /// Lets rotated files go that nobody writes to any more.
    fn let_go(&mut self) -> io::Result<()> {
        while self.files.len() > 1
            && (self.files[0].quiet.elapsed() >= LOG_OLD_QUIET || self.files.len() > LOG_OLD_MAX + 1)
        {
            let Followed { mut file, .. } = self.files.remove(0);
            let Some((format, reader)) = &mut self.reader else { continue };
            let (keeper, items, name) = (&self.keeper, &mut self.items, file.path.display().to_string());
            let now = Timestamp::now();
            file.read_rest(&mut |number, line| {
                items.extend(item(keeper, *format, reader, &name, number, line, now));
            })?;
            self.unsaved = true;
        }
        Ok(())
    }

    /// Whether it is known what is read; else looks at the first lines.
    fn know_format(&mut self) -> io::Result<bool> {
        if self.reader.is_some() {
            return Ok(true);
        }
        let mut seen = self.settings.format;
        for followed in self.files.iter().rev() {
            if seen.is_none() {
                let start = followed.file.start()?;
                seen = LogFormat::sniff(&start);
                if seen.is_none() && start.iter().filter(|byte| **byte == b'\n').count() >= 5 {
                    self.complaint_of_format();
                    break;
                }
            }
        }
        if let Some(format) = seen {
            self.know(format);
        }
        Ok(self.reader.is_some())
    }

    fn complaint_of_format(&mut self) {
        self.complain("its first lines are of no log that is known; say which it is with `format`");
    }

    fn know(&mut self, format: LogFormat) {
        // As `process` does: an MTA writes the time of its host, and mostly that is this one.
        let mut reader = LogReader::new(format).in_zone(TimeZone::system());
        if let Some(host) = &self.settings.host {
            reader = reader.of_host(host);
        }
        self.reader = Some((format, reader));
    }

    /// Reads again what stands before the place, for what it says of messages that are still on their way. It counts for nothing.
    fn remember(&mut self, rotated: &[rotated::Rotated]) -> io::Result<()> {
        let Some((_, reader)) = &mut self.reader else { return Ok(()) };
        let now = Timestamp::now();
        let before = rotated
            .iter()
            .rfind(|one| self.files.iter().all(|followed| followed.file.id != one.id))
            .map(|one| LogFile::open(&one.path));
        let mut before = before.map(existing).transpose()?.flatten();
        if let Some(before) = &mut before {
            before.skip_to_end()?;
        }
        let files: Vec<_> = before.iter().chain(self.files.iter().map(|followed| &followed.file)).collect();
        let mut left = LOG_CONTEXT_BYTES;
        let mut shares = Vec::new();
        for file in files.iter().rev() {
            let share = file.position().offset.min(left);
            left -= share;
            shares.push(share);
        }
        for (file, share) in files.iter().zip(shares.iter().rev()) {
            if *share > 0 {
                file.lines_before(*share, &mut |line| {
                    reader.read_line(line, now);
                })?;
            }
        }
        Ok(())
    }

    /// Says what is wrong, once as long as it is the same.
    fn complain(&mut self, what: &str) {
        if self.complaint != what {
            tracing::warn!("{}: {what}", self.settings.path.display());
            what.clone_into(&mut self.complaint);
        }
    }
}

fn item(
    keeper: &Keeper,
    format: LogFormat,
    reader: &mut LogReader,
    name: &str,
    number: u64,
    line: &[u8],
    now: Timestamp,
) -> Option<Item> {
    let reports = reader.read_line(line, now);
    if reports.is_empty() {
        return None;
    }
    let reading = Reading { reports, ..Reading::default() };
    Some(keeper.judge(identity::of_log_line(format, line), format!("{name}:{number}"), reading))
}

fn saved_at(state: &State) -> SystemTime {
    let seconds = u64::try_from(state.saved_at).unwrap_or_default();
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

/// Nothing, where there is no such file: it is waited for.
fn existing<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
