//! `abprall.toml`: where bounces come in, who may ask, where it is remembered. Everything that is wrong is said at once.

mod gate;
mod http;
mod intake;
mod log;
mod secret;
mod watch;
mod webhook;

use std::fmt;
use std::path::{Path, PathBuf};

use abprall_policy::Policy;
use abprall_policy::settings::{Problem, Reader, Section, read};
use abprall_store::Audience;

use super::listen::Place;
use crate::policy_file;
pub(super) use gate::{GateSettings, OnFailure, WhenHeld};
pub(super) use http::{HttpSettings, Keys};
pub(super) use intake::{CertificateFiles, ClientRate, MailSettings};
pub(super) use log::{LogSettings, Start};
pub(super) use watch::WatchSettings;
pub(super) use webhook::{Credentials, Proof, SnsSettings, TokenIn, WebhookSettings};

/// All that the server is told.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(super) store: String,
    pub(super) index: Option<PathBuf>,
    pub(super) policy: Policy,
    pub(super) rules: Vec<PathBuf>,
    pub(super) audience: Audience,
    pub(super) http: HttpSettings,
    pub(super) gate: GateSettings,
    pub(super) intake: Vec<MailSettings>,
    pub(super) logs: Vec<LogSettings>,
    pub(super) webhooks: Vec<WebhookSettings>,
    pub(super) watch: Option<WatchSettings>,
}

/// Everything that is wrong with the settings. A mistake of configuration: exit status 2.
#[derive(Debug)]
pub(crate) struct BadSettings(String);

impl fmt::Display for BadSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadSettings {}

impl Settings {
    /// Reads `abprall.toml`. Relative paths in it begin at its folder.
    pub(crate) fn read(path: &Path) -> Result<Self, BadSettings> {
        let shown = path.display();
        let text = std::fs::read_to_string(path)
            .map_err(|error| BadSettings(format!("cannot read {shown}: {error}")))?;
        Self::parse(&text, path.parent().unwrap_or(Path::new(""))).map_err(|problems| {
            let noun = if problems.len() == 1 { "problem" } else { "problems" };
            let all: String = problems.iter().map(|problem| format!("\n  {problem}")).collect();
            BadSettings(format!(
                "{shown}: {} {noun} in the settings; nothing was started{all}",
                problems.len()
            ))
        })
    }

    fn parse(text: &str, folder: &Path) -> Result<Self, Vec<Problem>> {
        let mut settings = Self {
            store: folder.join("abprall.db").display().to_string(),
            index: None,
            policy: Policy::default(),
            rules: Vec::new(),
            audience: Audience::default(),
            http: HttpSettings::default(),
            gate: GateSettings::default(),
            intake: Vec::new(),
            logs: Vec::new(),
            webhooks: Vec::new(),
            watch: None,
        };
        read(text, |reader, file| take(&mut settings, reader, file, folder))?;
        Ok(settings)
    }

    /// What is served, in a line.
    pub(super) fn words(&self) -> String {
        let mut parts = Vec::new();
        for (places, question) in self.gate.listeners() {
            parts.extend(places.iter().map(|place| format!("{question} at {place}")));
        }
        for mail in &self.intake {
            let protocol = intake::protocol_word(mail.protocol);
            parts.extend(mail.listen.iter().map(|place| format!("{protocol} at {place}")));
        }
        parts.extend(self.http.listen.iter().map(|place| format!("HTTP at {place}")));
        parts.extend(self.webhooks.iter().map(|hook| format!("{} at /hooks/{}", hook.service, hook.name)));
        parts.extend(self.logs.iter().map(|log| format!("the log {}", log.path.display())));
        if self.watch.is_some() {
            parts.push("the watch".to_owned());
        }
        if parts.is_empty() {
            "nothing: abprall.toml names no place to listen".to_owned()
        } else {
            parts.join(", ")
        }
    }
}

