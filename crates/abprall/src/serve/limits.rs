//! Every bound of the server, with its reason.

use std::time::Duration;

/// Connections to the database that answer questions at the same time. A question that needs it takes some microseconds on SQLite.
pub(super) const STORES_FOR_QUESTIONS: usize = 8;

/// How long a question waits for one of them; then it is answered as if the database were gone.
pub(super) const STORE_WAIT_MAX: Duration = Duration::from_secs(2);

/// How often a database that did not answer is asked again; meanwhile questions that need it are answered as `on_failure` says.
pub(super) const STORE_RETRY_EVERY: Duration = Duration::from_secs(1);

/// How long the writer waits for a database server that went away: a restart takes so long; who hears "later" sends again.
pub(super) const WRITER_WAIT_MAX: Duration = Duration::from_secs(2);

/// Bodies of HTTP requests that are in memory at a time.
pub(super) const BODIES_AT_A_TIME: usize = 16;

/// How long such a body may take to come in.
pub(super) const BODY_MAX: Duration = Duration::from_secs(60);

/// Connections of one listener. Postfix keeps one for each smtpd process, 100 by default; each takes some KiB.
pub(super) const CONNECTIONS_MAX: usize = 10_000;

/// KiB of messages that are being taken in over all connections of a listener: many small ones, or 25 of the largest. A client that
/// sends slowly holds what it has sent, and no place of others.
pub(super) const MAIL_KIB_MAX: usize = 256 * 1024;

/// How long a message waits for memory; then its client keeps it and tries again. Clients wait three minutes (RFC 5321 §4.5.3.2.5).
pub(super) const MAIL_WAIT_MAX: Duration = Duration::from_secs(10);

/// Clients whose rate is counted at a time, each some 64 bytes: a minute of a public port. What comes from yet more is bounded by
/// CONNECTIONS_MAX.
pub(super) const CLIENTS_MAX: usize = 65_536;

/// The largest message that is taken in, in bytes. Bounces quote what they return, at most providers cut to some KiB.
pub(super) const MESSAGE_BYTES_MAX: u64 = 10 * 1024 * 1024;

/// Messages that wait for the writer; more wait with their senders.
pub(super) const WAITING_MAX: usize = 1024;

/// Messages, and reports, that are written together at most.
pub(super) const BATCH_MESSAGES_MAX: usize = 512;
pub(super) const BATCH_REPORTS_MAX: usize = 2048;

/// How often it is looked what other processes have changed.
pub(super) const FOLLOW_EVERY: Duration = Duration::from_secs(1);

/// Bytes that are read at once from a client.
pub(super) const READ_BYTES: usize = 16 * 1024;

/// Addresses in one question over HTTP.
pub(super) const ADDRESSES_MAX: usize = 100_000;

/// The longest body of such a question: addresses of 254 bytes (RFC 5321 §4.5.3.1) with quotation marks.
pub(super) const QUESTION_BYTES_MAX: usize = ADDRESSES_MAX * 260;

/// How long clients have to end when the server does; Postfix asks the next server at once.
pub(super) const DRAIN: Duration = Duration::from_secs(20);
