//! The thread that lets the old go, once a day.

use std::time::Duration;

use abprall_store::{Mode, Old, Store, StoreError};
use anyhow::Context;
use jiff::{SignedDuration, Timestamp};

use super::changing::Changing;
use super::keeper::Worker;
use super::limits::{PRUNE_PAUSE, PRUNE_ROWS};
use super::settings::KeepSettings;
use super::stop::Stop;
use crate::store_file::StoreFile;

/// The name of the note that says when it was done last.
const NOTE: &str = "keep";

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// How often it is looked whether a day is over.
const EVERY: Duration = Duration::from_secs(60);

pub(super) fn start(place: StoreFile, keep: Changing<KeepSettings>, stop: Stop) -> anyhow::Result<Worker> {
    let clean = move || {
        while !stop.is_wanted() {
            let keep = *keep.get();
            if (keep.texts, keep.addresses) != (None, None)
                && let Err(error) = clean_once_a_day(&place, keep, &stop)
            {
                tracing::warn!(%error, "what is old could not be let go; trying again");
            }
            stop.sleep(EVERY);
        }
    };
    Worker::spawn("keep", clean).context("cannot start the cleaning")
}

fn clean_once_a_day(place: &StoreFile, keep: KeepSettings, stop: &Stop) -> Result<(), StoreError> {
    let mut store = place.open_existing()?;
    let now = Timestamp::now();
    let before = store.note(NOTE)?;
    let last = before.as_deref().and_then(|text| text.parse::<Timestamp>().ok());
    if last.is_some_and(|last| now.duration_since(last) < DAY) {
        return Ok(());
    }
    // Of several servers, one does it.
    if !store.swap_note(NOTE, before.as_deref(), &now.to_string())? {
        return Ok(());
    }
    for (old, after) in [(Old::Texts, keep.texts), (Old::Addresses, keep.addresses)] {
        let Some(before) = after.and_then(|after| now.checked_sub(after).ok()) else { continue };
        let changed = clean(&mut *store, old, before, stop)?;
        tracing::info!(?old, %before, changed, "what is old was let go");
    }
    Ok(())
}

fn clean(store: &mut dyn Store, old: Old, before: Timestamp, stop: &Stop) -> Result<u64, StoreError> {
    let (mut from, mut changed) = (None, 0);
    loop {
        let step = store.prune(old, before, Mode::Apply, from, PRUNE_ROWS)?;
        changed += step.changed;
        from = step.next;
        if from.is_none() || stop.is_wanted() {
            return Ok(changed);
        }
        // Others write in between.
        stop.sleep(PRUNE_PAUSE);
    }
}
