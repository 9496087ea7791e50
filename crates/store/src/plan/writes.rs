use std::collections::{BTreeMap, HashMap};

use abprall_bounce::Kind;
use abprall_mail::{BounceType, Reason};
use abprall_policy::{Brake, HourCount, IncidentEvent, Outcome, Stop};
use jiff::Timestamp;

use crate::Decided;

/// What is to be written, by row numbers. Incidents come first: decisions name them by their key.
#[derive(Debug, Default)]
pub(crate) struct Writes {
    /// In the order of the entries.
    pub(crate) decided: Vec<Decided>,
    /// In the order of the entries; those of entries that were stored before are changed, not inserted.
    pub(crate) reports: Vec<ReportWrite>,
    /// The first ones in the order of the entries, then those that the brake took.
    pub(crate) decisions: Vec<DecisionWrite>,
    /// One a row.
    pub(crate) stops: Vec<StopWrite>,
    /// Stops that become softer, after `stops`.
    pub(crate) conversions: Vec<StopWrite>,
    /// To be ignored where the day is known already.
    pub(crate) strikes: Vec<StrikeWrite>,
    /// Address → day; the greater day stays, and strikes up to it go.
    pub(crate) deliveries: HashMap<i64, i64>,
    /// Key → report and hardest outcome.
    pub(crate) failures: HashMap<i64, (i64, Outcome)>,
    /// To be added; less than nothing where a report is counted as something else from now on. What is then 0 goes.
    pub(crate) daily: HashMap<DailySort, i64>,
    /// To be added.
    pub(crate) hours: BTreeMap<(String, i64), HourCount>,
    /// Hours that do not belong to what is usual.
    pub(crate) frozen_hours: Vec<(String, i64)>,
    pub(crate) brakes: Vec<BrakeWrite>,
    pub(crate) incidents: Vec<IncidentWrite>,
    pub(crate) investigations: Vec<InvestigationWrite>,
    pub(crate) clusters: Vec<ClusterWrite>,
    pub(crate) domains: HashMap<i64, DomainDelta>,
    pub(crate) hosts: HashMap<i64, HostDelta>,
}

#[derive(Debug)]
pub(crate) struct ReportWrite {
    /// The place of its entry.
    pub(crate) entry: usize,
    pub(crate) id: i64,
    /// Its place in `Writes::clusters`, where it waits for a person.
    pub(crate) cluster: Option<usize>,
    /// It is about somebody who wants to be forgotten: its texts are not kept.
    pub(crate) is_wordless: bool,
}

#[derive(Debug)]
pub(crate) struct DecisionWrite {
    pub(crate) id: i64,
    pub(crate) address: Option<i64>,
    pub(crate) report: Option<i64>,
    pub(crate) taken_at: Timestamp,
    pub(crate) outcome: Outcome,
    pub(crate) reason: Reason,
    pub(crate) rule: &'static str,
    pub(crate) until: Option<Timestamp>,
    pub(crate) tenant: String,
    pub(crate) list: String,
    pub(crate) undoes: Option<i64>,
    /// By its key.
    pub(crate) incident: Option<String>,
}

/// The row of an address stop as it is from now on.
#[derive(Clone, Debug)]
pub(crate) struct StopWrite {
    pub(crate) address: i64,
    pub(crate) domain: i64,
    /// Of the address.
    pub(crate) hash: i64,
    pub(crate) tenant: String,
    pub(crate) list: String,
    pub(crate) stop: Stop,
    pub(crate) reason: Reason,
    pub(crate) since: Timestamp,
    pub(crate) until: Option<Timestamp>,
    pub(crate) decision: i64,
    /// What the row said before this batch; `None`: there was none.
    pub(crate) before: Option<Stop>,
}

