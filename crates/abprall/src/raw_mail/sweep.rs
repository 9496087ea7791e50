//! Raw mail goes when it is old, and the oldest first when it is too much.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{RawMail, entries, gone, is_ours, room};

/// Up to how much of the limit is left when it was reached: not one file goes for each that comes.
const ROOM_AFTER: (u64, u64) = (9, 10);

/// What may stay.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// What came in before goes.
    pub(crate) before: Timestamp,
    /// Bytes on the disk.
    pub(crate) bytes_max: u64,
}

/// What a sweep did, or would do.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Swept {
    pub(crate) removed: u64,
    /// Bytes on the disk afterwards.
    pub(crate) bytes: u64,
}

/// One file of a day, whole or not.
struct Entry {
    written: Timestamp,
    bytes: u64,
    path: PathBuf,
}

impl RawMail {
    /// Lets go what is older, or too much; `really` false: only counts.
    pub(crate) fn sweep(&self, limits: Limits, really: bool) -> io::Result<Swept> {
        let mut swept = Swept::default();
        let last_day = limits.before.to_zoned_datetime(TimeZone::UTC).date();
        let mut days: Vec<(PathBuf, u64)> = Vec::new();
        for (day, path) in self.days()? {
            let mut bytes = 0;
            for entry in day_entries(&path)? {
                // A day that is over is wholly older than its next one.
                let is_old = day < last_day || (day == last_day && entry.written < limits.before);
                if is_old {
                    remove(&entry, really, &mut swept)?;
                } else {
                    bytes += entry.bytes;
                }
            }
            if bytes > 0 {
                swept.bytes += bytes;
                days.push((path, bytes));
            } else if really {
                remove_empty(&path);
            }
        }
        if swept.bytes > limits.bytes_max {
            let wanted = limits.bytes_max / ROOM_AFTER.1 * ROOM_AFTER.0;
            self.make_room(&days, wanted, really, &mut swept)?;
        }
        Ok(swept)
    }

    fn make_room(
        &self,
        days: &[(PathBuf, u64)],
        wanted: u64,
        really: bool,
        swept: &mut Swept,
    ) -> io::Result<()> {
        for (day, _) in days {
            let mut files = day_entries(day)?;
            files.sort_unstable_by(|one, other| (one.written, &one.path).cmp(&(other.written, &other.path)));
            for entry in files {
                if swept.bytes <= wanted {
                    return Ok(());
                }
                remove(&entry, really, swept)?;
                swept.bytes = swept.bytes.saturating_sub(entry.bytes);
            }
            if really {
                remove_empty(day);
            }
        }
        Ok(())
    }
}

/// What is ours of it.
fn day_entries(day: &Path) -> io::Result<Vec<Entry>> {
    let mut all = Vec::new();
    for entry in entries(day)? {
        let entry = entry?;
        if !is_ours(&entry.file_name()) {
            continue;
        }
        // What somebody has removed meanwhile is no trouble.
        let Ok(file) = entry.metadata() else { continue };
        if file.is_file() {
            // A time that is none is an old one.
            let nanoseconds = i32::try_from(file.mtime_nsec()).unwrap_or_default();
            let written = Timestamp::new(file.mtime(), nanoseconds).unwrap_or(Timestamp::MIN);
            all.push(Entry { written, bytes: room(&file), path: entry.path() });
        }
    }
    Ok(all)
}

fn remove(entry: &Entry, really: bool, swept: &mut Swept) -> io::Result<()> {
    if really {
        gone(fs::remove_file(&entry.path))?;
    }
    swept.removed += 1;
    Ok(())
}

