//! Every bound of the server, with its reason.

use std::num::NonZeroU32;
use std::time::Duration;

/// Connections to the database that answer questions at the same time. A question that needs it takes some microseconds on SQLite.
pub(super) const STORES_FOR_QUESTIONS: usize = 8;

/// How long a question waits for one of them; then it is answered as if the database were gone.
pub(super) const STORE_WAIT_MAX: Duration = Duration::from_secs(2);

/// How often a database that did not answer is asked again; meanwhile questions that need it are answered as `on_failure` says.
pub(super) const STORE_RETRY_EVERY: Duration = Duration::from_secs(1);

/// How long the writer waits for a database server that went away: a restart takes so long; who hears "later" sends again.
pub(super) const WRITER_WAIT_MAX: Duration = Duration::from_secs(2);

/// Memory of all bodies of HTTP requests that are coming in, in KiB: twelve of the largest at a time. Who sends slowly holds what it
/// has sent, and no place of others.
pub(super) const BODY_KIB_MAX: usize = 128 * 1024;

/// What one client's address holds of that: two of the largest questions about many addresses, and no client alone keeps the others out.
/// A proxy in front is one client.
pub(super) const BODY_KIB_A_CLIENT_MAX: usize = 2 * QUESTION_BYTES_MAX.div_ceil(1024);

/// The same of the posts to hooks: two of the largest bodies of a mail service.
pub(super) const HOOK_KIB_A_CLIENT_MAX: usize = 32 * 1024;

/// How long such a body may take to come in.
pub(super) const BODY_MAX: Duration = Duration::from_secs(60);

/// Memory of answers to long questions, in KiB, until their last byte has left, and what one client's address holds of it: two answers
/// about ADDRESSES_MAX addresses while they are made, more when they are.
pub(super) const ANSWER_KIB_MAX: usize = 256 * 1024;
pub(super) const ANSWER_KIB_A_CLIENT_MAX: usize =
    2 * (QUESTION_BYTES_MAX + ADDRESSES_MAX * ANSWER_BYTES_AN_ADDRESS).div_ceil(1024);

/// What an answer about one address takes beside the address itself, in bytes, at most: states, reasons and times have bounded names.
pub(super) const ANSWER_BYTES_AN_ADDRESS: usize = 256;

/// How long an answer may lie there without that its client takes a byte; then the connection is cut.
pub(super) const ANSWER_IDLE_MAX: Duration = Duration::from_secs(30);

/// Connections of one listener. Postfix keeps one for each smtpd process, 100 by default; each takes some KiB.
pub(super) const CONNECTIONS_MAX: usize = 10_000;

/// KiB of messages that are being taken in over all connections of a listener: many small ones, or 25 of the largest. A client that
/// sends slowly holds what it has sent, and no place of others.
pub(super) const MAIL_KIB_MAX: usize = 256 * 1024;

/// How long a message or body waits for memory; then its client keeps it and tries again. Mail clients wait three minutes
/// (RFC 5321 §4.5.3.2.5).
pub(super) const MEMORY_WAIT_MAX: Duration = Duration::from_secs(10);

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

/// So many may be asked for at once after a pause, whatever the rate, so that a largest question can be asked at all.
pub(super) const ADDRESSES_AT_ONCE: NonZeroU32 = NonZeroU32::new(ADDRESSES_MAX as u32).unwrap();

/// Addresses that count as much as one request where nothing else is set: asked together they cost far less than alone.
pub(super) const ADDRESSES_A_REQUEST: u32 = 1000;

/// The longest body of such a question: addresses of 254 bytes (RFC 5321 §4.5.3.1) with quotation marks.
pub(super) const QUESTION_BYTES_MAX: usize = ADDRESSES_MAX * 260;

/// How long clients have to end when the server does; Postfix asks the next server at once.
pub(super) const DRAIN: Duration = Duration::from_secs(20);

