use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::smtp::HelloName;
use crate::smtp::server::{BodyType, Notify, OriginalRecipient, ReversePath, ServerLimits, TlsUse};

const SECOND: Duration = Duration::from_secs(1);

fn config(protocol: Protocol) -> ServerConfig {
    let limits = ServerLimits {
        message_bytes: 100,
        data_line_bytes: 40,
        recipients: 3,
        errors: 5,
        commands: 200,
        idle_commands: 10,
    };
    let name = HelloName::parse("in.example").unwrap();
    ServerConfig { limits, tls: TlsUse::Offered, ..ServerConfig::new(name, protocol) }
}

fn session(protocol: Protocol) -> ServerSession {
    ServerSession::new(Arc::new(config(protocol)), Duration::ZERO)
}

/// An owner that takes every address of `ours.test` but `unknown@…` and `later@…`, and stores every message that does not hold `later`.
#[derive(Debug, Default, PartialEq)]
struct Owner {
    said: String,
    messages: Vec<(Envelope, Vec<u8>)>,
    discarded: Vec<Discarded>,
    handshakes: usize,
    closed: usize,
    /// A message that has begun.
    open: Option<(Envelope, Vec<u8>)>,
    body_bytes: usize,
}

impl Owner {
    fn give(&mut self, session: &mut ServerSession, mut bytes: &[u8], at: Duration) {
        self.act(session, at);
        while !bytes.is_empty() {
            let taken = session.receive(bytes, at);
            assert!(taken > 0, "a session that has nothing to do takes bytes");
            bytes = &bytes[taken..];
            self.act(session, at);
        }
    }

    fn act(&mut self, session: &mut ServerSession, at: Duration) {
        while let Some(action) = session.next_action() {
            assert_eq!(self.closed, 0, "nothing is done after the end");
            match action {
                ServerAction::Send(bytes) => self.said.push_str(std::str::from_utf8(&bytes).unwrap()),
                ServerAction::StartTls => self.handshakes += 1,
                ServerAction::Judge(recipient) => {
                    assert_eq!(session.receive(b"x", at), 0, "nothing is taken before the answer");
                    session.answer_recipient(&judge(&recipient), at);
                }
                ServerAction::Begin(envelope) => {
                    assert!(self.open.replace((envelope, Vec::new())).is_none());
                    self.body_bytes = 0;
                }
                ServerAction::Body(bytes) => {
                    assert!(!bytes.is_empty());
                    self.body_bytes += bytes.len();
                    self.open.as_mut().unwrap().1.extend(bytes);
                }
                ServerAction::Complete { bytes } => {
                    let (envelope, message) = self.open.take().unwrap();
                    assert_eq!(bytes, message.len() as u64);
                    let answers: Vec<_> = envelope.recipients.iter().map(|to| store(to, &message)).collect();
                    self.messages.push((envelope, message));
                    session.answer_message(&answers, at);
                }
                ServerAction::Discard(why) => {
                    self.open.take().unwrap();
                    self.discarded.push(why);
                }
                ServerAction::Close => self.closed += 1,
            }
        }
    }

    fn codes(&self) -> Vec<&str> {
        self.said.lines().filter(|line| line.as_bytes()[3] == b' ').map(|line| &line[..3]).collect()
    }
}

fn judge(recipient: &Recipient) -> RecipientAnswer {
    match recipient.path.split_once('@') {
        Some(("unknown", "ours.test")) => RecipientAnswer::Unknown,
        Some(("later", "ours.test")) => RecipientAnswer::Later("busy".into()),
        Some((_, "ours.test")) => RecipientAnswer::Accepted,
        _ => RecipientAnswer::NotOurs,
    }
}

fn store(recipient: &Recipient, message: &[u8]) -> MessageAnswer {
    if message.windows(5).any(|window| window == b"later") {
        MessageAnswer::Later("disk full".into())
    } else if recipient.path.starts_with("refused@") {
        MessageAnswer::Refused("no bounce".into())
    } else {
        MessageAnswer::Stored("stored".into())
    }
}

fn hear(protocol: Protocol, bytes: &[u8], size: usize) -> (Owner, ServerSession) {
    let mut session = session(protocol);
    let mut owner = Owner::default();
    for piece in bytes.chunks(size) {
        owner.give(&mut session, piece, SECOND);
    }
    (owner, session)
}

fn smtp(text: &str) -> Owner {
    hear(Protocol::Smtp, text.as_bytes(), usize::MAX).0
}

