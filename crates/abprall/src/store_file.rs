//! Which database a command works on.

use std::path::PathBuf;

use abprall_store::{SqliteStore, StoreError};

#[derive(clap::Args)]
pub(crate) struct StoreFile {
    /// The database of what is remembered.
    #[arg(
        long,
        value_name = "FILE",
        env = "ABPRALL_STORE",
        default_value = "./abprall.db",
        hide_env_values = true
    )]
    pub(crate) store: PathBuf,
}

impl StoreFile {
    /// Opens it, and makes it where there is none.
    pub(crate) fn open(&self) -> Result<SqliteStore, StoreError> {
        SqliteStore::open(&self.store)
    }

    /// Opens it to ask something.
    pub(crate) fn open_existing(&self) -> Result<SqliteStore, StoreError> {
        SqliteStore::open_existing(&self.store)
    }
}
