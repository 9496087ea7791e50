//! Addresses, domains and hosts have numbers: each name is stored once.

use std::collections::HashMap;

use abprall_mail::{EmailAddress, SuppressionKey};

use super::SqlStore;
use super::book::Book;
use super::erase::is_erased_form_of;
use crate::StoreError;
use crate::database::{Connection, Insert, OptionalRow, Row, Value, each_of, row};
use crate::limits::INTERNED_MAX;

pub(super) type Names = HashMap<Box<str>, i64>;

/// An address that has a number.
#[derive(Clone, Copy)]
pub(super) struct KnownAddress {
    pub(super) id: i64,
    /// Only a keyed hash of it is left.
    pub(super) is_erased: bool,
}

impl SqlStore {
    /// The number of an address that is known.
    pub(super) fn find_address(&self, address: &EmailAddress) -> Result<Option<i64>, StoreError> {
        let found = find_address(&self.connection, self.seed, &address.suppression_key())?;
        Ok(found.map(|known| known.id))
    }

    /// Whether only a keyed hash of an address is left.
    pub(super) fn is_forgotten(&self, address: &EmailAddress) -> Result<bool, StoreError> {
        let found = find_address(&self.connection, self.seed, &address.suppression_key())?;
        Ok(found.is_some_and(|known| known.is_erased))
    }

    /// The number of a domain that is known.
    pub(super) fn find_domain(&self, name: &str) -> Result<Option<i64>, StoreError> {
        find(&self.connection, DOMAIN, name)
    }

    /// The number of a host that is known.
    pub(super) fn find_host(&self, name: &str) -> Result<Option<i64>, StoreError> {
        find(&self.connection, HOST, name)
    }
}

impl Book<'_> {
    /// The number of an address; it is stored where it is new.
    pub(super) fn address(&mut self, key: &SuppressionKey, domain: i64) -> Result<KnownAddress, StoreError> {
        Ok(self.addresses(&[(key, domain)])?[0])
    }

    /// The numbers of addresses, each of which is named once; those that are new are stored.
    pub(super) fn addresses(
        &mut self,
        keys: &[(&SuppressionKey, i64)],
    ) -> Result<Vec<KnownAddress>, StoreError> {
        let hashes: Vec<_> =
            keys.iter().map(|(key, _)| row![key.fingerprint(self.seed).cast_signed()]).collect();
        let mut known = vec![None; keys.len()];
        each_of(self.connection, FIND_ADDRESS, &hashes, &mut |place, row| {
            if let Some(found) = known_address(self.connection, keys[place].0, row)? {
                known[place] = Some(found);
            }
            Ok(())
        })?;
        if known.iter().all(Option::is_some) {
            return Ok(known.into_iter().flatten().collect());
        }
        let mut next = next_number(self.connection, "SELECT coalesce(max(id), 0) + 1 FROM address")?;
        let mut new = Vec::new();
        let mut numbers = Vec::with_capacity(keys.len());
        for ((known, (key, domain)), hash) in known.into_iter().zip(keys).zip(&hashes) {
            numbers.push(known.unwrap_or_else(|| {
                let id = next;
                next += 1;
                new.push(vec![Value::from(id), hash[0], Value::from(key.as_str()), Value::from(*domain)]);
                self.count_address(*domain);
                KnownAddress { id, is_erased: false }
            }));
        }
        ADDRESSES.run(self.connection, &new)?;
        Ok(numbers)
    }

    pub(super) fn domain(&mut self, name: &str) -> Result<i64, StoreError> {
        Ok(self.domains(&[name])?[0])
    }

    pub(super) fn host(&mut self, name: &str) -> Result<i64, StoreError> {
        Ok(self.hosts(&[name])?[0])
    }

    /// The numbers of domains, each of which is named once; those that are new are stored.
    pub(super) fn domains(&mut self, names: &[&str]) -> Result<Vec<i64>, StoreError> {
        numbers(self.connection, self.domain_names, DOMAIN, names)
    }

    /// As [`Book::domains`], for hosts.
    pub(super) fn hosts(&mut self, names: &[&str]) -> Result<Vec<i64>, StoreError> {
        numbers(self.connection, self.host_names, HOST, names)
    }
}

