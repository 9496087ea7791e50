use std::io::{self, ErrorKind};
use std::time::Duration;

use abprall_wire::smtp::{self, Conversation, End, Reply, ReplyError, StartTlsOutcome, Step, Timeouts};
use jiff::Timestamp;
use rustls::pki_types::CertificateDer;

use super::session::{Secured, millis};
use super::{ProbeTarget, not_tried};
use crate::observe::dane::dane_state;
use crate::observe::politeness::VisitEnd;
use crate::observe::tls::TlsProbe;
use crate::{
    AddressState, CertificateFact, ChainVerdict, DaneState, SmtpFact, SmtpReply, Speaker, TlsFact,
    TranscriptLine,
};

/// What a connection attempt that failed says of the address.
pub(super) fn connect_failure(error: &io::Error) -> (AddressState, String) {
    let state = match error.kind() {
        ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset => AddressState::Refused,
        ErrorKind::TimedOut => AddressState::Timeout,
        ErrorKind::HostUnreachable
        | ErrorKind::NetworkUnreachable
        | ErrorKind::NetworkDown
        | ErrorKind::AddrNotAvailable
        // A packet filter that answers "administratively prohibited", or a local one.
        | ErrorKind::PermissionDenied => AddressState::Unreachable,
        // Too many open files and the like are our own trouble, and say nothing of the server.
        _ => AddressState::NotProbed,
    };
    (state, system_words(error))
}

/// The system's words for an error; its number helps nobody who reads.
fn system_words(error: &io::Error) -> String {
    let words = error.to_string();
    match words.split_once(" (os error ") {
        Some((words, _)) => words.to_owned(),
        None => words,
    }
}

/// A conversation as a fact. What it says of TLS is not judged yet.
pub(super) fn fact_of(
    conversation: Conversation,
    target: &ProbeTarget,
    connected: Duration,
    secured: Option<Secured>,
    timeouts: &Timeouts,
) -> SmtpFact {
    let (state, detail) = state_of(&conversation, timeouts);
    let connect = TranscriptLine {
        ms: millis(connected),
        speaker: Speaker::Network,
        text: format!("connected to {}", target.socket()),
    };
    let said = conversation.transcript.into_entries().into_iter().map(|entry| TranscriptLine {
        ms: millis(entry.at),
        speaker: match entry.speaker {
            smtp::Speaker::Client => Speaker::Client,
            smtp::Speaker::Server => Speaker::Server,
            smtp::Speaker::Network => Speaker::Network,
        },
        text: entry.text,
    });
    SmtpFact {
        detail,
        connect_ms: Some(millis(connected)),
        greeting_ms: conversation.greeting_at.map(|at| millis(at.saturating_sub(connected))),
        greeting: conversation.greeting.map(smtp_reply),
        ehlo: conversation.hello.map(smtp_reply),
        capabilities: conversation.capabilities.iter().map(str::to_owned).collect(),
        tls: unjudged(conversation.starttls, secured),
        transcript: std::iter::once(connect).chain(said).collect(),
        ..not_tried(target, state, String::new())
    }
}

