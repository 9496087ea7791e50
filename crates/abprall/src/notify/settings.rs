//! `[notify.NAME]`: whom to tell what, and when.

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use abprall_mail::Language;
use abprall_policy::settings::{Reader, Section};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::tz::TimeZone;
use lettre::message::Mailbox;
use strum::VariantArray;

use super::timing::{Quiet, Timing};
use super::topic::Topic;

/// One way of telling people.
#[derive(Clone, Debug)]
pub(crate) struct NotifySettings {
    pub(super) name: String,
    pub(super) way: Way,
    pub(super) topics: Vec<Topic>,
    pub(super) language: Language,
    pub(super) timing: Timing,
}

#[derive(Clone, Debug)]
pub(super) enum Way {
    Mail(MailSettings),
    Webhook(WebhookSettings),
}

/// Through a relay.
#[derive(Clone)]
pub(super) struct MailSettings {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) encryption: Encryption,
    pub(super) login: Option<(String, String)>,
    pub(super) from: Mailbox,
    pub(super) to: Vec<Mailbox>,
}

impl std::fmt::Debug for MailSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MailSettings")
            .field("host", &self.host)
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Encryption {
    None,
    /// Where the relay offers it.
    Offered,
    StartTls,
    Tls,
}

/// To a program.
#[derive(Clone)]
pub(super) struct WebhookSettings {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) encrypted: bool,
    pub(super) authority: String,
    pub(super) path: String,
    pub(super) secret: Vec<u8>,
}

impl std::fmt::Debug for WebhookSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebhookSettings").field("host", &self.host).finish_non_exhaustive()
    }
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Kind {
    Mail,
    Webhook,
}

/// Reads all `[notify.NAME]`.
pub(crate) fn take(
    reader: &mut Reader<'_>,
    file: &mut Section<'_, '_>,
    folder: &Path,
) -> Vec<NotifySettings> {
    let mut all = Vec::new();
    for (name, mut section) in file.named(reader, "notify") {
        all.extend(one(reader, &mut section, name, folder));
        section.finish(reader);
    }
    all
}

fn one(
    reader: &mut Reader<'_>,
    section: &mut Section<'_, '_>,
    name: String,
    folder: &Path,
) -> Option<NotifySettings> {
    let mut kind = Kind::Mail;
    section.word(reader, "kind", &mut kind, &[("mail", Kind::Mail), ("webhook", Kind::Webhook)]);
    let mut language = Language::En;
    section.word(reader, "language", &mut language, &[("en", Language::En), ("de", Language::De)]);
    let topics = topics(reader, section);
    let timing = timing(reader, section);
    let way = match kind {
        Kind::Mail => mail(reader, section, folder).map(Way::Mail),
        Kind::Webhook => webhook(reader, section, folder).map(Way::Webhook),
    };
    Some(NotifySettings { name, way: way?, topics, language, timing })
}

fn topics(reader: &mut Reader<'_>, section: &mut Section<'_, '_>) -> Vec<Topic> {
    let mut topics = Vec::new();
    for (text, span) in section.texts(reader, "events") {
        match Topic::VARIANTS.iter().find(|topic| topic.as_str() == text) {
            Some(topic) => topics.push(*topic),
            None => {
                let all: Vec<_> = Topic::VARIANTS.iter().map(|topic| topic.as_str()).collect();
                reader.problem(
                    span,
                    &section.key("events"),
                    format!("{text:?} is none of {}", all.join(", ")),
                );
            }
        }
    }
    if topics.is_empty() { Topic::VARIANTS.to_vec() } else { topics }
}

fn timing(reader: &mut Reader<'_>, section: &mut Section<'_, '_>) -> Timing {
    let mut digest = Some(Duration::from_secs(600));
    section.duration_or(reader, "digest", &mut digest, "none");
    let mut at_most = 12;
    section.number(reader, "at_most_per_hour", &mut at_most, 1..3601);
    let mut zone = TimeZone::UTC;
    if let Some((name, span)) = section.text_or(reader, "time_zone", "UTC") {
        match TimeZone::get(&name) {
            Ok(found) => zone = found,
            Err(_) => reader.problem(
                span,
                &section.key("time_zone"),
                format!("{name:?} is no time zone; write \"Europe/Berlin\""),
            ),
        }
    }
    let mut quiet = None;
    if let Some((text, span)) = section.text(reader, "quiet") {
        quiet = Quiet::parse(&text, zone);
        if quiet.is_none() {
            let hint = format!("{text:?} is no part of the day; write \"22:00-07:00\"");
            reader.problem(span, &section.key("quiet"), hint);
        }
    }
    Timing { digest, quiet, at_most }
}

