//! Every limit of this crate, with its reason.

use std::time::Duration;

/// Longest part of a reply line that is kept, in bytes. RFC 5321 §4.5.3.1.5 allows 512; Exchange Online sends more than 1,000. The rest
/// of a longer line is dropped and said to be.
pub const REPLY_LINE_BYTES_MAX: usize = 4096;

/// Most lines of one reply. Real servers offer about 20 capabilities.
pub const REPLY_LINES_MAX: usize = 512;

/// Most bytes of one reply, whether kept or dropped. Beyond it the server is held to be broken or hostile.
pub const REPLY_BYTES_MAX: usize = 64 * 1024;

/// Most bytes that a server may say in a whole conversation.
pub const CONVERSATION_BYTES_MAX: usize = 256 * 1024;

/// Most lines of a transcript.
pub const TRANSCRIPT_LINES_MAX: usize = 200;

/// Most lines of a transcript that one reply may take, so that a long greeting does not hide what follows.
pub const TRANSCRIPT_REPLY_LINES_MAX: usize = 50;

/// Longest line of a transcript, in bytes.
pub const TRANSCRIPT_LINE_BYTES_MAX: usize = 512;

/// Longest name that is said with EHLO, in bytes (RFC 5321 §4.5.3.1.2).
pub const HELLO_NAME_BYTES_MAX: usize = 255;

/// How long a whole greeting may take. RFC 5321 §4.5.3.2.1 asks senders for 300 s; postscreen waits 6 s, tarpits up to 30 s.
pub const GREETING_MAX: Duration = Duration::from_secs(30);

/// How long a reply to EHLO, HELO or STARTTLS may take.
pub const REPLY_MAX: Duration = Duration::from_secs(15);

/// How long a TLS handshake may take.
pub const HANDSHAKE_MAX: Duration = Duration::from_secs(15);

/// How long a reply to QUIT is waited for: nothing depends on it (Postfix does not wait at all), but it is polite to let the server close.
pub const QUIT_MAX: Duration = Duration::from_millis(500);

/// Longest text of a reply that an owner gives, in bytes. RFC 5321 §4.5.3.1.5 allows 512 for the whole line; Postfix puts
/// `<recipient>: Recipient address rejected: ` before it.
pub const REPLY_TEXT_BYTES_MAX: usize = 400;

/// Longest line of a policy request, in bytes. Postfix keeps 2,048 of a line; subjects of certificates are coded to three times that.
pub const POLICY_LINE_BYTES_MAX: usize = 8 * 1024;

/// Most bytes of one policy request. Postfix sends about 30 attributes, 1 KB in all.
pub const POLICY_REQUEST_BYTES_MAX: usize = 64 * 1024;

/// Longest query of socketmap, in bytes: what socketmap_table(5) says.
pub const SOCKETMAP_QUERY_BYTES_MAX: usize = 10_000;

/// Longest answer of socketmap, in bytes: what socketmap_table(5) takes.
pub const SOCKETMAP_ANSWER_BYTES_MAX: usize = 100_000;

/// Longest line of tcp_table with its LF, in bytes: what tcp_table(5) says.
pub const TCP_TABLE_LINE_BYTES_MAX: usize = 4096;

/// How long a client of policy, socketmap, tcp_table or milter may be silent between two requests. Postfix keeps policy connections
/// 300 s idle and 1,000 s in all; beyond that nobody is there.
pub const GATE_IDLE_MAX: Duration = Duration::from_secs(1_000);

/// How long a request that has begun may take to be whole. Postfix writes it in one piece.
pub const GATE_REQUEST_MAX: Duration = Duration::from_secs(10);

/// Most data of one milter packet, in bytes. Mail servers cut bodies into 65,535 bytes; headers and macros are shorter. The larger
/// packets of version 6 come only to who asks for them.
pub const MILTER_PACKET_BYTES_MAX: usize = 64 * 1024;
