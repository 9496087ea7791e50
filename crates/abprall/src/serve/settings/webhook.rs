//! `[intake.webhook.NAME]`: services that post events.

use std::path::Path;

use abprall_bounce::limits::WEBHOOK_BYTES_MAX;
use abprall_bounce::webhook::Provider;
use abprall_bounce::webhook::signature::{SignatureError, postal, sendgrid, svix};
use abprall_policy::settings::{Reader, Section};
use abprall_store::Audience;
use ipnet::IpNet;
use jiff::Timestamp;

use super::log::audience;
use super::secret::{self, Names, Said, Secret};
use crate::serve::limits::HOOK_ONE_EVENT_BYTES_MAX;

/// A service that posts to `/hooks/NAME`.
#[derive(Clone, Debug)]
pub(in crate::serve) struct WebhookSettings {
    pub(in crate::serve) name: String,
    pub(in crate::serve) service: Provider,
    pub(in crate::serve) proof: Proof,
    pub(in crate::serve) credentials: Credentials,
    pub(in crate::serve) bytes_max: usize,
    pub(in crate::serve) audience: Option<Audience>,
}

/// What shows that a post is the service's own.
#[derive(Clone, Debug)]
pub(in crate::serve) enum Proof {
    /// Nothing: the operator says so, or the credentials do.
    None,
    Sendgrid(Secret),
    Mailgun(Secret),
    /// With the URL that Mandrill was given.
    Mandrill(Secret, String),
    Svix(Secret),
    Postal(Secret),
    Sns(SnsSettings),
}

/// Which topics are taken, and where their certificates come from.
#[derive(Clone, Debug)]
pub(in crate::serve) struct SnsSettings {
    pub(in crate::serve) topics: Vec<String>,
    /// Signatures are checked.
    pub(in crate::serve) signed: bool,
    /// Stands in for Amazon's own hosts.
    pub(in crate::serve) endpoint: Option<String>,
    pub(in crate::serve) allow_network: Vec<IpNet>,
}

/// What a post has to show besides, or where a service signs nothing.
#[derive(Clone, Debug, Default)]
pub(in crate::serve) struct Credentials {
    pub(in crate::serve) basic: Option<(String, Secret)>,
    pub(in crate::serve) token: Option<(TokenIn, Secret)>,
}

/// Where a token stands.
#[derive(Clone, Debug)]
pub(in crate::serve) enum TokenIn {
    /// `Authorization: Bearer …`
    Bearer,
    /// A header of its own.
    Header(String),
}

const SERVICES: [(&str, Provider); 11] = [
    ("ses", Provider::Ses),
    ("sendgrid", Provider::Sendgrid),
    ("mailgun", Provider::Mailgun),
    ("postmark", Provider::Postmark),
    ("sparkpost", Provider::Sparkpost),
    ("brevo", Provider::Brevo),
    ("mailjet", Provider::Mailjet),
    ("mandrill", Provider::Mandrill),
    ("resend", Provider::Resend),
    ("postal", Provider::Postal),
    ("kumomta", Provider::Kumomta),
];

pub(super) fn take(
    reader: &mut Reader<'_>,
    intake: &mut Section<'_, '_>,
    folder: &Path,
    all: &Audience,
) -> Vec<WebhookSettings> {
    let sections = intake.named(reader, "webhook");
    let one = |(name, section): (String, _)| take_one(reader, name, section, folder, all);
    sections.into_iter().filter_map(one).collect()
}

fn take_one(
    reader: &mut Reader<'_>,
    name: String,
    mut section: Section<'_, '_>,
    folder: &Path,
    all: &Audience,
) -> Option<WebhookSettings> {
    if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)) {
        let hint = format!("{name:?} becomes a part of the URL: letters, digits and hyphens are wanted");
        reader.problem(0..0, &section.key(""), hint);
    }
    let service = take_service(reader, &mut section);
    let credentials = take_credentials(reader, &mut section, folder);
    let is_open = unsigned(reader, &mut section);
    let audience = audience(reader, &mut section, all);
    let mut bytes_max = default_bytes(service?);
    section.number(reader, "bytes_max", &mut bytes_max, 1024..u32::try_from(WEBHOOK_BYTES_MAX).ok()? + 1);
    // A login that is named but cannot be read is no missing one.
    let has_login = credentials.as_ref().map_or(true, |login| login.basic.is_some() || login.token.is_some());
    let proof = take_proof(reader, &mut section, service?, has_login, is_open, folder);
    section.finish(reader);
    let (service, bytes_max) = (service?, usize::try_from(bytes_max).ok()?);
    Some(WebhookSettings {
        name,
        service,
        proof: proof?,
        credentials: credentials.ok()?,
        bytes_max,
        audience,
    })
}

