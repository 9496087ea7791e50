//! A set in Redis, or in what speaks like it, of those who are stopped.

use std::time::{Duration, Instant};

use redis::{Connection, RedisError};

use super::Event;
use super::settings::{Secret, TargetSettings};
use super::target::{Answer, Holds, Member, Target, There, Told, Trouble};

/// Where, and in which sets.
#[derive(Clone, Debug)]
pub(crate) struct RedisSettings {
    /// `redis://[user:password@]host[:port][/database]`, or `unix:PATH`.
    pub(super) url: Secret,
    pub(super) key: String,
    /// `None`: a domain is told by its addresses.
    pub(super) domain_key: Option<String>,
}

pub(super) struct RedisSet {
    settings: RedisSettings,
    client: redis::Client,
    timeout: Duration,
    connection: Option<Connection>,
}

impl RedisSet {
    pub(super) fn new(settings: &RedisSettings, target: &TargetSettings) -> anyhow::Result<Self> {
        let client = redis::Client::open(settings.url.reveal())?;
        Ok(Self { settings: settings.clone(), client, timeout: target.timeout, connection: None })
    }

    fn connection(&mut self) -> Result<&mut Connection, RedisError> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => {
                let connection = self.client.get_connection_with_timeout(self.timeout)?;
                connection.set_read_timeout(Some(self.timeout))?;
                connection.set_write_timeout(Some(self.timeout))?;
                connection
            }
        };
        Ok(self.connection.insert(connection))
    }

    /// All in one transaction, in their order.
    fn run(&mut self, events: &[Event]) -> Result<(), RedisError> {
        let mut pipe = redis::pipe();
        pipe.atomic();
        for event in events {
            let key = match (&event.address, &self.settings.domain_key) {
                (Some(_), _) => &self.settings.key,
                (None, Some(key)) => key,
                (None, None) => continue,
            };
            let command = if event.is_stop() { "SADD" } else { "SREM" };
            pipe.cmd(command).arg(key).arg(event.name()).ignore();
        }
        pipe.query::<()>(self.connection()?)
    }
}

impl Target for RedisSet {
    fn tell(&mut self, events: &[Event], _: Instant) -> Answer {
        match self.run(events) {
            Ok(()) => Answer { told: vec![Told::Done; events.len()], trouble: None },
            Err(error) => {
                self.connection = None;
                Answer::none(events.len(), Trouble::away(error))
            }
        }
    }

    fn members(&mut self, each: &mut dyn FnMut(Member) -> anyhow::Result<()>) -> anyhow::Result<Holds> {
        let key = self.settings.key.clone();
        let connection = self.connection()?;
        let mut cursor: u64 = 0;
        loop {
            let (next, addresses): (u64, Vec<String>) =
                redis::cmd("SSCAN").arg(&key).arg(cursor).arg("COUNT").arg(1000).query(connection)?;
            for address in addresses {
                each(Member { address, there: There::StoppedByUs })?;
            }
            if next == 0 {
                return Ok(Holds::Stops);
            }
            cursor = next;
        }
    }
}
