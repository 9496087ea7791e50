//! Which database a command works on.

use abprall_store::{Store, StoreError, StorePlace, open_existing_store, open_store};

#[derive(clap::Args)]
pub(crate) struct StoreFile {
    /// The database of what is remembered: a SQLite file, or `postgres://…`.
    #[arg(
        long,
        value_name = "FILE|URL",
        env = "ABPRALL_STORE",
        default_value = "./abprall.db",
        hide_env_values = true
    )]
    store: String,
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

    /// Its name for people, without what a connection string may hold of passwords.
    pub(crate) fn shown(&self) -> String {
        match StorePlace::of(&self.store) {
            StorePlace::File(path) => path.display().to_string(),
            StorePlace::Postgres(_) => "PostgreSQL".to_owned(),
        }
    }
}
