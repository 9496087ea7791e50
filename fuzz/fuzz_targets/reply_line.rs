//! Any text as one SMTP reply.

#![no_main]

use std::sync::LazyLock;

use abprall_bounce::{Classifier, read_line};
use libfuzzer_sys::fuzz_target;

static CLASSIFIER: LazyLock<Classifier> = LazyLock::new(Classifier::built_in);

fuzz_target!(|text: &str| {
    let report = read_line(text);
    let judged = CLASSIFIER.classify(&report);
    assert_eq!(CLASSIFIER.classify(&report), judged, "the same report is judged the same way");
});
