use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use abprall_mail::{Domain, Language};
use clap::ValueEnum;
use ipnet::IpNet;
use serde::Serialize;

use super::config;
use super::route::options;
use crate::language::Lang;
use crate::serve::SetOptions;
use crate::settings_file;
use crate::wording::pick;

mod check;
mod clock;
mod database;
mod files;
mod listening;
mod network;
mod raw_mail;
mod sockets;

use check::{Check, Checks, State};

/// Check the set-up: settings, database, files, sockets, clock, resolver, the way out on port 25. Changes nothing.
///
/// Exit status 1 where something is bad.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The settings; see docs/operation.md.
    #[arg(long, value_name = "FILE", env = "ABPRALL_CONFIG", default_value_os_t = settings_file::default_place())]
    config: PathBuf,

    #[command(flatten)]
    set: SetOptions,

    /// A domain that surely works: our resolver is asked for it, and its mail server is connected to on port 25. May be repeated; else
    /// those of `[watch] canaries`. Without any, no mail server is contacted.
    #[arg(long, value_name = "DOMAIN", value_parser = Domain::parse, conflicts_with = "no_canaries")]
    canary: Vec<Domain>,

    /// Ask nothing of the network but the database.
    #[arg(long)]
    no_canaries: bool,

    /// Ask this resolver instead of the system's.
    #[arg(long, value_name = "IP[:PORT]", value_parser = options::resolver)]
    resolver: Vec<SocketAddr>,

    /// Also connect to special-use addresses within this network: for a lab or a private network.
    #[arg(long, value_name = "CIDR", value_parser = options::network)]
    allow_network: Vec<IpNet>,

    /// How to print.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,

    /// The language of the words.
    #[arg(long, value_enum, default_value_t = Lang::En)]
    lang: Lang,
}

#[derive(Clone, Copy, Eq, PartialEq, ValueEnum)]
enum Format {
    Table,
    Json,
}

/// The JSON of `doctor`.
#[derive(Serialize)]
struct Answer<'a> {
    ok: bool,
    checks: &'a [Check],
}

impl Args {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let language = Language::from(self.lang);
        let mut checks = Checks::new(language);
        match config::check(&self.config, &self.set) {
            Err(problems) => checks.bad(
                "settings",
                &format!("{problems:#}"),
                (
                    "mend the file; `abprall config check` looks again",
                    "die Datei berichtigen; `abprall config check` prüft erneut",
                ),
            ),
            Ok(settings) => {
                let file = self.config.display();
                checks.ok(
                    "settings",
                    &match language {
                        Language::En => format!("{file} is good"),
                        Language::De => format!("{file} ist in Ordnung"),
                    },
                );
                files::settings_file(&mut checks, &self.config, &settings);
                database::look(&mut checks, &settings);
                files::database_files(&mut checks, &settings);
                raw_mail::look(&mut checks, &settings);
                clock::look(&mut checks, &settings);
                listening::look(&mut checks, &settings);
                if !self.no_canaries {
                    // With what the watch looks, our own side is tested too.
                    let canaries = told(&self.canary, &settings.texts("watch.canaries"), |text| {
                        Domain::parse(text).ok()
                    });
                    let resolvers = told(&self.resolver, &settings.texts("watch.resolvers"), |text| {
                        options::resolver(text).ok()
                    });
                    let mut allowed = told(&[], &settings.texts("watch.allow_networks"), |text| {
                        options::network(text).ok()
                    });
                    allowed.extend(&self.allow_network);
                    network::look(&mut checks, canaries, allowed, resolvers)?;
                }
            }
        }
        self.print(checks.all(), language)?;
        let bad = checks.all().iter().any(|check| check.state == State::Bad);
        Ok(ExitCode::from(u8::from(bad)))
    }

    fn print(&self, checks: &[Check], language: Language) -> anyhow::Result<()> {
        let mut out = anstream::AutoStream::auto(io::stdout().lock());
        if self.format == Format::Json {
            let ok = checks.iter().all(|check| check.state != State::Bad);
            serde_json::to_writer_pretty(&mut out, &Answer { ok, checks })?;
            writeln!(out)?;
            return Ok(());
        }
        for check in checks {
            check.write(&mut out, language)?;
        }
        let count = |state| checks.iter().filter(|check| check.state == state).count();
        let (bad, warnings) = (count(State::Bad), count(State::Warn));
        let sentence = match (bad, warnings) {
            (0, 0) => pick(language, "All is well.", "Alles in Ordnung.").to_owned(),
            (0, _) => match language {
                Language::En => format!("Nothing is bad, {warnings} to look at."),
                Language::De => format!("Nichts ist kaputt, {warnings} zum Ansehen."),
            },
            (..) => match language {
                Language::En => format!("{bad} bad, {warnings} to look at."),
                Language::De => format!("{bad} kaputt, {warnings} zum Ansehen."),
            },
        };
        writeln!(out, "\n{sentence}")?;
        Ok(())
    }
}

/// What the command line says, else what the settings say.
fn told<T: Clone>(here: &[T], there: &[String], parse: impl Fn(&str) -> Option<T>) -> Vec<T> {
    if here.is_empty() { there.iter().filter_map(|text| parse(text)).collect() } else { here.to_vec() }
}
