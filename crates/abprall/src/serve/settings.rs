//! `abprall.toml`: where bounces come in, who may ask, where it is remembered. Everything that is wrong is said at once.

use std::fmt;
use std::path::{Path, PathBuf};

use abprall_mail::{Domain, EmailAddress};
use abprall_policy::Policy;
use abprall_policy::settings::{Problem, Reader, Section, read};
use abprall_store::Audience;
use abprall_wire::smtp::HelloName;
use abprall_wire::smtp::server::Protocol;

use super::gate::Question;
use super::listen::Place;
use crate::policy_file;

/// All that the server is told.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(super) store: String,
    pub(super) index: Option<PathBuf>,
    pub(super) policy: Policy,
    pub(super) rules: Vec<PathBuf>,
    pub(super) audience: Audience,
    pub(super) http: Vec<Place>,
    pub(super) gate: GateSettings,
    pub(super) intake: Vec<MailSettings>,
}

/// How senders ask, and what they hear.
#[derive(Clone, Debug, Default)]
pub(super) struct GateSettings {
    policy: Vec<Place>,
    socketmap: Vec<Place>,
    tcp_table: Vec<Place>,
    pub(super) held: WhenHeld,
    pub(super) on_failure: OnFailure,
}

impl GateSettings {
    pub(super) fn listeners(&self) -> [(&[Place], Question); 3] {
        [
            (&self.policy, Question::Policy),
            (&self.socketmap, Question::Socketmap),
            (&self.tcp_table, Question::TcpTable),
        ]
    }
}

/// What a sender hears about an address that is stopped for now.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum WhenHeld {
    /// No, for good: the mail comes back at once. What lists want.
    #[default]
    Refuse,
    /// Not now: the mail server keeps the mail and asks again.
    Defer,
}

/// What a sender hears when the index says "perhaps stopped" and the database does not answer.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum OnFailure {
    /// Not now.
    #[default]
    Defer,
    /// Go on.
    Accept,
}

/// One way for mail to come in.
#[derive(Clone, Debug)]
pub(super) struct MailSettings {
    pub(super) protocol: Protocol,
    pub(super) listen: Vec<Place>,
    pub(super) name: HelloName,
    pub(super) domains: Vec<Domain>,
    pub(super) addresses: Vec<EmailAddress>,
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
            http: Vec::new(),
            gate: GateSettings::default(),
            intake: Vec::new(),
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
            let protocol = protocol_word(mail.protocol);
            parts.extend(mail.listen.iter().map(|place| format!("{protocol} at {place}")));
        }
        parts.extend(self.http.iter().map(|place| format!("HTTP at {place}")));
        if parts.is_empty() {
            "nothing: abprall.toml names no place to listen".to_owned()
        } else {
            parts.join(", ")
        }
    }
}

fn protocol_word(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Smtp => "smtp",
        Protocol::Lmtp => "lmtp",
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
        settings.http = places(reader, &mut http);
        for place in &settings.http {
            let Place::Tcp(address) = place else { continue };
            if !address.ip().is_loopback() {
                let hint = format!(
                    "{address} can be reached from outside, and there are no keys yet: listen at a loopback address or a unix socket"
                );
                reader.problem(0..0, "http.listen", hint);
            }
        }
        http.finish(reader);
    }
    if let Some(mut gate) = file.section(reader, "gate") {
        take_gate(&mut settings.gate, reader, &mut gate);
        gate.finish(reader);
    }
    if let Some(mut intake) = file.section(reader, "intake") {
        for (name, protocol) in [("lmtp", Protocol::Lmtp), ("smtp", Protocol::Smtp)] {
            if let Some(mut section) = intake.section(reader, name) {
                settings.intake.extend(take_mail(reader, &mut section, protocol));
                section.finish(reader);
            }
        }
        intake.finish(reader);
    }
}

fn take_gate(gate: &mut GateSettings, reader: &mut Reader<'_>, section: &mut Section<'_, '_>) {
    let held = [("refuse", WhenHeld::Refuse), ("defer", WhenHeld::Defer)];
    section.word(reader, "held", &mut gate.held, &held);
    let on_failure = [("defer", OnFailure::Defer), ("accept", OnFailure::Accept)];
    section.word(reader, "on_failure", &mut gate.on_failure, &on_failure);
    for (name, places_of) in
        [("policy", &mut gate.policy), ("socketmap", &mut gate.socketmap), ("tcp_table", &mut gate.tcp_table)]
    {
        if let Some(mut below) = section.section(reader, name) {
            *places_of = places(reader, &mut below);
            below.finish(reader);
        }
    }
}

fn take_mail(
    reader: &mut Reader<'_>,
    section: &mut Section<'_, '_>,
    protocol: Protocol,
) -> Option<MailSettings> {
    let listen = places(reader, section);
    let word = protocol_word(protocol);
    let (name, span) = section.text(reader, "name").unwrap_or(("localhost".to_owned(), 0..0));
    let name = HelloName::parse(&name);
    if name.is_err() {
        reader.problem(
            span,
            &section.key("name"),
            "a host name is wanted, such as bounces.example.org".to_owned(),
        );
    }
    let (mut domains, mut addresses) = (Vec::new(), Vec::new());
    for (text, span) in section.texts(reader, "recipients") {
        if let Some(domain) = text.strip_prefix('@') {
            match Domain::parse(domain) {
                Ok(domain) => domains.push(domain),
                Err(error) => reader.problem(span, &section.key("recipients"), error.to_string()),
            }
        } else {
            match EmailAddress::parse(&text) {
                Ok(address) => addresses.push(address),
                Err(error) => reader.problem(
                    span,
                    &section.key("recipients"),
                    format!("{error}; write \"bounces@example.org\", or \"@bounces.example.org\" for a whole domain"),
                ),
            }
        }
    }
    if domains.is_empty() && addresses.is_empty() {
        let hint = format!("whose mail is taken by {word} is wanted: recipients = [\"bounces@example.org\"]");
        reader.problem(0..0, &section.key("recipients"), hint);
    }
    Some(MailSettings { protocol, listen, name: name.ok()?, domains, addresses })
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
