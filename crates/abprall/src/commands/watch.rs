use std::cell::RefCell;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

use abprall_mail::{Domain, Language};
use abprall_policy::Policy;
use abprall_route::{ObserverConfig, ObserverError, OurHosts};
use abprall_store::Store;
use clap::ValueEnum;
use indicatif::ProgressBar;

use crate::clock::{Clock, ClockOption};
use crate::commands::route::observing::{self, LabOptions};
use crate::commands::route::options::{LookOptions, time};
use crate::language::Lang;
use crate::policy_file::PolicyFile;
use crate::rule_files::RuleFiles;
use crate::store_file::StoreFile;
use crate::watch::{NetworkLook, News, PassSummary, Shutdown, Watch, all_that_is_due, lease, owner, rest};
use crate::wording::pick;

mod words;

/// Look at what is held: confirm it, release it, or bring it back when the way works again.
///
/// Does what is due and ends; with `--follow` it goes on. Several of them may work on one database: none does the work of another.
/// What is printed is stored. Exit status: 0 done, 1 done, but our own side is at fault or cannot see, 2 wrong usage, 3 could not do it.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    store: StoreFile,

    /// Go on: look whenever something is due, until SIGINT or SIGTERM.
    #[arg(long, conflicts_with_all = ["now", "allow"])]
    follow: bool,

    /// With --follow, how often new work of other processes is looked for.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = time, requires = "follow")]
    poll: Duration,

    /// Look at this domain now, besides what is due.
    #[arg(long, value_name = "DOMAIN", value_parser = Domain::parse)]
    domain: Vec<Domain>,

    /// Let a domain come back that only a person may let back (its owner changed, or it was dead for long); looks at nothing.
    #[arg(long, value_name = "DOMAIN", value_parser = Domain::parse, conflicts_with = "domain")]
    allow: Vec<Domain>,

    /// A note for those who ask later; with --allow.
    #[arg(long, value_name = "TEXT", requires = "allow")]
    note: Option<String>,

    #[command(flatten)]
    policy: PolicyFile,

    /// A mail server of ours, by name, suffix (`.example.com`), address or network: what it says of the way is believed.
    #[arg(long, value_name = "HOST|CIDR")]
    our_host: Vec<String>,

    #[command(flatten)]
    look: LookOptions,

    #[command(flatten)]
    lab: LabOptions,

    #[command(flatten)]
    rules: RuleFiles,

    #[command(flatten)]
    clock: ClockOption,

    /// How to print: words; one JSON object for all of it; or one for each thing that happened, and one for all of it.
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
    Ndjson,
}

