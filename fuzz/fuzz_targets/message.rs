//! Any bytes are a message: reading and judging never panic, and nobody is suppressed for what is not the recipient's.

#![no_main]

use std::sync::LazyLock;

use abprall_bounce::{Classifier, read};
use abprall_mail::{Action, Party};
use libfuzzer_sys::fuzz_target;

static CLASSIFIER: LazyLock<Classifier> = LazyLock::new(Classifier::built_in);

fuzz_target!(|bytes: &[u8]| {
    let reading = read(bytes);
    assert!(reading.reports.is_empty() != reading.not_a_bounce.is_none());
    for report in &reading.reports {
        let judged = CLASSIFIER.classify(report);
        assert!((0.0..=1.0).contains(&judged.confidence));
        if judged.action == Action::Suppress {
            assert!(matches!(judged.party, Party::Recipient | Party::None), "{judged:?}");
            assert!(judged.contradictions.is_empty(), "{judged:?}");
        }
    }
});
