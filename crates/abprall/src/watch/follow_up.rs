//! What follows from a look at a domain. Pure: what is known and what was seen come in, what is to be stored goes out.

use abprall_mail::{Confidence, Domain, FindingId, Reason, Verdict};
use abprall_policy::{
    Conclusion, DomainHealth, DomainLook, Evidence, HealthState, IncidentEvent, Policy, ReinstateEvent,
    Reinstatement, Release, Rhythm, conclude, incident_key, next_look,
};
use abprall_route::{ClaimJudgement, DecisionRow, Diagnosis};
use abprall_store::{
    DomainDetail, DomainUpdate, NewObservation, Observation, State, WatchedHost, WorkOutcome,
};
use jiff::{SignedDuration, Timestamp};

use super::limits::AGAIN_AFTER;
use super::look::Seen;
use super::news::What;
use super::ownership::{mx_hosts, operators, ownership, registrable, was_unregistered};
use super::{hosts, way_back};

/// What is known before a look.
pub(super) struct Situation<'a> {
    pub(super) domain: &'a Domain,
    pub(super) occasion: Occasion,
    /// `None`: nothing is known of it.
    pub(super) detail: Option<&'a DomainDetail>,
    pub(super) hosts: &'a [WatchedHost],
    /// Earlier looks, newest first.
    pub(super) looks: &'a [Observation],
    /// What the bounces are worth, held against what was seen.
    pub(super) judgements: &'a [ClaimJudgement],
    pub(super) house: House,
}

/// Why it is looked at.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Occasion {
    /// Addresses of it are held for this reason.
    Held(Reason),
    /// It was looked at before; the newest reason, where one is known.
    Again(Option<Reason>),
}

/// Whether so much fails at once that it is rather us.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum House {
    Calm,
    Frozen,
}

/// What follows.
pub(super) struct FollowUp {
    pub(super) outcome: WorkOutcome,
    pub(super) what: What,
    /// The rule that decided.
    pub(super) rule: Option<&'static str>,
    /// The advice of a claim, or why a person is needed.
    pub(super) detail: Option<String>,
}

/// Works out what a look means.
pub(super) fn of_domain(known: &Situation<'_>, seen: &Seen, policy: &Policy, now: Timestamp) -> FollowUp {
    let diagnosis = &seen.diagnosis;
    let verdict = diagnosis.verdict;
    let before = known.detail.and_then(|detail| detail.row.health);
    let look = DomainLook { verdict, confidence: diagnosis.confidence };
    let health = before.unwrap_or_else(|| DomainHealth::new(now)).after(look, now, &policy.watch);
    let mx = mx_hosts(diagnosis);
    let operators = operators(&mx);
    let at_stake = is_at_stake(known);
    let stage_before = known.detail.and_then(|detail| detail.reinstatement);
    let was_down = before.is_some_and(|before| {
        matches!(before.state, HealthState::Failing | HealthState::Dead | HealthState::Recovering)
    });
    let on_its_way = verdict.is_deliverable() && (was_down || stage_before.is_some_and(is_under_way));
    let conclusion = (at_stake && !on_its_way).then(|| conclusion(known, diagnosis, health));

    let begin = || {
        let since = before.and_then(|before| before.failing_since);
        let detail = known.detail?;
        let was_absent = was_unregistered(known.domain, known.looks, since);
        let owner = ownership(detail, &operators, &seen.name_servers, was_absent);
        Some(Reinstatement::begin(since, owner, now, &policy.reinstate))
    };
    let down_before = before.is_some_and(|before| !before.state.is_usable());
    let stage = match (verdict.is_deliverable() && at_stake, stage_before) {
        (true, Some(waits @ Reinstatement::NeedsPerson { .. })) => Some(waits),
        (true, _) if down_before => begin(),
        (true, None | Some(Reinstatement::Done)) => match conclusion {
            None => begin(),
            Some(Conclusion::Keep { rule: "owner-changed" }) => begin(),
            Some(Conclusion::Keep { rule: "failure-behind-mx" }) if is_old(known, now) => begin(),
            Some(_) => stage_before,
        },
        (true, Some(Reinstatement::Stopped { at })) if now >= after(at, AGAIN_AFTER) => begin(),
        (true, stage) => stage,
        // It may fail while some are back already.
        (false, Some(stage)) => Some(stage.step(ReinstateEvent::Time, &health, 1, now, &policy.reinstate).0),
        (false, None) => None,
    };

    let mut outcome = WorkOutcome {
        observation: Some(observation(diagnosis, now)),
        // A look that saw nothing must not overwrite what is known.
        domain: (!matches!(diagnosis.verdict, Verdict::VantageBlind | Verdict::Unknown)).then(|| {
            DomainUpdate {
                health,
                operator: if let [operator] = operators.as_slice() { Some(operator.clone()) } else { None },
                mx_hosts: mx,
                name_servers: seen.name_servers.clone(),
            }
        }),
        hosts: hosts::of_domain(diagnosis, known.hosts, policy, now),
        conclusion,
        seen: seen_reason(diagnosis),
        reinstatement: stage.filter(|_| stage != stage_before),
        incident: incident(known.domain, diagnosis, &operators, conclusion),
        ..WorkOutcome::default()
    };
    if down_before && health.state == HealthState::Recovering {
        outcome.events.push((IncidentEvent::Recovering, None));
    }
    let stays = at_stake && !matches!(conclusion, Some(Conclusion::Release { .. } | Conclusion::OwnFault));
    outcome.next_look = next(known, diagnosis, &health, stage.filter(|_| stays), stays, policy, now);
    if stage == Some(Reinstatement::Waiting) && verdict.is_deliverable() {
        let waiting = known.detail.map_or(0, |detail| way_back::count(detail.waiting));
        let (after, release) =
            Reinstatement::Waiting.step(ReinstateEvent::Time, &health, waiting, now, &policy.reinstate);
        outcome.next_release = (release != Release::Nobody || after == Reinstatement::Done).then_some(now);
    }
    let (what, detail) = told(known, verdict, conclusion, stage, stage_before);
    FollowUp { outcome, what, rule: conclusion.map(Conclusion::rule), detail }
}

