//! The folder of raw mail: who may enter it, whether it can be written, how much room there is.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use abprall_mail::Language;

use super::check::Checks;
use crate::raw_mail::RawMail;
use crate::serve::Settings;

/// Without making the folder itself: it would belong to whoever asks.
fn can_make_in(folder: &Path) -> io::Result<()> {
    let probe = folder.join(format!(".abprall-probe.{}", std::process::id()));
    fs::create_dir(&probe).and_then(|()| fs::remove_dir(&probe))
}

/// Everything for everybody but the owner.
const FOR_OTHERS: u32 = 0o077;

pub(super) fn look(checks: &mut Checks, settings: &Settings) {
    let Some(mail) = settings.raw_mail().cloned().map(RawMail::new) else { return };
    let shown = mail.folder().display().to_string();
    let language = checks.language();
    let size = match mail.size() {
        Ok(size) => size,
        Err(error) => {
            checks.bad(
                "raw-mail",
                &format!("{shown}: {error}"),
                ("give it to the user of abprall", "den Ordner dem Benutzer von abprall geben"),
            );
            return;
        }
    };
    let mib = size >> 20;
    let Some(limit) = settings.keeps_raw_mail() else {
        if size > 0 {
            let what = match language {
                Language::En => format!("raw mail is not kept, but {shown} has {mib} MiB of before"),
                Language::De => {
                    format!("Rohmails werden nicht aufbewahrt, doch {shown} hat {mib} MiB von früher")
                }
            };
            checks.warn(
                "raw-mail",
                &what,
                (
                    "`abprall prune --older-than 1s` shows it with other things that would go; or remove the folder",
                    "`abprall prune --older-than 1s` zeigt sie mit anderem, was ginge; oder den Ordner löschen",
                ),
            );
        }
        return;
    };
    // Where there is none yet, the server makes it in the folder above.
    let existing = mail.folder().ancestors().find(|folder| folder.symlink_metadata().is_ok());
    let existing = existing.map_or_else(|| ".".into(), ToOwned::to_owned);
    if existing == mail.folder()
        && let Ok(folder) = existing.metadata()
        && folder.mode() & FOR_OTHERS != 0
    {
        let mode = folder.mode() & 0o7777;
        let what = match language {
            Language::En => format!("{shown} holds mail of people and others may enter it: mode {mode:o}"),
            Language::De => {
                format!("{shown} enthält Mails von Menschen, andere dürfen hinein: Rechte {mode:o}")
            }
        };
        checks.bad("raw-mail", &what, ("chmod 700", "chmod 700"));
        return;
    }
    // To make a file there wants both. The one that is there may be no folder, or a link to nowhere.
    let wanted = rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK;
    let tried = if existing == mail.folder() { mail.try_out() } else { can_make_in(&existing) };
    if !existing.is_dir() || rustix::fs::access(&existing, wanted).is_err() || tried.is_err() {
        let what = match language {
            Language::En => format!("{} cannot be written", existing.display()),
            Language::De => format!("{} kann nicht beschrieben werden", existing.display()),
        };
        checks.bad(
            "raw-mail",
            &what,
            (
                "give it to the user of abprall; until then bounces stay with those who send them",
                "den Ordner dem Benutzer von abprall geben; bis dahin bleiben Bounces bei ihren Absendern",
            ),
        );
        return;
    }
    let free = rustix::fs::statvfs(&existing).map_or(0, |disk| disk.f_bavail.saturating_mul(disk.f_frsize));
    let (free_mib, limit_mib) = (free >> 20, limit >> 20);
    let what = match language {
        Language::En => format!("{shown}: {mib} of at most {limit_mib} MiB, {free_mib} MiB free"),
        Language::De => format!("{shown}: {mib} von höchstens {limit_mib} MiB, {free_mib} MiB frei"),
    };
    if free < limit.saturating_sub(size) {
        checks.warn(
            "raw-mail",
            &what,
            (
                "make room, or lower raw_mail_bytes_max: where the disk is full first, bounces stay with those who send them",
                "Platz schaffen oder raw_mail_bytes_max senken: ist zuerst die Platte voll, bleiben Bounces bei ihren Absendern",
            ),
        );
    } else {
        checks.ok("raw-mail", &what);
    }
}
