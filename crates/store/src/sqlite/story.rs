use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, params};

use super::SqliteStore;
use super::check::{standing, stop_columns};
use super::column::{count, time, word, word_or_none};
use crate::{DecisionRecord, Matched, ReportRecord, Scope, Standing, StoreError, Story, Subject};

impl SqliteStore {
    /// All that is known about an address or a domain; `None` where nothing is. At most `decisions_max` decisions and as many
    /// addresses, the newest decisions and the stopped addresses first.
    ///
    /// # Errors
    /// Where the database cannot be read.
    pub fn story(
        &self,
        subject: &Subject,
        at: Timestamp,
        decisions_max: u32,
    ) -> Result<Option<Story>, StoreError> {
        let standing = self.check_subject(subject, at)?;
        match subject {
            Subject::Address(address) => match self.find_address(address)? {
                Some(number) => self.story_of_address(number, standing, decisions_max).map(Some),
                // Nothing is known of the address itself, but its domain is stopped: that is a story as well.
                None if standing.decision.is_some() => Ok(Some(self.story_of_stop(standing)?)),
                None => Ok(None),
            },
            Subject::Domain(domain) => match self.find_domain(domain.as_str())? {
                Some(number) => self.story_of_domain(number, standing, at, decisions_max).map(Some),
                None => Ok(None),
            },
        }
    }

    fn story_of_address(&self, number: i64, standing: Standing, max: u32) -> Result<Story, StoreError> {
        let total = self.count("SELECT count(*) FROM decision WHERE address = ?1", number)?;
        let mut decisions = self.decisions(
            &format!("{DECISIONS} WHERE decision.address = ?1 ORDER BY decision.id DESC LIMIT ?2"),
            number,
            max,
        )?;
        if standing.scope == Some(Scope::Domain) {
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
        let Some(id) = standing.decision else { return Ok(None) };
        let found = self.decisions(&format!("{DECISIONS} WHERE decision.id = ?1 LIMIT ?2"), id, 1)?;
        Ok(found.into_iter().next())
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
        let mut statement = self.connection.prepare_cached(
            "SELECT address.text, stop, reason, since, until, decision
             FROM address LEFT JOIN address_stop
               ON address_stop.address = address.id AND (until IS NULL OR until > ?2)
             WHERE domain = ?1
             ORDER BY stop IS NULL, stop DESC, address.text LIMIT ?3",
        )?;
        let mut rows = statement.query(params![number, at.as_microsecond(), max])?;
        let mut addresses = Vec::new();
        while let Some(row) = rows.next()? {
            let text: String = row.get(0)?;
            addresses.push(match row.get::<_, Option<String>>(1)? {
                Some(_) => standing(text, Scope::Address, stop_columns(row, 1)?)?,
                None => Standing::ok(text),
            });
        }
        Ok(Story {
            standing: standing_of_domain,
            decisions_total: self.count("SELECT count(*) FROM decision WHERE domain = ?1", number)?,
            decisions,
            addresses,
            addresses_total: self.count("SELECT count(*) FROM address WHERE domain = ?1", number)?,
            addresses_stopped: self.count(
                "SELECT count(*) FROM address_stop JOIN address ON address.id = address_stop.address WHERE domain = ?1",
                number,
            )?,
        })
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
        }
    }
}

/// A decision with whom it is about, its report and the report's message; completed by a condition.
const DECISIONS: &str = "SELECT decision.id, coalesce(address.text, domain.name, ''), decision.taken_at, decision.outcome,
        decision.reason, decision.rule, decision.policy, decision.note,
        message.source, report.position, report.happened_at, report.kind, failed.text, report.reason, report.underlying,
        report.permanence, report.confidence, report.reply_code, report.status, report.diagnostic,
        report.reporting_mta, host.name, report.message_id, report.subject, report.because, report.contradictions
     FROM decision
     LEFT JOIN address ON address.id = decision.address
     LEFT JOIN domain ON domain.id = decision.domain
     LEFT JOIN report ON report.id = decision.report
     LEFT JOIN message ON message.id = report.message
     LEFT JOIN address AS failed ON failed.id = report.failed_address
     LEFT JOIN host ON host.id = report.host";

fn decision_of(row: &Row<'_>) -> Result<DecisionRecord, StoreError> {
    let report = match row.get::<_, Option<String>>("source")? {
        Some(source) => Some(report_of(row, source)?),
        None => None,
    };
    Ok(DecisionRecord {
        id: row.get(0)?,
        about: row.get(1)?,
        taken_at: time(row.get(2)?)?,
        outcome: word("the outcome", &row.get::<_, String>(3)?)?,
        reason: word_or_none("the reason", row.get::<_, Option<String>>(4)?.as_deref())?,
        rule: row.get(5)?,
        policy: row.get(6)?,
        note: row.get(7)?,
        report,
    })
}

fn report_of(row: &Row<'_>, source: String) -> Result<ReportRecord, StoreError> {
    let because: String = row.get(24)?;
    let contradictions: String = row.get(25)?;
    let unreadable =
        |what: &'static str, value: &str| StoreError::UnknownWord { what, value: value.to_owned() };
    let because: Vec<(String, String)> =
        serde_json::from_str(&because).map_err(|_| unreadable("the rules", &because))?;
    Ok(ReportRecord {
        source,
        index: row.get(9)?,
        happened_at: time(row.get(10)?)?,
        kind: word("the kind", &row.get::<_, String>(11)?)?,
        failed_address: row.get(12)?,
        reason: word("the reason", &row.get::<_, String>(13)?)?,
        underlying: word_or_none("the reason", row.get::<_, Option<String>>(14)?.as_deref())?,
        permanence: word("the permanence", &row.get::<_, String>(15)?)?,
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