/// Whether anybody of the domain is stopped for the route's sake.
fn is_at_stake(known: &Situation<'_>) -> bool {
    matches!(known.occasion, Occasion::Held(_))
        || known.detail.is_some_and(|detail| detail.waiting > 0 || detail.row.state != State::Ok)
}

fn is_under_way(stage: Reinstatement) -> bool {
    match stage {
        Reinstatement::Waiting
        | Reinstatement::Canary { .. }
        | Reinstatement::Batches { .. }
        | Reinstatement::Stopped { .. }
        | Reinstatement::NeedsPerson { .. } => true,
        Reinstatement::Done => false,
    }
}

/// The claims are so old that a single address may find out whether they still hold.
fn is_old(known: &Situation<'_>, now: Timestamp) -> bool {
    let last = known.detail.and_then(|detail| detail.row.last_failure_at);
    last.is_some_and(|last| now >= after(last, AGAIN_AFTER))
}

fn conclusion(known: &Situation<'_>, diagnosis: &Diagnosis, health: DomainHealth) -> Conclusion {
    let behind_mx = known.judgements.iter().any(|judgement| is_behind_mx(judgement.row));
    let own = known.judgements.iter().any(|judgement| is_own_fault(judgement, diagnosis.verdict));
    let evidence = Evidence {
        verdict: diagnosis.verdict,
        confidence: diagnosis.confidence,
        // Who cannot see now cannot say whose fault it was then.
        own_fault: own && !behind_mx && diagnosis.vantage.ok,
        behind_mx,
        health,
    };
    let claim = match known.occasion {
        Occasion::Held(reason) => reason,
        Occasion::Again(reason) => reason
            .or_else(|| known.detail.and_then(|detail| detail.row.last_reason))
            .unwrap_or(Reason::RoutingServerFailure),
    };
    match conclude(claim, &evidence) {
        Conclusion::HoldDomain { .. } | Conclusion::SuppressDomain { .. }
            if known.house == House::Frozen && diagnosis.verdict != Verdict::NoMailByIntent =>
        {
            Conclusion::Keep { rule: "too-much-at-once" }
        }
        concluded => concluded,
    }
}

/// What the DNS says plainly is the reason, whatever a bounce called it.
const PLAIN: [(FindingId, Reason); 3] = [
    (FindingId::NullMx, Reason::NullMx),
    (FindingId::DomainNxdomain, Reason::DomainNotFound),
    (FindingId::DomainNoMailHost, Reason::NoMailRoute),
];

