use std::collections::BTreeSet;
use std::io::{self, Write};
use std::process::ExitCode;

use abprall_mail::{Domain, FindingId, Language};
use abprall_store::{DomainFilter, DomainSort, State, Store, WatchedDomain};
use clap::ValueEnum;

use crate::clock::ClockOption;
use crate::health::{self, HealthOption};
use crate::language::Lang;
use crate::listing::{self, ListFormat, Paging, Row, field};
use crate::store_file::StoreFile;
use crate::terminal::{BOLD, DIM, HELD, STOPPED, number, plain, width, wrapped};
use crate::whole_domain::WholeDomain;
use crate::wording::{self, counted, pick};
use crate::{dates, subject};

/// List recipient domains with failures, or show one: since when it fails, who is affected, when it is looked at again.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Show this one with its mail hosts and the last looks. Exit status 1 where it is not known.
    #[arg(value_name = "DOMAIN")]
    domain: Option<String>,

    /// Only domains of this health.
    #[arg(long, value_enum)]
    health: Option<HealthOption>,

    /// Only domains that are stopped as a whole.
    #[arg(long)]
    stopped: bool,

    /// Only domains of this provider: the registrable domain of their mail hosts.
    #[arg(long, value_name = "NAME")]
    provider: Option<String>,

    /// What comes first.
    #[arg(long, value_enum, default_value_t = Sort::Failures)]
    sort: Sort,

    #[command(flatten)]
    paging: Paging,

    #[command(flatten)]
    store: StoreFile,

    #[command(flatten)]
    clock: ClockOption,

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
    /// Most failures of the way there
    Route,
    /// Most addresses that are stopped
    Stopped,
    /// The newest failure
    Last,
    /// By name
    Name,
}

impl From<Sort> for DomainSort {
    fn from(sort: Sort) -> Self {
        match sort {
            Sort::Failures => DomainSort::Failures,
            Sort::Route => DomainSort::RouteFailures,
            Sort::Stopped => DomainSort::Stopped,
            Sort::Last => DomainSort::LastFailure,
            Sort::Name => DomainSort::Name,
        }
    }
}

