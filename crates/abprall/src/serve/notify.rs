//! The thread that tells people what happened.

use std::sync::Arc;

use anyhow::Context;
use jiff::Timestamp;
use tokio::runtime::Handle;

use super::changing::Changing;
use super::keeper::Worker;
use super::stop::Stop;
use crate::notify::{NotifySettings, Teller};
use crate::store_file::StoreFile;

pub(super) fn start(
    place: StoreFile,
    ways: Changing<Vec<NotifySettings>>,
    stop: Stop,
) -> anyhow::Result<Worker> {
    let mut teller = Teller::new(Handle::current());
    let tell = move || {
        let (mut store, mut known) = (None, ways.get());
        while !stop.is_wanted() {
            stop.sleep(Teller::EVERY);
            let news = ways.get();
            if !Arc::ptr_eq(&news, &known) {
                // Whoever has changed the settings wants to see whether it works now.
                teller.try_all_again();
                known = news;
            }
            if known.is_empty() {
                continue;
            }
            // Only who is to be told anything needs a connection.
            let store = match &mut store {
                Some(store) => store,
                none => match place.open_existing() {
                    Ok(opened) => none.insert(opened),
                    Err(_) => continue,
                },
            };
            teller.tell(&mut **store, &known, Timestamp::now());
        }
    };
    Worker::spawn("notify", tell).context("cannot start telling people")
}
