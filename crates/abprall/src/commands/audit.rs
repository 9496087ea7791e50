use std::io::{self, Write};
use std::process::ExitCode;

use abprall_mail::Language;
use abprall_store::{Audience, AuditAction, AuditRecord};

use crate::dates;
use crate::language::Lang;
use crate::listing::{self, ListFormat, Paging, Row, field};
use crate::store_file::StoreFile;
use crate::terminal::{BOLD, DIM, plain, width, wrapped};
use crate::wording::{self, counted, pick};

/// Who changed what by hand or with a key, newest first. Each line was written together with its change.
#[derive(clap::Args)]
pub(crate) struct Args {
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

impl Args {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let store = self.store.open_existing()?;
        let language = self.lang.into();
        let empty = pick(language, "nobody has changed anything", "niemand hat etwas geändert");
        listing::print(&self.paging, self.format, language, empty, |page| store.audit(page))?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Row for AuditRecord {
    const COLUMNS: &'static [&'static str] =
        &["id", "at", "actor", "action", "subject", "tenant", "list", "detail"];

    fn fields(&self) -> Vec<String> {
        vec![
            self.id.to_string(),
            self.at.to_string(),
            self.actor.clone(),
            self.action.to_string(),
            field(self.subject.as_ref()),
            field(self.tenant.as_ref()),
            field(self.list.as_ref()),
            field(self.detail.as_ref()),
        ]
    }

    fn write(&self, out: &mut dyn Write, language: Language) -> io::Result<()> {
        let who = match self.actor.split_once(':') {
            Some(("key", name)) => format!("{} {}", pick(language, "key", "Schlüssel"), plain(name)),
            _ if self.actor == "command" => pick(language, "command line", "Befehlszeile").to_owned(),
            _ => plain(&self.actor),
        };
        let audience = Audience { tenant: self.tenant.clone(), list: self.list.clone() };
        let whom = self.subject.as_deref().map(plain).unwrap_or_default();
        let what =
            format!("{} {whom}{}", action(self.action, language), wording::for_mail_of(&audience, language));
        writeln!(
            out,
            "{}  {BOLD}{}{BOLD:#}",
            dates::minute(self.at),
            wrapped(&what, 22, width(120)).trim_start()
        )?;
        let detail = self
            .detail
            .as_deref()
            .map(|detail| format!(" · {}", shown(self.action, detail, language)))
            .unwrap_or_default();
        writeln!(out, "{DIM}{}{DIM:#}", wrapped(&format!("{who}{detail}"), 22, width(120)))
    }
}

/// Reasons and numbers in words; notes are people's own.
fn shown(action: AuditAction, detail: &str, language: Language) -> String {
    match action {
        AuditAction::Stop => detail
            .parse()
            .map_or_else(|_| plain(detail), |reason| wording::reason(reason, language).to_owned()),
        AuditAction::Import => detail.parse().map_or_else(
            |_| plain(detail),
            |stops| counted(stops, ("stop", "stops"), ("Sperre", "Sperren"), language),
        ),
        AuditAction::KeyCreated => format!("{} {}", pick(language, "may", "darf"), plain(detail)),
        AuditAction::Lift
        | AuditAction::Rewind
        | AuditAction::PendingApplied
        | AuditAction::PendingDropped
        | AuditAction::IncidentClosed
        | AuditAction::ReturnAllowed
        | AuditAction::Erased
        | AuditAction::KeyRevoked => plain(detail),
    }
}

fn action(action: AuditAction, language: Language) -> &'static str {
    match action {
        AuditAction::Stop => pick(language, "stopped", "gestoppt:"),
        AuditAction::Lift => pick(language, "lifted the stop of", "Sperre aufgehoben:"),
        AuditAction::Import => pick(language, "took a list over", "Liste übernommen"),
        AuditAction::Rewind => pick(language, "undid the decisions of", "Entscheidungen zurückgenommen:"),
        AuditAction::PendingApplied => {
            pick(language, "carried out the pending removals of", "ausstehende Sperren ausgeführt:")
        }
        AuditAction::PendingDropped => {
            pick(language, "dropped the pending removals of", "ausstehende Sperren verworfen:")
        }
        AuditAction::IncidentClosed => pick(language, "closed incident", "Störung geschlossen:"),
        AuditAction::ReturnAllowed => pick(language, "let back", "Rückkehr erlaubt:"),
        AuditAction::Erased => pick(language, "erased a person", "Person gelöscht:"),
        AuditAction::KeyCreated => pick(language, "made the key", "Schlüssel angelegt:"),
        AuditAction::KeyRevoked => pick(language, "took back the key", "Schlüssel zurückgezogen:"),
    }
}
