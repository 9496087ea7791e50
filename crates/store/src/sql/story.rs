use jiff::Timestamp;

use super::SqlStore;
use super::check::{check, check_subject, find, own_standing, standing, stop_columns};
use super::column::{count, json_or_none, time, word, word_or_none};
use crate::database::{OptionalRow, Row, params};
use crate::plan::shown_fingerprint;
use crate::{
    Audience, ContentId, DecisionRecord, Matched, Question, ReportRecord, Scope, Standing, State, StoreError,
    Story, Subject,
};

/// The newest decisions and the stopped addresses first.
pub(super) fn story(
    store: &SqlStore,
    subject: &Subject,
    at: Timestamp,
    decisions_max: u32,
) -> Result<Option<Story>, StoreError> {
    let standing = check_subject(store, subject, at)?;
    match subject {
        Subject::Address(address) => match store.find_address(address)? {
            Some(number) => store.story_of_address(number, standing, decisions_max).map(Some),
            // Nothing is known of the address itself, but its domain is stopped: that is a story as well.
            None if standing.decision.is_some() => Ok(Some(store.story_of_stop(standing)?)),
            None => Ok(None),
        },
        Subject::Domain(domain) => match store.find_domain(domain.as_str())? {
            Some(number) => store.story_of_domain(number, standing, at, decisions_max).map(Some),
            None => Ok(None),
        },
        Subject::MxHost(host) => match store.find_host(host.as_str())? {
            Some(number) => store.story_of_host(number, standing, decisions_max).map(Some),
            None => Ok(None),
        },
    }
}

/// What one tenant may see: its own decisions, and its own stops of a domain's addresses.
pub(super) fn story_of_tenant(
    store: &SqlStore,
    subject: &Subject,
    tenant: &str,
    at: Timestamp,
    decisions_max: u32,
) -> Result<Option<Story>, StoreError> {
    let audience = Audience { tenant: Some(tenant.to_owned()), list: None };
    let standing = match subject {
        Subject::Address(address) => check(store, &Question { address: address.clone(), audience }, at)?,
        Subject::Domain(_) | Subject::MxHost(_) => own_standing(store, subject, &audience, at)?,
    };
    let (Some(number), scope) = find(store, subject)? else {
        return Ok((standing.state != State::Ok).then(|| Story::of_address(standing, 0, Vec::new())));
    };
    let column = match scope {
        Scope::Address => "address",
        Scope::Domain => "domain",
        Scope::MxHost => "host",
    };
    let total = count(store.connection.query_row(
        &format!("SELECT count(*) FROM decision WHERE {column} = ?1 AND tenant = ?2"),
        params![number, tenant],
        |row| row.get(0),
    )?);
    if total == 0 && standing.state == State::Ok {
        return Ok(None);
    }
    let sql = format!(
        "{DECISIONS} WHERE decision.{column} = ?1 AND decision.tenant = ?2 ORDER BY decision.id DESC LIMIT ?3"
    );
    let mut statement = store.connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params![number, tenant, decisions_max])?;
    let mut decisions = Vec::new();
    while let Some(row) = rows.next()? {
        decisions.push(decision_of(row)?);
    }
    Ok(Some(Story::of_address(standing, total, decisions)))
}

impl SqlStore {
    pub(super) fn decision_of_number(&self, id: i64) -> Result<Option<DecisionRecord>, StoreError> {
        let found = self.decisions(&format!("{DECISIONS} WHERE decision.id = ?1 LIMIT ?2"), id, 1)?;
        Ok(found.into_iter().next())
    }

    fn story_of_host(&self, number: i64, standing: Standing, max: u32) -> Result<Story, StoreError> {
        let total = self.count("SELECT count(*) FROM decision WHERE host = ?1", number)?;
        let decisions = self.decisions(
            &format!("{DECISIONS} WHERE decision.host = ?1 ORDER BY decision.id DESC LIMIT ?2"),
            number,
            max,
        )?;
        Ok(Story::of_address(standing, total, decisions))
    }

