use std::collections::HashMap;

use abprall_mail::Reason;
use abprall_policy::POLICY_VERSION;
use jiff::Timestamp;
use rusqlite::{TransactionBehavior, params};

use super::SqliteStore;
use super::names::Numbers;
use super::stop::{NewStop, stop_by_report};
use crate::limits::{BECAUSE_MAX, TEXT_BYTES_MAX};
use crate::{Decided, Entry, Message, Recorded, StoreError};

const MICROS_A_DAY: i64 = 86_400_000_000;

/// What the roll-up counts by.
#[derive(Eq, Hash, PartialEq)]
struct Sort {
    day: i64,
    domain: i64,
    host: i64,
    kind: &'static str,
    reason: &'static str,
    bounce_type: &'static str,
    outcome: &'static str,
}

type Daily = HashMap<Sort, i64>;

impl SqliteStore {
    /// Remembers a batch of messages, all or nothing, on the disk when this returns. Messages that are known change nothing.
    ///
    /// # Errors
    /// Where it could not be stored; then nothing of the batch was.
    pub fn record(&mut self, messages: &[Message<'_>]) -> Result<Vec<Recorded>, StoreError> {
        let recorded = self.try_record(messages);
        if recorded.is_err() {
            // Numbers that were given in vain must not be used again.
            self.forget_names();
        }
        recorded
    }

    fn try_record(&mut self, messages: &[Message<'_>]) -> Result<Vec<Recorded>, StoreError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut numbers = Numbers {
            connection: &transaction,
            seed: self.seed,
            domains: &mut self.domains,
            hosts: &mut self.hosts,
        };
        let mut daily = Daily::new();
        let mut recorded = Vec::with_capacity(messages.len());
        for message in messages {
            recorded.push(record_message(&mut numbers, &mut daily, message)?);
        }
        add(&numbers, &daily)?;
        transaction.commit()?;
        Ok(recorded)
    }
}

fn record_message(
    numbers: &mut Numbers<'_>,
    daily: &mut Daily,
    message: &Message<'_>,
) -> Result<Recorded, StoreError> {
    let is_new = numbers
        .connection
        .prepare_cached(
            "INSERT INTO message (content, source, seen_at, holds) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
        )?
        .execute(params![
            message.content.as_bytes(),
            message.source,
            message.seen_at.as_microsecond(),
            message.holds
        ])?;
    if is_new == 0 {
        return Ok(Recorded::Known);
    }
    let number = numbers.connection.last_insert_rowid();
    let mut decisions = Vec::with_capacity(message.entries.len());
    for (position, entry) in (0_i64..).zip(&message.entries) {
        decisions.push(record_entry(numbers, daily, message.seen_at, number, position, entry)?);
    }
    Ok(Recorded::New(decisions))
}

fn record_entry(
    numbers: &mut Numbers<'_>,
    daily: &mut Daily,
    seen_at: Timestamp,
    message: i64,
    position: i64,
    entry: &Entry<'_>,
) -> Result<Decided, StoreError> {
    let Entry { report, judged, decision } = entry;
    let address = entry.address().map(|address| numbers.address(address)).transpose()?;
    let failed = match (&report.recipient, entry.address()) {
        (Some(failed), Some(address)) if failed != address => Some(numbers.address(failed)?.0),
        _ => None,
    };
    let host = report.remote_mta.as_deref().and_then(host_name);
    let host = host.map(|name| numbers.host(&name)).transpose()?;
    let happened_at = entry.happened_at(seen_at).as_microsecond();
    let because: Vec<_> =
        judged.because.iter().take(BECAUSE_MAX).map(|why| (&*why.rule, cut(&why.matched))).collect();
    numbers
        .connection
        .prepare_cached(
            "INSERT INTO report (message, position, address, failed_address, host, happened_at, kind, reason, underlying,
                 permanence, bounce_type, action, confidence, reply_code, status, diagnostic, reporting_mta, generator,
                 phase, message_id, subject, because, contradictions)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22,
                 ?23)",
        )?
        .execute(params![
            message,
            position,
            address.map(|(number, _)| number),
            failed,
            host,
            happened_at,
            report.kind.as_str(),
            judged.reason.as_str(),
            judged.underlying.map(Reason::as_str),
            judged.permanence.as_str(),
            judged.bounce_type.as_str(),
            judged.action.as_str(),
            f64::from(judged.confidence),
            report.reply_code.map(abprall_mail::ReplyCode::as_u16),
            report.status.map(|status| status.to_string()),
            report.diagnostic.as_deref().map(cut),
            report.reporting_mta.as_deref().map(cut),
            report.generator.map(abprall_bounce::Generator::as_str),
            report.phase.map(abprall_bounce::Phase::as_str),
            report.message_id.as_deref().map(cut),
            report.subject.as_deref().map(cut),
            json(&because),
            json(&judged.contradictions),
        ])?;
    let report_number = numbers.connection.last_insert_rowid();
    numbers
        .connection
        .prepare_cached(
            "INSERT INTO decision (address, report, taken_at, outcome, reason, rule, policy)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            address.map(|(number, _)| number),
            report_number,
            seen_at.as_microsecond(),
            decision.outcome.as_str(),
            judged.reason.as_str(),
            decision.rule,
            POLICY_VERSION
        ])?;
    let decision_number = numbers.connection.last_insert_rowid();
    let newly_stopped = match (decision.outcome.stop(), address) {
        (Some(stop), Some((address, _))) => {
            let new = NewStop {
                stop,
                reason: judged.reason,
                since: seen_at,
                until: None,
                decision: decision_number,
            };
            stop_by_report(numbers.connection, address, &new)?
        }
        _ => false,
    };
    let sort = Sort {
        day: happened_at.div_euclid(MICROS_A_DAY),
        domain: address.map_or(0, |(_, domain)| domain),
        host: host.unwrap_or(0),
        kind: report.kind.as_str(),
        reason: judged.reason.as_str(),
        bounce_type: judged.bounce_type.as_str(),
        outcome: decision.outcome.as_str(),
    };
    *daily.entry(sort).or_default() += 1;
    Ok(Decided { decision: decision_number, newly_stopped })
}