fn remove_empty(day: &Path) {
    // Where something has come in meanwhile, it is not empty, and stays.
    let _ = fs::remove_dir(day);
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use abprall_store::ContentId;
    use jiff::ToSpan;

    use super::*;
    use crate::raw_mail::packed;

    const NOW: &str = "2026-11-25T12:00:00Z";

    /// A message an hour, the newest now.
    fn house(hours: i64) -> (tempfile::TempDir, RawMail) {
        let folder = tempfile::tempdir().unwrap();
        let mail = RawMail::new(folder.path().join("mail"));
        let now: Timestamp = NOW.parse().unwrap();
        for age in 0..hours {
            let (text, at) = (age.to_string(), now - age.hours());
            let content = ContentId::of(text.as_bytes());
            mail.keep(&[(content, &packed(text.as_bytes()))], at).unwrap();
            let [path] = mail.find(&content).unwrap().try_into().unwrap();
            File::options().append(true).open(path).unwrap().set_modified(at.try_into().unwrap()).unwrap();
        }
        (folder, mail)
    }

    fn is_kept(mail: &RawMail, age: i64) -> bool {
        !mail.find(&ContentId::of(age.to_string().as_bytes())).unwrap().is_empty()
    }

    fn limits(hours: i64, bytes_max: u64) -> Limits {
        Limits { before: NOW.parse::<Timestamp>().unwrap() - hours.hours(), bytes_max }
    }

    #[test]
    fn what_is_older_goes_to_the_hour_and_empty_days_with_it() {
        let (_folder, mail) = house(72);
        let would = mail.sweep(limits(30, u64::MAX), false).unwrap();
        assert_eq!(would.removed, 41);
        assert!(is_kept(&mail, 71), "it was only counted");
        assert_eq!(mail.sweep(limits(30, u64::MAX), true).unwrap(), would);
        assert!(is_kept(&mail, 30) && !is_kept(&mail, 31));
        assert_eq!(mail.days().unwrap().len(), 2);
        assert_eq!(mail.sweep(limits(30, u64::MAX), true).unwrap().removed, 0);
    }

    #[test]
    fn where_it_is_too_much_the_oldest_goes_first() {
        let (_folder, mail) = house(40);
        let all = mail.size().unwrap();
        let swept = mail.sweep(limits(1000, all / 2), true).unwrap();
        assert_eq!(swept.bytes, mail.size().unwrap());
        assert!(swept.bytes <= all / 2 && swept.bytes >= all / 3, "{swept:?} of {all}");
        let kept: Vec<_> = (0..40).map(|age| is_kept(&mail, age)).collect();
        assert!(kept.is_sorted_by(|newer, older| newer >= older), "{kept:?}");
    }

    #[test]
    fn what_others_put_beside_it_stays_and_no_link_is_followed() {
        let (folder, mail) = house(1);
        let elsewhere = folder.path().join("elsewhere");
        let old = mail.folder().join("2024-01-01");
        for day in [&elsewhere, &old, &mail.folder().join("20240102")] {
            fs::create_dir(day).unwrap();
            fs::write(day.join(format!("{}.gz", ContentId::of(b"a"))), "a").unwrap();
            fs::write(day.join(format!(".{}.part", ContentId::of(b"b"))), "half").unwrap();
            fs::write(day.join("contract.pdf"), "signed").unwrap();
            fs::write(day.join("notes.gz"), "packed").unwrap();
        }
        std::os::unix::fs::symlink(&elsewhere, mail.folder().join("2024-01-03")).unwrap();
        let before = mail.size().unwrap();
        for limits in [limits(30, u64::MAX), limits(i64::from(u16::MAX), 0)] {
            mail.sweep(limits, true).unwrap();
        }
        assert!(before > 0 && mail.size().unwrap() == 0 && !is_kept(&mail, 0));
        let names = |day: &Path| fs::read_dir(day).unwrap().count();
        assert_eq!((names(&old), names(&elsewhere)), (2, 4));
        assert_eq!(names(&mail.folder().join("20240102")), 4);
        assert!(old.join("contract.pdf").exists() && old.join("notes.gz").exists());
    }

    #[test]
    fn without_a_folder_there_is_nothing_to_do() {
        let mail = RawMail::new("/nonexistent/mail".into());
        assert_eq!(mail.sweep(limits(0, 0), true).unwrap(), Swept::default());
    }
}