impl Args {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let store = self.store.open_existing()?;
        let (language, at) = (self.lang.into(), self.clock.clock().now());
        if let Some(name) = &self.domain {
            return show(&*store, name, self.format, language, at);
        }
        let filter = DomainFilter {
            health: self.health.map(Into::into),
            stopped: self.stopped,
            operator: self.provider.as_ref().map(|name| name.to_lowercase()),
        };
        let empty = pick(language, "no domain with failures is like that", "keine Domain mit Fehlern ist so");
        listing::print(&self.paging, self.format, language, empty, |page| {
            store.domains(&filter, self.sort.into(), page, at)
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Row for WatchedDomain {
    const COLUMNS: &'static [&'static str] = &[
        "domain",
        "state",
        "health",
        "failing_since",
        "failures",
        "route_failures",
        "addresses",
        "held",
        "suppressed",
        "last_failure_at",
        "last_reason",
        "next_look",
        "operator",
        "blind",
    ];

    fn fields(&self) -> Vec<String> {
        vec![
            self.domain.clone(),
            self.state.as_str().to_owned(),
            field(self.health.map(|health| health.state)),
            field(self.health.and_then(|health| health.failing_since)),
            self.failures.to_string(),
            self.route_failures.to_string(),
            self.addresses.to_string(),
            self.held.to_string(),
            self.suppressed.to_string(),
            field(self.last_failure_at),
            field(self.last_reason),
            field(self.next_look),
            field(self.operator.as_ref()),
            self.blind.to_string(),
        ]
    }

    fn write(&self, out: &mut dyn Write, language: Language) -> io::Result<()> {
        let state = self.health.map(|health| health.state);
        let style = health::style(state);
        let word = health::word_of_domain(state, self.blind, language);
        let (style_of_stop, stop) = match self.state {
            State::Ok => (DIM, String::new()),
            State::Held => (HELD, format!(" {}", wording::state(self.state, language))),
            State::Suppressed => (STOPPED, format!(" {}", wording::state(self.state, language))),
        };
        writeln!(
            out,
            "{style}{word:11}{style:#} {BOLD}{}{BOLD:#}{style_of_stop}{stop}{style_of_stop:#}",
            plain(&self.domain)
        )?;
        let mut facts = vec![counted(self.failures, ("failure", "failures"), ("Fehler", "Fehler"), language)];
        if self.held + self.suppressed > 0 {
            let stopped = number(self.held + self.suppressed);
            let of = number(self.addresses);
            facts.push(match language {
                Language::En => format!("{stopped} of {of} addresses stopped"),
                Language::De => format!("{stopped} von {of} Adressen gestoppt"),
            });
        }
        if let Some(since) = self.health.and_then(|health| health.failing_since) {
            facts.push(health::since(Some(since), language));
        }
        if let Some(reason) = self.last_reason {
            facts.push(format!(
                "{}: {}",
                pick(language, "last", "zuletzt"),
                wording::reason(reason, language)
            ));
        }
        writeln!(out, "{DIM}{}{DIM:#}", wrapped(&facts.join(" · "), 12, width(120)))
    }
}

fn show(
    store: &dyn Store,
    name: &str,
    format: ListFormat,
    language: Language,
    at: jiff::Timestamp,
) -> anyhow::Result<ExitCode> {
    let domain: Domain = match subject::domain(name) {
        Ok(domain) => domain,
        Err(problem) => {
            anstream::eprintln!("abprall: {problem}");
            return Ok(ExitCode::from(2));
        }
    };
    let Some(whole) = WholeDomain::ask(store, domain.as_str(), at)? else {
        let text = pick(
            language,
            "nothing is known of this domain: no bounce came back from it",
            "von dieser Domain ist nichts bekannt: kein Bounce kam von ihr zurück",
        );
        anstream::eprintln!("{}: {text}", domain.as_str());
        return Ok(ExitCode::from(1));
    };
    match format {
        ListFormat::Table => {
            write_whole(&mut anstream::AutoStream::auto(io::stdout().lock()), &whole, language, at)?;
        }
        ListFormat::Json => {
            let mut out = io::stdout().lock();
            serde_json::to_writer_pretty(&mut out, &whole)?;
            writeln!(out)?;
        }
        ListFormat::Ndjson => {
            let mut out = io::stdout().lock();
            serde_json::to_writer(&mut out, &whole)?;
            writeln!(out)?;
        }
        ListFormat::Csv => {
            let mut csv = csv::Writer::from_writer(io::stdout().lock());
            csv.write_record(WatchedDomain::COLUMNS)?;
            csv.write_record(whole.detail.row.fields())?;
            csv.flush()?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn write_whole(
    out: &mut dyn Write,
    whole: &WholeDomain,
    language: Language,
    at: jiff::Timestamp,
) -> io::Result<()> {
    let detail = &whole.detail;
    detail.row.write(out, language)?;
    let mut fact = |en: &'static str, de: &'static str, value: String| {
        let name = pick(language, en, de);
        let text = wrapped(&value, 22, width(100));
        writeln!(out, "  {DIM}{name:20}{DIM:#}{}", text.trim_start())
    };
    if let Some(operator) = &detail.row.operator {
        fact("provider", "Anbieter", operator.clone())?;
    }
    if !detail.mx_hosts.is_empty() {
        fact("mail hosts", "Mailserver", detail.mx_hosts.join(", "))?;
    }
    if detail.waiting > 0 {
        let en = ("address waits for its recovery", "addresses wait for its recovery");
        let de = ("Adresse wartet auf ihre Erholung", "Adressen warten auf ihre Erholung");
        fact("waiting", "wartend", counted(detail.waiting, en, de, language))?;
    }
    if let Some(stage) = detail.reinstatement {
        fact("the way back", "Rückkehr", health::way_back(stage, language))?;
    }
    if let Some(next) = detail.row.next_look {
        fact("next look", "nächster Blick", health::next_look(next, at, language))?;
    }
    if let Some(incident) = detail.incident {
        fact("incident", "Störung", format!("{incident} (abprall incidents {incident})"))?;
    }
    if !whole.hosts.is_empty() {
        writeln!(out)?;
    }
    for host in &whole.hosts {
        host.write(out, language)?;
    }
    if !whole.observations.is_empty() {
        writeln!(out, "\n{BOLD}{}{BOLD:#}", pick(language, "the last looks", "die letzten Blicke"))?;
    }
    for look in &whole.observations {
        let verdict = &look.verdict.knowledge(language).title;
        let sure = wording::confidence(look.confidence, language);
        let text = wrapped(&format!("{verdict} ({sure})"), 24, width(100));
        writeln!(out, "  {DIM}{:22}{DIM:#}{}", dates::minute(look.at), text.trim_start())?;
        let findings = look.diagnosis["findings"].as_array().into_iter().flatten();
        let ids: BTreeSet<&str> = findings.filter_map(|finding| finding["id"].as_str()).collect();
        for id in ids {
            let title = id.parse::<FindingId>().map_or(id, |id| &id.knowledge(language).title);
            writeln!(out, "{}", wrapped(&format!("• {title}"), 24, width(100)))?;
        }
    }
    Ok(())
}
