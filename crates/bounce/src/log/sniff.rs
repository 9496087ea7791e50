//! Which log a file is, by its first lines.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::prefix::Prefix;
use super::{LogFormat, exim};

/// Lines that are looked at: a log may start with the end of a broken line.
const LINES: usize = 5;

pub(super) fn sniff(start: &[u8]) -> Option<LogFormat> {
    let start = &start[..start.len().min(64 * 1024)];
    let text = String::from_utf8_lossy(start);
    let text = text.trim_start_matches('\u{feff}');
    text.lines().filter(|line| !line.trim().is_empty()).take(LINES).find_map(of_line)
}

fn of_line(line: &str) -> Option<LogFormat> {
    let line = line.trim();
    if line.starts_with('{') {
        let record: serde_json::Value = serde_json::from_str(line).ok()?;
        let is_kumo =
            ["type", "id", "response", "event_time"].iter().filter(|name| record.get(name).is_some());
        return (is_kumo.count() >= 3 && record.get("type").is_some()).then_some(LogFormat::KumomtaJson);
    }
    let head = line.get(..line.len().min(2048)).unwrap_or_default().to_ascii_lowercase();
    let head = head.trim_start_matches('"');
    if head.starts_with("type,") || head.starts_with("type\",") {
        let has_recipient = head.split(',').any(|name| name.trim_matches(['"', ' ']) == "rcpt");
        return has_recipient.then_some(LogFormat::PowermtaCsv);
    }
    // Any clock will do: only whether there is a time stamp counts.
    let prefix = Prefix::read(line, Timestamp::UNIX_EPOCH, &TimeZone::UTC);
    prefix.at?;
    if prefix.program.is_some() {
        return Some(LogFormat::MailLog);
    }
    let is_exim = exim::starts_with_id(prefix.rest)
        || ["Start queue run:", "End queue run:", "exim "].iter().any(|words| prefix.rest.starts_with(words));
    is_exim.then_some(LogFormat::EximLog)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_are_told_from_each_other_and_from_mail() {
        for (start, format) in [
            (
                "Nov 25 09:42:17 mail dovecot: imap\nNov 25 09:42:17 mail postfix/smtp[4]: x",
                Some(LogFormat::MailLog),
            ),
            ("2026-11-25T09:42:17+00:00 mail sm-mta[1]: x", Some(LogFormat::MailLog)),
            ("2026-11-25 09:52:01 End queue run: pid=468\n", Some(LogFormat::EximLog)),
            ("2026-11-25 09:52:01 1xVd3O-00002z-1P Completed\n", Some(LogFormat::EximLog)),
            ("type,timeLogged,orig,rcpt,dsnDiag\n", Some(LogFormat::PowermtaCsv)),
            (
                "{\"type\":\"Bounce\",\"id\":\"a\",\"response\":{},\"event_time\":1}\n",
                Some(LogFormat::KumomtaJson),
            ),
            ("{\"Type\":\"Notification\"}", None),
            ("Return-Path: <>\nFrom: a@b.example\n", None),
            ("550 5.1.1 no such user\n", None),
            ("email,name\na@b.example,Anna\n", None),
            ("", None),
        ] {
            assert_eq!(sniff(start.as_bytes()), format, "{start}");
        }
    }
}
