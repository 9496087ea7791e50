//! What belongs to one kind of target.

use std::path::Path;
use std::time::Duration;

use abprall_policy::settings::{Reader, Section};
use abprall_store::DomainEvents;

use super::http::take_http;
use super::secret::{secret, wanted};
use super::{
    FileFormat, FileSettings, Kind, ListmonkSettings, MailmanSettings, MauticSettings, RedisSettings,
    SqlSettings, WebhookSettings,
};
use crate::sync::phplist;
use crate::sync::sql::{Placeholders, SqlPlace, Template};
use crate::sync::target::Holds;
use crate::sync::webhook::SigningSecret;

/// The kinds, as they are written.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum Word {
    Webhook,
    Sql,
    Listmonk,
    Mailman,
    Mautic,
    Phplist,
    File,
    Redis,
}

pub(super) const WORDS: [(&str, Word); 8] = [
    ("webhook", Word::Webhook),
    ("sql", Word::Sql),
    ("listmonk", Word::Listmonk),
    ("mailman", Word::Mailman),
    ("mautic", Word::Mautic),
    ("phplist", Word::Phplist),
    ("file", Word::File),
    ("redis", Word::Redis),
];

/// What all kinds need to know.
pub(super) struct Context<'a> {
    pub(super) folder: &'a Path,
    pub(super) timeout: Duration,
}

/// `None`: something is wrong with it, and said.
pub(super) fn take(
    reader: &mut Reader<'_>,
    section: &mut Section<'_, '_>,
    word: Word,
    context: &Context<'_>,
) -> Taken {
    match word {
        Word::Webhook => take_webhook(reader, section, context),
        Word::Sql => take_sql(reader, section, context),
        Word::Listmonk => take_listmonk(reader, section, context),
        Word::Mailman => take_mailman(reader, section, context),
        Word::Mautic => take_mautic(reader, section, context),
        Word::Phplist => take_phplist(reader, section, context),
        Word::File => take_file(reader, section, context),
        Word::Redis => take_redis(reader, section, context),
    }
}

/// The settings of a kind, and what it makes of a whole domain.
type Taken = Option<(Kind, DomainEvents)>;

fn take_webhook(reader: &mut Reader<'_>, section: &mut Section<'_, '_>, context: &Context<'_>) -> Taken {
    let http = take_http(reader, section, context);
    let domains = take_domains(reader, section);
    let (secret, span) = secret(reader, section, ("secret", "secret_file"), context)?;
    let secret = SigningSecret::parse(secret.reveal());
    if secret.is_none() {
        let message = "a secret is \"whsec_\" and base64 of 24 to 64 random bytes: echo whsec_$(openssl rand -base64 32)";
        reader.problem(span, &section.key("secret"), message.to_owned());
    }
    Some((Kind::Webhook(WebhookSettings { http: http?, secret: secret? }), domains))
}

fn take_domains(reader: &mut Reader<'_>, section: &mut Section<'_, '_>) -> DomainEvents {
    let mut domains = DomainEvents::Whole;
    let words = [("whole", DomainEvents::Whole), ("addresses", DomainEvents::ByAddress)];
    section.word(reader, "domains", &mut domains, &words);
    domains
}

fn take_sql(reader: &mut Reader<'_>, section: &mut Section<'_, '_>, context: &Context<'_>) -> Taken {
    let place = sql_place(reader, section, context, "postgres://…, mysql://… or sqlite:PATH");
    let placeholders = place.as_ref().map_or(Placeholders::Question, SqlPlace::placeholders);
    let stop = statements(reader, section, "stop", placeholders);
    let release = statements(reader, section, "release", placeholders);
    for (name, statements) in [("stop", &stop), ("release", &release)] {
        if statements.is_empty() {
            let message = "a statement is wanted: what is undone has to be undone there as well".to_owned();
            let span = section.place(name);
            reader.problem(span, &section.key(name), message);
        }
    }
    let domain_stop = statements(reader, section, "domain_stop", placeholders);
    let domain_release = statements(reader, section, "domain_release", placeholders);
    if domain_stop.is_empty() != domain_release.is_empty() {
        let span = section.place("domain_stop");
        let message = "`domain_stop` and `domain_release` belong together".to_owned();
        reader.problem(span, &section.key("domain_stop"), message);
    }
    let verify = section.text(reader, "verify").map(|(text, _)| text);
    let mut holds = Holds::Members;
    section.word(reader, "table", &mut holds, &[("members", Holds::Members), ("stops", Holds::Stops)]);
    let domains = if domain_stop.is_empty() { DomainEvents::ByAddress } else { DomainEvents::Whole };
    let settings = SqlSettings { place: place?, stop, release, domain_stop, domain_release, verify, holds };
    Some((Kind::Sql(settings), domains))
}