#[test]
fn a_bounce_is_taken_with_all_that_was_said_of_it() {
    let owner = smtp(
        "EHLO mx.example\r\nMAIL FROM:<> SIZE=20 BODY=8BITMIME RET=HDRS ENVID=q+2B1\r\n\
         RCPT TO:<b+1@ours.test> NOTIFY=NEVER ORCPT=rfc822;b+2B1@ours.test\r\nDATA\r\nSubject: x\r\n\r\n..y\r\n.\r\nQUIT\r\n",
    );
    assert_eq!(owner.codes(), ["220", "250", "250", "250", "354", "250", "221"]);
    let (envelope, message) = &owner.messages[0];
    assert_eq!(message, b"Subject: x\r\n\r\n.y\r\n");
    assert_eq!((envelope.hello.as_str(), &envelope.sender), ("mx.example", &ReversePath::Null));
    assert_eq!((envelope.size, envelope.body), (Some(20), BodyType::EightBit));
    assert_eq!(envelope.envelope_id.as_deref(), Some("q+1"));
    let original = OriginalRecipient { kind: "rfc822".into(), address: "b+1@ours.test".into() };
    let recipient =
        Recipient { path: "b+1@ours.test".into(), notify: Some(Notify::Never), original: Some(original) };
    assert_eq!(envelope.recipients, [recipient]);
    assert_eq!(owner.closed, 1);
}

#[test]
fn ehlo_offers_what_is_spoken() {
    let owner = smtp("EHLO a\r\n");
    assert_eq!(
        owner.said,
        "220 in.example ESMTP ready\r\n250-in.example\r\n250-PIPELINING\r\n250-SIZE 100\r\n250-STARTTLS\r\n\
         250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250-DSN\r\n250-SMTPUTF8\r\n250 CHUNKING\r\n"
    );
    assert_eq!(smtp("HELO a\r\n").said, "220 in.example ESMTP ready\r\n250 in.example\r\n");
}

#[test]
fn nothing_is_relayed() {
    let owner = smtp(
        "EHLO a\r\nMAIL FROM:<x@ours.test>\r\nRCPT TO:<victim@other.test>\r\nRCPT TO:<a%other.test@relay.test>\r\n\
         RCPT TO:<@ours.test:victim@other.test>\r\nRCPT TO:<unknown@ours.test>\r\nDATA\r\n",
    );
    assert_eq!(owner.codes()[3..], ["550", "550", "550", "550", "554", "421"]);
    assert!(owner.said.contains("550 5.7.1 ") && owner.said.contains("550 5.1.1 "));
    assert!(owner.messages.is_empty());
}

#[test]
fn lmtp_answers_for_each_recipient_after_the_message() {
    let text = "LHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<a@ours.test>\r\nRCPT TO:<x@other.test>\r\nRCPT TO:<refused@ours.test>\r\nDATA\r\nx\r\n.\r\n";
    let (owner, _) = hear(Protocol::Lmtp, text.as_bytes(), usize::MAX);
    assert_eq!(owner.codes(), ["220", "250", "250", "250", "550", "250", "354", "250", "554"]);
    let text = "EHLO a\r\nHELO a\r\nLHLO a\r\nMAIL FROM:<>\r\nDATA\r\n";
    assert_eq!(
        hear(Protocol::Lmtp, text.as_bytes(), 1).0.codes(),
        ["220", "500", "500", "250", "250", "503"]
    );
}

#[test]
fn smtp_acknowledges_only_what_is_durable_for_everybody() {
    let start = "EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<a@ours.test>\r\nRCPT TO:<refused@ours.test>\r\nDATA\r\n";
    assert_eq!(smtp(&format!("{start}x\r\n.\r\n")).codes().last(), Some(&"250"));
    assert_eq!(smtp(&format!("{start}later\r\n.\r\n")).codes().last(), Some(&"451"));

    let mut session = session(Protocol::Smtp);
    let mut bytes = start.as_bytes();
    while !bytes.is_empty() {
        bytes = &bytes[session.receive(bytes, SECOND)..];
        while let Some(action) = session.next_action() {
            if let ServerAction::Judge(_) = action {
                session.answer_recipient(&RecipientAnswer::Accepted, SECOND);
            }
        }
    }
    session.receive(b".\r\n", SECOND);
    session.answer_message(&[MessageAnswer::Stored("one of two".into())], SECOND);
    let said = std::iter::from_fn(|| session.next_action()).last();
    assert_eq!(said, Some(ServerAction::Send(b"451 4.3.0 No answer, try again later\r\n".to_vec())));
}