fn add(numbers: &Numbers<'_>, daily: &Daily) -> Result<(), StoreError> {
    let mut statement = numbers.connection.prepare_cached(
        "INSERT INTO daily (day, domain, host, kind, reason, bounce_type, outcome, reports)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
         ON CONFLICT DO UPDATE SET reports = reports + excluded.reports",
    )?;
    for (sort, reports) in daily {
        statement.execute(params![
            sort.day,
            sort.domain,
            sort.host,
            sort.kind,
            sort.reason,
            sort.bounce_type,
            sort.outcome,
            reports
        ])?;
    }
    Ok(())
}

/// The name of the MTA without what stands around it: `dns; mx.example.com (192.0.2.1)` → `mx.example.com`.
fn host_name(text: &str) -> Option<String> {
    let text = text.trim().trim_start_matches("dns;").trim_start();
    let name = text.split([' ', '\t', '(', ',', ';']).next()?;
    let name = name.trim_matches(['<', '>', '.']);
    let name = match name.split_once('[') {
        Some((name, _)) if !name.is_empty() => name,
        _ => name,
    };
    (!name.is_empty()).then(|| cut(&name.to_lowercase()).to_owned())
}

/// The beginning of a long text.
fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(TEXT_BYTES_MAX)]
}

/// Lists of plain texts always have a JSON form.
fn json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "[]".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_stored_by_its_bare_name() {
        for (text, name) in [
            ("MX.Example.com", Some("mx.example.com")),
            ("dns; mx.example.com (192.0.2.1)", Some("mx.example.com")),
            ("mx.example.com[192.0.2.1]", Some("mx.example.com")),
            ("[192.0.2.1]", Some("[192.0.2.1]")),
            (" ", None),
        ] {
            assert_eq!(host_name(text).as_deref(), name, "{text}");
        }
    }

    #[test]
    fn a_long_text_is_cut_between_two_characters() {
        let text = "ä".repeat(TEXT_BYTES_MAX);
        assert_eq!(cut(&text).len(), TEXT_BYTES_MAX);
        assert_eq!(cut("kurz"), "kurz");
    }
}
