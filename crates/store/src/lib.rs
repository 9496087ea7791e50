//! Remembers: messages, reports, decisions and what is stopped. Embedded SQLite; everything that [`SqliteStore::record`] has
//! returned for is on the disk.
//!
//! - [`SqliteStore::record`] takes a batch of judged messages, all or nothing. A message whose [`ContentId`] is known is skipped.
//! - [`SqliteStore::check`] says whether an address may be sent to.
//! - [`SqliteStore::story`] says why, [`SqliteStore::summary`] how things stand altogether.
//! - [`SqliteStore::stop`] and [`SqliteStore::lift`] are a person's own decisions.

mod content;
mod error;
mod index;
pub mod limits;
mod record;
mod sqlite;
mod standing;
mod story;
mod subject;
mod summary;

pub use content::ContentId;
pub use error::StoreError;
pub use index::{Change, Fingerprint, Fingerprints, Segment, SegmentBuilder, SegmentError, SuppressionIndex};
pub use record::{Decided, Entry, Message, Recorded};
pub use sqlite::SqliteStore;
pub use standing::{Scope, Standing, State};
pub use story::{DecisionRecord, Matched, ReportRecord, Story};
pub use subject::Subject;
pub use summary::{DomainRow, HostRow, ReasonRow, Stopped, Summary};
