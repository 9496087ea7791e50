//! The order of trust: the words of the diagnostic, its codes, the Status field, then the prose. What contradicts is said,
//! lowers the confidence, and never becomes a suppression.

use std::sync::Arc;

use abprall_mail::{Action, BounceType, Party, Permanence, Reason};

use super::codes::CodeTable;
use super::doubts::{Doubt, doubt_in};
use super::matcher::{Matcher, Searched, Weak};
use super::rule::Rule;
use super::words::Words;
use crate::{Because, Classification, Kind, Phase, Report};

/// The confidence of a rule that was found in the prose instead of the diagnostic.
const PROSE_FACTOR: f32 = 0.85;

/// What each contradiction leaves of the confidence.
const CONTRADICTION_FACTOR: f32 = 0.6;

/// Codes below this confidence only say "something": they leave the word to weak rules and to the prose.
const CLEAR: f32 = 0.5;

/// Below this confidence nobody is suppressed, only held: "mailbox unavailable" nearly always means that there is none.
const SURE_ENOUGH: f32 = 0.6;

/// Below this confidence nobody is stopped at all: a person has to look.
const LIKELY_ENOUGH: f32 = 0.5;

/// A reason with what speaks for it.
struct Opinion {
    reason: Reason,
    underlying: Option<Reason>,
    permanence: Option<Permanence>,
    action: Option<Action>,
    confidence: f32,
    because: Because,
}

pub(super) fn judge(report: &Report, rules: &Matcher, codes: &CodeTable) -> Classification {
    if let Some(reason) = reason_of_kind(report.kind) {
        return settled(reason, report.kind);
    }
    let words = Words::of(report.diagnostic.as_deref().unwrap_or_default());
    let mut opinions = opinions(report, &words, rules, codes).into_iter();
    let Some(mut first) = opinions.next() else { return unknown(report) };
    // A queue that ran out says how it ended; what another part says of the cause lies beneath.
    if first.reason == Reason::DeliveryExpired && first.underlying.is_none() {
        let beside = |text: &str| rules.cause_beside_expiry(&rules.search(text), report);
        first.underlying = beside(words.whole.as_deref().unwrap_or(&words.reply))
            .or_else(|| opinions.as_slice().iter().map(|other| other.reason).find(|reason| is_cause(*reason)))
            .or_else(|| beside(report.prose.as_deref()?));
    }
    if let Some(reason) = about_the_sender(report, first.reason) {
        first.reason = reason;
    }
    let permanence = permanence_of(report, &first);
    let mut contradictions = contradictions(report, &first, opinions.as_slice());
    contradictions.extend(doubt(&words.reply, &first, permanence));
    let party = first.reason.party();
    let mut confidence = first.confidence;
    for _ in &contradictions {
        confidence *= CONTRADICTION_FACTOR;
    }
    let bounce_type = match report.kind {
        Kind::Delayed => soft_of(party),
        _ => BounceType::of(party, permanence),
    };
    let action = action_of(report, &first, permanence, !contradictions.is_empty());
    Classification {
        reason: first.reason,
        underlying: first.underlying,
        permanence,
        bounce_type,
        party,
        category: first.reason.category(),
        action,
        confidence,
        because: std::iter::once(first.because).chain(opinions.map(|other| other.because)).collect(),
        contradictions,
    }
}

/// Before RCPT TO no server knows the recipient: an unknown domain or user is then the sender's. The same holds for the codes that
/// speak of the sender's address (RFC 3463 §3.2).
fn about_the_sender(report: &Report, reason: Reason) -> Option<Reason> {
    let about_recipient = matches!(reason.party(), Party::Recipient | Party::RecipientDomain);
    let is_senders_code = report.status.is_some_and(|s| s.subject() == 1 && matches!(s.detail(), 7 | 8));
    match report.phase {
        _ if is_senders_code && about_recipient => Some(Reason::SenderRejected),
        Some(Phase::Mail) if about_recipient => Some(Reason::SenderRejected),
        Some(Phase::Greeting | Phase::Ehlo) if about_recipient => Some(Reason::PolicyRefused),
        _ => None,
    }
}

