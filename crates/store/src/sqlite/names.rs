//! Addresses, domains and hosts have numbers: each name is stored once.

use std::collections::HashMap;

use abprall_mail::{EmailAddress, SuppressionKey};
use rusqlite::{Connection, OptionalExtension, params};

use super::SqliteStore;
use super::book::Book;
use super::erase::is_erased_form_of;
use crate::StoreError;
use crate::limits::INTERNED_MAX;

pub(super) type Names = HashMap<Box<str>, i64>;

/// An address that has a number.
#[derive(Clone, Copy)]
pub(super) struct KnownAddress {
    pub(super) id: i64,
    /// Only a keyed hash of it is left.
    pub(super) is_erased: bool,
}

impl SqliteStore {
    /// The number of an address that is known.
    pub(super) fn find_address(&self, address: &EmailAddress) -> Result<Option<i64>, StoreError> {
        let found = find_address(&self.connection, self.seed, &address.suppression_key())?;
        Ok(found.map(|known| known.id))
    }

    /// The number of a domain that is known.
    pub(super) fn find_domain(&self, name: &str) -> Result<Option<i64>, StoreError> {
        Ok(find(&self.connection, DOMAIN, name)?)
    }

    /// The number of a host that is known.
    pub(super) fn find_host(&self, name: &str) -> Result<Option<i64>, StoreError> {
        Ok(find(&self.connection, HOST, name)?)
    }
}

impl Book<'_> {
    /// The number of an address; it is stored where it is new.
    pub(super) fn address(&mut self, key: &SuppressionKey, domain: i64) -> Result<KnownAddress, StoreError> {
        if let Some(known) = find_address(self.connection, self.seed, key)? {
            return Ok(known);
        }
        self.connection
            .prepare_cached("INSERT INTO address (hash, text, domain) VALUES (?1, ?2, ?3)")?
            .execute(params![key.fingerprint(self.seed).cast_signed(), key.as_str(), domain])?;
        let id = self.connection.last_insert_rowid();
        self.count_address(domain);
        Ok(KnownAddress { id, is_erased: false })
    }

    pub(super) fn domain(&mut self, name: &str) -> Result<i64, StoreError> {
        Ok(number(self.connection, self.domain_names, DOMAIN, name)?)
    }

    pub(super) fn host(&mut self, name: &str) -> Result<i64, StoreError> {
        Ok(number(self.connection, self.host_names, HOST, name)?)
    }
}

/// The two statements of a table of names.
#[derive(Clone, Copy)]
struct Table {
    find: &'static str,
    insert: &'static str,
}

const DOMAIN: Table =
    Table { find: "SELECT id FROM domain WHERE name = ?1", insert: "INSERT INTO domain (name) VALUES (?1)" };

const HOST: Table =
    Table { find: "SELECT id FROM host WHERE name = ?1", insert: "INSERT INTO host (name) VALUES (?1)" };

fn number(connection: &Connection, known: &mut Names, table: Table, name: &str) -> rusqlite::Result<i64> {
    if let Some(number) = known.get(name) {
        return Ok(*number);
    }
    let number = match find(connection, table, name)? {
        Some(number) => number,
        None => {
            connection.prepare_cached(table.insert)?.execute([name])?;
            connection.last_insert_rowid()
        }
    };
    if known.len() >= INTERNED_MAX {
        known.clear();
    }
    known.insert(name.into(), number);
    Ok(number)
}

fn find(connection: &Connection, table: Table, name: &str) -> rusqlite::Result<Option<i64>> {
    connection.prepare_cached(table.find)?.query_row([name], |row| row.get(0)).optional()
}

/// By hash, then by text: two keys may share a hash, and of an erased address only a keyed hash is left.
fn find_address(
    connection: &Connection,
    seed: u64,
    key: &SuppressionKey,
) -> Result<Option<KnownAddress>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT id, text FROM address WHERE hash = ?1")?;
    let mut rows = statement.query([key.fingerprint(seed).cast_signed()])?;
    while let Some(row) = rows.next()? {
        let text = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
        let is_erased = text != key.as_str();
        if !is_erased || is_erased_form_of(connection, text, key)? {
            return Ok(Some(KnownAddress { id: row.get(0)?, is_erased }));
        }
    }
    Ok(None)
}
