//! The database file, seen from outside.
//!
//! Closing any descriptor of it drops all locks that SQLite has on it in this process (POSIX locks belong to the process, not to the
//! descriptor). The next process that looks into the database then believes that it is the last one, and deletes the write-ahead
//! log while it is written to. So nothing here may open a file that SQLite may have open.

use std::path::Path;

use rustix::fs::Access;
use tempfile::NamedTempFile;

/// Makes the file, empty and for its owner only, where there is none: whom people may not write to any more is nobody's
/// business. Where that cannot be done, SQLite says why.
pub(super) fn make_private(path: &Path) {
    // SQLite's word for a database that is no file.
    if path.exists() || path.as_os_str() == ":memory:" {
        return;
    }
    // It gets its name only when it is closed: until then nobody can have it open.
    if let Ok(new) = NamedTempFile::new_in(folder_of(path)) {
        let _made = new.into_temp_path().persist_noclobber(path);
    }
}

/// What the system says about the path, or the folder it should lie in: SQLite only says "unable to open database file".
pub(super) fn trouble_with(path: &Path) -> Option<String> {
    let folder = folder_of(path);
    match folder.metadata() {
        Err(error) => return Some(format!("{}: {error}", folder.display())),
        Ok(metadata) if !metadata.is_dir() => return Some(format!("{} is no folder", folder.display())),
        Ok(_) => {}
    }
    let refused = rustix::fs::access(path, Access::READ_OK).err()?;
    Some(std::io::Error::from(refused).to_string())
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}