/// All that has something to say, most trusted first.
fn opinions(report: &Report, words: &Words<'_>, rules: &Matcher, codes: &CodeTable) -> Vec<Opinion> {
    let mut opinions = Vec::with_capacity(3);
    let reply = rules.search(&words.reply);
    let opinion = |searched: &Searched<'_>, weak| {
        let (rule, words) = rules.first_match(searched, report, weak)?;
        Some(opinion_of(rule, words))
    };
    opinions.extend(opinion(&reply, Weak::No));
    let row = codes.find(report.status, report.reply_code, report.phase);
    let (clear, vague) = match row {
        Some(row) if row.reason != Reason::Undetermined && row.confidence >= CLEAR => (Some(row), None),
        row => (None, row),
    };
    let of_row = |row: &super::codes::CodeRow| Opinion {
        reason: row.reason,
        underlying: None,
        permanence: row.permanence,
        action: None,
        confidence: row.confidence,
        because: Because { rule: Arc::clone(&CODES), matched: codes_of(report) },
    };
    opinions.extend(clear.map(of_row));
    if opinions.is_empty() {
        let whole = words.whole.as_deref().map(|whole| rules.search(whole));
        let in_whole = |weak| opinion(whole.as_ref()?, weak);
        let in_prose = || {
            let found = opinion(&rules.search(report.prose.as_deref()?), Weak::No)?;
            Some(Opinion { confidence: found.confidence * PROSE_FACTOR, ..found })
        };
        // A remote's own words, even vague ones, come before the sentence that its client puts around them.
        let found = opinion(&reply, Weak::Yes)
            .or_else(|| in_whole(Weak::No))
            .or_else(in_prose)
            .or_else(|| in_whole(Weak::Yes));
        opinions.extend(found);
    }
    // A provider has seen the reply too, but names it coarsely: its class speaks only where the reply itself says nothing clear.
    if opinions.is_empty() {
        opinions.extend(of_provider(report));
    }
    opinions.extend(vague.map(of_row));
    opinions
}

fn of_provider(report: &Report) -> Option<Opinion> {
    let class = report.provider_class.as_ref()?;
    Some(Opinion {
        reason: class.reason?,
        underlying: None,
        permanence: None,
        action: None,
        confidence: class.confidence,
        because: Because { rule: Arc::clone(&PROVIDER_CLASS), matched: class.word.clone() },
    })
}

/// The rule id under which a provider's class appears in `because`.
static PROVIDER_CLASS: std::sync::LazyLock<Arc<str>> =
    std::sync::LazyLock::new(|| Arc::from("provider-class"));

/// The rule id under which the table of codes appears in `because`.
static CODES: std::sync::LazyLock<Arc<str>> = std::sync::LazyLock::new(|| Arc::from("codes"));

fn opinion_of(rule: &Rule, words: &str) -> Opinion {
    Opinion {
        reason: rule.reason,
        underlying: rule.underlying,
        permanence: rule.permanence,
        action: rule.action,
        confidence: rule.confidence,
        because: Because { rule: Arc::clone(&rule.id), matched: words.to_owned() },
    }
}

fn codes_of(report: &Report) -> String {
    match (report.reply_code, report.status) {
        (Some(code), Some(status)) => format!("{code} {status}"),
        (Some(code), None) => code.to_string(),
        (None, Some(status)) => status.to_string(),
        (None, None) => String::new(),
    }
}

