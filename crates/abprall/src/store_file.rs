//! Which database a command works on, and where its suppression index lies.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use abprall_store::{
    IndexError, Store, StoreError, StorePlace, SuppressionIndex, open_existing_store, open_store,
};

use crate::raw_mail::RawMail;
use crate::settings_file;

/// The name of the note that says where a server keeps raw mail; empty: beside the database.
const RAW_MAIL_NOTE: &str = "raw-mail-folder";

#[derive(clap::Args, Clone)]
pub(crate) struct StoreFile {
    /// The database of what is remembered: a SQLite file, or `postgres://…`. Else that of the settings (see --config).
    #[arg(
        long,
        value_name = "FILE|URL",
        env = "ABPRALL_STORE",
        default_value = "./abprall.db",
        hide_env_values = true
    )]
    store: String,

    /// Where the suppression index of the database is kept: `FILE.index` beside a SQLite file, else in your cache folder.
    #[arg(long, value_name = "FOLDER", env = "ABPRALL_INDEX", hide_short_help = true)]
    index: Option<PathBuf>,

    /// Where raw mail is kept, if it is (`[keep] raw_mail`): `FILE.mail` beside a SQLite file.
    #[arg(
        long = "raw-mail",
        id = "raw-mail",
        value_name = "FOLDER",
        env = "ABPRALL_RAW_MAIL",
        hide_short_help = true
    )]
    raw_mail: Option<PathBuf>,
}

impl StoreFile {
    /// As a file of settings tells it.
    pub(crate) fn new(store: String, index: Option<PathBuf>, raw_mail: Option<PathBuf>) -> Self {
        Self { store, index, raw_mail }
    }

    /// Opens it, and makes it where there is none.
    ///
    /// The database of the package's server is its server's to make: made by whoever types a command, it would belong to them.
    pub(crate) fn open(&self) -> Result<Box<dyn Store>, StoreError> {
        let is_new = matches!(StorePlace::of(&self.store), StorePlace::File(path) if !path.exists());
        if is_new {
            settings_file::say_if_unreadable();
        }
        if settings_file::is_of_the_package() { self.open_existing() } else { open_store(&self.store) }
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

    /// The suppression index of the store, with all that has changed. The first time it reads all stops, later only the changes.
    pub(crate) fn index(&self, store: &dyn Store) -> Result<SuppressionIndex, IndexError> {
        let index = SuppressionIndex::open(&self.index_folder(), store.seed())?;
        index.catch_up(store)?;
        Ok(index)
    }

    /// Where raw mail lies, if any was ever kept; `None`: nobody said where.
    pub(crate) fn raw_mail(&self) -> Option<RawMail> {
        self.raw_mail.clone().or_else(|| raw_mail_beside(&self.store)).map(RawMail::new)
    }

    /// Writes into the database where its server keeps raw mail, if it is not beside it: a command that is told only the database has to
    /// find it.
    pub(crate) fn remember_raw_mail(&self, store: &mut dyn Store) -> Result<(), StoreError> {
        let folder =
            self.raw_mail.clone().filter(|folder| raw_mail_beside(&self.store).as_ref() != Some(folder));
        let folder = folder.and_then(|folder| std::path::absolute(folder).ok());
        let folder = folder.as_deref().and_then(Path::to_str).unwrap_or_default();
        let before = store.note(RAW_MAIL_NOTE)?;
        if before.as_deref().unwrap_or_default() != folder {
            // Where another server was faster, its folder is as good.
            store.swap_note(RAW_MAIL_NOTE, before.as_deref(), folder)?;
        }
        Ok(())
    }

    /// As [`StoreFile::raw_mail`], or where the server says it is; and whether there may be more that cannot be reached from here: with
    /// PostgreSQL each server has its own.
    pub(crate) fn raw_mail_of(&self, store: &dyn Store) -> Result<(Option<RawMail>, bool), StoreError> {
        let noted = store.note(RAW_MAIL_NOTE)?.filter(|folder| !folder.is_empty()).map(PathBuf::from);
        match StorePlace::of(&self.store) {
            StorePlace::Postgres(_) => Ok((self.raw_mail(), noted.is_some())),
            StorePlace::File(_) => {
                let noted = noted.filter(|_| self.raw_mail.is_none());
                let is_away = noted.as_ref().is_some_and(|folder| !folder.is_dir());
                Ok((noted.map(RawMail::new).or_else(|| self.raw_mail()), is_away))
            }
        }
    }

    /// Where its suppression index lies.
    pub(crate) fn index_folder(&self) -> PathBuf {
        if let Some(folder) = &self.index {
            return folder.clone();
        }
        match StorePlace::of(&self.store) {
            StorePlace::File(path) => {
                let mut folder = path.as_os_str().to_owned();
                folder.push(".index");
                folder.into()
            }
            StorePlace::Postgres(place) => {
                // Only the place counts here: a segment of another database is told by its seed, and not used.
                let mut hasher = DefaultHasher::new();
                place.hash(&mut hasher);
                cache_folder().join("abprall").join(format!("{:016x}.index", hasher.finish()))
            }
        }
    }
}

/// The folder of raw mail that belongs to a SQLite file.
pub(crate) fn raw_mail_beside(store: &str) -> Option<PathBuf> {
    match StorePlace::of(store) {
        StorePlace::File(path) => {
            let mut folder = path.as_os_str().to_owned();
            folder.push(".mail");
            Some(folder.into())
        }
        StorePlace::Postgres(_) => None,
    }
}

/// `XDG_CACHE_HOME` (XDG Base Directory Specification), else `~/.cache`, else the folder for temporary files.
fn cache_folder() -> PathBuf {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("XDG_CACHE_HOME")
        .or_else(|| set("CACHE_DIRECTORY"))
        .or_else(|| set("HOME").map(|home| home.join(".cache")))
        .unwrap_or_else(std::env::temp_dir)
}