/// Reports or addresses that one step of a cleaning looks at, and the pause after it: bounces that come in wait for no more than a step.
pub(crate) const PRUNE_ROWS: u32 = 1_000;
pub(super) const PRUNE_PAUSE: Duration = Duration::from_millis(50);
/// Connections to the database for lists, stories and changes over HTTP: they take longer, and must not hold up questions.
pub(super) const STORES_FOR_PROGRAMS: usize = 4;

/// Rows of one page over HTTP, and where nobody says how many.
pub(super) const PAGE_ROWS_MAX: u32 = 1000;
pub(super) const PAGE_ROWS: u32 = 100;

/// How long a request may wait for the next decision.
pub(super) const DECISION_WAIT_MAX: Duration = Duration::from_secs(30);

/// How often it is looked for new decisions while somebody waits for them.
pub(super) const DECISIONS_EVERY: Duration = Duration::from_millis(250);

/// Bodies of requests that change something: an address, a reason, a note.
pub(super) const CHANGE_BYTES_MAX: usize = 16 * 1024;

/// The longest note that is kept with a decision, in bytes.
pub(super) const NOTE_BYTES_MAX: usize = 2000;

/// Decisions about one person that are given out at most: far more than anybody has.
pub(super) const RECIPIENT_DECISIONS_MAX: u32 = 10_000;

/// For so long a key is recognised without argon2.
pub(super) const KEY_VERIFIED_FOR: Duration = Duration::from_secs(600);

/// Keys that are recognised at a time.
pub(super) const KEYS_VERIFIED_MAX: usize = 10_000;

/// Checks by argon2 at a time: each takes 19 MiB.
pub(super) const ARGON2_AT_A_TIME: usize = 2;

/// Wrong keys from one address in a second, and at once: who has mistyped one tries again, who guesses gets nowhere.
pub(super) const WRONG_KEYS: NonZeroU32 = NonZeroU32::new(1).unwrap();
pub(super) const WRONG_KEYS_AT_ONCE: NonZeroU32 = NonZeroU32::new(20).unwrap();

/// An index that was not compared with the database for so long is not fit to answer.
pub(super) const INDEX_AGE_MAX: Duration = Duration::from_secs(30);
/// Largest post of a service that posts one event at a time, in bytes: SNS cuts at 256 KiB; Postmark may put the returned message in.
pub(super) const HOOK_ONE_EVENT_BYTES_MAX: usize = 1024 * 1024;

/// Events of one body: they are written in one transaction, which takes some seconds then, and other programs that write wait.
pub(super) const EVENTS_MAX: usize = 20_000;

/// Certificates of SNS that are known, and names that are known to lead to none. Amazon has one or two in a region at a time, and what
/// SNS_FETCHES_A_MINUTE lets in within SNS_FETCH_AGAIN is far less.
pub(super) const SNS_CERTIFICATES_MAX: usize = 64;

/// Certificates that one hook fetches at a time, and in a minute: whoever knows a topic can post made-up names. Amazon has a new one
/// some times a year.
pub(super) const SNS_FETCHES_AT_A_TIME: usize = 4;
pub(super) const SNS_FETCHES_A_MINUTE: NonZeroU32 = NonZeroU32::new(20).unwrap();

/// Of these, for posts from one client's address (IPv6: its /64): less than there are turns, so that one client alone leaves one to others.
pub(super) const SNS_FETCHES_A_MINUTE_A_CLIENT: NonZeroU32 = NonZeroU32::new(3).unwrap();

/// Clients whose fetches are counted until those are forgotten that have asked for nothing for a minute.
pub(super) const SNS_CLIENTS_MAX: usize = 1024;

/// Lines of the log in a minute, of one hook, about certificates that are not there.
pub(super) const SNS_COMPLAINTS_A_MINUTE: NonZeroU32 = NonZeroU32::new(1).unwrap();

/// Largest answer of SNS that is read, in bytes: a certificate has about 2 KiB.
pub(super) const SNS_BYTES_MAX: usize = 64 * 1024;

/// How long SNS may take; it waits 15 seconds for our answer itself.
pub(super) const SNS_WAIT_MAX: Duration = Duration::from_secs(10);

