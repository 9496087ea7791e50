//! The files that a log was rotated to: `mail.log.1`, `mail.log-20261125`, `acct-2026-11-25.csv` beside `acct.csv`.

use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::file::id_of;
use super::position::FileId;

/// One of them.
#[derive(Clone, Debug)]
pub(super) struct Rotated {
    pub(super) path: PathBuf,
    pub(super) id: FileId,
    pub(super) modified: SystemTime,
}

/// What a compressed file is called: its lines were read before it became one.
const COMPRESSED: [&str; 7] = [".gz", ".xz", ".bz2", ".zst", ".lz4", ".Z", ".zip"];

/// All that lie beside a log, the oldest first.
pub(super) fn beside(log: &Path) -> io::Result<Vec<Rotated>> {
    let folder = log.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut found = Vec::new();
    let entries = match folder.read_dir() {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        if !is_of(log, &entry.file_name().to_string_lossy()) {
            continue;
        }
        // It may be gone meanwhile.
        let Ok(metadata) = entry.path().metadata() else { continue };
        if metadata.is_file() {
            let modified = metadata.modified()?;
            found.push(Rotated { path: entry.path(), id: id_of(&metadata), modified });
        }
    }
    found.sort_by_key(|rotated| rotated.modified);
    Ok(found)
}

fn is_of(log: &Path, name: &str) -> bool {
    let part = |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
    let (own, stem, extension) = (part(log.file_name()), part(log.file_stem()), part(log.extension()));
    if name == own || COMPRESSED.iter().any(|end| name.ends_with(end)) {
        return false;
    }
    let follows = |rest: &str| rest.starts_with(['.', '-', '_']);
    let behind = name.strip_prefix(&own).is_some_and(follows);
    // logrotate's `extension` puts the date between.
    let between = name.strip_prefix(&stem).and_then(|rest| rest.strip_suffix(&format!(".{extension}")));
    behind || between.is_some_and(|rest| follows(rest) && rest.bytes().any(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rotated_files_are_known_by_their_names() {
        let log = Path::new("/var/log/mail.log");
        for name in ["mail.log.1", "mail.log-20261125", "mail.log.0", "mail-20261125.log"] {
            assert!(is_of(log, name), "{name}");
        }
        for name in ["mail.log", "mail.log.2.gz", "mail.err", "mail.logs", "mail-errors.log", "other.log.1"] {
            assert!(!is_of(log, name), "{name}");
        }
        assert!(is_of(Path::new("acct.csv"), "acct-2026-11-25-0001.csv"));
    }
}