fn sql_place(
    reader: &mut Reader<'_>,
    section: &mut Section<'_, '_>,
    context: &Context<'_>,
    wanted: &str,
) -> Option<SqlPlace> {
    let (url, span) = secret(reader, section, ("url", "url_file"), context)?;
    let place = SqlPlace::parse(url.reveal().trim(), context.folder);
    if place.is_none() {
        // The text itself may hold a password.
        reader.problem(span, &section.key("url"), format!("a database is wanted: {wanted}"));
    }
    place
}

fn statements(
    reader: &mut Reader<'_>,
    section: &mut Section<'_, '_>,
    name: &'static str,
    placeholders: Placeholders,
) -> Vec<Template> {
    let mut templates = Vec::new();
    for (text, span) in section.text_or_texts(reader, name) {
        match Template::parse(&text, placeholders) {
            Ok(template) => templates.push(template),
            Err(unknown) => reader.problem(span, &section.key(name), unknown.to_string()),
        }
    }
    templates
}

fn take_listmonk(reader: &mut Reader<'_>, section: &mut Section<'_, '_>, context: &Context<'_>) -> Taken {
    let http = take_http(reader, section, context);
    let user = wanted(reader, section, "user");
    let (token, _) = secret(reader, section, ("token", "token_file"), context)?;
    let settings = ListmonkSettings { http: http?, user: user?, token };
    Some((Kind::Listmonk(settings), DomainEvents::ByAddress))
}

fn take_mailman(reader: &mut Reader<'_>, section: &mut Section<'_, '_>, context: &Context<'_>) -> Taken {
    let http = take_http(reader, section, context);
    let user = section.text(reader, "user").map_or("restadmin".to_owned(), |(text, _)| text);
    let lists = section.texts(reader, "list_ids").into_iter().map(|(text, _)| text).collect();
    let (password, _) = secret(reader, section, ("password", "password_file"), context)?;
    let settings = MailmanSettings { http: http?, user, password, lists };
    Some((Kind::Mailman(settings), DomainEvents::ByAddress))
}

fn take_mautic(reader: &mut Reader<'_>, section: &mut Section<'_, '_>, context: &Context<'_>) -> Taken {
    let http = take_http(reader, section, context);
    let user = wanted(reader, section, "user");
    let (password, _) = secret(reader, section, ("password", "password_file"), context)?;
    let settings = MauticSettings { http: http?, user: user?, password };
    Some((Kind::Mautic(settings), DomainEvents::ByAddress))
}

fn take_phplist(reader: &mut Reader<'_>, section: &mut Section<'_, '_>, context: &Context<'_>) -> Taken {
    let place = sql_place(reader, section, context, "mysql://…");
    let prefix = section.text(reader, "prefix").map_or("phplist_".to_owned(), |(text, _)| text);
    let users = section.text(reader, "user_prefix").map_or("phplist_user_".to_owned(), |(text, _)| text);
    let place = place?;
    if !matches!(place, SqlPlace::Mysql(_)) {
        let span = section.place("url");
        reader.problem(span, &section.key("url"), "phpList keeps its lists in MySQL: mysql://…".to_owned());
        return None;
    }
    let Some(settings) = phplist::statements(place, &prefix, &users) else {
        let span = section.place("prefix");
        reader.problem(span, &section.key("prefix"), "letters, digits and _ are wanted".to_owned());
        return None;
    };
    Some((Kind::Sql(settings), DomainEvents::ByAddress))
}

fn take_file(reader: &mut Reader<'_>, section: &mut Section<'_, '_>, context: &Context<'_>) -> Taken {
    let path = wanted(reader, section, "path");
    let mut format = FileFormat::Ndjson;
    section.word(reader, "format", &mut format, &[("ndjson", FileFormat::Ndjson), ("csv", FileFormat::Csv)]);
    let domains = take_domains(reader, section);
    let settings = FileSettings { path: context.folder.join(path?), format };
    Some((Kind::File(settings), domains))
}

fn take_redis(reader: &mut Reader<'_>, section: &mut Section<'_, '_>, context: &Context<'_>) -> Taken {
    let key = wanted(reader, section, "key");
    let domain_key = section.text(reader, "domain_key").map(|(text, _)| text);
    let (url, span) = secret(reader, section, ("url", "url_file"), context)?;
    let is_url = ::redis::Client::open(url.reveal()).is_ok();
    if !is_url {
        let message =
            "a server is wanted: redis://[user:password@]host[:port][/database] or unix:PATH".to_owned();
        reader.problem(span, &section.key("url"), message);
        return None;
    }
    let domains = if domain_key.is_some() { DomainEvents::Whole } else { DomainEvents::ByAddress };
    Some((Kind::Redis(RedisSettings { url, key: key?, domain_key }), domains))
}
