//! What one or more passes did, counted.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::news::{News, What};

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct PassSummary {
    /// Items that were done.
    pub(crate) done: u64,
    /// Looks at domains.
    pub(crate) domains: u64,
    /// Looks at addresses of mail servers by themselves.
    pub(crate) hosts: u64,
    /// News by what they are.
    pub(crate) news: BTreeMap<String, u64>,
    /// Addresses that may be sent to again.
    pub(crate) released: u64,
    /// Items that another process had taken over when they were done here; what was seen is dropped.
    pub(crate) leases_lost: u64,
    /// When the next item is due.
    pub(crate) next_due: Option<Timestamp>,
    /// Somebody has to act on our own side.
    pub(crate) alarm: bool,
}

impl PassSummary {
    pub(super) fn note(&mut self, news: &News) {
        *self.news.entry(news.what.to_string()).or_default() += 1;
        self.released += news.released;
        self.alarm |= news.what.is_alarm();
    }

    /// How often this was told.
    pub(crate) fn of(&self, what: What) -> u64 {
        self.news.get(&what.to_string()).copied().unwrap_or(0)
    }

    /// Takes over what another pass did.
    pub(crate) fn add(&mut self, other: &Self) {
        self.done += other.done;
        self.domains += other.domains;
        self.hosts += other.hosts;
        self.released += other.released;
        self.leases_lost += other.leases_lost;
        self.alarm |= other.alarm;
        self.next_due = other.next_due;
        for (what, number) in &other.news {
            *self.news.entry(what.clone()).or_default() += number;
        }
    }
}
