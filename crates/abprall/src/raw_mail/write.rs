//! Raw mail goes to the disk before it is acknowledged: written under another name, brought to the disk, renamed. A kill leaves a whole
//! file under its name, or none.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use abprall_store::ContentId;
use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;

use super::{ENDING, RawMail, UNFINISHED, gone, room};

/// Files that are brought to the disk one by one. With more, one call for the whole file system costs less.
const SYNCED_SINGLY_MAX: usize = 8;

/// A message as it is kept. Quickly packed: nobody waits for a file to be small.
pub(crate) fn packed(message: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::with_capacity(message.len() / 2), Compression::fast());
    // Writing into memory cannot fail.
    let _ = packer.write_all(message);
    packer.finish().unwrap_or_default()
}

/// What came of keeping.
#[derive(Debug, Default)]
pub(crate) struct Written {
    /// Those that were not there before.
    pub(crate) new: Vec<ContentId>,
    /// What these take of the disk.
    pub(crate) bytes: u64,
}

/// Files that have not their names yet; removed where something fails.
#[derive(Default)]
struct Unfinished(Vec<(PathBuf, PathBuf)>);

impl Drop for Unfinished {
    fn drop(&mut self) {
        for (unfinished, _) in &self.0 {
            // What stays is let go with its day.
            let _ = fs::remove_file(unfinished);
        }
    }
}

impl RawMail {
    /// Makes the folder, with those above it, and writes into it.
    ///
    /// # Errors
    /// Where no mail could be kept, for now or for ever.
    pub(crate) fn try_out(&self) -> io::Result<()> {
        make_folders(&self.folder)?;
        let probe = self.folder.join(format!(".probe.{}", std::process::id()));
        let tried = fs::write(&probe, "abprall tries whether it can write here\n");
        tried.and(gone(fs::remove_file(&probe)))
    }

    /// Returns when all of these packed messages are on the disk. What is there already stays as it is.
    ///
    /// # Errors
    /// Where one of them is not; some of the others may be.
    pub(crate) fn keep(&self, messages: &[(ContentId, &[u8])], at: Timestamp) -> io::Result<Written> {
        let mut written = Written::default();
        if messages.is_empty() {
            return Ok(written);
        }
        let day = self.day(at);
        make_folder(&self.folder)?;
        make_folder(&day)?;
        let (mut unfinished, mut open) = (Unfinished::default(), Vec::new());
        for (content, packed) in messages {
            let place = day.join(format!("{content}{ENDING}"));
            if place.exists() || written.new.contains(content) {
                continue;
            }
            let other = day.join(format!(".{content}{UNFINISHED}"));
            let mut file = open_in(&day, &other)?;
            unfinished.0.push((other, place));
            file.write_all(packed)?;
            written.new.push(*content);
            open.push(file);
        }
        to_disk(&open)?;
        for file in open {
            written.bytes += room(&file.metadata()?);
        }
        for (other, place) in &unfinished.0 {
            fs::rename(other, place)?;
        }
        unfinished.0.clear();
        // Also where all were there: who wrote them may have been killed before this.
        File::open(&day)?.sync_all()?;
        Ok(written)
    }
}

/// A file in a folder of a day. A sweep may have removed the folder just now, as an empty one; with a file in it, it stays.
fn open_in(day: &Path, file: &Path) -> io::Result<File> {
    let open = || OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(file);
    match open() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => make_folder(day).and_then(|()| open()),
        opened => opened,
    }
}

fn to_disk(files: &[File]) -> io::Result<()> {
    match files {
        #[cfg(target_os = "linux")]
        [first, .., _] if files.len() > SYNCED_SINGLY_MAX => Ok(rustix::fs::syncfs(first)?),
        files => files.iter().try_for_each(File::sync_all),
    }
}

fn make_folders(folder: &Path) -> io::Result<()> {
    if let Some(above) = folder.parent()
        && !above.as_os_str().is_empty()
        && !above.exists()
    {
        make_folders(above)?;
    }
    make_folder(folder)
}

