//! Which database a command works on.

use std::path::Path;

use abprall_store::{Store, StoreError, StorePlace, open_existing_store, open_store};

#[derive(clap::Args)]
pub(crate) struct StoreFile {
    /// The database of what is remembered: a file, or `postgres://…`.
    #[arg(
        long,
        value_name = "FILE",
        env = "ABPRALL_STORE",
        default_value = "./abprall.db",
        hide_env_values = true
    )]
    pub(crate) store: String,
}

impl StoreFile {
    /// Opens it, and makes it where there is none.
    pub(crate) fn open(&self) -> Result<Box<dyn Store>, StoreError> {
        open_store(&self.store)
    }

    /// Opens it to ask something.
    pub(crate) fn open_existing(&self) -> Result<Box<dyn Store>, StoreError> {
        open_existing_store(&self.store)
    }

    /// What people may see of it: a connection string may hold a password.
    pub(crate) fn shown(&self) -> &Path {
        match StorePlace::of(&self.store) {
            StorePlace::File(path) => path,
            StorePlace::Postgres(_) => Path::new("PostgreSQL"),
        }
    }
}
