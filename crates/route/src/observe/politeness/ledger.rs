use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::limits::{
    BACK_OFF_MAX, CONNECTIONS_PER_ADDRESS_MAX, CONNECTIONS_PER_NEIGHBOURHOOD_MAX, CONNECTS_BURST_MAX,
    CONNECTS_PER_S_MAX, POLICY_REFUSALS_MAX, POLITENESS_ENTRIES_MAX, PROBE_INTERVAL,
};
use crate::observe::bounded::BoundedMap;

/// How polite to be.
#[derive(Clone, Debug)]
pub struct PolitenessConfig {
    /// Connections to one address at a time.
    pub per_address: u32,
    /// Connections to one network (/24 or /48) at a time.
    pub per_network: u32,
    /// Connections to one provider at a time.
    pub per_provider: u32,
    /// Connection attempts a second, over all.
    pub connects_per_s: u32,
    /// Time between two probes of an address, before jitter of ±20 %. Zero: as often as asked.
    pub interval: Duration,
    /// Refusals by policy, one after the other, that make us leave a provider alone.
    pub policy_refusals: u8,
    /// The operator's own networks: there only one address is a neighbourhood, and nobody is a provider.
    pub own_networks: Vec<IpNet>,
}

impl Default for PolitenessConfig {
    fn default() -> Self {
        Self {
            per_address: CONNECTIONS_PER_ADDRESS_MAX,
            per_network: CONNECTIONS_PER_NEIGHBOURHOOD_MAX,
            per_provider: CONNECTIONS_PER_NEIGHBOURHOOD_MAX,
            connects_per_s: CONNECTS_PER_S_MAX,
            interval: PROBE_INTERVAL,
            policy_refusals: POLICY_REFUSALS_MAX,
            own_networks: Vec::new(),
        }
    }
}

/// Why an address is contacted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Purpose {
    /// To know how it is.
    State,
    /// It was seen a moment ago, and its certificate is now wanted under another name. The interval does not count for that.
    CertificateOfAnotherName,
}

/// How a visit ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum VisitEnd {
    /// The server answered.
    Answered,
    /// It did not.
    Failed,
    /// It said 421: it has no time for us.
    Busy,
    /// It does not want us.
    RefusedByPolicy,
}

/// Why an address is not contacted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NotNow {
    /// It was contacted not long ago.
    TooSoon,
    /// Its provider has refused us several times in a row.
    LeftAlone,
    /// The deadline came before our turn.
    Crowded,
}

impl fmt::Display for NotNow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NotNow::TooSoon => "not contacted: the address was probed a short time ago",
            NotNow::LeftAlone => "not contacted: its provider refused us several times in a row",
            NotNow::Crowded => "not contacted: other probes of this network or provider took all the time",
        })
    }
}

/// What a visit is told that asks for leave.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Leave {
    Go,
    WaitUntil(Instant),
    WaitForOthers,
    Not(NotNow),
}

/// Whom a connection is about.
#[derive(Clone, Debug)]
pub(super) struct Visit {
    socket: SocketAddr,
    network: IpNet,
    provider: Box<str>,
    purpose: Purpose,
    place: Place,
}

/// What a visit takes up.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Place {
    /// A place at the address, its network and its provider.
    Connection,
    /// Only the address: nobody has answered the connection attempt, so it is no burden to the neighbourhood.
    Attempt,
}

impl Visit {
    pub(super) fn new(socket: SocketAddr, provider: Box<str>, purpose: Purpose) -> Self {
        Self { socket, network: network_of(socket.ip()), provider, purpose, place: Place::Connection }
    }

    /// A visit within the operator's own networks, which the neighbourhood has no part in.
    pub(super) fn at_home(socket: SocketAddr, purpose: Purpose) -> Self {
        let network = IpNet::from(socket.ip());
        Self { socket, network, provider: socket.ip().to_string().into(), purpose, place: Place::Connection }
    }
}

/// Who is contacted, when each was last, and who does not want us. Time and chance come in as values.
///
/// What is counted at once is bounded by the callers' own connections; what is remembered, by [`POLITENESS_ENTRIES_MAX`].
#[derive(Debug)]
pub(super) struct Ledger {
    config: PolitenessConfig,
    addresses: HashMap<IpAddr, u32>,
    networks: HashMap<IpNet, u32>,
    providers: HashMap<Box<str>, u32>,
    /// The time at which the connects until now would have been due at an even rate.
    connects_due: Instant,
    earlier: BoundedMap<SocketAddr, Earlier>,
    refusals: BoundedMap<Box<str>, u8>,
}

