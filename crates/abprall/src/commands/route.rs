use std::path::PathBuf;
use std::process::ExitCode;

use abprall_bounce::Kind;
use abprall_mail::Language;
use anyhow::Context;

use crate::intake::{self, Inputs, Judged, Progress};
use crate::language::Lang;
use crate::rule_files::RuleFiles;

mod answer;
mod bounce;
mod labels;
mod look;
mod map;
mod markdown;
mod options;
mod page;
mod people;
mod stored;
mod story;
mod svg;
mod target;
mod terminal;

use answer::Answer;
use bounce::Bounce;
use look::Looker;
use options::{Format, LookOptions};
use page::Notes;
use target::Target;

/// Look at the mail routing of a domain, or of the domain that a bounce is about: what is broken, where, and whose fault it is.
///
/// Asks the DNS, then every mail server of the domain at every address: connect, greeting, EHLO, STARTTLS, QUIT. Never sends a
/// sender or a recipient. Exit status: 0 mail gets through, 1 it does not or nobody can tell, 2 wrong usage, 3 could not do it.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Domains, addresses, or files with bounces (.eml, mbox, Maildir); `-` is a bounce on standard input.
    #[arg(required_unless_present = "show", value_name = "DOMAIN|FILE")]
    targets: Vec<String>,

    /// How to print.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    /// The language of the words.
    #[arg(long, value_enum, default_value_t = Lang::En)]
    lang: Lang,

    /// Also show what is only good to know.
    #[arg(long, short)]
    verbose: bool,

    /// A JSON output of an earlier run: two looks at different times prove more than one.
    #[arg(long, value_name = "FILE.json")]
    earlier: Option<PathBuf>,

    /// Look at nothing; print a stored JSON output as text, Markdown or picture.
    #[arg(long, value_name = "FILE.json", conflicts_with_all = ["targets", "earlier"])]
    show: Option<PathBuf>,

    /// Ask nothing of the network: only say what the bounce says.
    #[arg(long)]
    offline: bool,

    /// A mail server of ours, by name (with all names below it) or network: what it says of the way is believed.
    #[arg(long, value_name = "NAME|CIDR")]
    our_host: Vec<String>,

    #[command(flatten)]
    look: LookOptions,

    #[command(flatten)]
    rules: RuleFiles,
}

impl Args {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let language = Language::from(self.lang);
        if let Some(path) = &self.show {
            let diagnoses = stored::read(path, language)?;
            let answers = diagnoses.into_iter().map(|one| Answer { diagnosis: Some(one), bounce: None });
            return self.print(answers.map(Ok));
        }
        let mut targets = Vec::with_capacity(self.targets.len());
        for text in &self.targets {
            match Target::read(text) {
                Ok(target) => targets.push(target),
                Err(problem) => return Ok(usage(&problem)),
            }
        }
        if self.format == Format::Svg && (targets.len() > 1 || self.offline) {
            return Ok(usage("a picture shows the route of one domain"));
        }
        let earlier = match &self.earlier {
            Some(path) => stored::read(path, language)?,
            None => Vec::new(),
        };
        let mut looker = Looker::new(&self.look, earlier, language)?;
        let mut code = ExitCode::SUCCESS;
        for (number, target) in targets.into_iter().enumerate() {
            let answers = match target {
                Target::Domain(_) if self.offline => {
                    return Ok(usage("--offline is about bounces: a domain has to be looked at"));
                }
                Target::Domain(domain) => {
                    vec![Answer { diagnosis: Some(looker.look(&domain)?), bounce: None }]
                }
                Target::File(path) => self.about_bounces(path, &mut looker)?,
            };
            let _ = number;
            let one = self.print(answers.into_iter().map(Ok))?;
            if one != ExitCode::SUCCESS {
                code = one;
            }
        }
        Ok(code)
    }

    /// An answer for every failure or delay in the file.
    fn about_bounces(&self, path: PathBuf, looker: &mut Looker) -> anyhow::Result<Vec<Answer>> {
        let bounces = self.bounces(path)?;
        let mut answers = Vec::with_capacity(bounces.len());
        for bounce in bounces {
            let diagnosis = match bounce.domain() {
                Some(domain) if !self.offline => Some(looker.look(&domain)?),
                Some(_) | None => None,
            };
            answers.push(Answer { diagnosis, bounce: Some(bounce) });
        }
        Ok(answers)
    }

    fn bounces(&self, path: PathBuf) -> anyhow::Result<Vec<Bounce>> {
        let name = path.display().to_string();
        let rules = RuleFiles { rules: self.rules.rules.clone() };
        let classifier = rules.classifier()?;
        let inputs = Inputs { paths: vec![path], lines: false, rules };
        let mut bounces = Vec::new();
        let totals = intake::run(&inputs, &classifier, Progress::Never, |judged| {
            take_failures(judged, &mut bounces);
            Ok(())
        })?;
        if let Some((path, error)) = totals.unreadable.into_iter().next() {
            return Err(error).with_context(|| format!("cannot read {}", path.display()));
        }
        anyhow::ensure!(
            !bounces.is_empty(),
            "{name} holds no bounce: nothing in it reports a failure or a delay"
        );
        Ok(bounces)
    }

    fn print(&self, answers: impl Iterator<Item = anyhow::Result<Answer>>) -> anyhow::Result<ExitCode> {
        let notes = if self.verbose { Notes::Shown } else { Notes::Counted };
        let mut code = ExitCode::SUCCESS;
        for (number, answer) in answers.enumerate() {
            let answer = answer?;
            if number > 0 && matches!(self.format, Format::Text | Format::Markdown) {
                anstream::println!("\n");
            }
            answer.write(self.format, self.lang.into(), notes)?;
            if !answer.is_yes() {
                code = ExitCode::from(1);
            }
        }
        Ok(code)
    }
}

fn take_failures(judged: Judged, bounces: &mut Vec<Bounce>) {
    let reports = judged.reading.reports.into_iter().zip(judged.classifications);
    for (index, (report, classification)) in reports.enumerate() {
        if matches!(report.kind, Kind::Failed | Kind::Delayed) {
            bounces.push(Bounce { source: judged.source.clone(), index, report, judged: classification });
        }
    }
}

fn usage(problem: &str) -> ExitCode {
    anstream::eprintln!("abprall: {problem}");
    ExitCode::from(2)
}
