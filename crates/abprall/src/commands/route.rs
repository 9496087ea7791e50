use std::path::PathBuf;
use std::process::ExitCode;

use abprall_bounce::Kind;
use abprall_mail::Language;
use abprall_route::{ObserverConfig, ObserverError, OurHosts};
use anyhow::Context;

use crate::intake::form::Form;
use crate::intake::{self, Inputs, Judged, Progress};
use crate::language::Lang;
use crate::rule_files::RuleFiles;

mod answer;
mod batch;
mod bounce;
pub(super) mod labels;
mod look;
mod map;
mod markdown;
pub(super) mod observing;
pub(super) mod options;
mod page;
mod people;
mod stored;
mod story;
mod svg;
mod target;
mod terminal;

use answer::Answer;
use batch::BatchArgs;
use bounce::Bounce;
use look::Looker;
use observing::LabOptions;
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
    #[arg(required_unless_present_any = ["show", "batch"], value_name = "DOMAIN|FILE")]
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

    /// A mail server of ours, by name, suffix (`.example.com`), address or network: what it says of the way is believed.
    #[arg(long, value_name = "HOST|CIDR")]
    our_host: Vec<String>,

    #[command(flatten)]
    look: LookOptions,

    #[command(flatten)]
    lab: LabOptions,

    #[command(flatten)]
    batch: BatchArgs,

    #[command(flatten)]
    rules: RuleFiles,
}

impl Args {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let language = Language::from(self.lang);
        if let Some(path) = &self.show {
            let diagnoses = stored::read(path, language)?;
            if self.format == Format::Svg && diagnoses.len() > 1 {
                return Ok(usage(ONE_PICTURE));
            }
            let answers: Vec<_> =
                diagnoses.into_iter().map(|one| Answer { diagnosis: Some(one), bounce: None }).collect();
            return Printer::new(&self).print(&answers);
        }
        match self.questions() {
            Ok(questions) => match &self.batch.batch {
                Some(list) => self.batch.run(list, questions.config, language),
                None => self.answer(questions),
            },
            Err(problem) => Ok(usage(&problem)),
        }
    }

    /// What is asked, checked: what is wrong here is the operator's to mend.
    fn questions(&self) -> Result<Questions, String> {
        let targets: Vec<_> = self.targets.iter().map(|text| Target::read(text)).collect::<Result<_, _>>()?;
        if self.batch.batch.is_some() && !targets.is_empty() {
            return Err("--batch takes its domains from the list alone".to_owned());
        }
        let has_domain = targets.iter().any(|target| matches!(target, Target::Domain(_)));
        if self.format == Format::Svg && (targets.len() > 1 || self.offline) {
            return Err(ONE_PICTURE.to_owned());
        }
        if self.offline && has_domain {
            return Err("--offline is about bounces: a domain has to be looked at".to_owned());
        }
        let ours = self.our_host.iter().map(String::as_str);
        Ok(Questions {
            targets,
            config: observing::config(&self.look, &self.lab).map_err(|error| error.to_string())?,
            ours: OurHosts::parse(ours).map_err(|error| error.to_string())?,
        })
    }

    fn answer(&self, questions: Questions) -> anyhow::Result<ExitCode> {
        let Questions { targets, config, ours } = questions;
        let language = Language::from(self.lang);
        let earlier = match &self.earlier {
            Some(path) => stored::read(path, language)?,
            None => Vec::new(),
        };
        let mut looker = match (!self.offline).then(|| Looker::new(config, earlier, language)).transpose() {
            Ok(looker) => looker,
            // A file of authorities that is none, a name that cannot be said: the operator's to mend.
            Err(error) if error.is::<ObserverError>() => return Ok(usage(&format!("{error:#}"))),
            Err(error) => return Err(error),
        };
        let mut printer = Printer::new(self);
        let mut code = ExitCode::SUCCESS;
        let mut ahead = 0;
        for (place, target) in targets.iter().enumerate() {
            if let (Some(looker), true) = (&mut looker, place >= ahead) {
                let next = targets[place..].iter().take(LOOKS_AT_ONCE);
                let domains: Vec<_> = next.filter_map(|target| target.domain().cloned()).collect();
                looker.look_ahead(&domains);
                ahead = place + LOOKS_AT_ONCE;
            }
            let answers = match target {
                Target::Domain(domain) => {
                    let diagnosis = looker.as_mut().map(|looker| looker.look(domain));
                    vec![Answer { diagnosis, bounce: None }]
                }
                Target::File(path) => self.about_bounces(path.clone(), &ours, looker.as_mut())?,
            };
            let one = printer.print(&answers)?;
            if one != ExitCode::SUCCESS {
                code = one;
            }
        }
        Ok(code)
    }

    /// An answer for every failure or delay in the file.
    fn about_bounces(
        &self,
        path: PathBuf,
        ours: &OurHosts,
        mut looker: Option<&mut Looker>,
    ) -> anyhow::Result<Vec<Answer>> {
        let mut answers = Vec::new();
        for mut bounce in self.bounces(path, ours)? {
            let mut diagnosis = match (bounce.domain(), &mut looker) {
                (Some(domain), Some(looker)) => Some(looker.look(&domain)),
                (Some(_) | None, _) => None,
            };
            bounce.hold_against(diagnosis.as_mut(), self.lang.into());
            answers.push(Answer { diagnosis, bounce: Some(bounce) });
        }
        Ok(answers)
    }

    fn bounces(&self, path: PathBuf, ours: &OurHosts) -> anyhow::Result<Vec<Bounce>> {
        let name = path.display().to_string();
        let rules = RuleFiles { rules: self.rules.rules.clone() };
        let classifier = rules.classifier()?;
        let inputs = Inputs { paths: vec![path], lines: false, from: Some(Form::Mail), rules };
        let mut bounces = Vec::new();
        let totals = intake::run(&inputs, &classifier, Progress::Never, |judged| {
            take_failures(judged, ours, &mut bounces);
            Ok(())
        })?;
        if let Some((path, error)) = totals.unreadable.into_iter().next() {
            return Err(error).with_context(|| format!("cannot read {}", path.display()));
        }
        anyhow::ensure!(
            !bounces.is_empty(),
            "{name} holds no bounce: nothing in it reports a failure or a delay"
        );
        anyhow::ensure!(
            self.format != Format::Svg || bounces.len() == 1,
            "{name} holds {} bounces; {ONE_PICTURE}",
            bounces.len()
        );
        Ok(bounces)
    }
}