#[derive(Clone, Copy, Debug)]
struct Earlier {
    not_before: Instant,
    back_off: Duration,
}

impl Ledger {
    pub(super) fn new(config: PolitenessConfig, now: Instant) -> Self {
        Self {
            config,
            addresses: HashMap::new(),
            networks: HashMap::new(),
            providers: HashMap::new(),
            connects_due: now,
            earlier: BoundedMap::new(POLITENESS_ENTRIES_MAX, usize::MAX),
            refusals: BoundedMap::new(POLITENESS_ENTRIES_MAX, usize::MAX),
        }
    }

    /// Asks for leave; [`Leave::Go`] is to be followed by [`Self::leave`].
    pub(super) fn ask(&mut self, visit: &Visit, now: Instant) -> Leave {
        if self.refusals.get(&visit.provider).is_some_and(|&count| count >= self.config.policy_refusals) {
            return Leave::Not(NotNow::LeftAlone);
        }
        let too_soon = self.earlier.get(&visit.socket).is_some_and(|earlier| now < earlier.not_before);
        match visit.purpose {
            Purpose::State if too_soon => return Leave::Not(NotNow::TooSoon),
            Purpose::State | Purpose::CertificateOfAnotherName => {}
        }
        if count(&self.addresses, &visit.socket.ip()) >= self.config.per_address
            || count(&self.networks, &visit.network) >= self.config.per_network
            || count(&self.providers, &visit.provider) >= self.config.per_provider
        {
            return Leave::WaitForOthers;
        }
        let step = Duration::from_secs(1) / self.config.connects_per_s.max(1);
        let burst = step * CONNECTS_BURST_MAX;
        let due = self.connects_due.max(now);
        if due > now + burst {
            return Leave::WaitUntil(due - burst);
        }
        self.connects_due = due + step;
        *self.addresses.entry(visit.socket.ip()).or_default() += 1;
        self.join_neighbourhood(visit);
        Leave::Go
    }

    /// A visit is over. `chance` lies in −1 to 1 and shifts the next visit by up to 20 %. Gives the time of the next visit.
    pub(super) fn leave(&mut self, visit: &Visit, end: VisitEnd, now: Instant, chance: f64) -> Instant {
        self.withdraw(visit);
        match end {
            VisitEnd::Answered => {
                self.refusals.remove(&visit.provider);
            }
            VisitEnd::RefusedByPolicy => {
                let before = self.refusals.get(&visit.provider).copied().unwrap_or(0);
                self.refusals.insert(visit.provider.clone(), before.saturating_add(1), 0);
            }
            VisitEnd::Failed | VisitEnd::Busy => {}
        }
        let before = self.earlier.get(&visit.socket).map_or(self.config.interval, |e| e.back_off);
        let back_off = match end {
            VisitEnd::Busy => (before * 2).min(BACK_OFF_MAX.max(self.config.interval)),
            VisitEnd::Answered | VisitEnd::Failed | VisitEnd::RefusedByPolicy => self.config.interval,
        };
        let not_before = now + back_off.mul_f64(1.0 + 0.2 * chance.clamp(-1.0, 1.0));
        self.earlier.insert(visit.socket, Earlier { not_before, back_off }, 0);
        not_before
    }

    /// A visit did not take place; its place is free again.
    pub(super) fn withdraw(&mut self, visit: &Visit) {
        give_back(&mut self.addresses, &visit.socket.ip());
        match visit.place {
            Place::Connection => self.leave_neighbourhood(visit),
            Place::Attempt => {}
        }
    }

    /// The connection attempt goes unanswered: others of the neighbourhood need not wait for it.
    pub(super) fn stall(&mut self, visit: &mut Visit) {
        if visit.place == Place::Connection {
            visit.place = Place::Attempt;
            self.leave_neighbourhood(visit);
        }
    }

    /// The attempt was answered after all. The connection counts, even above the limit.
    pub(super) fn resume(&mut self, visit: &mut Visit) {
        if visit.place == Place::Attempt {
            visit.place = Place::Connection;
            self.join_neighbourhood(visit);
        }
    }

    fn join_neighbourhood(&mut self, visit: &Visit) {
        *self.networks.entry(visit.network).or_default() += 1;
        *self.providers.entry(visit.provider.clone()).or_default() += 1;
    }

