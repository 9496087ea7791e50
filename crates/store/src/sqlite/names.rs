//! Addresses, domains and hosts have numbers: each name is stored once.

use std::collections::HashMap;

use abprall_mail::{EmailAddress, SuppressionKey};
use rusqlite::{Connection, OptionalExtension, params};

use super::SqliteStore;
use crate::limits::INTERNED_MAX;

type Names = HashMap<Box<str>, i64>;

impl SqliteStore {
    /// The number of an address that is known.
    pub(super) fn find_address(&self, address: &EmailAddress) -> rusqlite::Result<Option<i64>> {
        find_address(&self.connection, self.seed, &address.suppression_key())
    }

    /// The number of a domain that is known.
    pub(super) fn find_domain(&self, name: &str) -> rusqlite::Result<Option<i64>> {
        find(&self.connection, DOMAIN, name)
    }
}

/// Gives numbers to names while something is written.
pub(super) struct Numbers<'a> {
    pub(super) connection: &'a Connection,
    pub(super) seed: u64,
    pub(super) domains: &'a mut Names,
    pub(super) hosts: &'a mut Names,
}

impl Numbers<'_> {
    /// The number of an address and that of its domain; both are stored where they are new.
    pub(super) fn address(&mut self, address: &EmailAddress) -> rusqlite::Result<(i64, i64)> {
        let domain = self.domain(address.domain_part())?;
        let key = address.suppression_key();
        if let Some(number) = find_address(self.connection, self.seed, &key)? {
            return Ok((number, domain));
        }
        self.connection
            .prepare_cached("INSERT INTO address (hash, text, domain) VALUES (?1, ?2, ?3)")?
            .execute(params![key.fingerprint(self.seed).cast_signed(), key.as_str(), domain])?;
        Ok((self.connection.last_insert_rowid(), domain))
    }

    pub(super) fn domain(&mut self, name: &str) -> rusqlite::Result<i64> {
        number(self.connection, self.domains, DOMAIN, name)
    }

    pub(super) fn host(&mut self, name: &str) -> rusqlite::Result<i64> {
        number(self.connection, self.hosts, HOST, name)
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

/// By hash, then by text: two keys may share a hash.
fn find_address(connection: &Connection, seed: u64, key: &SuppressionKey) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT id FROM address WHERE hash = ?1 AND text = ?2")?
        .query_row(params![key.fingerprint(seed).cast_signed(), key.as_str()], |row| row.get(0))
        .optional()
}
