//! From the paths that were given to the files to read, in a stable order.

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::open::is_stdin;

/// Deepest directory that is entered: a link that points upwards must end somewhere.
const DEPTH_MAX: usize = 32;

/// The files under some paths, in the order of the paths and of the names within a directory. Directories are listed only
/// when their turn comes.
pub(super) struct Walk {
    pending: VecDeque<(PathBuf, usize)>,
}

impl Walk {
    pub(super) fn new(paths: &[PathBuf]) -> Self {
        Self { pending: paths.iter().map(|path| (path.clone(), 0)).collect() }
    }
}

impl Iterator for Walk {
    type Item = Result<PathBuf, (PathBuf, io::Error)>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (path, depth) = self.pending.pop_front()?;
            if is_stdin(&path) || !path.is_dir() {
                return Some(Ok(path));
            }
            if depth >= DEPTH_MAX {
                return Some(Err((path, io::Error::other("directories are nested too deeply"))));
            }
            match entries(&path) {
                Ok(entries) => {
                    entries.into_iter().rev().for_each(|entry| self.pending.push_front((entry, depth + 1)));
                }
                Err(error) => return Some(Err((path, error))),
            }
        }
    }
}

/// What a directory holds for us, sorted: of a Maildir its `cur`, `new` and sub-folders, of any other all but hidden files.
fn entries(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let maildir = is_maildir(directory);
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let wanted = if maildir {
            matches!(&*name, "cur" | "new") || (name.starts_with('.') && is_maildir(&path))
        } else {
            !name.starts_with('.')
        };
        if wanted {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// <https://cr.yp.to/proto/maildir.html>: `tmp` is not ours to read.
fn is_maildir(directory: &Path) -> bool {
    directory.join("cur").is_dir() && directory.join("new").is_dir()
}

/// The bytes under some paths as far as the file system tells, for a progress bar; `None` with standard input among them.
pub(super) fn size_of(paths: &[PathBuf]) -> Option<u64> {
    if paths.iter().any(|path| is_stdin(path)) {
        return None;
    }
    let files = Walk::new(paths).filter_map(Result::ok);
    Some(files.filter_map(|file| file.metadata().ok()).map(|meta| meta.len()).sum())
}
