//! One process beside the mail server: bounces come in, senders ask before they send.
//!
//! - `settings`: `abprall.toml`; `reload`: what of it changes on SIGHUP.
//! - `log`: what the server says of itself; `telemetry`: traces, where the program was built with them; `systemd`: what systemd is told.
//! - `listen`: sockets, TCP and unix, with a bound on connections.
//! - `intake`: SMTP, LMTP and HTTP; nothing is acknowledged before it is on the disk.
//! - `keeper`: the one writer of this process; what waits is written together. `mail_room`: raw mail, where it is kept.
//! - `gate`: the question "may this be sent to?", and how Postfix and programs ask it.
//! - `http`: the routes; `keys`: who may use them.
//! - `metrics`: what is counted; `newest`: keys and decisions, as they change.
//! - `watch`: looks at what is held, where `[watch]` says so.

mod changing;
mod gate;
mod http;
mod intake;
mod keep;
mod keeper;
mod keys;
mod limits;
mod listen;
mod log;
mod mail_room;
mod memory;
mod metrics;
mod newest;
mod notify;
mod reload;
mod settings;
mod stop;
mod systemd;
#[cfg(feature = "otel")]
mod telemetry;
mod watch;

use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use abprall_store::{Store, StoreError};
use anyhow::Context;

pub(crate) use keys::make as make_key;
pub(crate) use limits::PRUNE_ROWS;
pub(crate) use listen::Place;
pub(crate) use settings::{BadSettings, SetOptions, Settings};

use crate::sync::{Deliverer, owner};

/// Runs until SIGINT or SIGTERM; then what was begun is finished.
pub(crate) fn run(settings: &Settings) -> anyhow::Result<()> {
    raise_open_files();
    listen::inherit();
    let log = log::start(settings)?;
    let place = settings.store_file();
    // The first one makes the database where there is none.
    let mut store = place.open()?;
    crate::notify::begin(&mut *store, &settings.notify)?;
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
    let keep = changing::Changing::new(settings.keep);
    let mail = place.raw_mail().map(|mail| {
        let folder = mail.folder().display().to_string();
        mail_room::MailRoom::new(mail, keep.clone()).with_context(|| format!("cannot read {folder}"))
    });
    let mail = mail.transpose()?.map(Arc::new);
    mail.as_ref().map_or(Ok(()), |mail| mail.try_out(settings.keep))?;
    place.remember_raw_mail(&mut *store)?;
    let desk = Arc::new(http::Desk {
        mail: mail.clone(),
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
    let judging = changing::Changing::new(keeper::Judging::by(settings)?);
    let (keeper, writer) = keeper::start(store, Arc::clone(&index), judging.clone(), metrics, mail.clone())?;
    let watch = settings
        .watch
        .clone()
        .map(|settings| Ok::<_, anyhow::Error>((settings, place.open_existing()?)))
        .transpose()?;
    let owner = owner();
    let lists = settings.sync.iter();
    let lists: Vec<_> = lists
        .map(|target| {
            Ok((target.name.clone(), Deliverer::new(place.open_existing()?, target.clone(), &owner)?))
        })
        .collect::<anyhow::Result<_>>()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the network part")?;
    let told = log.clone();
    let ended = runtime.block_on(async {
        let stop = stop::Stop::on_signals()?;
        let hangups = reload::hangups()?;
        let watching = keeper::follow_others(follower, index, followed, stop.clone())?;
        let looking = newest::look(looker, Arc::clone(&desk), tell_newest, stop.clone())?;
        let ways = changing::Changing::new(settings.notify.clone());
        let telling = notify::start(place.clone(), ways.clone(), stop.clone())?;
        let cleaning = keep::start(place.clone(), keep.clone(), stop.clone())?;
        let sweeping = mail.map(|mail| mail_room::start(mail, place.clone(), stop.clone())).transpose()?;
        let watch = match watch {
            Some((watch, store)) => Some(watch::start(store, watch, judging.clone(), stop.clone())?),
            None => None,
        };
        let mut servers = tokio::task::JoinSet::new();
        let mut mail_servers = Vec::new();
        let mut tellers = Vec::new();
        for (name, mut deliverer) in lists {
            let stop = stop.clone();
            let run = move || deliverer.run(&|| stop.is_wanted(), &|pause| stop.sleep(pause));
            tellers
                .push(keeper::Worker::spawn(&format!("sync {name}"), run).context("cannot start the sync")?);
        }
        // It goes on telling where nothing listens.
        if !tellers.is_empty() {
            let mut stop = stop.clone();
            servers.spawn(async move {
                stop.wanted().await;
                Ok(())
            });
        }
        for (listen, question) in settings.gate.listeners() {
            for socket in listen::bind(listen).await? {
                let (gate, stop) = (Arc::clone(&gate), stop.clone());
                servers.spawn(gate::serve(socket, question, gate, stop));
            }
        }
        for mail in &settings.intake {
            let session = Arc::new(intake::mail::mail_server(mail)?);
            mail_servers.push((mail.protocol, Arc::clone(&session)));
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
        for mailbox in &settings.mailboxes {
            servers.spawn(intake::mailbox::serve(mailbox.clone(), keeper.clone(), stop.clone()));
        }
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
        let parts = reload::Parts { gate, mail_servers, judging, log, ways, keep, mail: desk.mail.clone() };
        tokio::spawn(reload::on_hangups(hangups, settings.clone(), parts));
        tokio::spawn(systemd::keep_told(stop.clone()));
        tracing::info!("serving; {}", settings.words());
        systemd::ready(&settings.words());
        drop(keeper);
        while let Some(ended) = servers.join_next().await {
            ended.context("a server stopped")??;
        }
        // All senders are gone: the writer finishes what waits, and ends.
        tokio::task::spawn_blocking(move || {
            writer.join();
            watching.join();
            looking.join();
            telling.join();
            cleaning.join();
            if let Some(sweeping) = sweeping {
                sweeping.join();
            }
            if let Some(watch) = watch {
                watch.join();
            }
            tellers.into_iter().for_each(keeper::Worker::join);
        })
        .await
        .context("cannot finish writing")?;
        tracing::info!("ended in order");
        Ok(())
    });
    told.end();
    ended
}

/// A connection takes a file, and the usual limit of 1,024 of them was made for programs that use select(2).
fn raise_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    // Where it may not be raised, it stays: fewer connections are served.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}