fn mail(reader: &mut Reader<'_>, section: &mut Section<'_, '_>, folder: &Path) -> Option<MailSettings> {
    let (relay, relay_span) =
        section.text_or(reader, "relay", "127.0.0.1:25").unwrap_or(("127.0.0.1:25".to_owned(), 0..0));
    let mut encryption = Encryption::Offered;
    let words = [
        ("none", Encryption::None),
        ("offered", Encryption::Offered),
        ("starttls", Encryption::StartTls),
        ("tls", Encryption::Tls),
    ];
    section.word(reader, "encryption", &mut encryption, &words);
    let usual = if encryption == Encryption::Tls { 465 } else { 25 };
    let place = host_and_port(&relay, usual);
    if place.is_none() {
        let hint = format!("{relay:?} is no relay; write \"mail.example.org:587\"");
        reader.problem(relay_span.clone(), &section.key("relay"), hint);
    }
    let user = section.text(reader, "user").map(|(user, _)| user);
    let password = secret(reader, section, ("password", "password_file"), folder).unwrap_or_default();
    let login = user.zip(password);
    if let (Some(_), Some((host, _)), Encryption::None | Encryption::Offered) = (&login, &place, encryption)
        && !is_here(host)
    {
        let hint =
            "a password must not go over the network in the clear: encryption = \"starttls\" or \"tls\""
                .to_owned();
        reader.problem(relay_span, &section.key("encryption"), hint);
    }
    let mailbox = |reader: &mut Reader<'_>, key: String, text: &str, span| match text.parse::<Mailbox>() {
        Ok(mailbox) => Some(mailbox),
        Err(_) => {
            reader.problem(span, &key, format!("{text:?} is no address; write \"abprall@example.org\""));
            None
        }
    };
    let (key, from) = (section.key("from"), section.text(reader, "from"));
    let from = match from {
        Some((text, span)) => mailbox(reader, key, &text, span),
        None => {
            reader.problem(0..0, &key, "who sends it is wanted: from = \"abprall@example.org\"".to_owned());
            None
        }
    };
    let (key, texts) = (section.key("to"), section.texts(reader, "to"));
    if texts.is_empty() {
        reader.problem(0..0, &key, "whom to tell is wanted: to = [\"postmaster@example.org\"]".to_owned());
    }
    let to = texts.into_iter().filter_map(|(text, span)| mailbox(reader, key.clone(), &text, span)).collect();
    let (host, port) = place?;
    Some(MailSettings { host, port, encryption, login, from: from?, to })
}

fn webhook(reader: &mut Reader<'_>, section: &mut Section<'_, '_>, folder: &Path) -> Option<WebhookSettings> {
    let (key, url) = (section.key("url"), section.text(reader, "url"));
    let secret = secret(reader, section, ("secret", "secret_file"), folder);
    let is_unreadable = secret.is_err();
    let secret = secret.unwrap_or_default();
    let bytes = secret.as_deref().and_then(|text| BASE64_STANDARD.decode(text.strip_prefix("whsec_")?).ok());
    let bytes = bytes.filter(|bytes| (24..=64).contains(&bytes.len()));
    if bytes.is_none() && !is_unreadable {
        let hint = "a key is wanted: whsec_ and 24 to 64 bytes in base64, `echo whsec_$(openssl rand -base64 32)` makes one";
        reader.problem(0..0, &section.key("secret"), hint.to_owned());
    }
    let Some((url, span)) = url else {
        reader.problem(0..0, &key, "where to is wanted: url = \"https://example.org/hook\"".to_owned());
        return None;
    };
    let settings = url.parse::<hyper::Uri>().ok().and_then(|uri| {
        let encrypted = match uri.scheme_str()? {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let host = uri.host()?.trim_start_matches('[').trim_end_matches(']').to_owned();
        let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        Some((
            host,
            uri.port_u16().unwrap_or(if encrypted { 443 } else { 80 }),
            encrypted,
            uri.authority()?.to_string(),
            path,
        ))
    });
    match settings {
        Some((host, port, encrypted, authority, path)) if encrypted || is_here(&host) => {
            Some(WebhookSettings { host, port, encrypted, authority, path, secret: bytes? })
        }
        Some(_) | None => {
            let hint = "an https:// address is wanted; http:// only on this machine".to_owned();
            reader.problem(span, &key, hint);
            None
        }
    }
}

/// The file of a secret cannot be read; that was said already.
struct Said;

/// A secret in the settings, or better in a file of its own.
fn secret(
    reader: &mut Reader<'_>,
    section: &mut Section<'_, '_>,
    (name, file): (&'static str, &'static str),
    folder: &Path,
) -> Result<Option<String>, Said> {
    let here = section.text(reader, name).map(|(text, _)| text);
    let Some((path, span)) = section.text(reader, file) else { return Ok(here) };
    let path = folder.join(path);
    match std::fs::read_to_string(&path) {
        Ok(text) => {
            let text = text.trim().to_owned();
            reader.keep_secret(&text);
            Ok(Some(text))
        }
        Err(error) => {
            reader.problem(span, &section.key(file), format!("cannot read {}: {error}", path.display()));
            Err(Said)
        }
    }
}

fn host_and_port(text: &str, usual: u16) -> Option<(String, u16)> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some((address.to_string(), usual));
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().ok()?),
        None => (text, usual),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    (!host.is_empty()).then(|| (host.to_owned(), port))
}

/// Nothing leaves this machine.
fn is_here(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
