//! All that is known of one person.

use abprall_mail::EmailAddress;
use jiff::Timestamp;
use jiff::civil::Date;

use super::SqlStore;
use super::column::{count, time};
use crate::database::OptionalRow;
use crate::{ContentId, Person, PersonalStop, Scope, StoreError, Subject};

pub(super) fn person(
    store: &SqlStore,
    address: &EmailAddress,
    at: Timestamp,
) -> Result<Option<Person>, StoreError> {
    let Some(number) = store.find_address(address)? else { return Ok(None) };
    let subject = Subject::Address(address.clone());
    let Some(story) = super::story::story(store, &subject, at, u32::MAX)? else { return Ok(None) };
    let text = store
        .connection
        .prepare_cached("SELECT text FROM address WHERE id = ?1")?
        .query_row([number], |row| row.get(0))?;
    let how_many = |sql: &str| -> Result<u64, StoreError> {
        Ok(count(store.connection.prepare_cached(sql)?.query_row([number], |row| row.get(0))?))
    };
    let last_delivery: Option<i64> = store
        .connection
        .prepare_cached("SELECT day FROM delivery WHERE address = ?1")?
        .query_row([number], |row| row.get(0))
        .optional()?;
    Ok(Some(Person {
        kept_as: text,
        standing: story.standing,
        stops: stops(store, number)?,
        decisions: story.decisions,
        failed_for_others: how_many("SELECT count(*) FROM report WHERE failed_address = ?1")?,
        soft_failures: soft_failures(store, number)?,
        last_delivery: last_delivery.and_then(date),
        on_its_way_back: how_many("SELECT count(*) FROM exemption WHERE address = ?1")? > 0,
    }))
}

/// Those that [`super::erase`] empties.
pub(super) fn messages_about(store: &SqlStore, address: &EmailAddress) -> Result<Vec<ContentId>, StoreError> {
    let Some(number) = store.find_address(address)? else { return Ok(Vec::new()) };
    let mut statement = store.connection.prepare_cached(
        "SELECT DISTINCT message.content FROM message JOIN report ON report.message = message.id
         WHERE report.id IN (SELECT report FROM decision WHERE decision.address = ?1 AND report IS NOT NULL
             UNION SELECT id FROM report WHERE failed_address = ?1)",
    )?;
    let contents = statement.query_map([number], |row| row.get::<Vec<u8>>(0))?;
    let contents = contents.collect::<Result<Vec<_>, _>>()?;
    Ok(contents.iter().filter_map(|bytes| ContentId::from_bytes(bytes)).collect())
}

fn stops(store: &SqlStore, address: i64) -> Result<Vec<PersonalStop>, StoreError> {
    let mut statement = store.connection.prepare_cached(
        "SELECT stop, reason, since, until, tenant, list FROM stop WHERE kind = 0 AND subject = ?1 ORDER BY tenant, list",
    )?;
    let mut rows = statement.query([address])?;
    let mut stops = Vec::new();
    while let Some(row) = rows.next()? {
        let named = |text: String| (!text.is_empty()).then_some(text);
        stops.push(PersonalStop {
            scope: Scope::Address,
            stop: row.get(0)?,
            reason: row.get(1)?,
            since: time(row.get(2)?)?,
            until: row.get::<Option<i64>>(3)?.map(time).transpose()?,
            tenant: named(row.get(4)?),
            list: named(row.get(5)?),
        });
    }
    Ok(stops)
}

fn soft_failures(store: &SqlStore, address: i64) -> Result<Vec<Date>, StoreError> {
    let mut statement =
        store.connection.prepare_cached("SELECT day FROM strike WHERE address = ?1 ORDER BY day")?;
    let days = statement.query_map([address], |row| row.get::<i64>(0))?.collect::<Result<Vec<_>, _>>()?;
    Ok(days.into_iter().filter_map(date).collect())
}

/// Days since 1970.
fn date(day: i64) -> Option<Date> {
    Date::new(1970, 1, 1).ok()?.checked_add(jiff::Span::new().try_days(day).ok()?).ok()
}
