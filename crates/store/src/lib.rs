//! Remembers: messages, reports, decisions, what is stopped and what is watched. One trait, [`Store`], over the databases; everything
//! that a call has returned for is on the disk.
//!
//! - [`Store::record`] takes a batch of judged messages, decides and stores them, all or nothing. A message whose [`ContentId`] is known
//!   is skipped.
//! - [`Store::check`] says whether an address may be sent to, [`SuppressionIndex`] says the same in a fraction of a microsecond.
//! - [`Store::story`] says why, [`Store::summary`] how things stand altogether.
//! - [`Store::lease_due`] hands out what is to be looked at, [`Store::complete`] stores what came of it.
//! - [`Store::rewind`] undoes, by new decisions; [`Store::replay`] shows history to another policy.
//!
//! What is decided is written once, in `plan`; the databases only load what that needs and write what it says.

mod api_key;
mod audit;
mod change;
mod content;
mod database;
mod domain_row;
mod erasure;
mod error;
mod host_row;
mod incident;
mod index;
mod inspect;
mod keeping;
pub mod limits;
mod news;
mod observation;
mod outbox;
mod page;
mod plan;
mod postgres;
mod question;
mod record;
mod replay;
mod review;
mod rewind;
mod sql;
mod standing;
mod stop_order;
mod store;
mod story;
mod subject;
mod summary;
mod trends;
mod work;

pub use api_key::{ApiKey, KeyScope, NewApiKey};
pub use audit::{AuditAction, AuditRecord};
pub use change::StopChange;
pub use content::{ContentId, NoContentId};
pub use domain_row::{DomainDetail, DomainFilter, DomainSort, WatchedDomain};
pub use erasure::{Erased, ErasureKey};
pub use error::StoreError;
pub use host_row::{HostFilter, HostSort, WatchedHost};
pub use incident::{
    BrakeRow, Incident, IncidentFilter, IncidentRecord, IncidentStory, PendingRemoval, Settlement,
};
pub use index::{
    Change, Fingerprint, Fingerprints, IndexError, IndexPosition, Mark, Segment, SegmentBuilder,
    SegmentError, SuppressionIndex,
};
pub use inspect::{Inspection, inspect_store};
pub use keeping::{Old, Person, PersonalStop, Pruned};
pub use news::News;
pub use observation::{NewObservation, Observation};
pub use outbox::{
    DeadFate, DeadLetter, DeadLetters, DomainEvents, Hears, OutboxBatch, OutboxDecision, OutboxItem,
    OutboxLease, OutboxResult, OutboxRules, OutboxStart, OutboxTake, OutboxTarget, TargetNews,
};
pub use page::{Cursor, CursorError, Page, Rows};
pub use postgres::{PostgresError, PostgresPlace};
pub use question::{Audience, Question};
pub use record::{Decided, Entry, Message, Recorded};
pub use replay::ReplayedReport;
pub use review::{Reclassified, ReclassifySummary, ReviewCluster, ReviewReport};
pub use rewind::{Mode, RewindSummary, Selection};
pub use sql::SqlStore;
pub use standing::{Scope, Standing, State};
pub use stop_order::{ImportMode, ImportSummary, ImportedStop, StopFilter, StopOrder, StopRow};
pub use store::{Store, StorePlace, open_existing_store, open_store};
pub use story::{DecisionRecord, Matched, ReportRecord, Story};
pub use subject::{Subject, index_key};
pub use summary::{DomainRow, HostRow, ReasonRow, Stopped, Summary};
pub use trends::{DayRow, Looks, Period, ProviderRow, Recovered, RecoveryRow, RouteHostRow, Trends};
pub use work::{Completed, DomainUpdate, HostUpdate, Work, WorkItem, WorkKind, WorkOutcome};
