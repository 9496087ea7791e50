//! Any bytes as what a mail server asks a filter: the size of the pieces changes nothing. The first byte is the size of the pieces.

#![no_main]

use abprall_wire::milter::{MilterAnswer, MilterEvent, MilterSession, Steps};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((&size, bytes)) = input.split_first() else { return };
    assert_eq!(hear(bytes, usize::from(size).max(1)), hear(bytes, usize::MAX));
});

fn hear(bytes: &[u8], size: usize) -> (Vec<MilterEvent>, usize, Vec<u8>) {
    let mut session = MilterSession::new(Steps::Everything);
    let (mut events, mut errors, mut out) = (Vec::new(), 0, Vec::new());
    for mut piece in bytes.chunks(size) {
        while !piece.is_empty() {
            let (taken, event) = session.read(piece, &mut out);
            assert!(taken > 0);
            piece = &piece[taken..];
            match event {
                Some(Ok(event)) => events.push(event),
                Some(Err(_)) => errors += 1,
                None => {}
            }
            if session.awaits_answer() {
                let refuse =
                    MilterAnswer::Refuse { status: "5.1.1".parse().expect("a status"), text: "no".into() };
                session.answer(&refuse, &mut out).expect("a question");
            }
        }
    }
    assert!(errors <= 1);
    (events, errors, out)
}
