use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::Ordering;

use abprall_mail::{EmailAddress, Language};
use abprall_store::{Question, Standing, Store, StoreError};
use anyhow::Context;
use jiff::Timestamp;

use crate::counted::{Counted, bar};
use crate::language::Lang;
use crate::lists::{self, Encoding, Layout, head};
use crate::output_file::OutputFile;
use crate::scrub::{
    Authority, HeldAddresses, Plan, REMOVED_COLUMNS, Tally, Why, scrub, workers, write_removed,
};
use crate::store_file::StoreFile;
use crate::terminal::{number, plain};
use crate::wording::{self, pick};

/// Clean a mailing list: who may not be sent to leaves, everybody else stays as written. Exit status 0 when the list was cleaned,
/// whoever left.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The list: CSV or text, gzip or not; `-` is standard input.
    list_file: PathBuf,

    /// Where the clean list goes, not the list itself; `-` is standard output, `….gz` is packed.
    #[arg(short, long, value_name = "CLEAN")]
    output: PathBuf,

    /// Where those who left are listed: line, address, state, reason, since, scope.
    #[arg(long, value_name = "WHY")]
    removed: Option<PathBuf>,

    /// The column with the addresses, by name or number; found by itself where it is not given.
    #[arg(long, value_name = "NAME")]
    column: Option<String>,

    /// Held addresses stay on the list: their stop may be lifted by evidence.
    #[arg(long)]
    keep_held: bool,

    #[command(flatten)]
    store: StoreFile,

    /// No words on standard error, no progress.
    #[arg(short, long)]
    quiet: bool,

    /// The language of the words, and of the reasons of those who left.
    #[arg(long, value_enum, default_value_t = Lang::En)]
    lang: Lang,
}

