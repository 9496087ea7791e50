//! What an operator may decide about deciding: thresholds, waiting times, the brake. Every value has a default that is written down
//! here and nowhere else.

use std::time::Duration;

use abprall_mail::Reason;
use jiff::Timestamp;

mod file;
mod written;

pub use file::PolicyFileError;

/// Days as a duration.
const fn days(days: u64) -> Duration {
    Duration::from_secs(days * 86_400)
}

const fn hours(hours: u64) -> Duration {
    Duration::from_secs(hours * 3600)
}

/// All rules of deciding that an operator may change.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Policy {
    /// When failures that may pass stop an address after all.
    pub soft: SoftPolicy,
    /// How far a report must be believed before it removes anybody.
    pub trust: TrustPolicy,
    /// When removals are frozen.
    pub brake: BrakePolicy,
    /// How people come back.
    pub reinstate: ReinstatePolicy,
    /// How what is held is looked at again.
    pub watch: WatchPolicy,
}

/// When failures that may pass (a full mailbox, a busy server) stop an address after all: after failures on so many distinct days.
#[derive(Clone, Debug, PartialEq)]
pub struct SoftPolicy {
    /// Where nothing narrower applies.
    pub default: SoftRule,
    /// Narrower rules, first match wins.
    pub rules: Vec<ScopedSoftRule>,
}

/// A threshold for soft failures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SoftRule {
    /// Distinct days with a failure, 1 to 365.
    pub days: u32,
    /// Days that are looked back; older failures no longer count.
    pub within: Duration,
    /// How long the suppression lasts; `None`: until it is lifted.
    pub suppress_for: Option<Duration>,
}

/// A threshold that holds only for some.
#[derive(Clone, Debug, PartialEq)]
pub struct ScopedSoftRule {
    /// Only for this reason.
    pub reason: Option<Reason>,
    /// Only for recipients of this domain and those below it.
    pub domain: Option<String>,
    /// Only for mail of this list.
    pub list: Option<String>,
    /// Only for this tenant.
    pub tenant: Option<String>,
    /// The threshold.
    pub rule: SoftRule,
}

impl Default for SoftPolicy {
    fn default() -> Self {
        Self {
            default: SoftRule { days: 5, within: days(30), suppress_for: Some(days(90)) },
            // A full mailbox is often a holiday; it deserves more patience, and a shorter stop.
            rules: vec![ScopedSoftRule {
                reason: Some(Reason::MailboxFull),
                domain: None,
                list: None,
                tenant: None,
                rule: SoftRule { days: 7, within: days(30), suppress_for: Some(days(30)) },
            }],
        }
    }
}

/// What a soft failure is about, for choosing its threshold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SoftScope<'a> {
    /// Why it failed.
    pub reason: Reason,
    /// The recipient's domain.
    pub domain: &'a str,
    /// The list.
    pub list: Option<&'a str>,
    /// The tenant.
    pub tenant: Option<&'a str>,
}

impl SoftPolicy {
    /// The threshold for a failure: the first rule whose every condition holds, else the default.
    pub fn rule_for(&self, scope: &SoftScope<'_>) -> &SoftRule {
        let holds = |rule: &&ScopedSoftRule| {
            rule.reason.is_none_or(|reason| reason == scope.reason)
                && rule.domain.as_deref().is_none_or(|domain| is_within(scope.domain, domain))
                && rule.list.as_deref().is_none_or(|list| scope.list == Some(list))
                && rule.tenant.as_deref().is_none_or(|tenant| scope.tenant == Some(tenant))
        };
        self.rules.iter().find(holds).map_or(&self.default, |scoped| &scoped.rule)
    }
}

fn is_within(name: &str, domain: &str) -> bool {
    name.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// How far a report must be believed before it removes anybody.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TrustPolicy {
    /// What a report must be, to stop somebody. Anything less is a hint for the review desk.
    pub removals: RemovalTrust,
}

/// What a report must be, to stop somebody.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum RemovalTrust {
    /// Anything that is not suspicious.
    #[default]
    Any,
    /// It names a message that we sent, is authenticated, or came back to a signed address.
    Matched,
    /// It came back to an address that we signed: nobody can unsubscribe others by a forged bounce.
    Signed,
}

