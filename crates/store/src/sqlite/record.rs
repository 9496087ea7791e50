use abprall_policy::Policy;

use super::SqliteStore;
use super::book::Book;
use super::load::{Asking, load};
use super::write::write;
use crate::database::params;
use crate::plan::{fingerprint, gather, plan};
use crate::{Message, Recorded, StoreError};

pub(super) fn record(
    store: &mut SqliteStore,
    messages: &[Message<'_>],
    policy: &Policy,
) -> Result<Vec<Recorded>, StoreError> {
    let (hash, text) = fingerprint(&mut store.policy, policy);
    store.write(|book| {
        remember_policy(book, hash, text.as_deref())?;
        let mut numbers = Vec::with_capacity(messages.len());
        for message in messages {
            numbers.push(take(book, message)?);
        }
        let gathered = gather(messages, &numbers, book.seed);
        let context = load(book, &gathered)?;
        let ids: Vec<_> = context.addresses.iter().map(|address| address.id).collect();
        let hosts = context.hosts.clone();
        let writes = plan(&gathered, context, &mut Asking { connection: book.connection }, policy)?;
        write(book, &gathered, &ids, &hosts, &writes, hash)?;
        let mut decided = writes.decided.into_iter();
        let recorded = messages.iter().zip(&numbers).map(|(message, number)| match number {
            Some(_) => Recorded::New(decided.by_ref().take(message.entries.len()).collect()),
            None => Recorded::Known,
        });
        Ok(recorded.collect())
    })
}

/// The policy in words, once.
pub(super) fn remember_policy(book: &Book<'_>, hash: i64, text: Option<&str>) -> Result<(), StoreError> {
    if let Some(text) = text {
        book.connection.execute(
            "INSERT OR IGNORE INTO policy_text (fingerprint, text) VALUES (?1, ?2)",
            params![hash, text],
        )?;
    }
    Ok(())
}

/// The number of a message that is new; `None` where its content is known.
fn take(book: &mut Book<'_>, message: &Message<'_>) -> Result<Option<i64>, StoreError> {
    let is_new = book
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
        return Ok(None);
    }
    book.messages += 1;
    book.messages_without_report += i64::from(message.holds.is_some());
    Ok(Some(book.connection.last_insert_rowid()))
}
