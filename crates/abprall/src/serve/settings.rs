//! `abprall.toml`: where bounces come in, who may ask, where it is remembered. Everything that is wrong is said at once.

mod gate;
mod http;
mod intake;
mod keep;
mod log;
mod logging;
mod mailbox;
mod secret;
mod sources;
mod telemetry;
mod watch;
mod webhook;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use abprall_policy::Policy;
use abprall_policy::settings::{Effective, Override, Problem, Reader, Section, Setting, read_with};
use abprall_store::Audience;

use super::listen::Place;
use crate::notify::{self, NotifySettings};
use crate::policy_file;
use crate::store_file::StoreFile;
use crate::sync::{self, TargetSettings};
pub(super) use gate::{GateSettings, OnFailure, WhenHeld};
pub(super) use http::{HttpSettings, Keys};
pub(super) use intake::{CertificateFiles, ClientRate, MailSettings};
pub(super) use keep::KeepSettings;
pub(super) use log::{LogSettings, Start};
pub(super) use logging::{Addresses, LogFormat, LoggingSettings};
pub(super) use mailbox::{
    Account, Arrival, Encryption, ImapSettings, Login, MailboxPlace, MailboxSettings, SecretPlace, Taken,
};
pub(crate) use sources::SetOptions;
#[cfg(feature = "otel")]
pub(super) use telemetry::TelemetrySettings;
pub(super) use watch::WatchSettings;
pub(super) use webhook::{Credentials, Proof, SnsSettings, TokenIn, WebhookSettings};

/// All that the server is told.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(super) store: String,
    pub(super) index: Option<PathBuf>,
    policy_file: Option<PathBuf>,
    pub(super) policy: Policy,
    pub(super) rules: Vec<PathBuf>,
    pub(super) audience: Audience,
    pub(super) http: HttpSettings,
    pub(super) gate: GateSettings,
    pub(super) intake: Vec<MailSettings>,
    pub(super) log: LoggingSettings,
    pub(super) notify: Vec<NotifySettings>,
    pub(super) keep: KeepSettings,
    raw_mail: Option<PathBuf>,
    #[cfg(feature = "otel")]
    pub(super) telemetry: Option<TelemetrySettings>,
    effective: Effective,
    /// Where they are from.
    source: (PathBuf, SetOptions),
    pub(super) logs: Vec<LogSettings>,
    pub(super) mailboxes: Vec<MailboxSettings>,
    pub(super) webhooks: Vec<WebhookSettings>,
    pub(super) watch: Option<WatchSettings>,
    pub(crate) sync: Vec<TargetSettings>,
}

/// Everything that is wrong with the settings. A mistake of configuration: exit status 2.
#[derive(Debug)]
pub(crate) struct BadSettings(String);

impl BadSettings {
    /// A command asks for something that the settings do not have.
    pub(crate) fn lacking(problem: String) -> Self {
        Self(problem)
    }
}

impl fmt::Display for BadSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadSettings {}

impl Settings {
    /// Reads `abprall.toml`, the environment, and what the command line sets. Relative paths in the file begin at its folder.
    pub(crate) fn read(path: &Path, set: &SetOptions) -> Result<Self, BadSettings> {
        let shown = path.display();
        let text = std::fs::read_to_string(path).map_err(|error| BadSettings(unread(path, &error)))?;
        let overrides = set.overrides()?;
        let settings =
            Self::parse(&text, &overrides, path.parent().unwrap_or(Path::new(""))).map_err(|problems| {
                let noun = if problems.len() == 1 { "problem" } else { "problems" };
                let all: String = problems.iter().map(|problem| format!("\n  {problem}")).collect();
                BadSettings(format!(
                    "{shown}: {} {noun} in the settings; nothing was started{all}",
                    problems.len()
                ))
            })?;
        Ok(Self { source: (path.to_owned(), set.clone()), ..settings })
    }

    /// The same sources as they are now.
    pub(super) fn read_again(&self) -> Result<Self, BadSettings> {
        Self::read(&self.source.0, &self.source.1)
    }

    /// Every key with the value that holds.
    pub(crate) fn effective(&self) -> &Effective {
        &self.effective
    }

    /// Every place to listen, with the key that names it.
    pub(crate) fn listening(&self) -> Vec<(String, Place)> {
        let keys = self.effective.settings().iter().filter(|setting| setting.name == "listen");
        let all = keys.flat_map(|setting| {
            let places = setting.texts().into_iter().filter_map(|text| Place::parse(&text).ok());
            places.map(|place| (setting.key(), place)).collect::<Vec<_>>()
        });
        all.collect()
    }