/// What a fact says of TLS, judged for a host and its TLSA records.
pub(super) fn tls_fact(
    tls: &TlsFact,
    chain: &[CertificateDer<'static>],
    probe: &TlsProbe,
    target: &ProbeTarget,
    now: Timestamp,
) -> TlsFact {
    match tls {
        TlsFact::Established { version, cipher, .. } => {
            let certificate = probe.judge(chain, &target.host, now);
            let dane = dane_state(&target.tlsa, chain, certificate.name_matches, now);
            TlsFact::Established {
                version: version.clone(),
                cipher: cipher.clone(),
                certificate: Box::new(certificate),
                dane,
            }
        }
        TlsFact::NotTried | TlsFact::NotOffered | TlsFact::Failed { .. } => tls.clone(),
    }
}

/// Whether a certificate that was seen under one name answers for another, too.
pub(super) fn suits(judged: &TlsFact) -> bool {
    match judged {
        TlsFact::Established { certificate, dane, .. } => match dane {
            DaneState::Match => true,
            DaneState::Mismatch => false,
            DaneState::NotUsed | DaneState::LookupFailed => certificate.name_matches,
        },
        TlsFact::NotTried | TlsFact::NotOffered | TlsFact::Failed { .. } => true,
    }
}

/// What a visit means for the next one.
pub(super) fn visit_end(fact: &SmtpFact) -> VisitEnd {
    let code = |reply: &Option<SmtpReply>| reply.as_ref().map_or(0, |reply| reply.code);
    match fact.state {
        AddressState::Ok => VisitEnd::Answered,
        AddressState::Greeting4xx if code(&fact.greeting) == 421 => VisitEnd::Busy,
        AddressState::EhloRejected if code(&fact.ehlo) == 421 => VisitEnd::Busy,
        // 521 is for everybody: the host takes no mail at all (RFC 7504 §3).
        AddressState::Greeting5xx if code(&fact.greeting) == 521 => VisitEnd::Answered,
        AddressState::Greeting5xx => VisitEnd::RefusedByPolicy,
        AddressState::Greeting4xx | AddressState::EhloRejected => VisitEnd::Answered,
        AddressState::Refused
        | AddressState::Timeout
        | AddressState::Unreachable
        | AddressState::Closed
        | AddressState::GreetingTimeout
        | AddressState::Forbidden
        | AddressState::NotProbed => VisitEnd::Failed,
    }
}

fn state_of(conversation: &Conversation, timeouts: &Timeouts) -> (AddressState, Option<String>) {
    let end = conversation.end.as_ref().and_then(|end| end_in_words(end, conversation, timeouts));
    let Some(greeting) = &conversation.greeting else {
        let state = match &conversation.end {
            Some(End::TimedOut { .. } | End::TooMuch { .. }) => AddressState::GreetingTimeout,
            Some(End::Broken { error: ReplyError::TooManyLines | ReplyError::TooLong, .. }) => {
                AddressState::GreetingTimeout
            }
            Some(End::Broken { error: ReplyError::NotAReply { .. }, .. }) => AddressState::EhloRejected,
            Some(End::Closed { .. } | End::Done) | None => AddressState::Closed,
        };
        return (state, end);
    };
    match (&conversation.hello, greeting) {
        (_, greeting) if greeting.is_transient() => (AddressState::Greeting4xx, Some(in_words(greeting))),
        (_, greeting) if greeting.is_permanent() => (AddressState::Greeting5xx, Some(in_words(greeting))),
        (_, greeting) if !greeting.is_success() => (
            AddressState::EhloRejected,
            Some(format!("a greeting that makes no sense: {}", in_words(greeting))),
        ),
        // What goes wrong after EHLO does not hinder mail in the clear; it is told all the same.
        (Some(hello), _) if hello.is_success() => {
            (AddressState::Ok, end.or_else(|| within_tls(conversation)))
        }
        (Some(hello), _) => {
            let said = in_words(hello);
            (AddressState::EhloRejected, Some(end.map_or(said.clone(), |end| format!("{said}; {end}"))))
        }
        (None, _) => (AddressState::EhloRejected, end),
    }
}

fn within_tls(conversation: &Conversation) -> Option<String> {
    let reply = conversation.hello_within_tls.as_ref().filter(|reply| !reply.is_success())?;
    Some(format!("EHLO within TLS was refused: {}", in_words(reply)))
}

fn end_in_words(end: &End, conversation: &Conversation, timeouts: &Timeouts) -> Option<String> {
    let words = match end {
        End::Done => return None,
        End::Closed { waiting_for: Step::Greeting } => "closed before a whole greeting".to_owned(),
        End::Closed { waiting_for } => format!("closed instead of an answer to {waiting_for}"),
        End::TimedOut { waiting_for, waited } => {
            let limit = match waiting_for {
                Step::Greeting => timeouts.greeting,
                Step::Ehlo | Step::Helo | Step::StartTls | Step::EhloWithinTls => timeouts.reply,
                Step::Handshake => timeouts.handshake,
                Step::Quit => timeouts.quit,
            };
            let whose = if *waited < limit { ", when our own time was over" } else { "" };
            match waiting_for {
                Step::Greeting => format!("no whole greeting within {:.1} s{whose}", waited.as_secs_f64()),
                step => format!("no whole answer to {step} within {:.1} s{whose}", waited.as_secs_f64()),
            }
        }
        End::Broken { waiting_for, error } => format!("{waiting_for}: {error}"),
        End::TooMuch { waiting_for } => format!("{waiting_for}: the server does not stop talking"),
    };
    Some(match &conversation.unfinished {
        None => words,
        Some(text) => format!("{words}; until then: {}", shorten(text)),
    })
}

fn unjudged(starttls: StartTlsOutcome, secured: Option<Secured>) -> TlsFact {
    match (starttls, secured) {
        (StartTlsOutcome::NotReached, _) => TlsFact::NotTried,
        (StartTlsOutcome::NotOffered, _) => TlsFact::NotOffered,
        (StartTlsOutcome::Refused(reply), _) => {
            TlsFact::Failed { detail: format!("STARTTLS was refused: {}", in_words(&reply)) }
        }
        (StartTlsOutcome::Failed { detail }, _) => TlsFact::Failed { detail },
        (StartTlsOutcome::Established, Some(secured)) => TlsFact::Established {
            version: secured.version,
            cipher: secured.cipher,
            certificate: Box::new(CertificateFact {
                names: Vec::new(),
                issuer: String::new(),
                not_before: Timestamp::UNIX_EPOCH,
                not_after: Timestamp::UNIX_EPOCH,
                chain: ChainVerdict::Invalid { detail: "not judged".to_owned() },
                name_matches: false,
            }),
            dane: DaneState::NotUsed,
        },
        (StartTlsOutcome::Established, None) => TlsFact::NotTried,
    }
}

fn smtp_reply(reply: Reply) -> SmtpReply {
    SmtpReply { code: reply.code, text: reply.text }
}

fn in_words(reply: &Reply) -> String {
    shorten(format!("{:03} {}", reply.code, reply.text).trim_end())
}

/// One line of at most 200 characters.
fn shorten(text: &str) -> String {
    let line = text.replace('\n', " / ");
    match line.char_indices().nth(200) {
        None => line,
        Some((end, _)) => format!("{}…", &line[..end]),
    }
}
