use abprall_policy::Policy;

use std::collections::HashSet;

use super::SqlStore;
use super::book::Book;
use super::load::{Asking, load};
use super::write::write;
use crate::database::{Insert, OptionalRow, each_of, params, row};
use crate::plan::{fingerprint, gather, plan};
use crate::{ContentId, Message, Recorded, StoreError};

pub(super) fn record(
    store: &mut SqlStore,
    messages: &[Message<'_>],
    policy: &Policy,
) -> Result<Vec<Recorded>, StoreError> {
    let (hash, text) = fingerprint(&mut store.policy, policy);
    store.write(|book| {
        remember_policy(book, hash, text.as_deref())?;
        let numbers = take(book, messages)?;
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
            "INSERT INTO policy_text (fingerprint, text) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            params![hash, text],
        )?;
    }
    Ok(())
}

/// The numbers of the messages that are new; `None` where the content of one is known.
fn take(book: &mut Book<'_>, messages: &[Message<'_>]) -> Result<Vec<Option<i64>>, StoreError> {
    let mut asked: Vec<_> =
        messages.iter().map(|message| row![message.content.as_bytes().as_slice()]).collect();
    let before = if has_keys_without_day(book)? {
        messages.iter().map(|message| message.content.without_day()).collect()
    } else {
        Vec::new()
    };
    asked.extend(before.iter().map(|key| row![key.as_slice()]));
    let mut seen: HashSet<ContentId> = HashSet::with_capacity(messages.len());
    let known = "SELECT 1 AS known FROM message WHERE content = ?1";
    each_of(book.connection, known, &asked, &mut |place, _| {
        seen.insert(messages[place % messages.len()].content);
        Ok(())
    })?;
    let mut next: i64 =
        book.connection.query_row("SELECT coalesce(max(id), 0) + 1 FROM message", [], |row| row.get(0))?;
    let mut numbers = Vec::with_capacity(messages.len());
    for message in messages {
        // The same content may come twice in a batch.
        let is_new = seen.insert(message.content);
        numbers.push(is_new.then_some(next));
        next += i64::from(is_new);
        book.messages += i64::from(is_new);
        book.messages_without_report += i64::from(is_new && message.holds.is_some());
    }
    let rows: Vec<_> = messages
        .iter()
        .zip(&numbers)
        .filter_map(|(message, number)| {
            Some(row![
                (*number)?,
                message.content.as_bytes().as_slice(),
                message.source,
                message.seen_at.as_microsecond(),
                message.holds,
            ])
        })
        .collect();
    MESSAGES.run(book.connection, &rows)?;
    Ok(numbers)
}

/// Whether there are messages from before keys began with a day: a migration has noted it.
fn has_keys_without_day(book: &Book<'_>) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM setting WHERE name = 'contents_without_day'";
    let found = book.connection.prepare_cached(sql)?.query_row([], |_| Ok(())).optional()?;
    Ok(found.is_some())
}

const MESSAGES: Insert = Insert {
    into: "INSERT INTO message (id, content, source, seen_at, holds)",
    values: "?1, ?2, ?3, ?4, ?5",
    conflict: "",
};
