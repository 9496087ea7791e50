//! `[intake]`: the ways that bounces come in.

use std::path::{Path, PathBuf};

use abprall_mail::{Domain, EmailAddress};
use abprall_policy::settings::{Reader, Section};
use abprall_wire::smtp::HelloName;
use abprall_wire::smtp::server::{Protocol, TlsUse};

use super::places;
use crate::serve::intake::mail::Certificate;
use crate::serve::listen::Place;

/// One way for mail to come in.
#[derive(Clone, Debug)]
pub(in crate::serve) struct MailSettings {
    pub(in crate::serve) protocol: Protocol,
    pub(in crate::serve) listen: Vec<Place>,
    pub(in crate::serve) name: HelloName,
    pub(in crate::serve) domains: Vec<Domain>,
    pub(in crate::serve) addresses: Vec<EmailAddress>,
    pub(in crate::serve) tls: TlsUse,
    pub(in crate::serve) certificate: Option<CertificateFiles>,
    pub(in crate::serve) rate: ClientRate,
}

/// Where a certificate with its chain, and its private key, lie: PEM.
#[derive(Clone, Debug)]
pub(in crate::serve) struct CertificateFiles {
    pub(in crate::serve) chain: PathBuf,
    pub(in crate::serve) key: PathBuf,
}

/// What one client may do; 0 is no limit.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(in crate::serve) struct ClientRate {
    /// Connections that are open at the same time.
    pub(in crate::serve) connections: u32,
    pub(in crate::serve) connections_a_minute: u32,
    pub(in crate::serve) messages_a_minute: u32,
}

pub(super) fn take(
    reader: &mut Reader<'_>,
    intake: &mut Section<'_, '_>,
    folder: &Path,
) -> Vec<MailSettings> {
    let mut settings = Vec::new();
    for (name, protocol) in [("lmtp", Protocol::Lmtp), ("smtp", Protocol::Smtp)] {
        if let Some(mut section) = intake.section(reader, name) {
            settings.extend(take_mail(reader, &mut section, protocol, folder));
            section.finish(reader);
        }
    }
    settings
}

pub(super) fn protocol_word(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Smtp => "smtp",
        Protocol::Lmtp => "lmtp",
    }
}

fn take_mail(
    reader: &mut Reader<'_>,
    section: &mut Section<'_, '_>,
    protocol: Protocol,
    folder: &Path,
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
    let (certificate, tls) = take_tls(reader, section, folder);
    let mut rate = match protocol {
        Protocol::Smtp => PUBLIC_CLIENT,
        Protocol::Lmtp => ClientRate::default(),
    };
    for (name, target) in [
        ("connections", &mut rate.connections),
        ("connections_a_minute", &mut rate.connections_a_minute),
        ("messages_a_minute", &mut rate.messages_a_minute),
    ] {
        section.number(reader, name, target, 0..1_000_001);
    }
    Some(MailSettings { protocol, listen, name: name.ok()?, domains, addresses, tls, certificate, rate })
}

/// STARTTLS is offered where there is a certificate.
fn take_tls(
    reader: &mut Reader<'_>,
    section: &mut Section<'_, '_>,
    folder: &Path,
) -> (Option<CertificateFiles>, TlsUse) {
    let mut tls = None;
    let words = [("offered", Some(TlsUse::Offered)), ("required", Some(TlsUse::Required))];
    section.word(reader, "tls", &mut tls, &words);
    match (section.text(reader, "certificate"), section.text(reader, "key")) {
        (Some((chain, span)), Some((key, _))) => {
            let files = CertificateFiles { chain: folder.join(chain), key: folder.join(key) };
            if let Err(problem) = Certificate::read(&files) {
                reader.problem(span, &section.key("certificate"), format!("{problem:#}"));
            }
            (Some(files), tls.unwrap_or(TlsUse::Offered))
        }
        (None, None) => {
            if tls.is_some() {
                let hint = "TLS needs a certificate: certificate = \"chain.pem\", key = \"key.pem\"";
                reader.problem(0..0, &section.key("tls"), hint.to_owned());
            }
            (None, TlsUse::NotOffered)
        }
        (Some((_, span)), None) | (None, Some((_, span))) => {
            let hint =
                "a certificate and its key go together: certificate = \"chain.pem\", key = \"key.pem\"";
            reader.problem(span, &section.key("certificate"), hint.to_owned());
            (None, TlsUse::NotOffered)
        }
    }
}

/// What a client at a public port may do where nothing else is said: what a provider's mail servers need for a bounce a second each
/// and many more in a burst, and little enough that one of them cannot take all connections.
const PUBLIC_CLIENT: ClientRate =
    ClientRate { connections: 100, connections_a_minute: 600, messages_a_minute: 6_000 };
