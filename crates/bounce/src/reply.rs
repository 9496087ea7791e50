//! One SMTP reply as MTAs hand it on: taken out of its wrapper, with its codes, host and phase.

use std::net::IpAddr;

use abprall_mail::{EnhancedStatus, ReplyCode};
use memchr::memmem;

use crate::{Issuer, Phase};

mod codes;
mod phase;
mod wrapper;

/// What a diagnostic says besides its words.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Reply<'a> {
    /// The reply code (RFC 5321 §4.2).
    pub code: Option<ReplyCode>,
    /// The reply's own enhanced status code (RFC 2034).
    pub status: Option<EnhancedStatus>,
    /// The host that was talked to, where the wrapper names it.
    pub host: Option<&'a str>,
    /// Its address.
    pub ip: Option<IpAddr>,
    /// Where in the dialogue it happened.
    pub phase: Option<Phase>,
    /// Who spoke, where the wrapper shows it.
    pub issuer: Option<Issuer>,
    /// The reply without the wrapper.
    pub text: &'a str,
}

/// Reads a diagnostic: a bare reply, or one in any MTA's wrapper.
///
/// Ports, years, addresses and sizes are not taken for codes. A text without any code keeps its words only.
pub(crate) fn parse(text: &str) -> Reply<'_> {
    let text = without_type(text.trim());
    let mut reply = match wrapper::unwrap(text) {
        Some(reply) => Reply { phase: reply.phase.or_else(|| phase::of(text)), ..reply },
        None => wrapper::own_words(text),
    };
    let found = codes::find(reply.text);
    // The wrapper may stand before or behind the codes: `#550 5.1.1 RESOLVER… ##`, `550 … (state 14)`.
    let found = if found.is_empty() && reply.text.len() < text.len() { codes::find(text) } else { found };
    reply.code = found.code;
    reply.status = found.status;
    reply
}

/// The reply without an MTA's wrapper; the whole text where there is none.
pub(crate) fn unwrapped(text: &str) -> &str {
    let text = without_type(text.trim());
    wrapper::unwrap(text).map_or(text, |reply| reply.text)
}

/// Drops the type of a Diagnostic-Code field (RFC 3464 §2.3.6): `smtp; 550 …`, `X-Postfix; …`.
fn without_type(text: &str) -> &str {
    let Some(end) = memchr::memchr(b';', &text.as_bytes()[..text.len().min(24)]) else { return text };
    let kind = &text.as_bytes()[..end];
    let is_type =
        !kind.is_empty() && kind.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-' || *b == b' ');
    let is_known = kind.eq_ignore_ascii_case(b"smtp")
        || kind.eq_ignore_ascii_case(b"lmtp")
        || kind.eq_ignore_ascii_case(b"x-postfix");
    if is_type && is_known { text[end + 1..].trim_start() } else { text }
}

/// The first place of `needle` (lower case) in `text`, ASCII case ignored.
fn find_ignoring_case(text: &str, needle: &str) -> Option<usize> {
    let (first, bytes) = (needle.as_bytes()[0], text.as_bytes());
    let mut from = 0;
    while let Some(at) = memchr::memchr2(first, first.to_ascii_uppercase(), bytes.get(from..)?) {
        let start = from + at;
        let candidate = bytes.get(start..start + needle.len())?;
        if candidate.eq_ignore_ascii_case(needle.as_bytes()) {
            return Some(start);
        }
        from = start + 1;
    }
    None
}

