//! The lock of a mailbox file: a file beside it, `mailbox.lock`, as Postfix and Exim make it before they append.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::Trouble;
use crate::serve::limits::{DOTLOCK_STALE, DOTLOCK_WAIT_MAX};

/// As long as it lives, nobody else writes.
pub(super) struct Dotlock(PathBuf);

/// Ours, so that it is known after a kill that nobody holds it.
const MARK: &str = "abprall ";

impl Dotlock {
    pub(super) async fn take(mailbox: &Path) -> Result<Self, Trouble> {
        let mut path = mailbox.as_os_str().to_owned();
        path.push(".lock");
        let path = PathBuf::from(path);
        let begin = Instant::now();
        loop {
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(mut file) => {
                    let lock = Self(path);
                    let mark = format!("{MARK}{}\n", std::process::id());
                    // The file is the lock, whatever it says.
                    let _ = file.write_all(mark.as_bytes());
                    return Ok(lock);
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => {
                    return Err(Trouble(format!(
                        "cannot make the lock {}: {error}; files must be made in that folder",
                        path.display()
                    )));
                }
            }
            if is_left_behind(&path) {
                // Where somebody else was faster, the next try tells.
                let _ = fs::remove_file(&path);
            } else if begin.elapsed() >= DOTLOCK_WAIT_MAX {
                return Err(Trouble(format!("{} is held by another program", path.display())));
            } else {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

impl Drop for Dotlock {
    fn drop(&mut self) {
        // It is gone where it was held for longer than others allow.
        let _ = fs::remove_file(&self.0);
    }
}

fn is_left_behind(path: &Path) -> bool {
    let age = path.symlink_metadata().and_then(|data| data.modified()).ok().and_then(|at| at.elapsed().ok());
    let ended = |text: String| {
        let holder = text.strip_prefix(MARK).and_then(|pid| pid.trim().parse::<u32>().ok());
        holder.is_some_and(|pid| pid == std::process::id() || !Path::new(&format!("/proc/{pid}")).exists())
    };
    age.is_some_and(|age| age >= DOTLOCK_STALE) || fs::read_to_string(path).is_ok_and(ended)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_of_another_program_is_respected_and_one_of_the_dead_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let lock = folder.path().join("bounces.lock");
        fs::write(&lock, "1\n").unwrap();
        assert!(!is_left_behind(&lock));
        fs::write(&lock, format!("{MARK}1\n")).unwrap();
        assert!(!is_left_behind(&lock), "that process lives");
        fs::write(&lock, format!("{MARK}4294967295\n")).unwrap();
        assert!(is_left_behind(&lock));
        fs::write(&lock, "1\n").unwrap();
        let old = std::time::SystemTime::now() - DOTLOCK_STALE;
        OpenOptions::new().write(true).open(&lock).unwrap().set_modified(old).unwrap();
        assert!(is_left_behind(&lock));
    }
}
