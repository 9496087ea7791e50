use std::io::{self, Write};
use std::process::ExitCode;

use abprall_mail::Language;
use abprall_store::{HostFilter, HostSort, WatchedHost};
use clap::ValueEnum;

use super::domains::counted;
use crate::health::{self, HealthOption};
use crate::language::Lang;
use crate::listing::{self, ListFormat, Paging, Row, field};
use crate::store_file::StoreFile;
use crate::terminal::{BOLD, DIM, plain, width, wrapped};
use crate::wording::{self, pick};

/// List the routing servers that fail: since when, how often, for how many domains.
///
/// A host stands as a name, with what reports say of it, and with each of its addresses that was looked at.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only this host.
    #[arg(value_name = "HOST")]
    host: Option<String>,

    /// Only the mail hosts of this domain.
    #[arg(long, value_name = "NAME")]
    domain: Option<String>,

    /// Only addresses of this health.
    #[arg(long, value_enum)]
    health: Option<HealthOption>,

    /// What comes first.
    #[arg(long, value_enum, default_value_t = Sort::Failures)]
    sort: Sort,

    #[command(flatten)]
    paging: Paging,

    #[command(flatten)]
    store: StoreFile,

    /// How to print.
    #[arg(long, value_enum, default_value_t = ListFormat::Table)]
    format: ListFormat,

    /// The language of the words.
    #[arg(long, value_enum, default_value_t = Lang::En)]
    lang: Lang,
}

#[derive(Clone, Copy, Eq, PartialEq, ValueEnum)]
enum Sort {
    /// Most failures
    Failures,
    /// The newest failure
    Last,
    /// By name
    Name,
}

impl Args {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let store = self.store.open_existing()?;
        let language = self.lang.into();
        let lower = |name: &String| name.trim_end_matches('.').to_lowercase();
        let filter = HostFilter {
            health: self.health.map(Into::into),
            host: self.host.as_ref().map(lower),
            domain: self.domain.as_ref().map(lower),
        };
        let sort = match self.sort {
            Sort::Failures => HostSort::Failures,
            Sort::Last => HostSort::LastFailure,
            Sort::Name => HostSort::Name,
        };
        let empty = pick(language, "no server with failures is like that", "kein Server mit Fehlern ist so");
        listing::print(&self.paging, self.format, language, empty, |page| store.hosts(&filter, sort, page))?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Row for WatchedHost {
    const COLUMNS: &'static [&'static str] = &[
        "host",
        "ip",
        "health",
        "failing_since",
        "failures",
        "last_failure_at",
        "last_reason",
        "domains",
        "mx_of",
        "next_look",
        "detail",
    ];

    fn fields(&self) -> Vec<String> {
        vec![
            self.host.clone(),
            field(self.ip),
            field(self.health.map(|health| health.state)),
            field(self.health.and_then(|health| health.failing_since)),
            self.failures.to_string(),
            field(self.last_failure_at),
            field(self.last_reason),
            self.domains.to_string(),
            self.mx_of.to_string(),
            field(self.next_look),
            field(self.detail.as_ref()),
        ]
    }

    fn write(&self, out: &mut dyn Write, language: Language) -> io::Result<()> {
        let state = self.health.map(|health| health.state);
        let (style, word) = match self.ip {
            Some(_) => (health::style(state), health::word(state, language)),
            None => (DIM, pick(language, "by reports", "laut Bounces")),
        };
        let ip = self.ip.map(|ip| format!(" {ip}")).unwrap_or_default();
        let name = plain(&self.host) + &ip;
        writeln!(out, "{style}{word:13}{style:#}{BOLD}{name}{BOLD:#}")?;
        let mut facts = Vec::new();
        if self.failures > 0 {
            facts.push(counted(self.failures, ("failure", "failures"), ("Fehler", "Fehler"), language));
        }
        if let Some(since) = self.health.and_then(|health| health.failing_since) {
            facts.push(health::since(Some(since), language));
        }
        if self.domains > 0 {
            facts.push(counted(
                self.domains,
                ("domain concerned", "domains concerned"),
                ("betroffene Domain", "betroffene Domains"),
                language,
            ));
        }
        if self.mx_of > 0 {
            let domains = counted(self.mx_of, ("domain", "domains"), ("Domain", "Domains"), language);
            facts.push(format!("{} {domains}", pick(language, "mail host of", "Mailserver von")));
        }
        if let Some(reason) = self.last_reason {
            facts.push(format!(
                "{}: {}",
                pick(language, "last", "zuletzt"),
                wording::reason(reason, language)
            ));
        }
        if let Some(detail) = &self.detail {
            facts.push(wording::quoted(detail, language));
        }
        if facts.is_empty() {
            return Ok(());
        }
        writeln!(out, "{DIM}{}{DIM:#}", wrapped(&facts.join(" · "), 13, width(120)))
    }
}
