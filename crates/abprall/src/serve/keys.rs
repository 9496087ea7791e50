//! Who asks: the keys of programs, held in memory, so that a question costs no look into the database.
//!
//! A key is checked by argon2 once, and recognised afterwards by a keyed hash (HMAC-SHA-256 under a secret of this process). All keys
//! are read anew every second: what is revoked opens nothing after that.

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use abprall_store::{ApiKey, NewApiKey};
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::{hmac, rand};
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, InsufficientCapacity, NotUntil, Quota, RateLimiter};
use jiff::Timestamp;
use tokio::sync::Semaphore;

use super::limits::{
    ADDRESSES_AT_ONCE, ARGON2_AT_A_TIME, KEY_VERIFIED_FOR, KEYS_VERIFIED_MAX, WRONG_KEYS, WRONG_KEYS_AT_ONCE,
};

/// Before every key, so that scanners for leaked secrets know it.
const PREFIX: &str = "abprall_";

/// Bytes of the public part of a key, and of the secret one.
const TOKEN_BYTES: usize = 8;
const SECRET_BYTES: usize = 32;

/// What OWASP's password storage cheat sheet asks of argon2id at least: 19 MiB, two passes.
const ARGON2_KIB: u32 = 19 * 1024;
const ARGON2_PASSES: u32 = 2;

/// The system gives no random numbers.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the system gives no random numbers")]
pub(crate) struct NoKey;

/// Fills in the token and the secret of a new key. Gives the key as its program presents it: nobody can find it out again.
pub(crate) fn make(key: &mut NewApiKey) -> Result<String, NoKey> {
    let (token, secret) = (random::<TOKEN_BYTES>()?, random::<SECRET_BYTES>()?);
    let mut salt = [0_u8; 16];
    rand::fill(&mut salt).map_err(|_| NoKey)?;
    let params = Params::new(ARGON2_KIB, ARGON2_PASSES, 1, None).map_err(|_| NoKey)?;
    let hash = Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_with_salt(secret.as_bytes(), &salt)
        .map_err(|_| NoKey)?;
    key.secret = hash.to_string();
    let presented = format!("{PREFIX}{token}_{secret}");
    key.token = token;
    Ok(presented)
}

fn random<const N: usize>() -> Result<String, NoKey> {
    let mut bytes = [0_u8; N];
    rand::fill(&mut bytes).map_err(|_| NoKey)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// How often one may ask.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Rates {
    /// Requests a second of one key.
    pub(super) key: Option<NonZeroU32>,
    /// Requests a second of one client's address.
    pub(super) client: Option<NonZeroU32>,
    /// Addresses a second that one key asks for many at a time.
    pub(super) key_addresses: Option<NonZeroU32>,
    /// The same of one client's address.
    pub(super) client_addresses: Option<NonZeroU32>,
}

/// It asks too often: after so long it may again.
#[derive(Clone, Copy, Debug)]
pub(super) struct TooOften(pub(super) Duration);

/// A key as it is presented opens nothing.
#[derive(Clone, Copy, Debug)]
pub(super) enum Refused {
    /// There is no such key, or it is over.
    Wrong,
    /// Too many wrong ones came from there.
    TooOften(TooOften),
}

struct Verified {
    key: Arc<ApiKey>,
    at: Instant,
}

/// All keys that are in use.
pub(super) struct KeyRing {
    hash: hmac::Key,
    known: RwLock<HashMap<String, Arc<ApiKey>>>,
    verified: RwLock<HashMap<[u8; 32], Verified>>,
    verifying: Semaphore,
    of_keys: Option<DefaultKeyedRateLimiter<i64>>,
    of_clients: Option<DefaultKeyedRateLimiter<IpAddr>>,
    addresses_of_keys: Option<DefaultKeyedRateLimiter<i64>>,
    addresses_of_clients: Option<DefaultKeyedRateLimiter<IpAddr>>,
    wrong: DefaultKeyedRateLimiter<IpAddr>,
    clock: DefaultClock,
}

impl KeyRing {
    pub(super) fn new(keys: Vec<ApiKey>, rates: Rates) -> Result<Self, NoKey> {
        let mut secret = [0_u8; 32];
        rand::fill(&mut secret).map_err(|_| NoKey)?;
        // One whole question passes whatever the rate: it is waited for after it.
        let addresses = |rate: NonZeroU32| Quota::per_second(rate).allow_burst(rate.max(ADDRESSES_AT_ONCE));
        let ring = Self {
            hash: hmac::Key::new(hmac::HMAC_SHA256, &secret),
            known: RwLock::default(),
            verified: RwLock::default(),
            verifying: Semaphore::new(ARGON2_AT_A_TIME),
            of_keys: rates.key.map(|rate| RateLimiter::keyed(Quota::per_second(rate))),
            of_clients: rates.client.map(|rate| RateLimiter::keyed(Quota::per_second(rate))),
            addresses_of_keys: rates.key_addresses.map(|rate| RateLimiter::keyed(addresses(rate))),
            addresses_of_clients: rates.client_addresses.map(|rate| RateLimiter::keyed(addresses(rate))),
            wrong: RateLimiter::keyed(Quota::per_second(WRONG_KEYS).allow_burst(WRONG_KEYS_AT_ONCE)),
            clock: DefaultClock::default(),
        };
        ring.refresh(keys);
        Ok(ring)
    }

