use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use abprall_bounce::{Classifier, Finding, Report, RuleFile, RuleFileError};
use abprall_mail::{Language, Reason, ReplyCode};
use abprall_policy::Outcome;
use abprall_store::{Page, ReviewReport, Store};
use anyhow::Context;
use clap::ValueEnum;
use serde::Serialize;

use super::draft::{Draft, common, example_of, id_of, patterns};
use super::rerun::decided_alone;
use super::waiting::{cluster, each_page, no_cluster};
use crate::language::Lang;
use crate::output_file::OutputFile;
use crate::rule_files::{BadRules, RuleFiles};
use crate::store_file::StoreFile;
use crate::terminal::{BOLD, HELD, number};
use crate::wording::{self, pick};

/// Reports of the cluster that a draft is tried on before it is chosen.
const SAMPLES: u32 = 200;

/// Draft a classification rule that catches a cluster, and say how many waiting reports it would catch.
///
/// The rule goes to standard output; with `-o` it is appended to a rule file, once the whole file has been checked. Nothing is decided
/// by it yet: `review rerun --rules FILE` does that.
#[derive(clap::Args)]
pub(super) struct Args {
    /// The number of the cluster, as `review` lists it.
    #[arg(value_name = "CLUSTER")]
    cluster: i64,

    /// What the words mean; `abprall explain REASON` explains each.
    #[arg(long, value_name = "REASON", value_parser = |text: &str| text.parse::<Reason>())]
    reason: Option<Reason>,

    /// The rule's name; made of its words where it is not given.
    #[arg(long, value_name = "ID")]
    id: Option<String>,

    /// Append the rule to this file, and make the file where there is none.
    #[arg(short = 'o', long = "output", value_name = "FILE")]
    output: Option<PathBuf>,

    #[command(flatten)]
    rules: RuleFiles,

    #[command(flatten)]
    store: StoreFile,

    /// How to print: the rule with words about it, or all of it as JSON.
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

/// What a draft would do. See `docs/output.md`.
#[derive(Serialize)]
struct Answer {
    cluster: i64,
    id: String,
    pattern: String,
    reason: Reason,
    toml: String,
    /// Where it was appended.
    file: Option<String>,
    /// Reports that wait in the cluster, and how many of them the rule catches.
    waiting: u64,
    caught: u64,
    /// Others that it catches.
    caught_elsewhere: u64,
    outcomes: BTreeMap<&'static str, u64>,
    doubts: Vec<String>,
}

impl Args {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let language = self.lang.into();
        let files = Files::read(&self.rules.rules, self.output.as_deref())?;
        let store = self.store.open_existing()?;
        let Some(found) = cluster(&*store, self.cluster)? else {
            anstream::eprintln!("abprall: {}", no_cluster(self.cluster));
            return Ok(ExitCode::from(1));
        };
        let samples = store.review_reports(Some(self.cluster), Page::first(SAMPLES))?.rows;
        let samples: Vec<_> = samples.iter().map(|sample| &sample.report).collect();
        let Some(draft) = self.draft(&found.pattern, &samples, &files)? else {
            anstream::eprintln!("abprall: {}", no_words(language));
            return Ok(ExitCode::from(1));
        };
        if self.output.is_some() && draft.reason == Reason::Undetermined {
            anstream::eprintln!("abprall: {}", no_reason(language));
            return Ok(ExitCode::from(2));
        }
        let classifier = files.with(&draft)?;
        let mut answer = self.catch(&*store, &classifier, &draft)?;
        if let Some(path) = &self.output {
            files.append(path, &draft)?;
            answer.file = Some(path.display().to_string());
        }
        match self.format {
            Format::Json => {
                let mut out = io::stdout().lock();
                serde_json::to_writer_pretty(&mut out, &answer)?;
                writeln!(out)?;
            }
            Format::Text => write(&answer, language)?,
        }
        Ok(ExitCode::SUCCESS)
    }

