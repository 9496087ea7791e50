//! Lists, tables and programs that are told what was decided: real databases, a real Mailman, a real Redis; where a target speaks HTTP
//! and is not here, a server that holds every byte against the contract.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;
#[path = "sync/databases.rs"]
mod databases;
#[path = "sync/faults.rs"]
mod faults;
#[path = "sync/files.rs"]
mod files;
#[path = "sync/house.rs"]
mod house;
#[path = "sync/listmonk.rs"]
mod listmonk;
#[path = "sync/mailman.rs"]
mod mailman;
#[path = "sync/mautic.rs"]
mod mautic;
#[path = "sync/redis_set.rs"]
mod redis_set;
#[path = "sync/server.rs"]
mod server;
#[path = "sync/tables.rs"]
mod tables;
#[path = "sync/webhook.rs"]
mod webhook;
