//! Where this process keeps raw mail, if `[keep] raw_mail` says so: packed before it is handed to the writer, on the disk before the
//! decisions on it are, and let go again.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use abprall_bounce::read;
use abprall_store::ContentId;
use anyhow::Context;
use jiff::Timestamp;

use super::changing::Changing;
use super::keeper::{Worker, names_forgotten};
use super::settings::KeepSettings;
use super::stop::Stop;
use crate::raw_mail::{Limits, RawMail, packed};
use crate::store_file::StoreFile;

/// The name of the note that is another one whenever somebody was forgotten.
const ERASED_NOTE: &str = "erased";

/// How often the old is let go.
const SWEEP_EVERY: Duration = Duration::from_secs(3600);

/// How often it is looked whether it is too much: in a second, some megabytes come in.
const LOOK_EVERY: Duration = Duration::from_secs(1);

pub(super) struct MailRoom {
    mail: RawMail,
    keep: Changing<KeepSettings>,
    /// On the disk, about: what other processes remove is seen by the next sweep.
    bytes: AtomicU64,
    /// The last message could not be kept.
    shut: AtomicBool,
}

impl MailRoom {
    pub(super) fn new(mail: RawMail, keep: Changing<KeepSettings>) -> io::Result<Self> {
        let bytes = AtomicU64::new(mail.size()?);
        Ok(Self { mail, keep, bytes, shut: AtomicBool::new(false) })
    }

    pub(super) fn mail(&self) -> &RawMail {
        &self.mail
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Looks whether the folder could take mail, where these settings say that mail is kept.
    ///
    /// # Errors
    /// Where it could not, whatever waits: nothing would be taken in any more. A disk that is full now may have room again later.
    pub(super) fn try_out(&self, keep: KeepSettings) -> anyhow::Result<()> {
        let tried = if keep.raw_mail.is_some() { self.mail.try_out() } else { Ok(()) };
        let folder = self.mail.folder().display();
        match tried {
            Err(error)
                if matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) =>
            {
                tracing::warn!(%error, "{folder} is full: nothing is taken in until there is room");
                Ok(())
            }
            tried => tried.with_context(|| format!("raw mail cannot be kept in {folder}")),
        }
    }

    /// Whether the last message could not be kept.
    pub(super) fn is_shut(&self) -> bool {
        self.shut.load(Ordering::Relaxed)
    }

    /// A message as it will be kept; `None` where nothing is kept.
    pub(super) fn packed(&self, message: &[u8]) -> Option<Vec<u8>> {
        self.keep.get().raw_mail.map(|_| packed(message))
    }

    /// Returns when all of them are on the disk; gives those that were not there.
    pub(super) fn keep(&self, messages: &[(ContentId, &[u8])], at: Timestamp) -> io::Result<Vec<ContentId>> {
        let written = self.mail.keep(messages, at);
        self.shut.store(written.is_err(), Ordering::Relaxed);
        let written = written?;
        self.bytes.fetch_add(written.bytes, Ordering::Relaxed);
        Ok(written.new)
    }

    /// Removes what holds a report about people who were forgotten: whoever did it may not have reached this folder. `seen` is by what it
    /// is known that nobody was since the last time; gives it anew. Asked to stop, it begins anew after the next start.
    fn forget(&self, place: &StoreFile, seen: Option<&str>, stop: &Stop) -> anyhow::Result<Option<String>> {
        let store = place.open_existing()?;
        let now = store.note(ERASED_NOTE)?;
        if now.as_deref() == seen {
            return Ok(now);
        }
        let removed = self.mail.remove_those(|message| {
            let goes =
                !stop.is_wanted() && names_forgotten(&*store, &read(message)).map_err(io::Error::other)?;
            Ok(goes)
        })?;
        if removed > 0 {
            tracing::info!(messages = removed, "raw mail about people who were forgotten was removed");
        }
        Ok(now)
    }

    fn sweep(&self, keep: KeepSettings) -> io::Result<()> {
        let Some(before) = keep.raw_mail.and_then(|age| Timestamp::now().checked_sub(age).ok()) else {
            return Ok(());
        };
        let before_it = self.bytes();
        let swept = self.mail.sweep(Limits { before, bytes_max: keep.raw_mail_bytes_max }, true)?;
        let left = |now| Some(after_sweep(now, before_it, swept.bytes));
        // It gives always a number.
        let _ = self.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, left);
        if swept.removed > 0 {
            tracing::info!(messages = swept.removed, bytes_left = swept.bytes, "raw mail was let go");
        }
        Ok(())
    }
}

/// What came in while the sweep counted stays counted: twice, where the sweep saw it too, until the next one. Less than there is would let
/// the folder grow over its limit.
fn after_sweep(now: u64, before: u64, swept: u64) -> u64 {
    swept.saturating_add(now.saturating_sub(before))
}

/// Starts the thread that lets raw mail go.
pub(super) fn start(room: Arc<MailRoom>, place: StoreFile, stop: Stop) -> anyhow::Result<Worker> {
    let clean = move || {
        let mut swept: Option<Instant> = None;
        let mut warned = false;
        let (mut forgotten, mut looked): (Option<String>, Option<Instant>) = (None, None);
        while !stop.is_wanted() {
            if looked.is_none_or(|last| last.elapsed() >= SWEEP_EVERY) {
                match room.forget(&place, forgotten.as_deref(), &stop) {
                    Ok(now) => forgotten = now,
                    Err(error) => {
                        tracing::warn!(%error, "raw mail about people who were forgotten could not be removed; trying again in an hour");
                    }
                }
                looked = Some(Instant::now());
            }
            let keep = *room.keep.get();
            let is_time = swept.is_none_or(|last| last.elapsed() >= SWEEP_EVERY);
            if keep.raw_mail.is_none() {
                if !std::mem::replace(&mut warned, true) && room.bytes() > 0 {
                    let folder = room.mail.folder().display();
                    tracing::warn!(
                        "{folder} has raw mail of before, which stays until `abprall prune` lets it go"
                    );
                }
            } else if is_time || room.bytes() > keep.raw_mail_bytes_max {
                warned = false;
                if let Err(error) = room.sweep(keep) {
                    tracing::warn!(%error, "raw mail could not be let go; trying again");
                    stop.sleep(Duration::from_secs(60));
                } else {
                    swept = Some(Instant::now());
                }
            }
            stop.sleep(LOOK_EVERY);
        }
    };
    Worker::spawn("raw mail", clean).context("cannot start the cleaning of raw mail")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_in_while_a_sweep_counts_is_not_forgotten() {
        // Of 100, 40 were let go by it, and 30 by another process; 7 came in.
        assert_eq!(after_sweep(107, 100, 30), 37);
        assert_eq!(after_sweep(100, 100, 30), 30);
    }
}
