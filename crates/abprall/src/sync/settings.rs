mod http;
mod kind;
mod secret;

use std::path::{Path, PathBuf};
use std::time::Duration;

use abprall_mail::Reason;
use abprall_policy::settings::{Reader, Section};
use abprall_store::{Audience, Hears, OutboxRules, OutboxStart};

use super::file::{FileFormat, FileSettings};
use super::limits;
use super::listmonk::ListmonkSettings;
use super::mailman::MailmanSettings;
use super::mautic::MauticSettings;
use super::redis::RedisSettings;
use super::sql::SqlSettings;
use super::webhook::WebhookSettings;
use kind::{Context, WORDS};
pub(crate) use secret::Secret;

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

/// For everybody's mail.
const ALL: &str = "*";

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
    let (kind, domains) = kind::take(reader, section, word, &context)?;
    take_rules(reader, section, &mut target.rules, &kind, whose);
    target.rules.domains = domains;
    target.kind = kind;
    Some(target)
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

#[cfg(test)]
mod tests {
    use abprall_policy::settings::{Problem, read};
    use abprall_store::DomainEvents;

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