/// By cause: the reason's usual permanence, softened by a transient code. The reply code outranks the status: Haraka writes
/// 5.x.x over a 4xx reply, Postfix keeps 4.x.x under a greeting of 554.
fn permanence_of(report: &Report, opinion: &Opinion) -> Permanence {
    if report.kind == Kind::Delayed {
        return Permanence::Transient;
    }
    let said_transient = match (report.reply_code, report.status) {
        (Some(code), _) => code.is_transient(),
        (None, Some(status)) => status.is_transient(),
        (None, None) => false,
    };
    let said_permanent = match (report.reply_code, report.status) {
        (Some(code), _) => code.is_permanent(),
        (None, Some(status)) => status.is_permanent(),
        (None, None) => false,
    };
    // A rule that says so knows better than a catch-all status: Google writes 4.0.0 over NXDOMAIN.
    if opinion.permanence == Some(Permanence::Permanent)
        && report.reply_code.is_none_or(abprall_mail::ReplyCode::is_permanent)
    {
        return Permanence::Permanent;
    }
    let usual = opinion.permanence.unwrap_or_else(|| opinion.reason.usual_permanence());
    match usual {
        Permanence::Transient => Permanence::Transient,
        Permanence::Permanent if said_transient => Permanence::Transient,
        Permanence::Permanent => Permanence::Permanent,
        Permanence::Undetermined if said_transient => Permanence::Transient,
        Permanence::Undetermined if said_permanent && opinion.permanence.is_none() => Permanence::Permanent,
        Permanence::Undetermined => Permanence::Undetermined,
    }
}

fn action_of(report: &Report, opinion: &Opinion, permanence: Permanence, contradicted: bool) -> Action {
    let party = opinion.reason.party();
    let action = opinion.action.unwrap_or(match (party, permanence) {
        (Party::Sender | Party::Message | Party::OwnSystem, _) => opinion.reason.default_action(),
        (_, Permanence::Transient) => Action::Retry,
        (Party::Recipient, Permanence::Permanent) => Action::Suppress,
        (Party::RecipientDomain | Party::Route, Permanence::Permanent) => Action::Hold,
        (Party::Recipient | Party::RecipientDomain | Party::Route, Permanence::Undetermined) => {
            Action::Review
        }
        (Party::Receiver | Party::Unknown | Party::None, _) => Action::Review,
    });
    match action {
        // The MTA still has the message and goes on trying: there is nothing to do yet, whoever is to blame.
        _ if report.kind == Kind::Delayed => Action::Retry,
        // A mailbox whose filter answers is alive: what it refused may have been this one message.
        Action::Suppress if report.phase == Some(Phase::AfterDelivery) && is_filter(opinion.reason) => {
            Action::Review
        }
        // What contradicts itself lowers the confidence further down, and is told apart from what nobody is sure of.
        Action::Suppress | Action::Hold if opinion.confidence < LIKELY_ENOUGH => Action::Review,
        Action::Suppress if contradicted || opinion.confidence < SURE_ENOUGH => Action::Hold,
        action => action,
    }
}

fn soft_of(party: Party) -> BounceType {
    match party {
        Party::None => BounceType::None,
        Party::Sender | Party::Message => BounceType::Block,
        _ => BounceType::Soft,
    }
}

/// In words, what in the report speaks against what else it says.
fn contradictions(report: &Report, opinion: &Opinion, others: &[Opinion]) -> Vec<String> {
    let mut found = Vec::new();
    if let (Some(code), Some(status)) = (report.reply_code, report.status)
        && (code.is_transient() && status.is_permanent() || code.is_permanent() && status.is_transient())
    {
        found.push(format!("the reply code {code} and the enhanced code {status} are of different classes"));
    }
    if let (Some(reported), Some(status)) = (report.reported_status, report.status)
        && reported != status
        // Exim, OpenSMTPD and Courier write 5.0.0 and 4.0.0 whatever the reply says: that says nothing.
        && !(reported.subject() == 0 && reported.detail() == 0)
        && (reported.class() != status.class() || reported.subject() != status.subject())
    {
        found.push(format!("the Status field says {reported}, the reply {status}"));
    }
    for other in others {
        let stops = |party| matches!(party, Party::Recipient | Party::RecipientDomain | Party::Route);
        let blames_sender = |party| matches!(party, Party::Sender | Party::Message | Party::OwnSystem);
        let (here, there) = (opinion.reason.party(), other.reason.party());
        // 5.7.1 is what many servers add to any refusal: it contradicts nothing by itself.
        if stops(here) && blames_sender(there) && !is_catch_all(report)
            || blames_sender(here) && there == Party::Recipient && other.confidence >= CLEAR
        {
            found.push(format!(
                "“{}” says {}, “{}” says {}",
                opinion.because.matched, opinion.reason, other.because.matched, other.reason
            ));
        }
    }
    found
}

