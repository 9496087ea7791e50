//! `[intake]`: the ways that bounces come in.

use abprall_mail::{Domain, EmailAddress};
use abprall_policy::settings::{Reader, Section};
use abprall_wire::smtp::HelloName;
use abprall_wire::smtp::server::Protocol;

use super::places;
use crate::serve::listen::Place;

/// One way for mail to come in.
#[derive(Clone, Debug)]
pub(in crate::serve) struct MailSettings {
    pub(in crate::serve) protocol: Protocol,
    pub(in crate::serve) listen: Vec<Place>,
    pub(in crate::serve) name: HelloName,
    pub(in crate::serve) domains: Vec<Domain>,
    pub(in crate::serve) addresses: Vec<EmailAddress>,
}

pub(super) fn take(reader: &mut Reader<'_>, intake: &mut Section<'_, '_>) -> Vec<MailSettings> {
    let mut settings = Vec::new();
    for (name, protocol) in [("lmtp", Protocol::Lmtp), ("smtp", Protocol::Smtp)] {
        if let Some(mut section) = intake.section(reader, name) {
            settings.extend(take_mail(reader, &mut section, protocol));
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
) -> Option<MailSettings> {
    let listen = places(reader, section);
    let word = protocol_word(protocol);
    let (name, span) = section.text_or(reader, "name", "localhost").unwrap_or(("localhost".to_owned(), 0..0));
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
