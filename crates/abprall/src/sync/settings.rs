use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use abprall_mail::Reason;
use abprall_policy::settings::{Reader, Section};
use abprall_route::special_use;
use abprall_store::{Audience, DomainEvents, Hears, OutboxRules, OutboxStart};
use hyper::Uri;
use ipnet::IpNet;

use super::file::{FileFormat, FileSettings};
use super::http::HttpSettings;
use super::limits;
use super::listmonk::ListmonkSettings;
use super::mailman::MailmanSettings;
use super::mautic::MauticSettings;
use super::phplist;
use super::redis::RedisSettings;
use super::sql::{Placeholders, SqlPlace, SqlSettings, Template};
use super::target::Holds;
use super::webhook::{SigningSecret, WebhookSettings};

/// One `[sync.NAME]`.
#[derive(Clone, Debug)]
pub(crate) struct TargetSettings {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) rules: OutboxRules,
    pub(super) start: OutboxStart,
    pub(super) batch: u32,
    pub(super) attempts: u32,
    pub(super) retry_min: Duration,
    pub(super) retry_max: Duration,
    pub(super) timeout: Duration,
    pub(super) lease: Duration,
}

/// What is told, and where.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Webhook(WebhookSettings),
    Sql(SqlSettings),
    Listmonk(ListmonkSettings),
    Mailman(MailmanSettings),
    Mautic(MauticSettings),
    File(FileSettings),
    Redis(RedisSettings),
}

impl Kind {
    /// A list keeps how somebody stands; the others are told of every decision.
    pub(super) fn is_list(&self) -> bool {
        match self {
            Self::Webhook(_) | Self::File(_) => false,
            Self::Sql(_) | Self::Listmonk(_) | Self::Mailman(_) | Self::Mautic(_) | Self::Redis(_) => true,
        }
    }

    /// Whether an event for one tenant or list can be told from one for another.
    fn tells_audiences(&self) -> bool {
        match self {
            Self::Webhook(_) | Self::File(_) | Self::Sql(_) => true,
            Self::Listmonk(_) | Self::Mailman(_) | Self::Mautic(_) | Self::Redis(_) => false,
        }
    }

    /// Its word.
    pub(crate) fn as_str(&self) -> &'static str {
        match self {
            Self::Webhook(_) => "webhook",
            Self::Sql(_) => "sql",
            Self::Listmonk(_) => "listmonk",
            Self::Mailman(_) => "mailman",
            Self::Mautic(_) => "mautic",
            Self::File(_) => "file",
            Self::Redis(_) => "redis",
        }
    }
}

/// What nobody may read by accident.
#[derive(Clone)]
pub(crate) struct Secret(String);