/// For its owner only. The name is on the disk as well.
fn make_folder(folder: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Ok(()) => match folder.parent() {
            Some(above) if !above.as_os_str().is_empty() => File::open(above)?.sync_all(),
            Some(_) | None => File::open(".")?.sync_all(),
        },
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn house() -> (tempfile::TempDir, RawMail) {
        let folder = tempfile::tempdir().unwrap();
        let mail = RawMail::new(folder.path().join("mail"));
        (folder, mail)
    }

    fn keep(mail: &RawMail, messages: &[&str], at: &str) -> Written {
        let packed: Vec<_> = messages
            .iter()
            .map(|message| (ContentId::of(message.as_bytes()), packed(message.as_bytes())))
            .collect();
        let all: Vec<_> = packed.iter().map(|(content, packed)| (*content, packed.as_slice())).collect();
        mail.keep(&all, at.parse().unwrap()).unwrap()
    }

    #[test]
    fn what_was_kept_is_read_as_it_came_and_only_its_owner_may() {
        let (_folder, mail) = house();
        let message = "From: a\r\n\r\nBöse \u{0}\r\n";
        assert_eq!(keep(&mail, &[message, "b"], "2026-11-25T23:59:59Z").new.len(), 2);
        let content = ContentId::of(message.as_bytes());
        assert_eq!(mail.read(&content).unwrap().unwrap(), message.as_bytes());
        let [path] = mail.find(&content).unwrap().try_into().unwrap();
        assert!(path.ends_with(format!("2026-11-25/{content}.gz")), "{}", path.display());
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap()), mode(mail.folder())), (0o600, 0o700, 0o700));
        assert!(mail.remove(&content).unwrap() && !mail.remove(&content).unwrap());
        assert_eq!(mail.read(&content).unwrap(), None);
    }

    #[test]
    fn the_same_message_is_written_once_a_day_also_within_one_batch() {
        let (_folder, mail) = house();
        let many: Vec<_> = (0..20).map(|number| format!("message {number}")).collect();
        let many: Vec<_> = many.iter().chain(&many).map(String::as_str).collect();
        let written = keep(&mail, &many, "2026-11-25T12:00:00Z");
        assert_eq!(written.new.len(), 20);
        assert_eq!(written.bytes, mail.size().unwrap());
        assert!(keep(&mail, &many, "2026-11-25T13:00:00Z").new.is_empty());
        assert_eq!(keep(&mail, &many, "2026-11-26T13:00:00Z").new.len(), 20);
    }

    #[test]
    fn a_day_that_a_sweep_removed_before_the_first_file_is_made_again() {
        let (_folder, mail) = house();
        mail.try_out().unwrap();
        let day = mail.folder().join("2026-11-25");
        open_in(&day, &day.join("a")).unwrap();
        assert!(day.join("a").is_file());
        assert_eq!(day.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    }

    #[test]
    fn where_no_mail_can_be_kept_is_found_before_any_comes() {
        let folder = tempfile::tempdir().unwrap();
        let mail = RawMail::new(folder.path().join("a/b/mail"));
        mail.try_out().unwrap();
        mail.try_out().unwrap();
        for made in [mail.folder(), mail.folder().parent().unwrap()] {
            assert_eq!(made.metadata().unwrap().permissions().mode() & 0o777, 0o700);
        }
        assert_eq!(fs::read_dir(mail.folder()).unwrap().count(), 0);
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        std::os::unix::fs::symlink("nowhere", folder.path().join("link")).unwrap();
        for place in [file.join("mail"), file, folder.path().join("link"), "/proc/mail".into()] {
            assert!(RawMail::new(place.clone()).try_out().is_err(), "{}", place.display());
        }
    }

    #[test]
    fn what_a_kill_left_unfinished_is_no_message_and_is_written_over() {
        let (_folder, mail) = house();
        keep(&mail, &["a"], "2026-11-25T12:00:00Z");
        let content = ContentId::of(b"b");
        let day = mail.days().unwrap().remove(0).1;
        fs::write(day.join(format!(".{content}.part")), "half of a file that was much longer").unwrap();
        assert_eq!(mail.read(&content).unwrap(), None);
        assert_eq!(super::super::files(&day).unwrap().len(), 1);
        keep(&mail, &["b"], "2026-11-25T12:00:01Z");
        assert_eq!(mail.read(&content).unwrap().unwrap(), b"b");
        assert_eq!(super::super::files(&day).unwrap().len(), 2);
    }
}
