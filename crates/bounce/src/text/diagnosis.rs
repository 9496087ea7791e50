//! Turns a finding's words into the fields of a report.

use std::sync::LazyLock;

use super::finding::Finding;
use super::html::start_of;
use super::notice::after_ignoring_case;
use super::phrase_set::PhraseSet;
use crate::{Issuer, Phase, Report, StatusOrigin, limits};

/// Words that tell where in the dialogue it happened, when the reply's own wrapper does not. Lower case; the first that occurs counts.
const PHASES: &[(&str, Phase)] = &[
    // qmail-remote
    ("does not like recipient", Phase::Rcpt),
    ("my name was rejected", Phase::Ehlo),
    ("sender was rejected", Phase::Mail),
    ("failed on data command", Phase::Data),
    ("failed after i sent the message", Phase::EndOfData),
    ("connected to host but greeting failed", Phase::Greeting),
    ("greeting failed", Phase::Greeting),
    ("i wasn't able to establish an smtp connection", Phase::Connect),
    ("connection died", Phase::EndOfData),
    ("couldn't find any host", Phase::Dns),
    ("couldn't find a mail exchanger", Phase::Dns),
    ("cname lookup failed", Phase::Dns),
    // dma
    ("did not like our rcpt", Phase::Rcpt),
    ("did not like our mail", Phase::Mail),
    ("did not like our final data", Phase::EndOfData),
    ("did not like our data", Phase::Data),
    ("did not like our ehlo", Phase::Ehlo),
    ("did not like our helo", Phase::Ehlo),
    ("did not like our starttls", Phase::Tls),
    // Exim, Kundenserver, GMX
    ("after rcpt to", Phase::Rcpt),
    ("after mail from", Phase::Mail),
    ("after pipelined mail from", Phase::Mail),
    ("after pipelined rcpt to", Phase::Rcpt),
    ("after end of data", Phase::EndOfData),
    ("after pipelined end of data", Phase::EndOfData),
    ("after sending data block", Phase::EndOfData),
    ("after data", Phase::Data),
    ("after initial connection", Phase::Greeting),
    ("after helo", Phase::Ehlo),
    ("after ehlo", Phase::Ehlo),
    ("after starttls", Phase::Tls),
    ("after rcpt command", Phase::Rcpt),
    ("after mail command", Phase::Mail),
    ("for text command", Phase::EndOfData),
    ("for rcpt command", Phase::Rcpt),
    ("for mail command", Phase::Mail),
    ("for data command", Phase::Data),
    // Postfix
    ("in reply to rcpt to", Phase::Rcpt),
    ("in reply to mail from", Phase::Mail),
    ("in reply to end of data", Phase::EndOfData),
    ("in reply to data", Phase::Data),
    ("in reply to ehlo", Phase::Ehlo),
    ("in reply to helo", Phase::Ehlo),
    ("in reply to starttls", Phase::Tls),
    // Yahoo
    ("[rcpt_to]", Phase::Rcpt),
    ("[mail_from]", Phase::Mail),
    ("[data]", Phase::Data),
    // Gmail's states
    ("(state 14)", Phase::Rcpt),
    ("does not support tls", Phase::Tls),
    ("tls negotiation failed", Phase::Tls),
    // anybody
    ("host not found", Phase::Dns),
    ("domain not found", Phase::Dns),
    ("dns error", Phase::Dns),
    ("no mail servers appear to exist", Phase::Dns),
    ("unrouteable address", Phase::Dns),
    ("socket error", Phase::Connect),
    ("did not accept our requests to connect", Phase::Connect),
    ("unable to connect", Phase::Connect),
    ("connection refused", Phase::Connect),
    ("connection timed out", Phase::Connect),
    ("no route to host", Phase::Connect),
    ("network is unreachable", Phase::Connect),
];

/// Words that show that the other side is quoted.
const QUOTES: &[&str] = &[
    "said:",
    "did not like our",
    "smtp error from remote",
    "remote server returned",
    "other server returned",
    "server returned was:",
    "failed with: ",
    "the response from the remote server",
    "[rcpt_to]",
    "[mail_from]",
    "generated response",
];

