//! What a column holds, as the types of the house.

use std::str::FromStr;

use jiff::Timestamp;

use crate::StoreError;

/// A stored word as the enum that it names.
pub(super) fn word<T: FromStr>(what: &'static str, value: &str) -> Result<T, StoreError> {
    value.parse().map_err(|_| StoreError::UnknownWord { what, value: value.to_owned() })
}

/// As [`word`], where the column may be empty.
pub(super) fn word_or_none<T: FromStr>(
    what: &'static str,
    value: Option<&str>,
) -> Result<Option<T>, StoreError> {
    value.map(|value| word(what, value)).transpose()
}

/// Microseconds since 1970 as a time.
pub(super) fn time(micros: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_microsecond(micros)
        .map_err(|_| StoreError::UnknownWord { what: "the time", value: micros.to_string() })
}

/// A count, which SQLite keeps as a signed number.
pub(super) fn count(number: i64) -> u64 {
    number.max(0).cast_unsigned()
}
