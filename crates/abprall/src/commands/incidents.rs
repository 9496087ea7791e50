use std::io::{self, Write};
use std::process::ExitCode;

use abprall_mail::Language;
use abprall_policy::IncidentEvent;
use abprall_store::{Incident, IncidentFilter, IncidentRecord, IncidentStory, Store};

use crate::clock::ClockOption;
use crate::dates;
use crate::health;
use crate::language::Lang;
use crate::listing::{self, ListFormat, Paging, Row, field};
use crate::store_file::StoreFile;
use crate::terminal::{BOLD, DIM, HELD, number, plain, width, wrapped};
use crate::wording::{self, counted, pick};

/// Domain names of an incident that are shown to people.
const NAMES_SHOWN: usize = 12;

/// List incidents, newest first, or show one with its timeline.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Show this one. Exit status 1 where there is none.
    #[arg(value_name = "NUMBER")]
    incident: Option<i64>,

    /// It is over: close it. Nothing is lifted by that.
    #[arg(long, requires = "incident")]
    close: bool,

    /// Why it is closed, for those who ask later.
    #[arg(long, value_name = "TEXT", requires = "close")]
    note: Option<String>,

    /// Only those that are not over.
    #[arg(long)]
    open: bool,

    /// Only those that this domain is in.
    #[arg(long, value_name = "NAME")]
    domain: Option<String>,

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

impl Args {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let mut store = self.store.open_existing()?;
        let language = self.lang.into();
        let Some(number) = self.incident else {
            let filter =
                IncidentFilter { open: self.open, domain: self.domain.map(|name| name.to_lowercase()) };
            let empty = pick(language, "no incident", "keine Störung");
            listing::print(&self.paging, self.format, language, empty, |page| {
                store.incidents(&filter, page)
            })?;
            return Ok(ExitCode::SUCCESS);
        };
        if self.close && !store.close_incident(number, self.clock.clock().now(), self.note.as_deref())? {
            let text = pick(
                language,
                "there is no open incident with the number",
                "keine offene Störung hat die Nummer",
            );
            anstream::eprintln!("abprall: {text} {number}");
            return Ok(ExitCode::from(1));
        }
        show(&*store, number, self.format, language)
    }
}