    fn story_of_address(&self, number: i64, standing: Standing, max: u32) -> Result<Story, StoreError> {
        let total = self.count("SELECT count(*) FROM decision WHERE address = ?1", number)?;
        let mut decisions = self.decisions(
            &format!("{DECISIONS} WHERE decision.address = ?1 ORDER BY decision.id DESC LIMIT ?2"),
            number,
            max,
        )?;
        if matches!(standing.scope, Some(Scope::Domain | Scope::MxHost)) {
            decisions.splice(0..0, self.decision(&standing)?);
        }
        Ok(Story::of_address(standing, total, decisions))
    }

    fn story_of_stop(&self, standing: Standing) -> Result<Story, StoreError> {
        let decisions: Vec<_> = self.decision(&standing)?.into_iter().collect();
        Ok(Story::of_address(standing, decisions.len() as u64, decisions))
    }

    /// The decision that a standing names.
    fn decision(&self, standing: &Standing) -> Result<Option<DecisionRecord>, StoreError> {
        standing.decision.map_or(Ok(None), |id| self.decision_of_number(id))
    }

    fn story_of_domain(
        &self,
        number: i64,
        standing_of_domain: Standing,
        at: Timestamp,
        max: u32,
    ) -> Result<Story, StoreError> {
        let decisions = self.decisions(
            &format!("{DECISIONS} WHERE decision.domain = ?1 ORDER BY decision.id DESC LIMIT ?2"),
            number,
            max,
        )?;
        let addresses = self.addresses_of(number, at, max)?;
        Ok(Story {
            standing: standing_of_domain,
            decisions_total: self.count("SELECT count(*) FROM decision WHERE domain = ?1", number)?,
            decisions,
            addresses,
            addresses_total: self.count("SELECT addresses FROM domain_state WHERE domain = ?1", number)?,
            addresses_stopped: self
                .count("SELECT held + suppressed FROM domain_state WHERE domain = ?1", number)?,
            raw_mail: Vec::new(),
        })
    }

    /// Suppressed ones first, then held ones, then the others.
    fn addresses_of(&self, domain: i64, at: Timestamp, max: u32) -> Result<Vec<Standing>, StoreError> {
        let mut addresses = Vec::new();
        let mut stopped = self.connection.prepare_cached(
            "SELECT address.text, stop, reason, since, until, decision FROM stop JOIN address ON address.id = stop.subject
             WHERE kind = 0 AND stop.domain = ?1 AND tenant = '' AND list = '' AND (until IS NULL OR until > ?2)
             ORDER BY stop DESC, subject DESC LIMIT ?3",
        )?;
        let mut rows = stopped.query(params![domain, at.as_microsecond(), max])?;
        while let Some(row) = rows.next()? {
            addresses.push(standing(row.get(0)?, Scope::Address, stop_columns(row, 1)?)?);
        }
        let left = i64::from(max) - addresses.len() as i64;
        let mut others = self.connection.prepare_cached(
            "SELECT address.text FROM address WHERE domain = ?1
                 AND NOT EXISTS (SELECT 1 FROM stop WHERE kind = 0 AND subject = address.id AND tenant = '' AND list = ''
                     AND (until IS NULL OR until > ?2))
             LIMIT ?3",
        )?;
        let mut rows = others.query(params![domain, at.as_microsecond(), left.max(0)])?;
        while let Some(row) = rows.next()? {
            addresses.push(Standing::ok(row.get(0)?));
        }
        Ok(addresses)
    }

    fn count(&self, sql: &str, number: i64) -> Result<u64, StoreError> {
        let rows: Option<i64> =
            self.connection.prepare_cached(sql)?.query_row([number], |row| row.get(0)).optional()?;
        Ok(count(rows.unwrap_or(0)))
    }

    fn decisions(&self, sql: &str, number: i64, max: u32) -> Result<Vec<DecisionRecord>, StoreError> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query(params![number, max])?;
        let mut decisions = Vec::new();
        while let Some(row) = rows.next()? {
            decisions.push(decision_of(row)?);
        }
        Ok(decisions)
    }
}

