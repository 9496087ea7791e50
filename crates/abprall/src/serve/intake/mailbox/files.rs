//! A file a message: Maildirs, and folders that programs drop files into.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tokio::task::block_in_place;

use super::arrivals::{Arrivals, Comes};
use super::backoff::Backoff;
use super::understood::Understanding;
use super::voice::Voice;
use super::{Taker, Trouble};
use crate::serve::limits::{
    MAILBOX_BATCH_BYTES, MAILBOX_BATCH_MESSAGES, MAILBOX_LISTED_MAX, MAILBOX_NAMED_MAX, MESSAGE_BYTES_MAX,
};
use crate::serve::settings::Taken;

/// Where messages appear, and where they go.
pub(super) struct Layout {
    root: PathBuf,
    form: Form,
}

enum Form {
    Maildir,
    Folder(Taken),
}

/// How long a file that cannot be read is left alone until it is tried again.
const LEFT_FOR: Duration = Duration::from_secs(60);

/// Looks when something comes, and each `interval` in any case.
pub(super) async fn watch(layout: Layout, interval: Duration, taker: Taker, voice: Voice) {
    let mut watched = Watched { layout, taker, voice, left: HashSet::new(), left_since: Instant::now() };
    let mut backoff = Backoff::new(interval);
    let comes = match watched.layout.form {
        Form::Maildir => Comes::Whole,
        Form::Folder(_) => Comes::Written,
    };
    let mut arrivals = Arrivals::of(watched.layout.incoming(), comes);
    loop {
        match watched.look().await {
            Ok(Rest::Nothing) => {
                watched.voice.well();
                backoff.reset();
                arrivals.wait(interval).await;
            }
            Ok(Rest::More) => {}
            Err(trouble) => {
                watched.voice.trouble(trouble);
                tokio::time::sleep(backoff.failed()).await;
            }
        }
    }
}

struct Watched {
    layout: Layout,
    taker: Taker,
    voice: Voice,
    /// Files that cannot be read: others are not to wait behind them.
    left: HashSet<OsString>,
    left_since: Instant,
}

/// Whether there was more than one look takes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Rest {
    Nothing,
    More,
}

/// Messages that are kept together.
#[derive(Default)]
struct Batch {
    names: Vec<OsString>,
    bodies: Vec<Vec<u8>>,
}

impl Watched {
    async fn look(&mut self) -> Result<Rest, Trouble> {
        if self.left.len() >= MAILBOX_NAMED_MAX || self.left_since.elapsed() >= LEFT_FOR {
            self.left.clear();
            self.left_since = Instant::now();
        }
        let names = block_in_place(|| self.layout.list(&self.left))?;
        let rest = if names.len() < MAILBOX_LISTED_MAX { Rest::Nothing } else { Rest::More };
        let mut names = names.into_iter();
        loop {
            let batch = block_in_place(|| self.read(&mut names))?;
            if batch.names.is_empty() {
                return Ok(rest);
            }
            let understood = self.taker.take(&batch.bodies).await?;
            block_in_place(|| {
                batch
                    .names
                    .iter()
                    .zip(understood)
                    .try_for_each(|(name, understood)| self.layout.put_away(name, understood))
            })?;
        }
    }

    /// Reads as many as are kept together; what cannot be read stays.
    fn read(&mut self, names: &mut impl Iterator<Item = OsString>) -> Result<Batch, Trouble> {
        let (mut batch, mut bytes) = (Batch::default(), 0);
        while bytes < MAILBOX_BATCH_BYTES && batch.names.len() < MAILBOX_BATCH_MESSAGES {
            let Some(name) = names.next() else { break };
            match read_message(&self.layout.incoming().join(&name)) {
                Ok(body) => {
                    bytes += body.len() as u64;
                    batch.names.push(name);
                    batch.bodies.push(body);
                }
                // Somebody else took it.
                Err(NoMessage::Gone) => {}
                Err(NoMessage::TooLarge) if matches!(self.layout.form, Form::Folder(_)) => {
                    self.voice.about(&name.to_string_lossy(), "it is too large, and goes to failed/");
                    self.layout.put_away(&name, Understanding::NotUnderstood)?;
                }
                Err(problem) => {
                    self.voice.about(&name.to_string_lossy(), &format!("{problem}, and stays where it is"));
                    self.left.insert(name);
                }
            }
        }
        Ok(batch)
    }
}

impl Layout {
    /// `tmp/` is the deliverer's, `new/` is for us, `cur/` is for mail programs.
    pub(super) fn maildir(root: PathBuf) -> Self {
        Self { root, form: Form::Maildir }
    }

    pub(super) fn folder(root: PathBuf, taken: Taken) -> Self {
        Self { root, form: Form::Folder(taken) }
    }

    fn incoming(&self) -> PathBuf {
        match self.form {
            Form::Maildir => self.root.join("new"),
            Form::Folder(_) => self.root.clone(),
        }
    }