fn show(store: &dyn Store, number: i64, format: ListFormat, language: Language) -> anyhow::Result<ExitCode> {
    let Some(story) = store.incident(number)? else {
        let text = pick(language, "there is no incident with the number", "keine Störung hat die Nummer");
        anstream::eprintln!("abprall: {text} {number}");
        return Ok(ExitCode::from(1));
    };
    match format {
        ListFormat::Table => {
            write_story(&mut anstream::AutoStream::auto(io::stdout().lock()), &story, language)?;
        }
        ListFormat::Json => {
            let mut out = io::stdout().lock();
            serde_json::to_writer_pretty(&mut out, &story)?;
            writeln!(out)?;
        }
        ListFormat::Ndjson => {
            let mut out = io::stdout().lock();
            serde_json::to_writer(&mut out, &story)?;
            writeln!(out)?;
        }
        ListFormat::Csv => {
            let mut csv = csv::Writer::from_writer(io::stdout().lock());
            csv.write_record(["at", "event", "domain", "addresses", "detail", "observation"])?;
            for event in &story.events {
                csv.write_record([
                    event.at.to_string(),
                    event.event.to_string(),
                    field(event.domain.as_ref()),
                    event.addresses.to_string(),
                    field(event.detail.as_ref()),
                    field(event.observation),
                ])?;
            }
            csv.flush()?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

impl Row for Incident {
    const COLUMNS: &'static [&'static str] =
        &["id", "key", "opened_at", "closed_at", "reason", "domains", "addresses"];

    fn fields(&self) -> Vec<String> {
        vec![
            self.id.to_string(),
            self.key.clone(),
            self.opened_at.to_string(),
            field(self.closed_at),
            field(self.reason),
            self.domains.to_string(),
            self.addresses.to_string(),
        ]
    }

    fn write(&self, out: &mut dyn Write, language: Language) -> io::Result<()> {
        let (style, state) = match self.closed_at {
            None => (HELD, pick(language, "open", "offen")),
            Some(_) => (DIM, pick(language, "over", "vorbei")),
        };
        let name = plain(&about(&self.key, language));
        writeln!(out, "{:>5}  {style}{state:8}{style:#}{BOLD}{name}{BOLD:#}", self.id)?;
        let mut facts = vec![match self.closed_at {
            None => format!("{} {}", pick(language, "since", "seit"), dates::minute(self.opened_at)),
            Some(end) => format!("{} – {}", dates::minute(self.opened_at), dates::minute(end)),
        }];
        if self.domains > 0 {
            facts.push(counted(self.domains, ("domain", "domains"), ("Domain", "Domains"), language));
        }
        if self.addresses > 0 {
            facts.push(counted(self.addresses, ("address", "addresses"), ("Adresse", "Adressen"), language));
        }
        if let Some(reason) = self.reason {
            facts.push(wording::reason(reason, language).to_owned());
        }
        writeln!(out, "{DIM}{}{DIM:#}", wrapped(&facts.join(" · "), 15, width(120)))
    }
}

/// What an incident is about, in words.
pub(super) fn about(key: &str, language: Language) -> String {
    match key.split_once(':') {
        Some(("brake", "")) => pick(
            language,
            "removals frozen everywhere: too much failed at once",
            "Sperren überall ausgesetzt: zu viel fiel auf einmal aus",
        )
        .to_owned(),
        Some(("brake", provider)) => {
            format!("{} {provider}", pick(language, "removals frozen at", "Sperren ausgesetzt bei"))
        }
        Some(("operator", name)) => format!("{} {name}", pick(language, "mail hosts of", "Mailserver von")),
        Some((_, name)) => name.to_owned(),
        None => key.to_owned(),
    }
}

fn write_story(out: &mut dyn Write, story: &IncidentStory, language: Language) -> io::Result<()> {
    story.incident.write(out, language)?;
    if story.domain_names.len() > 1 {
        let shown = story.domain_names.len().min(NAMES_SHOWN);
        let mut names = story.domain_names[..shown].join(", ");
        if story.domain_names.len() > shown {
            names += &format!(" … ({})", number(story.incident.domains));
        }
        writeln!(out, "{}", wrapped(&names, 15, width(100)))?;
    }
    writeln!(out)?;
    for event in &story.events {
        let text = wrapped(&sentence(event, language), 23, width(100));
        writeln!(out, "  {DIM}{:21}{DIM:#}{}", dates::minute(event.at), text.trim_start())?;
    }
    Ok(())
}

/// An event as a person reads it.
fn sentence(record: &IncidentRecord, language: Language) -> String {
    let mut text = event(record.event, language).to_owned();
    if let Some(domain) = &record.domain {
        text = format!("{}: {text}", plain(domain));
    }
    if record.addresses > 0 {
        let addresses =
            counted(record.addresses, ("address", "addresses"), ("Adresse", "Adressen"), language);
        text += &format!(" ({addresses})");
    }
    if let Some(detail) = &record.detail {
        let words = match (record.event, detail.split_once(" -> ")) {
            (IncidentEvent::StateChanged, Some((before, after))) => {
                format!("{} → {}", health_word(before, language), health_word(after, language))
            }
            (IncidentEvent::DomainHeld | IncidentEvent::DomainSuppressed, _) => {
                format!("{} {}", pick(language, "rule", "Regel"), plain(detail))
            }
            _ => plain(detail),
        };
        text += &format!(" – {words}");
    }
    text
}

fn health_word(state: &str, language: Language) -> String {
    let not_looked_at = state == "unknown";
    match state.parse() {
        Ok(state) => health::word(Some(state), language).to_owned(),
        Err(_) if not_looked_at => health::word(None, language).to_owned(),
        Err(_) => plain(state),
    }
}

fn event(event: IncidentEvent, language: Language) -> &'static str {
    match event {
        IncidentEvent::Opened => pick(language, "it began", "Beginn"),
        IncidentEvent::Joined => pick(language, "joined", "kam hinzu"),
        IncidentEvent::Checked => pick(language, "looked at", "angesehen"),
        IncidentEvent::StateChanged => pick(language, "health changed", "Zustand geändert"),
        IncidentEvent::DomainHeld => pick(language, "held as a whole", "als Ganzes angehalten"),
        IncidentEvent::DomainSuppressed => pick(language, "suppressed as a whole", "als Ganzes gesperrt"),
        IncidentEvent::Released => {
            pick(language, "released: the claim was wrong", "freigegeben: die Behauptung war falsch")
        }
        IncidentEvent::OwnFault => {
            pick(language, "our own fault: everybody released", "unser eigener Fehler: alle freigegeben")
        }
        IncidentEvent::Frozen => pick(language, "removals frozen", "Sperren ausgesetzt"),
        IncidentEvent::Thawed => pick(language, "removals go on", "Sperren gehen weiter"),
        IncidentEvent::PendingApplied => {
            pick(language, "pending removals carried out", "ausstehende Sperren ausgeführt")
        }
        IncidentEvent::PendingDropped => {
            pick(language, "pending removals dropped", "ausstehende Sperren verworfen")
        }
        IncidentEvent::Recovering => pick(language, "works again, for now", "geht wieder, vorerst"),
        IncidentEvent::Canary => pick(language, "one address on trial", "eine Adresse auf Probe"),
        IncidentEvent::Reinstated => pick(language, "people are back", "Rückkehr"),
        IncidentEvent::ReinstatementStopped => {
            pick(language, "failed again: the way back is stopped", "erneut ausgefallen: Rückkehr beendet")
        }
        IncidentEvent::NeedsPerson => pick(language, "a person has to decide", "ein Mensch muss entscheiden"),
        IncidentEvent::Closed => pick(language, "over", "vorbei"),
    }
}
