use std::collections::{HashMap, HashSet};

use abprall_bounce::{Generator, Report, Trust};
use abprall_mail::{EmailAddress, Reason, ReplyCode};
use abprall_policy::{Outcome, Policy};
use jiff::Timestamp;

use super::SqlStore;
use super::book::Book;
use super::column::{count, time, word, word_or_none};
use super::load::{Asking, load};
use super::record::remember_policy;
use super::write::write;
use crate::database::{Connection, Row, params};
use crate::page::cut_to_page;
use crate::plan::{Existing, Gathered, GatheredEntry, fingerprint, plan};
use crate::{
    Audience, Cursor, Page, Reclassified, ReclassifySummary, ReviewCluster, ReviewReport, Rows, StoreError,
};

pub(super) fn clusters(store: &SqlStore, page: Page) -> Result<Rows<ReviewCluster>, StoreError> {
    let after = page.after.unwrap_or(Cursor { key: i64::MAX, id: i64::MAX });
    let mut statement = store.connection.prepare_cached(
        "SELECT reports, id, pattern, first_at, last_at FROM review_cluster
         WHERE reports > 0 AND (reports, id) < (?1, ?2) ORDER BY reports DESC, id DESC LIMIT ?3",
    )?;
    let mut rows = statement.query(params![after.key, after.id, i64::from(page.rows) + 1])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let (reports, id): (i64, i64) = (row.get(0)?, row.get(1)?);
        let cluster = ReviewCluster {
            id,
            pattern: row.get(2)?,
            reports: count(reports),
            first_at: time(row.get(3)?)?,
            last_at: time(row.get(4)?)?,
        };
        found.push((Cursor { key: reports, id }, cluster));
    }
    Ok(cut_to_page(found, page))
}

const REPORTS: &str = "SELECT report.id, message.source, report.kind, address.text, failed.text, report.reply_code,
         report.status, report.diagnostic, report.prose, report.reporting_mta, host.name, report.generator, report.phase,
         report.message_id, report.subject, report.queue_id, report.trust, report.happened_at, report.tenant, report.list,
         report.cluster, report.reason, report.party, report.bounce_type
     FROM report JOIN message ON message.id = report.message
     LEFT JOIN address ON address.id = report.address
     LEFT JOIN address AS failed ON failed.id = report.failed_address
     LEFT JOIN host ON host.id = report.host";

pub(super) fn reports(
    store: &SqlStore,
    cluster: Option<i64>,
    page: Page,
) -> Result<Rows<ReviewReport>, StoreError> {
    let sql = format!(
        "{REPORTS} WHERE report.cluster IS NOT NULL AND (?1 IS NULL OR report.cluster = ?1) AND report.id > ?2
         ORDER BY report.id LIMIT ?3"
    );
    let after = page.after.map_or(0, |cursor| cursor.id);
    let mut statement = store.connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params![cluster, after, i64::from(page.rows) + 1])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let id = row.get(0)?;
        let report = ReviewReport { id, source: row.get(1)?, report: report_of(row)? };
        found.push((Cursor { key: 0, id }, report));
    }
    Ok(cut_to_page(found, page))
}

fn report_of(row: Row<'_>) -> Result<Report, StoreError> {
    let address = |text: Option<String>| text.and_then(|text| EmailAddress::parse_lenient(&text).ok());
    let (sent_to, failed) = (address(row.get(3)?), address(row.get(4)?));
    let code: Option<u16> = row.get(5)?;
    let happened_at = time(row.get(17)?)?;
    Ok(Report {
        kind: word("the kind", &row.get::<String>(2)?)?,
        recipient: failed.or_else(|| sent_to.clone()),
        original_recipient: sent_to,
        message_id: row.get(13)?,
        subject: row.get(14)?,
        queue_id: row.get(15)?,
        reply_code: code.and_then(|code| ReplyCode::try_from(code).ok()),
        status: row.get::<Option<String>>(6)?.and_then(|text| text.parse().ok()),
        diagnostic: row.get(7)?,
        prose: row.get(8)?,
        reporting_mta: row.get(9)?,
        remote_mta: row.get(10)?,
        generator: row.get::<Option<String>>(11)?.and_then(|name| Generator::named(&name)),
        phase: word_or_none("the phase", row.get::<Option<String>>(12)?.as_deref())?,
        last_attempt_at: Some(happened_at),
        trust: word_or_none("the trust", row.get::<Option<String>>(16)?.as_deref())?
            .unwrap_or_else(Trust::default),
        ..Report::default()
    })
}

