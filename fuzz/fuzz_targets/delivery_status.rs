//! Any bytes as the machine-readable part of a report (RFC 3464).

#![no_main]

use abprall_bounce::read;
use libfuzzer_sys::fuzz_target;

const HEAD: &[u8] = b"From: MAILER-DAEMON@mx.example\r\nTo: list@example.com\r\nSubject: Undelivered Mail Returned to Sender\r\n\
MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=\"b\"\r\n\r\n\
--b\r\nContent-Type: text/plain\r\n\r\nsorry\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n";
const TAIL: &[u8] = b"\r\n--b--\r\n";

fuzz_target!(|fields: &[u8]| {
    let message = [HEAD, fields, TAIL].concat();
    let reading = read(&message);
    for report in &reading.reports {
        if let Some(diagnostic) = &report.diagnostic {
            assert!(diagnostic.len() <= abprall_bounce::limits::DIAGNOSTIC_BYTES_MAX);
        }
    }
});
