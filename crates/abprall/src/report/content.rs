//! What a report says, in the order in which it is asked.

use std::collections::{BTreeMap, BTreeSet};

use abprall_bounce::Kind;
use abprall_mail::{BounceType, Confidence, Language, Party, Reason, Verdict};
use abprall_policy::HealthState;
use abprall_store::{
    DomainFilter, DomainSort, HostFilter, HostSort, Incident, IncidentFilter, Page, Period, State, Store,
    StoreError, Trends, WatchedDomain, WatchedHost,
};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde::Serialize;
use utoipa::ToSchema;

use super::advice::Advice;
use super::headline::Headline;

/// Addresses of one server that are looked up for its health: a name with more is one of a large provider, and these tell enough.
const HOST_ADDRESSES_MAX: u32 = 16;

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Report {
    #[schema(value_type = String, format = DateTime)]
    pub(crate) at: Timestamp,
    pub(crate) period: Period,
    pub(crate) headline: Headline,
    #[serde(flatten)]
    pub(crate) trends: Trends,
    /// Failures of the period.
    pub(crate) failures: Failures,
    pub(crate) list: ListHealth,
    pub(crate) failures_by_reason: Vec<ReasonCount>,
    pub(crate) failures_by_party: Vec<PartyCount>,
    pub(crate) unreachable_domains: Vec<Unreachable>,
    pub(crate) failing_servers: Vec<Server>,
    pub(crate) incidents: Vec<Incident>,
    pub(crate) advice: Advice,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, ToSchema)]
pub(crate) struct Failures {
    pub(crate) all: u64,
    pub(crate) hard: u64,
    pub(crate) block: u64,
    pub(crate) soft: u64,
    /// Nobody could tell.
    pub(crate) other: u64,
    /// Of the last seven days of the period, and of the seven before; none where the period is shorter.
    pub(crate) last_week: Option<u64>,
    pub(crate) week_before: Option<u64>,
}

impl Failures {
    pub(crate) fn add(&mut self, bounce_type: BounceType, reports: u64) {
        self.all += reports;
        match bounce_type {
            BounceType::Hard => self.hard += reports,
            BounceType::Block => self.block += reports,
            BounceType::Soft => self.soft += reports,
            BounceType::None => self.other += reports,
        }
    }
}

/// How much of the list can be reached, as far as it is known here.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct ListHealth {
    /// Addresses that reports ever spoke of: those that never bounced are not among them, unless deliveries are reported.
    pub(crate) addresses_known: u64,
    /// Of these, free to be sent to.
    pub(crate) free: u64,
    pub(crate) held: u64,
    pub(crate) suppressed: u64,
    /// Deliveries of the period that were reported.
    pub(crate) delivered: u64,
    /// Hard bounces among results, between 0 and 1; none where deliveries are not reported.
    pub(crate) hard_rate: Option<f64>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, ToSchema)]
pub(crate) struct ReasonCount {
    pub(crate) reason: Reason,
    pub(crate) party: Party,
    pub(crate) failures: u64,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, ToSchema)]
pub(crate) struct PartyCount {
    pub(crate) party: Party,
    pub(crate) failures: u64,
}

/// A domain that mail does not reach, by what bounces claim or what a look saw.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Unreachable {
    pub(crate) domain: String,
    /// Addresses of it that are stopped.
    pub(crate) addresses_affected: u64,
    pub(crate) route_failures: u64,
    /// How the whole domain stands.
    pub(crate) state: State,
    /// The newest reason of mail routing that a failure named; none where no failure spoke of it.
    pub(crate) claim: Option<Reason>,
    /// Of the last look; none where nobody has looked.
    pub(crate) verdict: Option<Verdict>,
    pub(crate) confidence: Option<Confidence>,
    pub(crate) health: Option<HealthState>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) failing_since: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) last_failure_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) next_look: Option<Timestamp>,
    /// Shows the addresses and the looks.
    pub(crate) command: String,
}

/// A server that spoke of failing mail routing, or does not answer.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Server {
    pub(crate) host: String,
    /// Failures of mail routing in the period.
    pub(crate) failures: u64,
    /// Domains whose mail host it is, as last seen.
    pub(crate) mx_of: u64,
    pub(crate) reason: Option<Reason>,
    /// The first and the last day of the period with such a failure.
    #[schema(value_type = Option<Vec<String>>)]
    pub(crate) days: Option<(Date, Date)>,
    /// The worst of its addresses, as seen from here.
    pub(crate) health: Option<HealthState>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) failing_since: Option<Timestamp>,
    pub(crate) detail: Option<String>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) next_look: Option<Timestamp>,
}

