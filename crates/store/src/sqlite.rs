//! The embedded store: one SQLite file, WAL, every commit on the disk before it is reported.

use std::collections::HashMap;

use rusqlite::Connection;

mod check;
mod column;
mod list;
mod migrate;
mod names;
mod open;
mod record;
mod stop;
mod story;
mod summary;

/// A store in one SQLite file. One process may write at a time, any number may read.
pub struct SqliteStore {
    connection: Connection,
    /// The seed of the address hashes: of this installation, so that collisions cannot be prepared.
    seed: u64,
    /// Numbers of domains and hosts that were lately used.
    domains: HashMap<Box<str>, i64>,
    hosts: HashMap<Box<str>, i64>,
}