/// What nobody waits in is forgotten: its pattern may still hold words about somebody.
pub(super) fn drop_empty_clusters(book: &Book<'_>) -> Result<(), StoreError> {
    book.connection.execute("DELETE FROM review_cluster WHERE reports <= 0", [])?;
    Ok(())
}

/// A stored report with what it needs to be decided again.
struct Stored {
    existing: Existing,
    report: Report,
    audience: Audience,
    happened_at: Timestamp,
    /// `None`: it waits no more.
    cluster: Option<i64>,
}

fn stored(connection: &Connection, id: i64) -> Result<Stored, StoreError> {
    let mut statement = connection.prepare_cached(&format!("{REPORTS} WHERE report.id = ?1"))?;
    let mut rows = statement.query([id])?;
    let Some(row) = rows.next()? else {
        return Err(StoreError::NotFound { what: "report", name: id.to_string() });
    };
    let reason: Reason = word("the reason", &row.get::<String>(21)?)?;
    let party = word_or_none("the party", row.get::<Option<String>>(22)?.as_deref())?;
    let bounce_type = word("the bounce type", &row.get::<String>(23)?)?;
    Ok(Stored {
        existing: Existing { id, reason, party: party.unwrap_or_else(|| reason.party()), bounce_type },
        report: report_of(row)?,
        audience: Audience { tenant: row.get(18)?, list: row.get(19)? },
        happened_at: time(row.get(17)?)?,
        cluster: row.get(20)?,
    })
}

pub(super) fn reclassify(
    store: &mut SqlStore,
    reports: &[Reclassified],
    policy: &Policy,
    at: Timestamp,
) -> Result<ReclassifySummary, StoreError> {
    let (hash, text) = fingerprint(&mut store.policy, policy);
    store.write(|book| {
        remember_policy(book, hash, text.as_deref())?;
        let mut summary = ReclassifySummary::default();
        let mut again = Vec::new();
        let mut seen = HashSet::new();
        for new in reports {
            let stored = stored(book.connection, new.report)?;
            if stored.cluster.is_none() || !seen.insert(new.report) {
                // It was decided meanwhile, or is named twice.
                continue;
            }
            if new.judged.reason == Reason::Undetermined {
                summary.undetermined += 1;
            } else {
                again.push((stored, &new.judged));
            }
        }
        let mut left: HashMap<i64, i64> = HashMap::new();
        let mut gathered = Gathered::default();
        for (stored, judged) in &again {
            if let Some(cluster) = stored.cluster {
                *left.entry(cluster).or_default() += 1;
            }
            let (report, audience) = (&stored.report, &stored.audience);
            let entry = gathered.names.entry(report, judged, audience, stored.happened_at, book.seed);
            gathered.entries.push(GatheredEntry { existing: Some(stored.existing), seen_at: at, ..entry });
        }
        for (cluster, reports) in left {
            book.connection.execute(
                "UPDATE review_cluster SET reports = max(reports - ?2, 0) WHERE id = ?1",
                params![cluster, reports],
            )?;
        }
        drop_empty_clusters(book)?;
        let context = load(book, &gathered)?;
        let ids: Vec<_> = context.addresses.iter().map(|address| address.id).collect();
        let hosts = context.hosts.clone();
        let writes = plan(&gathered, context, &mut Asking { connection: book.connection }, policy)?;
        write(book, &gathered, &ids, &hosts, &writes, hash)?;
        for decided in &writes.decided {
            summary.decided += 1;
            summary.stopped += u64::from(decided.newly_stopped);
            summary.undetermined += u64::from(decided.decision.outcome == Outcome::Review);
        }
        Ok(summary)
    })
}