    /// The narrowest rule that catches all samples, else the one that catches most of them.
    fn draft(&self, pattern: &str, samples: &[&Report], files: &Files) -> anyhow::Result<Option<Draft>> {
        let known = files.classifier()?;
        let Some(first) = samples.first() else { return Ok(None) };
        let reasons: Vec<_> = samples.iter().map(|report| known.classify(report).reason).collect();
        let same = reasons.iter().all(|reason| *reason == reasons[0]).then(|| reasons[0]);
        let taken = |id: &str| known.rules().iter().any(|rule| &*rule.id == id);
        let wanted = id_of(pattern);
        let id = self.id.clone().unwrap_or_else(|| {
            let numbered = (2_u32..).map(|number| format!("{wanted}-{number}"));
            std::iter::once(wanted.clone()).chain(numbered).find(|id| !taken(id)).unwrap_or_default()
        });
        let base = Draft {
            id,
            pattern: String::new(),
            reply: common(samples, |report| report.reply_code).map(|code: ReplyCode| code.to_string()),
            status: common(samples, |report| report.status).map(|status| status.to_string()),
            reason: self.reason.or(same).unwrap_or(Reason::Undetermined),
            example: example_of(first),
        };
        let mut best: Option<(usize, Draft)> = None;
        for pattern in patterns(pattern) {
            let draft = Draft { pattern, ..base.clone() };
            let classifier = files.with(&draft)?;
            let caught = samples.iter().filter(|report| catches(&classifier, &draft, report)).count();
            if caught > best.as_ref().map_or(0, |(most, _)| *most) {
                best = Some((caught, draft));
            }
        }
        Ok(best.map(|(_, draft)| draft))
    }

    fn catch(&self, store: &dyn Store, classifier: &Classifier, draft: &Draft) -> anyhow::Result<Answer> {
        let mut answer = Answer {
            cluster: self.cluster,
            id: draft.id.clone(),
            pattern: draft.pattern.clone(),
            reason: draft.reason,
            toml: draft.to_toml(),
            file: None,
            waiting: 0,
            caught: 0,
            caught_elsewhere: 0,
            outcomes: BTreeMap::new(),
            doubts: doubts(classifier, draft),
        };
        let mut all = 0;
        each_page(store, None, |page| {
            for ReviewReport { report, .. } in page {
                if catches(classifier, draft, &report) {
                    all += 1;
                    let outcome = decided_alone(&report, &classifier.classify(&report));
                    *answer.outcomes.entry(outcome.as_str()).or_default() += 1;
                }
            }
            Ok(())
        })?;
        each_page(store, Some(self.cluster), |page| {
            answer.waiting += page.len() as u64;
            let caught = page.iter().filter(|waiting| catches(classifier, draft, &waiting.report)).count();
            answer.caught += caught as u64;
            Ok(())
        })?;
        answer.caught_elsewhere = u64::saturating_sub(all, answer.caught);
        Ok(answer)
    }
}

/// The rule decides the report, or has at least its say.
fn catches(classifier: &Classifier, draft: &Draft, report: &Report) -> bool {
    classifier.classify(report).because.first().is_some_and(|why| *why.rule == *draft.id)
}

fn doubts(classifier: &Classifier, draft: &Draft) -> Vec<String> {
    let findings = classifier.lint().into_iter().filter(|finding| finding.rule == draft.id);
    findings.map(|Finding { message, kind, .. }| format!("{message}: {}", kind.advice())).collect()
}

/// The rule files that are in use, and the one that the draft goes to.
struct Files {
    before: Vec<RuleFile>,
    name: String,
    /// What that file holds already.
    text: String,
}

