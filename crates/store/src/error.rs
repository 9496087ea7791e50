use std::path::PathBuf;

use rusqlite::ErrorCode;

/// Why the store could not do it, by what one can do about it. Nothing that was reported as done is lost by any of these.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no database at the path.
    #[error("there is no database {}; `abprall process` makes one, `--store FILE` names another", path.display())]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The path cannot be opened or made.
    #[error("cannot open the database {}: {detail}", path.display())]
    CannotOpen {
        /// Where.
        path: PathBuf,
        /// What the system says.
        detail: String,
    },
    /// The file is something else.
    #[error("{} is not a database of Abprall; `--store FILE` names another file", path.display())]
    NotOurs {
        /// Which file.
        path: PathBuf,
    },
    /// A newer Abprall has written it.
    #[error(
        "the database {} has schema {found}, this abprall knows {known}: a newer abprall has written it; update this one",
        path.display()
    )]
    Newer {
        /// Which file.
        path: PathBuf,
        /// The schema of the file.
        found: u32,
        /// The newest schema that this program knows.
        known: u32,
    },
    /// A migration that the database went through is not the one of this program.
    #[error("migration {number} of the database {} is not the one of this abprall: another build has written it", path.display())]
    OtherMigration {
        /// Which file.
        path: PathBuf,
        /// Which migration.
        number: u32,
    },
    /// Another process holds it and did not let go in time. Trying again helps.
    #[error("the database is locked by another process; try again when that has finished")]
    Locked,
    /// No room. What was reported as done is kept.
    #[error(
        "the disk is full: nothing of the last batch was stored; make room and run the same command again"
    )]
    DiskFull,
    /// No right to write.
    #[error("the database cannot be written: the file, or the folder it lies in, is read-only for this user")]
    ReadOnly,
    /// The file is damaged.
    #[error(
        "the database is damaged ({0}); restore it from a backup, or move it away and process the mail again"
    )]
    Damaged(String),
    /// What it holds cannot be understood: written by hand, or our own mistake.
    #[error("the database holds {what} {value:?}, which this abprall does not know")]
    UnknownWord {
        /// What kind of word.
        what: &'static str,
        /// The word.
        value: String,
    },
    /// The work was taken by another process, or is done.
    #[error("another process has taken this work over, or has done it; nothing was stored")]
    LeaseLost,
    /// A name that is to be there is not.
    #[error("there is no {what} {name:?}")]
    NotFound {
        /// What kind of thing.
        what: &'static str,
        /// Its name or number.
        name: String,
    },
    /// The name is in use.
    #[error("there is a {what} {name:?} already")]
    Exists {
        /// What kind of thing.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// A key cannot be taken over.
    #[error("the key cannot be taken over: {0}")]
    Key(&'static str),
    /// The database server is not to be reached, or the connection to it was lost and it did not come back in time.
    #[error(
        "the database server is not to be reached ({detail}); nothing that was reported as done is lost, run the same command again"
    )]
    ServerGone {
        /// What the system or the server says.
        detail: String,
    },
    /// Anything else that a PostgreSQL server says.
    #[error("the database server refused: {message} (SQLSTATE {code})")]
    Server {
        /// Its code, five characters.
        code: String,
        /// Its words.
        message: String,
    },
    /// Anything else that SQLite says.
    #[error("the database failed: {0}")]
    Other(#[source] rusqlite::Error),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        let Some(code) = error.sqlite_error_code() else { return Self::Other(error) };
        // By what can be done; the many rest stays as it is.
        match code {
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Self::Locked,
            ErrorCode::DiskFull => Self::DiskFull,
            ErrorCode::ReadOnly => Self::ReadOnly,
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Self::Damaged(error.to_string()),
            _ => Self::Other(error),
        }
    }
}

impl From<postgres::Error> for StoreError {
    fn from(error: postgres::Error) -> Self {
        let source = std::error::Error::source(&error).map(|source| format!(": {source}"));
        let detail = format!("{error}{}", source.unwrap_or_default());
        let Some(told) = error.as_db_error() else {
            let is_io =
                std::error::Error::source(&error).is_some_and(<dyn std::error::Error>::is::<std::io::Error>);
            return if error.is_closed() || is_io {
                Self::ServerGone { detail }
            } else {
                Self::Server { code: "-----".to_owned(), message: detail }
            };
        };
        let code = told.code().code();
        match code {
            "53100" => Self::DiskFull,
            "25006" | "42501" => Self::ReadOnly,
            "55P03" => Self::Locked,
            "XX001" | "XX002" => Self::Damaged(told.message().to_owned()),
            // It is being shut down, has crashed, starts up; or it ended our session, which rolled back.
            "57P01" | "57P02" | "57P03" | "57P05" | "25P03" | "53300" => {
                Self::ServerGone { detail: told.message().to_owned() }
            }
            _ if code.starts_with("08") => Self::ServerGone { detail: told.message().to_owned() },
            _ => Self::Server { code: code.to_owned(), message: told.message().to_owned() },
        }
    }
}