    /// Takes the keys over as they stand in the database.
    pub(super) fn refresh(&self, keys: Vec<ApiKey>) {
        let now = Timestamp::now();
        let known: HashMap<_, _> = keys
            .into_iter()
            .filter(|key| key.is_good_at(now))
            .map(|key| (key.token.clone(), Arc::new(key)))
            .collect();
        let still = |verified: &mut Verified| {
            verified.at.elapsed() < KEY_VERIFIED_FOR
                && known.get(&verified.key.token).is_some_and(|key| *key == verified.key)
        };
        self.verified.write().unwrap_or_else(PoisonError::into_inner).retain(|_, verified| still(verified));
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = known;
        // Who has not asked for a while takes no room.
        self.wrong.retain_recent();
        for limiter in [&self.of_keys, &self.addresses_of_keys].into_iter().flatten() {
            limiter.retain_recent();
        }
        for limiter in [&self.of_clients, &self.addresses_of_clients].into_iter().flatten() {
            limiter.retain_recent();
        }
    }

    /// The key, where it was verified lately.
    pub(super) fn recognise(&self, presented: &str) -> Option<Arc<ApiKey>> {
        let verified = self.verified.read().unwrap_or_else(PoisonError::into_inner);
        let found = verified.get(&self.hash(presented))?;
        (found.at.elapsed() < KEY_VERIFIED_FOR && found.key.is_good_at(Timestamp::now()))
            .then(|| Arc::clone(&found.key))
    }

    /// The key that is presented, by argon2 if need be.
    pub(super) async fn verify(&self, presented: &str, from: Option<IpAddr>) -> Result<Arc<ApiKey>, Refused> {
        if let Some(key) = self.recognise(presented) {
            return Ok(key);
        }
        let parts = presented.strip_prefix(PREFIX).and_then(|rest| rest.split_once('_'));
        let found = parts.and_then(|(token, secret)| Some((self.known_key(token)?, secret)));
        // What names no key costs nothing, and takes nobody's turn behind the same proxy.
        let Some((key, secret)) = found else { return Err(Refused::Wrong) };
        // Each takes 19 MiB and some milliseconds: so many at a time, whoever asks.
        let Ok(_turn) = self.verifying.acquire().await else { return Err(Refused::Wrong) };
        // Of many requests with one key the first is verified; the others waited for it.
        if let Some(key) = self.recognise(presented) {
            return Ok(key);
        }
        // It counts as a wrong one until it is known to be right: guesses must not cost us argon2 each.
        if let Refused::TooOften(wait) = self.wrong(from) {
            return Err(Refused::TooOften(wait));
        }
        let is_right = tokio::task::block_in_place(|| {
            PasswordHash::new(&key.secret)
                .is_ok_and(|hash| Argon2::default().verify_password(secret.as_bytes(), &hash).is_ok())
        });
        if !is_right || !key.is_good_at(Timestamp::now()) {
            return Err(Refused::Wrong);
        }
        let mut verified = self.verified.write().unwrap_or_else(PoisonError::into_inner);
        if verified.len() >= KEYS_VERIFIED_MAX {
            verified.clear();
        }
        verified.insert(self.hash(presented), Verified { key: Arc::clone(&key), at: Instant::now() });
        Ok(key)
    }

    /// Counts a request of a key and of a client's address.
    pub(super) fn count(&self, key: Option<&ApiKey>, from: Option<IpAddr>) -> Result<(), TooOften> {
        if let (Some(limiter), Some(from)) = (&self.of_clients, from) {
            limiter.check_key(&from).map_err(|not| TooOften(not.wait_time_from(self.clock.now())))?;
        }
        if let (Some(limiter), Some(key)) = (&self.of_keys, key) {
            limiter.check_key(&key.id).map_err(|not| TooOften(not.wait_time_from(self.clock.now())))?;
        }
        Ok(())
    }

    /// Counts addresses that are asked for together; at most [`ADDRESSES_AT_ONCE`].
    pub(super) fn count_addresses(
        &self,
        key: Option<&ApiKey>,
        from: Option<IpAddr>,
        addresses: NonZeroU32,
    ) -> Result<(), TooOften> {
        // More than fit at once never pass; whoever asks has been refused for that before.
        let wait = |checked: Result<Result<(), NotUntil<_>>, _>| match checked {
            Ok(Ok(())) => Ok(()),
            Ok(Err(not)) => Err(TooOften(not.wait_time_from(self.clock.now()))),
            Err(InsufficientCapacity(_)) => Err(TooOften(Duration::from_secs(1))),
        };
        if let (Some(limiter), Some(from)) = (&self.addresses_of_clients, from) {
            wait(limiter.check_key_n(&from, addresses))?;
        }
        if let (Some(limiter), Some(key)) = (&self.addresses_of_keys, key) {
            wait(limiter.check_key_n(&key.id, addresses))?;
        }
        Ok(())
    }