/// What stands before and behind the first `separator`.
fn split_at<'a>(text: &'a str, separator: &str) -> Option<(&'a str, &'a str)> {
    let at = memmem::find(text.as_bytes(), separator.as_bytes())?;
    Some((&text[..at], &text[at + separator.len()..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, code: u16, status: &str, host: &str, phase: Option<Phase>) {
        let reply = parse(text);
        assert_eq!(reply.code.map_or(0, ReplyCode::as_u16), code, "code of {text}");
        assert_eq!(reply.status.map(|s| s.to_string()).unwrap_or_default(), status, "status of {text}");
        let ip = reply.ip.map(|ip| ip.to_string()).unwrap_or_default();
        assert_eq!(reply.host.map_or(ip, str::to_owned), host, "host of {text}");
        assert_eq!(reply.phase, phase, "phase of {text}");
    }

    #[test]
    fn a_quote_behind_letters_of_two_bytes_is_no_code() {
        for text in ["0d\u{5e9}52-'\"26.1 o5", "\u{5e9}-'x", "5.1.0 - x \u{5e9}5-'5.7.1 no'"] {
            assert_eq!(parse(text).issuer, None, "{text}");
        }
    }

    #[test]
    fn bare_replies_are_read() {
        check("550 5.1.1 no such user", 550, "5.1.1", "", None);
        check("550-5.1.1 one 550 5.1.1 two", 550, "5.1.1", "", None);
        check("550 #5.1.0 Address rejected.", 550, "5.1.0", "", None);
        check("511 sorry, no mailbox here by that name (#5.1.1 - chkuser)", 511, "5.1.1", "", None);
        check("smtp; 554-No relaying allowed", 554, "", "", None);
        check("5.1.1 <a@b.example> unknown", 0, "5.1.1", "", None);
        check("550 User unknown at 192.0.2.1 port 25, 2019", 550, "", "", None);
        check("smtp;550 5.4.310 DNS domain b.example does not exist", 550, "5.4.310", "", Some(Phase::Dns));
    }

    #[test]
    fn numbers_that_are_no_codes_are_left_alone() {
        check("message of 550 KB since 2019 from 192.0.2.1", 0, "", "", None);
        check(
            "connect to mx.example[192.0.2.1]:25: Connection refused",
            0,
            "",
            "mx.example",
            Some(Phase::Connect),
        );
        check("X-Unix; 77", 0, "", "", None);
    }

    #[test]
    fn postfix_wrappers_are_taken_off() {
        let text =
            "host mx.example[192.0.2.1] said: 550 5.1.1 <a@b.example>: gone (in reply to RCPT TO command)";
        check(text, 550, "5.1.1", "mx.example", Some(Phase::Rcpt));
        assert_eq!(parse(text).text, "550 5.1.1 <a@b.example>: gone");
        assert_eq!(parse(text).issuer, Some(Issuer::Remote));
        let text = "host mx.example[192.0.2.1] refused to talk to me: 421 busy";
        check(text, 421, "", "mx.example", Some(Phase::Greeting));
        let text = "lost connection with mx.example[192.0.2.1] while receiving the initial server greeting";
        check(text, 0, "", "mx.example", Some(Phase::Greeting));
        let text =
            "Host or domain name not found. Name service error for name=b.example type=MX: Host not found";
        check(text, 0, "", "", Some(Phase::Dns));
        assert_eq!(parse(text).issuer, Some(Issuer::Reporting));
    }

    #[test]
    fn exim_wrappers_are_taken_off() {
        let text = "SMTP error from remote mail server after RCPT TO:<a@b.example>: host mx.example [192.0.2.1]: 550 gone";
        check(text, 550, "", "mx.example", Some(Phase::Rcpt));
        let text = "host mx.example [192.0.2.1]\n SMTP error from remote mail server after end of data: 554 5.7.1 spam";
        check(text, 554, "5.7.1", "mx.example", Some(Phase::EndOfData));
    }

    #[test]
    fn other_wrappers_are_taken_off() {
        let text = "192.0.2.1 failed after I sent the message. Remote host said: 554 5.7.1 spam";
        check(text, 554, "5.7.1", "192.0.2.1", Some(Phase::EndOfData));
        let text = "Connected to 192.0.2.1 but sender was rejected. Remote host said: 550 no";
        check(text, 550, "", "192.0.2.1", Some(Phase::Mail));
        let text = "Sorry, I couldn't find any host named b.example. (#5.1.2)";
        check(text, 0, "5.1.2", "", Some(Phase::Dns));
        let text = "Remote Server returned '550 5.1.1 RESOLVER.ADR.RecipNotFound; not found'";
        check(text, 550, "5.1.1", "", None);
        check("#550 5.1.1 RESOLVER.ADR.RecipNotFound; not found ##", 550, "5.1.1", "", None);
        let text =
            "5.1.0 - Unknown address error 550-'5.7.1 <a@b.example>... Access denied' (delivery attempts: 0)";
        check(text, 550, "5.7.1", "", None);
        assert_eq!(parse(text).text, "550-'5.7.1 <a@b.example>... Access denied");
        let text = "The reason for the problem: 5.1.0 - Unknown address error 550-'5.7.23 SPF failed'";
        check(text, 550, "5.7.23", "", None);
        let text = "5.4.7 - Delivery expired (message too old) 450-'4.1.1 later'";
        check(text, 450, "5.4.7", "", None);
        check("<mx.example #5.1.1 smtp;550 5.1.1 unknown>", 550, "5.1.1", "mx.example", None);
        let text = "... while talking to mx.example.: >>> DATA <<< 554 5.7.1 no";
        check(text, 554, "5.7.1", "mx.example", Some(Phase::Data));
    }

    #[test]
    fn no_text_makes_it_panic() {
        for text in [
            "",
            ";",
            "smtp;",
            "host ",
            "host [",
            "host ä[ said: ",
            " said: ",
            "(in reply to",
            "<<<",
            "<a #",
            "ü",
        ] {
            let _reply = parse(text);
        }
    }
}