fn seen_reason(diagnosis: &Diagnosis) -> Option<Reason> {
    let is_found = |id: FindingId| diagnosis.findings.iter().any(|finding| finding.id == id);
    PLAIN.into_iter().find(|(id, _)| is_found(*id)).map(|(_, reason)| reason)
}

/// A probe of the MX cannot refute it: it is inside the recipient's system, or between us and it.
fn is_behind_mx(row: DecisionRow) -> bool {
    match row {
        DecisionRow::BehindMx
        | DecisionRow::RelayDenied
        | DecisionRow::Loop
        | DecisionRow::Forwarder
        | DecisionRow::RemoteTrouble => true,
        DecisionRow::NoFailure
        | DecisionRow::VantageOutage
        | DecisionRow::OursButRouteWorks
        | DecisionRow::OursResolver
        | DecisionRow::OursConfiguration
        | DecisionRow::OursAndDnsFails
        | DecisionRow::OursAndDnsNegative
        | DecisionRow::OursUnconfirmed
        | DecisionRow::OursAndServersDown
        | DecisionRow::MxDown
        | DecisionRow::Sender
        | DecisionRow::Address => false,
    }
}

/// Our own mail server said what the network does not say: its resolver or its configuration is at fault.
fn is_own_fault(judgement: &ClaimJudgement, verdict: Verdict) -> bool {
    let of_resolver = judgement.findings.contains(&abprall_mail::FindingId::OwnResolverFault);
    match judgement.row {
        DecisionRow::OursButRouteWorks => of_resolver,
        DecisionRow::OursConfiguration => verdict.is_deliverable(),
        DecisionRow::NoFailure
        | DecisionRow::VantageOutage
        | DecisionRow::OursResolver
        | DecisionRow::OursAndDnsFails
        | DecisionRow::OursAndDnsNegative
        | DecisionRow::OursUnconfirmed
        | DecisionRow::OursAndServersDown
        | DecisionRow::BehindMx
        | DecisionRow::MxDown
        | DecisionRow::RelayDenied
        | DecisionRow::Loop
        | DecisionRow::Forwarder
        | DecisionRow::RemoteTrouble
        | DecisionRow::Sender
        | DecisionRow::Address => false,
    }
}

/// Domains whose mail hosts fail belong to the incident of who runs these.
fn incident(
    domain: &Domain,
    diagnosis: &Diagnosis,
    operators: &[String],
    conclusion: Option<Conclusion>,
) -> Option<String> {
    let stops = matches!(conclusion, Some(Conclusion::HoldDomain { .. } | Conclusion::SuppressDomain { .. }));
    let hosts_fail = diagnosis.mx.iter().any(|mx| !mx.addresses.is_empty());
    let operators: Vec<_> = operators.iter().map(String::as_str).collect();
    let key = incident_key(domain.as_str(), &registrable(domain.as_str()), &operators, hosts_fail);
    stops.then_some(key)
}

fn observation(diagnosis: &Diagnosis, now: Timestamp) -> NewObservation {
    NewObservation {
        at: now,
        verdict: diagnosis.verdict,
        confidence: diagnosis.confidence,
        diagnosis: serde_json::to_string(diagnosis).unwrap_or_else(|_| "null".to_owned()),
    }
}

