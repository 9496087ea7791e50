//! Every bound of the sync, with its reason.

use std::ops::Range;
use std::time::Duration;

/// Targets that one file may name: each has a thread and a connection to the database.
pub(crate) const TARGETS_MAX: usize = 32;

/// Events that are told between two writes to the database, where nothing else is set.
pub(super) const BATCH: u32 = 100;

/// The same, as it may be set. An event has about 500 bytes.
pub(super) const BATCH_RANGE: Range<u32> = 1..1001;

/// How often an event is tried that the target refuses. With the pauses below it takes four to eight hours: a night.
pub(super) const ATTEMPTS: u32 = 20;

/// The same, as it may be set.
pub(super) const ATTEMPTS_RANGE: Range<u32> = 1..1001;

/// Events that are tried of a turn in which the target has taken none: it is probably broken, and the next turn tries others.
pub(super) const PROBES: usize = 5;

/// Refused events that one process remembers; what it forgets, counts later.
pub(super) const DOUBTS_MAX: usize = 10_000;

/// The pause after a first failure. It doubles.
pub(super) const RETRY_MIN: Duration = Duration::from_secs(1);

/// The longest pause of an event that was refused.
pub(super) const RETRY_MAX: Duration = Duration::from_secs(3600);

/// The longest pause of a target that is not to be reached: it should hear soon that it is back.
pub(super) const AWAY_MAX: Duration = Duration::from_secs(300);

/// A pause that a target asks for is at least this long: some say 0.
pub(super) const RETRY_AFTER_MIN: Duration = Duration::from_secs(1);

/// The longest pause that a target may ask for (`Retry-After`).
pub(super) const RETRY_AFTER_MAX: Duration = Duration::from_secs(3600);

/// How long one answer is waited for.
pub(super) const TIMEOUT: Duration = Duration::from_secs(10);

/// For how long one process has a target alone. Another one takes over after this time, when the first was killed.
pub(super) const LEASE: Duration = Duration::from_secs(30);

/// Conversations with an HTTP target at a time.
pub(super) const PARALLEL: u32 = 4;

/// The same, as it may be set.
pub(super) const PARALLEL_RANGE: Range<u32> = 1..33;

/// Largest answer that is read, in bytes. A page of 100 subscribers of listmonk has some 100 KiB.
pub(super) const ANSWER_BYTES_MAX: usize = 8 * 1024 * 1024;

/// What is kept of an answer that refuses, in bytes.
pub(super) const ERROR_BYTES_MAX: usize = 300;

/// How often the decisions are looked at while there is nothing to tell.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(400);

/// Rows of a list's page.
pub(super) const PAGE: u32 = 100;

/// Differences that one run keeps for mending at a time.
pub(super) const MEND_AT_ONCE: usize = 100;