#[test]
fn a_message_comes_in_chunks_as_it_is() {
    let owner = smtp(
        "EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<a@ours.test>\r\nBDAT 5\r\nab\n.\rBDAT 4\r\n\n.\r\nBDAT 0 LAST\r\n\
         MAIL FROM:<>\r\nRCPT TO:<a@ours.test>\r\nBDAT 1 LAST\r\nxNOOP\r\n",
    );
    assert_eq!(owner.codes()[4..], ["250", "250", "250", "250", "250", "250", "250"]);
    let messages: Vec<_> = owner.messages.iter().map(|(_, message)| message.as_slice()).collect();
    assert_eq!(messages, [&b"ab\n.\r\n.\r\n"[..], b"x"]);
}

#[test]
fn a_chunk_that_nobody_wants_is_never_taken_for_commands() {
    let owner = smtp("EHLO a\r\nBDAT 6 LAST\r\nQUIT\r\nMAIL FROM:<>\r\nBDAT 6\r\nQUIT\r\nDATA\r\n");
    assert_eq!(owner.codes()[2..], ["503", "250", "554", "554"]);
    let owner = smtp("EHLO a\r\nBDAT 101 LAST\r\nQUIT\r\n");
    assert_eq!((owner.codes()[2..].to_vec(), owner.closed), (vec!["503"], 1));
}

#[test]
fn data_and_chunks_do_not_mix() {
    let owner = smtp(
        "EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<a@ours.test>\r\nBDAT 1\r\nxDATA\r\nRCPT TO:<b@ours.test>\r\nRSET\r\nNOOP\r\n",
    );
    assert_eq!(owner.codes()[4..], ["250", "503", "503", "250", "250"]);
    assert_eq!(owner.discarded, [Discarded::GivenUp]);
}

#[test]
fn no_other_end_than_a_dot_between_crlf_smuggles_a_message() {
    for end in ["\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r\n.\r", "\r.\r\n"] {
        let owner = smtp(&format!(
            "EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<a@ours.test>\r\nDATA\r\nx{end}MAIL FROM:<evil@ours.test>\r\n\
             RCPT TO:<b@ours.test>\r\nDATA\r\nevil\r\n.\r\nNOOP\r\n"
        ));
        assert_eq!(owner.codes()[4..], ["354", "550", "250"], "{end:?}");
        assert!(owner.messages.is_empty());
        assert!(matches!(owner.discarded[..], [Discarded::BareLineFeed | Discarded::BareCarriageReturn]));
    }
}

#[test]
fn a_command_with_a_bare_line_end_ends_the_session() {
    for bytes in ["EHLO a\nMAIL FROM:<>\r\n", "EHLO a\r\nNOOP\rRSET\r\n", "GET / HTTP/1.1\r\nHost: x\r\n"] {
        let owner = smtp(bytes);
        assert_eq!(owner.codes().last(), Some(&"500"), "{bytes:?}");
        assert_eq!(owner.closed, 1);
    }
    let owner = smtp(&"a".repeat(COMMAND_LINE_BYTES_MAX + 1));
    assert_eq!((owner.codes(), owner.closed), (vec!["220", "500"], 1));
}

#[test]
fn nothing_said_in_the_clear_is_followed_within_tls() {
    let mut session = session(Protocol::Smtp);
    let mut owner = Owner::default();
    let injected = b"EHLO evil\r\nMAIL FROM:<a@b>\r\nSTARTTLS\r\nMAIL FROM:<>\r\nRCPT TO:<a@ours.test>\r\n";
    owner.give(&mut session, injected, SECOND);
    owner.give(&mut session, b"NOO", SECOND);
    assert_eq!((owner.handshakes, session.discarded_bytes()), (1, 40));
    session.tls_established(SECOND);
    owner.said.clear();
    owner.give(&mut session, b"MAIL FROM:<>\r\nSTARTTLS\r\nEHLO me\r\nMAIL FROM:<>\r\n", SECOND);
    assert_eq!(owner.codes(), ["503", "503", "250", "250"]);
    assert!(!owner.said.contains("STARTTLS"));
    let envelope = session.envelope().unwrap();
    assert_eq!((envelope.hello.as_str(), envelope.encryption), ("me", Encryption::Tls));
}

