//! A failure that is in the log and comes back as a bounce is one failure: over the lab's servers, in their own words.

use std::fs;
use std::path::Path;

use abprall_bounce::log::{LogFormat, LogReader};
use abprall_bounce::{Kind, Report, read};
use abprall_policy::{Day, failure_keys};
use jiff::Timestamp;

#[test]
fn what_a_log_says_and_the_bounce_about_it_are_one_failure() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../corpus");
    let now: Timestamp = "2026-11-24T12:00:00Z".parse().expect("a time");
    for (mta, host) in [
        ("postfix", "sender.lab.test"),
        ("exim", "exim.lab.test"),
        ("sendmail", "sendmail.lab.test"),
        ("opensmtpd", "opensmtpd.lab.test"),
    ] {
        let mut fused = 0;
        for entry in fs::read_dir(corpus.join("log")).expect("the corpus is part of the repository") {
            let path = entry.expect("the folder can be read").path();
            let name = path.file_stem().expect("a file has a name").to_string_lossy().into_owned();
            let mail = corpus.join("mail").join(format!("{name}.eml"));
            if !name.starts_with(&format!("{mta}--")) || !mail.exists() {
                continue;
            }
            let mut reader = LogReader::new(LogFormat::MailLog).of_host(host);
            let text = fs::read(&path).expect("each log can be read");
            let logged: Vec<Report> =
                text.split(|byte| *byte == b'\n').flat_map(|line| reader.read_line(line, now)).collect();
            let bounces = read(&fs::read(mail).expect("each mail can be read")).reports;
            let own = |report: &&Report| {
                report.kind == Kind::Failed && report.reporting_mta.as_deref() == Some(host)
            };
            for bounce in bounces.iter().filter(own) {
                let keys = failure_keys(bounce, Day(1));
                let is_same =
                    |report: &Report| failure_keys(report, Day(2)).iter().any(|key| keys.contains(key));
                assert!(logged.iter().any(is_same), "{name}: {keys:?}");
                fused += 1;
            }
        }
        assert!(fused > 10, "{mta}: {fused}");
    }
}
