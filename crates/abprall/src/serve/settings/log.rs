//! `[intake.log.NAME]`: logs that are followed.

use std::path::{Path, PathBuf};

use abprall_bounce::log::LogFormat;
use abprall_policy::settings::{Reader, Section};
use abprall_store::{Audience, StorePlace};
use strum::IntoEnumIterator;

/// A log that is followed.
#[derive(Clone, Debug)]
pub(in crate::serve) struct LogSettings {
    pub(in crate::serve) path: PathBuf,
    /// `None`: it is seen from its start.
    pub(in crate::serve) format: Option<LogFormat>,
    /// The name by which the mail server reports.
    pub(in crate::serve) host: Option<String>,
    pub(in crate::serve) start: Start,
    /// Where the place that was read to is remembered.
    pub(in crate::serve) state: PathBuf,
    pub(in crate::serve) audience: Option<Audience>,
}

/// Where a log is begun that was never followed before.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(in crate::serve) enum Start {
    /// All that is in the file; what is known already counts once.
    #[default]
    Beginning,
    /// Only what comes.
    End,
}

/// Where the database is, which says where the state lies by default.
pub(super) struct Beside<'a> {
    pub(super) folder: &'a Path,
    pub(super) store: &'a str,
    pub(super) index: Option<&'a Path>,
    pub(super) audience: &'a Audience,
}

pub(super) fn take(
    reader: &mut Reader<'_>,
    intake: &mut Section<'_, '_>,
    beside: &Beside<'_>,
) -> Vec<LogSettings> {
    let sections = intake.named(reader, "log");
    sections.into_iter().filter_map(|(name, section)| take_one(reader, &name, section, beside)).collect()
}

fn take_one(
    reader: &mut Reader<'_>,
    name: &str,
    mut section: Section<'_, '_>,
    beside: &Beside<'_>,
) -> Option<LogSettings> {
    if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)) {
        let hint =
            format!("{name:?} becomes a part of a file's name: letters, digits and hyphens are wanted");
        reader.problem(0..0, &section.key(""), hint);
    }
    let path = section.text(reader, "path");
    if path.is_none() {
        reader.problem(0..0, &section.key("path"), "is wanted, such as \"/var/log/mail.log\"".to_owned());
    }
    let formats: Vec<_> = LogFormat::iter().map(|format| (format.into(), Some(format))).collect();
    let mut format = None;
    section.word(reader, "format", &mut format, &formats);
    let mut start = Start::default();
    section.word(reader, "start", &mut start, &[("beginning", Start::Beginning), ("end", Start::End)]);
    let host = section.text(reader, "host").map(|(host, _)| host);
    let state = section.text(reader, "state").map(|(path, _)| beside.folder.join(path));
    let state = state.or_else(|| beside.state_of(name));
    if state.is_none() {
        let hint =
            "is wanted where the database is PostgreSQL: a file in which the place in the log is remembered";
        reader.problem(0..0, &section.key("state"), hint.to_owned());
    }
    let audience = audience(reader, &mut section, beside.audience);
    section.finish(reader);
    let path = beside.folder.join(path?.0);
    Some(LogSettings { path, format, host, start, state: state?, audience })
}

/// `tenant` and `list` of one source, where they are there; what is not said is as for all.
pub(super) fn audience(
    reader: &mut Reader<'_>,
    section: &mut Section<'_, '_>,
    all: &Audience,
) -> Option<Audience> {
    let tenant = section.text(reader, "tenant").map(|(name, _)| name);
    let list = section.text(reader, "list").map(|(name, _)| name);
    (tenant.is_some() || list.is_some()).then(|| Audience {
        tenant: tenant.or_else(|| all.tenant.clone()),
        list: list.or_else(|| all.list.clone()),
    })
}

impl Beside<'_> {
    fn state_of(&self, name: &str) -> Option<PathBuf> {
        let place = match StorePlace::of(self.store) {
            StorePlace::File(path) => path,
            StorePlace::Postgres(_) => self.index?,
        };
        let mut path = place.as_os_str().to_owned();
        path.push(format!(".log-{name}"));
        Some(path.into())
    }
}
