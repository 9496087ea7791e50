//! Who may read what: settings with secrets, the database with addresses of people.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use abprall_mail::Language;
use abprall_store::StorePlace;

use super::check::Checks;
use crate::serve::Settings;

/// Readable by everybody.
const OTHERS_READ: u32 = 0o004;
/// Writable by everybody.
const OTHERS_WRITE: u32 = 0o002;

pub(super) fn settings_file(checks: &mut Checks, path: &Path, settings: &Settings) {
    let Ok(metadata) = path.metadata() else { return };
    let shown = path.display();
    let holds_secrets = !settings.effective().secrets().is_empty();
    if metadata.mode() & OTHERS_WRITE != 0 {
        let what = says(
            checks,
            &format!("{shown} can be written by everybody"),
            &format!("{shown} kann jeder ändern"),
        );
        checks.bad("permissions", &what, ("chmod o-w", "chmod o-w"));
    } else if holds_secrets && metadata.mode() & OTHERS_READ != 0 {
        let what = says(
            checks,
            &format!("{shown} holds secrets and can be read by everybody"),
            &format!("{shown} enthält Geheimnisse und ist für alle lesbar"),
        );
        checks.bad(
            "permissions",
            &what,
            ("chmod 640, with the group of abprall", "chmod 640, mit der Gruppe von abprall"),
        );
    } else {
        let what = says(
            checks,
            &format!("{shown}: mode {:o}", metadata.mode() & 0o7777),
            &format!("{shown}: Rechte {:o}", metadata.mode() & 0o7777),
        );
        checks.ok("permissions", &what);
    }
}

pub(super) fn database_files(checks: &mut Checks, settings: &Settings) {
    let StorePlace::File(path) = StorePlace::of(settings.store()) else { return };
    let (Ok(file), Ok(folder)) = (path.metadata(), folder_of(path).metadata()) else { return };
    let shown = path.display();
    // A folder that nobody else may enter protects what lies in it.
    let folder_is_open = folder.mode() & 0o001 != 0;
    if file.mode() & OTHERS_READ != 0 && folder_is_open {
        let what = says(
            checks,
            &format!("{shown} holds addresses of people and can be read by everybody"),
            &format!("{shown} enthält Adressen von Menschen und ist für alle lesbar"),
        );
        checks.warn(
            "permissions",
            &what,
            (
                "chmod 750 on its folder, or 640 on the file",
                "chmod 750 für den Ordner oder 640 für die Datei",
            ),
        );
    } else if file.uid() != folder.uid() {
        let what = says(
            checks,
            &format!("{shown} belongs to user {}, its folder to user {}", file.uid(), folder.uid()),
            &format!("{shown} gehört Benutzer {}, der Ordner Benutzer {}", file.uid(), folder.uid()),
        );
        checks.warn(
            "permissions",
            &what,
            (
                "give both to the user of abprall: a command that ran as root may have made the file",
                "beide dem Benutzer von abprall geben: vielleicht hat ein Befehl als root die Datei angelegt",
            ),
        );
    } else {
        let what = says(
            checks,
            &format!("{shown}: mode {:o}, user {}", file.mode() & 0o7777, file.uid()),
            &format!("{shown}: Rechte {:o}, Benutzer {}", file.mode() & 0o7777, file.uid()),
        );
        checks.ok("permissions", &what);
    }
}

/// The folder in which a path lies.
pub(super) fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        Some(_) | None => PathBuf::from("."),
    }
}

fn says(checks: &Checks, en: &str, de: &str) -> String {
    match checks.language() {
        Language::En => en.to_owned(),
        Language::De => de.to_owned(),
    }
}
