//! What other processes change, for programs: keys that are made or revoked, decisions that are taken.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use abprall_store::Store;
use anyhow::Context;
use jiff::Timestamp;
use tokio::sync::watch;

use super::http::{Desk, Seen};
use super::keeper::Worker;
use super::limits::{DECISIONS_EVERY, KEYS_EVERY};
use super::stop::Stop;

/// Looks until the server is to end. Where the database does not answer, keys are as they were last seen.
pub(super) fn look(
    store: Box<dyn Store>,
    desk: Arc<Desk>,
    newest: watch::Sender<i64>,
    stop: Stop,
) -> anyhow::Result<Worker> {
    let look = move || {
        let mut keys_at = Instant::now();
        while !stop.is_wanted() {
            let is_time = keys_at.elapsed() >= KEYS_EVERY;
            if is_time {
                keys_at = Instant::now();
                if let (Ok(keys), Ok(stopped)) = (store.api_keys(), store.stopped(Timestamp::now())) {
                    desk.ring.refresh(keys);
                    *desk.seen.lock().unwrap_or_else(PoisonError::into_inner) =
                        Seen { at: Instant::now(), stopped };
                }
            }
            if (is_time || desk.waiting.load(Ordering::Relaxed) > 0)
                && let Ok(id) = store.newest_decision()
            {
                newest.send_if_modified(|known| std::mem::replace(known, id) != id);
            }
            stop.sleep(DECISIONS_EVERY);
        }
    };
    Worker::spawn("newest", look).context("cannot start looking for what changes")
}
