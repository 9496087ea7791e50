//! Every bound of the store, with its reason.

use std::time::Duration;

/// How long a command waits for another process that writes. Batches take milliseconds; longer means that somebody is stuck.
pub const BUSY_WAIT: Duration = Duration::from_secs(5);

/// Longest text of a report that is kept, in bytes: the diagnostic, the subject and their like. RFC 5321 §4.5.3.1.5 allows a reply
/// line 512 bytes; Exchange Online writes above 1,000.
pub const TEXT_BYTES_MAX: usize = 2048;

/// Rules that are kept with a report; the first ones decide.
pub const BECAUSE_MAX: usize = 8;

/// Names of domains and hosts whose numbers are kept at hand while writing.
pub const INTERNED_MAX: usize = 100_000;

/// Pages of the write-ahead log between two checkpoints, 4 KiB each (`crates.md` §3.1: the default of 1000 costs a third more). A page
/// that many commits change is carried over once.
pub const CHECKPOINT_PAGES: u32 = 32_768;

/// Smallest cache of one connection in KiB: with a database that is new or small, the whole program stays below 64 MiB.
pub const CACHE_KIB_MIN: i64 = 4 * 1024;

/// Largest cache of one connection in KiB: the inner pages of the indexes of 50 million reports, and what was written lately.
pub const CACHE_KIB_MAX: i64 = 128 * 1024;

/// The cache is this part of the database, within the two bounds.
pub const CACHE_SHARE: i64 = 4;

/// Commits after which the cache is fitted to the size of the database again: some seconds of a busy server.
pub const CACHE_FITTED_EVERY: u64 = 64;

/// Pages that a transaction may change before it writes some of them early, 4 KiB each: a batch of reports changes some thousand, and a
/// page that is written early is read and written once more. A large import or rewind stays within 32 MiB by it.
pub const SPILL_PAGES: u32 = 8192;

/// Changes that stand beside a segment of the suppression index at least before a new one is written: 16 bytes each in memory.
pub const INDEX_DELTA_MIN: u64 = 100_000;

/// A new segment is written when the changes are more than this part of it: writing is linear in its size, so that each change
/// is written about as often as this number.
pub const INDEX_DELTA_SHARE: u64 = 16;

/// Fingerprints that are sorted in memory while a segment is built, eight bytes each: 64 MiB.
pub const INDEX_BUILD_FINGERPRINTS_MAX: usize = 8 * 1024 * 1024;

/// What a builder of the index left behind is removed after this time: building 100 million takes half a minute.
pub const INDEX_BUILD_AGE_MAX: Duration = Duration::from_secs(3600);

/// Changes that are read from the database at a time.
pub const INDEX_READ: u32 = 100_000;

/// Stops of an import between two commits: enough that the disk's write time does not count.
pub const IMPORT_BATCH: usize = 10_000;

/// Events and domains of an incident that are shown.
pub const INCIDENT_ROWS_MAX: u32 = 1000;

/// Names that an undoing shows as examples.
pub const EXAMPLES_MAX: usize = 100;

/// Domains, or hosts, that are asked at most for the failures of some days, to find those with the most. They are asked in the order
/// of their failures of all days, and the search mostly ends after a few times the wanted rows.
pub const CANDIDATES_MAX: u32 = 5000;

/// How long a command waits for a PostgreSQL server that went away: a restart with recovery takes seconds.
pub const RECONNECT_WAIT: Duration = Duration::from_secs(60);

/// Longest pause between two attempts to reach the server again.
pub const RECONNECT_PAUSE_MAX: Duration = Duration::from_secs(1);

/// How long one attempt to connect may take.
pub const CONNECT_WAIT: Duration = Duration::from_secs(10);

/// A connection that is silent for so long is asked whether it still stands.
pub const KEEPALIVE: Duration = Duration::from_secs(30);

/// How often a write is repeated that surely was not stored, after a lost connection or a conflict.
pub const REPEATS_MAX: u32 = 10;

/// Rows that a long answer of PostgreSQL is fetched by.
pub const STREAM_ROWS: usize = 1000;

/// Statements that are kept ready on a connection to PostgreSQL. The store has about two hundred.
pub const STATEMENTS_MAX: usize = 400;

/// Addresses that wait for a domain's recovery are counted up to this number, far more than a batch that comes back: a large provider
/// may have hundreds of thousands.
pub const WAITING_COUNTED_MAX: u32 = 10_000;

/// Of these, how many are asked in the first call; twice as many in each further one. Mostly the first is enough.
pub const CANDIDATES_AT_ONCE: usize = 100;

/// Rows of an import that are looked up and written together: each call to a server costs more than what it does.
pub const IMPORT_ROWS_AT_ONCE: usize = 1000;

/// Items that wait for one target at most, before the place among the decisions is moved on: what is owed to a target that is away is
/// kept by the decisions themselves. A domain may add its addresses to them.
pub const OUTBOX_ITEMS_MAX: i64 = 10_000;

/// Decisions that become items in one transaction.
pub const OUTBOX_WINDOW: i64 = 2000;

/// Windows without anything to tell that one call passes over: counted soft failures are most of the decisions of many houses.
pub const OUTBOX_WINDOWS_AT_ONCE: u32 = 50;

/// Addresses of a domain that become items in one transaction.
pub const OUTBOX_EXPAND: u32 = 5000;

/// Header lines of a message that are searched for its day. A bounce has its Date field within the first thirty.
pub const DATE_LINES_MAX: usize = 200;

/// Bytes of a line that are searched for a day: what stands behind is text.
pub const DATE_BYTES_MAX: usize = 64;
