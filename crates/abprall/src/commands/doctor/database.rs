//! The database: reached, of the right schema, with room, durable; and the index beside it.

use abprall_mail::Language;
use abprall_store::{IndexPosition, Inspection, StoreError, StorePlace, inspect_store};

use super::check::Checks;
use crate::serve::Settings;
use crate::store_file::StoreFile;

/// With less room, the next large campaign may fill the disk.
const FREE_BYTES_GOOD: u64 = 1 << 30;
/// With less, it is nearly full.
const FREE_BYTES_BAD: u64 = 100 << 20;

pub(super) fn look(checks: &mut Checks, settings: &Settings) {
    let language = checks.language();
    let place = StoreFile::new(settings.store().to_owned(), settings.index().cloned(), None);
    let found = match inspect_store(settings.store()) {
        Err(StoreError::Missing { .. }) => {
            let what = match language {
                Language::En => format!("there is no database yet at {}", place.shown()),
                Language::De => format!("es gibt noch keine Datenbank: {}", place.shown()),
            };
            checks.warn(
                "database",
                &what,
                (
                    "`abprall serve` makes it; where there should be one, `store` names the wrong place",
                    "`abprall serve` legt sie an; wenn es sie geben sollte, nennt `store` den falschen Ort",
                ),
            );
            return free_space(checks, settings);
        }
        Err(error) => {
            checks.bad("database", &error.to_string(), (
                "see that the server runs and `store` is right; until then bounces stay with those who send them",
                "prüfen, ob der Server läuft und `store` stimmt; bis dahin bleiben Bounces bei ihren Absendern",
            ));
            return free_space(checks, settings);
        }
        Ok(found) => found,
    };
    schema(checks, &found, &place);
    if found.not_durable.is_empty() {
        checks.ok(
            "durability",
            match language {
                Language::En => "what is acknowledged is on the disk",
                Language::De => "was bestätigt wird, ist auf der Platte",
            },
        );
    } else {
        checks.bad("durability", &found.not_durable.join(", "), (
            "turn it back on: after a power failure, acknowledged bounces may be lost or the database be torn",
            "wieder einschalten: nach einem Stromausfall können bestätigte Bounces fehlen oder die Datenbank zerrissen sein",
        ));
    }
    free_space(checks, settings);
    if found.schema == found.known_schema {
        index(checks, &place);
    }
}

fn schema(checks: &mut Checks, found: &Inspection, place: &StoreFile) {
    let (schema, known) = (found.schema, found.known_schema);
    let size = found.bytes / (1 << 20);
    let server = found.server.clone().unwrap_or_else(|| place.shown());
    if schema > known {
        let what = match checks.language() {
            Language::En => format!("{server} has schema {schema}, this abprall knows {known}"),
            Language::De => format!("{server} hat das Schema {schema}, dieses abprall kennt {known}"),
        };
        checks.bad(
            "database",
            &what,
            (
                "a newer abprall has written it: update this one",
                "ein neueres abprall hat sie geschrieben: dieses hier aktualisieren",
            ),
        );
    } else if schema < known {
        let what = match checks.language() {
            Language::En => format!("{server} has schema {schema}, this abprall has {known}"),
            Language::De => format!("{server} hat das Schema {schema}, dieses abprall {known}"),
        };
        checks.warn(
            "database",
            &what,
            (
                "the next start brings it up to date; make a backup before",
                "der nächste Start bringt sie auf Stand; vorher sichern",
            ),
        );
    } else {
        let what = match checks.language() {
            Language::En => format!("{server} answers: schema {schema}, {size} MiB"),
            Language::De => format!("{server} antwortet: Schema {schema}, {size} MiB"),
        };
        checks.ok("database", &what);
    }
}

/// The room of a file's disk. What a server has, only the server can tell.
fn free_space(checks: &mut Checks, settings: &Settings) {
    let StorePlace::File(path) = StorePlace::of(settings.store()) else { return };
    let folder = super::files::folder_of(path);
    let free = match rustix::fs::statvfs(&folder) {
        Ok(disk) => disk.f_bavail.saturating_mul(disk.f_frsize),
        Err(error) => {
            let what = format!("{}: {error}", folder.display());
            checks.bad(
                "free-space",
                &what,
                (
                    "make the folder, and give it to the user of abprall",
                    "den Ordner anlegen und dem Benutzer von abprall geben",
                ),
            );
            return;
        }
    };
    let what = match checks.language() {
        Language::En => format!("{} MiB free in {}", free >> 20, folder.display()),
        Language::De => format!("{} MiB frei in {}", free >> 20, folder.display()),
    };
    let advice = (
        "make room: a full disk means that bounces stay with those who send them",
        "Platz schaffen: bei voller Platte bleiben Bounces bei ihren Absendern",
    );
    if free < FREE_BYTES_BAD {
        checks.bad("free-space", &what, advice);
    } else if free < FREE_BYTES_GOOD {
        checks.warn("free-space", &what, advice);
    } else {
        checks.ok("free-space", &what);
    }
}

fn index(checks: &mut Checks, place: &StoreFile) {
    let position = place.open_existing().map_err(|error| error.to_string());
    let position = position.and_then(|store| {
        abprall_store::SuppressionIndex::position(&place.index_folder(), &*store)
            .map_err(|error| error.to_string())
    });
    let language = checks.language();
    match position {
        Ok(IndexPosition::Absent) => checks.ok("index", match language {
            Language::En => "there is none yet; the next start makes it",
            Language::De => "es gibt noch keinen; der nächste Start legt ihn an",
        }),
        Ok(IndexPosition::Behind(changes)) => checks.ok("index", &match language {
            Language::En => format!("goes with the database; {changes} changes are read at the next start"),
            Language::De => format!("passt zur Datenbank; {changes} Änderungen werden beim nächsten Start gelesen"),
        }),
        Ok(IndexPosition::Other) => checks.warn("index", match language {
            Language::En => "is one of another state of the database",
            Language::De => "gehört zu einem anderen Stand der Datenbank",
        }, (
            "was the database put back from a backup? Then restart: the index begins anew",
            "wurde die Datenbank aus einer Sicherung zurückgeholt? Dann neu starten: der Index beginnt von vorn",
        )),
        Err(error) => checks.bad("index", &error, (
            "give the folder to the user of abprall, or name another as `index`",
            "den Ordner dem Benutzer von abprall geben oder mit `index` einen anderen nennen",
        )),
    }
}
