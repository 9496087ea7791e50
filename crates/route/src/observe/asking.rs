//! Questions to our own resolver, with the answers kept.

use tokio::time::Instant;

use super::dns::Question;
use super::log::Log;
use super::lookups::{Lookups, Seen};
use crate::limits::LOOKUP_TIME_MAX;
use crate::{DnsFact, Fact, ObservationId, RecordType};

/// Asks within one survey: every answer becomes an observation of it.
#[derive(Clone, Copy)]
pub(crate) struct Asking<'a> {
    pub(crate) lookups: &'a Lookups,
    pub(crate) log: &'a Log,
    /// The end of the survey.
    pub(crate) deadline: Instant,
}

impl Asking<'_> {
    /// Asks our resolver about the domain itself.
    pub(crate) async fn resolver(&self, name: &str, record_type: RecordType) -> (ObservationId, DnsFact) {
        let seen = ask(self.lookups, name, record_type, self.deadline).await;
        (self.keep(&seen), seen.fact)
    }

    /// Asks our resolver about a host that many domains may share.
    pub(crate) async fn host(&self, name: &str, record_type: RecordType) -> (ObservationId, DnsFact) {
        let seen = self.lookups.host(name, record_type, self.deadline).await;
        (self.keep(&seen), seen.fact.clone())
    }

    /// Makes an answer an observation.
    pub(crate) fn keep(&self, seen: &Seen) -> ObservationId {
        self.log.keep(seen.at, seen.took_ms, seen.fact.name.clone(), Fact::Dns(seen.fact.clone()))
    }
}

/// Asks our resolver, and no longer than one answer may take.
pub(crate) async fn ask(lookups: &Lookups, name: &str, record_type: RecordType, deadline: Instant) -> Seen {
    let deadline = deadline.min(Instant::now() + LOOKUP_TIME_MAX);
    lookups.ask(&Question::new(name, record_type), lookups.resolver(), deadline).await
}
