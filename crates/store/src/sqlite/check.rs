use abprall_mail::{Domain, EmailAddress};
use abprall_policy::Stop;
use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, params};

use super::SqliteStore;
use super::column::{time, word};
use crate::{Scope, Standing, StoreError, Subject};

/// The columns of a stop as they are stored.
pub(super) type StopColumns = (String, String, i64, Option<i64>, i64);

impl SqliteStore {
    /// May `address` be sent to at `at`? Its own stop comes before that of its domain, unless the domain's is the harder one.
    ///
    /// # Errors
    /// Where the database cannot be read.
    pub fn check(&self, address: &EmailAddress, at: Timestamp) -> Result<Standing, StoreError> {
        let own = self.own_standing(&Subject::Address(address.clone()), at)?;
        let Ok(domain) = Domain::parse(address.domain_part()) else { return Ok(own) };
        let of_domain = self.own_standing(&Subject::Domain(domain), at)?;
        Ok(if of_domain.state > own.state { Standing { address: own.address, ..of_domain } } else { own })
    }

    /// As [`SqliteStore::check`], for a domain as well.
    ///
    /// # Errors
    /// Where the database cannot be read.
    pub fn check_subject(&self, subject: &Subject, at: Timestamp) -> Result<Standing, StoreError> {
        match subject {
            Subject::Address(address) => self.check(address, at),
            Subject::Domain(_) => self.own_standing(subject, at),
        }
    }

    /// The stop of just this subject.
    pub(super) fn own_standing(&self, subject: &Subject, at: Timestamp) -> Result<Standing, StoreError> {
        let (number, scope, sql) = match subject {
            Subject::Address(address) => (
                self.find_address(address)?,
                Scope::Address,
                "SELECT stop, reason, since, until, decision FROM address_stop
                 WHERE address = ?1 AND (until IS NULL OR until > ?2)",
            ),
            Subject::Domain(domain) => (
                self.find_domain(domain.as_str())?,
                Scope::Domain,
                "SELECT stop, reason, since, until, decision FROM domain_stop
                 WHERE domain = ?1 AND (until IS NULL OR until > ?2)",
            ),
        };
        let Some(number) = number else { return Ok(Standing::ok(subject.to_string())) };
        let columns = self
            .connection
            .prepare_cached(sql)?
            .query_row(params![number, at.as_microsecond()], |row| stop_columns(row, 0))
            .optional()?;
        match columns {
            Some(columns) => standing(subject.to_string(), scope, columns),
            None => Ok(Standing::ok(subject.to_string())),
        }
    }
}

/// `stop, reason, since, until, decision`, from the column `first` on.
pub(super) fn stop_columns(row: &Row<'_>, first: usize) -> rusqlite::Result<StopColumns> {
    Ok((row.get(first)?, row.get(first + 1)?, row.get(first + 2)?, row.get(first + 3)?, row.get(first + 4)?))
}

pub(super) fn standing(
    address: String,
    scope: Scope,
    (stop, reason, since, until, decision): StopColumns,
) -> Result<Standing, StoreError> {
    Ok(Standing {
        address,
        state: word::<Stop>("the stop", &stop)?.into(),
        scope: Some(scope),
        reason: Some(word("the reason", &reason)?),
        since: Some(time(since)?),
        until: until.map(time).transpose()?,
        decision: Some(decision),
    })
}
