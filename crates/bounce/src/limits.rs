//! Every limit of this crate, with its reason.

/// Largest message that is read whole, in bytes. Bounces with a full copy of a 25 MB mail exist; beyond this only the start counts.
pub const MESSAGE_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Most MIME parts looked at. Real reports have three; forwarded chains a few dozen.
pub const PARTS_MAX: usize = 1000;

/// Deepest nesting of messages and multiparts that is followed.
pub const DEPTH_MAX: usize = 16;

/// Most recipients taken from one message. Sendmail and Exchange report hundreds in one; the RFC 5321 §4.5.3.1.8 buffer is 100.
pub const RECIPIENTS_MAX: usize = 100_000;

/// Longest diagnostic kept, in bytes. Exchange Online sends more than 1,000; the rest is cut and said to be.
pub const DIAGNOSTIC_BYTES_MAX: usize = 4096;

/// Longest human text kept for a recipient, in bytes.
pub const PROSE_BYTES_MAX: usize = 4096;

/// Most of a text part that is searched for a report, in bytes: the report stands before the returned message.
pub const TEXT_BYTES_MAX: usize = 256 * 1024;

/// Most Received lines kept of the returned headers. RFC 5321 §6.3 lets mail travel up to 100 hops.
pub const HOPS_MAX: usize = 100;

/// Most header or delivery-status fields kept of one block. Long ways leave a few hundred.
pub const FIELDS_MAX: usize = 10_000;

/// Longest header or delivery-status field read, in bytes. A To: field with some thousand addresses fits.
pub const FIELD_BYTES_MAX: usize = 256 * 1024;

/// How many messages in base64 or quoted-printable are unpacked one inside the other. RFC 2046 §5.2.1 forbids even one.
pub const ENCODED_MESSAGES_DEPTH_MAX: u8 = 3;

/// Longest line of a log that is read, in bytes; the rest of a longer one counts as absent. Sendmail and Postfix cut at 2,048 and
/// 16,384, KumoMTA's JSON records hold whole feedback reports.
pub const LOG_LINE_BYTES_MAX: usize = 256 * 1024;

/// Bytes that the joiner of log lines remembers of one generation of queue entries; there are two. At 300 bytes an entry this is
/// 50,000 messages on their way, far more than a log holds between two lines of one message.
pub const LOG_QUEUE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Longest sender, message id or queue id that the joiner remembers, in bytes.
pub const LOG_NAME_BYTES_MAX: usize = 1024;

/// Recipients of one log line of Sendmail, which may name many.
pub const LOG_RECIPIENTS_MAX: usize = 1000;

/// Columns of an accounting file. PowerMTA knows about sixty; header columns may be added.
pub const ACCOUNTING_COLUMNS_MAX: usize = 1000;

/// Largest webhook body, in bytes. SparkPost and Mandrill send up to a thousand events of a few KiB; our own format may send more.
pub const WEBHOOK_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Most events taken from one webhook body.
pub const WEBHOOK_EVENTS_MAX: usize = 100_000;

/// How many malformed events of one body are described; all are counted.
pub const WEBHOOK_REFUSALS_MAX: usize = 100;