/// A mailbox that is gone for good, in a reply that speaks of us or of later as well.
fn doubt(reply: &str, opinion: &Opinion, permanence: Permanence) -> Option<String> {
    if opinion.reason.party() != Party::Recipient || permanence != Permanence::Permanent {
        return None;
    }
    let (doubt, words) = doubt_in(reply, &opinion.because.matched)?;
    let about = match doubt {
        Doubt::Sender => "speaks of the sender",
        Doubt::Later => "may be otherwise later",
    };
    Some(format!("“{}” says {}, “{words}” {about}", opinion.because.matched, opinion.reason))
}

fn is_catch_all(report: &Report) -> bool {
    report
        .status
        .is_none_or(|status| matches!((status.subject(), status.detail()), (7, 1) | (0, 0) | (1..=7, 0)))
}

fn is_filter(reason: Reason) -> bool {
    matches!(reason, Reason::RecipientFiltered | Reason::RecipientRestricted)
}

fn is_cause(reason: Reason) -> bool {
    !matches!(reason, Reason::DeliveryExpired | Reason::Undetermined)
}

fn reason_of_kind(kind: Kind) -> Option<Reason> {
    match kind {
        Kind::Failed | Kind::Delayed => None,
        Kind::Delivered => Some(Reason::Delivered),
        Kind::Relayed => Some(Reason::Relayed),
        Kind::Expanded => Some(Reason::Expanded),
        Kind::Complaint => Some(Reason::Complaint),
        Kind::AutoReply => Some(Reason::AutoReply),
        Kind::Unsubscribe => Some(Reason::Unsubscribe),
        Kind::Challenge => Some(Reason::Challenge),
        Kind::Other => Some(Reason::Undetermined),
    }
}

fn settled(reason: Reason, kind: Kind) -> Classification {
    let because = Because { rule: Arc::from("kind"), matched: kind.as_str().to_owned() };
    Classification {
        reason,
        underlying: None,
        permanence: reason.usual_permanence(),
        bounce_type: BounceType::None,
        party: reason.party(),
        category: reason.category(),
        action: reason.default_action(),
        confidence: 0.95,
        because: vec![because],
        contradictions: Vec::new(),
    }
}

/// Nothing is known but what the first digit says.
fn unknown(report: &Report) -> Classification {
    let transient = report.kind == Kind::Delayed
        || report.reply_code.map_or_else(
            || report.status.is_some_and(abprall_mail::EnhancedStatus::is_transient),
            abprall_mail::ReplyCode::is_transient,
        );
    // What a mailbox itself refuses in words of its own, its owner's filter refused.
    let reason = match report.phase {
        Some(Phase::AfterDelivery) => Reason::RecipientFiltered,
        _ => Reason::Undetermined,
    };
    Classification {
        reason,
        underlying: None,
        permanence: if transient { Permanence::Transient } else { Permanence::Undetermined },
        bounce_type: BounceType::Soft,
        party: reason.party(),
        category: reason.category(),
        action: if transient { Action::Retry } else { Action::Review },
        confidence: 0.2,
        because: Vec::new(),
        contradictions: Vec::new(),
    }
}
