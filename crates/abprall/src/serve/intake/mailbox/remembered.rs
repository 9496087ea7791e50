//! What is remembered of a mailbox, in a small file.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Trouble;

/// What the file says; what a new mailbox has, where there is none or it cannot be understood: then all is seen again, and known.
pub(super) fn load<S: DeserializeOwned + Default>(path: &Path) -> Result<S, Trouble> {
    match fs::read(path) {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes).unwrap_or_default()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(S::default()),
        Err(error) => Err(Trouble(format!("cannot read {}: {error}", path.display()))),
    }
}

/// Whoever reads it sees this state or the one before, whatever happens meanwhile.
pub(super) fn save<S: Serialize>(state: &S, path: &Path) -> Result<(), Trouble> {
    let save = || {
        let mut beside = path.as_os_str().to_owned();
        beside.push(".new");
        let mut file = fs::File::create(&beside)?;
        file.write_all(&serde_json::to_vec(state).map_err(io::Error::other)?)?;
        file.sync_data()?;
        fs::rename(&beside, path)
    };
    save().map_err(|error| Trouble(format!("cannot write {}: {error}", path.display())))
}
