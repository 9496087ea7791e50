//! What systemd is told, where it runs us (`Type=notify-reload`): sd_notify(3). Elsewhere all of this does nothing.

use std::time::Duration;

use sd_notify::NotifyState;

use super::stop::Stop;

/// All sockets listen.
pub(super) fn ready(words: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(words)]);
}

/// The settings are read again; [`ready`] ends it.
pub(super) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(_) => tell(&[NotifyState::Reloading]),
    }
}

/// Says that the server ends when it does, and that it lives until then, where somebody watches it.
pub(super) async fn keep_told(mut stop: Stop) {
    let every = sd_notify::watchdog_enabled().map(|bound| bound / 2);
    loop {
        let next = tokio::time::sleep(every.unwrap_or(Duration::from_secs(3600)));
        tokio::select! {
            () = stop.wanted() => break,
            () = next => if every.is_some() { tell(&[NotifyState::Watchdog]) },
        }
    }
    tell(&[NotifyState::Stopping, NotifyState::Status("finishing what was begun")]);
    // What is being finished has bounds of its own; the watchdog must not cut it short.
    while let Some(every) = every {
        tell(&[NotifyState::Watchdog]);
        tokio::time::sleep(every).await;
    }
}

fn tell(what: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(what) {
        tracing::warn!(%error, "systemd does not listen");
    }
}
