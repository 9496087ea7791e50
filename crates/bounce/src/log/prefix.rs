//! What syslog and its kin put in front of a line: RFC 3164 as everybody writes it, RFC 5424, ISO time stamps, journald's export.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::time;

/// A line taken apart. A part that is not there is `None`; then `rest` is all of the line that was not understood as a prefix.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Prefix<'a> {
    pub at: Option<Timestamp>,
    pub host: Option<&'a str>,
    /// The program without its process id: `postfix/smtp`, `sendmail`.
    pub program: Option<&'a str>,
    pub rest: &'a str,
}

impl<'a> Prefix<'a> {
    pub fn read(line: &'a str, now: Timestamp, zone: &TimeZone) -> Self {
        let text = without_priority(line.trim_start());
        if let Some(prefix) = rfc5424(text, zone) {
            return prefix;
        }
        let stamped = time::traditional(text, now, zone).or_else(|| time::iso(text, zone));
        let Some((at, rest)) = stamped else { return Self { rest: text, ..Self::default() } };
        // Exim's own files have no host: the message id, a process id or words follow the time.
        host_and_program(rest).map_or(
            Self { at: Some(at), rest: rest.trim_start(), ..Self::default() },
            |(host, program, rest)| Self { at: Some(at), host: Some(host), program: Some(program), rest },
        )
    }
}

/// `<22>` in front of everything, where a line comes from the network.
fn without_priority(text: &str) -> &str {
    let Some(rest) = text.strip_prefix('<') else { return text };
    match rest.find('>') {
        Some(end) if end > 0 && end <= 3 && rest.bytes().take(end).all(|b| b.is_ascii_digit()) => {
            &rest[end + 1..]
        }
        _ => text,
    }
}

/// `1 2026-11-25T09:42:17Z host app 123 - - message` (RFC 5424 §6).
fn rfc5424<'a>(text: &'a str, zone: &TimeZone) -> Option<Prefix<'a>> {
    let rest = text.strip_prefix("1 ")?;
    let (stamp, rest) = rest.split_once(' ')?;
    let at = match stamp {
        "-" => None,
        stamp => Some(time::iso(stamp, zone)?.0),
    };
    let (host, rest) = rest.split_once(' ')?;
    let (program, rest) = rest.split_once(' ')?;
    let (_process, rest) = rest.split_once(' ')?;
    let (_message, rest) = rest.split_once(' ')?;
    let rest = behind_structured_data(rest)?;
    let named = |name: &'a str| Some(name).filter(|name| *name != "-" && !name.is_empty());
    Some(Prefix { at, host: named(host), program: named(program), rest: rest.trim_start_matches('\u{feff}') })
}

/// `-` or `[id name="value"]…`; a value may hold `\]` and `\"`.
fn behind_structured_data(text: &str) -> Option<&str> {
    if let Some(rest) = text.strip_prefix('-') {
        return Some(rest.trim_start_matches(' '));
    }
    let mut rest = text;
    while let Some(inner) = rest.strip_prefix('[') {
        let mut escaped = false;
        let mut quoted = false;
        let end = inner.bytes().position(|byte| {
            let ends = byte == b']' && !quoted && !escaped;
            if byte == b'"' && !escaped {
                quoted = !quoted;
            }
            escaped = byte == b'\\' && !escaped;
            ends
        })?;
        rest = &inner[end + 1..];
    }
    (rest.len() < text.len()).then(|| rest.trim_start_matches(' '))
}

/// ` host program[123]: message`.
fn host_and_program(text: &str) -> Option<(&str, &str, &str)> {
    let (host, rest) = text.strip_prefix(' ')?.split_once(' ')?;
    let is_host = !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_:".contains(&b));
    if !is_host || host.ends_with(':') {
        return None;
    }
    let rest = rest.trim_start_matches(' ');
    let (tag, message) = rest.split_once(": ").or_else(|| Some((rest.strip_suffix(':')?, "")))?;
    let program = tag.split('[').next()?;
    let is_program = !program.is_empty()
        && program.len() <= 64
        && program.bytes().all(|b| b.is_ascii_graphic() && !b"<>()=,".contains(&b));
    let is_tag = is_program && (tag.len() == program.len() || tag.ends_with(']'));
    is_tag.then_some((host, program, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> (String, String, String, String) {
        let prefix = Prefix::read(line, "2026-12-01T00:00:00Z".parse().unwrap(), &TimeZone::UTC);
        let text = |part: Option<&str>| part.unwrap_or("-").to_owned();
        let at = prefix.at.map_or("-".to_owned(), |at| at.to_string());
        (at, text(prefix.host), text(prefix.program), prefix.rest.to_owned())
    }

    fn check(line: &str, at: &str, host: &str, program: &str, rest: &str) {
        let expected = (at.to_owned(), host.to_owned(), program.to_owned(), rest.to_owned());
        assert_eq!(read(line), expected, "{line}");
    }

    #[test]
    fn every_kind_of_prefix_is_taken_off() {
        let at = "2026-11-25T09:42:17Z";
        check("Nov 25 09:42:17 mail postfix/smtp[416]: 4A: x", at, "mail", "postfix/smtp", "4A: x");
        check("<22>Nov 25 09:42:17 mail postfix/smtp[416]: 4A: x", at, "mail", "postfix/smtp", "4A: x");
        check(
            "2026-11-25T09:42:17+00:00 mail.a.example sm-mta[1]: 4A: x",
            at,
            "mail.a.example",
            "sm-mta",
            "4A: x",
        );
        check("2026-11-25T09:42:17+0000 mail smtpd[1]: 4A", at, "mail", "smtpd", "4A");
        check(
            "<22>1 2026-11-25T09:42:17Z mail postfix/smtp 416 - - 4A: x",
            at,
            "mail",
            "postfix/smtp",
            "4A: x",
        );
        check(
            "<22>1 2026-11-25T09:42:17Z mail exim 416 - [a b=\"]\\\"]\"][c] 4A: x",
            at,
            "mail",
            "exim",
            "4A: x",
        );
        check("2026-11-25 09:42:17 1xVd3O-00002z-1P <= a@b H=c", at, "-", "-", "1xVd3O-00002z-1P <= a@b H=c");
        check(
            "2026-11-25 09:42:17 [12] 1xVd3O-00002z-1P Completed",
            at,
            "-",
            "-",
            "[12] 1xVd3O-00002z-1P Completed",
        );
    }

    #[test]
    fn what_has_no_prefix_stays_whole() {
        check("550 5.1.1 no such user", "-", "-", "-", "550 5.1.1 no such user");
        check("", "-", "-", "-", "");
        check("<ab> x", "-", "-", "-", "<ab> x");
    }
}
