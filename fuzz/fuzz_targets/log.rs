//! Logs of MTAs, in any damage: as a log of each kind, and line by line as replies.

#![no_main]

use std::sync::LazyLock;

use abprall_bounce::log::{LogFormat, LogReader};
use abprall_bounce::{Classifier, limits, read_line};
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;

static CLASSIFIER: LazyLock<Classifier> = LazyLock::new(Classifier::built_in);

const FORMATS: [LogFormat; 7] = [
    LogFormat::MailLog,
    LogFormat::PostfixLog,
    LogFormat::EximLog,
    LogFormat::SendmailLog,
    LogFormat::OpensmtpdLog,
    LogFormat::PowermtaCsv,
    LogFormat::KumomtaJson,
];

fuzz_target!(|bytes: &[u8]| {
    let now = Timestamp::from_second(1_800_000_000).unwrap_or(Timestamp::UNIX_EPOCH);
    let _format = LogFormat::sniff(bytes);
    for format in FORMATS {
        let mut reader = LogReader::new(format);
        for line in bytes.split(|byte| *byte == b'\n') {
            for report in reader.read_line(line, now) {
                assert!(
                    report.diagnostic.as_ref().is_none_or(|text| text.len() <= limits::DIAGNOSTIC_BYTES_MAX)
                );
                let _judged = CLASSIFIER.classify(&report);
            }
        }
        assert!(reader.remembered_bytes() <= 2 * limits::LOG_QUEUE_BYTES_MAX + limits::LOG_LINE_BYTES_MAX);
    }
    for line in String::from_utf8_lossy(bytes).lines() {
        let _judged = CLASSIFIER.classify(&read_line(line));
    }
});
