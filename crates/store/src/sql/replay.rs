use std::ops::ControlFlow;

use abprall_bounce::{Kind, Trust};
use abprall_mail::{BounceType, Reason};
use abprall_policy::Case;
use jiff::Timestamp;

use super::SqlStore;
use super::column::{time, word, word_or_none};
use crate::database::{Row, params};
use crate::{ReplayedReport, StoreError};

/// In the order in which they were decided: a ledger that is kept along the way is right.
pub(super) fn replay(
    store: &SqlStore,
    from: Timestamp,
    to: Timestamp,
    each: &mut dyn FnMut(ReplayedReport) -> ControlFlow<()>,
) -> Result<u64, StoreError> {
    // By number, of which the window is a piece: the index of times only finds its ends.
    let mut statement = store.connection.prepare_cached(
        "SELECT report.id, decision.id, decision.taken_at, address.text, coalesce(domain_state.operator, domain.name),
             report.kind, report.reason, report.party, report.permanence, report.action, report.contradictions,
             report.trust, report.happened_at, domain.name, report.list, report.tenant, report.bounce_type,
             decision.outcome, decision.rule, decision.until, message.seen_at < decision.taken_at,
             EXISTS (SELECT 1 FROM decision AS later WHERE later.undoes = decision.id AND later.outcome = 'pending')
         FROM decision
         JOIN report ON report.id = decision.report
         JOIN message ON message.id = report.message
         LEFT JOIN address ON address.id = report.address
         LEFT JOIN domain ON domain.id = address.domain
         LEFT JOIN domain_state ON domain_state.domain = domain.id
         WHERE decision.taken_at >= ?1 AND decision.taken_at < ?2 AND decision.undoes IS NULL
         ORDER BY decision.taken_at, decision.id",
    )?;
    let mut handed = 0;
    statement.stream(params![from.as_microsecond(), to.as_microsecond()], |row| {
        handed += 1;
        Ok(each(replayed(row)?))
    })?;
    Ok(handed)
}

fn replayed(row: Row<'_>) -> Result<ReplayedReport, StoreError> {
    let kind: Kind = word("the kind", &row.get::<String>(5)?)?;
    let reason: Reason = word("the reason", &row.get::<String>(6)?)?;
    let bounce_type: BounceType = word("the bounce type", &row.get::<String>(16)?)?;
    let party = word_or_none("the party", row.get::<Option<String>>(7)?.as_deref())?;
    let trust = word_or_none("the trust", row.get::<Option<String>>(11)?.as_deref())?;
    let contradictions = row.get::<String>(10)?.len();
    Ok(ReplayedReport {
        report: row.get(0)?,
        decision: row.get(1)?,
        taken_at: time(row.get(2)?)?,
        address: row.get(3)?,
        provider: row.get(4)?,
        is_hard: kind == Kind::Failed && bounce_type == BounceType::Hard,
        case: Case {
            kind,
            reason,
            party: party.unwrap_or_else(|| reason.party()),
            permanence: word("the permanence", &row.get::<String>(8)?)?,
            action: word("the action", &row.get::<String>(9)?)?,
            // An empty list is `[]`.
            contradicted: contradictions > 2,
            trust: trust.unwrap_or_else(Trust::default),
            happened_at: time(row.get(12)?)?,
            domain: row.get(13)?,
            list: row.get(14)?,
            tenant: row.get(15)?,
        },
        outcome: word("the outcome", &row.get::<String>(17)?)?,
        rule: row.get(18)?,
        until: row.get::<Option<i64>>(19)?.map(time).transpose()?,
        again: row.get(20)?,
        frozen_later: row.get(21)?,
    })
}