const ADDRESSES: Insert =
    Insert { into: "INSERT INTO address (id, hash, text, domain)", values: "?1, ?2, ?3, ?4", conflict: "" };

const FIND_ADDRESS: &str = "SELECT id, text FROM address WHERE hash = ?1";

/// The statements of a table of names.
#[derive(Clone, Copy)]
struct Table {
    find: &'static str,
    next: &'static str,
    insert: Insert,
}

const DOMAIN: Table = Table {
    find: "SELECT id FROM domain WHERE name = ?1",
    next: "SELECT coalesce(max(id), 0) + 1 FROM domain",
    insert: Insert { into: "INSERT INTO domain (id, name)", values: "?1, ?2", conflict: "" },
};

const HOST: Table = Table {
    find: "SELECT id FROM host WHERE name = ?1",
    next: "SELECT coalesce(max(id), 0) + 1 FROM host",
    insert: Insert { into: "INSERT INTO host (id, name)", values: "?1, ?2", conflict: "" },
};

fn numbers(
    connection: &Connection,
    known: &mut Names,
    table: Table,
    names: &[&str],
) -> Result<Vec<i64>, StoreError> {
    let mut numbers: Vec<_> = names.iter().map(|name| known.get(*name).copied()).collect();
    let unknown: Vec<_> = (0..names.len()).filter(|place| numbers[*place].is_none()).collect();
    if !unknown.is_empty() {
        let asked: Vec<_> = unknown.iter().map(|place| row![names[*place]]).collect();
        each_of(connection, table.find, &asked, &mut |place, row| {
            numbers[unknown[place]] = Some(row.get(0)?);
            Ok(())
        })?;
    }
    let unknown: Vec<_> = (0..names.len()).filter(|place| numbers[*place].is_none()).collect();
    if !unknown.is_empty() {
        let next = next_number(connection, table.next)?;
        let new: Vec<_> = (next..).zip(&unknown).map(|(number, place)| row![number, names[*place]]).collect();
        table.insert.run(connection, &new)?;
        for (number, place) in (next..).zip(&unknown) {
            numbers[*place] = Some(number);
        }
    }
    let numbers: Vec<i64> = numbers.into_iter().flatten().collect();
    for (name, number) in names.iter().zip(&numbers) {
        if known.len() >= INTERNED_MAX {
            known.clear();
        }
        known.insert((*name).into(), *number);
    }
    Ok(numbers)
}

/// Writers number rows themselves: there is one at a time, in both databases.
fn next_number(connection: &Connection, sql: &str) -> Result<i64, StoreError> {
    connection.query_row(sql, [], |row| row.get(0))
}

fn find(connection: &Connection, table: Table, name: &str) -> Result<Option<i64>, StoreError> {
    connection.query_row(table.find, [name], |row| row.get(0)).optional()
}

/// By hash, then by text: two keys may share a hash, and of an erased address only a keyed hash is left.
fn find_address(
    connection: &Connection,
    seed: u64,
    key: &SuppressionKey,
) -> Result<Option<KnownAddress>, StoreError> {
    let mut statement = connection.prepare_cached(FIND_ADDRESS)?;
    let mut rows = statement.query([key.fingerprint(seed).cast_signed()])?;
    while let Some(row) = rows.next()? {
        if let Some(known) = known_address(connection, key, row)? {
            return Ok(Some(known));
        }
    }
    Ok(None)
}

/// `None`: it only has the same hash.
fn known_address(
    connection: &Connection,
    key: &SuppressionKey,
    row: Row<'_>,
) -> Result<Option<KnownAddress>, StoreError> {
    let text: String = row.get(1)?;
    let is_erased = text != key.as_str();
    if is_erased && !is_erased_form_of(connection, &text, key)? {
        return Ok(None);
    }
    Ok(Some(KnownAddress { id: row.get(0)?, is_erased }))
}
