//! Suppression lists of others: reads and writes the formats of mail services, list managers and plain files.
//!
//! - [`read_list`] takes bytes in any of the formats, says which one it is, and hands out one [`Item`] after the other. Memory
//!   is bounded by one record. What cannot be read is handed out with its line number, never guessed and never fatal.
//! - [`ListWriter`] writes stops in the shape that a service takes in.
//!
//! Nothing in here opens a file, looks at a clock or knows the database.

mod dialect;
mod encoding;
mod entry;
mod format;
mod json;
pub(crate) mod limits;
mod mapping;
mod read;
mod record;
mod row;
mod times;
mod words;
mod write;

pub(crate) use dialect::{Dialect, Layout, address_in};
pub(crate) use encoding::{Encoding, head, open};
pub(crate) use entry::{Item, Listed, ListedSubject, NotAStop, Problem};
pub(crate) use format::Format;
pub(crate) use read::{Defaults, ReadListError, read_list};
pub(crate) use record::field_text;
pub(crate) use write::{CSV_COLUMNS, ListWriter, Stopped};

#[cfg(test)]
mod tests;
