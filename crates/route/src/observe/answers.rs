//! Answers about mail hosts that many domains share: each is asked once, also by surveys that run at the same time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::OnceCell;
use tokio::time::Instant;

use crate::limits::{FAILURE_KEPT, HOST_ANSWER_KEPT_MAX, HOST_ANSWERS_MAX};
use crate::observe::dns::Question;
use crate::{DnsFact, Rcode, RecordType};

/// A fact with its own time.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Seen<F> {
    pub(crate) at: Timestamp,
    pub(crate) took_ms: u64,
    pub(crate) fact: F,
}

type Cell = Arc<OnceCell<(Arc<Seen<DnsFact>>, Instant)>>;

/// The answers. Memory is flat: two generations, of which the older one is forgotten when the younger is full.
#[derive(Default)]
pub(crate) struct Answers(Mutex<Generations>);

#[derive(Default)]
struct Generations {
    young: HashMap<(Box<str>, RecordType), Cell>,
    old: HashMap<(Box<str>, RecordType), Cell>,
}

impl Answers {
    /// The answer that is still valid, or the one that `asking` brings.
    pub(crate) async fn get_or_ask(
        &self,
        question: &Question,
        asking: impl Future<Output = Seen<DnsFact>>,
    ) -> Arc<Seen<DnsFact>> {
        let cell = self.cell(question);
        let (seen, _) = cell
            .get_or_init(|| async {
                let seen = asking.await;
                let until = Instant::now() + lifetime(&seen.fact);
                (Arc::new(seen), until)
            })
            .await;
        Arc::clone(seen)
    }

    fn cell(&self, question: &Question) -> Cell {
        let key = (Box::from(question.name.as_str()), question.record_type);
        let generations = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let valid = |cell: &Cell| cell.get().is_none_or(|(_, until)| now < *until);
        if let Some(cell) = generations.young.get(&key).filter(|cell| valid(cell)) {
            return Arc::clone(cell);
        }
        let cell = generations.old.remove(&key).filter(valid).unwrap_or_default();
        if generations.young.len() >= HOST_ANSWERS_MAX / 2 {
            generations.old = std::mem::take(&mut generations.young);
        }
        generations.young.insert(key, Arc::clone(&cell));
        cell
    }
}

/// How long an answer holds: the shortest of its TTLs within our own bound; a failure only briefly (RFC 9520 §3.2).
fn lifetime(fact: &DnsFact) -> Duration {
    let Some(answer) = fact.answer() else { return FAILURE_KEPT };
    let ttl_s = match answer.rcode {
        Rcode::NoError | Rcode::NxDomain => {
            let negative = answer.soa.as_ref().map(|soa| soa.negative_ttl_s);
            answer.records.iter().map(|record| record.ttl_s).min().or(negative)
        }
        Rcode::FormErr
        | Rcode::ServFail
        | Rcode::NotImp
        | Rcode::Refused
        | Rcode::NotAuth
        | Rcode::Other(_) => None,
    };
    ttl_s.map_or(FAILURE_KEPT, |ttl_s| Duration::from_secs(ttl_s.into()).min(HOST_ANSWER_KEPT_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::asking::question;
    use crate::{DnsOutcome, ServerRole};

    fn silent(name: &str) -> Seen<DnsFact> {
        let fact = DnsFact {
            name: name.to_owned(),
            record_type: RecordType::A,
            server: "127.0.0.1:53".parse().unwrap(),
            server_name: None,
            role: ServerRole::Resolver,
            checking_disabled: false,
            outcome: DnsOutcome::Silence,
        };
        Seen { at: Timestamp::UNIX_EPOCH, took_ms: 0, fact }
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_asked_again_after_a_while_and_not_before() {
        let answers = Answers::default();
        let mut asked = 0;
        for wait in [Duration::ZERO, Duration::from_secs(1), FAILURE_KEPT] {
            tokio::time::advance(wait).await;
            let asking = async {
                asked += 1;
                silent("a.test")
            };
            answers.get_or_ask(&question("a.test", RecordType::A), asking).await;
        }
        assert_eq!(asked, 2);
    }

    #[tokio::test]
    async fn memory_is_flat_however_many_hosts_there_are() {
        let answers = Answers::default();
        for number in 0..HOST_ANSWERS_MAX * 2 {
            let name = format!("h{number}.test");
            answers.get_or_ask(&question(&name, RecordType::A), async { silent(&name) }).await;
        }
        let generations = answers.0.lock().unwrap();
        assert!(generations.young.len() + generations.old.len() <= HOST_ANSWERS_MAX);
    }
}
