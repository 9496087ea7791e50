use std::io::{self, Write};
use std::process::ExitCode;

use abprall_bounce::{Classifier, Kind, Phase};
use abprall_mail::{EmailAddress, Language, Reason, ReplyCode};
use abprall_store::{ReviewReport, Rows};
use jiff::Timestamp;
use serde::Serialize;

use super::list::write_cluster;
use super::waiting::{cluster, no_cluster};
use crate::dates;
use crate::language::Lang;
use crate::listing::{self, ListFormat, Paging, Row, field};
use crate::rule_files::RuleFiles;
use crate::store_file::StoreFile;
use crate::terminal::{BOLD, DIM, plain, width, wrapped};
use crate::wording::{self, pick};

/// Show the reports of a cluster, and what the rules make of each. Exit status 1 where there is no such cluster.
#[derive(clap::Args)]
pub(super) struct Args {
    /// The number of the cluster, as `review` lists it.
    #[arg(value_name = "CLUSTER")]
    cluster: i64,

    #[command(flatten)]
    paging: Paging,

    #[command(flatten)]
    rules: RuleFiles,

    #[command(flatten)]
    store: StoreFile,

    /// How to print.
    #[arg(long, value_enum, default_value_t = ListFormat::Table)]
    format: ListFormat,

    /// The language of the words.
    #[arg(long, value_enum, default_value_t = Lang::En)]
    lang: Lang,
}

impl Args {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let classifier = self.rules.classifier()?;
        let store = self.store.open_existing()?;
        let language = self.lang.into();
        let Some(found) = cluster(&*store, self.cluster)? else {
            anstream::eprintln!("abprall: {}", no_cluster(self.cluster));
            return Ok(ExitCode::from(1));
        };
        if self.format == ListFormat::Table {
            let mut out = anstream::AutoStream::auto(io::stdout().lock());
            write_cluster(&mut out, &found, language)?;
            writeln!(out)?;
        }
        listing::print(&self.paging, self.format, language, "", |page| {
            let Rows { rows, next } = store.review_reports(Some(self.cluster), page)?;
            let rows = rows.into_iter().map(|report| Waiting::of(report, &classifier)).collect();
            Ok(Rows { rows, next })
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

/// A report that waits. See `docs/output.md`.
#[derive(Serialize)]
struct Waiting {
    report: i64,
    source: String,
    happened_at: Option<Timestamp>,
    address: Option<String>,
    kind: Kind,
    reply_code: Option<u16>,
    status: Option<String>,
    phase: Option<Phase>,
    reporting_mta: Option<String>,
    remote_mta: Option<String>,
    generator: Option<&'static str>,
    text: Option<String>,
    /// What the rules say of it today.
    reason: Reason,
    because: Vec<String>,
}

impl Waiting {
    fn of(ReviewReport { id, source, report }: ReviewReport, classifier: &Classifier) -> Self {
        let judged = classifier.classify(&report);
        let address = report.original_recipient.as_ref().or(report.recipient.as_ref());
        Self {
            report: id,
            source,
            happened_at: report.last_attempt_at,
            address: address.map(EmailAddress::as_str).map(str::to_owned),
            kind: report.kind,
            reply_code: report.reply_code.map(ReplyCode::as_u16),
            status: report.status.map(|status| status.to_string()),
            phase: report.phase,
            reporting_mta: report.reporting_mta,
            remote_mta: report.remote_mta,
            generator: report.generator.map(abprall_bounce::Generator::as_str),
            text: report.diagnostic.or(report.prose),
            reason: judged.reason,
            because: judged.because.iter().map(|why| why.rule.to_string()).collect(),
        }
    }
}

impl Row for Waiting {
    const COLUMNS: &'static [&'static str] = &[
        "report",
        "source",
        "happened_at",
        "address",
        "kind",
        "reply_code",
        "status",
        "phase",
        "reporting_mta",
        "remote_mta",
        "generator",
        "text",
        "reason",
        "because",
    ];

    fn fields(&self) -> Vec<String> {
        vec![
            self.report.to_string(),
            self.source.clone(),
            field(self.happened_at),
            field(self.address.as_ref()),
            self.kind.to_string(),
            field(self.reply_code),
            field(self.status.as_ref()),
            field(self.phase),
            field(self.reporting_mta.as_ref()),
            field(self.remote_mta.as_ref()),
            field(self.generator),
            field(self.text.as_ref()),
            self.reason.to_string(),
            self.because.join(" "),
        ]
    }

    fn write(&self, out: &mut dyn Write, language: Language) -> io::Result<()> {
        let nobody = pick(language, "no recipient named", "kein Empfänger genannt");
        let address = self.address.as_deref().unwrap_or(nobody);
        let at = self.happened_at.map(dates::day).unwrap_or_default();
        writeln!(out, "{BOLD}{}{BOLD:#}  {DIM}{at}{DIM:#}", plain(address))?;
        let text = self.text.as_deref().unwrap_or_default();
        writeln!(out, "{}", wrapped(text, 2, width(100)))?;
        let hosts = [&self.remote_mta, &self.reporting_mta];
        let mut facts: Vec<_> = hosts.into_iter().flatten().take(1).map(|host| plain(host)).collect();
        facts.extend(self.generator.map(str::to_owned));
        facts.push(wording::reason(self.reason, language).to_owned());
        let source = plain(&self.source);
        facts.push(source);
        writeln!(out, "{DIM}{}{DIM:#}", wrapped(&facts.join(" · "), 2, width(100)))
    }
}
