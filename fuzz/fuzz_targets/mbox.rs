//! Any bytes as a mailbox: every message ends, and together they are not longer than the file.

#![no_main]

use abprall_bounce::Mbox;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut mbox = Mbox::new(bytes);
    let mut total = 0;
    while let Ok(Some(message)) = mbox.next_message() {
        total += message.len();
    }
    assert!(total <= bytes.len());
});
