//! The texts of MTA-STS: any bytes may come from the network.
#![no_main]

use abprall_route::MtaStsMode;
use abprall_route::observe::{parse_policy, read_record};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(policy) = parse_policy(bytes) {
        assert!(policy.mode == MtaStsMode::None || !policy.mx.is_empty());
        // What was understood is written in one way only, and understood again.
        let mut text = format!("version: STSv1\nmode: {}\nmax_age: {}\n", policy.mode, policy.max_age_s);
        for pattern in &policy.mx {
            text.push_str(&format!("mx: {pattern}\n"));
        }
        assert_eq!(parse_policy(text.as_bytes()), Ok(policy));
    }
    let text = String::from_utf8_lossy(bytes);
    let _ = read_record(text.split('\n'));
});
