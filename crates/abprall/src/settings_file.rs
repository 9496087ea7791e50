//! Which `abprall.toml` holds where nobody names one: the same for the server and for every command.

use std::fs::File;
use std::path::PathBuf;
use std::sync::OnceLock;

/// In this folder, else that of the package.
const PLACES: [&str; 2] = ["./abprall.toml", "/etc/abprall/abprall.toml"];

/// The settings that a command found by itself.
static FOUND: OnceLock<PathBuf> = OnceLock::new();

/// For the commands that need settings: the first that is there, else the one in this folder, so that its lack is told.
pub(crate) fn default_place() -> PathBuf {
    let mut places = PLACES.iter().map(PathBuf::from);
    places.find(|place| place.exists()).unwrap_or_else(|| PLACES[0].into())
}

/// For the commands that can do without: the first that this user may read. Who may not read the settings may not read the database of
/// the server either.
pub(crate) fn find() -> Option<PathBuf> {
    let found = first_readable(&PLACES)?;
    Some(FOUND.get_or_init(|| found).clone())
}

/// What [`find`] gave to this command.
pub(crate) fn found() -> Option<&'static PathBuf> {
    FOUND.get()
}

/// Whether this command found the settings of the package by itself.
pub(crate) fn is_of_the_package() -> bool {
    FOUND.get().is_some_and(|found| *found == PathBuf::from(PLACES[1]))
}

fn first_readable(places: &[&str]) -> Option<PathBuf> {
    places.iter().map(PathBuf::from).find(|place| place.is_file() && File::open(place).is_ok())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
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
