//! Every limit of this crate, with its reason.

/// Findings of one diagnosis, worst first; the rest is left out. A zone with thousands of MX records fills no report.
pub const FINDINGS_MAX: usize = 200;
/// The particulars of one finding, in bytes: a reply or a list of addresses that a person reads in one line.
pub const FINDING_DETAIL_BYTES_MAX: usize = 300;
/// Addresses that Postfix tries for one message (`smtp_mx_address_limit`). Its limit of 2 sessions
/// (`smtp_mx_session_limit`) counts only sessions beyond EHLO, which a probe does not see.
pub const STANDARD_SENDER_ADDRESSES: usize = 5;
/// Two looks count as two points in time only when they are this far apart, in seconds, or one negative TTL.
pub const SECOND_LOOK_AFTER_S: i64 = 3600;
/// How long a resolver may keep a failure, in seconds (RFC 2308 §7: at most five minutes).
pub const FAILURE_KEPT_S: i64 = 300;
/// Longest negative TTL that is believed, in seconds (RFC 2308 §5 calls more than a day problematic).
pub const NEGATIVE_TTL_S_MAX: i64 = 86_400;
/// Canaries that must fail together before blindness is more than a suspicion.
pub const CANARIES_FOR_PROOF: usize = 3;
