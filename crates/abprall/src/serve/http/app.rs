//! What all routes share.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use abprall_store::{Stopped, Store, StoreError, SuppressionIndex};
use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderMap, StatusCode, header};
use futures_util::StreamExt;
use serde::de::DeserializeOwned;
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

use super::caller::{Caller, Client};
use super::problem::Problem;
use crate::serve::gate::Gate;
use crate::serve::intake::webhook::Webhooks;
use crate::serve::keeper::Keeper;
use crate::serve::keys::KeyRing;
use crate::serve::limits::{
    ANSWER_KIB_A_CLIENT_MAX, ANSWER_KIB_MAX, BODY_KIB_A_CLIENT_MAX, BODY_KIB_MAX, BODY_MAX,
    DATABASE_QUIET_MAX, HOOK_KIB_A_CLIENT_MAX, STORE_WAIT_MAX,
};
use crate::serve::mail_room::MailRoom;
use crate::serve::memory::{Memory, NoMemory, Share};
use crate::serve::metrics::{Metrics, Place};
use crate::serve::settings::Keys;
use crate::serve::stop::Stop;

#[derive(Clone)]
pub(super) struct App {
    pub(super) gate: Arc<Gate>,
    pub(super) keeper: Keeper,
    pub(in crate::serve) desk: Arc<Desk>,
    pub(super) stop: Stop,
    pub(super) hooks: Arc<Webhooks>,
    bodies: Memory,
    /// Whoever posts from outside takes no place from our own programs.
    hook_bodies: Memory,
    /// Long ones, until they are read.
    answers: Memory,
}

/// What programs with keys need besides. Stores are dropped outside of the runtime: it is to outlive it.
pub(in crate::serve) struct Desk {
    pub(in crate::serve) ring: KeyRing,
    pub(in crate::serve) keys: Keys,
    pub(in crate::serve) metrics: Arc<Metrics>,
    pub(in crate::serve) mail: Option<Arc<MailRoom>>,
    pub(in crate::serve) index: Arc<SuppressionIndex>,
    /// The number of the newest decision.
    pub(in crate::serve) newest: watch::Receiver<i64>,
    /// When the index was last compared with the database.
    pub(in crate::serve) followed: Arc<Mutex<Instant>>,
    /// What the database said last, of itself.
    pub(in crate::serve) seen: Mutex<Seen>,
    /// Requests that wait for the next decision.
    pub(in crate::serve) waiting: AtomicUsize,
    pub(in crate::serve) stores: Stores,
}

/// What the database said last.
#[derive(Clone, Copy)]
pub(in crate::serve) struct Seen {
    pub(in crate::serve) at: Instant,
    pub(in crate::serve) stopped: Stopped,
}

impl Desk {
    /// What the database said last; `None`: it has not said anything for a while.
    pub(super) fn seen(&self) -> Option<Seen> {
        let seen = *self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        (seen.at.elapsed() < DATABASE_QUIET_MAX).then_some(seen)
    }
}

/// Connections to the database, each for one request at a time.
pub(in crate::serve) struct Stores {
    all: Mutex<Vec<Box<dyn Store>>>,
    free: Semaphore,
}

impl Stores {
    pub(in crate::serve) fn new(stores: Vec<Box<dyn Store>>) -> Self {
        Self { free: Semaphore::new(stores.len()), all: Mutex::new(stores) }
    }
}

/// A connection that goes back whatever happens.
struct Lent<'a> {
    store: Option<Box<dyn Store>>,
    stores: &'a Stores,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        self.stores.all.lock().unwrap_or_else(PoisonError::into_inner).extend(self.store.take());
    }
}

/// Somebody who waits, and is counted as long as it lives.
pub(super) struct Waits<'a>(&'a AtomicUsize);