    /// The texts of a list, as they were checked.
    pub(crate) fn texts(&self, key: &str) -> Vec<String> {
        let found = self.effective.settings().iter().find(|setting| setting.key() == key);
        found.map(Setting::texts).unwrap_or_default()
    }

    /// The operator's own classification rules.
    pub(crate) fn rules(&self) -> &[PathBuf] {
        &self.rules
    }

    /// Where the suppression index is kept, if not at its usual place.
    pub(crate) fn index(&self) -> Option<&PathBuf> {
        self.index.as_ref()
    }

    /// Where raw mail is kept, if it is.
    pub(crate) fn raw_mail(&self) -> Option<&PathBuf> {
        self.raw_mail.as_ref()
    }

    /// How much of raw mail may be kept, in bytes; `None`: it is not kept.
    pub(crate) fn keeps_raw_mail(&self) -> Option<u64> {
        self.keep.raw_mail.map(|_| self.keep.raw_mail_bytes_max)
    }

    /// The operator's policy.
    pub(crate) fn policy_file(&self) -> Option<&PathBuf> {
        self.policy_file.as_ref()
    }

    /// The database, as `--store` names it.
    pub(crate) fn store(&self) -> &str {
        &self.store
    }

    /// Where everything is remembered.
    pub(crate) fn store_file(&self) -> StoreFile {
        StoreFile::new(self.store.clone(), self.index.clone(), self.raw_mail.clone())
    }

    fn parse(text: &str, overrides: &[Override], folder: &Path) -> Result<Self, Vec<Problem>> {
        let mut settings = Self {
            store: folder.join("abprall.db").display().to_string(),
            index: None,
            policy_file: None,
            policy: Policy::default(),
            rules: Vec::new(),
            audience: Audience::default(),
            http: HttpSettings::default(),
            gate: GateSettings::default(),
            intake: Vec::new(),
            log: LoggingSettings::default(),
            notify: Vec::new(),
            keep: KeepSettings::default(),
            raw_mail: None,
            #[cfg(feature = "otel")]
            telemetry: None,
            effective: Effective::default(),
            source: <(PathBuf, SetOptions)>::default(),
            logs: Vec::new(),
            mailboxes: Vec::new(),
            webhooks: Vec::new(),
            watch: None,
            sync: Vec::new(),
        };
        settings.effective =
            read_with(text, overrides, |reader, file| take(&mut settings, reader, file, folder))?;
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
        parts.extend(self.webhooks.iter().map(|hook| format!("{} at /hooks/{}", hook.service, hook.name)));
        parts.extend(self.logs.iter().map(|log| format!("the log {}", log.path.display())));
        parts.extend(
            self.mailboxes.iter().map(|mailbox| format!("{} at {}", mailbox.name, mailbox.place.words())),
        );
        parts.extend(
            self.sync.iter().map(|target| format!("{} {} is told", target.kind.as_str(), target.name)),
        );
        if parts.is_empty() {
            "nothing: abprall.toml names no place to listen".to_owned()
        } else {
            parts.join(", ")
        }
    }
}