#[test]
fn where_tls_is_required_there_is_no_mail_without() {
    let config = ServerConfig { tls: TlsUse::Required, ..config(Protocol::Smtp) };
    let mut session = ServerSession::new(Arc::new(config), Duration::ZERO);
    let mut owner = Owner::default();
    owner.give(
        &mut session,
        b"EHLO a\r\nMAIL FROM:<>\r\nVRFY a\r\nBDAT 6 LAST\r\nQUIT\r\nSTARTTLS\r\n",
        SECOND,
    );
    assert_eq!(owner.codes(), ["220", "250", "530", "530", "503", "220"]);
    session.tls_failed();
    owner.act(&mut session, SECOND);
    assert_eq!((session.end(), owner.closed), (Some(SessionEnd::TlsFailed), 1));
}

#[test]
fn commands_out_of_order_are_refused() {
    assert_eq!(
        smtp("MAIL FROM:<>\r\nRCPT TO:<a@ours.test>\r\nDATA\r\n").codes(),
        ["220", "503", "503", "503"]
    );
    let owner = smtp(
        "EHLO a\r\nMAIL FROM:<>\r\nMAIL FROM:<>\r\nRSET\r\nRCPT TO:<a@ours.test>\r\nMAIL FROM:<>\r\nEHLO a\r\nRCPT TO:<a@ours.test>\r\n",
    );
    assert_eq!(owner.codes()[2..], ["250", "503", "250", "503", "250", "250", "503"]);
    assert_eq!(
        smtp("NOOP x\r\nVRFY a\r\nHELP\r\nEXPN a\r\nLHLO a\r\n").codes(),
        ["220", "250", "252", "214", "502", "500"]
    );
}

#[test]
fn addresses_in_utf_8_need_smtputf8() {
    let owner = smtp(
        "EHLO a\r\nMAIL FROM:<δ@x.test> SMTPUTF8\r\nRCPT TO:<δ@ours.test>\r\nRSET\r\nMAIL FROM:<>\r\nRCPT TO:<δ@ours.test>\r\n",
    );
    assert_eq!(owner.codes()[2..], ["250", "250", "250", "250", "553"]);
}

#[test]
fn a_message_that_is_too_big_is_refused_without_being_held() {
    let start = "EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<a@ours.test>\r\nDATA\r\n";
    let exact = format!("{start}{}.\r\nNOOP\r\n", "12345678\r\n".repeat(10));
    assert_eq!(smtp(&exact).codes()[4..], ["354", "250", "250"]);
    let more = format!("{start}{}.\r\nNOOP\r\n", "12345678\r\n".repeat(11));
    let owner = smtp(&more);
    assert_eq!(
        (&owner.codes()[4..], &owner.discarded[..]),
        (&["354", "552", "250"][..], &[Discarded::TooBig][..])
    );
    let endless = format!("{start}{}", "12345678\r\n".repeat(1_000));
    let owner = smtp(&endless);
    assert_eq!((&owner.codes()[4..], owner.closed), (&["354", "552"][..], 1));
    assert_eq!(smtp("EHLO a\r\nMAIL FROM:<> SIZE=101\r\n").codes()[2..], ["552"]);
    let long = format!("{start}{}\r\n.\r\nNOOP\r\n", "a".repeat(41));
    assert_eq!(smtp(&long).codes()[4..], ["354", "554", "250"]);
    let chunk = "EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<a@ours.test>\r\nBDAT 101\r\n".to_owned()
        + &"x".repeat(101)
        + "BDAT 1 LAST\r\nxNOOP\r\n";
    let owner = smtp(&chunk);
    assert_eq!(
        (&owner.codes()[4..], &owner.discarded[..]),
        (&["552", "552", "250"][..], &[Discarded::TooBig][..])
    );
}

#[test]
fn a_fault_in_an_lmtp_message_is_said_for_each_recipient() {
    let text = "LHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<a@ours.test>\r\nRCPT TO:<b@ours.test>\r\nDATA\r\nx\ny\r\n.\r\nNOOP\r\n";
    let (owner, _) = hear(Protocol::Lmtp, text.as_bytes(), usize::MAX);
    assert_eq!(owner.codes()[5..], ["354", "550", "550", "250"][..]);
}

