use std::io::{self, Write};
use std::process::ExitCode;

use abprall_mail::Language;
use abprall_store::AuditRecord;

use crate::dates;
use crate::language::Lang;
use crate::listing::{self, ListFormat, Paging, Row, field};
use crate::store_file::StoreFile;
use crate::terminal::{cut, plain, width};
use crate::wording::pick;

/// Who changed what by hand or with a key, newest first. Each line was written together with its change.
#[derive(clap::Args)]
pub(crate) struct Args {
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

impl Args {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let store = self.store.open_existing()?;
        let language = self.lang.into();
        let empty = pick(language, "nobody has changed anything", "niemand hat etwas geändert");
        listing::print(&self.paging, self.format, language, empty, |page| store.audit(page))?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Row for AuditRecord {
    const COLUMNS: &'static [&'static str] =
        &["id", "at", "actor", "action", "subject", "tenant", "list", "detail"];

    fn fields(&self) -> Vec<String> {
        vec![
            self.id.to_string(),
            self.at.to_string(),
            self.actor.clone(),
            self.action.to_string(),
            field(self.subject.as_ref()),
            field(self.tenant.as_ref()),
            field(self.list.as_ref()),
            field(self.detail.as_ref()),
        ]
    }

    fn write(&self, out: &mut dyn Write, _: Language) -> io::Result<()> {
        let about = [&self.subject, &self.tenant, &self.list, &self.detail];
        let about: Vec<_> = about.into_iter().flatten().map(|text| plain(text)).collect();
        let line = format!(
            "{} {:20} {:16} {}",
            dates::minute(self.at),
            plain(&self.actor),
            self.action,
            about.join(" ")
        );
        writeln!(out, "{}", cut(&line, width(120)))
    }
}