fn take(settings: &mut Settings, reader: &mut Reader<'_>, file: &mut Section<'_, '_>, folder: &Path) {
    if let Some((store, _)) = file.text_or(reader, "store", &settings.store) {
        settings.store = match abprall_store::StorePlace::of(&store) {
            abprall_store::StorePlace::File(path) => folder.join(path).display().to_string(),
            abprall_store::StorePlace::Postgres(_) => store,
        };
    }
    settings.index = file.text(reader, "index").map(|(path, _)| folder.join(path));
    if let Some((path, span)) = file.text(reader, "policy") {
        let path = folder.join(path);
        match policy_file::read(&path) {
            Ok(policy) => settings.policy = policy,
            Err(problems) => reader.problem(span, "policy", problems.to_string()),
        }
        settings.policy_file = Some(path);
    }
    settings.rules = file.texts(reader, "rules").into_iter().map(|(path, _)| folder.join(path)).collect();
    settings.audience.tenant = file.text(reader, "tenant").map(|(name, _)| name);
    settings.audience.list = file.text(reader, "list").map(|(name, _)| name);
    if let Some(mut http) = file.section(reader, "http") {
        settings.http = http::take(reader, &mut http);
        http.finish(reader);
    }
    let mut gate = file.section_or_default(reader, "gate");
    settings.gate = gate::take(reader, &mut gate);
    gate.finish(reader);
    if let Some(mut intake) = file.section(reader, "intake") {
        settings.intake = intake::take(reader, &mut intake, folder);
        let beside = log::Beside {
            folder,
            store: &settings.store,
            index: settings.index.as_deref(),
            audience: &settings.audience,
        };
        settings.logs = log::take(reader, &mut intake, &beside);
        settings.mailboxes = mailbox::take(reader, &mut intake, &beside);
        settings.webhooks = webhook::take(reader, &mut intake, folder, &settings.audience);
        if !settings.webhooks.is_empty() && settings.http.listen.is_empty() {
            let hint = "webhooks come in over HTTP: say where with [http] listen".to_owned();
            reader.problem(0..0, "intake.webhook", hint);
        }
        intake.finish(reader);
    }
    let mut log = file.section_or_default(reader, "log");
    settings.log = logging::take(reader, &mut log);
    log.finish(reader);
    let mut keep = file.section_or_default(reader, "keep");
    (settings.keep, settings.raw_mail) = keep::take(reader, &mut keep, folder, &settings.store);
    keep.finish(reader);
    if let Some(mut telemetry) = file.section(reader, "telemetry") {
        let taken = telemetry::take(reader, &mut telemetry);
        telemetry.finish(reader);
        #[cfg(feature = "otel")]
        {
            settings.telemetry = taken;
        }
        #[cfg(not(feature = "otel"))]
        if taken.is_some() {
            telemetry::refuse(reader);
        }
    }
    settings.notify = notify::take(reader, file, folder);
    if let Some(mut watch) = file.section(reader, "watch") {
        settings.watch = watch::take(reader, &mut watch, folder);
        watch.finish(reader);
    }
    if let Some(sync) = file.section(reader, "sync") {
        settings.sync = sync::take(reader, sync, folder, &settings.audience);
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

/// What to do where the file of settings cannot be read.
fn unread(path: &Path, error: &io::Error) -> String {
    let shown = path.display();
    if error.kind() != io::ErrorKind::NotFound {
        return format!("cannot read {shown}: {error}");
    }
    format!(
        "there is no settings file {shown}: name yours with --config FILE or ABPRALL_CONFIG. One to start from is packaging/abprall.toml \
         (in the package: /etc/abprall/abprall.toml)"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_wrong_is_said_at_once() {
        let text = "stor = \"x\"\n[gate]\nheld = \"maybe\"\n[gate.policy]\nlisten = [\"here\"]\n[intake.lmtp]\nlisten = [\"127.0.0.1:24\"]\n\
                    recipients = [\"no address\"]\n[http]\nlisten = [\"0.0.0.0:80\"]\n";
        let problems = Settings::parse(text, &[], Path::new("")).unwrap_err();
        let told: Vec<_> = problems.iter().map(|problem| problem.key.as_str()).collect();
        for key in ["stor", "gate.held", "gate.policy.listen", "intake.lmtp.recipients", "http.listen"] {
            assert!(told.contains(&key), "{key}: {told:?}");
        }
    }

    #[test]
    fn an_example_is_read() {
        let text = "store = \"a.db\"\n[gate.policy]\nlisten = [\"127.0.0.1:10040\"]\n[intake.lmtp]\nlisten = [\"unix:lmtp\"]\n\
                    recipients = [\"@bounces.example.org\", \"owner@example.org\"]\n";
        let settings = Settings::parse(text, &[], Path::new("/etc/abprall")).unwrap();
        assert_eq!(settings.store, "/etc/abprall/a.db");
        assert_eq!(settings.words(), "policy at 127.0.0.1:10040, lmtp at unix:lmtp");
        assert_eq!((settings.intake[0].domains.len(), settings.intake[0].addresses.len()), (1, 1));
    }

    #[test]
    #[cfg(not(feature = "otel"))]
    fn without_open_telemetry_nobody_waits_for_traces_in_vain() {
        let text = "[telemetry]\notlp = \"http://127.0.0.1:4318\"\n";
        let problems = Settings::parse(text, &[], Path::new("")).unwrap_err();
        assert!(problems[0].message.contains("--features otel"), "{problems:?}");
    }
}
