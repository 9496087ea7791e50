//! Any bytes as what a client says: the size of the pieces changes nothing, every message that began is stored or thrown away, nothing is
//! done after the end. The first byte is the size of the pieces, the second the protocol; what follows a line `TLS` is said within TLS.

#![no_main]

use std::sync::Arc;
use std::time::Duration;

use abprall_wire::smtp::HelloName;
use abprall_wire::smtp::server::{
    MessageAnswer, Protocol, RecipientAnswer, ServerAction, ServerConfig, ServerLimits, ServerSession, TlsUse,
};
use libfuzzer_sys::fuzz_target;

const NOW: Duration = Duration::from_secs(1);

fuzz_target!(|input: &[u8]| {
    let [size, protocol, bytes @ ..] = input else { return };
    let protocol = if protocol % 2 == 0 { Protocol::Smtp } else { Protocol::Lmtp };
    let pieces = hear(protocol, bytes, usize::from(*size).max(1));
    assert_eq!(pieces, hear(protocol, bytes, usize::MAX));
});

/// What was said, and each message that was stored.
fn hear(protocol: Protocol, bytes: &[u8], size: usize) -> (Vec<u8>, Vec<Vec<u8>>) {
    let name = HelloName::parse("in.example").expect("a host name");
    let limits = ServerLimits { message_bytes: 2_000, data_line_bytes: 200, ..ServerLimits::default() };
    let config = ServerConfig { limits, tls: TlsUse::Offered, ..ServerConfig::new(name, protocol) };
    let mut session = ServerSession::new(Arc::new(config), NOW);
    let mut owner = Owner::default();
    let mark = b"\nTLS\n";
    let end = bytes.windows(mark.len()).position(|window| window == mark);
    let (clear, within) = end.map_or((bytes, &b""[..]), |end| (&bytes[..end], &bytes[end + mark.len()..]));
    owner.act(&mut session);
    for part in [clear, within] {
        for mut piece in part.chunks(size) {
            while !piece.is_empty() {
                let taken = session.receive(piece, NOW);
                assert!(taken > 0);
                piece = &piece[taken..];
                owner.act(&mut session);
            }
        }
        session.tls_established(NOW);
        owner.act(&mut session);
    }
    session.closed();
    owner.act(&mut session);
    assert!(owner.closed && owner.open.is_none());
    assert!(
        owner
            .said
            .split_inclusive(|&b| b == b'\n')
            .all(|line| line.ends_with(b"\r\n") && line[..3].is_ascii())
    );
    (owner.said, owner.stored)
}

#[derive(Default)]
struct Owner {
    said: Vec<u8>,
    stored: Vec<Vec<u8>>,
    open: Option<Vec<u8>>,
    closed: bool,
}

impl Owner {
    fn act(&mut self, session: &mut ServerSession) {
        while let Some(action) = session.next_action() {
            assert!(!self.closed);
            match action {
                ServerAction::Send(bytes) => self.said.extend(bytes),
                ServerAction::StartTls => {}
                ServerAction::Judge(recipient) => {
                    let ours = recipient.address().is_ok_and(|address| address.domain_part() == "ours.test");
                    let answer = if ours { RecipientAnswer::Accepted } else { RecipientAnswer::NotOurs };
                    session.answer_recipient(&answer, NOW);
                }
                ServerAction::Begin(envelope) => {
                    assert!(!envelope.recipients.is_empty());
                    assert!(self.open.replace(Vec::new()).is_none());
                }
                ServerAction::Body(bytes) => self.open.as_mut().expect("a message").extend(bytes),
                ServerAction::Complete { bytes } => {
                    let message = self.open.take().expect("a message");
                    assert_eq!(bytes, message.len() as u64);
                    assert!(message.len() <= 2_000);
                    self.stored.push(message);
                    let count = session.envelope().map_or(0, |envelope| envelope.recipients.len());
                    session.answer_message(&vec![MessageAnswer::Stored("x".into()); count], NOW);
                }
                ServerAction::Discard(_) => assert!(self.open.take().is_some()),
                ServerAction::Close => self.closed = true,
            }
        }
    }
}