impl Report {
    /// Asks the store. Lists are as long as `rows_max` at most.
    pub(crate) fn ask(
        store: &dyn Store,
        period: Period,
        at: Timestamp,
        rows_max: u32,
        language: Language,
    ) -> Result<Self, StoreError> {
        let trends = store.trends(period, at, rows_max)?;
        let end = period.until.unwrap_or_else(|| at.to_zoned_datetime(TimeZone::UTC).date());
        let failures = failures(&trends, end);
        let failures_by_reason = by_reason(&trends);
        let unreachable_domains = unreachable(store, at, rows_max)?;
        let list = list(&trends, &failures);
        let headline = Headline::of(&trends, &failures, &list, language);
        Ok(Self {
            at,
            period,
            headline,
            failures_by_party: by_party(&failures_by_reason),
            advice: Advice::of(&failures_by_reason, language),
            failing_servers: servers(store, &trends, rows_max)?,
            incidents: store.incidents(&IncidentFilter::default(), Page::first(rows_max))?.rows,
            failures,
            list,
            failures_by_reason,
            unreachable_domains,
            trends,
        })
    }
}

fn failures(trends: &Trends, end: Date) -> Failures {
    let mut failures = Failures::default();
    let starts = (end.checked_sub(6.days()), end.checked_sub(13.days()));
    let (mut last_week, mut week_before) = (0, 0);
    for row in trends.by_day.iter().filter(|row| row.kind == Kind::Failed) {
        failures.add(row.bounce_type, row.reports);
        if let (Ok(week), Ok(fortnight)) = starts {
            if (week..=end).contains(&row.day) {
                last_week += row.reports;
            } else if (fortnight..week).contains(&row.day) {
                week_before += row.reports;
            }
        }
    }
    let begin = trends.summary.days.map(|(first, _)| first);
    if let (Some(begin), (_, Ok(fortnight))) = (begin, starts)
        && begin <= fortnight
    {
        (failures.last_week, failures.week_before) = (Some(last_week), Some(week_before));
    }
    failures
}

fn by_reason(trends: &Trends) -> Vec<ReasonCount> {
    let mut reasons: BTreeMap<Reason, u64> = BTreeMap::new();
    for row in trends.by_day.iter().filter(|row| row.kind == Kind::Failed) {
        *reasons.entry(row.reason).or_default() += row.reports;
    }
    let mut rows: Vec<_> = reasons
        .into_iter()
        .map(|(reason, failures)| ReasonCount { reason, party: reason.party(), failures })
        .collect();
    rows.sort_by_key(|row| (std::cmp::Reverse(row.failures), row.reason));
    rows
}

fn by_party(reasons: &[ReasonCount]) -> Vec<PartyCount> {
    let mut parties: BTreeMap<Party, u64> = BTreeMap::new();
    for row in reasons {
        *parties.entry(row.party).or_default() += row.failures;
    }
    let mut rows: Vec<_> =
        parties.into_iter().map(|(party, failures)| PartyCount { party, failures }).collect();
    rows.sort_by_key(|row| (std::cmp::Reverse(row.failures), row.party));
    rows
}

fn list(trends: &Trends, failures: &Failures) -> ListHealth {
    let delivered =
        trends.by_day.iter().filter(|row| row.kind == Kind::Delivered).map(|row| row.reports).sum::<u64>();
    let stopped = &trends.summary.stopped;
    let (held, suppressed) = (stopped.addresses_held, stopped.addresses_suppressed);
    // Stops may come from an import, of addresses that no report spoke of.
    let addresses_known = trends.addresses_known.max(held + suppressed);
    // Single notices of delivery beside many failures are no ground for a rate.
    let is_reported = delivered > failures.all;
    #[expect(clippy::cast_precision_loss, reason = "counts of mail are far below 2^52")]
    let hard_rate = is_reported.then(|| failures.hard as f64 / (delivered + failures.all) as f64);
    ListHealth {
        addresses_known,
        free: addresses_known - held - suppressed,
        held,
        suppressed,
        delivered,
        hard_rate,
    }
}

