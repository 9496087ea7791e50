//! `[keep]`: how long what concerns people is kept.

use std::path::{Path, PathBuf};
use std::time::Duration;

use abprall_policy::settings::{Reader, Section};
use abprall_store::StorePlace;

use crate::store_file::raw_mail_beside;

/// `None`: for ever; of raw mail: not at all.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::serve) struct KeepSettings {
    /// The words of reports: diagnostics, subjects, message ids.
    pub(in crate::serve) texts: Option<Duration>,
    /// Addresses to which nothing happened any more; then only a keyed hash is kept.
    pub(in crate::serve) addresses: Option<Duration>,
    /// Messages as they came in.
    pub(in crate::serve) raw_mail: Option<Duration>,
    /// How much of them, on the disk.
    pub(in crate::serve) raw_mail_bytes_max: u64,
}

impl Default for KeepSettings {
    fn default() -> Self {
        Self { texts: None, addresses: None, raw_mail: None, raw_mail_bytes_max: 2 << 30 }
    }
}

/// Less is full with a few messages of the largest size.
const BYTES_MIN: u64 = 64 << 20;

/// Gives the folder of raw mail too, where there is one.
pub(super) fn take(
    reader: &mut Reader<'_>,
    section: &mut Section<'_, '_>,
    folder: &Path,
    store: &str,
) -> (KeepSettings, Option<PathBuf>) {
    let mut keep = KeepSettings::default();
    section.duration_or(reader, "texts", &mut keep.texts, "forever");
    section.duration_or(reader, "addresses", &mut keep.addresses, "forever");
    section.duration_or(reader, "raw_mail", &mut keep.raw_mail, "none");
    section.size(reader, "raw_mail_bytes_max", &mut keep.raw_mail_bytes_max, BYTES_MIN);
    let place = section.text(reader, "raw_mail_folder").map(|(path, _)| folder.join(path));
    let place = place.or_else(|| raw_mail_beside(store));
    if let Some(raw_mail) = keep.raw_mail {
        // Else a message would still say what its report, or the database, was to forget.
        for (shorter, limit) in [("texts", keep.texts), ("addresses", keep.addresses)] {
            if limit.is_some_and(|limit| limit < raw_mail) {
                let message = format!(
                    "raw mail would be kept longer than `{shorter}`, and holds what these forget: make it as short, or shorter"
                );
                reader.problem(section.place("raw_mail"), &section.key("raw_mail"), message);
            }
        }
        if place.is_none() && matches!(StorePlace::of(store), StorePlace::Postgres(_)) {
            let message = "with PostgreSQL, say where this machine keeps it: raw_mail_folder = \"/var/lib/abprall/mail\"";
            reader.problem(section.place("raw_mail"), &section.key("raw_mail"), message.to_owned());
        }
    }
    (keep, place)
}

#[cfg(test)]
mod tests {
    use abprall_policy::settings::read_with;

    use super::*;

    fn read(text: &str, store: &str) -> Result<(KeepSettings, Option<PathBuf>), Vec<String>> {
        let mut taken = None;
        let done = read_with(text, &[], |reader, file| {
            taken = Some(take(reader, file, Path::new("/etc"), store));
        });
        let problems = |problems: Vec<_>| problems.iter().map(ToString::to_string).collect();
        done.map_err(problems).map(|_| taken.expect("it was read"))
    }

    #[test]
    fn raw_mail_is_not_kept_unless_it_is_said_how_long() {
        let (keep, place) = read("", "/var/a.db").unwrap();
        assert_eq!((keep, place), (KeepSettings::default(), Some("/var/a.db.mail".into())));
        let text = "raw_mail = \"30d\"\nraw_mail_bytes_max = \"3 GiB\"\nraw_mail_folder = \"mail\"\ntexts = \"30d\"\n";
        let (keep, place) = read(text, "/var/a.db").unwrap();
        assert_eq!(keep.raw_mail, Some(Duration::from_secs(30 * 86_400)));
        assert_eq!((keep.raw_mail_bytes_max, place), (3 << 30, Some("/etc/mail".into())));
    }

    #[test]
    fn raw_mail_that_would_outlive_what_was_forgotten_is_refused() {
        for key in ["texts", "addresses"] {
            let problems = read(&format!("{key} = \"29d\"\nraw_mail = \"30d\"\n"), "a.db").unwrap_err();
            assert!(
                problems[0].starts_with("line 2: raw_mail: ") && problems[0].contains(key),
                "{problems:?}"
            );
        }
    }

    #[test]
    fn a_size_that_is_none_and_a_place_that_nobody_knows_are_refused() {
        for size in ["2", "2GB", "-1GiB", "1KiB", "99999999999999999999GiB", "99999999TiB"] {
            let problems = read(&format!("raw_mail_bytes_max = \"{size}\"\n"), "a.db").unwrap_err();
            assert!(problems[0].contains("at least \"64MiB\""), "{size}: {problems:?}");
        }
        let problems = read("raw_mail = \"1d\"\n", "postgres://a@b/c").unwrap_err();
        assert!(problems[0].contains("raw_mail_folder"), "{problems:?}");
    }
}
