use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::milter::MilterPeer;

const HELLO: &[u8] = b"\0\0\0\rO\0\0\0\x06\0\0\x01\xff\0\x1f\xff\xff";

/// What Postfix 3.7.11 said in the lab about a message with two recipients, option negotiation first.
const TRANSCRIPT: &[&[u8]] = &[
    HELLO,
    b"\0\0\0\x76DCj\0gate.lab.test\0{daemon_name}\0gate.lab.test\0{daemon_addr}\x0010.77.0.22\0v\0Postfix 3.7.11\0_\0tester.lab.test [10.77.0.9]\0",
    b"\0\0\0\x1eCtester.lab.test\x004\x85\x9810.77.0.9\0",
    b"\0\0\0\x02DH",
    b"\0\0\0\x11Htester.lab.test\0",
    b"\0\0\0QDM{mail_addr}\0b+camp=42@bounces.test\0{mail_host}\0bounces.test\0{mail_mailer}\0smtp\0",
    b"\0\0\x001M<b+camp=42@bounces.test>\0RET=HDRS\0ENVID=abc-123\0",
    b"\0\0\0BDR{rcpt_addr}\0user@ok.test\0{rcpt_host}\0ok.test\0{rcpt_mailer}\0smtp\0",
    b"\0\0\0\x1fR<user@ok.test>\0NOTIFY=FAILURE\0",
    b"\0\0\0%R<suppressed@ok.test>\0NOTIFY=FAILURE\0",
    b"\0\0\0\x0eDTi\0A63C48773\0",
    b"\0\0\0\x01T",
    b"\0\0\0\x18LFrom\0news@bounces.test\0",
    b"\0\0\0\x01N",
    b"\0\0\0\x08Bhello\r\n",
    b"\0\0\0\x01E",
    b"\0\0\0\x01A",
    b"\0\0\0\x01Q",
];

/// All events of bytes in pieces, each question answered with "go on"; and what was written.
fn hear(bytes: &[u8], size: usize, steps: Steps) -> (Vec<Result<MilterEvent, MilterError>>, Vec<u8>) {
    let mut session = MilterSession::new(steps);
    let (mut events, mut out) = (Vec::new(), Vec::new());
    for mut piece in bytes.chunks(size) {
        while !piece.is_empty() {
            let (taken, event) = session.read(piece, &mut out);
            piece = &piece[taken..];
            events.extend(event);
            if session.awaits_answer() {
                session.answer(&MilterAnswer::Continue, &mut out).unwrap();
            }
        }
    }
    (events, out)
}

#[test]
fn a_conversation_of_a_real_postfix_is_understood() {
    let (events, out) = hear(&TRANSCRIPT.concat(), usize::MAX, Steps::Everything);
    let events: Vec<_> = events.into_iter().map(Result::unwrap).collect();
    assert!(
        matches!(&events[0], MilterEvent::Macros { command: b'C', values } if values[3] == ("v".into(), "Postfix 3.7.11".into()))
    );
    let peer = MilterPeer::Network("10.77.0.9:34200".parse().unwrap());
    assert_eq!(events[1], MilterEvent::Connect { name: "tester.lab.test".into(), peer });
    assert!(matches!(&events[2], MilterEvent::Macros { command: b'H', values } if values.is_empty()));
    assert_eq!(events[3], MilterEvent::Helo { name: "tester.lab.test".into() });
    assert_eq!(
        events[5],
        MilterEvent::Mail {
            sender: "b+camp=42@bounces.test".into(),
            parameters: vec!["RET=HDRS".into(), "ENVID=abc-123".into()]
        }
    );
    assert!(matches!(&events[8], MilterEvent::Rcpt { recipient, .. } if recipient == "suppressed@ok.test"));
    assert_eq!(events[11], MilterEvent::Header { name: "From".into(), value: "news@bounces.test".into() });
    assert_eq!(events[13], MilterEvent::Body(b"hello\r\n".to_vec()));
    assert_eq!(events[14..], [MilterEvent::EndOfMessage(vec![]), MilterEvent::Abort, MilterEvent::Quit]);
    assert_eq!(out[..17], *b"\0\0\0\rO\0\0\0\x06\0\0\0\0\0\0\0\0");
    assert_eq!(out[17..], b"\0\0\0\x01c".repeat(10));
}