impl Secret {
    pub(super) fn new(text: String) -> Self {
        Self(text)
    }

    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// For everybody's mail.
const ALL: &str = "*";

/// The kinds, as they are written.
#[derive(Clone, Copy)]
enum Word {
    Webhook,
    Sql,
    Listmonk,
    Mailman,
    Mautic,
    Phplist,
    File,
    Redis,
}

const WORDS: [(&str, Word); 8] = [
    ("webhook", Word::Webhook),
    ("sql", Word::Sql),
    ("listmonk", Word::Listmonk),
    ("mailman", Word::Mailman),
    ("mautic", Word::Mautic),
    ("phplist", Word::Phplist),
    ("file", Word::File),
    ("redis", Word::Redis),
];

/// Reads `[sync]` with all targets below it. Relative paths begin at `folder`; what is not said of an audience is that of `whose`.
pub(crate) fn take(
    reader: &mut Reader<'_>,
    sync: Section<'_, '_>,
    folder: &Path,
    whose: &Audience,
) -> Vec<TargetSettings> {
    let key = sync.key("NAME");
    let sections = sync.sections(reader);
    if sections.len() > limits::TARGETS_MAX {
        let message = format!("at most {} targets", limits::TARGETS_MAX);
        reader.problem(0..0, &key, message);
    }
    let mut targets = Vec::new();
    for (name, mut section) in sections {
        let target = take_target(reader, &mut section, name, folder, whose);
        // What belongs to a kind is not known where the kind is not.
        if target.is_some() {
            section.finish(reader);
        }
        targets.extend(target);
    }
    targets
}

fn take_target(
    reader: &mut Reader<'_>,
    section: &mut Section<'_, '_>,
    name: String,
    folder: &Path,
    whose: &Audience,
) -> Option<TargetSettings> {
    let mut word = None;
    let words: Vec<_> = WORDS.iter().map(|(text, word)| (*text, Some(*word))).collect();
    if section.place("kind") == (0..0) {
        let names: Vec<_> = WORDS.iter().map(|(text, _)| *text).collect();
        reader.problem(0..0, &section.key("kind"), format!("it is wanted: one of {}", names.join(", ")));
    }
    section.word(reader, "kind", &mut word, &words);
    let word = word?;
    let mut target = TargetSettings {
        name,
        // Stands in until its own is read.
        kind: Kind::File(FileSettings { path: PathBuf::new(), format: FileFormat::Ndjson }),
        rules: OutboxRules::all(),
        start: OutboxStart::First,
        batch: limits::BATCH,
        attempts: limits::ATTEMPTS,
        retry_min: limits::RETRY_MIN,
        retry_max: limits::RETRY_MAX,
        timeout: limits::TIMEOUT,
        lease: limits::LEASE,
    };
    take_pace(reader, section, &mut target);
    let context = Context { folder, timeout: target.timeout };
    let (kind, domains) = match word {
        Word::Webhook => take_webhook(reader, section, &context),
        Word::Sql => take_sql(reader, section, &context),
        Word::Listmonk => take_listmonk(reader, section, &context),
        Word::Mailman => take_mailman(reader, section, &context),
        Word::Mautic => take_mautic(reader, section, &context),
        Word::Phplist => take_phplist(reader, section, &context),
        Word::File => take_file(reader, section, &context),
        Word::Redis => take_redis(reader, section, &context),
    }?;
    take_rules(reader, section, &mut target.rules, &kind, whose);
    target.rules.domains = domains;
    target.kind = kind;
    Some(target)
}

struct Context<'a> {
    folder: &'a Path,
    timeout: Duration,
}

fn take_pace(reader: &mut Reader<'_>, section: &mut Section<'_, '_>, target: &mut TargetSettings) {
    let start = [("first", OutboxStart::First), ("now", OutboxStart::Now)];
    section.word(reader, "start", &mut target.start, &start);
    section.number(reader, "batch", &mut target.batch, limits::BATCH_RANGE);
    section.number(reader, "attempts", &mut target.attempts, limits::ATTEMPTS_RANGE);
    section.duration(reader, "retry_min", &mut target.retry_min);
    section.duration(reader, "retry_max", &mut target.retry_max);
    section.duration(reader, "timeout", &mut target.timeout);
    section.duration(reader, "lease", &mut target.lease);
    if target.lease < target.timeout * 2 {
        let span = section.place("lease");
        let message = "it must be at least twice the `timeout`: what was begun has to end before another process may begin".to_owned();
        reader.problem(span, &section.key("lease"), message);
    }
}

fn take_rules(
    reader: &mut Reader<'_>,
    section: &mut Section<'_, '_>,
    rules: &mut OutboxRules,
    kind: &Kind,
    whose: &Audience,
) {
    let mut hears = |reader: &mut Reader<'_>, name, default: &Option<String>| {
        let said = section.text(reader, name).map(|(text, _)| text);
        match said.or_else(|| default.clone()) {
            Some(name) if name == ALL && kind.tells_audiences() => Hears::All,
            Some(text) if text == ALL => {
                let span = section.place(name);
                let message = "it cannot keep several tenants or lists apart: name one".to_owned();
                reader.problem(span, &section.key(name), message);
                Hears::Of(None)
            }
            Some(name) => Hears::Of(Some(name)),
            // A list that knows no tenants must not lose somebody everywhere, whom one of them lost.
            None if kind.is_list() => Hears::Of(None),
            None => Hears::All,
        }
    };
    rules.tenant = hears(reader, "tenant", &whose.tenant);
    rules.list = hears(reader, "list", &whose.list);
    let states = section.texts(reader, "states");
    if !states.is_empty() {
        (rules.held, rules.suppressed) = (false, false);
    }
    for (state, span) in states {
        match state.as_str() {
            "held" => rules.held = true,
            "suppressed" => rules.suppressed = true,
            _ => {
                reader.problem(
                    span,
                    &section.key("states"),
                    format!("{state:?} is none of held, suppressed"),
                );
            }
        }
    }
    for (reason, span) in section.texts(reader, "reasons") {
        match reason.parse::<Reason>() {
            Ok(reason) => rules.reasons.push(reason),
            Err(_) => {
                let message =
                    format!("{reason:?} is no reason; `abprall explain` and docs/output.md name them all");
                reader.problem(span, &section.key("reasons"), message);
            }
        }
    }
}

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