#[test]
fn a_client_that_errs_or_idles_too_much_is_left() {
    let owner = smtp(&"X\r\n".repeat(9));
    assert_eq!(owner.codes(), ["220", "500", "500", "500", "500", "500", "421"]);
    let owner = smtp(&"NOOP\r\n".repeat(99));
    assert_eq!((owner.codes().len(), owner.codes().last()), (1 + 15 + 1, Some(&"421")));
    let message = "MAIL FROM:<>\r\nRCPT TO:<a@ours.test>\r\nDATA\r\n.\r\n";
    let owner = smtp(&format!("EHLO a\r\n{}", message.repeat(99)));
    assert_eq!((owner.codes().last(), owner.messages.len()), (Some(&"421"), 66));
    let recipients = "RCPT TO:<a@ours.test>\r\n".repeat(4);
    let owner = smtp(&format!("EHLO a\r\nMAIL FROM:<>\r\n{recipients}DATA\r\n.\r\n"));
    assert_eq!(owner.codes()[3..], ["250", "250", "250", "452", "354", "250"]);
}

#[test]
fn our_own_trouble_is_no_error_of_the_client() {
    let message =
        "MAIL FROM:<>\r\nRCPT TO:<later@ours.test>\r\nRCPT TO:<a@ours.test>\r\nDATA\r\nlater\r\n.\r\n";
    let (owner, session) = hear(Protocol::Smtp, format!("EHLO a\r\n{}", message.repeat(9)).as_bytes(), 7);
    assert_eq!((session.errors(), owner.messages.len(), owner.closed), (0, 9, 0));
}

#[test]
fn a_client_that_does_not_read_is_not_served() {
    let config = ServerConfig { limits: ServerLimits::default(), ..config(Protocol::Smtp) };
    let mut session = ServerSession::new(Arc::new(config), Duration::ZERO);
    let bytes = "RCPT TO\r\n".repeat(100).into_bytes();
    session.errors = 0;
    session.config = Arc::new(ServerConfig {
        limits: ServerLimits { errors: usize::MAX, ..ServerLimits::default() },
        ..(*session.config).clone()
    });
    let mut taken = 0;
    for _ in 0..100 {
        taken += session.receive(&bytes, SECOND);
    }
    assert!(taken < 9 * 900, "{taken}");
    assert!(session.unsent < UNSENT_BYTES_MAX + 100);
    assert!(session.next_action().is_some());
    assert!(session.receive(&bytes, SECOND) > 0);
}

#[test]
fn time_ends_what_does_not_go_on() {
    let mut session = session(Protocol::Smtp);
    assert_eq!(session.deadline(), Some(300 * SECOND));
    session.receive(b"EHL", 299 * SECOND);
    assert_eq!(session.deadline(), Some(300 * SECOND), "bytes that trickle in prolong nothing");
    session.tick(299 * SECOND);
    assert_eq!(session.end(), None);
    session.tick(300 * SECOND);
    assert_eq!(session.end(), Some(SessionEnd::TimedOut));
    let last: Vec<_> = std::iter::from_fn(|| session.next_action()).collect();
    let said = "220 in.example ESMTP ready\r\n421 4.4.2 in.example Timeout\r\n";
    assert_eq!(last, [ServerAction::Send(said.into()), ServerAction::Close]);
    assert_eq!(session.deadline(), None);
}

#[test]
fn a_message_that_trickles_in_ends_at_its_deadline() {
    let mut owner = Owner::default();
    let mut session = session(Protocol::Smtp);
    owner.give(&mut session, b"EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<a@ours.test>\r\nDATA\r\n", SECOND);
    assert_eq!(session.deadline(), Some(181 * SECOND));
    owner.give(&mut session, b"x", 100 * SECOND);
    assert_eq!(session.deadline(), Some(280 * SECOND));
    owner.give(&mut session, b"x", 599 * SECOND);
    assert_eq!(session.deadline(), Some(601 * SECOND));
    session.tick(601 * SECOND);
    owner.act(&mut session, 601 * SECOND);
    assert_eq!((owner.discarded, owner.closed), (vec![Discarded::SessionEnded], 1));
}

#[test]
fn a_session_ends_after_an_hour_between_two_commands() {
    let mut owner = Owner::default();
    let mut session = session(Protocol::Smtp);
    owner.give(&mut session, b"EHLO a\r\n", 3_599 * SECOND);
    assert_eq!(session.deadline(), Some(3_600 * SECOND));
}

