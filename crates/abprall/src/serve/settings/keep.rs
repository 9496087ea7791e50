//! `[keep]`: how long what concerns people is kept.

use std::time::Duration;

use abprall_policy::settings::{Reader, Section};

/// `None`: for ever.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(in crate::serve) struct KeepSettings {
    /// The words of reports: diagnostics, subjects, message ids.
    pub(in crate::serve) texts: Option<Duration>,
    /// Addresses to which nothing happened any more; then only a keyed hash is kept.
    pub(in crate::serve) addresses: Option<Duration>,
}

pub(super) fn take(reader: &mut Reader<'_>, section: &mut Section<'_, '_>) -> KeepSettings {
    let mut keep = KeepSettings::default();
    section.duration_or(reader, "texts", &mut keep.texts, "forever");
    section.duration_or(reader, "addresses", &mut keep.addresses, "forever");
    keep
}
