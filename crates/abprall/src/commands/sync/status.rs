use std::io::{self, Write};
use std::process::ExitCode;

use abprall_mail::Language;
use abprall_store::OutboxTarget;
use jiff::Timestamp;
use serde::Serialize;

use super::{Configured, Format, print};
use crate::dates;
use crate::language::Lang;
use crate::listing::{Row, field};
use crate::terminal::{BOLD, DIM, HELD, NOTE, STOPPED, number, plain, width, wrapped};
use crate::wording::pick;

/// Show all targets: what they were told, what waits, and what was given up. Exit status 1 where a person has to look.
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    configured: Configured,

    /// How to print.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,

    /// The language of the words.
    #[arg(long, value_enum, default_value_t = Lang::En)]
    lang: Lang,
}

/// A target, with what the settings say of it.
#[derive(Serialize)]
struct TargetRow {
    /// `None`: the settings do not name it.
    kind: Option<&'static str>,
    state: TargetState,
    #[serde(flatten)]
    target: OutboxTarget,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
enum TargetState {
    /// It was never told anything.
    New,
    /// It knows all.
    UpToDate,
    /// It is being told.
    Behind,
    /// It is not to be reached.
    Away,
    /// It wants to hear nothing more.
    Disabled,
    /// The settings do not name it.
    NotConfigured,
}

impl TargetRow {
    fn of(target: OutboxTarget, kind: Option<&'static str>, is_new: bool) -> Self {
        let state = if is_new {
            TargetState::New
        } else if target.disabled {
            TargetState::Disabled
        } else if kind.is_none() {
            TargetState::NotConfigured
        } else if target.failures > 0 {
            TargetState::Away
        } else if target.waiting > 0 || target.cursor < target.last_decision {
            TargetState::Behind
        } else {
            TargetState::UpToDate
        };
        Self { kind, state, target }
    }

    fn needs_person(&self) -> bool {
        self.target.dead > 0 || self.state == TargetState::Disabled
    }
}

impl Args {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let (store, settings) = self.configured.read()?;
        let mut known = store.open_existing()?.outbox_targets(Timestamp::now())?;
        let last_decision = known.first().map_or(0, |target| target.last_decision);
        let begun: Vec<_> = known.iter().map(|target| target.name.clone()).collect();
        for target in settings.iter().filter(|target| !begun.contains(&target.name)) {
            known.push(not_told_yet(target.name.clone(), last_decision));
        }
        known.sort_by(|a, b| a.name.cmp(&b.name));
        let kind = |name: &str| {
            settings.iter().find(|target| target.name == name).map(|target| target.kind.as_str())
        };
        let rows: Vec<_> = known
            .into_iter()
            .map(|target| {
                let kind = kind(&target.name);
                let is_new = !begun.contains(&target.name);
                TargetRow::of(target, kind, is_new)
            })
            .collect();
        let language = self.lang.into();
        let empty =
            pick(language, "the settings name no [sync.NAME]", "die Einstellungen nennen kein [sync.NAME]");
        print(&rows, self.format, language, empty)?;
        Ok(ExitCode::from(u8::from(rows.iter().any(TargetRow::needs_person))))
    }
}

fn not_told_yet(name: String, last_decision: i64) -> OutboxTarget {
    OutboxTarget {
        name,
        cursor: 0,
        last_decision,
        waiting: 0,
        dead: 0,
        told: 0,
        told_at: None,
        failures: 0,
        due_at: None,
        last_error: None,
        disabled: false,
        owner: None,
    }
}

impl Row for TargetRow {
    const COLUMNS: &'static [&'static str] =
        &["name", "kind", "state", "cursor", "last_decision", "waiting", "dead", "told", "last_error"];

    fn fields(&self) -> Vec<String> {
        vec![
            self.target.name.clone(),
            field(self.kind),
            format!("{:?}", self.state),
            self.target.cursor.to_string(),
            self.target.last_decision.to_string(),
            self.target.waiting.to_string(),
            self.target.dead.to_string(),
            self.target.told.to_string(),
            field(self.target.last_error.as_ref()),
        ]
    }

    fn write(&self, out: &mut dyn Write, language: Language) -> io::Result<()> {
        let target = &self.target;
        let (style, state) = match self.state {
            TargetState::New => {
                (DIM, pick(language, "was never told anything", "wurde noch nie unterrichtet"))
            }
            TargetState::UpToDate => (NOTE, pick(language, "up to date", "auf dem Stand")),
            TargetState::Behind => (HELD, pick(language, "is being told", "wird unterrichtet")),
            TargetState::Away => (HELD, pick(language, "not to be reached", "nicht erreichbar")),
            TargetState::Disabled => {
                (STOPPED, pick(language, "wants to hear nothing more", "will nichts mehr hören"))
            }
            TargetState::NotConfigured => {
                (DIM, pick(language, "no longer in the settings", "nicht mehr in den Einstellungen"))
            }
        };
        let kind = self.kind.unwrap_or("–");
        writeln!(out, "{BOLD}{}{BOLD:#}  {DIM}{kind}{DIM:#}  {style}{state}{style:#}", plain(&target.name))?;
        let mut facts = vec![format!("{} {}", number(target.told), pick(language, "told", "gemeldet"))];
        if target.waiting > 0 {
            facts.push(format!("{} {}", number(target.waiting), pick(language, "waiting", "warten")));
        }
        let behind = target.last_decision.saturating_sub(target.cursor).max(0).cast_unsigned();
        if behind > 0 {
            let words = pick(language, "decisions not looked at", "Entscheidungen nicht angesehen");
            facts.push(format!("{} {words}", number(behind)));
        }
        if let Some(at) = target.told_at {
            facts.push(format!("{} {}", pick(language, "last", "zuletzt"), dates::minute(at)));
        }
        writeln!(out, "  {DIM}{}{DIM:#}", facts.join(" · "))?;
        if target.dead > 0 {
            let words = pick(
                language,
                "given up: `abprall sync dead list` shows them",
                "aufgegeben: `abprall sync dead list` zeigt sie",
            );
            writeln!(out, "  {STOPPED}{} {words}{STOPPED:#}", number(target.dead))?;
        }
        if let Some(error) = &target.last_error {
            writeln!(out, "{}", wrapped(error, 2, width(120)))?;
        }
        if let Some(at) = target.due_at {
            let words = pick(language, "tried again at", "nächster Versuch um");
            writeln!(out, "  {DIM}{words} {}{DIM:#}", dates::minute(at))?;
        }
        Ok(())
    }
}
