use abprall_store::{Store, open_store};
use tempfile::TempDir;

use crate::house::Factory;

/// A SQLite file in a folder of its own.
pub(crate) struct SqliteFile(TempDir);

impl SqliteFile {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }
}

impl Factory for SqliteFile {
    fn fresh(&self) -> Box<dyn Store> {
        for entry in std::fs::read_dir(self.0.path()).unwrap() {
            std::fs::remove_file(entry.unwrap().path()).unwrap();
        }
        self.reopen()
    }

    fn reopen(&self) -> Box<dyn Store> {
        open_store(self.0.path().join("store.db").to_str().unwrap()).unwrap()
    }

    /// With the write-ahead log, and what lies in pages that are free.
    fn everything(&self) -> Vec<u8> {
        let files = std::fs::read_dir(self.0.path()).unwrap();
        files.flat_map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect()
    }
}
