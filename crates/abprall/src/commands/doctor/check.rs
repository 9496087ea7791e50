//! What was looked at, how it is, and what to do.

use std::io::{self, Write};

use abprall_mail::Language;
use clap::builder::styling::{AnsiColor, Style};
use serde::Serialize;

use crate::terminal::{DIM, width, wrapped};
use crate::wording::pick;

/// How it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    Ok,
    /// It works, and should be looked at.
    Warn,
    /// It does not work, or something will be lost.
    Bad,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
pub(super) struct Check {
    /// What: a stable word.
    pub(super) check: &'static str,
    pub(super) state: State,
    /// What was found.
    pub(super) what: String,
    /// What to do, where something is to be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) advice: Option<String>,
}

/// Collects them.
pub(super) struct Checks {
    language: Language,
    all: Vec<Check>,
}

impl Checks {
    pub(super) fn new(language: Language) -> Self {
        Self { language, all: Vec::new() }
    }

    pub(super) fn language(&self) -> Language {
        self.language
    }

    pub(super) fn all(&self) -> &[Check] {
        &self.all
    }

    pub(super) fn ok(&mut self, check: &'static str, what: &str) {
        self.all.push(Check { check, state: State::Ok, what: what.to_owned(), advice: None });
    }

    pub(super) fn warn(&mut self, check: &'static str, what: &str, advice: (&'static str, &'static str)) {
        self.note(check, State::Warn, what, advice);
    }

    pub(super) fn bad(&mut self, check: &'static str, what: &str, advice: (&'static str, &'static str)) {
        self.note(check, State::Bad, what, advice);
    }

    fn note(
        &mut self,
        check: &'static str,
        state: State,
        what: &str,
        (en, de): (&'static str, &'static str),
    ) {
        let advice = Some(pick(self.language, en, de).to_owned());
        self.all.push(Check { check, state, what: what.to_owned(), advice });
    }
}

impl Check {
    pub(super) fn write(&self, out: &mut impl Write, language: Language) -> io::Result<()> {
        let (style, word): (Style, _) = match self.state {
            State::Ok => (AnsiColor::Green.on_default(), pick(language, "ok", "gut")),
            State::Warn => (AnsiColor::Yellow.on_default(), pick(language, "look", "ansehen")),
            State::Bad => (AnsiColor::Red.on_default().bold(), pick(language, "bad", "kaputt")),
        };
        let columns = width(110);
        let lines: Vec<String> = self.what.lines().map(|line| wrapped(line, 22, columns)).collect();
        let text = lines.join("\n");
        writeln!(out, "{style}{word:8}{style:#}{:14}{}", self.check, text.trim_start())?;
        if let Some(advice) = &self.advice {
            writeln!(out, "{DIM}{}{DIM:#}", wrapped(&format!("→ {advice}"), 22, columns))?;
        }
        Ok(())
    }
}
