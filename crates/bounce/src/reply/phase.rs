use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use crate::Phase;

/// Words of MTAs that tell where in the dialogue it happened. The first one that occurs in the text counts.
const WORDS: &[(&str, Phase)] = &[
    // Postfix
    ("in reply to rcpt to", Phase::Rcpt),
    ("in reply to mail from", Phase::Mail),
    ("in reply to end of data", Phase::EndOfData),
    ("in reply to data", Phase::Data),
    ("in reply to ehlo", Phase::Ehlo),
    ("in reply to helo", Phase::Ehlo),
    ("in reply to starttls", Phase::Tls),
    ("refused to talk to me", Phase::Greeting),
    ("while receiving the initial server greeting", Phase::Greeting),
    ("while performing the ehlo handshake", Phase::Ehlo),
    ("while performing the helo handshake", Phase::Ehlo),
    ("while performing the lhlo handshake", Phase::Ehlo),
    ("while performing the initial protocol exchange", Phase::Ehlo),
    ("while sending mail from", Phase::Mail),
    ("while sending rcpt to", Phase::Rcpt),
    ("while sending data command", Phase::Data),
    ("while sending message body", Phase::EndOfData),
    ("while sending end of data", Phase::EndOfData),
    ("name service error", Phase::Dns),
    ("unable to look up host", Phase::Dns),
    ("unable to find primary relay", Phase::Dns),
    ("connect to ", Phase::Connect),
    ("cannot start tls", Phase::Tls),
    ("tls is required", Phase::Tls),
    ("server certificate not", Phase::Tls),
    ("delivery temporarily suspended", Phase::Queue),
    // Exim
    ("after rcpt to", Phase::Rcpt),
    ("after pipelined rcpt to", Phase::Rcpt),
    ("after mail from", Phase::Mail),
    ("after pipelined mail from", Phase::Mail),
    ("after end of data", Phase::EndOfData),
    ("after pipelined end of data", Phase::EndOfData),
    ("after sending data block", Phase::EndOfData),
    ("after data", Phase::Data),
    ("after pipelined data", Phase::Data),
    ("after initial connection", Phase::Greeting),
    ("in response to initial connection", Phase::Greeting),
    ("after helo", Phase::Ehlo),
    ("after ehlo", Phase::Ehlo),
    ("after starttls", Phase::Tls),
    ("unrouteable address", Phase::Dns),
    ("unrouteable mail domain", Phase::Dns),
    ("host lookup did not complete", Phase::Dns),
    ("all relevant mx records point to non-existent hosts", Phase::Dns),
    ("mx or srv record indicated no smtp service", Phase::Dns),
    ("retry timeout exceeded", Phase::Queue),
    ("retry time not reached", Phase::Queue),
    // qmail
    ("does not like recipient", Phase::Rcpt),
    ("sender was rejected", Phase::Mail),
    ("my name was rejected", Phase::Ehlo),
    ("failed on data command", Phase::Data),
    ("failed after i sent the message", Phase::EndOfData),
    ("greeting failed", Phase::Greeting),
    ("wasn't able to establish an smtp connection", Phase::Connect),
    ("couldn't find any host", Phase::Dns),
    ("couldn't find a mail exchanger", Phase::Dns),
    ("cname lookup failed", Phase::Dns),
    ("connection died", Phase::EndOfData),
    // Sendmail
    (">>> rcpt", Phase::Rcpt),
    (">>> mail", Phase::Mail),
    (">>> data", Phase::Data),
    (">>> ehlo", Phase::Ehlo),
    (">>> helo", Phase::Ehlo),
    (">>> starttls", Phase::Tls),
    ("host name lookup failure", Phase::Dns),
    ("host unknown (name server", Phase::Dns),
    // dma, OpenSMTPD, nullmailer, others
    ("did not like our rcpt", Phase::Rcpt),
    ("did not like our mail", Phase::Mail),
    ("did not like our final data", Phase::EndOfData),
    ("did not like our data", Phase::Data),
    ("did not like our ehlo", Phase::Ehlo),
    ("for rcpt command", Phase::Rcpt),
    ("for mail command", Phase::Mail),
    ("for text command", Phase::EndOfData),
    ("for data command", Phase::Data),
    ("[rcpt_to]", Phase::Rcpt),
    ("[mail_from]", Phase::Mail),
    ("[data]", Phase::Data),
    ("envelope expired", Phase::Queue),
    ("no mx found for domain", Phase::Dns),
    ("dns query failed", Phase::Dns),
    ("dns domain", Phase::Dns),
    ("no route to host", Phase::Connect),
    ("network is unreachable", Phase::Connect),
    ("connection refused", Phase::Connect),
    ("connection timed out", Phase::Connect),
    ("tls negotiation failed", Phase::Tls),
];

static SEARCH: LazyLock<AhoCorasick> = LazyLock::new(|| {
    AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .match_kind(MatchKind::LeftmostLongest)
        // Small, and every reply goes through it.
        .kind(Some(AhoCorasickKind::DFA))
        .build(WORDS.iter().map(|(words, _)| words))
        .expect("the list is short and constant")
});

/// The phase that the words of a text tell.
pub(super) fn of(text: &str) -> Option<Phase> {
    let found = SEARCH.find(text)?;
    Some(WORDS[found.pattern().as_usize()].1)
}