static PHASE_SET: LazyLock<PhraseSet> =
    LazyLock::new(|| PhraseSet::new(PHASES.iter().map(|(phrase, _)| *phrase)));
static QUOTE_SET: LazyLock<PhraseSet> = LazyLock::new(|| PhraseSet::new(QUOTES.iter().copied()));

/// Fills a report from what was found.
pub(super) fn report_of(finding: Finding) -> Report {
    let mut report =
        Report { recipient: finding.recipient, original_recipient: finding.original, ..Report::default() };
    let words = start_of(&finding.reason, limits::DIAGNOSTIC_BYTES_MAX).trim();
    report.phase = finding.phase;
    report.remote_mta = finding.host;
    if !words.is_empty() {
        let reply = crate::reply::parse(words);
        report.reply_code = reply.code;
        report.status = reply.status;
        report.phase = report.phase.or(reply.phase).or_else(|| phase_in(words));
        report.remote_mta = report
            .remote_mta
            .or_else(|| reply.host.map(str::to_owned))
            .or_else(|| reply.ip.map(|ip| ip.to_string()));
        if report.remote_mta.is_none() {
            // Kundenserver and GMX: "SMTP error from remote server after RCPT command: host: mx.example"
            report.remote_mta = after_ignoring_case(words, "host: ")
                .and_then(|rest| rest.split([' ', ',', ';', '(']).next())
                .filter(|host| host.contains('.'))
                .map(str::to_owned);
        }
        let quoted = QUOTE_SET.is_in(words);
        let is_remote = quoted || report.reply_code.is_some();
        report.issuer = finding.issuer.or(Some(if is_remote { Issuer::Remote } else { Issuer::Reporting }));
        report.diagnostic = Some(words.to_owned());
    }
    report.status_origin = report.status.map(|_| StatusOrigin::Diagnostic);
    report.reported_status = finding.status;
    if report.status.is_none() {
        report.status = finding.status;
        report.status_origin = finding.status.map(|_| StatusOrigin::Reported);
    }
    let prose = start_of(&finding.prose, limits::PROSE_BYTES_MAX).trim();
    if !prose.is_empty() && prose != words {
        report.prose = Some(prose.to_owned());
    }
    report
}

/// Where in the dialogue it happened, by the words of the MTAs.
pub(super) fn phase_in(words: &str) -> Option<Phase> {
    let (number, ..) = PHASE_SET.first(words, |_, _, _| true)?;
    PHASES.get(number).map(|(_, phase)| *phase)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(reason: &str) -> Report {
        report_of(Finding { reason: reason.to_owned(), ..Finding::default() })
    }

    #[test]
    fn the_words_of_each_mta_tell_the_phase() {
        let same = |words, phase| assert_eq!(of(words).phase, Some(phase), "{words}");
        same("192.0.2.1 does not like recipient. Remote host said: 550 no", Phase::Rcpt);
        same("Connected to 192.0.2.1 but my name was rejected.", Phase::Ehlo);
        same("192.0.2.1 failed after I sent the message. Remote host said: 554 spam", Phase::EndOfData);
        same("mx.example [192.0.2.1] did not like our final DATA: 554 spam", Phase::EndOfData);
        same("Remote host said: 550 no [RCPT_TO]", Phase::Rcpt);
        same("Sorry, I couldn't find any host named gone.example. (#5.1.2)", Phase::Dns);
    }

    #[test]
    fn who_spoke_is_told_by_the_quotation() {
        assert_eq!(of("host mx.example[192.0.2.1] said: 550 no").issuer, Some(Issuer::Remote));
        assert_eq!(of("Sorry, no mailbox here by that name. (#5.1.1)").issuer, Some(Issuer::Reporting));
    }

    #[test]
    fn the_status_field_stands_in_where_the_words_have_none() {
        let status = "5.4.3".parse().ok();
        let report = report_of(Finding { reason: "550 no".to_owned(), status, ..Finding::default() });
        assert_eq!((report.status, report.status_origin), (status, Some(StatusOrigin::Reported)));
        let report = report_of(Finding { reason: "550 5.1.1 no".to_owned(), status, ..Finding::default() });
        assert_eq!(report.status.map(|s| s.to_string()).as_deref(), Some("5.1.1"));
        assert_eq!(report.reported_status, status);
    }
}