    fn known_key(&self, token: &str) -> Option<Arc<ApiKey>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).get(token).map(Arc::clone)
    }

    fn hash(&self, presented: &str) -> [u8; 32] {
        let tag = hmac::sign(&self.hash, presented.as_bytes());
        let mut hash = [0; 32];
        hash.copy_from_slice(tag.as_ref());
        hash
    }

    /// Counts a wrong key.
    fn wrong(&self, from: Option<IpAddr>) -> Refused {
        match from.map(|from| self.wrong.check_key(&from)) {
            Some(Err(not)) => Refused::TooOften(TooOften(not.wait_time_from(self.clock.now()))),
            Some(Ok(())) | None => Refused::Wrong,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new_key(name: &str) -> (ApiKey, String) {
        let mut new = NewApiKey {
            name: name.to_owned(),
            token: String::new(),
            secret: String::new(),
            scopes: vec![abprall_store::KeyScope::Check],
            tenant: None,
            expires_at: None,
        };
        let presented = make(&mut new).unwrap();
        let key = ApiKey {
            id: 1,
            name: new.name,
            token: new.token,
            secret: new.secret,
            scopes: new.scopes,
            tenant: None,
            created_at: Timestamp::now(),
            expires_at: None,
            revoked_at: None,
        };
        (key, presented)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_key_opens_until_it_is_revoked() {
        let (key, presented) = new_key("shop");
        assert!(!key.secret.contains(presented.rsplit('_').next().unwrap()), "the secret itself is not kept");
        let ring = KeyRing::new(vec![key.clone()], Rates::default()).unwrap();
        assert!(ring.recognise(&presented).is_none());
        assert_eq!(ring.verify(&presented, None).await.unwrap().name, "shop");
        assert!(ring.recognise(&presented).is_some());
        let almost = format!("{}0", &presented[..presented.len() - 1]);
        let almost =
            if almost == presented { format!("{}1", &presented[..presented.len() - 1]) } else { almost };
        assert!(matches!(ring.verify(&almost, None).await, Err(Refused::Wrong)));
        ring.refresh(vec![ApiKey { revoked_at: Some(Timestamp::now()), ..key }]);
        assert!(ring.recognise(&presented).is_none());
        assert!(matches!(ring.verify(&presented, None).await, Err(Refused::Wrong)));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn who_tries_many_wrong_keys_has_to_wait() {
        let (key, presented) = new_key("shop");
        let guess = format!("{}!", &presented[..presented.len() - 1]);
        let ring = KeyRing::new(vec![key], Rates::default()).unwrap();
        let from = Some(IpAddr::from([192, 0, 2, 1]));
        // What names no key is refused and costs nobody's turn: many may sit behind one proxy.
        for _ in 0..WRONG_KEYS_AT_ONCE.get() + 2 {
            assert!(matches!(ring.verify("abprall_no_key", from).await, Err(Refused::Wrong)));
        }
        assert!(matches!(ring.verify(&guess, from).await, Err(Refused::Wrong)));
        // One comes back each second, and a busy machine may need that for one key: so all are taken at once, and again if need be.
        let mut waits = false;
        for _ in 0..5 {
            for _ in 0..WRONG_KEYS_AT_ONCE.get() {
                let _ = ring.wrong(from);
            }
            waits |= matches!(ring.verify(&guess, from).await, Err(Refused::TooOften(_)));
        }
        assert!(waits);
        let other = Some(IpAddr::from([192, 0, 2, 2]));
        assert!(matches!(ring.verify(&guess, other).await, Err(Refused::Wrong)));
    }

    #[test]
    fn a_key_asks_no_more_often_than_it_may() {
        let (key, _) = new_key("shop");
        let rates = Rates { key: NonZeroU32::new(2), ..Rates::default() };
        let ring = KeyRing::new(vec![key.clone()], rates).unwrap();
        let counted: Vec<_> = (0..4).map(|_| ring.count(Some(&key), None).is_ok()).collect();
        assert_eq!(counted, [true, true, false, false]);
        assert!(ring.count(None, None).is_ok());
    }

    #[test]
    fn addresses_are_counted_and_the_largest_question_passes_once_whatever_the_rate() {
        let (key, _) = new_key("shop");
        let rates = Rates { key_addresses: NonZeroU32::new(1000), ..Rates::default() };
        let ring = KeyRing::new(vec![key.clone()], rates).unwrap();
        let ask = |addresses| ring.count_addresses(Some(&key), None, NonZeroU32::new(addresses).unwrap());
        assert!(ask(ADDRESSES_AT_ONCE.get()).is_ok());
        let Err(TooOften(wait)) = ask(50_000) else { panic!("it asks too often") };
        assert!((45..=50).contains(&wait.as_secs()), "a thousand come back in a second: {wait:?}");
        assert!(ring.count_addresses(None, None, ADDRESSES_AT_ONCE).is_ok());
    }
}
