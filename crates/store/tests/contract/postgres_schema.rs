use std::sync::atomic::{AtomicU32, Ordering};

use abprall_store::{Store, open_store};
use postgres::{Client, NoTls};

use crate::house::Factory;

/// Names the server for tests, as a connection string. Its databases are used and emptied.
const VARIABLE: &str = "ABPRALL_TEST_POSTGRES";

/// A schema of its own on a real server.
pub(crate) struct PostgresSchema {
    server: String,
    name: String,
}

impl PostgresSchema {
    /// `None`: no server is named, the facts are not tried on PostgreSQL.
    pub(crate) fn new() -> Option<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let Ok(server) = std::env::var(VARIABLE) else {
            eprintln!("skipped: {VARIABLE} names no server");
            return None;
        };
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        Some(Self { server, name: format!("test_{}_{number}", std::process::id()) })
    }

    /// The connection string of the schema.
    pub(crate) fn place(&self) -> String {
        format!("{} options='-c search_path={}'", self.server, self.name)
    }

    pub(crate) fn client(&self) -> Client {
        Client::connect(&self.place(), NoTls).unwrap()
    }
}

impl Factory for PostgresSchema {
    fn fresh(&self) -> Box<dyn Store> {
        let name = &self.name;
        let sql = format!("DROP SCHEMA IF EXISTS {name} CASCADE; CREATE SCHEMA {name}");
        self.client().batch_execute(&sql).unwrap();
        self.reopen()
    }

    fn reopen(&self) -> Box<dyn Store> {
        open_store(&self.place()).unwrap()
    }

    /// All rows of all tables.
    fn everything(&self) -> Vec<u8> {
        let mut client = self.client();
        let tables = client.query("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()", &[]);
        let mut all = Vec::new();
        for table in tables.unwrap() {
            let table: String = table.get(0);
            for row in client.query(&format!("SELECT t::text FROM {table} AS t"), &[]).unwrap() {
                all.extend_from_slice(row.get::<_, String>(0).as_bytes());
            }
        }
        assert!(!all.is_empty());
        all
    }
}

impl Drop for PostgresSchema {
    fn drop(&mut self) {
        let sql = format!("DROP SCHEMA IF EXISTS {} CASCADE", self.name);
        if let Ok(mut client) = Client::connect(&self.server, NoTls) {
            drop(client.batch_execute(&sql));
        }
    }
}