fn take_http(
    reader: &mut Reader<'_>,
    section: &mut Section<'_, '_>,
    context: &Context<'_>,
) -> Option<HttpSettings> {
    let mut allowed = Vec::new();
    for (text, span) in section.texts(reader, "allow_network") {
        match text.parse::<IpNet>() {
            Ok(network) => allowed.push(network),
            Err(error) => reader.problem(
                span,
                &section.key("allow_network"),
                format!("{error}; write \"10.0.0.0/8\", or \"127.0.0.1/32\" for one address"),
            ),
        }
    }
    let ca = section.text(reader, "ca").map(|(path, _)| context.folder.join(path));
    let mut parallel = limits::PARALLEL;
    section.number(reader, "parallel", &mut parallel, limits::PARALLEL_RANGE);
    let Some((text, span)) = section.text(reader, "url") else {
        reader.problem(0..0, &section.key("url"), "it is wanted: https://…".to_owned());
        return None;
    };
    let url = text.trim_end_matches('/').parse::<Uri>().ok();
    let url = url.filter(|url| matches!(url.scheme_str(), Some("https" | "http")) && url.host().is_some());
    let Some(url) = url else {
        let message = format!("{text:?} is no URL with a host: https://…");
        reader.problem(span, &section.key("url"), message);
        return None;
    };
    if url.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        let message = "names and passwords do not belong into a URL: they have keys of their own".to_owned();
        reader.problem(span.clone(), &section.key("url"), message);
    }
    let host = url.host().unwrap_or_default().trim_matches(['[', ']']);
    let address = if host == "localhost" { Some([127, 0, 0, 1].into()) } else { host.parse().ok() };
    if let Some(address) = address
        && special_use(address).is_some()
        && !allowed.iter().any(|network| network.contains(&address))
    {
        let message = format!(
            "{host} is no public address: allow_network = [\"{address}\"] with its network lets it be"
        );
        reader.problem(span, &section.key("url"), message.replace("\"] with its network", "/32\"]"));
    }
    Some(HttpSettings { url, allowed, ca, timeout: context.timeout, parallel: parallel as usize })
}

fn wanted(reader: &mut Reader<'_>, section: &mut Section<'_, '_>, name: &'static str) -> Option<String> {
    let found = section.text(reader, name).map(|(text, _)| text).filter(|text| !text.is_empty());
    if found.is_none() {
        let span = section.place(name);
        reader.problem(span, &section.key(name), "it is wanted".to_owned());
    }
    found
}