impl Args {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let policy = self.policy.read()?;
        let usage = |problem: String| {
            anstream::eprintln!("abprall: {problem}");
            Ok(ExitCode::from(2))
        };
        let config = match observing::config(&self.look, &self.lab) {
            Ok(config) => config,
            Err(error) => return usage(error.to_string()),
        };
        let ours = match OurHosts::parse(self.our_host.iter().map(String::as_str)) {
            Ok(ours) => ours,
            Err(error) => return usage(error.to_string()),
        };
        let mut store = self.store.open_existing()?;
        if !self.allow.is_empty() {
            return self.let_back(&mut *store);
        }
        for domain in &self.domain {
            store.look_now(domain.as_str(), self.clock.clock().now())?;
        }
        // A file of authorities that is none, a name that cannot be said: the operator's to mend, and better at once than at the
        // first look.
        if let Err(error) = NetworkLook::new(config.clone(), self.lang.into()) {
            if error.is::<ObserverError>() {
                return usage(format!("{error:#}"));
            }
            return Err(error);
        }
        self.watch(&mut *store, &policy, &config, &ours)
    }

    fn watch(
        &self,
        store: &mut dyn Store,
        policy: &Policy,
        config: &ObserverConfig,
        ours: &OurHosts,
    ) -> anyhow::Result<ExitCode> {
        let shutdown = Shutdown::on_signals()?;
        let classifier = self.rules.classifier()?;
        let clock = self.clock.clock();
        let owner = owner();
        let mut watch = Watch {
            store,
            policy,
            classifier: &classifier,
            ours,
            owner: &owner,
            lease: lease(config.deadline),
            language: self.lang.into(),
            clock,
        };
        let mut printer = Printer::new(self.format, self.lang.into());
        let mut sum = PassSummary::default();
        let is_ended = || shutdown.is_wanted();
        loop {
            // Both closures print, one after the other.
            let printer = RefCell::new(&mut printer);
            sum.add(&all_that_is_due(
                &mut watch,
                config,
                &is_ended,
                &mut |news| printer.borrow_mut().print(news),
                &mut |sum| printer.borrow().progress(sum),
            )?);
            if !self.follow || shutdown.is_wanted() {
                break;
            }
            shutdown.wait(rest(&watch, &sum, self.poll));
            if shutdown.is_wanted() {
                break;
            }
        }
        printer.end(&sum, clock)?;
        Ok(ExitCode::from(u8::from(sum.alarm)))
    }

    /// Exit status 1 where one of them waits for nobody.
    fn let_back(&self, store: &mut dyn Store) -> anyhow::Result<ExitCode> {
        let at = self.clock.clock().now();
        let language = self.lang.into();
        let mut out = anstream::AutoStream::auto(io::stdout().lock());
        let mut all = true;
        for domain in &self.allow {
            let doubt = store.allow_return(domain.as_str(), at, self.note.as_deref())?;
            all &= doubt.is_some();
            match self.format {
                Format::Text => writeln!(out, "{}", words::allowed(domain, doubt, language))?,
                Format::Json | Format::Ndjson => {
                    let line =
                        serde_json::json!({ "domain": domain, "allowed": doubt.is_some(), "doubt": doubt });
                    writeln!(out, "{line}")?;
                }
            }
        }
        Ok(ExitCode::from(u8::from(!all)))
    }
}

/// Says what happened as it happens, and what it came to at the end.
struct Printer {
    format: Format,
    language: Language,
    bar: ProgressBar,
    all: Vec<News>,
}

impl Printer {
    fn new(format: Format, language: Language) -> Self {
        // Drawn on standard error, and on a terminal only.
        let bar = if io::stderr().is_terminal() && !(format == Format::Ndjson && io::stdout().is_terminal()) {
            ProgressBar::new_spinner()
        } else {
            ProgressBar::hidden()
        };
        bar.enable_steady_tick(Duration::from_millis(200));
        Self { format, language, bar, all: Vec::new() }
    }

    fn progress(&self, sum: &PassSummary) {
        let text = pick(self.language, "domains looked at", "Domains angesehen");
        self.bar.set_message(format!("{} {text}", sum.domains));
    }

    fn print(&mut self, news: &News) -> anyhow::Result<()> {
        match self.format {
            Format::Text => self.bar.suspend(|| {
                let mut out = anstream::AutoStream::auto(io::stdout().lock());
                words::write_news(&mut out, news, self.language)?;
                out.flush()
            })?,
            Format::Ndjson => {
                let mut out = io::stdout().lock();
                serde_json::to_writer(&mut out, news)?;
                out.write_all(b"\n")?;
                out.flush()?;
            }
            // One object can only be printed at the end; with --follow that would be never, and fill the memory.
            Format::Json if self.all.len() < NEWS_MAX => self.all.push(news.clone()),
            Format::Json => {}
        }
        Ok(())
    }

    fn end(&self, sum: &PassSummary, clock: Clock) -> anyhow::Result<()> {
        self.bar.finish_and_clear();
        let mut out = anstream::AutoStream::auto(io::stdout().lock());
        match self.format {
            Format::Text => words::write_summary(&mut out, sum, clock.now(), self.language)?,
            Format::Json => {
                let all = serde_json::json!({ "summary": sum, "news": self.all });
                writeln!(out, "{all}")?;
            }
            Format::Ndjson => writeln!(out, "{}", serde_json::json!({ "summary": sum }))?,
        }
        out.flush()?;
        Ok(())
    }
}

/// News that one JSON object holds: more is for `ndjson`.
const NEWS_MAX: usize = 100_000;
