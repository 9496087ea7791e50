//! Any bytes as what a mail server says: the size of the pieces changes nothing, the conversation ends, and only harmless commands are sent.
//! The first byte is the size of the pieces; what follows a line `TLS` is said within TLS.

#![no_main]

use std::time::Duration;

use abprall_wire::smtp::{Action, Command, Conversation, HelloName, ProbeClient, Timeouts};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((&size, bytes)) = input.split_first() else { return };
    let mark = b"\nTLS\n";
    let end = bytes.windows(mark.len()).position(|window| window == mark);
    let (clear, within) = match end {
        Some(end) => (&bytes[..end], &bytes[end + mark.len()..]),
        None => (bytes, &b""[..]),
    };
    let pieces = hear(clear, within, usize::from(size).max(1));
    assert_eq!(pieces, hear(clear, within, usize::MAX));
    let (actions, conversation) = pieces;
    assert!(conversation.end.is_some());
    assert_eq!(actions.last(), Some(&Action::Close));
    assert!(conversation.transcript.entries().iter().all(|line| !line.text.chars().any(char::is_control)));
    for action in actions {
        match action {
            Action::Send(Command::Ehlo(_) | Command::Helo(_) | Command::StartTls | Command::Quit) => {}
            Action::StartTls | Action::Close => {}
        }
    }
});

fn hear(clear: &[u8], within: &[u8], size: usize) -> (Vec<Action>, Conversation) {
    let at = Duration::from_secs(1);
    let name = HelloName::parse("probe.example.org").expect("a host name");
    let mut client = ProbeClient::new(name, Timeouts::default(), Duration::from_secs(60), at);
    let mut actions = Vec::new();
    for (index, bytes) in [clear, within].into_iter().enumerate() {
        if index == 1 {
            client.tls_established("TLS", at);
        }
        for piece in bytes.chunks(size) {
            client.receive(piece, at);
            actions.extend(std::iter::from_fn(|| client.next_action()));
        }
        actions.extend(std::iter::from_fn(|| client.next_action()));
    }
    client.closed(at);
    actions.extend(std::iter::from_fn(|| client.next_action()));
    (actions, client.into_conversation())
}