/// A certificate that could not be fetched is not asked for again before that: somebody may post made-up names.
pub(super) const SNS_FETCH_AGAIN: Duration = Duration::from_secs(30);

/// How often a log is looked at.
pub(super) const LOG_EVERY: Duration = Duration::from_millis(300);

/// Reports of a log that are stored together at most, and bytes of lines that are read for them.
pub(super) const LOG_BATCH_REPORTS: usize = 1000;
pub(super) const LOG_BATCH_BYTES: u64 = 4 * 1024 * 1024;

/// How often the place in a log is written down at most. What was read since then is read again after a crash, and known.
pub(super) const LOG_STATE_EVERY: Duration = Duration::from_secs(1);

/// What is read again before the place in a log when the server starts, in bytes, for what earlier lines say of a queue id. At 200 bytes
/// a line this is 80,000 lines.
pub(super) const LOG_CONTEXT_BYTES: u64 = 16 * 1024 * 1024;

/// How long a log that was rotated away must be quiet until it is let go. Exim looks every 30 seconds whether its log is still there.
pub(super) const LOG_OLD_QUIET: Duration = Duration::from_secs(300);

/// Rotated logs that are still followed.
pub(super) const LOG_OLD_MAX: usize = 4;

/// How long to wait when what a log says cannot be stored.
pub(super) const LOG_STORE_AGAIN: Duration = Duration::from_secs(1);

/// How often keys are read: what is revoked opens nothing after that.
pub(super) const KEYS_EVERY: Duration = Duration::from_secs(1);
/// Messages of a mailbox that are stored together, and bytes of them in memory; a single larger one comes alone.
pub(super) const MAILBOX_BATCH_MESSAGES: usize = 200;
pub(super) const MAILBOX_BATCH_BYTES: u64 = MESSAGE_BYTES_MAX;

/// Messages of a mailbox that are known by name at a time; the rest comes with the next look.
pub(super) const MAILBOX_LISTED_MAX: usize = 20_000;

/// Messages of a mailbox that the log has named once; beyond that it may name one again.
pub(super) const MAILBOX_NAMED_MAX: usize = 10_000;

/// The longest wait until a mail server is tried again that did not answer or refused us.
pub(super) const MAILBOX_RETRY_MAX: Duration = Duration::from_secs(600);

/// How long a mail server may take to take our connection, and to shake hands.
pub(super) const MAILBOX_CONNECT_MAX: Duration = Duration::from_secs(30);
pub(super) const MAILBOX_HANDSHAKE_MAX: Duration = Duration::from_secs(30);

/// How long an IMAP server may take for an answer, and for the next message: some open the whole mailbox first.
pub(super) const IMAP_ANSWER_MAX: Duration = Duration::from_secs(120);

/// What an IMAP server may say beside messages, in bytes: lines of a few hundred. It bounds the memory that a hostile one can fill.
pub(super) const IMAP_TALK_BYTES_MAX: u64 = 256 * 1024;

/// Messages of a listing; beyond that the server is held to be hostile.
pub(super) const IMAP_LISTING_MAX: usize = 10_000_000;

/// How often an IMAP server may list a message and not give it, until it is left alone.
pub(super) const IMAP_WITHHELD_MAX: u32 = 3;

/// Messages that are taken in one POP3 conversation: what is deleted is gone only at its end.
pub(super) const POP3_MESSAGES_A_CONVERSATION: usize = 1000;

/// How long a program may take to say a token.
pub(super) const TOKEN_COMMAND_MAX: Duration = Duration::from_secs(30);

/// A lock of a mailbox file that is older was left behind, as Postfix holds it (`stale_lock_time`).
pub(super) const DOTLOCK_STALE: Duration = Duration::from_secs(500);

/// How long it is waited for such a lock.
pub(super) const DOTLOCK_WAIT_MAX: Duration = Duration::from_secs(10);

/// A database that has not answered for so long is gone: programs are told so at once.
pub(super) const DATABASE_QUIET_MAX: Duration = Duration::from_secs(10);
