use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use abprall_bounce::Finding;
use clap::ValueEnum;

use crate::rule_files;
use crate::terminal::{BOLD, HELD, width, wrapped};

/// Check rule files: that they can be read, that each rule wins its own example, and what else is doubtful.
///
/// Without a file the built-in rules are checked. Exit status: 0 all is well, 1 something is doubtful, 2 a file is broken.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Files of rules, in the order in which they would be given to `--rules`.
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,

    /// How to print.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One JSON object a finding and line
    #[value(alias = "json")]
    Ndjson,
}

impl Args {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let classifier = rule_files::classifier(&self.files)?;
        let names: Vec<_> = self.files.iter().map(|path| path.display().to_string()).collect();
        let asked = |file: &str| names.is_empty() || names.iter().any(|name| name == file);
        // What the operator did not write, the operator cannot mend.
        let findings: Vec<_> = classifier.lint().into_iter().filter(|finding| asked(&finding.file)).collect();
        let rules = classifier.rules().iter().filter(|rule| asked(&rule.file)).count();
        match self.format {
            Format::Text => write_text(&findings, rules)?,
            Format::Ndjson => write_ndjson(&findings)?,
        }
        Ok(if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
    }
}

fn write_text(findings: &[Finding], rules: usize) -> io::Result<()> {
    let mut out = anstream::AutoStream::auto(io::stdout().lock());
    for finding in findings {
        let Finding { rule, file, kind, message } = finding;
        writeln!(out, "{HELD}{kind}{HELD:#}  {BOLD}{rule}{BOLD:#}  {file}")?;
        writeln!(out, "{}", wrapped(message, 2, width(100)))?;
        writeln!(out, "{}\n", wrapped(kind.advice(), 2, width(100)))?;
    }
    let doubts = match findings.len() {
        0 => "nothing doubtful".to_owned(),
        1 => "1 finding".to_owned(),
        more => format!("{more} findings"),
    };
    writeln!(out, "{rules} {} checked, {doubts}", if rules == 1 { "rule" } else { "rules" })
}

fn write_ndjson(findings: &[Finding]) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    for Finding { rule, file, kind, message } in findings {
        let line = serde_json::json!({
            "finding": kind.to_string(), "rule": rule, "file": file, "message": message, "advice": kind.advice(),
        });
        writeln!(out, "{line}")?;
    }
    Ok(())
}