/// Something secret: in the settings themselves, or in a file of its own.
fn secret(
    reader: &mut Reader<'_>,
    section: &mut Section<'_, '_>,
    (name, file): (&'static str, &'static str),
    context: &Context<'_>,
) -> Option<(Secret, Range<usize>)> {
    let text = section.text(reader, name);
    let path = section.text(reader, file);
    match (text, path) {
        (Some((text, span)), None) => Some((Secret(text), span)),
        (None, Some((path, span))) => {
            let path = context.folder.join(path);
            match std::fs::read_to_string(&path) {
                Ok(text) => Some((Secret(text.trim().to_owned()), span)),
                Err(error) => {
                    reader.problem(
                        span,
                        &section.key(file),
                        format!("cannot read {}: {error}", path.display()),
                    );
                    None
                }
            }
        }
        (Some(_), Some((_, span))) => {
            reader.problem(span, &section.key(file), format!("either this or `{name}`"));
            None
        }
        (None, None) => {
            reader.problem(
                0..0,
                &section.key(name),
                format!("it is wanted, or `{file}` with the path of a file that holds it"),
            );
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use abprall_policy::settings::{Problem, read};

    use super::*;

    fn parse(text: &str) -> Result<Vec<TargetSettings>, Vec<Problem>> {
        let mut targets = Vec::new();
        read(text, |reader, file| {
            if let Some(sync) = file.section(reader, "sync") {
                targets = take(reader, sync, Path::new("/etc/abprall"), &Audience::default());
            }
        })?;
        Ok(targets)
    }

    #[test]
    fn every_kind_is_read() {
        let text = r#"
[sync.shop]
kind = "webhook"
url = "https://shop.example/hooks/"
secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
states = ["suppressed"]
reasons = ["user_unknown", "complaint"]
[sync.table]
kind = "sql"
url = "sqlite:lists.db"
stop = ["UPDATE a SET b = 1 WHERE c = :email", "DELETE FROM d WHERE e = :email"]
release = "UPDATE a SET b = 0 WHERE c = :email"
tenant = "*"
[sync.monk]
kind = "listmonk"
url = "http://127.0.0.1:9000"
allow_network = ["127.0.0.1/32"]
user = "abprall"
token = "t"
tenant = "shop"
[sync.man]
kind = "mailman"
url = "http://127.0.0.1:8001/3.1"
allow_network = ["127.0.0.0/8"]
password = "p"
[sync.mautic]
kind = "mautic"
url = "https://mautic.example"
user = "u"
password = "p"
[sync.php]
kind = "phplist"
url = "mysql://u:p@127.0.0.1/phplist"
[sync.log]
kind = "file"
path = "events.csv"
format = "csv"
[sync.set]
kind = "redis"
url = "redis://127.0.0.1"
key = "stopped"
"#;
        let targets = parse(text).unwrap();
        let kinds: Vec<_> = targets.iter().map(|target| target.kind.as_str()).collect();
        for kind in ["webhook", "sql", "listmonk", "mailman", "mautic", "file", "redis"] {
            assert!(kinds.contains(&kind), "{kinds:?}");
        }
        let of = |name: &str| targets.iter().find(|target| target.name == name).unwrap();
        assert!(!of("shop").rules.held && of("shop").rules.suppressed);
        assert_eq!(of("shop").rules.tenant, Hears::All);
        assert_eq!(of("shop").rules.domains, DomainEvents::Whole);
        assert_eq!(of("monk").rules.tenant, Hears::Of(Some("shop".to_owned())));
        assert_eq!(of("monk").rules.list, Hears::Of(None));
        assert_eq!(of("table").rules.domains, DomainEvents::ByAddress);
        assert_eq!((&of("table").rules.tenant, &of("table").rules.list), (&Hears::All, &Hears::Of(None)));
        let shown = format!("{targets:?}");
        assert!(!shown.contains("u:p@"), "no secret is shown: {shown}");
    }

    #[test]
    fn all_that_is_wrong_is_said_at_once() {
        let text = "[sync.a]\nkind = \"fax\"\n[sync.b]\nkind = \"webhook\"\nurl = \"http://10.0.0.1/x\"\nsecret = \"short\"\ntimeout = \"1h\"\n\
                    [sync.c]\nkind = \"sql\"\nurl = \"sqlite:a\"\nstop = \"SELECT :mail\"\n[sync.d]\n[sync.e]\nkind = \"file\"\npath = \"x\"\nreasons = [\"bad\"]\nwhat = 1\n\
                    [sync.f]\nkind = \"redis\"\nurl = \"redis://127.0.0.1\"\nkey = \"k\"\nlist = \"*\"\n";
        let problems = parse(text).unwrap_err();
        let told: Vec<_> = problems.iter().map(|problem| problem.key.as_str()).collect();
        for key in [
            "sync.a.kind",
            "sync.b.url",
            "sync.b.secret",
            "sync.b.lease",
            "sync.c.stop",
            "sync.c.release",
            "sync.d.kind",
            "sync.e.reasons",
            "sync.e.what",
            "sync.f.list",
        ] {
            assert!(told.contains(&key), "{key}: {told:?}");
        }
    }
}
