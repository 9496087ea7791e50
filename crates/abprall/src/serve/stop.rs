use std::time::Duration;

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Tells all parts that the server is to end.
#[derive(Clone)]
pub(super) struct Stop(watch::Receiver<bool>);

impl Stop {
    /// On SIGINT or SIGTERM.
    pub(super) fn on_signals() -> anyhow::Result<Self> {
        let (tell, told) = watch::channel(false);
        let listen = |kind| signal(kind).context("cannot listen for signals");
        let (mut interrupt, mut terminate) =
            (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
        tokio::spawn(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            tracing::info!("ending: what was begun is finished");
            // Nobody may listen any more: then there is nobody to tell.
            let _ = tell.send(true);
        });
        Ok(Self(told))
    }

    /// Waits until it is wanted.
    pub(super) async fn wanted(&mut self) {
        // An error means that whoever tells it is gone: the same.
        let _ = self.0.wait_for(|wanted| *wanted).await;
    }

    pub(super) fn is_wanted(&self) -> bool {
        *self.0.borrow()
    }

    /// For threads: waits so long, or until it is wanted.
    pub(super) fn sleep(&self, duration: Duration) {
        const STEP: Duration = Duration::from_millis(50);
        let mut left = duration;
        while !left.is_zero() && !self.is_wanted() {
            let step = left.min(STEP);
            std::thread::sleep(step);
            left -= step;
        }
    }
}