fn take(settings: &mut Settings, reader: &mut Reader<'_>, file: &mut Section<'_, '_>, folder: &Path) {
    if let Some((store, _)) = file.text(reader, "store") {
        settings.store = match abprall_store::StorePlace::of(&store) {
            abprall_store::StorePlace::File(path) => folder.join(path).display().to_string(),
            abprall_store::StorePlace::Postgres(_) => store,
        };
    }
    settings.index = file.text(reader, "index").map(|(path, _)| folder.join(path));
    if let Some((path, span)) = file.text(reader, "policy") {
        match policy_file::read(&folder.join(path)) {
            Ok(policy) => settings.policy = policy,
            Err(problems) => reader.problem(span, "policy", problems.to_string()),
        }
    }
    settings.rules = file.texts(reader, "rules").into_iter().map(|(path, _)| folder.join(path)).collect();
    settings.audience.tenant = file.text(reader, "tenant").map(|(name, _)| name);
    settings.audience.list = file.text(reader, "list").map(|(name, _)| name);
    if let Some(mut http) = file.section(reader, "http") {
        settings.http = http::take(reader, &mut http);
        http.finish(reader);
    }
    if let Some(mut gate) = file.section(reader, "gate") {
        settings.gate = gate::take(reader, &mut gate);
        gate.finish(reader);
    }
    if let Some(mut intake) = file.section(reader, "intake") {
        settings.intake = intake::take(reader, &mut intake, folder);
        let beside = log::Beside {
            folder,
            store: &settings.store,
            index: settings.index.as_deref(),
            audience: &settings.audience,
        };
        settings.logs = log::take(reader, &mut intake, &beside);
        settings.webhooks = webhook::take(reader, &mut intake, folder, &settings.audience);
        if !settings.webhooks.is_empty() && settings.http.listen.is_empty() {
            let hint = "webhooks come in over HTTP: say where with [http] listen".to_owned();
            reader.problem(0..0, "intake.webhook", hint);
        }
        intake.finish(reader);
    }
    if let Some(mut watch) = file.section(reader, "watch") {
        settings.watch = watch::take(reader, &mut watch, folder);
        watch.finish(reader);
    }
}

fn places(reader: &mut Reader<'_>, section: &mut Section<'_, '_>) -> Vec<Place> {
    let mut places = Vec::new();
    for (text, span) in section.texts(reader, "listen") {
        match Place::parse(&text) {
            Ok(place) => places.push(place),
            Err(problem) => reader.problem(span, &section.key("listen"), problem),
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_wrong_is_said_at_once() {
        let text = "stor = \"x\"\n[gate]\nheld = \"maybe\"\n[gate.policy]\nlisten = [\"here\"]\n[intake.lmtp]\nlisten = [\"127.0.0.1:24\"]\n\
                    recipients = [\"no address\"]\n[http]\nlisten = [\"0.0.0.0:80\"]\n";
        let problems = Settings::parse(text, Path::new("")).unwrap_err();
        let told: Vec<_> = problems.iter().map(|problem| problem.key.as_str()).collect();
        for key in ["stor", "gate.held", "gate.policy.listen", "intake.lmtp.recipients", "http.listen"] {
            assert!(told.contains(&key), "{key}: {told:?}");
        }
    }

    #[test]
    fn an_example_is_read() {
        let text = "store = \"a.db\"\n[gate.policy]\nlisten = [\"127.0.0.1:10040\"]\n[intake.lmtp]\nlisten = [\"unix:lmtp\"]\n\
                    recipients = [\"@bounces.example.org\", \"owner@example.org\"]\n";
        let settings = Settings::parse(text, Path::new("/etc/abprall")).unwrap();
        assert_eq!(settings.store, "/etc/abprall/a.db");
        assert_eq!(settings.words(), "policy at 127.0.0.1:10040, lmtp at unix:lmtp");
        assert_eq!((settings.intake[0].domains.len(), settings.intake[0].addresses.len()), (1, 1));
    }
}
