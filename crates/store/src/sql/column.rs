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

/// A count that is small.
pub(super) fn small(number: i64) -> u32 {
    u32::try_from(number.max(0)).unwrap_or(u32::MAX)
}

/// JSON as the type that it holds.
pub(super) fn json<T: serde::de::DeserializeOwned>(what: &'static str, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|_| StoreError::UnknownWord { what, value: text.to_owned() })
}

/// As [`json`], where the column may be empty.
pub(super) fn json_or_none<T: serde::de::DeserializeOwned>(
    what: &'static str,
    text: Option<&str>,
) -> Result<Option<T>, StoreError> {
    text.map(|text| json(what, text)).transpose()
}

/// Plain values always have a JSON form.
pub(super) fn to_json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned())
}
