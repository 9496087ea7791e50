use std::io::{self, Write};
use std::process::ExitCode;

use abprall_mail::Language;
use abprall_store::{ApiKey, KeyScope, NewApiKey, StoreError};
use clap::{Subcommand, ValueEnum};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::dates;
use crate::language::Lang;
use crate::serve::make_key;
use crate::store_file::StoreFile;
use crate::terminal::{BOLD, DIM, plain};
use crate::wording::pick;

/// Keys for the programs that ask and change things over HTTP: make, list, take back.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make a key. It is shown once, on standard output, and nobody can find it out again.
    Create(Create),
    /// List all keys that were ever made, without their secrets.
    List(List),
    /// Take a key back: within two seconds it opens nothing any more.
    Revoke(Revoke),
}

#[derive(clap::Args)]
struct Create {
    /// What it is called, for people: the program that gets it.
    #[arg(value_name = "NAME", value_parser = name)]
    name: String,

    /// What it may be used for.
    #[arg(long = "scope", value_name = "SCOPE", value_enum, value_delimiter = ',', required = true)]
    scopes: Vec<Scope>,

    /// Only for the mail of this tenant.
    #[arg(long, value_name = "NAME", value_parser = name)]
    tenant: Option<String>,

    /// The day (UTC) from which it is no key any more.
    #[arg(long, value_name = "YYYY-MM-DD")]
    expires: Option<Date>,

    #[command(flatten)]
    store: StoreFile,
}

#[derive(clap::Args)]
struct List {
    #[command(flatten)]
    store: StoreFile,

    /// How to print.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,

    /// The language of the words.
    #[arg(long, value_enum, default_value_t = Lang::En)]
    lang: Lang,
}

#[derive(clap::Args)]
struct Revoke {
    /// What it is called. Exit status 1 where no key in use is called so.
    #[arg(value_name = "NAME")]
    name: String,

    #[command(flatten)]
    store: StoreFile,
}

#[derive(Clone, Copy, Eq, PartialEq, ValueEnum)]
enum Format {
    /// For people
    Table,
    /// One JSON object a line
    #[value(alias = "json")]
    Ndjson,
}

#[derive(Clone, Copy, Eq, PartialEq, ValueEnum)]
enum Scope {
    /// Ask whether an address may be sent to
    Check,
    /// Deposit bounces as messages
    Bounces,
    /// Deposit reports as JSON
    Events,
    /// Read what is stopped, decided and watched
    Read,
    /// Stop and lift, settle what is pending
    Write,
    /// Everything, and: forget people, read the audit log
    Admin,
}

impl From<Scope> for KeyScope {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::Check => KeyScope::Check,
            Scope::Bounces => KeyScope::Bounces,
            Scope::Events => KeyScope::Events,
            Scope::Read => KeyScope::Read,
            Scope::Write => KeyScope::Write,
            Scope::Admin => KeyScope::Admin,
        }
    }
}

/// Longest name of a key, or a tenant, in bytes: it stands in every line of the audit log.
const NAME_BYTES_MAX: usize = 100;

fn name(text: &str) -> Result<String, String> {
    let is_good =
        !text.trim().is_empty() && text.len() <= NAME_BYTES_MAX && !text.chars().any(char::is_control);
    if is_good { Ok(text.to_owned()) } else { Err("a name of 1 to 100 bytes is wanted".to_owned()) }
}

impl Args {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Create(args) => args.run(),
            Command::List(args) => args.run(),
            Command::Revoke(args) => args.run(),
        }
    }
}

impl Create {
    fn run(self) -> anyhow::Result<ExitCode> {
        let now = Timestamp::now();
        let expires_at = match self.expires.map(|day| day.to_zoned_datetime(TimeZone::UTC)) {
            None => None,
            Some(Ok(day)) if day.timestamp() > now => Some(day.timestamp()),
            Some(_) => {
                anstream::eprintln!("abprall: --expires must name a day that is still to come");
                return Ok(ExitCode::from(2));
            }
        };
        let mut scopes: Vec<KeyScope> = self.scopes.into_iter().map(Into::into).collect();
        scopes.sort_unstable();
        scopes.dedup();
        let mut key = NewApiKey {
            name: self.name,
            token: String::new(),
            secret: String::new(),
            scopes,
            tenant: self.tenant,
            expires_at,
        };
        let presented = make_key(&mut key)?;
        match self.store.open()?.create_api_key(&key, now) {
            Ok(()) => {}
            Err(StoreError::Exists { .. }) => {
                anstream::eprintln!(
                    "abprall: there is a key {:?} already; revoke it first, or choose another name",
                    key.name
                );
                return Ok(ExitCode::from(2));
            }
            Err(error) => return Err(error.into()),
        }
        anstream::eprintln!(
            "abprall: key {:?} of {}; this is the only time that it is shown: keep it as a password",
            key.name,
            self.store.shown()
        );
        writeln!(io::stdout().lock(), "{presented}")?;
        Ok(ExitCode::SUCCESS)
    }
}

impl List {
    fn run(self) -> anyhow::Result<ExitCode> {
        let keys = self.store.open_existing()?.api_keys()?;
        let language = self.lang.into();
        let mut out = anstream::AutoStream::auto(io::stdout().lock());
        match self.format {
            Format::Ndjson => {
                for key in &keys {
                    serde_json::to_writer(&mut out, key)?;
                    writeln!(out)?;
                }
            }
            Format::Table if keys.is_empty() => {
                writeln!(out, "{}", pick(language, "there are no keys", "es gibt keine Schlüssel"))?;
            }
            Format::Table => {
                for key in &keys {
                    write(&mut out, key, language)?;
                }
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn write(out: &mut dyn Write, key: &ApiKey, language: Language) -> io::Result<()> {
    let scopes: Vec<_> = key.scopes.iter().map(|scope| scope.as_str()).collect();
    let mut facts = vec![scopes.join(",")];
    if let Some(tenant) = &key.tenant {
        facts.push(format!("{} {}", pick(language, "only for", "nur für"), plain(tenant)));
    }
    facts.push(format!("{} {}", pick(language, "made", "erstellt"), dates::day(key.created_at)));
    if let Some(end) = key.revoked_at {
        facts.push(format!("{} {}", pick(language, "revoked", "zurückgezogen"), dates::day(end)));
    } else if let Some(end) = key.expires_at {
        facts.push(format!("{} {}", pick(language, "until", "bis"), dates::day(end)));
    }
    writeln!(out, "{BOLD}{:24}{BOLD:#} {DIM}{}{DIM:#}", plain(&key.name), facts.join(" · "))
}

impl Revoke {
    fn run(self) -> anyhow::Result<ExitCode> {
        let revoked = self.store.open_existing()?.revoke_api_key(&self.name, Timestamp::now())?;
        if !revoked {
            anstream::eprintln!("abprall: no key in use is called {:?}", self.name);
        }
        Ok(ExitCode::from(u8::from(!revoked)))
    }
}
