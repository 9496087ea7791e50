//! The answer for machines.

use std::collections::BTreeMap;
use std::io::Write;

use abprall_mail::{Language, Reason};
use abprall_policy::Outcome;
use jiff::Timestamp;
use serde::Serialize;

use super::answer::{Answer, Row};
use super::trial::{Change, Compared, Stopped, Trial};

/// One address that would stand otherwise. See `docs/output.md`.
#[derive(Serialize)]
pub(super) struct Line<'t> {
    address: &'t str,
    tenant: Option<&'t str>,
    list: Option<&'t str>,
    provider: &'t str,
    change: Change,
    before: Option<Side<'t>>,
    after: Option<Side<'t>>,
}

/// How it is stopped.
#[derive(Serialize)]
struct Side<'t> {
    outcome: Outcome,
    reason: Reason,
    since: Timestamp,
    until: Option<Timestamp>,
    rule: &'t str,
    report: i64,
}

impl<'t> Line<'t> {
    pub(super) fn of(compared: &Compared<'t>, trial: &'t Trial<'_>) -> Self {
        let side = |stopped: &'t Stopped| Side {
            outcome: stopped.outcome,
            reason: stopped.reason,
            since: stopped.since,
            until: stopped.until,
            rule: trial.rule(stopped),
            report: stopped.report,
        };
        Self {
            address: compared.address,
            tenant: compared.tenant,
            list: compared.list,
            provider: compared.provider,
            change: compared.change,
            before: compared.before.map(side),
            after: compared.after.map(side),
        }
    }
}

/// By name, so that two answers can be compared.
fn differences<'t>(trial: &'t Trial<'_>) -> Vec<Compared<'t>> {
    let mut found: Vec<_> =
        trial.compared().filter(|compared| compared.change != Change::Unchanged).collect();
    found.sort_by(|one, other| {
        (one.address, one.tenant, one.list).cmp(&(other.address, other.tenant, other.list))
    });
    found
}

pub(super) fn write_ndjson(mut out: impl Write, trial: &Trial<'_>) -> anyhow::Result<()> {
    for compared in differences(trial) {
        serde_json::to_writer(&mut out, &Line::of(&compared, trial))?;
        out.write_all(b"\n")?;
    }
    Ok(out.flush()?)
}

pub(super) fn write_csv(out: impl Write, trial: &Trial<'_>) -> anyhow::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record([
        "address",
        "tenant",
        "list",
        "provider",
        "change",
        "before",
        "before_reason",
        "before_since",
        "before_until",
        "before_rule",
        "after",
        "after_reason",
        "after_since",
        "after_until",
        "after_rule",
    ])?;
    for compared in differences(trial) {
        let Line { address, tenant, list, provider, change, before, after } = Line::of(&compared, trial);
        let side = |side: Option<Side<'_>>| {
            side.map_or_else(Default::default, |side| {
                [
                    side.outcome.as_str().to_owned(),
                    side.reason.as_str().to_owned(),
                    side.since.to_string(),
                    side.until.map(|until| until.to_string()).unwrap_or_default(),
                    side.rule.to_owned(),
                ]
            })
        };
        let (before, after): ([String; 5], [String; 5]) = (side(before), side(after));
        let first =
            [address, tenant.unwrap_or_default(), list.unwrap_or_default(), provider, change.as_str()];
        csv.write_record(first.into_iter().chain(before.iter().chain(&after).map(String::as_str)))?;
    }
    Ok(csv.flush()?)
}

#[derive(Serialize)]
struct Whole<'t> {
    from: Option<Timestamp>,
    to: Timestamp,
    reports: u64,
    addresses: usize,
    changes: &'t BTreeMap<Change, u64>,
    outcomes: Vec<OutcomeRow>,
    reasons: Vec<ReasonRow<'t>>,
    providers: Vec<ProviderRow<'t>>,
    providers_total: usize,
    examples: Vec<Line<'t>>,
    cannot_know: Vec<UnknownRow>,
}

#[derive(Serialize)]
struct OutcomeRow {
    outcome: Outcome,
    before: u64,
    after: u64,
}

#[derive(Serialize)]
struct ReasonRow<'t> {
    reason: Reason,
    #[serde(flatten)]
    addresses: &'t Row,
}

#[derive(Serialize)]
struct ProviderRow<'t> {
    provider: &'t str,
    #[serde(flatten)]
    addresses: &'t Row,
}

#[derive(Serialize)]
struct UnknownRow {
    id: &'static str,
    reports: Option<u64>,
    text: &'static str,
}

pub(super) fn write_json(
    out: &mut impl Write,
    answer: &Answer<'_>,
    (from, to): (Option<Timestamp>, Timestamp),
    language: Language,
) -> anyhow::Result<()> {
    let whole = Whole {
        from,
        to,
        reports: answer.tally.reports,
        addresses: answer.addresses,
        changes: &answer.changes,
        outcomes: answer
            .outcomes
            .iter()
            .map(|&(outcome, before, after)| OutcomeRow { outcome, before, after })
            .collect(),
        reasons: answer
            .reasons
            .iter()
            .map(|(reason, addresses)| ReasonRow { reason: *reason, addresses })
            .collect(),
        providers: answer
            .providers
            .iter()
            .map(|(provider, addresses)| ProviderRow { provider, addresses })
            .collect(),
        providers_total: answer.providers_total,
        examples: answer.examples.iter().map(|compared| Line::of(compared, answer.trial)).collect(),
        cannot_know: answer
            .unknown
            .iter()
            .map(|unknown| UnknownRow {
                id: unknown.kind.as_str(),
                reports: (unknown.reports > 0).then_some(unknown.reports),
                text: unknown.kind.text(language),
            })
            .collect(),
    };
    Ok(serde_json::to_writer_pretty(out, &whole)?)
}