/// Those that a look found dead or failing, those that are stopped, and those that only bounces speak of; most addresses first.
fn unreachable(store: &dyn Store, at: Timestamp, rows_max: u32) -> Result<Vec<Unreachable>, StoreError> {
    let filter = |health| DomainFilter { health, ..DomainFilter::default() };
    let stopped = DomainFilter { stopped: true, ..DomainFilter::default() };
    let questions = [
        (filter(Some(HealthState::Dead)), DomainSort::Stopped),
        (filter(Some(HealthState::Failing)), DomainSort::Stopped),
        (filter(Some(HealthState::Recovering)), DomainSort::Stopped),
        (stopped, DomainSort::Stopped),
        (filter(None), DomainSort::RouteFailures),
    ];
    let mut found: BTreeMap<String, WatchedDomain> = BTreeMap::new();
    for (filter, sort) in &questions {
        for row in store.domains(filter, *sort, Page::first(rows_max), at)?.rows {
            if is_unreachable(&row) {
                found.insert(row.domain.clone(), row);
            }
        }
    }
    let mut rows: Vec<_> = found.into_values().collect();
    rows.sort_by(|a, b| {
        let weight = |row: &WatchedDomain| (row.held + row.suppressed, row.route_failures);
        weight(b).cmp(&weight(a)).then_with(|| a.domain.cmp(&b.domain))
    });
    rows.truncate(rows_max as usize);
    rows.into_iter()
        .map(|row| {
            let look = store.observations(&row.domain, Page::first(1))?.rows.into_iter().next();
            let claim = store.claim(&row.domain)?;
            Ok(Unreachable {
                addresses_affected: row.held + row.suppressed,
                route_failures: row.route_failures,
                state: row.state,
                claim,
                verdict: look.as_ref().map(|look| look.verdict),
                confidence: look.map(|look| look.confidence),
                health: row.health.map(|health| health.state),
                failing_since: row.health.and_then(|health| health.failing_since),
                last_failure_at: row.last_failure_at,
                next_look: row.next_look,
                command: format!("abprall domains {}", row.domain),
                domain: row.domain,
            })
        })
        .collect()
}

fn is_unreachable(row: &WatchedDomain) -> bool {
    let is_stopped = row.state != State::Ok;
    match row.health.map(|health| health.state) {
        Some(HealthState::Dead | HealthState::Failing) => true,
        // It works again, but its people are not back.
        Some(HealthState::Recovering) => row.held + row.suppressed > 0 || is_stopped,
        Some(HealthState::Healthy | HealthState::Degraded) => is_stopped,
        None => row.route_failures > 0 || is_stopped,
    }
}

/// Those that reports name, and those that a look found dead or failing.
fn servers(store: &dyn Store, trends: &Trends, rows_max: u32) -> Result<Vec<Server>, StoreError> {
    let mut servers = Vec::new();
    for row in &trends.route_hosts {
        let filter = HostFilter { host: Some(row.host.clone()), ..HostFilter::default() };
        let seen = store.hosts(&filter, HostSort::LastFailure, Page::first(HOST_ADDRESSES_MAX))?.rows;
        let mx_of = seen.first().map_or(0, |host| host.mx_of);
        let worst = seen.into_iter().filter(|host| host.health.is_some()).max_by_key(badness);
        servers.push(Server {
            host: row.host.clone(),
            failures: row.failures,
            mx_of,
            reason: Some(row.reason),
            days: Some((row.first_day, row.last_day)),
            ..Server::seen(worst.as_ref())
        });
    }
    let mut named: BTreeSet<String> = servers.iter().map(|server| server.host.clone()).collect();
    for health in [HealthState::Dead, HealthState::Failing] {
        let filter = HostFilter { health: Some(health), ..HostFilter::default() };
        for host in store.hosts(&filter, HostSort::LastFailure, Page::first(rows_max))?.rows {
            if servers.len() < rows_max as usize && named.insert(host.host.clone()) {
                servers.push(Server { host: host.host.clone(), ..Server::seen(Some(&host)) });
            }
        }
    }
    Ok(servers)
}

/// A greater one is worse.
fn badness(host: &WatchedHost) -> u8 {
    match host.health.map(|health| health.state) {
        None => 0,
        Some(HealthState::Healthy) => 1,
        Some(HealthState::Recovering) => 2,
        Some(HealthState::Degraded) => 3,
        Some(HealthState::Failing) => 4,
        Some(HealthState::Dead) => 5,
    }
}

impl Server {
    /// What looks say of it, without what reports say.
    fn seen(host: Option<&WatchedHost>) -> Self {
        let health = host.and_then(|host| host.health);
        Self {
            host: String::new(),
            failures: 0,
            mx_of: host.map_or(0, |host| host.mx_of),
            reason: None,
            days: None,
            health: health.map(|health| health.state),
            failing_since: health.and_then(|health| health.failing_since),
            detail: host.and_then(|host| host.detail.clone()),
            next_look: host.and_then(|host| host.next_look),
        }
    }
}