#[derive(Debug)]
pub(crate) struct StrikeWrite {
    pub(crate) address: i64,
    pub(crate) day: i64,
    pub(crate) reason: Reason,
    pub(crate) decision: i64,
}

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct DailySort {
    pub(crate) day: i64,
    /// 0 where no recipient is named.
    pub(crate) domain: i64,
    /// 0 where none is named.
    pub(crate) host: i64,
    pub(crate) kind: Kind,
    pub(crate) reason: Reason,
    pub(crate) bounce_type: BounceType,
    pub(crate) outcome: Outcome,
}

/// What is added to the sums that a summary reads. All of it follows from `Writes::daily`.
#[derive(Debug, Default)]
pub(crate) struct RollUps {
    pub(crate) day_reasons: HashMap<(i64, Kind, Reason, BounceType, Outcome), i64>,
    /// By domain, day (-1: all days) and reason.
    pub(crate) domain_days: HashMap<(i64, i64, Reason), i64>,
    /// By host, day (-1: all days) and reason.
    pub(crate) host_days: HashMap<(i64, i64, Reason), i64>,
    /// Host and domain → the last day.
    pub(crate) host_domains: HashMap<(i64, i64), i64>,
}

/// The day under which the sums of all days stand.
const ALL_DAYS: i64 = -1;

impl Writes {
    pub(crate) fn roll_ups(&self) -> RollUps {
        let mut sums = RollUps::default();
        for (sort, reports) in &self.daily {
            let key = (sort.day, sort.kind, sort.reason, sort.bounce_type, sort.outcome);
            *sums.day_reasons.entry(key).or_default() += reports;
            if sort.kind != Kind::Failed {
                continue;
            }
            for day in [sort.day, ALL_DAYS] {
                if sort.domain > 0 {
                    *sums.domain_days.entry((sort.domain, day, sort.reason)).or_default() += reports;
                }
                if sort.host > 0 {
                    *sums.host_days.entry((sort.host, day, sort.reason)).or_default() += reports;
                }
            }
            if sort.host > 0 && sort.domain > 0 && *reports > 0 {
                let day = sums.host_domains.entry((sort.host, sort.domain)).or_insert(sort.day);
                *day = (*day).max(sort.day);
            }
        }
        sums
    }
}

#[derive(Debug)]
pub(crate) struct BrakeWrite {
    pub(crate) provider: String,
    pub(crate) brake: Brake,
    pub(crate) incident: Option<String>,
}

/// The incident with this key is opened where none is open.
#[derive(Debug)]
pub(crate) struct IncidentWrite {
    pub(crate) key: String,
    pub(crate) at: Timestamp,
    /// `None`: `opened` where it is new, else `joined` where addresses joined.
    pub(crate) event: Option<IncidentEvent>,
    pub(crate) reason: Option<Reason>,
    pub(crate) domain: Option<i64>,
    pub(crate) addresses: u64,
    pub(crate) detail: Option<String>,
}

/// Put down where the domain has no investigation waiting, and none is done while it is already watched.
#[derive(Debug)]
pub(crate) struct InvestigationWrite {
    pub(crate) domain: i64,
    pub(crate) claim: Reason,
    pub(crate) at: Timestamp,
}

#[derive(Debug)]
pub(crate) struct ClusterWrite {
    pub(crate) pattern: String,
    pub(crate) reports: u64,
    pub(crate) first_at: Timestamp,
    pub(crate) last_at: Timestamp,
}

/// What is added to a domain's roll-up.
#[derive(Clone, Debug, Default)]
pub(crate) struct DomainDelta {
    pub(crate) failures: u64,
    /// Less than nothing where a report is no longer thought to be about the route.
    pub(crate) route_failures: i64,
    /// New failures of the route.
    pub(crate) failed_since: u64,
    pub(crate) delivered: u64,
    pub(crate) owner_changed: bool,
    pub(crate) last_failure: Option<(Timestamp, Reason)>,
    pub(crate) look_now: bool,
}

/// What is added to a host's roll-up.
#[derive(Debug, Default)]
pub(crate) struct HostDelta {
    pub(crate) failures: u64,
    pub(crate) last_failure: Option<(Timestamp, Reason)>,
}