fn take_service(reader: &mut Reader<'_>, section: &mut Section<'_, '_>) -> Option<Provider> {
    let mut service = None;
    section.word(reader, "service", &mut service, &SERVICES.map(|(word, service)| (word, Some(service))));
    if service.is_none() {
        let words = SERVICES.map(|(word, _)| word).join(", ");
        reader.problem(0..0, &section.key("service"), format!("who posts is wanted, one of {words}"));
    }
    service
}

/// Services that post one event at a time never need more; the others may post thousands.
fn default_bytes(service: Provider) -> u32 {
    let bytes = match service {
        Provider::Ses | Provider::Mailgun | Provider::Postmark | Provider::Resend | Provider::Postal => {
            HOOK_ONE_EVENT_BYTES_MAX
        }
        Provider::Sendgrid
        | Provider::Sparkpost
        | Provider::Brevo
        | Provider::Mailjet
        | Provider::Mandrill
        | Provider::Kumomta
        | Provider::Abprall => WEBHOOK_BYTES_MAX,
    };
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

fn unsigned(reader: &mut Reader<'_>, section: &mut Section<'_, '_>) -> bool {
    let mut accept = false;
    section.word(reader, "unsigned", &mut accept, &[("refuse", false), ("accept", true)]);
    accept
}

fn take_credentials(
    reader: &mut Reader<'_>,
    section: &mut Section<'_, '_>,
    folder: &Path,
) -> Result<Credentials, Said> {
    const PASSWORD: Names = Names { value: "password", file: "password_file", variable: "password_env" };
    const TOKEN: Names = Names { value: "token", file: "token_file", variable: "token_env" };
    let user = section.text(reader, "user");
    let password = secret::take(reader, section, &PASSWORD, folder);
    let basic = match (user, password) {
        (Some((user, _)), Ok(Some(password))) => Ok(Some((user, password))),
        (None, Ok(None)) => Ok(None),
        (_, Err(said)) => Err(said),
        (Some((_, span)), Ok(None)) => {
            reader.problem(span, &section.key("user"), "a password is wanted too".to_owned());
            Err(Said)
        }
        (None, Ok(Some(_))) => {
            reader.problem(0..0, &section.key("password"), "a user is wanted too".to_owned());
            Err(Said)
        }
    };
    let header = section.text(reader, "token_header");
    let token = secret::take(reader, section, &TOKEN, folder);
    if let Some((header, span)) = &header
        && axum::http::HeaderName::from_bytes(header.as_bytes()).is_err()
    {
        reader.problem(
            span.clone(),
            &section.key("token_header"),
            format!("{header:?} is no name of a header"),
        );
    }
    if matches!((&basic, &token), (Ok(Some(_)), Ok(Some(_)))) && header.is_none() {
        let hint = "comes in the same header as user and password: name another one with token_header";
        reader.problem(0..0, &section.key("token"), hint.to_owned());
    }
    let token = match (token, header) {
        (Ok(Some(token)), Some((header, _))) => {
            Ok(Some((TokenIn::Header(header.to_ascii_lowercase()), token)))
        }
        (Ok(Some(token)), None) => Ok(Some((TokenIn::Bearer, token))),
        (Err(said), _) => Err(said),
        (Ok(None), Some((_, span))) => {
            reader.problem(span, &section.key("token_header"), "a token is wanted too".to_owned());
            Err(Said)
        }
        (Ok(None), None) => Ok(None),
    };
    Ok(Credentials { basic: basic?, token: token? })
}

fn take_proof(
    reader: &mut Reader<'_>,
    section: &mut Section<'_, '_>,
    service: Provider,
    has_login: bool,
    is_open: bool,
    folder: &Path,
) -> Option<Proof> {
    const KEY: Names = Names { value: "key", file: "key_file", variable: "key_env" };
    let (what, make): (_, fn(Secret) -> Proof) = match service {
        Provider::Ses => return take_sns(reader, section, is_open).map(Proof::Sns),
        Provider::Mandrill => {
            let url = section.text(reader, "url").map(|(url, _)| url);
            let key = secret::take(reader, section, &KEY, folder).ok()?;
            return match (key, url) {
                (Some(key), Some(url)) => Some(Proof::Mandrill(key, url)),
                (Some(_), None) => {
                    let hint =
                        "the very URL that was given to Mandrill is wanted: it is signed with the rest";
                    reader.problem(0..0, &section.key("url"), hint.to_owned());
                    None
                }
                (None, _) if is_open => Some(Proof::None),
                (None, _) => missing(reader, section, "key", "Mandrill's webhook key"),
            };
        }
        Provider::Sendgrid => ("SendGrid's verification key", Proof::Sendgrid),
        Provider::Mailgun => ("Mailgun's HTTP webhook signing key", Proof::Mailgun),
        Provider::Resend => ("Resend's signing secret (whsec_…)", Proof::Svix),
        Provider::Postal => ("the public key of the Postal server", Proof::Postal),
        Provider::Postmark
        | Provider::Sparkpost
        | Provider::Brevo
        | Provider::Mailjet
        | Provider::Kumomta
        | Provider::Abprall => {
            if has_login || is_open {
                return Some(Proof::None);
            }
            let what = format!("{service} signs nothing: user and password, or a token,");
            return missing(reader, section, "user", &what);
        }
    };
    let Some(key) = secret::take(reader, section, &KEY, folder).ok()? else {
        return if is_open { Some(Proof::None) } else { missing(reader, section, "key", what) };
    };
    let proof = make(key);
    if !is_usable(&proof) {
        reader.problem(0..0, &section.key("key"), format!("this is not {what}"));
        return None;
    }
    Some(proof)
}

fn missing(reader: &mut Reader<'_>, section: &Section<'_, '_>, key: &str, what: &str) -> Option<Proof> {
    let hint = format!("{what} is wanted; or write unsigned = \"accept\", and anybody may post here");
    reader.problem(0..0, &section.key(key), hint);
    None
}

/// Whether the key can be read; what it signed is another question.
fn is_usable(proof: &Proof) -> bool {
    let (now, some) = (Timestamp::UNIX_EPOCH, Some("AA=="));
    let tried = match proof {
        Proof::Sendgrid(key) => sendgrid::check(key.reveal(), some, Some("1"), b"", now, None),
        Proof::Postal(key) => postal::check(key.reveal(), some, None, b""),
        Proof::Svix(key) => {
            let headers = svix::Headers { id: some, timestamp: Some("1"), signature: some };
            svix::check(&[key.reveal()], headers, b"", now, None)
        }
        Proof::None | Proof::Mailgun(_) | Proof::Mandrill(..) | Proof::Sns(_) => return true,
    };
    tried != Err(SignatureError::BadKey)
}

fn take_sns(reader: &mut Reader<'_>, section: &mut Section<'_, '_>, is_open: bool) -> Option<SnsSettings> {
    let topics = section.texts(reader, "topics");
    for (topic, span) in &topics {
        if !topic.starts_with("arn:") {
            let hint = format!("{topic:?} is no topic: it begins with arn:aws:sns:");
            reader.problem(span.clone(), &section.key("topics"), hint);
        }
    }
    // Amazon signs for everybody: without this, anybody could subscribe us to a topic of his own.
    if topics.is_empty() && !is_open {
        let hint = "the topics that may post here are wanted: topics = [\"arn:aws:sns:eu-central-1:123456789012:bounces\"]";
        reader.problem(0..0, &section.key("topics"), hint.to_owned());
    }
    let mut allow_network = Vec::new();
    for (text, span) in section.texts(reader, "allow_network") {
        match text.parse() {
            Ok(network) => allow_network.push(network),
            Err(_) => {
                let hint = format!("{text:?} is no network such as 10.0.0.0/8");
                reader.problem(span, &section.key("allow_network"), hint);
            }
        }
    }
    let endpoint = section.text(reader, "sns_endpoint");
    if let Some((endpoint, span)) = &endpoint
        && !is_endpoint(endpoint, &allow_network)
    {
        let hint =
            "is for tests and private clouds only: http://127.0.0.1:PORT, or https:// with its allow_network";
        reader.problem(span.clone(), &section.key("sns_endpoint"), hint.to_owned());
    }
    Some(SnsSettings {
        topics: topics.into_iter().map(|(topic, _)| topic).collect(),
        signed: !is_open,
        endpoint: endpoint.map(|(endpoint, _)| endpoint.trim_end_matches('/').to_owned()),
        allow_network,
    })
}

fn is_endpoint(endpoint: &str, allow_network: &[IpNet]) -> bool {
    if let Some(place) = endpoint.strip_prefix("http://") {
        let address = place.trim_end_matches('/').parse::<std::net::SocketAddr>();
        return address.is_ok_and(|address| address.ip().is_loopback());
    }
    endpoint.starts_with("https://") && !allow_network.is_empty()
}
