//! One process beside the mail server: bounces come in, senders ask before they send.
//!
//! - `settings`: `abprall.toml`.
//! - `listen`: sockets, TCP and unix, with a bound on connections.
//! - `intake`: SMTP, LMTP and HTTP; nothing is acknowledged before it is on the disk.
//! - `keeper`: the one writer of this process; what waits is written together.
//! - `gate`: the question "may this be sent to?", and how Postfix and programs ask it.
//! - `http`: the routes; `keys`: who may use them.
//! - `metrics`: what is counted; `newest`: keys and decisions, as they change.
//! - `watch`: looks at what is held, where `[watch]` says so.

mod gate;
mod http;
mod intake;
mod keeper;
mod keys;
mod limits;
mod listen;
mod metrics;
mod newest;
mod settings;
mod stop;
mod watch;

use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use abprall_store::{Store, StoreError};
use anyhow::Context;

pub(crate) use keys::make as make_key;
pub(crate) use settings::{BadSettings, Settings};

use crate::store_file::StoreFile;

/// Runs until SIGINT or SIGTERM; then what was begun is finished.
pub(crate) fn run(settings: &Settings) -> anyhow::Result<()> {
    raise_open_files();
    let place = StoreFile::new(settings.store.clone(), settings.index.clone());
    // The first one makes the database where there is none.
    let mut store = place.open()?;
    let index = Arc::new(place.index(&*store)?);
    let open = |_| place.open_existing();
    let answering: Vec<Box<dyn Store>> =
        (0..limits::STORES_FOR_QUESTIONS).map(open).collect::<Result<_, StoreError>>()?;
    // Stores are opened, and dropped, outside of the runtime: the client of PostgreSQL has one of its own.
    let mut follower = place.open_existing()?;
    // A server that is gone is no reason to hold up clients, nor the end.
    store.wait_for_server(limits::WRITER_WAIT_MAX);
    follower.wait_for_server(limits::FOLLOW_EVERY);
    let metrics = Arc::new(metrics::Metrics::new(Arc::clone(&index)));
    let gate = Arc::new(gate::Gate::new(Arc::clone(&index), answering, settings, Arc::clone(&metrics)));
    let mut for_programs: Vec<Box<dyn Store>> =
        (0..limits::STORES_FOR_PROGRAMS).map(open).collect::<Result<_, StoreError>>()?;
    for store in &mut for_programs {
        store.wait_for_server(limits::STORE_WAIT_MAX);
    }
    let mut looker = place.open_existing()?;
    looker.wait_for_server(limits::FOLLOW_EVERY);
    let ring = keys::KeyRing::new(looker.api_keys()?, settings.http.rates)?;
    let (tell_newest, newest) = tokio::sync::watch::channel(looker.newest_decision()?);
    let followed = Arc::new(Mutex::new(Instant::now()));
    let desk = Arc::new(http::Desk {
        ring,
        keys: settings.http.keys,
        metrics: Arc::clone(&metrics),
        index: Arc::clone(&index),
        newest,
        followed: Arc::clone(&followed),
        seen: Mutex::new(http::Seen { at: Instant::now(), stopped: looker.stopped(jiff::Timestamp::now())? }),
        waiting: AtomicUsize::new(0),
        stores: http::Stores::new(for_programs),
    });
    let (keeper, writer) = keeper::start(store, Arc::clone(&index), settings, metrics)?;
    let watch = settings
        .watch
        .clone()
        .map(|settings| Ok::<_, anyhow::Error>((settings, place.open_existing()?)))
        .transpose()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the network part")?;
    runtime.block_on(async {
        let stop = stop::Stop::on_signals()?;
        let watching = keeper::follow_others(follower, index, followed, stop.clone())?;
        let looking = newest::look(looker, Arc::clone(&desk), tell_newest, stop.clone())?;
        let watch = match watch {
            Some((watch, store)) => {
                let rules = crate::rule_files::RuleFiles { rules: settings.rules.clone() };
                Some(watch::start(store, watch, settings.policy.clone(), rules.classifier()?, stop.clone())?)
            }
            None => None,
        };
        let mut servers = tokio::task::JoinSet::new();
        for (listen, question) in settings.gate.listeners() {
            for socket in listen::bind(listen).await? {
                let (gate, stop) = (Arc::clone(&gate), stop.clone());
                servers.spawn(gate::serve(socket, question, gate, stop));
            }
        }
        for mail in &settings.intake {
            let session = Arc::new(intake::mail::mail_server(mail)?);
            for socket in listen::bind(&mail.listen).await? {
                servers.spawn(intake::mail::serve(
                    socket,
                    Arc::clone(&session),
                    keeper.clone(),
                    stop.clone(),
                ));
            }
        }
        for log in &settings.logs {
            servers.spawn(intake::log::Follower::new(log.clone(), keeper.clone(), stop.clone()).serve());
        }
        let hooks = Arc::new(intake::webhook::Webhooks::new(&settings.webhooks).await?);
        for socket in listen::bind(&settings.http.listen).await? {
            let routes = http::routes(
                Arc::clone(&gate),
                keeper.clone(),
                Arc::clone(&hooks),
                Arc::clone(&desk),
                stop.clone(),
            );
            servers.spawn(http::serve(socket, routes, stop.clone()));
        }
        eprintln!("abprall: serving; {}", settings.words());
        drop(keeper);
        while let Some(ended) = servers.join_next().await {
            ended.context("a server stopped")??;
        }
        // All senders are gone: the writer finishes what waits, and ends.
        tokio::task::spawn_blocking(move || {
            writer.join();
            watching.join();
            looking.join();
            if let Some(watch) = watch {
                watch.join();
            }
        })
        .await
        .context("cannot finish writing")
    })
}

/// A connection takes a file, and the usual limit of 1,024 of them was made for programs that use select(2).
fn raise_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    // Where it may not be raised, it stays: fewer connections are served.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}
