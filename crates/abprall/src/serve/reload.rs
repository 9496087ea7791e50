//! SIGHUP: the settings are read again. What can change while the server runs does, all of it or nothing; what cannot is named, and kept
//! until a restart.

use std::sync::Arc;

use abprall_wire::smtp::server::Protocol;
use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::changing::Changing;
use super::gate::Gate;
use super::intake::mail::MailServer;
use super::keeper::Judging;
use super::log::Log;
use super::mail_room::MailRoom;
use super::settings::{KeepSettings, Settings};
use super::systemd;
use crate::notify::NotifySettings;

/// Keys, and tables, that change while the server runs.
const CHANGE: [&str; 15] = [
    "gate.held",
    "gate.on_failure",
    "intake.lmtp.recipients",
    "intake.smtp.recipients",
    "keep.addresses",
    "keep.raw_mail",
    "keep.raw_mail_bytes_max",
    "keep.texts",
    "list",
    "log.addresses",
    "log.level",
    "notify",
    "policy",
    "rules",
    "tenant",
];

/// What is told of new settings.
pub(super) struct Parts {
    pub(super) gate: Arc<Gate>,
    pub(super) mail_servers: Vec<(Protocol, Arc<MailServer>)>,
    pub(super) judging: Changing<Judging>,
    pub(super) log: Log,
    pub(super) ways: Changing<Vec<NotifySettings>>,
    pub(super) keep: Changing<KeepSettings>,
    pub(super) mail: Option<Arc<MailRoom>>,
}

/// Listens for SIGHUP from now on: before, it would end the server.
pub(super) fn hangups() -> anyhow::Result<Signal> {
    signal(SignalKind::hangup()).context("cannot listen for signals")
}

/// Reads the settings again at each one. `begun` are those that the server was started with.
pub(super) async fn on_hangups(mut hangups: Signal, begun: Settings, parts: Parts) {
    let parts = Arc::new(parts);
    while hangups.recv().await.is_some() {
        systemd::reloading();
        let (begun, parts) = (begun.clone(), Arc::clone(&parts));
        let words = tokio::task::spawn_blocking(move || reload(&begun, &parts)).await;
        systemd::ready(&words.unwrap_or_else(|_| "the settings could not be read again".to_owned()));
    }
}

/// Gives what came of it, in a line.
fn reload(begun: &Settings, parts: &Parts) -> String {
    let read = begun.read_again().map_err(anyhow::Error::from);
    let (settings, judging) = match read.and_then(|new| judging(new, parts)) {
        Ok((judging, settings)) => (settings, judging),
        Err(problems) => {
            let problems = format!("{problems:#}");
            for problem in problems.lines() {
                tracing::error!("reload: {}", problem.trim());
            }
            tracing::error!("reload: nothing has changed");
            return "the settings are wrong, those of before are kept; see the log".to_owned();
        }
    };
    parts.judging.set(judging);
    parts.gate.change(&settings);
    for (protocol, server) in &parts.mail_servers {
        if let Some(mail) = settings.intake.iter().find(|mail| mail.protocol == *protocol) {
            server.change(mail);
        }
    }
    parts.log.change(&settings);
    parts.ways.set(settings.notify.clone());
    parts.keep.set(settings.keep);
    let kept: Vec<_> =
        begun.effective().differences(settings.effective()).into_iter().filter(|key| !changes(key)).collect();
    if kept.is_empty() {
        tracing::info!("reload: the settings hold");
    } else {
        tracing::warn!("reload: the settings hold, but for what needs a restart: {}", kept.join(", "));
    }
    begun.words()
}

/// By what will be judged; an error where these settings cannot hold.
fn judging(settings: Settings, parts: &Parts) -> anyhow::Result<(Judging, Settings)> {
    let judging = Judging::by(&settings)?;
    parts.mail.as_ref().map_or(Ok(()), |mail| mail.try_out(settings.keep))?;
    Ok((judging, settings))
}

fn changes(key: &str) -> bool {
    CHANGE
        .iter()
        .any(|known| key.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
}