impl Story {
    fn of_address(standing: Standing, decisions_total: u64, decisions: Vec<DecisionRecord>) -> Self {
        Self {
            standing,
            decisions_total,
            decisions,
            addresses: Vec::new(),
            addresses_total: 0,
            addresses_stopped: 0,
            raw_mail: Vec::new(),
        }
    }
}

/// A decision with whom it is about, its report and the report's message; completed by a condition.
pub(super) const DECISIONS: &str = "SELECT decision.id, coalesce(address.text, domain.name, named.name, ''), decision.taken_at, decision.outcome,
        decision.reason, decision.rule, decision.policy, decision.note,
        message.source, report.position, report.happened_at, report.kind, failed.text, report.reason, report.underlying,
        report.permanence, report.confidence, report.reply_code, report.status, report.diagnostic,
        report.reporting_mta, host.name, report.message_id, report.subject, report.because, report.contradictions,
        decision.policy_text, decision.until, decision.tenant, decision.list, decision.evidence, decision.undoes,
        (SELECT min(later.id) FROM decision AS later WHERE later.undoes = decision.id), decision.incident, message.content
     FROM decision
     LEFT JOIN address ON address.id = decision.address
     LEFT JOIN domain ON domain.id = decision.domain
     LEFT JOIN report ON report.id = decision.report
     LEFT JOIN message ON message.id = report.message
     LEFT JOIN address AS failed ON failed.id = report.failed_address
     LEFT JOIN host ON host.id = report.host
     LEFT JOIN host AS named ON named.id = decision.host";

pub(super) fn decision_of(row: Row<'_>) -> Result<DecisionRecord, StoreError> {
    let report = match row.get::<Option<String>>(8)? {
        Some(source) => Some(report_of(row, source)?),
        None => None,
    };
    Ok(DecisionRecord {
        id: row.get(0)?,
        about: row.get(1)?,
        taken_at: time(row.get(2)?)?,
        outcome: word("the outcome", &row.get::<String>(3)?)?,
        reason: word_or_none("the reason", row.get::<Option<String>>(4)?.as_deref())?,
        rule: row.get(5)?,
        policy: row.get(6)?,
        policy_fingerprint: row.get::<Option<i64>>(26)?.map(shown_fingerprint),
        until: row.get::<Option<i64>>(27)?.map(time).transpose()?,
        tenant: row.get(28)?,
        list: row.get(29)?,
        evidence: json_or_none("the evidence", row.get::<Option<String>>(30)?.as_deref())?
            .unwrap_or_default(),
        undoes: row.get(31)?,
        undone_by: row.get(32)?,
        incident: row.get(33)?,
        note: row.get(7)?,
        report,
    })
}

fn report_of(row: Row<'_>, source: String) -> Result<ReportRecord, StoreError> {
    let because: String = row.get(24)?;
    let contradictions: String = row.get(25)?;
    let unreadable =
        |what: &'static str, value: &str| StoreError::UnknownWord { what, value: value.to_owned() };
    let because: Vec<(String, String)> =
        serde_json::from_str(&because).map_err(|_| unreadable("the rules", &because))?;
    let content: Option<Vec<u8>> = row.get(34)?;
    Ok(ReportRecord {
        source,
        content: content
            .as_deref()
            .and_then(ContentId::from_bytes)
            .map_or_else(String::new, |content| content.to_string()),
        index: row.get(9)?,
        happened_at: time(row.get(10)?)?,
        kind: word("the kind", &row.get::<String>(11)?)?,
        failed_address: row.get(12)?,
        reason: word("the reason", &row.get::<String>(13)?)?,
        underlying: word_or_none("the reason", row.get::<Option<String>>(14)?.as_deref())?,
        permanence: word("the permanence", &row.get::<String>(15)?)?,
        confidence: row.get(16)?,
        reply_code: row.get(17)?,
        status: row.get(18)?,
        diagnostic: row.get(19)?,
        reporting_mta: row.get(20)?,
        remote_mta: row.get(21)?,
        message_id: row.get(22)?,
        subject: row.get(23)?,
        because: because.into_iter().map(|(rule, matched)| Matched { rule, matched }).collect(),
        contradictions: serde_json::from_str(&contradictions)
            .map_err(|_| unreadable("the contradictions", &contradictions))?,
    })
}
