//! SIGINT and SIGTERM: the batch that is being worked on is finished, then it ends.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};

/// Whether it is to end.
#[derive(Clone, Default)]
pub(crate) struct Shutdown {
    wanted: Arc<(Mutex<bool>, Condvar)>,
}

impl Shutdown {
    /// Listens for signals, in a thread of its own that ends with the program.
    pub(crate) fn on_signals() -> anyhow::Result<Self> {
        let shutdown = Self::default();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot listen for signals")?;
        let (mut interrupt, mut terminate) = {
            let _inside = runtime.enter();
            let listen = |kind| signal(kind).context("cannot listen for signals");
            (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?)
        };
        let told = shutdown.clone();
        std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    tokio::select! {
                        _ = interrupt.recv() => {}
                        _ = terminate.recv() => {}
                    }
                });
                told.want();
            })
            .context("cannot listen for signals")?;
        Ok(shutdown)
    }

    fn want(&self) {
        let (wanted, changed) = &*self.wanted;
        *wanted.lock().unwrap_or_else(PoisonError::into_inner) = true;
        changed.notify_all();
    }

    pub(crate) fn is_wanted(&self) -> bool {
        *self.wanted.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits so long, or until it is to end.
    pub(crate) fn wait(&self, duration: Duration) {
        let (wanted, changed) = &*self.wanted;
        let guard = wanted.lock().unwrap_or_else(PoisonError::into_inner);
        drop(changed.wait_timeout_while(guard, duration, |wanted| !*wanted));
    }
}
