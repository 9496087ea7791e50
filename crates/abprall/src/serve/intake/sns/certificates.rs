//! The certificates of SNS that one hook knows. Whoever knows a topic can post made-up names: they are fetched within a budget, a few at
//! a time, and hold up nobody whose certificate is known.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota, RateLimiter};
use tokio::sync::{OnceCell, Semaphore};
use tokio::time::timeout;

use crate::serve::limits::{
    SNS_CERTIFICATES_MAX, SNS_CLIENTS_MAX, SNS_FETCH_AGAIN, SNS_FETCHES_A_MINUTE,
    SNS_FETCHES_A_MINUTE_A_CLIENT, SNS_FETCHES_AT_A_TIME, SNS_WAIT_MAX,
};
use crate::serve::memory::network;

/// Certificates by their URL, which is another for another certificate.
pub(super) struct Certificates {
    attempts: Mutex<HashMap<String, Arc<Attempt>>>,
    turns: Semaphore,
    budget: DefaultDirectRateLimiter,
    /// What one client may use of it: who makes up names uses up no other's.
    budget_of_clients: DefaultKeyedRateLimiter<IpAddr>,
}

/// There is none now; why, for the log.
#[derive(Debug)]
pub(super) struct NoCertificate(pub(super) String);

/// One URL, fetched once for all who ask for it.
struct Attempt {
    began: Instant,
    outcome: OnceCell<Result<Arc<[u8]>, String>>,
}

impl Attempt {
    fn is_stale(&self) -> bool {
        !matches!(self.outcome.get(), Some(Ok(_))) && self.began.elapsed() >= SNS_FETCH_AGAIN
    }
}

impl Certificates {
    pub(super) fn new() -> Self {
        Self {
            attempts: Mutex::default(),
            turns: Semaphore::new(SNS_FETCHES_AT_A_TIME),
            budget: RateLimiter::direct(Quota::per_minute(SNS_FETCHES_A_MINUTE)),
            budget_of_clients: RateLimiter::keyed(Quota::per_minute(SNS_FETCHES_A_MINUTE_A_CLIENT)),
        }
    }

    /// The certificate at a URL that is known to be SNS's own, for a post from this client.
    pub(super) async fn get(
        &self,
        url: &str,
        client: Option<IpAddr>,
        fetch: impl AsyncFnOnce() -> Result<Vec<u8>, String>,
    ) -> Result<Arc<[u8]>, NoCertificate> {
        let attempt = self.attempt(url, client)?;
        let outcome = attempt.outcome.get_or_try_init(async || {
            // Who did not get a turn knows nothing of the URL: the next one who asks may have one.
            let Ok(Ok(_turn)) = timeout(SNS_WAIT_MAX, self.turns.acquire()).await else {
                return Err(NoCertificate("too many certificates are fetched at once".to_owned()));
            };
            Ok(fetch().await.map(Arc::from))
        });
        outcome.await?.clone().map_err(NoCertificate)
    }

    /// The attempt that is on its way or over, or a new one within the budget.
    fn attempt(&self, url: &str, client: Option<IpAddr>) -> Result<Arc<Attempt>, NoCertificate> {
        let mut attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(attempt) = attempts.get(url).filter(|attempt| !attempt.is_stale()) {
            return Ok(Arc::clone(attempt));
        }
        attempts.retain(|_, attempt| !attempt.is_stale());
        if attempts.len() >= SNS_CERTIFICATES_MAX || !self.is_within_budget(client) {
            return Err(NoCertificate("too many new certificates are named".to_owned()));
        }
        let attempt = Arc::new(Attempt { began: Instant::now(), outcome: OnceCell::new() });
        attempts.insert(url.to_owned(), Arc::clone(&attempt));
        Ok(attempt)
    }

    /// Counts a fetch, first of the client: what is refused there is taken from nobody else. One at a unix socket is nobody in particular.
    fn is_within_budget(&self, client: Option<IpAddr>) -> bool {
        if self.budget_of_clients.len() >= SNS_CLIENTS_MAX {
            self.budget_of_clients.retain_recent();
        }
        let of_client =
            client.is_none_or(|client| self.budget_of_clients.check_key(&network(client)).is_ok());
        of_client && self.budget.check().is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::task::JoinSet;

    use super::*;

    async fn good() -> Result<Vec<u8>, String> {
        Ok(b"pem".to_vec())
    }

    #[tokio::test]
    async fn a_certificate_that_does_not_come_holds_up_no_other() {
        let certificates = Arc::new(Certificates::new());
        certificates.get("known", None, good).await.unwrap();
        let mut waiting = JoinSet::new();
        for number in 0..SNS_FETCHES_AT_A_TIME {
            let certificates = Arc::clone(&certificates);
            waiting.spawn(async move {
                certificates.get(&format!("slow{number}"), None, async || pending().await).await.map(|_| ())
            });
        }
        while certificates.turns.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(&*certificates.get("known", None, async || Err(String::new())).await.unwrap(), b"pem");
        waiting.abort_all();
        while waiting.join_next().await.is_some() {}
        // Who went away gives the turn back, and the next one fetches.
        assert_eq!(&*certificates.get("slow0", None, good).await.unwrap(), b"pem");
    }

    #[tokio::test]
    async fn another_certificate_is_fetched_meanwhile() {
        let certificates = Certificates::new();
        let other = async {
            assert!(certificates.get("other", None, good).await.is_ok());
            Err::<Arc<[u8]>, _>(NoCertificate("the slow one still waits".to_owned()))
        };
        assert!(tokio::try_join!(certificates.get("slow", None, async || pending().await), other).is_err());
    }

    #[tokio::test]
    async fn many_who_want_one_certificate_fetch_it_once() {
        let certificates = Certificates::new();
        let fetched = AtomicUsize::new(0);
        let fetch = async || {
            fetched.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
            Err("no".to_owned())
        };
        let both = tokio::join!(certificates.get("one", None, fetch), certificates.get("one", None, fetch));
        assert!(both.0.is_err() && both.1.is_err());
        // A failure is remembered too.
        assert!(certificates.get("one", None, fetch).await.is_err());
        assert_eq!(fetched.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn made_up_names_are_fetched_within_a_budget() {
        let certificates = Certificates::new();
        certificates.get("known", None, good).await.unwrap();
        let fetched = AtomicUsize::new(0);
        for number in 0..200 {
            let fetch = async || {
                fetched.fetch_add(1, Ordering::Relaxed);
                Err("404".to_owned())
            };
            assert!(certificates.get(&format!("made-up{number}"), None, fetch).await.is_err());
        }
        let fetched = fetched.load(Ordering::Relaxed);
        assert!((10..=25).contains(&fetched), "{fetched}");
        assert!(certificates.get("known", None, async || Err(String::new())).await.is_ok());
    }

    #[tokio::test]
    async fn who_makes_up_names_uses_up_no_other_clients_budget() {
        let certificates = Certificates::new();
        let [one, same_house, other] =
            ["2001:db8::1", "2001:db8::2", "192.0.2.1"].map(|client| client.parse().ok());
        let mut fetched = 0;
        for number in 0..100 {
            for client in [one, same_house] {
                let url = format!("made-up{number} {client:?}");
                let fetch = async || {
                    fetched += 1;
                    Err("404".to_owned())
                };
                assert!(certificates.get(&url, client, fetch).await.is_err());
            }
        }
        assert!((1..=4).contains(&fetched), "{fetched}");
        assert!(certificates.get("genuine", other, good).await.is_ok());
    }
}
