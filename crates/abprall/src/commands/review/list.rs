use std::io::{self, Write};
use std::process::ExitCode;

use abprall_mail::Language;
use abprall_store::ReviewCluster;

use crate::dates;
use crate::language::Lang;
use crate::listing::{self, ListFormat, Paging, Row};
use crate::store_file::StoreFile;
use crate::terminal::{BOLD, DIM, number, width, wrapped};
use crate::wording::pick;

#[derive(clap::Args)]
pub(super) struct List {
    #[command(flatten)]
    paging: Paging,

    #[command(flatten)]
    store: StoreFile,

    /// How to print.
    #[arg(long, value_enum, default_value_t = ListFormat::Table)]
    format: ListFormat,

    /// The language of the words.
    #[arg(long, value_enum, default_value_t = Lang::En)]
    lang: Lang,
}

impl List {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let store = self.store.open_existing()?;
        let language = self.lang.into();
        let empty = pick(
            language,
            "nothing waits: every report is understood",
            "nichts wartet: alle Meldungen sind verstanden",
        );
        listing::print(&self.paging, self.format, language, empty, |page| store.review_clusters(page))?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Row for ReviewCluster {
    const COLUMNS: &'static [&'static str] = &["id", "reports", "first_at", "last_at", "pattern"];

    fn fields(&self) -> Vec<String> {
        vec![
            self.id.to_string(),
            self.reports.to_string(),
            self.first_at.to_string(),
            self.last_at.to_string(),
            self.pattern.clone(),
        ]
    }

    fn write(&self, mut out: &mut dyn Write, language: Language) -> io::Result<()> {
        write_cluster(&mut out, self, language)
    }
}

/// The head of a cluster with what its reports say.
pub(super) fn write_cluster(
    out: &mut impl Write,
    cluster: &ReviewCluster,
    language: Language,
) -> io::Result<()> {
    let waiting = match (cluster.reports, language) {
        (1, Language::En) => "report waits",
        (_, Language::En) => "reports wait",
        (1, Language::De) => "Meldung wartet",
        (_, Language::De) => "Meldungen warten",
    };
    let (first, last) = (dates::day(cluster.first_at), dates::day(cluster.last_at));
    let time = if first == last { first } else { format!("{first} – {last}") };
    let id = format!("{:>5}", cluster.id);
    writeln!(out, "{BOLD}{id}{BOLD:#}  {} {waiting}  {DIM}{time}{DIM:#}", number(cluster.reports))?;
    let nothing = pick(language, "(no words)", "(ohne Worte)");
    let pattern = if cluster.pattern.is_empty() { nothing } else { &cluster.pattern };
    writeln!(out, "{}", wrapped(pattern, 7, width(100)))
}