    /// What lies there, the oldest names first. What is still being written has a name by which it is known.
    fn list(&self, left: &HashSet<OsString>) -> Result<Vec<OsString>, Trouble> {
        let incoming = self.incoming();
        let cannot = |error: io::Error| Trouble(format!("cannot read {}: {error}", incoming.display()));
        let mut names = Vec::new();
        for entry in fs::read_dir(&incoming).map_err(cannot)? {
            let entry = entry.map_err(cannot)?;
            let name = entry.file_name();
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if !is_folder && !is_unfinished(&name) && !left.contains(&name) {
                names.push(name);
                if names.len() == MAILBOX_LISTED_MAX {
                    break;
                }
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    /// To be called when the message is on the disk.
    fn put_away(&self, name: &OsStr, understood: Understanding) -> Result<(), Trouble> {
        let from = self.incoming().join(name);
        let done = match (&self.form, understood) {
            // Without the mark it stands out as unread where a person looks into the Maildir.
            (Form::Maildir, Understanding::Understood) => rename(&from, &self.root.join("cur"), name, ":2,S"),
            (Form::Maildir, Understanding::NotUnderstood) => {
                rename(&from, &self.root.join("cur"), name, ":2,")
            }
            (Form::Folder(Taken::Done), Understanding::Understood) => {
                rename(&from, &self.root.join("done"), name, "")
            }
            (Form::Folder(Taken::Removed), Understanding::Understood) => fs::remove_file(&from),
            (Form::Folder(_), Understanding::NotUnderstood) => {
                rename(&from, &self.root.join("failed"), name, "")
            }
        };
        match done {
            Ok(()) => Ok(()),
            // Somebody else took it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(Trouble(format!("cannot put away what was taken: {error}"))),
        }
    }
}

/// Moves a file without covering another one.
fn rename(from: &Path, folder: &Path, name: &OsStr, ending: &str) -> io::Result<()> {
    match fs::create_dir(folder) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    // A name with flags is taken as it is.
    let ending = if name.to_string_lossy().contains(":2,") { "" } else { ending };
    let mut number = 0;
    loop {
        let mut target = name.to_owned();
        if number > 0 {
            target.push(format!(".{number}"));
        }
        target.push(ending);
        let target = folder.join(target);
        match target.symlink_metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return fs::rename(from, target),
            Err(error) => return Err(error),
            Ok(_) => number += 1,
        }
    }
}

fn is_unfinished(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    name.starts_with(b".") || name.ends_with(b".tmp") || name.ends_with(b".part")
}

/// Why a file gives no message.
#[derive(Debug, thiserror::Error)]
enum NoMessage {
    #[error("it is gone")]
    Gone,
    #[error("it is larger than {} MiB", MESSAGE_BYTES_MAX / 1024 / 1024)]
    TooLarge,
    #[error("it is no plain file")]
    NoFile,
    #[error("it cannot be read ({0})")]
    Unreadable(io::Error),
}

impl From<io::Error> for NoMessage {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::NotFound { Self::Gone } else { Self::Unreadable(error) }
    }
}

fn read_message(path: &Path) -> Result<Vec<u8>, NoMessage> {
    // A pipe would hold us up, a link could lead anywhere.
    if !path.symlink_metadata()?.is_file() {
        return Err(NoMessage::NoFile);
    }
    let mut body = Vec::new();
    File::open(path)?.take(MESSAGE_BYTES_MAX + 1).read_to_end(&mut body)?;
    if body.len() as u64 > MESSAGE_BYTES_MAX { Err(NoMessage::TooLarge) } else { Ok(body) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn what_was_taken_goes_to_cur_and_never_covers_another_message() {
        let root = tempfile::tempdir().unwrap();
        let layout = Layout::maildir(root.path().to_owned());
        for folder in ["new", "tmp", "cur"] {
            fs::create_dir(root.path().join(folder)).unwrap();
        }
        fs::write(root.path().join("cur/1.a:2,S"), "another").unwrap();
        for name in ["1.a", "2.b", "3.c:2,F", ".hidden"] {
            fs::write(root.path().join("new").join(name), name).unwrap();
        }
        fs::write(root.path().join("tmp/4.d"), "not whole").unwrap();
        let found = layout.list(&HashSet::new()).unwrap();
        assert_eq!(found, ["1.a", "2.b", "3.c:2,F"]);
        layout.put_away(OsStr::new("1.a"), Understanding::Understood).unwrap();
        layout.put_away(OsStr::new("2.b"), Understanding::NotUnderstood).unwrap();
        layout.put_away(OsStr::new("3.c:2,F"), Understanding::Understood).unwrap();
        // Twice is as good as once.
        layout.put_away(OsStr::new("1.a"), Understanding::Understood).unwrap();
        assert_eq!(names(&root.path().join("cur")), ["1.a.1:2,S", "1.a:2,S", "2.b:2,", "3.c:2,F"]);
        assert_eq!(fs::read(root.path().join("cur/1.a:2,S")).unwrap(), b"another");
    }

    #[test]
    fn only_what_was_understood_is_removed_from_a_folder() {
        let root = tempfile::tempdir().unwrap();
        let layout = Layout::folder(root.path().to_owned(), Taken::Removed);
        for name in ["a.eml", "b.eml", "c.eml.part"] {
            fs::write(root.path().join(name), name).unwrap();
        }
        assert_eq!(layout.list(&HashSet::new()).unwrap(), ["a.eml", "b.eml"]);
        layout.put_away(OsStr::new("a.eml"), Understanding::Understood).unwrap();
        layout.put_away(OsStr::new("b.eml"), Understanding::NotUnderstood).unwrap();
        assert_eq!(names(root.path()), ["c.eml.part", "failed"]);
        assert_eq!(names(&root.path().join("failed")), ["b.eml"]);
    }

    #[test]
    fn a_link_is_not_followed_and_a_message_without_end_is_not_read() {
        let root = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/etc/hostname", root.path().join("link")).unwrap();
        assert!(matches!(read_message(&root.path().join("link")), Err(NoMessage::NoFile)));
        let large = File::create(root.path().join("large")).unwrap();
        large.set_len(MESSAGE_BYTES_MAX + 1).unwrap();
        assert!(matches!(read_message(&root.path().join("large")), Err(NoMessage::TooLarge)));
        assert!(matches!(read_message(&root.path().join("gone")), Err(NoMessage::Gone)));
    }
}
