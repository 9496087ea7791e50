//! The health of mail hosts after a look.

use std::net::IpAddr;

use abprall_policy::{HealthState, HostHealth, HostLook, Policy, Rhythm, next_look};
use abprall_route::{AddressState, Diagnosis};
use abprall_store::{HostUpdate, WatchedHost};
use jiff::Timestamp;

use super::limits::HOSTS_MAX;

/// What the state of an address says about the host; `None`: nobody has looked.
pub(super) fn look_of(state: AddressState) -> Option<HostLook> {
    match state {
        AddressState::Ok => Some(HostLook::Good),
        AddressState::Greeting4xx => Some(HostLook::Poor),
        AddressState::Refused
        | AddressState::Timeout
        | AddressState::Unreachable
        | AddressState::Closed
        | AddressState::GreetingTimeout
        | AddressState::Greeting5xx
        | AddressState::EhloRejected => Some(HostLook::Failed),
        AddressState::Forbidden | AddressState::NotProbed => None,
    }
}

/// The hosts of a domain after a look at it. From a blind vantage nothing is learned of them.
pub(super) fn of_domain(
    diagnosis: &Diagnosis,
    known: &[WatchedHost],
    policy: &Policy,
    now: Timestamp,
) -> Vec<HostUpdate> {
    if !diagnosis.vantage.ok {
        return Vec::new();
    }
    let addresses = diagnosis.mx.iter().flat_map(|mx| mx.addresses.iter().map(|address| (&mx.host, address)));
    let mut updates: Vec<HostUpdate> = Vec::new();
    for (host, address) in addresses.take(HOSTS_MAX) {
        let name = host.trim_end_matches('.').to_ascii_lowercase();
        let Some(look) = look_of(address.state) else { continue };
        if updates.iter().any(|update| update.host == name && update.ip == address.ip) {
            continue;
        }
        let before = known.iter().find(|row| row.host == name && row.ip == Some(address.ip));
        let before = before.and_then(|row| row.health);
        updates.push(after(name, address.ip, before, look, address.detail.clone(), policy, now));
    }
    updates
}

/// A host after a look at it.
pub(super) fn after(
    host: String,
    ip: IpAddr,
    before: Option<HostHealth>,
    look: HostLook,
    detail: Option<String>,
    policy: &Policy,
    now: Timestamp,
) -> HostUpdate {
    let health = before.unwrap_or_else(|| HostHealth::new(now)).after(look, now, &policy.watch);
    let next = next_of(&health, now, policy, chance(&host, now));
    HostUpdate { host, ip, health, detail, next_look: next }
}

/// A host that works is looked at together with a domain.
fn next_of(health: &HostHealth, now: Timestamp, policy: &Policy, chance: u64) -> Option<Timestamp> {
    let since = health.failing_since.unwrap_or(health.since);
    let failed_for = now.duration_since(since);
    match health.state {
        HealthState::Healthy => None,
        HealthState::Degraded if health.failures == 0 => None,
        HealthState::Degraded | HealthState::Failing => {
            Some(next_look(Rhythm::Failing, health.failures.saturating_sub(1), since, now, None, chance))
        }
        HealthState::Dead => {
            let given_up = failed_for.unsigned_abs() > policy.watch.give_up_after;
            let looks = looks_while_dead(health.since, now);
            (!given_up).then(|| next_look(Rhythm::Dead, looks, health.since, now, None, chance))
        }
        HealthState::Recovering => {
            let looks = health.successes.saturating_sub(1);
            Some(next_look(Rhythm::Recovering, looks, health.since, now, None, chance))
        }
    }
}

/// How many looks there were while it was dead, by the rhythm itself: two a day.
pub(super) fn looks_while_dead(since: Timestamp, now: Timestamp) -> u32 {
    let half_days = now.duration_since(since).as_hours() / 12;
    u32::try_from(half_days).unwrap_or(0)
}

/// A number that differs from name to name and from look to look.
pub(super) fn chance(name: &str, now: Timestamp) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    (name, now.as_microsecond()).hash(&mut hasher);
    hasher.finish()
}