impl Args {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let language = self.lang.into();
        if let Err(problem) = self.files_differ(language) {
            anstream::eprintln!("abprall: {problem}");
            return Ok(ExitCode::from(2));
        }
        let (raw, taken) = Counted::new(open_raw(&self.list_file)?);
        let cannot_read = || format!("cannot read {}", self.list_file.display());
        let input = lists::open(raw).with_context(cannot_read)?;
        let (sample, bytes) = head(input.bytes, lists::limits::SAMPLE_BYTES).with_context(cannot_read)?;
        let mut layout = Layout::guess(&sample, sample.len() < lists::limits::SAMPLE_BYTES);
        if let Err(problem) = self.choose_column(&mut layout, &sample, language) {
            anstream::eprintln!("abprall: {problem}");
            return Ok(ExitCode::from(2));
        }
        let store = self.store.open_existing()?;
        let at = Timestamp::now();
        let index = self.store.index(&*store)?;
        let authorities = (0..workers())
            .map(|_| Ok(Database { store: self.store.open_existing()?, at }))
            .collect::<Result<Vec<_>, StoreError>>()?;
        let mut clean = OutputFile::create(&self.output)?;
        if input.encoding != Encoding::Utf8 {
            // The mark tells Excel that it is UTF-8.
            clean.write_all("\u{feff}".as_bytes())?;
        }
        let mut removed = match &self.removed {
            Some(path) => {
                let mut csv = csv::Writer::from_writer(OutputFile::create(path)?);
                csv.write_record(REMOVED_COLUMNS)?;
                Some(csv)
            }
            None => None,
        };
        let bar = bar(&self.list_file, self.quiet);
        let held = if self.keep_held { HeldAddresses::Stay } else { HeldAddresses::Leave };
        let records = RefCell::new(0_u64);
        let tally = scrub(bytes, Plan { layout: &layout, held }, &index, authorities, &mut |batch| {
            clean.write_all(&batch.bytes)?;
            if let Some(csv) = &mut removed {
                for removed in &batch.removed {
                    write_removed(csv, removed, &reason(&removed.why, language))?;
                }
            }
            *records.borrow_mut() += batch.records;
            bar.set_position(taken.load(Ordering::Relaxed));
            bar.set_message(format!("{} addresses", number(*records.borrow())));
            Ok(())
        });
        bar.finish_and_clear();
        let tally = tally?;
        // First who left, then the list without them: a list that looks clean is never without its why.
        if let Some(csv) = removed {
            csv.into_inner().map_err(|error| io::Error::other(error.to_string()))?.finish()?;
        }
        clean.finish()?;
        if !self.quiet {
            self.say(&tally, input.encoding, language)?;
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Says which two files are one: who is only held for now would be on no list any more, or the reasons would take its place.
    fn files_differ(&self, language: Language) -> Result<(), String> {
        let input = is_one_file(&self.list_file, &self.output);
        let removed = self.removed.as_deref();
        let text = if input {
            pick(
                language,
                "is the list itself: whoever is only held for now would be lost; `-o` has to be another file",
                "ist die Liste selbst: Wer nur vorerst angehalten ist, ginge verloren; `-o` muss eine andere Datei sein",
            )
        } else if removed.is_some_and(|removed| is_one_file(&self.list_file, removed)) {
            pick(
                language,
                "is the list itself: the reasons would take its place; `--removed` has to be another file",
                "ist die Liste selbst: Die Gründe träten an ihre Stelle; `--removed` muss eine andere Datei sein",
            )
        } else if removed.is_some_and(|removed| is_one_file(&self.output, removed)) {
            pick(
                language,
                "cannot hold both: `-o` and `--removed` have to be two files",
                "kann nicht beides aufnehmen: `-o` und `--removed` müssen zwei Dateien sein",
            )
        } else {
            return Ok(());
        };
        let file = if input { &self.output } else { removed.unwrap_or(&self.output) };
        Err(format!("{} {text}", file.display()))
    }

    /// Sets the column, or says why there is none: a wrong one would take everybody off the list.
    fn choose_column(&self, layout: &mut Layout, sample: &[u8], language: Language) -> Result<(), String> {
        let columns = || layout.header.as_ref().map(|header| plain(&header.join(", "))).unwrap_or_default();
        if let Some(name) = &self.column {
            let Some(column) = layout.column_named(name) else {
                let text = pick(
                    language,
                    "there is no such column; there are",
                    "diese Spalte gibt es nicht; es gibt",
                );
                return Err(format!("{}: {text}: {}", plain(name), columns()));
            };
            layout.column = column;
        }
        if !layout.has_addresses(layout.column) && !sample.trim_ascii().is_empty() {
            let text = pick(
                language,
                "no addresses in the first rows; `--column NAME` names the column that has them",
                "in den ersten Zeilen stehen keine Adressen; `--column NAME` nennt die Spalte mit den Adressen",
            );
            let columns = columns();
            let columns = if columns.is_empty() { columns } else { format!(": {columns}") };
            return Err(format!("{}: {text}{columns}", self.list_file.display()));
        }
        Ok(())
    }

    fn say(&self, tally: &Tally, encoding: Encoding, language: Language) -> io::Result<()> {
        let mut err = anstream::AutoStream::auto(io::stderr().lock());
        let mut row = |count: u64, text: &str| writeln!(err, "{:>13}  {text}", number(count));
        row(tally.records, pick(language, "addresses on the list", "Adressen auf der Liste"))?;
        row(
            tally.kept,
            pick(language, "stay and may be sent to", "bleiben und dürfen angeschrieben werden"),
        )?;
        if tally.suppressed > 0 {
            let text = pick(
                language,
                "left: suppressed, do not send to them again",
                "entfernt: gesperrt, nicht mehr anschreiben",
            );
            row(tally.suppressed, text)?;
        }
        if tally.held > 0 {
            let text = pick(
                language,
                "left: held for now, they may come back (--keep-held keeps them)",
                "entfernt: vorerst angehalten, sie können zurückkommen (--keep-held behält sie)",
            );
            row(tally.held, text)?;
        }
        if tally.invalid > 0 {
            let text = pick(language, "left: not a mail address", "entfernt: keine gültige Mailadresse");
            row(tally.invalid, text)?;
        }
        if tally.by_domain > 0 {
            let text = pick(
                language,
                "of these because their whole domain is stopped",
                "davon, weil die ganze Domain gestoppt ist",
            );
            row(tally.by_domain, text)?;
        }
        let left = tally.records - tally.kept;
        match (&self.removed, left) {
            (Some(path), 1..) if path.as_os_str() != "-" => {
                let text = pick(language, "who left, and why", "wer entfernt wurde, und warum");
                writeln!(err, "{text}: {}", path.display())?;
            }
            (None, 1..) => {
                let text = pick(
                    language,
                    "`--removed WHY.csv` lists who left, and why",
                    "`--removed WARUM.csv` listet, wer entfernt wurde, und warum",
                );
                writeln!(err, "{text}")?;
            }
            _ => {}
        }
        if encoding == Encoding::Utf16 {
            let text = pick(
                language,
                "the list was UTF-16; the clean one is UTF-8, which Excel opens as well",
                "die Liste war UTF-16; die bereinigte ist UTF-8, das Excel ebenso öffnet",
            );
            writeln!(err, "{text}")?;
        }
        Ok(())
    }
}

/// The database as it is; one connection for each thread.
struct Database {
    store: Box<dyn Store>,
    at: Timestamp,
}

impl Authority for Database {
    fn standing(&self, address: &EmailAddress) -> Result<Standing, StoreError> {
        self.store.check(&Question::about(address.clone()), self.at)
    }
}

fn reason(why: &Why, language: Language) -> String {
    match why {
        Why::Invalid => pick(language, "not a mail address", "keine gültige Mailadresse").to_owned(),
        Why::Stopped(standing) => {
            standing.reason.map(|reason| wording::reason(reason, language).to_owned()).unwrap_or_default()
        }
    }
}

/// Whether two paths lead to one file, by whatever names; also to one that is not there yet. `-` is no file.
fn is_one_file(one: &Path, other: &Path) -> bool {
    if one.as_os_str() == "-" || other.as_os_str() == "-" {
        return false;
    }
    if let (Ok(one), Ok(other)) = (one.metadata(), other.metadata()) {
        return (one.dev(), one.ino()) == (other.dev(), other.ino());
    }
    let place = |path: &Path| {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new(".")).canonicalize().ok()?;
        Some(folder.join(path.file_name()?))
    };
    one == other || place(one).is_some_and(|one| Some(one) == place(other))
}

pub(crate) fn open_raw(path: &Path) -> anyhow::Result<Box<dyn Read + Send>> {
    if path.as_os_str() == "-" {
        return Ok(Box::new(io::stdin()));
    }
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Box::new(file))
}