/// When to look again, by the rhythm of the state; `None`: there is nothing to wait for.
fn next(
    known: &Situation<'_>,
    diagnosis: &Diagnosis,
    health: &DomainHealth,
    stage: Option<Reinstatement>,
    stays: bool,
    policy: &Policy,
    now: Timestamp,
) -> Option<Timestamp> {
    let chance = hosts::chance(known.domain.as_str(), now);
    let not_before = diagnosis.look_again_at;
    let since = health.failing_since.unwrap_or(health.since);
    let at = |rhythm, looks, since| next_look(rhythm, looks, since, now, not_before, chance);
    if matches!(diagnosis.verdict, Verdict::VantageBlind | Verdict::Unknown) {
        let blind = |look: &&Observation| matches!(look.verdict, Verdict::VantageBlind | Verdict::Unknown);
        let before = known.looks.iter().take_while(blind);
        let since = before.clone().last().map_or(now, |look| look.at);
        let looks = u32::try_from(before.count()).unwrap_or(u32::MAX);
        return stays.then(|| at(Rhythm::Failing, looks, since));
    }
    match health.state {
        HealthState::Failing => Some(at(Rhythm::Failing, health.failures.saturating_sub(1), since)),
        HealthState::Dead => {
            let given_up = now.duration_since(since).unsigned_abs() > policy.watch.give_up_after;
            let looks = hosts::looks_while_dead(health.since, now);
            (!given_up).then(|| at(Rhythm::Dead, looks, health.since))
        }
        HealthState::Recovering => {
            Some(at(Rhythm::Recovering, health.successes.saturating_sub(1), health.since))
        }
        HealthState::Healthy | HealthState::Degraded if !stays => None,
        HealthState::Healthy | HealthState::Degraded => match stage {
            Some(Reinstatement::Waiting | Reinstatement::Canary { .. } | Reinstatement::Batches { .. }) => {
                Some(at(Rhythm::Recovering, u32::MAX, health.since))
            }
            Some(Reinstatement::Stopped { at: stopped }) => {
                Some(after(stopped, AGAIN_AFTER).max(at(Rhythm::Recovering, 0, health.since)))
            }
            Some(Reinstatement::NeedsPerson { .. }) => Some(at(Rhythm::Healthy, 0, health.since)),
            Some(Reinstatement::Done) | None => Some(after(now, AGAIN_AFTER)),
        },
    }
}

/// What people are told of it, with particulars.
fn told(
    known: &Situation<'_>,
    verdict: Verdict,
    conclusion: Option<Conclusion>,
    stage: Option<Reinstatement>,
    stage_before: Option<Reinstatement>,
) -> (What, Option<String>) {
    let advice = || known.judgements.first().map(|judgement| judgement.text.clone());
    if stage != stage_before {
        match stage {
            Some(Reinstatement::NeedsPerson { why }) => {
                return (What::NeedsPerson, Some(why.as_str().to_owned()));
            }
            Some(Reinstatement::Stopped { .. }) => return (What::WayBackStopped, None),
            Some(
                Reinstatement::Waiting
                | Reinstatement::Canary { .. }
                | Reinstatement::Batches { .. }
                | Reinstatement::Done,
            )
            | None => {}
        }
    }
    if matches!(verdict, Verdict::VantageBlind) {
        return (What::Blind, None);
    }
    let state = known.detail.map_or(State::Ok, |detail| detail.row.state);
    match conclusion {
        Some(Conclusion::SuppressDomain { .. }) if state == State::Suppressed => (What::StillDown, None),
        Some(Conclusion::SuppressDomain { .. }) => (What::DomainSuppressed, None),
        Some(Conclusion::HoldDomain { .. }) if state == State::Ok => (What::DomainHeld, None),
        Some(Conclusion::HoldDomain { .. }) => (What::StillDown, None),
        Some(Conclusion::Release { .. }) => (What::Released, None),
        Some(Conclusion::OwnFault) => {
            let own = known.judgements.iter().find(|judgement| is_own_fault(judgement, verdict));
            (What::OwnFault, own.map(|judgement| judgement.text.clone()))
        }
        Some(Conclusion::Keep { .. }) => (What::Kept, advice()),
        None if verdict.is_deliverable() && stage.is_some_and(|stage| stage != Reinstatement::Done) => {
            (What::Recovering, None)
        }
        None if verdict.is_deliverable() => (What::Works, None),
        None => (What::Down, None),
    }
}

/// A time later; the end of time where that is beyond it.
pub(super) fn after(at: Timestamp, duration: std::time::Duration) -> Timestamp {
    let span = SignedDuration::try_from(duration).ok();
    span.and_then(|span| at.checked_add(span).ok()).unwrap_or(Timestamp::MAX)
}

/// What is told of a domain whose name is none, and cannot be looked at.
pub(super) fn not_a_domain() -> FollowUp {
    FollowUp { outcome: WorkOutcome::default(), what: What::Kept, rule: Some("not-a-domain"), detail: None }
}

/// How sure a look was, for those who are told.
pub(super) fn sureness(outcome: &WorkOutcome) -> (Option<Verdict>, Option<Confidence>) {
    outcome.observation.as_ref().map(|look| (look.verdict, look.confidence)).unzip()
}
