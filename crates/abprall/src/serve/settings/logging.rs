//! `[log]`: what is written to standard error, and how.

use abprall_policy::settings::{Reader, Section};
use tracing::level_filters::LevelFilter;

/// How the server speaks of itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::serve) struct LoggingSettings {
    pub(in crate::serve) format: LogFormat,
    pub(in crate::serve) level: LevelFilter,
    pub(in crate::serve) addresses: Addresses,
}

impl Default for LoggingSettings {
    fn default() -> Self {
        Self { format: LogFormat::Text, level: LevelFilter::INFO, addresses: Addresses::Redacted }
    }
}

/// The form of a line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::serve) enum LogFormat {
    /// For people, and the journal, which has the time already.
    Text,
    /// One JSON object a line.
    Json,
}

/// How much of mail addresses may be in the log. They are personal data.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::serve) enum Addresses {
    /// Nothing.
    Redacted,
    /// What stands behind the `@`.
    Domain,
    /// All.
    Full,
}

pub(super) fn take(reader: &mut Reader<'_>, section: &mut Section<'_, '_>) -> LoggingSettings {
    let mut log = LoggingSettings::default();
    let formats = [("text", LogFormat::Text), ("json", LogFormat::Json)];
    section.word(reader, "format", &mut log.format, &formats);
    let levels = [
        ("error", LevelFilter::ERROR),
        ("warn", LevelFilter::WARN),
        ("info", LevelFilter::INFO),
        ("debug", LevelFilter::DEBUG),
        ("trace", LevelFilter::TRACE),
    ];
    section.word(reader, "level", &mut log.level, &levels);
    let addresses =
        [("redacted", Addresses::Redacted), ("domain", Addresses::Domain), ("full", Addresses::Full)];
    section.word(reader, "addresses", &mut log.addresses, &addresses);
    log
}
