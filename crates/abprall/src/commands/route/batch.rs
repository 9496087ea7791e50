//! `abprall route --batch`: audits a list of domains.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use abprall_mail::Language;
use abprall_route::batch::{self, BatchOptions, BatchProgress, Facts, Finished, Rate};
use abprall_route::observe::{MailServers, Scope, Sharing, Walk};
use abprall_route::{Observer, ObserverConfig};
use anyhow::Context;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::terminal::number;

#[derive(clap::Args)]
pub(super) struct BatchArgs {
    /// Audit a list: one domain or address a line, `#` begins a comment; `-` is standard input. One line of JSON each, as they are done.
    #[arg(long, value_name = "FILE|-")]
    pub(super) batch: Option<PathBuf>,

    /// Write the results of --batch into this file instead of standard output.
    #[arg(long, value_name = "FILE", requires = "batch")]
    output: Option<PathBuf>,

    /// Continue an audit that was stopped: what --output already holds is not looked at again.
    #[arg(long, requires = "output")]
    resume: bool,

    /// How many domains of --batch are looked at at the same time [default: 100; 1000 with --dns-only].
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=20_000), requires = "batch")]
    concurrency: Option<u32>,

    /// Write the facts into every line of --batch as well.
    #[arg(long, requires = "batch")]
    observations: bool,
}

impl BatchArgs {
    /// Exit status 0 when every entry was answered, 1 when some are no domains, 2 for an output that must not be overwritten.
    pub(super) fn run(
        &self,
        list: &Path,
        mut config: ObserverConfig,
        language: Language,
    ) -> anyhow::Result<ExitCode> {
        let dns_only = config.mail_servers == MailServers::Leave;
        if dns_only {
            // Long lists: MX and addresses, and whatever the judgement needs of them.
            config.scope = Scope::RouteOnly;
            if config.walk == Walk::AfterFailure {
                config.walk = Walk::Never;
            }
            // A recursor of our own cannot be forged to from outside; others keep a port a question.
            if config.resolvers.first().is_some_and(|resolver| resolver.ip().is_loopback()) {
                config.sharing = Sharing::HostsAndSockets;
            }
        }
        let (output, finished) = match self.open_output()? {
            Opened::Ready(output, finished) => (output, finished),
            Opened::Refused(problem) => {
                anstream::eprintln!("abprall: {problem}");
                return Ok(ExitCode::from(2));
            }
        };
        let (list, size) = open_list(list)?;
        let options = BatchOptions {
            concurrency: self.concurrency.unwrap_or(if dns_only { 1000 } else { 100 }) as usize,
            facts: if self.observations { Facts::Written } else { Facts::LeftOut },
            language,
        };
        let bar = Bar::new(size);
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let far = runtime.block_on(async {
            let observer = Arc::new(Observer::new(config).await?);
            Ok::<_, anyhow::Error>(
                batch::audit(observer, list, finished, output, options, |far| bar.at(far)).await?,
            )
        });
        bar.finish();
        // A thread may still wait for standard input.
        runtime.shutdown_background();
        let far = far?;
        anstream::eprintln!("{}", bar.summary(far));
        Ok(ExitCode::from(u8::from(far.bad > 0)))
    }

    fn open_output(&self) -> anyhow::Result<Opened> {
        let Some(path) = &self.output else {
            let output = BufWriter::with_capacity(1 << 16, io::stdout());
            return Ok(Opened::Ready(Box::new(output), Finished::default()));
        };
        let context = || format!("opening {}", path.display());
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .with_context(context)?;
        let empty = file.metadata().with_context(context)?.len() == 0;
        if !empty && !self.resume {
            let path = path.display();
            return Ok(Opened::Refused(format!("{path} is not empty; --resume continues it")));
        }
        let finished = match batch::resume(&mut file) {
            Ok(finished) => finished,
            Err(error) => return Ok(Opened::Refused(format!("{}: {error}", path.display()))),
        };
        Ok(Opened::Ready(Box::new(BufWriter::with_capacity(1 << 16, file)), finished))
    }
}

enum Opened {
    Ready(Box<dyn Write>, Finished),
    Refused(String),
}

/// The list, and its size where it is known.
fn open_list(path: &Path) -> anyhow::Result<(Box<dyn BufRead + Send>, Option<u64>)> {
    if path == Path::new("-") {
        return Ok((Box::new(BufReader::new(io::stdin())), None));
    }
    let file = File::open(path).with_context(|| format!("opening {}", path.display()))?;
    let size = file.metadata().ok().filter(std::fs::Metadata::is_file).map(|metadata| metadata.len());
    Ok((Box::new(BufReader::with_capacity(1 << 16, file)), size))
}

/// How far the audit is, on standard error while that is a terminal.
struct Bar {
    bar: ProgressBar,
    rate: Rate,
}

impl Bar {
    fn new(size: Option<u64>) -> Self {
        let rate = Rate::begin();
        if !io::stderr().is_terminal() {
            return Self { bar: ProgressBar::hidden(), rate };
        }
        let bar = ProgressBar::with_draw_target(size, ProgressDrawTarget::stderr_with_hz(5));
        let template = match size {
            Some(_) => "{bar:24} {percent:>3} %  {msg}  {eta} left",
            None => "{spinner} {msg}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        Self { bar, rate }
    }

    fn at(&self, far: BatchProgress) {
        self.bar.set_position(far.bytes);
        self.bar.set_message(format!(
            "{} domains  {:.0}/s",
            number(far.done + far.skipped),
            self.rate.of(far)
        ));
    }

    fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn summary(&self, far: BatchProgress) -> String {
        let mut text = format!("{} looked at, {:.0} a second", number(far.done - far.bad), self.rate.of(far));
        if far.skipped > 0 {
            text.push_str(&format!("; {} were done before", number(far.skipped)));
        }
        if far.bad > 0 {
            text.push_str(&format!("; {} are no domains", number(far.bad)));
        }
        text
    }
}
