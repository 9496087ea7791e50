//! The tables of a report for spreadsheets: one a file, with the words of the JSON.

use std::io::Write;

use clap::ValueEnum;
use jiff::Timestamp;

use super::Report;

/// Which table.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(crate) enum Table {
    /// Reports by day, kind, reason, party, type and outcome.
    #[default]
    Days,
    /// Failures by reason.
    Reasons,
    /// Failures by whose side they are on.
    Parties,
    /// Failures by provider.
    Providers,
    /// Domains that mail does not reach.
    Domains,
    /// Servers by failures of mail routing.
    Servers,
    /// Domains that came back.
    Recoveries,
    /// Incidents.
    Incidents,
}

pub(crate) fn write(out: impl Write, report: &Report, table: Table) -> csv::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    match table {
        Table::Days => days(&mut csv, report)?,
        Table::Reasons => {
            csv.write_record(["reason", "party", "failures"])?;
            for row in &report.failures_by_reason {
                csv.write_record([row.reason.as_str(), row.party.as_str(), &row.failures.to_string()])?;
            }
        }
        Table::Parties => {
            csv.write_record(["party", "failures"])?;
            for row in &report.failures_by_party {
                csv.write_record([row.party.as_str(), &row.failures.to_string()])?;
            }
        }
        Table::Providers => providers(&mut csv, report)?,
        Table::Domains => domains(&mut csv, report)?,
        Table::Servers => servers(&mut csv, report)?,
        Table::Recoveries => {
            csv.write_record(["domain", "at", "reinstated", "released"])?;
            for row in &report.trends.recoveries {
                let (reinstated, released) = (row.reinstated.to_string(), row.released.to_string());
                csv.write_record([&cell(&row.domain), &row.at.to_string(), &reinstated, &released])?;
            }
        }
        Table::Incidents => incidents(&mut csv, report)?,
    }
    Ok(csv.flush()?)
}

fn days(csv: &mut csv::Writer<impl Write>, report: &Report) -> csv::Result<()> {
    csv.write_record(["day", "kind", "reason", "party", "bounce_type", "outcome", "reports"])?;
    for row in &report.trends.by_day {
        csv.write_record([
            &row.day.to_string(),
            row.kind.as_str(),
            row.reason.as_str(),
            row.party.as_str(),
            row.bounce_type.as_str(),
            row.outcome.as_str(),
            &row.reports.to_string(),
        ])?;
    }
    Ok(())
}

fn providers(csv: &mut csv::Writer<impl Write>, report: &Report) -> csv::Result<()> {
    csv.write_record(["provider", "domains", "failures", "hard", "blocked", "reason"])?;
    for row in &report.trends.providers {
        csv.write_record([
            &cell(&row.provider),
            &row.domains.to_string(),
            &row.failures.to_string(),
            &row.hard.to_string(),
            &row.blocked.to_string(),
            row.reason.as_str(),
        ])?;
    }
    Ok(())
}

fn domains(csv: &mut csv::Writer<impl Write>, report: &Report) -> csv::Result<()> {
    csv.write_record([
        "domain",
        "addresses_affected",
        "route_failures",
        "state",
        "claim",
        "verdict",
        "confidence",
        "health",
        "failing_since",
        "last_failure_at",
        "next_look",
    ])?;
    for row in &report.unreachable_domains {
        csv.write_record([
            cell(&row.domain),
            row.addresses_affected.to_string(),
            row.route_failures.to_string(),
            row.state.as_str().to_owned(),
            row.claim.map_or("", |claim| claim.as_str()).to_owned(),
            row.verdict.map_or("", |verdict| verdict.as_str()).to_owned(),
            row.confidence.map_or("", |confidence| confidence.as_str()).to_owned(),
            row.health.map_or("", |health| health.as_str()).to_owned(),
            time(row.failing_since),
            time(row.last_failure_at),
            time(row.next_look),
        ])?;
    }
    Ok(())
}

fn servers(csv: &mut csv::Writer<impl Write>, report: &Report) -> csv::Result<()> {
    csv.write_record([
        "host",
        "failures",
        "mx_of",
        "reason",
        "first_day",
        "last_day",
        "health",
        "failing_since",
        "detail",
        "next_look",
    ])?;
    for row in &report.failing_servers {
        let (first, last) = row.days.map(|(first, last)| (first.to_string(), last.to_string())).unzip();
        csv.write_record([
            cell(&row.host),
            row.failures.to_string(),
            row.mx_of.to_string(),
            row.reason.map_or("", |reason| reason.as_str()).to_owned(),
            first.unwrap_or_default(),
            last.unwrap_or_default(),
            row.health.map_or("", |health| health.as_str()).to_owned(),
            time(row.failing_since),
            cell(row.detail.as_deref().unwrap_or_default()),
            time(row.next_look),
        ])?;
    }
    Ok(())
}

fn incidents(csv: &mut csv::Writer<impl Write>, report: &Report) -> csv::Result<()> {
    csv.write_record(["id", "key", "opened_at", "closed_at", "reason", "domains", "addresses"])?;
    for row in &report.incidents {
        csv.write_record([
            row.id.to_string(),
            cell(&row.key),
            row.opened_at.to_string(),
            time(row.closed_at),
            row.reason.map_or("", |reason| reason.as_str()).to_owned(),
            row.domains.to_string(),
            row.addresses.to_string(),
        ])?;
    }
    Ok(())
}

fn time(at: Option<Timestamp>) -> String {
    at.map(|at| at.to_string()).unwrap_or_default()
}

/// Somebody else's text that no spreadsheet takes for a formula (OWASP "CSV injection").
fn cell(text: &str) -> String {
    let begins_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if begins_formula { format!("'{text}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_is_no_formula() {
        assert_eq!(cell("=HYPERLINK(\"x\")"), "'=HYPERLINK(\"x\")");
        assert_eq!(cell("example.com"), "example.com");
    }
}
