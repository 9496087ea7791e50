//! Any bytes as what a POP3 server says: the size of the pieces changes nothing until the listing, and no password is said in the clear.
//! Then the first message is fetched. The first byte is the size of the pieces; what follows a line `TLS` is said within TLS, what follows
//! a line `MSG` in answer to RETR.

#![no_main]

use std::time::Duration;

use abprall_wire::pop3::{Credentials, Pop3Action, Pop3Client, Pop3Limits, Pop3Timeouts, Pop3Tls, Secret};
use libfuzzer_sys::fuzz_target;

const NOW: Duration = Duration::from_secs(1);

fuzz_target!(|input: &[u8]| {
    let Some((&size, bytes)) = input.split_first() else { return };
    assert_eq!(hear(bytes, usize::from(size).max(1)), hear(bytes, usize::MAX));
});

fn hear(bytes: &[u8], size: usize) -> (Vec<Pop3Action>, Vec<u8>) {
    let secret = |text| Secret::parse(text).expect("a secret");
    let credentials = Credentials::Password { user: secret("user"), password: secret("geheim") };
    let limits = Pop3Limits { messages: 100, message_bytes: 2_000 };
    let mut client = Pop3Client::new(credentials, Pop3Tls::StartTls, limits, Pop3Timeouts::default(), NOW);
    let (clear, rest) = split(bytes, b"\nTLS\n");
    let (within, message) = split(rest, b"\nMSG\n");
    let (mut done, mut body, mut encrypted) = (Vec::new(), Vec::new(), false);
    for (index, part) in [clear, within, message].into_iter().enumerate() {
        if index == 1 {
            client.tls_established(NOW);
            encrypted = true;
        }
        if index == 2 && client.is_ready() {
            client.retrieve(1, NOW).expect("ready");
        }
        for piece in part.chunks(size) {
            client.receive(piece, NOW);
            while let Some(action) = client.next_action() {
                match action {
                    Pop3Action::Body(bytes) => body.extend(bytes),
                    Pop3Action::Failed(_) => {
                        body.clear();
                        done.push(action);
                    }
                    Pop3Action::Send(ref bytes) => {
                        assert!(encrypted || !bytes.starts_with(b"USER") && !bytes.starts_with(b"PASS"));
                        done.push(action);
                    }
                    action => done.push(action),
                }
            }
        }
    }
    assert!(body.len() <= 2_000);
    if client.is_ready() { (done, body) } else { (done, Vec::new()) }
}

fn split<'a>(bytes: &'a [u8], mark: &[u8]) -> (&'a [u8], &'a [u8]) {
    match bytes.windows(mark.len()).position(|window| window == mark) {
        Some(at) => (&bytes[..at], &bytes[at + mark.len()..]),
        None => (bytes, b""),
    }
}
