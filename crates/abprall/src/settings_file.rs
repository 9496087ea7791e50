//! Which `abprall.toml` holds where nobody names one: the same for the server and for every command.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// In this folder, else that of the package.
const PLACES: [&str; 2] = ["./abprall.toml", "/etc/abprall/abprall.toml"];

/// What a command that looked for settings found; unset where it did not look.
static FOUND: OnceLock<Option<PathBuf>> = OnceLock::new();

/// For the commands that need settings: the first that is there, else the one in this folder, so that its lack is told.
pub(crate) fn default_place() -> PathBuf {
    let mut places = PLACES.iter().map(PathBuf::from);
    places.find(|place| place.exists()).unwrap_or_else(|| PLACES[0].into())
}

/// For the commands that can do without: the first that this user may read. Who may not read the settings may not read the database of
/// the server either.
pub(crate) fn find() -> Option<PathBuf> {
    FOUND.get_or_init(|| first_readable(&PLACES)).clone()
}

/// After a failure with the database, for whoever named none: which one was taken.
pub(crate) fn say_whose_database() {
    if let Some(Some(settings)) = FOUND.get() {
        let made = if is_of_the_package() { ", which `abprall serve` makes" } else { "" };
        anstream::eprintln!("The database is that of {}{made}; --store names another.", settings.display());
    } else {
        say_if_unreadable();
    }
}

/// Before a database of its own is taken, or made, for whoever probably means the server's.
pub(crate) fn say_if_unreadable() {
    if let Some(settings) = unreadable() {
        anstream::eprintln!(
            "You may not read {settings}: ask as the server's user, `sudo -u abprall abprall …`."
        );
    }
}

/// Whether this command found the settings of the package by itself.
pub(crate) fn is_of_the_package() -> bool {
    FOUND.get().is_some_and(|found| found.as_deref() == Some(Path::new(PLACES[1])))
}

/// The settings of the package, where they are there and this user may not read them.
fn unreadable() -> Option<&'static str> {
    let [_, package] = PLACES;
    let is_shut = File::open(package).is_err_and(|error| error.kind() == ErrorKind::PermissionDenied);
    (matches!(FOUND.get(), Some(None)) && is_shut).then_some(package)
}

fn first_readable(places: &[&str]) -> Option<PathBuf> {
    places.iter().map(PathBuf::from).find(|place| place.is_file() && File::open(place).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearer_settings_hold() {
        let folder = tempfile::tempdir().unwrap();
        let places = ["near.toml", "far.toml"].map(|name| folder.path().join(name).display().to_string());
        let places: Vec<&str> = places.iter().map(String::as_str).collect();
        assert_eq!(first_readable(&places), None);
        std::fs::write(places[1], "").unwrap();
        assert_eq!(first_readable(&places), Some(places[1].into()));
        std::fs::write(places[0], "").unwrap();
        assert_eq!(first_readable(&places), Some(places[0].into()));
    }
}
