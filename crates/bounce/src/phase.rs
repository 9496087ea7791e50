//! Where in the dialogue it happened.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};

use crate::{Issuer, Kind, Phase, Report, limits};

/// Where it happened, by the words that MTAs use for what they could not do themselves, and by the codes for what they were told.
pub(crate) fn phase_of(report: &Report) -> Option<Phase> {
    if matches!(report.kind, Kind::Delivered | Kind::Relayed | Kind::Expanded) {
        return None;
    }
    if report.issuer == Some(Issuer::Remote) && report.reply_code.is_some() {
        return phase_of_reply(report);
    }
    for words in [&report.diagnostic, &report.prose].into_iter().flatten() {
        let words = words.to_ascii_lowercase();
        if let Some((_, phase)) = WORDS.iter().find(|(mark, _)| words.contains(mark)) {
            return Some(*phase);
        }
    }
    let status = report.status?;
    match (status.subject(), status.detail()) {
        (4, 7) => Some(Phase::Queue),
        (4, 1) => Some(Phase::Connect),
        (4, 3 | 4) | (1, 2 | 10) => Some(Phase::Dns),
        (4, 6) => Some(Phase::Queue),
        _ => None,
    }
}

/// Where a server's reply was given, by what it refuses.
fn phase_of_reply(report: &Report) -> Option<Phase> {
    let words = report.diagnostic.as_deref().unwrap_or_default().to_ascii_lowercase();
    if ["recipient address rejected", "relay access denied", "relaying denied"]
        .iter()
        .any(|mark| words.contains(mark))
    {
        return Some(Phase::Rcpt);
    }
    let status = report.status?;
    match (status.subject(), status.detail()) {
        (1, 1 | 2 | 3 | 6) | (2, 1) => Some(Phase::Rcpt),
        (1, 7 | 8) => Some(Phase::Mail),
        (6, _) => Some(Phase::EndOfData),
        _ => None,
    }
}

const WORDS: &[(&str, Phase)] = &[
    ("host or domain name not found", Phase::Dns),
    ("name service error", Phase::Dns),
    ("dns error", Phase::Dns),
    ("dns lookup fail", Phase::Dns),
    ("host unknown", Phase::Dns),
    ("host not found", Phase::Dns),
    ("name server:", Phase::Dns),
    ("no such domain", Phase::Dns),
    ("unrouteable", Phase::Dns),
    ("domain does not exist", Phase::Dns),
    ("no mx found", Phase::Dns),
    ("nowhere to deliver mail to", Phase::Dns),
    ("all relevant mx records", Phase::Dns),
    ("does not accept mail (nullmx)", Phase::Dns),
    ("null mx", Phase::Dns),
    ("starttls", Phase::Tls),
    ("tls session", Phase::Tls),
    ("tls is required", Phase::Tls),
    ("certificate", Phase::Tls),
    ("connection refused", Phase::Connect),
    ("connection timed out", Phase::Connect),
    ("no route to host", Phase::Connect),
    ("network is unreachable", Phase::Connect),
    ("network unreachable", Phase::Connect),
    ("connect to ", Phase::Connect),
    ("couldn't connect", Phase::Connect),
    ("could not connect", Phase::Connect),
    ("wasn't able to establish an smtp connection", Phase::Connect),
    ("network error on destination", Phase::Connect),
    ("tried all mxs", Phase::Connect),
    ("retry timeout exceeded", Phase::Queue),
    ("envelope expired", Phase::Queue),
    ("message expired", Phase::Queue),
    ("mail loop", Phase::Queue),
    ("too many hops", Phase::Queue),
    ("loops back to myself", Phase::Dns),
    ("delivery time expired", Phase::Queue),
];

/// The command that was refused, by the words of Postfix, Exim and the transcripts of Sendmail, in a notice about one recipient.
pub(crate) fn refused_command(text: &str) -> Option<Phase> {
    static COMMANDS: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
        AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::LeftmostFirst)
            .build(COMMAND_WORDS.iter().map(|(words, _)| words))
            .ok()
    });
    let text = &text.as_bytes()[..text.len().min(limits::TEXT_BYTES_MAX / 16)];
    let found = COMMANDS.as_ref()?.find(text)?;
    COMMAND_WORDS.get(found.pattern().as_usize()).map(|(_, phase)| *phase)
}

const COMMAND_WORDS: &[(&str, Phase)] = &[
    ("in reply to RCPT", Phase::Rcpt),
    ("in reply to MAIL", Phase::Mail),
    ("in reply to end of DATA", Phase::EndOfData),
    ("in reply to DATA", Phase::Data),
    ("in reply to BDAT", Phase::EndOfData),
    ("in reply to EHLO", Phase::Ehlo),
    ("in reply to HELO", Phase::Ehlo),
    ("in reply to LHLO", Phase::Ehlo),
    ("in reply to STARTTLS", Phase::Tls),
    ("refused to talk to me", Phase::Greeting),
    ("while receiving the initial server greeting", Phase::Greeting),
    ("server after RCPT TO", Phase::Rcpt),
    ("server after pipelined RCPT TO", Phase::Rcpt),
    ("server after MAIL FROM", Phase::Mail),
    ("server after pipelined MAIL FROM", Phase::Mail),
    ("server after end of data", Phase::EndOfData),
    ("server after pipelined end of data", Phase::EndOfData),
    ("server after DATA", Phase::Data),
    ("server after pipelined DATA", Phase::Data),
    ("server after initial connection", Phase::Greeting),
    ("server after EHLO", Phase::Ehlo),
    ("server after HELO", Phase::Ehlo),
    ("server after STARTTLS", Phase::Tls),
    (">>> RCPT", Phase::Rcpt),
    (">>> MAIL", Phase::Mail),
    (">>> DATA", Phase::Data),
    (">>> .", Phase::EndOfData),
    (">>> EHLO", Phase::Ehlo),
    (">>> HELO", Phase::Ehlo),
    (">>> STARTTLS", Phase::Tls),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_refused_command_is_found_in_the_words_of_each_mta() {
        for (text, phase) in [
            ("host x[192.0.2.1] said: 550 no (in reply to RCPT TO command)", Some(Phase::Rcpt)),
            ("SMTP error from remote mail server after end of data:", Some(Phase::EndOfData)),
            ("... while talking to x.:\n>>> MAIL From:<a@b.example>\n<<< 550 no", Some(Phase::Mail)),
            ("it failed", None),
        ] {
            assert_eq!(refused_command(text), phase);
        }
    }

    #[test]
    fn what_a_server_says_is_not_taken_for_trouble_of_the_client() {
        let mut report = Report {
            diagnostic: Some("550 5.7.1 connection refused by policy".to_owned()),
            reply_code: "550".parse().ok(),
            issuer: Some(Issuer::Remote),
            ..Report::default()
        };
        assert_eq!(phase_of(&report), None);
        report.issuer = Some(Issuer::Reporting);
        assert_eq!(phase_of(&report), Some(Phase::Connect));
    }
}
