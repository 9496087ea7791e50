//! Any text as an address: what is accepted reads as itself, and strict never accepts what lenient refuses.

#![no_main]

use abprall_mail::EmailAddress;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(address) = EmailAddress::parse(text) {
        assert_eq!(EmailAddress::parse(address.as_str()), Ok(address.clone()));
        let _key = address.suppression_key();
    }
    if let Ok(address) = EmailAddress::parse_lenient(text) {
        assert_eq!(EmailAddress::parse(address.as_str()), Ok(address));
    }
});
