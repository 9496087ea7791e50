//! Lookups at our resolver, each host once: a thousand domains with one MX host cause one lookup of its addresses.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::OnceCell;
use tokio::time::{Instant, timeout_at};

use super::dns::{DnsClient, DnsServer, Question};
use crate::limits::{
    LOOKUP_TIME_MAX, LOOKUPS_REMEMBERED_MAX, REMEMBERED_FAILURE_TIME, REMEMBERED_NEGATIVE_TIME_MAX,
    REMEMBERED_TIME_MAX,
};
use crate::{DnsFact, DnsOutcome, Rcode, RecordType};

/// Shortest that anything is remembered: a TTL of zero must not turn waiting domains into a queue of lookups.
const REMEMBERED_TIME_MIN: Duration = Duration::from_secs(1);

/// One lookup, with its time.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// When it began.
    pub at: Timestamp,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// What came back.
    pub fact: DnsFact,
}

/// Asks our resolvers; remembers what the first one said about hosts.
#[derive(Debug)]
pub struct Lookups {
    dns: Arc<DnsClient>,
    first: DnsServer,
    others: Vec<DnsServer>,
    remembered: Mutex<Remembered>,
}

type Key = (String, RecordType);

/// A place for an answer that somebody is waiting for, or that is there. The time says until when it may be used.
type Entry = Arc<OnceCell<(Arc<Seen>, Instant)>>;

/// Two generations, each of half the size: when the young one is full it becomes the old one, which is forgotten.
#[derive(Debug, Default)]
struct Remembered {
    young: HashMap<Key, Entry>,
    old: HashMap<Key, Entry>,
}

impl Lookups {
    /// Lookups at a resolver, with others to compare it with.
    pub fn new(dns: Arc<DnsClient>, first: DnsServer, others: Vec<DnsServer>) -> Self {
        Self { dns, first, others, remembered: Mutex::default() }
    }

    /// The client.
    pub fn dns(&self) -> &DnsClient {
        &self.dns
    }

    /// Our resolver.
    pub fn resolver(&self) -> &DnsServer {
        &self.first
    }

    /// The resolvers that it is compared with.
    pub fn others(&self) -> &[DnsServer] {
        &self.others
    }

    /// Asks a server, without memory.
    pub async fn ask(&self, question: &Question, server: &DnsServer, deadline: Instant) -> Seen {
        ask_timed(&self.dns, question, server, deadline).await
    }

    /// Records of a host that many domains may share, from our resolver or from memory.
    pub async fn host(&self, name: &str, record_type: RecordType, deadline: Instant) -> Arc<Seen> {
        let question = Question::new(name.trim_end_matches('.').to_ascii_lowercase(), record_type);
        let key = (question.name.clone(), record_type);
        let began = (Timestamp::now(), Instant::now());
        let waiting = async {
            let seen = self.remembered_or_asked(&key, &question, deadline).await;
            if seen.1 > Instant::now() {
                return seen.0;
            }
            // Another survey had little time left for it.
            self.remembered_or_asked(&key, &question, deadline).await.0
        };
        match timeout_at(deadline, waiting).await {
            Ok(seen) => seen,
            Err(_) => Arc::new(self.too_late(question, began)),
        }
    }

    async fn remembered_or_asked(
        &self,
        key: &Key,
        question: &Question,
        deadline: Instant,
    ) -> (Arc<Seen>, Instant) {
        let entry = self.entry(key);
        let ask = || async {
            let start = Instant::now();
            let longest = start + LOOKUP_TIME_MAX;
            let seen = self.ask(question, &self.first, deadline.min(longest)).await;
            let short_of_time = deadline < longest && seen.fact.outcome == DnsOutcome::Silence;
            let keep = if short_of_time { Duration::ZERO } else { may_be_remembered(&seen.fact.outcome) };
            (Arc::new(seen), Instant::now() + keep)
        };
        entry.get_or_init(ask).await.clone()
    }

    fn entry(&self, key: &Key) -> Entry {
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        let known = remembered.young.get(key).or_else(|| remembered.old.get(key)).cloned();
        let now = Instant::now();
        let entry = match known {
            Some(entry) if entry.get().is_none_or(|(_, until)| *until > now) => entry,
            Some(_) | None => Entry::default(),
        };
        if remembered.young.len() >= LOOKUPS_REMEMBERED_MAX / 2 && !remembered.young.contains_key(key) {
            remembered.old = std::mem::take(&mut remembered.young);
        }
        remembered.young.insert(key.clone(), Arc::clone(&entry));
        entry
    }

    fn too_late(&self, question: Question, (at, start): (Timestamp, Instant)) -> Seen {
        Seen {
            at,
            took_ms: milliseconds(start.elapsed()),
            fact: DnsFact {
                name: question.name,
                record_type: question.record_type,
                server: self.first.address,
                server_name: self.first.name.clone(),
                role: self.first.role,
                checking_disabled: question.checking_disabled,
                outcome: DnsOutcome::Silence,
            },
        }
    }
}

/// Asks and takes the time.
pub(crate) async fn ask_timed(
    dns: &DnsClient,
    question: &Question,
    server: &DnsServer,
    deadline: Instant,
) -> Seen {
    let (at, start) = (Timestamp::now(), Instant::now());
    let fact = dns.ask(question, server, deadline).await;
    Seen { at, took_ms: milliseconds(start.elapsed()), fact }
}

fn may_be_remembered(outcome: &DnsOutcome) -> Duration {
    let DnsOutcome::Answer(answer) = outcome else { return REMEMBERED_FAILURE_TIME };
    let time = match answer.rcode {
        Rcode::NoError | Rcode::NxDomain => match answer.records.iter().map(|record| record.ttl_s).min() {
            Some(ttl_s) => Duration::from_secs(ttl_s.into()).min(REMEMBERED_TIME_MAX),
            None => answer.soa.as_ref().map_or(REMEMBERED_FAILURE_TIME, |soa| {
                Duration::from_secs(soa.negative_ttl_s.into()).min(REMEMBERED_NEGATIVE_TIME_MAX)
            }),
        },
        Rcode::FormErr
        | Rcode::ServFail
        | Rcode::NotImp
        | Rcode::Refused
        | Rcode::NotAuth
        | Rcode::Other(_) => REMEMBERED_FAILURE_TIME,
    };
    time.max(REMEMBERED_TIME_MIN)
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
