//! Times as people read them: ISO dates, UTC.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// `2026-11-24`
pub(crate) fn day(at: Timestamp) -> String {
    at.to_zoned_datetime(TimeZone::UTC).date().to_string()
}

/// `2026-11-24 14:05 UTC`
pub(crate) fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}
