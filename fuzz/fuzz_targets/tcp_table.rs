//! Any bytes as what Postfix asks: the size of the pieces changes nothing, up to the first error. The first byte is the size of the pieces.

#![no_main]

use abprall_wire::postfix::TcpTableReader;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((&size, bytes)) = input.split_first() else { return };
    let size = usize::from(size).max(1);
    let hear = |size| {
        let mut reader = TcpTableReader::default();
        let mut found = Vec::new();
        for mut piece in bytes.chunks(size) {
            while !piece.is_empty() {
                let (taken, event) = reader.read(piece);
                assert!(taken > 0);
                piece = &piece[taken..];
                let broken = matches!(event, Some(Err(_)));
                found.extend(event);
                if broken {
                    return found;
                }
            }
        }
        found
    };
    assert_eq!(hear(size), hear(usize::MAX));
});