#[test]
fn a_gate_asks_to_be_asked_about_the_envelope_alone() {
    let (_, out) = hear(HELLO, usize::MAX, Steps::Envelope);
    assert_eq!(out, b"\0\0\0\rO\0\0\0\x06\0\0\0\0\0\0\x03\x73");
    // An old Sendmail that offers nothing beyond the first bits is asked for nothing else.
    let (_, out) = hear(b"\0\0\0\rO\0\0\0\x02\0\0\0\x3f\0\0\0\x7f", usize::MAX, Steps::Envelope);
    assert_eq!(out, b"\0\0\0\rO\0\0\0\x02\0\0\0\0\0\0\0\x73");
}

#[test]
fn a_recipient_is_refused_in_our_words() {
    let mut session = MilterSession::new(Steps::Envelope);
    let mut out = Vec::new();
    session.read(HELLO, &mut out);
    session.read(b"\0\0\0\x15R<suppressed@ok.test>", &mut out);
    out.clear();
    let text = "suppressed: hard bounce on 2026-11-01".to_owned();
    session.answer(&MilterAnswer::Refuse { status: "5.1.1".parse().unwrap(), text }, &mut out).unwrap();
    assert_eq!(out, b"\0\0\0\x31y550 5.1.1 suppressed: hard bounce on 2026-11-01\0");
    assert_eq!(session.answer(&MilterAnswer::Continue, &mut out), Err(NothingAsked));

    session.read(b"\0\0\0\x15R<suppressed@ok.test>", &mut out);
    out.clear();
    let text = "100 % \r\n250 fine\0".to_owned();
    session.answer(&MilterAnswer::Later { status: "5.4.3".parse().unwrap(), text }, &mut out).unwrap();
    assert_eq!(out[4..], *b"y450 4.4.3 100 %%   250 fine\0");
}

#[test]
fn what_is_no_milter_conversation_ends_it() {
    let first = |bytes: &[u8]| hear(bytes, usize::MAX, Steps::Envelope).0.remove(0).unwrap_err();
    assert_eq!(first(b"GET / HTTP/1.1\r\n\r\n"), MilterError::PacketTooLong);
    assert_eq!(first(b"\0\0\0\0O"), MilterError::EmptyPacket);
    assert_eq!(first(b"\0\0\0\x01T"), MilterError::NotNegotiated);
    assert_eq!(first(b"\0\0\0\x05O\0\0\0\x06"), MilterError::Malformed { command: 'O' });
    assert_eq!(first(b"\0\0\0\rO\0\0\0\x01\0\0\x01\xff\0\x1f\xff\xff"), MilterError::Version(1));
    let after_hello = |bytes: &[u8]| first(&[HELLO, bytes].concat());
    assert_eq!(after_hello(b"\0\0\0\x01z"), MilterError::UnknownCommand { command: 'z' });
    assert_eq!(after_hello(b"\0\0\0\x01R"), MilterError::Malformed { command: 'R' });
    assert_eq!(after_hello(b"\0\0\0\x01D"), MilterError::Malformed { command: 'D' });
    assert_eq!(after_hello(b"\0\0\0\x03Cab"), MilterError::Malformed { command: 'C' });
}

#[test]
fn a_question_before_the_last_one_is_answered_ends_it() {
    let mut session = MilterSession::new(Steps::Everything);
    let mut out = Vec::new();
    session.read(HELLO, &mut out);
    let two = b"\0\0\0\x01T\0\0\0\x01T";
    let (taken, _) = session.read(two, &mut out);
    assert_eq!(session.read(&two[taken..], &mut out).1, Some(Err(MilterError::OutOfTurn)));
    assert_eq!(session.read(HELLO, &mut out), (HELLO.len(), None));
}

proptest! {
    #[test]
    fn where_the_bytes_are_cut_changes_nothing(size in 1usize..40, steps in prop_oneof![Just(Steps::Envelope), Just(Steps::Everything)]) {
        let bytes = TRANSCRIPT.concat();
        prop_assert_eq!(hear(&bytes, size, steps), hear(&bytes, usize::MAX, steps));
    }

    #[test]
    fn any_packets_are_heard_alike_in_any_pieces(
        packets in vec((prop_oneof![any::<u8>(), prop::sample::select(b"DCHMRTULNBEAKQO".as_slice())], vec(prop_oneof![Just(0u8), any::<u8>()], 0..30)), 0..12),
        tail in vec(any::<u8>(), 0..20),
        size in 1usize..20,
    ) {
        let mut bytes = HELLO.to_vec();
        for (command, data) in packets {
            packet::write(&mut bytes, command, &data);
        }
        bytes.extend(tail);
        prop_assert_eq!(hear(&bytes, size, Steps::Everything), hear(&bytes, usize::MAX, Steps::Everything));
    }
}
