use std::collections::BTreeMap;
use std::io::{self, Write};
use std::process::ExitCode;

use abprall_bounce::{Classification, Report};
use abprall_mail::{Language, Reason};
use abprall_policy::{Case, History, Outcome, Policy, decide};
use abprall_store::{Page, Reclassified, ReclassifySummary};
use clap::ValueEnum;
use jiff::Timestamp;
use serde::Serialize;

use super::waiting::ROWS_AT_A_TIME;
use crate::clock::ClockOption;
use crate::language::Lang;
use crate::policy_file::PolicyFile;
use crate::rule_files::RuleFiles;
use crate::store_file::StoreFile;
use crate::terminal::{BOLD, DIM, number, width, wrapped};
use crate::wording::{self, pick};

/// Judge all that waits anew, by the rules of today, and decide what is understood.
///
/// Shows what would be decided; `--yes` does it. Each report that is understood gets a new decision and leaves the desk; the others
/// stay as they are.
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    rules: RuleFiles,

    #[command(flatten)]
    policy: PolicyFile,

    /// Only the reports of this cluster.
    #[arg(long, value_name = "CLUSTER")]
    cluster: Option<i64>,

    /// Do it. Without this, what would be done is only shown.
    #[arg(long)]
    yes: bool,

    #[command(flatten)]
    store: StoreFile,

    #[command(flatten)]
    clock: ClockOption,

    /// How to print.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    /// The language of the words.
    #[arg(long, value_enum, default_value_t = Lang::En)]
    lang: Lang,
}

#[derive(Clone, Copy, Eq, PartialEq, ValueEnum)]
enum Format {
    Text,
    Json,
}

/// The JSON of `review rerun`.
#[derive(Serialize)]
struct Answer {
    done: bool,
    waiting: u64,
    understood: u64,
    still_waiting: u64,
    /// Each report by itself; what was known of its address may have decided otherwise.
    changes: Vec<Change>,
    /// Addresses that are stopped now; null in a preview.
    stopped: Option<u64>,
}

#[derive(Serialize)]
struct Change {
    outcome: Outcome,
    reason: Reason,
    reports: u64,
}

impl Args {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let classifier = self.rules.classifier()?;
        let policy = self.policy.read()?;
        let now = self.clock.clock().now();
        let mut store = self.store.open_existing()?;
        let mut changes: BTreeMap<(&'static str, &'static str), Change> = BTreeMap::new();
        let (mut waiting, mut understood) = (0_u64, 0_u64);
        let mut sum = ReclassifySummary::default();
        let mut page = Page::first(ROWS_AT_A_TIME);
        loop {
            let found = store.review_reports(self.cluster, page)?;
            waiting += found.rows.len() as u64;
            let mut again = Vec::new();
            for row in found.rows {
                let judged = classifier.classify(&row.report);
                let outcome = decided(&row.report, &judged, &policy);
                // What would wait again is left as it is: a second decision would say nothing new.
                if outcome == Outcome::Review {
                    continue;
                }
                let change = changes.entry((outcome.as_str(), judged.reason.as_str())).or_insert(Change {
                    outcome,
                    reason: judged.reason,
                    reports: 0,
                });
                change.reports += 1;
                again.push(Reclassified { report: row.id, judged });
            }
            understood += again.len() as u64;
            if self.yes && !again.is_empty() {
                let done = store.reclassify(&again, &policy, now)?;
                sum.stopped += done.stopped;
                sum.undetermined += done.undetermined;
            }
            let Some(next) = found.next else { break };
            page.after = Some(next);
        }
        let mut changes: Vec<_> = changes.into_values().collect();
        changes.sort_by_key(|change| std::cmp::Reverse(change.reports));
        let answer = Answer {
            done: self.yes,
            waiting,
            understood,
            still_waiting: waiting - understood + sum.undetermined,
            changes,
            stopped: self.yes.then_some(sum.stopped),
        };
        match self.format {
            Format::Json => {
                let mut out = io::stdout().lock();
                serde_json::to_writer_pretty(&mut out, &answer)?;
                writeln!(out)?;
            }
            Format::Text => {
                write(&mut anstream::AutoStream::auto(io::stdout().lock()), &answer, self.lang.into())?;
            }
        }
        Ok(ExitCode::from(u8::from(understood == 0)))
    }
}

/// What a report leads to by itself, by the default policy.
pub(super) fn decided_alone(report: &Report, judged: &Classification) -> Outcome {
    decided(report, judged, &Policy::default())
}

fn decided(report: &Report, judged: &Classification, policy: &Policy) -> Outcome {
    let happened_at = report.last_attempt_at.unwrap_or(Timestamp::MIN);
    decide(&Case::of(report, judged, happened_at), &History::default(), policy).outcome
}

fn write(out: &mut impl Write, answer: &Answer, language: Language) -> io::Result<()> {
    let waiting = number(answer.waiting);
    if answer.understood == 0 {
        return match language {
            Language::En => writeln!(out, "{waiting} reports wait, and these rules understand none of them"),
            Language::De => {
                writeln!(out, "{waiting} Meldungen warten, und diese Regeln verstehen keine davon")
            }
        };
    }
    let understood = number(answer.understood);
    let head = match (answer.done, language) {
        (true, Language::En) => format!("{understood} of {waiting} waiting reports were decided anew"),
        (true, Language::De) => format!("{understood} von {waiting} wartenden Meldungen neu entschieden"),
        (false, Language::En) => format!("{understood} of {waiting} waiting reports would be decided anew"),
        (false, Language::De) => {
            format!("{understood} von {waiting} wartenden Meldungen würden neu entschieden")
        }
    };
    writeln!(out, "{BOLD}{head}{BOLD:#}")?;
    for change in &answer.changes {
        let outcome = wording::outcome(change.outcome, language);
        let reason = wording::reason(change.reason, language);
        writeln!(out, "{:>11}  {outcome:14} {reason}", number(change.reports))?;
    }
    if let Some(stopped) = answer.stopped {
        let text = match (stopped, language) {
            (1, Language::En) => "address is newly stopped",
            (_, Language::En) => "addresses are newly stopped",
            (1, Language::De) => "Adresse ist nun gestoppt",
            (_, Language::De) => "Adressen sind nun gestoppt",
        };
        return writeln!(out, "{} {text}", number(stopped));
    }
    let text = pick(
        language,
        "Nothing was changed: this was a preview; --yes does it. What is known of each address (soft failures, a brake that is on) is \
         looked at only then.",
        "Nichts wurde geändert: Das war eine Vorschau; --yes führt es aus. Was über jede Adresse bekannt ist (frühere Fehler, eine \
         Bremse), wird erst dann angesehen.",
    );
    writeln!(out, "{DIM}{}{DIM:#}", wrapped(text, 0, width(100)))
}
