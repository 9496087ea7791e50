//! Questions to our own resolver, with the answers kept.

use jiff::Timestamp;
use tokio::time::Instant;

use crate::limits::DNS_ANSWER;
use crate::observe::answers::{Answers, Seen};
use crate::observe::dns::{DnsClient, DnsServer, Question};
use crate::observe::log::Log;
use crate::{DnsFact, DnsOutcome, Fact, ObservationId, RecordType};

/// Asks within one survey: every answer becomes an observation of it.
pub(crate) struct Asking<'a> {
    pub(crate) dns: &'a DnsClient,
    /// Our resolver.
    pub(crate) resolver: &'a DnsServer,
    pub(crate) log: &'a Log,
    /// Answers about hosts that many domains share, where more than one domain is looked at.
    pub(crate) shared: Option<&'a Answers>,
    /// The end of the survey.
    pub(crate) deadline: Instant,
}

impl Asking<'_> {
    /// Asks our resolver.
    pub(crate) async fn resolver(&self, name: &str, record_type: RecordType) -> (ObservationId, DnsFact) {
        self.server(&question(name, record_type), self.resolver).await
    }

    /// Asks our resolver about a host that other domains may name as well.
    pub(crate) async fn host(&self, name: &str, record_type: RecordType) -> (ObservationId, DnsFact) {
        let question = question(name, record_type);
        let Some(shared) = self.shared else { return self.server(&question, self.resolver).await };
        let seen = shared.get_or_ask(&question, self.ask(&question, self.resolver)).await;
        let fact = seen.fact.clone();
        (self.log.keep(seen.at, seen.took_ms, name, Fact::Dns(fact.clone())), fact)
    }

    /// Asks one server.
    pub(crate) async fn server(&self, question: &Question, server: &DnsServer) -> (ObservationId, DnsFact) {
        let seen = self.ask(question, server).await;
        let id = self.log.keep(seen.at, seen.took_ms, &question.name, Fact::Dns(seen.fact.clone()));
        (id, seen.fact)
    }

    async fn ask(&self, question: &Question, server: &DnsServer) -> Seen<DnsFact> {
        ask(self.dns, question, server, self.deadline).await
    }
}

/// Asks one server, and no longer than one answer may take.
pub(crate) async fn ask(
    dns: &DnsClient,
    question: &Question,
    server: &DnsServer,
    deadline: Instant,
) -> Seen<DnsFact> {
    let (at, began) = (Timestamp::now(), Instant::now());
    let deadline = deadline.min(began + DNS_ANSWER);
    let fact =
        if began < deadline { dns.ask(question, server, deadline).await } else { silence(question, server) };
    let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    Seen { at, took_ms, fact }
}

/// The question of a name and type, with checking as the resolver does it.
pub(crate) fn question(name: &str, record_type: RecordType) -> Question {
    Question { name: name.to_owned(), record_type, checking_disabled: false }
}

/// What is kept where the time was over before the question could be asked.
fn silence(question: &Question, server: &DnsServer) -> DnsFact {
    DnsFact {
        name: question.name.clone(),
        record_type: question.record_type,
        server: server.address,
        server_name: server.name.clone(),
        role: server.role,
        checking_disabled: question.checking_disabled,
        outcome: DnsOutcome::Silence,
    }
}
