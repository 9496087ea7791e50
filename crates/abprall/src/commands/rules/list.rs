use std::io::{self, BufWriter, IsTerminal, Write};
use std::process::ExitCode;

use abprall_bounce::Rule;
use abprall_mail::Reason;
use clap::ValueEnum;
use serde::Serialize;

use crate::report_line::rounded;
use crate::rule_files::RuleFiles;
use crate::terminal::{BOLD, DIM, beside, cut, width};

/// List the rules in the order in which they are asked: the first that fits wins.
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    rules: RuleFiles,

    /// Only rules that say this reason.
    #[arg(long, value_name = "REASON", value_parser = |text: &str| text.parse::<Reason>())]
    reason: Option<Reason>,

    /// Only rules whose id, file, host or example holds this text.
    #[arg(long, value_name = "TEXT")]
    containing: Option<String>,

    /// How to print.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// For people
    Table,
    /// One JSON object a rule and line
    #[value(alias = "json")]
    Ndjson,
    /// CSV with a header
    Csv,
}

#[derive(Serialize)]
struct Row<'a> {
    id: &'a str,
    file: &'a str,
    reason: Reason,
    scope: String,
    confidence: f64,
    weak: bool,
    pattern: &'a str,
    example: &'a str,
    source: Option<&'a str>,
}

impl<'a> Row<'a> {
    fn new(rule: &'a Rule) -> Self {
        Self {
            id: &rule.id,
            file: &rule.file,
            reason: rule.reason,
            scope: rule.scope.to_string(),
            // Not 0.8999999761581421: the number that stands in the file.
            confidence: rounded(rule.confidence),
            weak: rule.weak,
            pattern: &rule.pattern,
            example: &rule.example,
            source: rule.source.as_deref(),
        }
    }
}

impl Args {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let classifier = self.rules.classifier()?;
        let wanted: Vec<_> =
            classifier.rules().iter().filter(|rule| self.wants(rule)).map(Row::new).collect();
        let out = anstream::AutoStream::auto(io::stdout().lock());
        match self.format {
            Format::Table => write_table(&wanted, out),
            Format::Ndjson => write_ndjson(&wanted, out),
            Format::Csv => write_csv(&wanted, out),
        }?;
        Ok(ExitCode::SUCCESS)
    }

    fn wants(&self, rule: &Rule) -> bool {
        let holds = |text: &str| {
            let text = text.to_lowercase();
            [&rule.id, &rule.file].into_iter().any(|field| field.to_lowercase().contains(&text))
                || rule.scope.host.iter().any(|host| host.contains(&text))
                || rule.example.to_lowercase().contains(&text)
        };
        self.reason.is_none_or(|reason| reason == rule.reason) && self.containing.as_deref().is_none_or(holds)
    }
}

fn write_table(rows: &[Row<'_>], mut out: impl Write) -> anyhow::Result<()> {
    let width = if io::stdout().is_terminal() { width(160) } else { 80 };
    let mut file = "";
    for row in rows {
        if row.file != file {
            file = row.file;
            writeln!(out, "{BOLD}{file}{BOLD:#}")?;
        }
        let scope = if row.scope.is_empty() { String::new() } else { format!("  ({})", row.scope) };
        writeln!(out, "  {}", beside(row.id, 28, &format!("{}{scope}", row.reason), 2, width))?;
        writeln!(out, "      {DIM}{}{DIM:#}", cut(row.example, width.saturating_sub(6)))?;
    }
    writeln!(out, "{} {}", rows.len(), if rows.len() == 1 { "rule" } else { "rules" })?;
    Ok(out.flush()?)
}

fn write_ndjson(rows: &[Row<'_>], out: impl Write) -> anyhow::Result<()> {
    let mut out = BufWriter::new(out);
    for row in rows {
        serde_json::to_writer(&mut out, row)?;
        out.write_all(b"\n")?;
    }
    Ok(out.flush()?)
}

fn write_csv(rows: &[Row<'_>], out: impl Write) -> anyhow::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    rows.iter().try_for_each(|row| csv.serialize(row))?;
    Ok(csv.flush()?)
}
