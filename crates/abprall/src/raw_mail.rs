//! Raw mail, where `[keep] raw_mail` says that it is kept: as it came in, a packed file a message, for as long as it says.
//!
//! ```text
//! abprall.db.mail/2026-11-25/1f0c….gz      a day (UTC), the identity of the content
//! ```
//!
//! The database knows nothing of the files: a file that is there is kept, one that is not is gone. So a file without a row does no harm,
//! and whatever a kill leaves is let go like all others.

mod search;
mod sweep;
mod write;

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use abprall_store::{ContentId, Story};
use flate2::read::GzDecoder;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

pub(crate) use sweep::Limits;
pub(crate) use write::packed;

/// A message unpacked, in bytes: what comes in is smaller, so more is nothing that we wrote.
const MESSAGE_BYTES_MAX: u64 = 64 << 20;

/// How the files end.
const ENDING: &str = ".gz";

/// How they end, behind a dot and the content, as long as they are not whole.
const UNFINISHED: &str = ".part";

/// The folder. It need not be there.
#[derive(Clone, Debug)]
pub(crate) struct RawMail {
    folder: PathBuf,
}

/// One file.
pub(crate) struct Kept {
    pub(crate) content: ContentId,
    pub(crate) path: PathBuf,
}

impl RawMail {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Days with mail, the oldest first. What has another name is not ours, nor what a link leads to.
    pub(crate) fn days(&self) -> io::Result<Vec<(Date, PathBuf)>> {
        let mut days = Vec::new();
        for entry in entries(&self.folder)? {
            let entry = entry?;
            let Some(day) = day_of(&entry.file_name()) else { continue };
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                days.push((day, entry.path()));
            }
        }
        days.sort_unstable();
        Ok(days)
    }

    /// Where a message is kept; more than one file where it came in on several days, and the server was killed in between.
    pub(crate) fn find(&self, content: &ContentId) -> io::Result<Vec<PathBuf>> {
        let name = format!("{content}{ENDING}");
        let places = self.days()?.into_iter().map(|(_, day)| day.join(&name));
        Ok(places.filter(|path| path.is_file()).collect())
    }

    /// A message as it came in; `None`: it is not kept.
    pub(crate) fn read(&self, content: &ContentId) -> io::Result<Option<Vec<u8>>> {
        match self.find(content)?.first() {
            Some(path) => unpacked(path),
            None => Ok(None),
        }
    }

    /// Gives whether there was something to remove.
    pub(crate) fn remove(&self, content: &ContentId) -> io::Result<bool> {
        let paths = self.find(content)?;
        for path in &paths {
            gone(fs::remove_file(path))?;
        }
        Ok(!paths.is_empty())
    }

    /// As [`RawMail::remove`], but only what was kept on that day.
    pub(crate) fn remove_of_day(&self, content: &ContentId, at: Timestamp) -> io::Result<()> {
        gone(fs::remove_file(self.day(at).join(format!("{content}{ENDING}"))))
    }

    fn day(&self, at: Timestamp) -> PathBuf {
        self.folder.join(at.to_zoned_datetime(TimeZone::UTC).date().to_string())
    }

    /// Bytes on the disk.
    pub(crate) fn size(&self) -> io::Result<u64> {
        let mut bytes = 0;
        for (_, day) in self.days()? {
            for entry in entries(&day)? {
                let entry = entry?;
                if is_ours(&entry.file_name()) {
                    bytes += entry.metadata().map_or(0, |file| room(&file));
                }
            }
        }
        Ok(bytes)
    }

    /// Says in a story which raw mail of its reports is there.
    pub(crate) fn mark(&self, story: &mut Story) -> io::Result<()> {
        let days = self.days()?;
        let contents = story.decisions.iter().filter_map(|decision| decision.report.as_ref());
        let mut contents: Vec<_> = contents.map(|report| report.content.clone()).collect();
        contents.sort_unstable();
        contents.dedup();
        contents.retain(|content| {
            let name = format!("{content}{ENDING}");
            days.iter().any(|(_, day)| day.join(&name).is_file())
        });
        story.raw_mail = contents;
        Ok(())
    }
}

/// What lies in a folder; nothing where there is none.
fn entries(folder: &Path) -> io::Result<impl Iterator<Item = io::Result<fs::DirEntry>>> {
    match fs::read_dir(folder) {
        Ok(entries) => Ok(Some(entries).into_iter().flatten()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None.into_iter().flatten()),
        Err(error) => Err(error),
    }
}

/// The files of a day that are whole.
fn files(day: &Path) -> io::Result<Vec<Kept>> {
    let mut files = Vec::new();
    for entry in entries(day)? {
        let entry = entry?;
        if let Some(content) = content_of(&entry.file_name()) {
            files.push(Kept { content, path: entry.path() });
        }
    }
    Ok(files)
}

/// As we write it, and no other way that a day can be written.
fn day_of(name: &OsStr) -> Option<Date> {
    let day: Date = name.to_str()?.parse().ok()?;
    (*day.to_string() == *name).then_some(day)
}

/// Whether a file of a day is one that we wrote: a message, or what a kill left of one. Others may have put theirs beside it.
fn is_ours(name: &OsStr) -> bool {
    let unfinished = || name.to_str()?.strip_prefix('.')?.strip_suffix(UNFINISHED)?.parse::<ContentId>().ok();
    content_of(name).is_some() || unfinished().is_some()
}

fn content_of(name: &OsStr) -> Option<ContentId> {
    name.to_str()?.strip_suffix(ENDING)?.parse().ok()
}

/// What a file takes of the disk: small ones take a whole block.
fn room(file: &fs::Metadata) -> u64 {
    file.blocks().saturating_mul(512)
}

/// `None`: somebody has removed it meanwhile.
fn unpacked(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut message = Vec::new();
    GzDecoder::new(file).take(MESSAGE_BYTES_MAX).read_to_end(&mut message)?;
    Ok(Some(message))
}

/// Who was faster did the same.
fn gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}
