//! One process beside the mail server: bounces come in, senders ask before they send.
//!
//! - `settings`: `abprall.toml`.
//! - `listen`: sockets, TCP and unix, with a bound on connections.
//! - `intake`: SMTP, LMTP and HTTP; nothing is acknowledged before it is on the disk.
//! - `keeper`: the one writer of this process; what waits is written together.
//! - `gate`: the question "may this be sent to?", and how Postfix and programs ask it.
//! - `http`: the routes.
//! - `watch`: looks at what is held, where `[watch]` says so.

mod gate;
mod http;
mod intake;
mod keeper;
mod limits;
mod listen;
mod settings;
mod stop;
mod watch;

use std::sync::Arc;

use abprall_store::{Store, StoreError};
use anyhow::Context;

pub(crate) use settings::{BadSettings, Settings};

use crate::sync::{Deliverer, owner};

/// Runs until SIGINT or SIGTERM; then what was begun is finished.
pub(crate) fn run(settings: &Settings) -> anyhow::Result<()> {
    let place = settings.store_file();
    // The first one makes the database where there is none.
    let store = place.open()?;
    let index = Arc::new(place.index(&*store)?);
    let open = |_| place.open_existing();
    let answering: Vec<Box<dyn Store>> =
        (0..limits::STORES_FOR_QUESTIONS).map(open).collect::<Result<_, StoreError>>()?;
    // Stores are opened, and dropped, outside of the runtime: the client of PostgreSQL has one of its own.
    let follower = place.open_existing()?;
    let watch = settings
        .watch
        .clone()
        .map(|settings| Ok::<_, anyhow::Error>((settings, place.open_existing()?)))
        .transpose()?;
    let owner = owner();
    let telling = settings.sync.iter();
    let telling: Vec<_> = telling
        .map(|target| {
            Ok((target.name.clone(), Deliverer::new(place.open_existing()?, target.clone(), &owner)?))
        })
        .collect::<anyhow::Result<_>>()?;
    let gate = Arc::new(gate::Gate::new(Arc::clone(&index), answering, settings));
    let (keeper, writer) = keeper::start(store, Arc::clone(&index), settings)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the network part")?;
    runtime.block_on(async {
        let stop = stop::Stop::on_signals()?;
        let watching = keeper::follow_others(follower, index, stop.clone())?;
        let watch = match watch {
            Some((watch, store)) => {
                let rules = crate::rule_files::RuleFiles { rules: settings.rules.clone() };
                Some(watch::start(store, watch, settings.policy.clone(), rules.classifier()?, stop.clone())?)
            }
            None => None,
        };
        let mut servers = tokio::task::JoinSet::new();
        let mut tellers = Vec::new();
        for (name, mut deliverer) in telling {
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
            for socket in listen::bind(&mail.listen).await? {
                servers.spawn(intake::mail::serve(
                    socket,
                    Arc::clone(&session),
                    keeper.clone(),
                    stop.clone(),
                ));
            }
        }
        for socket in listen::bind(&settings.http).await? {
            servers.spawn(http::serve(socket, http::router(Arc::clone(&gate), keeper.clone()), stop.clone()));
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
            if let Some(watch) = watch {
                watch.join();
            }
            tellers.into_iter().for_each(keeper::Worker::join);
        })
        .await
        .context("cannot finish writing")
    })
}
