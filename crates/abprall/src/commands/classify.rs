use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use abprall_bounce::{Classifier, read, read_line};
use anyhow::Context;

use crate::report_line::ReportLine;

/// Read and classify bounces; store nothing.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Files or directories.
    paths: Vec<PathBuf>,
    /// Each line of the files is an SMTP reply.
    #[arg(long)]
    lines: bool,
    /// Output format.
    #[arg(long, default_value = "ndjson")]
    format: String,
}

impl Args {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let classifier = Classifier::built_in();
        let mut out = std::io::BufWriter::new(std::io::stdout().lock());
        for path in files(&self.paths)? {
            let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            let source = path.display().to_string();
            if self.lines {
                for (number, line) in String::from_utf8_lossy(&bytes).lines().enumerate() {
                    let report = read_line(line);
                    let source = format!("{source}:{}", number + 1);
                    let judged = classifier.classify(&report);
                    let row = ReportLine::new(&source, 0, &report, &judged);
                    writeln!(out, "{}", serde_json::to_string(&row)?)?;
                }
                continue;
            }
            let reading = read(&bytes);
            for (index, report) in reading.reports.iter().enumerate() {
                let judged = classifier.classify(report);
                let row = ReportLine::new(&source, index, report, &judged);
                writeln!(out, "{}", serde_json::to_string(&row)?)?;
            }
            if reading.reports.is_empty() {
                writeln!(out, "{}", serde_json::to_string(&ReportLine::none(&source, &reading))?)?;
            }
        }
        out.flush()?;
        Ok(ExitCode::SUCCESS)
    }
}

fn files(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in paths {
        if path.is_dir() {
            let mut names: Vec<PathBuf> =
                fs::read_dir(path)?.map(|e| Ok(e?.path())).collect::<std::io::Result<_>>()?;
            names.sort();
            found.extend(names.into_iter().filter(|p: &PathBuf| Path::is_file(p)));
        } else {
            found.push(path.clone());
        }
    }
    Ok(found)
}