impl Files {
    fn read(in_use: &[PathBuf], output: Option<&Path>) -> anyhow::Result<Self> {
        let read =
            |path: &Path| fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()));
        let text = match output {
            Some(path) if path.try_exists().unwrap_or(true) => read(path)?,
            Some(_) | None => String::new(),
        };
        let mut before = Vec::new();
        for path in in_use.iter().filter(|path| output != Some(path.as_path())) {
            before.push(RuleFile::new(&path.display().to_string(), &read(path)?));
        }
        let name = output.map_or_else(|| "draft".to_owned(), |path| path.display().to_string());
        Ok(Self { before, name, text })
    }

    fn classifier(&self) -> Result<Classifier, BadRules> {
        self.compiled(&self.text)
    }

    /// With the draft at the end of its file: what stands before it there wins, as it will.
    fn with(&self, draft: &Draft) -> Result<Classifier, BadRules> {
        self.compiled(&self.appended(draft))
    }

    fn compiled(&self, text: &str) -> Result<Classifier, BadRules> {
        let mut files = self.before.clone();
        files.push(RuleFile::new(&self.name, text));
        Classifier::with_rules(&files)
            .map_err(|problems| BadRules::new(problems.iter().map(RuleFileError::to_string).collect()))
    }

    fn appended(&self, draft: &Draft) -> String {
        let gap = if self.text.is_empty() {
            ""
        } else if self.text.ends_with('\n') {
            "\n"
        } else {
            "\n\n"
        };
        format!("{}{gap}{}", self.text, draft.to_toml())
    }

    /// Whole or not at all: the checked text takes the place of the file.
    fn append(&self, path: &Path, draft: &Draft) -> anyhow::Result<()> {
        let mut file = OutputFile::create(path)?;
        file.write_all(self.appended(draft).as_bytes())?;
        file.finish()
    }
}

fn write(answer: &Answer, language: Language) -> io::Result<()> {
    let mut words = anstream::AutoStream::auto(io::stderr().lock());
    match &answer.file {
        None => io::stdout().lock().write_all(answer.toml.as_bytes())?,
        Some(file) => {
            let text = pick(language, "appended to", "angehängt an");
            let mut out = anstream::AutoStream::auto(io::stdout().lock());
            writeln!(out, "{BOLD}{}{BOLD:#} {text} {file}", answer.id)?;
        }
    }
    let (caught, waiting) = (number(answer.caught), number(answer.waiting));
    match language {
        Language::En => writeln!(words, "it catches {caught} of {waiting} reports of this cluster")?,
        Language::De => writeln!(words, "sie trifft {caught} von {waiting} Meldungen dieser Gruppe")?,
    }
    if answer.caught_elsewhere > 0 {
        let text = pick(language, "waiting reports of other clusters", "wartende Meldungen anderer Gruppen");
        let and = pick(language, "and", "und");
        writeln!(words, "{and} {} {text}", number(answer.caught_elsewhere))?;
    }
    for (outcome, reports) in &answer.outcomes {
        let outcome =
            outcome.parse::<Outcome>().map_or(*outcome, |outcome| wording::outcome(outcome, language));
        writeln!(words, "{:>13}  {outcome}", number(*reports))?;
    }
    for doubt in &answer.doubts {
        writeln!(words, "{HELD}{}{HELD:#} {doubt}", pick(language, "doubtful:", "zweifelhaft:"))?;
    }
    if let Some(file) = &answer.file {
        let text = pick(language, "to decide what waits by it:", "um danach zu entscheiden:");
        writeln!(words, "{text} abprall review rerun --rules {file}")?;
    }
    Ok(())
}

fn no_words(language: Language) -> &'static str {
    pick(
        language,
        "the reports of this cluster have no words in common that a rule could look for; write one by hand (docs/rules.md)",
        "die Meldungen dieser Gruppe haben keine gemeinsamen Worte für eine Regel; bitte von Hand schreiben (docs/rules.md)",
    )
}

fn no_reason(language: Language) -> &'static str {
    pick(
        language,
        "say what the words mean: --reason REASON, for example user_unknown; nothing was written",
        "was bedeuten die Worte? --reason GRUND, zum Beispiel user_unknown; nichts wurde geschrieben",
    )
}
