//! The ways in: files, mailboxes, directories and standard input become messages; both cores read and classify them; the
//! caller gets the results in the order of the input.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use abprall_bounce::{Classification, Classifier, Reading};
use abprall_store::ContentId;
use anyhow::Context;

use crate::rule_files::RuleFiles;

mod budget;
pub(crate) mod form;
pub(crate) mod identity;
mod open;
mod pipeline;
mod progress;
mod walk;

/// What to read, from the command line.
#[derive(clap::Args)]
pub(crate) struct Inputs {
    /// Messages (.eml), mailboxes (mbox), Maildirs, mail logs, bodies of webhooks, directories of these, plain or gzipped; `-` is
    /// standard input.
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,

    /// Each line of the input is one SMTP reply, not a message.
    #[arg(long, conflicts_with = "from")]
    pub(crate) lines: bool,

    /// What the input is, where that is not seen from its start: `mail`; a log (`mail-log`, `postfix-log`, `exim-log`,
    /// `sendmail-log`, `opensmtpd-log`, `powermta-csv`, `kumomta-json`); or a service whose webhook posted it (`ses`, `sendgrid`,
    /// `mailgun`, `postmark`, `sparkpost`, `brevo`, `mailjet`, `mandrill`, `resend`, `postal`, `kumomta`, `abprall`).
    #[arg(long, value_name = "FORM")]
    pub(crate) from: Option<form::Form>,

    #[command(flatten)]
    pub(crate) rules: RuleFiles,
}

impl Inputs {
    /// Fails where nothing of what was named is there: then no database needs to be made for it.
    pub(crate) fn is_anything_there(&self) -> anyhow::Result<()> {
        let is_there = |path: &PathBuf| path.as_os_str() == "-" || path.exists();
        match self.paths.first() {
            Some(first) if !self.paths.iter().any(is_there) => {
                let looked = std::fs::metadata(first);
                looked.map(|_| ()).with_context(|| format!("cannot read {}", first.display()))
            }
            _ => Ok(()),
        }
    }
}

/// One message (or reply line), read and classified.
pub(crate) struct Judged {
    /// Where it came from: the path, with `#N` for the N-th message of a mailbox or `:N` for the N-th line.
    pub(crate) source: String,
    /// The same message has the same one wherever it lies.
    pub(crate) content: ContentId,
    /// What was understood.
    pub(crate) reading: Reading,
    /// The judgement of each report, in the same order.
    pub(crate) classifications: Vec<Classification>,
}

/// What a run has seen.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    /// Messages, or lines.
    pub(crate) messages: u64,
    /// Paths that could not be read, with the reason.
    pub(crate) unreadable: Vec<(PathBuf, io::Error)>,
}

impl Totals {
    /// 0, or 3 when something could not be read; says on standard error what.
    pub(crate) fn exit_code(&self) -> ExitCode {
        for (path, error) in &self.unreadable {
            anstream::eprintln!("abprall: cannot read {}: {error}", path.display());
        }
        if self.unreadable.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(3) }
    }
}

/// Whether a progress bar may be drawn on standard error.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Progress {
    /// When standard error is a terminal.
    OnTerminal,
    /// Never: the results themselves scroll by.
    Never,
}

/// Reads everything that `inputs` names and calls `each` for every message, in order.
///
/// Unreadable files are collected, not fatal. An error of `each` stops the run.
pub(crate) fn run(
    inputs: &Inputs,
    classifier: &Classifier,
    progress: Progress,
    each: impl FnMut(Judged) -> anyhow::Result<()>,
) -> anyhow::Result<Totals> {
    for path in &inputs.paths {
        if !open::is_stdin(path) {
            path.metadata().with_context(|| format!("cannot read {}", path.display()))?;
        }
    }
    pipeline::run(inputs, classifier, progress, each)
}
