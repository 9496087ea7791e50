//! Every bound of reading lists, with its reason.

/// Bytes that are looked at before it is decided what a list is. A header and some hundred records; more adds no certainty.
pub(crate) const SAMPLE_BYTES: usize = 64 * 1024;

/// Records of the sample that are compared.
pub(crate) const SAMPLE_RECORDS: usize = 100;

/// Longest record, in bytes. Rows of list managers with all their attributes have some kilobytes; a quote that is never closed must
/// not swallow the rest of the file.
pub(crate) const RECORD_BYTES_MAX: usize = 1024 * 1024;

/// Columns of a row that are looked at. Mailchimp writes about fifty.
pub(crate) const COLUMNS_MAX: usize = 512;

/// How deep JSON may be nested around the entries.
pub(crate) const JSON_DEPTH_MAX: usize = 64;

/// Longest key of JSON that is remembered, in bytes.
pub(crate) const JSON_KEY_BYTES_MAX: usize = 128;

/// Longest text of a bad line that is shown again, in characters.
pub(crate) const SHOWN_CHARS_MAX: usize = 120;

/// Longest note that is kept with a stop, in characters: the provider's own words.
pub(crate) const NOTE_CHARS_MAX: usize = 300;
