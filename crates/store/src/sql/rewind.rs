use std::collections::HashMap;

use abprall_mail::Reason;
use abprall_policy::Outcome;
use jiff::Timestamp;

use super::book::{Book, NewDecision, StopKey};
use super::column::word_or_none;
use super::undo::{Target, Undone, undo};
use crate::database::params;
use crate::limits::EXAMPLES_MAX;
use crate::{RewindSummary, Scope, Selection, StoreError};

/// Wishes of recipients, and what people did, are undone only where `--reason` or `--rule` names them.
///
/// Newest first, so that a decision never comes back that is to be undone as well.
pub(super) fn rewind(
    book: &mut Book<'_>,
    selection: &Selection,
    at: Timestamp,
    note: Option<&str>,
) -> Result<RewindSummary, StoreError> {
    let mut summary = RewindSummary::default();
    let mut fates: HashMap<(Scope, i64), Undone> = HashMap::new();
    for found in select(book, selection)? {
        let new = NewDecision {
            reason: found.reason,
            rule: "rewind",
            note,
            ..NewDecision::about(found.target.key.scope, found.target.key.subject, at, Outcome::Lift)
        };
        if found.is_strike {
            let gone = book
                .connection
                .prepare_cached("DELETE FROM strike WHERE address = ?1 AND decision = ?2")?
                .execute(params![found.target.key.subject, found.target.decision])?;
            summary.strikes += gone;
        }
        if !found.is_stop {
            if found.is_strike {
                book.decide(&NewDecision { undoes: Some(found.target.decision), ..new })?;
                summary.undone += 1;
            }
            continue;
        }
        let (_, fate) = undo(book, &found.target, &new)?;
        summary.undone += 1;
        match fate {
            Undone::Overtaken => summary.overtaken += 1,
            Undone::Freed | Undone::Restored => {
                fates.insert((found.target.key.scope, found.target.key.subject), fate);
            }
        }
    }
    for ((scope, subject), fate) in fates {
        match fate {
            Undone::Freed => {
                summary.freed += 1;
                if summary.examples.len() < EXAMPLES_MAX {
                    summary.examples.push(name_of(book, scope, subject)?);
                }
            }
            Undone::Restored => summary.restored += 1,
            Undone::Overtaken => {}
        }
    }
    summary.examples.sort();
    Ok(summary)
}

/// The name of a subject by its number.
pub(super) fn name_of(book: &Book<'_>, scope: Scope, subject: i64) -> Result<String, StoreError> {
    let sql = match scope {
        Scope::Address => "SELECT text FROM address WHERE id = ?1",
        Scope::Domain => "SELECT name FROM domain WHERE id = ?1",
        Scope::MxHost => "SELECT name FROM host WHERE id = ?1",
    };
    book.name(sql, subject)
}

struct Found {
    target: Target,
    reason: Option<Reason>,
    is_stop: bool,
    is_strike: bool,
}

fn select(book: &Book<'_>, selection: &Selection) -> Result<Vec<Found>, StoreError> {
    let mut statement = book.connection.prepare_cached(
        "SELECT d.id, d.address, d.domain, d.host, d.outcome, d.reason, coalesce(d.tenant, ''), coalesce(d.list, ''),
             EXISTS (SELECT 1 FROM strike WHERE strike.address = d.address AND strike.decision = d.id)
         FROM decision d
         LEFT JOIN address a ON a.id = d.address
         LEFT JOIN domain n ON n.id = coalesce(a.domain, d.domain)
         LEFT JOIN domain_state s ON s.domain = n.id
         WHERE d.taken_at >= ?1 AND d.taken_at < ?2 AND d.outcome IN ('suppress', 'hold', 'pending', 'count')
             AND (d.address IS NOT NULL OR d.domain IS NOT NULL OR d.host IS NOT NULL)
             AND (?3 IS NULL OR n.name = ?3 OR s.operator = ?3)
             AND (?4 IS NULL OR d.reason = ?4) AND (?5 IS NULL OR d.rule = ?5) AND (?6 IS NULL OR d.tenant = ?6)
             AND NOT EXISTS (SELECT 1 FROM decision WHERE undoes = d.id)
             AND (?4 IS NOT NULL OR ?5 IS NOT NULL
                 OR coalesce(d.reason, '') NOT IN ('complaint', 'unsubscribe') AND d.rule NOT IN ('operator', 'import'))
         ORDER BY d.id DESC",
    )?;
    let mut rows = statement.query(params![
        selection.from.as_microsecond(),
        selection.to.as_microsecond(),
        selection.provider,
        selection.reason.map(Reason::as_str),
        selection.rule,
        selection.tenant
    ])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let (address, domain, host): (Option<i64>, Option<i64>, Option<i64>) =
            (row.get(1)?, row.get(2)?, row.get(3)?);
        let (scope, subject) = match (address, domain, host) {
            (Some(address), _, _) => (Scope::Address, address),
            (None, Some(domain), _) => (Scope::Domain, domain),
            (None, None, Some(host)) => (Scope::MxHost, host),
            (None, None, None) => continue,
        };
        let outcome: String = row.get(4)?;
        let key = StopKey { scope, subject, tenant: row.get(6)?, list: row.get(7)? };
        found.push(Found {
            target: Target { decision: row.get(0)?, key },
            reason: word_or_none("the reason", row.get::<Option<String>>(5)?.as_deref())?,
            is_stop: outcome != "count",
            is_strike: row.get(8)?,
        });
    }
    Ok(found)
}