/// When removals are frozen: a jump of hard bounces at one provider, or too much failing at once from where we stand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BrakePolicy {
    /// Hard bounces of one provider within the hour below which nothing is frozen, whatever was usual.
    pub hard_min: u32,
    /// How many times the usual hourly number freezes.
    pub factor: f64,
    /// The share of hard bounces among all results of the hour that freezes, where deliveries are known; 0 to 1.
    pub share: f64,
    /// The share of all watched domains that fail within `window` which freezes everything; 0 to 1.
    pub domains_share: f64,
    /// Providers that fail within `window` which freeze everything.
    pub providers: u32,
    /// The window of the two above.
    pub window: Duration,
    /// How long the numbers must be usual again before a freeze ends.
    pub calm_for: Duration,
}

impl Default for BrakePolicy {
    fn default() -> Self {
        Self {
            hard_min: 100,
            factor: 8.0,
            share: 0.30,
            domains_share: 0.20,
            providers: 3,
            window: Duration::from_secs(300),
            calm_for: hours(2),
        }
    }
}

/// How people come back when a route has recovered.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReinstatePolicy {
    /// How long the route must hold before the first address returns.
    pub hold: Duration,
    /// Good checks within that time, at least.
    pub good_checks: u32,
    /// How long the canary's mail is waited for.
    pub canary_wait: Duration,
    /// How many times larger each batch is than the one before, 2 to 10.
    pub growth: u32,
    /// The largest batch.
    pub batch_max: u32,
    /// The time between two batches.
    pub batch_every: Duration,
    /// A domain that was dead for longer returns only with a person's word: its addresses may have become spam traps.
    pub dead_max: Duration,
}

impl Default for ReinstatePolicy {
    fn default() -> Self {
        Self {
            hold: hours(1),
            good_checks: 3,
            canary_wait: hours(4),
            growth: 2,
            batch_max: 100,
            batch_every: hours(1),
            dead_max: days(180),
        }
    }
}

/// When hosts and domains change their state (`routing.md` §6).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WatchPolicy {
    /// Failures in a row before a host counts as failing …
    pub failing_after: u32,
    /// … and the time that they must span (RFC 5321 §4.5.4.1: retries at least 30 minutes apart).
    pub failing_span: Duration,
    /// How long a host or domain must fail before it counts as dead (RFC 5321 §4.5.4.1: give up after 4 to 5 days) …
    pub dead_after: Duration,
    /// … and the checks in that time, at least.
    pub dead_checks: u32,
    /// How long authoritative proof (NXDOMAIN, no mail host) must stand before a domain counts as dead.
    pub dead_proof: Duration,
    /// Good checks before a host or domain has recovered …
    pub recovered_checks: u32,
    /// … and the time that they must span.
    pub recovered_span: Duration,
    /// A greeting that takes longer makes a host degraded.
    pub slow_greeting: Duration,
    /// After this time without a recovery nobody looks any more.
    pub give_up_after: Duration,
}

impl Default for WatchPolicy {
    fn default() -> Self {
        Self {
            failing_after: 3,
            failing_span: Duration::from_secs(1800),
            dead_after: days(5),
            dead_checks: 12,
            dead_proof: hours(72),
            recovered_checks: 3,
            recovered_span: hours(1),
            slow_greeting: Duration::from_secs(30),
            give_up_after: days(365),
        }
    }
}

/// `at` and a duration; the end of time where that is beyond it.
pub(crate) fn after(at: Timestamp, duration: Duration) -> Timestamp {
    jiff::SignedDuration::try_from(duration)
        .ok()
        .and_then(|span| at.checked_add(span).ok())
        .unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_rule_whose_every_condition_holds_is_taken() {
        let strict = SoftRule { days: 2, within: days(10), suppress_for: None };
        let mut policy = SoftPolicy::default();
        policy.rules.insert(
            0,
            ScopedSoftRule {
                reason: Some(Reason::MailboxFull),
                domain: Some("example.com".into()),
                list: None,
                tenant: None,
                rule: strict,
            },
        );
        let scope = |reason, domain| SoftScope { reason, domain, list: None, tenant: None };
        assert_eq!(policy.rule_for(&scope(Reason::MailboxFull, "mail.example.com")), &strict);
        assert_eq!(policy.rule_for(&scope(Reason::MailboxFull, "notexample.com")).days, 7);
        assert_eq!(policy.rule_for(&scope(Reason::SystemFull, "example.com")).days, 5);
    }
}
