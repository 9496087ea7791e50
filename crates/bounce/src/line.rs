//! A bare reply, or a line of a mail log that holds one.

use abprall_mail::{EmailAddress, EnhancedStatus, ReplyCode};

use crate::{Kind, Report, StatusOrigin, limits, reply};

/// Reads one line: an SMTP reply, with or without an MTA's wrapper, or a log line of Postfix, Exim, Sendmail or OpenSMTPD that
/// quotes one. A line without any code keeps its words.
pub fn read_line(line: &str) -> Report {
    let line = line.trim();
    let logged = Logged::read(line);
    let words = logged.as_ref().map_or(line, |logged| logged.words);
    let reply = reply::parse(words);
    let mut report = Report {
        recipient: logged.as_ref().and_then(|l| l.recipient.clone()).or_else(|| recipient_in(words)),
        reply_code: reply.code,
        status: reply.status,
        status_origin: reply.status.map(|_| StatusOrigin::Diagnostic),
        remote_mta: reply.host.map(str::to_owned).or_else(|| reply.ip.map(|ip| ip.to_string())),
        phase: reply.phase,
        issuer: reply.issuer,
        diagnostic: Some(bounded(words).to_owned()),
        ..Report::default()
    };
    // "250 2.0.0 Ok: queued as 4A" in a log is no bounce.
    let code_says = reply.code.map(ReplyCode::is_success);
    if code_says.or_else(|| reply.status.map(EnhancedStatus::is_success)) == Some(true) {
        report.kind = Kind::Delivered;
    }
    if let Some(logged) = logged {
        report.kind = logged.kind;
        report.remote_mta = report.remote_mta.or_else(|| logged.relay.map(str::to_owned));
        if report.status.is_none()
            && let Some(status) = logged.dsn.and_then(|dsn| dsn.parse().ok())
        {
            report.status = Some(status);
            report.status_origin = Some(StatusOrigin::Reported);
        }
    }
    report
}

/// The fields of a Postfix delivery line; Sendmail's has the same names.
struct Logged<'a> {
    recipient: Option<EmailAddress>,
    relay: Option<&'a str>,
    dsn: Option<&'a str>,
    kind: Kind,
    words: &'a str,
}

impl<'a> Logged<'a> {
    fn read(line: &'a str) -> Option<Self> {
        let to = behind(line, "to=<")?.split('>').next()?;
        let (status, sendmail) = match behind(line, " status=") {
            Some(status) => (status, false),
            None => (behind(line, " stat=")?, true),
        };
        let word_end = status.find([' ', ',', ':', '(']).unwrap_or(status.len());
        let word = &status[..word_end];
        let words = status[word_end..]
            .trim_start()
            .strip_prefix('(')
            .map_or(status, |inner| inner.trim_end_matches(')'));
        let dsn = behind(line, " dsn=").and_then(|dsn| dsn.split([',', ' ']).next());
        let transient = dsn.is_some_and(|dsn| dsn.starts_with('4'));
        let kind = match word {
            "sent" | "Sent" => Kind::Delivered,
            "deferred" | "Deferred" => Kind::Delayed,
            _ if sendmail && transient => Kind::Delayed,
            _ => Kind::Failed,
        };
        let relay = behind(line, " relay=").and_then(|relay| relay.split(['[', ',', ' ', ':']).next());
        Some(Self {
            recipient: EmailAddress::parse_lenient(to).ok(),
            relay: relay.filter(|relay| relay.contains('.')),
            dsn,
            kind,
            words,
        })
    }
}

fn behind<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    let at = memchr::memmem::find(line.as_bytes(), key.as_bytes())?;
    Some(&line[at + key.len()..])
}

/// The address that a reply quotes: in angle brackets, else bare before a colon.
fn recipient_in(words: &str) -> Option<EmailAddress> {
    let mut rest = words;
    while let Some(start) = rest.find('<') {
        let inner = &rest[start + 1..];
        let end = inner.find('>')?;
        if inner[..end].contains('@')
            && let Ok(address) = EmailAddress::parse_lenient(&inner[..end])
        {
            return Some(address);
        }
        rest = &inner[end..];
    }
    let at = words.find('@')?;
    let start = words[..at]
        .rfind(|c: char| c.is_whitespace() || "(['\":;,=".contains(c))
        .map_or(0, |s| s + words[s..].chars().next().map_or(1, char::len_utf8));
    let end = words[at..]
        .find(|c: char| c.is_whitespace() || ")]'\":;,".contains(c))
        .map_or(words.len(), |e| at + e);
    EmailAddress::parse_lenient(&words[start..end]).ok()
}

fn bounded(words: &str) -> &str {
    let mut end = words.len().min(limits::DIAGNOSTIC_BYTES_MAX);
    while !words.is_char_boundary(end) {
        end -= 1;
    }
    &words[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_reply_names_its_recipient() {
        let report = read_line("550 5.1.1 <anna@b.example>: unknown");
        assert_eq!(report.recipient.unwrap().as_str(), "anna@b.example");
        let report = read_line("550 unknown user anna@b.example.");
        assert_eq!(report.recipient.unwrap().as_str(), "anna@b.example");
    }

    #[test]
    fn a_reply_of_success_is_no_failure() {
        assert_eq!(read_line("250 2.6.0 <a@b.example> Queued mail for delivery").kind, Kind::Delivered);
        assert_eq!(read_line("250 2.1.5 Ok").kind, Kind::Delivered);
        assert_eq!(read_line("550 2.1.5 Ok").kind, Kind::Failed);
    }

    #[test]
    fn a_postfix_log_line_is_understood() {
        let report = read_line(
            "Nov 23 23:02:24 mail postfix/smtp[7]: 4A: to=<anna@b.example>, relay=mx.b.example[192.0.2.1]:25, delay=1, \
             delays=0/0/0/0, dsn=5.4.3, status=bounced (host mx.b.example[192.0.2.1] said: 550 5.4.3 Routing server failure \
             (in reply to RCPT TO command))",
        );
        assert_eq!(report.kind, Kind::Failed);
        assert_eq!(report.recipient.unwrap().as_str(), "anna@b.example");
        assert_eq!(report.remote_mta.as_deref(), Some("mx.b.example"));
        assert_eq!(report.status.unwrap().to_string(), "5.4.3");
    }

    #[test]
    fn odd_lines_do_not_panic() {
        for line in
            ["", "<", "<@>", "@", "ü@", "to=<", "to=<a> status=", "to=<a@b> stat=(", "550 <ä@ö.example>"]
        {
            let _report = read_line(line);
        }
    }
}