/// Domains that are looked at at the same time; their answers are printed in the order of the questions.
const LOOKS_AT_ONCE: usize = 16;

const ONE_PICTURE: &str = "a picture shows the route of one domain";

/// What is asked, after checking.
struct Questions {
    targets: Vec<Target>,
    config: ObserverConfig,
    ours: OurHosts,
}

/// Prints answers one below the other.
struct Printer {
    format: Format,
    language: Language,
    notes: Notes,
    printed: usize,
}

impl Printer {
    fn new(args: &Args) -> Self {
        let notes = if args.verbose { Notes::Shown } else { Notes::Counted };
        Self { format: args.format, language: args.lang.into(), notes, printed: 0 }
    }

    /// 1 when one of the answers is "no".
    fn print(&mut self, answers: &[Answer]) -> anyhow::Result<ExitCode> {
        for answer in answers {
            if self.printed > 0 && matches!(self.format, Format::Text | Format::Markdown) {
                anstream::println!("\n");
            }
            self.printed += 1;
            answer.write(self.format, self.language, self.notes)?;
        }
        Ok(ExitCode::from(u8::from(!answers.iter().all(Answer::is_yes))))
    }
}

fn take_failures(judged: Judged, ours: &OurHosts, bounces: &mut Vec<Bounce>) {
    let reports = judged.reading.reports.into_iter().zip(judged.classifications);
    for (index, (report, classification)) in reports.enumerate() {
        if matches!(report.kind, Kind::Failed | Kind::Delayed) {
            bounces.push(Bounce::new(judged.source.clone(), index, report, classification, ours));
        }
    }
}

fn usage(problem: &str) -> ExitCode {
    anstream::eprintln!("abprall: {problem}");
    ExitCode::from(2)
}