impl<'a> Waits<'a> {
    pub(super) fn among(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl App {
    pub(super) fn new(
        gate: Arc<Gate>,
        keeper: Keeper,
        hooks: Arc<Webhooks>,
        desk: Arc<Desk>,
        stop: Stop,
    ) -> Self {
        Self {
            gate,
            keeper,
            hooks,
            desk,
            stop,
            bodies: Memory::among_clients(BODY_KIB_MAX, BODY_KIB_A_CLIENT_MAX),
            answers: Memory::among_clients(ANSWER_KIB_MAX, ANSWER_KIB_A_CLIENT_MAX),
            hook_bodies: Memory::among_clients(BODY_KIB_MAX, HOOK_KIB_A_CLIENT_MAX),
        }
    }

    /// Asks the database.
    pub(super) async fn ask<T>(
        &self,
        question: impl FnOnce(&dyn Store) -> Result<T, StoreError>,
    ) -> Result<T, Problem> {
        self.with_store(|store| question(store)).await
    }

    /// Changes something, in the name of the caller. Whoever asks afterwards hears of it.
    pub(super) async fn change<T>(
        &self,
        caller: &Caller,
        change: impl FnOnce(&mut dyn Store) -> Result<T, StoreError>,
    ) -> Result<T, Problem> {
        let actor = caller.actor();
        let index = Arc::clone(&self.desk.index);
        self.with_store(move |store| {
            store.act_as(&actor);
            let changed = change(store)?;
            // Where this fails, the follower brings it, a second later.
            let _ = index.catch_up(&*store);
            Ok(changed)
        })
        .await
    }

    async fn with_store<T>(
        &self,
        work: impl FnOnce(&mut dyn Store) -> Result<T, StoreError>,
    ) -> Result<T, Problem> {
        // A database that is gone is waited for by those who have asked before: whoever comes now need not.
        if self.desk.seen().is_none() {
            return Err(Problem::database());
        }
        let stores = &self.desk.stores;
        // All are busy for too long: a slow database must not gather everybody who asks.
        let Ok(Ok(_turn)) = timeout(STORE_WAIT_MAX, stores.free.acquire()).await else {
            return Err(Problem::database());
        };
        let store = stores.all.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut lent = Lent { store, stores };
        let Some(store) = lent.store.as_deref_mut() else { return Err(Problem::database()) };
        match tokio::task::block_in_place(|| work(store)) {
            Ok(value) => Ok(value),
            Err(error) => {
                self.desk.metrics.database_error(Place::Programs);
                Err(error.into())
            }
        }
    }

    /// Reads a body. Its share of the memory is to be held as long as the body.
    pub(super) async fn body(
        &self,
        client: Client,
        body: Body,
        bytes_max: usize,
    ) -> Result<(Bytes, Share), Problem> {
        read(self.bodies.share_of(client.0), body, bytes_max, Room::AtOnce).await
    }

    /// Room for an answer of so many bytes.
    pub(super) async fn answer(&self, client: Client, bytes: usize) -> Result<Share, Problem> {
        let mut share = self.answers.share_of(client.0);
        if !share.may_hold(bytes) {
            let text = "The answer would be too long: ask for fewer addresses at once.";
            return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, text));
        }
        share.grow(bytes).await.map_err(|NoMemory| {
            let text = "Too many long answers are on their way; try again in a moment.";
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, text).with(header::RETRY_AFTER, "5")
        })?;
        Ok(share)
    }

    /// Reads a body of JSON.
    pub(super) async fn json<T: DeserializeOwned>(
        &self,
        caller: &Caller,
        headers: &HeaderMap,
        body: Body,
        bytes_max: usize,
    ) -> Result<T, Problem> {
        self.json_held(caller, headers, body, bytes_max).await.map(|(read, _)| read)
    }

    /// As [`App::json`], with the share of the memory that the body took: what it became takes as much.
    pub(super) async fn json_held<T: DeserializeOwned>(
        &self,
        caller: &Caller,
        headers: &HeaderMap,
        body: Body,
        bytes_max: usize,
    ) -> Result<(T, Share), Problem> {
        content_type(headers, &["application/json"])?;
        let (body, share) = self.body(caller.client(), body, bytes_max).await?;
        let read = serde_json::from_slice(&body)
            .map_err(|error| Problem::bad(format!("The body is not the JSON that is wanted: {error}")))?;
        Ok((read, share))
    }

    /// As [`App::body`], of a post to a hook.
    pub(super) async fn hook_body(
        &self,
        client: Client,
        body: Body,
        bytes_max: usize,
    ) -> Result<(Bytes, Share), Problem> {
        read(self.hook_bodies.share_of(client.0), body, bytes_max, Room::AsItComes).await
    }
}

/// When a body gets the memory that it says to need.
#[derive(Clone, Copy)]
enum Room {
    /// Before its first part, of those we know: several that each hold a half and wait for the rest would wait for each other.
    AtOnce,
    /// Part by part, of anybody: who only says that much will come keeps nobody out.
    AsItComes,
}

async fn read(share: Share, body: Body, bytes_max: usize, room: Room) -> Result<(Bytes, Share), Problem> {
    timeout(BODY_MAX, read_on(share, body, bytes_max, room))
        .await
        .unwrap_or_else(|_| Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "The body took too long.")))
}

async fn read_on(
    mut share: Share,
    body: Body,
    bytes_max: usize,
    room: Room,
) -> Result<(Bytes, Share), Problem> {
    let not_whole = || {
        let text = format!("The body has to be complete and at most {bytes_max} bytes.");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, text)
    };
    let no_memory = |NoMemory| {
        let text = "Too much comes in at once; try again in a moment.";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, text)
    };
    // What says that it is too large is not waited for.
    let said = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if said > bytes_max || !share.may_hold(said) {
        return Err(not_whole());
    }
    match room {
        Room::AtOnce => share.grow(said).await.map_err(no_memory)?,
        Room::AsItComes => {}
    }
    let mut parts = body.into_data_stream();
    let mut bytes = Vec::new();
    while let Some(part) = parts.next().await {
        let part = part.map_err(|_| not_whole())?;
        if bytes.len() + part.len() > bytes_max {
            return Err(not_whole());
        }
        if !share.may_hold(bytes.len() + part.len()) {
            return Err(not_whole());
        }
        share.grow(bytes.len() + part.len()).await.map_err(no_memory)?;
        bytes.extend_from_slice(&part);
    }
    Ok((bytes.into(), share))
}

/// Whether the body says that it is one of these. A body that does not say what it is, is taken for what is wanted.
pub(super) fn content_type(headers: &HeaderMap, wanted: &[&str]) -> Result<(), Problem> {
    let Some(said) = headers.get(header::CONTENT_TYPE) else { return Ok(()) };
    let essence = said.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if wanted.iter().any(|wanted| essence.eq_ignore_ascii_case(wanted)) {
        return Ok(());
    }
    let text = format!("The body has to be {}.", wanted.join(" or "));
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, text).with(header::ACCEPT, &wanted.join(", ")))
}
