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

/// Longest command line that a server takes without its LF, in bytes. RFC 5321 §4.5.3.1.4 asks for 512, extensions add to it; ENVID and
/// ORCPT alone take 600.
pub const COMMAND_LINE_BYTES_MAX: usize = 4096;

/// Longest path in MAIL and RCPT, in bytes. RFC 5321 §4.5.3.1.3 asks for 256; return paths with a recipient and a signature in them are
/// longer.
pub const PATH_BYTES_MAX: usize = 1024;

/// Longest line of a message that comes with DATA, in bytes without its end. RFC 5321 §4.5.3.1.6 allows 998, but returned messages often
/// hold whole HTML pages in a line, and a bounce that is refused for that is lost. Lines are not held, so a long one costs nothing.
pub const DATA_LINE_BYTES_MAX: usize = 1024 * 1024;

/// Biggest message that a server takes, in bytes. Bounces that return whole messages are as big as those: 25 MB at most providers, a
/// third more when coded.
pub const MESSAGE_BYTES_MAX: u64 = 40 * 1024 * 1024;

/// Most recipients of a message. RFC 5321 §4.5.3.1.8 asks for at least 100; bounces have one, lists of forwarders some.
pub const RECIPIENTS_PER_MESSAGE_MAX: usize = 1_000;

/// Most bytes of all recipients of a message with their parameters: what a session can hold.
pub const ENVELOPE_BYTES_MAX: usize = 256 * 1024;

/// Most replies of 4yz and 5yz in a session: as `smtpd_hard_error_limit` of Postfix. Guessing addresses is slow that way.
pub const ERRORS_PER_SESSION_MAX: usize = 20;

/// Most commands of a session. A mail server that keeps a connection for 300 s and sends 60 messages a second needs 72,000.
pub const COMMANDS_PER_SESSION_MAX: usize = 100_000;

/// Most commands between two messages that bring none forward: as `smtpd_junk_command_limit` of Postfix.
pub const IDLE_COMMANDS_MAX: usize = 100;

/// Replies that wait to be sent, in bytes, beyond which no command is taken: a client that does not read is not served.
pub const UNSENT_BYTES_MAX: usize = 16 * 1024;

/// How long a client may take for a command: what RFC 5321 §4.5.3.2.7 asks for.
pub const COMMAND_MAX: Duration = Duration::from_secs(300);

/// How long no byte of a message may come. RFC 5321 §4.5.3.2.5 gives clients three minutes for a block.
pub const DATA_IDLE_MAX: Duration = Duration::from_secs(180);

/// How long a message may take: the biggest one at 70 KB/s. Bytes that trickle in do not prolong it.
pub const DATA_MAX: Duration = Duration::from_secs(600);

/// How long a session may last; mail servers keep connections for minutes.
pub const SESSION_MAX: Duration = Duration::from_secs(3_600);

/// Longest user name, password or token, in bytes. Microsoft's tokens have some 2,000.
pub const SECRET_BYTES_MAX: usize = 8 * 1024;

/// Longest line that a POP3 server may say outside of a message, in bytes. RFC 2449 §4 allows 512.
pub const POP3_LINE_BYTES_MAX: usize = 4096;

/// Most capabilities that are read.
pub const POP3_CAPABILITIES_MAX: usize = 100;

/// Longest unique id that is kept, in bytes. RFC 1939 §7 allows 70; some servers exceed it.
pub const POP3_UNIQUE_ID_BYTES_MAX: usize = 256;

/// Most messages of a listing that are kept: 20 MB at the most. The others are listed again when these are deleted.
pub const POP3_MESSAGES_MAX: usize = 50_000;

/// Most lines of a listing, kept or not. Beyond that the server is held to be hostile.
pub const POP3_LISTING_LINES_MAX: usize = 10_000_000;

/// Biggest message that is fetched, in bytes: as [`MESSAGE_BYTES_MAX`], since the same bounces come in by both ways.
pub const POP3_MESSAGE_BYTES_MAX: u64 = MESSAGE_BYTES_MAX;

/// How long a POP3 reply or listing may take: some servers read the whole mailbox before they answer.
pub const POP3_REPLY_MAX: Duration = Duration::from_secs(120);

/// How long no byte of a fetched message may come.
pub const POP3_IDLE_MAX: Duration = Duration::from_secs(60);

/// How long a message may take to be fetched. Bytes that trickle in do not prolong it.
pub const POP3_RETRIEVE_MAX: Duration = Duration::from_secs(600);