#[test]
fn a_shutdown_waits_for_the_message() {
    let mut session = session(Protocol::Smtp);
    let mut owner = Owner::default();
    owner.give(&mut session, b"EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<a@ours.test>\r\nDATA\r\nx", SECOND);
    session.shut_down();
    assert_eq!(session.end(), None);
    owner.give(&mut session, b"\r\n.\r\nMAIL FROM:<>\r\n", SECOND);
    assert_eq!(owner.codes()[5..], ["250", "421"]);
    assert_eq!((owner.messages.len(), session.end()), (1, Some(SessionEnd::ShutDown)));

    let mut idle = super::tests::session(Protocol::Lmtp);
    idle.shut_down();
    assert_eq!(idle.end(), Some(SessionEnd::ShutDown));
    let overloaded = ServerSession::overloaded(Arc::new(config(Protocol::Smtp)), SECOND).next_action();
    let said = "421 4.3.2 in.example Too many connections, try again later\r\n";
    assert_eq!(overloaded, Some(ServerAction::Send(said.into())));
}

#[test]
fn a_message_that_was_cut_off_is_thrown_away_and_a_whole_one_is_not() {
    let start = b"EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<a@ours.test>\r\nDATA\r\nx\r\n";
    let (mut owner, mut session) = hear(Protocol::Smtp, start, usize::MAX);
    session.closed();
    owner.act(&mut session, SECOND);
    assert_eq!(
        (&owner.discarded[..], session.end()),
        (&[Discarded::SessionEnded][..], Some(SessionEnd::Closed))
    );

    let (_, mut session) = hear(Protocol::Smtp, start, usize::MAX);
    session.receive(b".\r\n", SECOND);
    session.closed();
    let actions: Vec<_> = std::iter::from_fn(|| session.next_action()).collect();
    assert_eq!(actions, [ServerAction::Complete { bytes: 3 }, ServerAction::Close]);
    session.answer_message(&[MessageAnswer::Stored("x".into())], SECOND);
    assert_eq!(session.next_action(), None);
}

#[test]
fn a_text_of_the_owner_cannot_become_a_reply() {
    let reply = MessageAnswer::Stored("a\r\n250 b".into()).reply();
    assert_eq!(reply, "250 2.0.0 a  250 b");
}

/// Conversations that get somewhere.
fn conversation() -> impl Strategy<Value = Vec<u8>> {
    let pieces = &[
        "EHLO a\r\n",
        "LHLO a\r\n",
        "HELO a\r\n",
        "MAIL FROM:<>\r\n",
        "MAIL FROM:<a@b> SIZE=9\r\n",
        "RCPT TO:<a@ours.test>\r\n",
        "RCPT TO:<b@ours.test>\r\n",
        "RCPT TO:<a@b>\r\n",
        "DATA\r\n",
        "BDAT 3\r\n",
        "BDAT 7 LAST\r\n",
        "BDAT 200\r\n",
        "RSET\r\n",
        "QUIT\r\n",
        "STARTTLS\r\n",
        "NOOP\r\n",
        ".\r\n",
        "..\r\n",
        "a",
        ".",
        "\r",
        "\n",
        "\r\n",
        "12345678901234567890123456789012345678\r\n",
        "1234567890123456789012345678901234567890",
        "later\r\n",
    ][..];
    let start = prop::sample::select(
        &[
            "",
            "EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<a@ours.test>\r\nDATA\r\n",
            "LHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<a@ours.test>\r\nRCPT TO:<b@ours.test>\r\nDATA\r\n",
            "EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<a@ours.test>\r\nBDAT 60\r\n",
        ][..],
    );
    let piece = prop_oneof![
        20 => prop::sample::select(pieces).prop_map(|text| text.as_bytes().to_vec()),
        1 => any::<u8>().prop_map(|byte| vec![byte]),
    ];
    (start, vec(piece, 0..40)).prop_map(|(start, pieces)| [start.as_bytes(), &pieces.concat()].concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn where_the_bytes_are_cut_changes_nothing(
        bytes in conversation(),
        size in 1usize..30,
        protocol in prop_oneof![Just(Protocol::Smtp), Just(Protocol::Lmtp)],
    ) {
        let (mut pieces, _) = hear(protocol, &bytes, size);
        let (mut whole, _) = hear(protocol, &bytes, usize::MAX);
        // What a message holds that was not over yet may have been handed on or not.
        for owner in [&mut pieces, &mut whole] {
            owner.open = None;
            owner.body_bytes = 0;
        }
        prop_assert_eq!(pieces, whole);
    }

    #[test]
    fn any_bytes_are_survived(bytes in vec(any::<u8>(), 1..300), size in 1usize..50) {
        let (owner, session) = hear(Protocol::Smtp, &bytes, size);
        prop_assert!(owner.said.starts_with("220 "));
        prop_assert_eq!(owner.closed == 1, session.end().is_some());
    }
}
