//! The clock, held against those that are here anyway: the database server's, and that of the disk. Nobody on the Internet is asked.

use std::time::SystemTime;

use abprall_mail::Language;
use abprall_store::{StorePlace, inspect_store};
use jiff::{SignedDuration, Timestamp};

use super::check::Checks;
use crate::serve::Settings;

/// Leases and waiting times are compared between machines; a few seconds do not matter to them.
const APART_GOOD: SignedDuration = SignedDuration::from_secs(5);
/// More than this, and a lease of one machine is over for the other before it was given.
const APART_BAD: SignedDuration = SignedDuration::from_secs(120);

pub(super) fn look(checks: &mut Checks, settings: &Settings) {
    match StorePlace::of(settings.store()) {
        StorePlace::Postgres(place) => {
            let before = Timestamp::now();
            if let Some(theirs) = inspect_store(place).ok().and_then(|found| found.clock) {
                // In the middle of the question the server looked at its clock.
                let ours = before + (Timestamp::now().duration_since(before) / 2);
                compare(checks, theirs.duration_since(ours), ("the database server", "Datenbankserver"));
            }
        }
        StorePlace::File(path) => {
            // The time that the disk gives a new file: on a network file system, its server's.
            let folder = super::files::folder_of(path);
            let written = tempfile::Builder::new().prefix(".abprall-clock").tempfile_in(&folder);
            let theirs = written.and_then(|file| file.as_file().metadata()?.modified());
            match theirs {
                Ok(theirs) => {
                    let apart = match theirs.duration_since(SystemTime::now()) {
                        Ok(ahead) => SignedDuration::try_from(ahead),
                        Err(behind) => SignedDuration::try_from(behind.duration()).map(|behind| -behind),
                    };
                    compare(checks, apart.unwrap_or(SignedDuration::MAX), ("the disk", "Platte"));
                }
                Err(error) => {
                    let what = format!("{}: {error}", folder.display());
                    checks.warn("clock", &what, (
                        "cannot write there as this user; ask as the user of abprall: sudo -u abprall abprall doctor …",
                        "als dieser Benutzer ist dort nicht zu schreiben; als Benutzer von abprall fragen: sudo -u abprall abprall doctor …",
                    ));
                }
            }
        }
    }
}

fn compare(checks: &mut Checks, apart: SignedDuration, (en, de): (&str, &str)) {
    let seconds = seconds(apart);
    let what = match checks.language() {
        Language::En => format!("{en} is {seconds} seconds from our clock"),
        Language::De => format!("{de}: {seconds} Sekunden neben unserer Uhr"),
    };
    let advice = (
        "synchronise the clocks (chrony, systemd-timesyncd) of all machines that share the database",
        "die Uhren aller Rechner an dieser Datenbank abgleichen (chrony, systemd-timesyncd)",
    );
    if apart.abs() > APART_BAD {
        checks.bad("clock", &what, advice);
    } else if apart.abs() > APART_GOOD {
        checks.warn("clock", &what, advice);
    } else {
        checks.ok("clock", &what);
    }
}

/// Tenths of a second with their sign; nothing is neither before nor behind.
fn seconds(apart: SignedDuration) -> String {
    let text = format!("{:+.1}", apart.as_secs_f64());
    if matches!(&*text, "+0.0" | "-0.0") { "0.0".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_that_agree_have_no_sign() {
        for (millis, text) in [(-4, "0.0"), (0, "0.0"), (49, "0.0"), (-60, "-0.1"), (1500, "+1.5")] {
            assert_eq!(seconds(SignedDuration::from_millis(millis)), text);
        }
    }
}
