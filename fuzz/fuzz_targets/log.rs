//! Lines of MTA logs, in any damage, taken as replies one by one.

#![no_main]

use std::sync::LazyLock;

use abprall_bounce::{Classifier, read_line};
use libfuzzer_sys::fuzz_target;

static CLASSIFIER: LazyLock<Classifier> = LazyLock::new(Classifier::built_in);

fuzz_target!(|bytes: &[u8]| {
    for line in String::from_utf8_lossy(bytes).lines() {
        let _judged = CLASSIFIER.classify(&read_line(line));
    }
});