    fn leave_neighbourhood(&mut self, visit: &Visit) {
        give_back(&mut self.networks, &visit.network);
        give_back(&mut self.providers, &visit.provider);
    }
}

/// The neighbourhood of an address: /24 or /48.
fn network_of(address: IpAddr) -> IpNet {
    match address {
        IpAddr::V4(v4) => Ipv4Net::new(v4, 24).map_or(IpNet::from(address), |net| net.trunc().into()),
        IpAddr::V6(v6) => Ipv6Net::new(v6, 48).map_or(IpNet::from(address), |net| net.trunc().into()),
    }
}

fn count<K: Eq + Hash>(counts: &HashMap<K, u32>, key: &K) -> u32 {
    counts.get(key).copied().unwrap_or(0)
}

fn give_back<K: Eq + Hash>(counts: &mut HashMap<K, u32>, key: &K) {
    if let Some(left) = counts.get_mut(key) {
        *left = left.saturating_sub(1);
        if *left == 0 {
            counts.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn visit(address: &str, provider: &str) -> Visit {
        Visit::new(SocketAddr::new(address.parse().unwrap(), 25), provider.into(), Purpose::State)
    }

    fn ledger() -> (Ledger, Instant) {
        let now = Instant::now();
        (Ledger::new(PolitenessConfig::default(), now), now)
    }

    #[test]
    fn one_connection_to_an_address_and_two_to_a_network_or_provider() {
        let (mut ledger, now) = ledger();
        assert_eq!(ledger.ask(&visit("203.0.113.1", "a.example"), now), Leave::Go);
        assert_eq!(ledger.ask(&visit("203.0.113.1", "b.example"), now), Leave::WaitForOthers);
        assert_eq!(ledger.ask(&visit("203.0.113.2", "b.example"), now), Leave::Go);
        assert_eq!(
            ledger.ask(&visit("203.0.113.3", "c.example"), now),
            Leave::WaitForOthers,
            "third in the /24"
        );
        assert_eq!(ledger.ask(&visit("198.51.100.1", "a.example"), now), Leave::Go);
        assert_eq!(
            ledger.ask(&visit("192.0.2.1", "a.example"), now),
            Leave::WaitForOthers,
            "third of a.example"
        );

        ledger.leave(&visit("203.0.113.1", "a.example"), VisitEnd::Answered, now, 0.0);
        assert_eq!(ledger.ask(&visit("192.0.2.1", "a.example"), now), Leave::Go);
        assert_eq!(ledger.ask(&visit("203.0.113.3", "c.example"), now), Leave::Go);
    }

    #[test]
    fn an_attempt_that_nobody_answers_does_not_hold_up_the_neighbourhood() {
        let (mut ledger, now) = ledger();
        let mut silent: Vec<_> =
            (1..=4).map(|host| visit(&format!("203.0.113.{host}"), "a.example")).collect();
        for visit in &mut silent {
            assert_eq!(ledger.ask(visit, now), Leave::Go);
            ledger.stall(visit);
            assert_eq!(ledger.ask(visit, now), Leave::WaitForOthers, "its own address stays taken");
        }
        ledger.resume(&mut silent[0]);
        ledger.resume(&mut silent[1]);
        assert_eq!(ledger.ask(&visit("203.0.113.9", "a.example"), now), Leave::WaitForOthers);
        for visit in &silent {
            ledger.leave(visit, VisitEnd::Failed, now, 0.0);
        }
        assert!(ledger.addresses.is_empty() && ledger.networks.is_empty() && ledger.providers.is_empty());
    }

    #[test]
    fn ipv6_neighbours_share_a_48() {
        let (mut ledger, now) = ledger();
        assert_eq!(ledger.ask(&visit("2001:db8:1:1::1", "a"), now), Leave::Go);
        assert_eq!(ledger.ask(&visit("2001:db8:1:2::1", "b"), now), Leave::Go);
        assert_eq!(ledger.ask(&visit("2001:db8:1:3::1", "c"), now), Leave::WaitForOthers);
        assert_eq!(ledger.ask(&visit("2001:db8:2:3::1", "c"), now), Leave::Go);
    }

    #[test]
    fn an_address_rests_for_the_interval_with_jitter() {
        for (chance, minutes) in [(-1.0, 4), (0.0, 5), (1.0, 6)] {
            let (mut ledger, now) = ledger();
            let visit = visit("203.0.113.1", "a.example");
            assert_eq!(ledger.ask(&visit, now), Leave::Go);
            let not_before = ledger.leave(&visit, VisitEnd::Failed, now, chance);
            assert_eq!(not_before, now + minutes * MINUTE);
            assert_eq!(ledger.ask(&visit, not_before - MINUTE / 60), Leave::Not(NotNow::TooSoon));
            assert_eq!(ledger.ask(&visit, not_before), Leave::Go);
        }
    }

    #[test]
    fn every_421_doubles_the_rest_and_an_answer_ends_that() {
        let (mut ledger, mut now) = ledger();
        let visit = visit("203.0.113.1", "a.example");
        for minutes in [10, 20, 40, 80, 160, 320, 360, 360] {
            assert_eq!(ledger.ask(&visit, now), Leave::Go);
            let next = ledger.leave(&visit, VisitEnd::Busy, now, 0.0);
            assert_eq!(next - now, minutes * MINUTE);
            now = next;
        }
        assert_eq!(ledger.ask(&visit, now), Leave::Go);
        assert_eq!(ledger.leave(&visit, VisitEnd::Answered, now, 0.0) - now, 5 * MINUTE);
    }

    #[test]
    fn a_provider_that_refuses_three_times_in_a_row_is_left_alone() {
        let (mut ledger, now) = ledger();
        let ends = [
            VisitEnd::RefusedByPolicy,
            VisitEnd::RefusedByPolicy,
            VisitEnd::Answered,
            VisitEnd::RefusedByPolicy,
            VisitEnd::RefusedByPolicy,
            VisitEnd::Failed,
            VisitEnd::RefusedByPolicy,
        ];
        for (index, end) in ends.into_iter().enumerate() {
            let visit = visit(&format!("203.0.113.{index}"), "a.example");
            assert_eq!(ledger.ask(&visit, now), Leave::Go, "{index}");
            ledger.leave(&visit, end, now, 0.0);
        }
        assert_eq!(ledger.ask(&visit("192.0.2.1", "a.example"), now), Leave::Not(NotNow::LeftAlone));
        assert_eq!(ledger.ask(&visit("192.0.2.1", "b.example"), now), Leave::Go);
    }

    #[test]
    fn connects_come_at_fifty_a_second_after_a_burst() {
        let (mut ledger, start) = ledger();
        let mut now = start;
        for index in 0..=500_u32 {
            let visit = visit(&format!("203.{}.{}.1", index / 250, index % 250), &index.to_string());
            loop {
                match ledger.ask(&visit, now) {
                    Leave::Go => break,
                    Leave::WaitUntil(at) => now = at,
                    other => panic!("{other:?}"),
                }
            }
        }
        let took = now - start;
        assert!((9.5..=10.0).contains(&took.as_secs_f64()), "{took:?}");
    }

    #[test]
    fn another_name_is_not_held_back_by_the_interval() {
        let (mut ledger, now) = ledger();
        let state = visit("203.0.113.1", "a.example");
        assert_eq!(ledger.ask(&state, now), Leave::Go);
        ledger.leave(&state, VisitEnd::Answered, now, 0.0);
        let name = Visit { purpose: Purpose::CertificateOfAnotherName, ..state.clone() };
        assert_eq!(ledger.ask(&state, now), Leave::Not(NotNow::TooSoon));
        assert_eq!(ledger.ask(&name, now), Leave::Go);
    }

    #[test]
    fn what_is_remembered_stays_bounded() {
        let (mut ledger, mut now) = ledger();
        for index in 0..POLITENESS_ENTRIES_MAX + 1000 {
            let address = IpAddr::V4(u32::try_from(index).unwrap().into());
            let visit = Visit::new(SocketAddr::new(address, 25), index.to_string().into(), Purpose::State);
            now += Duration::from_millis(20);
            assert_eq!(ledger.ask(&visit, now), Leave::Go);
            ledger.leave(&visit, VisitEnd::RefusedByPolicy, now, 0.0);
        }
        assert_eq!(ledger.earlier.len(), POLITENESS_ENTRIES_MAX);
        assert_eq!(ledger.refusals.len(), POLITENESS_ENTRIES_MAX);
        assert!(ledger.addresses.is_empty() && ledger.networks.is_empty() && ledger.providers.is_empty());
    }
}
