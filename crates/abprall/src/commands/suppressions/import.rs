use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use abprall_bounce::{Classifier, read_line};
use abprall_mail::{Language, Reason};
use abprall_store::{ImportMode, ImportSummary};
use anyhow::Context;
use jiff::Timestamp;

use super::stop_sink::import;
use crate::commands::scrub::open_raw;
use crate::counted::{Counted, bar};
use crate::language::Lang;
use crate::lists::{self, Defaults, Format, Item, Listed, NotAStop, Problem, ReadListError, read_list};
use crate::reasons::reason;
use crate::store_file::StoreFile;
use crate::terminal::{number, plain};
use crate::wording::{self, pick};

/// Bad lines that are shown one by one; the rest is counted.
const BAD_LINES_SHOWN: usize = 100;

/// Rows that wait for the database.
const WAITING: usize = 1024;

/// Take over the suppression lists of mail services and list managers. Exit status 1 when lines could not be read.
#[derive(clap::Args)]
pub(super) struct Args {
    /// The files: JSON, CSV or text, gzip or not; `-` is standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Whose format it is; found by itself where it is not given.
    #[arg(long, value_enum, value_name = "FORMAT")]
    from: Option<Format>,

    /// Why, for files that only have addresses.
    #[arg(long, value_name = "REASON", value_parser = reason(), hide_possible_values = true, default_value = "unsubscribe")]
    reason: Reason,

    /// Take nothing over when a single line cannot be read.
    #[arg(long)]
    all_or_nothing: bool,

    /// Only say what would be taken over.
    #[arg(long)]
    dry_run: bool,

    #[command(flatten)]
    store: StoreFile,

    /// The language of the words.
    #[arg(long, value_enum, default_value_t = Lang::En)]
    lang: Lang,
}

impl Args {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let language: Language = self.lang.into();
        let sources = self.files.iter().map(|path| self.source(path)).collect::<anyhow::Result<Vec<_>>>()?;
        if self.dry_run || self.all_or_nothing {
            let mut seen = Seen::default();
            for source in &sources {
                seen.read(source, &self, language, None)?;
            }
            let refused = self.all_or_nothing && seen.bad > 0;
            if self.dry_run || refused {
                seen.say(&sources, None, language)?;
                if refused {
                    let text = pick(language, "nothing was taken over", "nichts wurde übernommen");
                    anstream::eprintln!("abprall: --all-or-nothing: {text}");
                }
                return Ok(ExitCode::from(u8::from(seen.bad > 0) * if refused { 3 } else { 1 }));
            }
        }
        let mut store = self.store.open()?;
        let mode = if self.all_or_nothing { ImportMode::Whole } else { ImportMode::Batches };
        let (to_store, rows) = sync_channel(WAITING);
        let (seen, imported) = thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let to_store = to_store;
                let mut seen = Seen::default();
                for source in &sources {
                    seen.read(source, &self, language, Some(&to_store))?;
                }
                Ok::<_, anyhow::Error>(seen)
            });
            let imported = import(&mut *store, &mut rows.into_iter(), mode, Timestamp::now());
            let seen = reader.join().unwrap_or_else(|_| Err(anyhow::anyhow!("the reading thread failed")));
            (seen, imported)
        });
        // When the store fails, the reader only fails because of that.
        let imported = imported?;
        let seen = seen?;
        seen.say(&sources, Some(&imported), language)?;
        Ok(ExitCode::from(u8::from(seen.bad > 0)))
    }

    /// Standard input cannot be read twice: it is put aside where it has to be.
    fn source(&self, path: &Path) -> anyhow::Result<Source> {
        let is_stdin = path.as_os_str() == "-";
        let aside = if is_stdin && self.all_or_nothing {
            let mut file = tempfile::tempfile().context("cannot put standard input aside")?;
            io::copy(&mut io::stdin().lock(), &mut file).context("cannot put standard input aside")?;
            Some(file)
        } else {
            None
        };
        Ok(Source { path: path.to_owned(), aside })
    }
}

struct Source {
    path: PathBuf,
    aside: Option<File>,
}

/// What the files held.
#[derive(Default)]
struct Seen {
    formats: Vec<Option<Format>>,
    stops: BTreeMap<(Reason, &'static str), u64>,
    domains: u64,
    subscribed: u64,
    senders_side: u64,
    transient: u64,
    bad: u64,
    bad_lines: Vec<(PathBuf, u64, String, Problem)>,
}

/// The one who takes the rows has gone; he says himself why.
struct Gone;

impl Seen {
    fn read(
        &mut self,
        source: &Source,
        args: &Args,
        language: Language,
        to_store: Option<&SyncSender<Listed>>,
    ) -> anyhow::Result<()> {
        let cannot_read = || format!("cannot read {}", source.path.display());
        let raw: Box<dyn io::Read + Send> = match &source.aside {
            Some(file) => {
                let mut file = file.try_clone().with_context(cannot_read)?;
                file.rewind().with_context(cannot_read)?;
                Box::new(file)
            }
            None => open_raw(&source.path)?,
        };
        let (raw, taken) = Counted::new(raw);
        let mut input = lists::open(raw).with_context(cannot_read)?;
        let classifier = Classifier::built_in();
        let classify = |text: &str| {
            let reason = classifier.classify(&read_line(text)).reason;
            (reason != Reason::Undetermined).then_some(reason)
        };
        let defaults = Defaults { reason: args.reason, hard: Reason::UserUnknown, classify: &classify };
        let bar = bar(&source.path, false);
        let mut items = 0_u64;
        let read = read_list(&mut input.bytes, args.from, &defaults, &mut |item| {
            items += 1;
            if items.is_multiple_of(1000) {
                bar.set_position(taken.load(Ordering::Relaxed));
                bar.set_message(format!("{} {}", number(items), pick(language, "entries", "Einträge")));
            }
            self.take(source, item, to_store)
        });
        bar.finish_and_clear();
        match read {
            Ok(format) => self.formats.push((items > 0).then_some(format)),
            Err(ReadListError::Io(error)) => return Err(error).with_context(cannot_read),
            Err(ReadListError::Taker(Gone)) => anyhow::bail!("the database took no more"),
        }
        Ok(())
    }

    fn take(
        &mut self,
        source: &Source,
        item: Item,
        to_store: Option<&SyncSender<Listed>>,
    ) -> Result<(), Gone> {
        match item {
            Item::Stop(stop) => {
                *self.stops.entry((stop.reason, stop.stop.as_str())).or_default() += 1;
                self.domains += u64::from(matches!(stop.subject, lists::ListedSubject::Domain(_)));
                let Some(to_store) = to_store else { return Ok(()) };
                to_store.send(stop).map_err(|_| Gone)?;
            }
            Item::Other { why: NotAStop::Subscribed, .. } => self.subscribed += 1,
            Item::Other { why: NotAStop::SendersSide, .. } => self.senders_side += 1,
            Item::Other { why: NotAStop::Transient, .. } => self.transient += 1,
            Item::Bad { line, text, problem } => {
                self.bad += 1;
                if self.bad_lines.len() < BAD_LINES_SHOWN {
                    self.bad_lines.push((source.path.clone(), line, text, problem));
                }
            }
        }
        Ok(())
    }

    /// Bad lines on standard error, what was taken over on standard output.
    fn say(
        &self,
        sources: &[Source],
        imported: Option<&ImportSummary>,
        language: Language,
    ) -> io::Result<()> {
        let mut err = anstream::AutoStream::auto(io::stderr().lock());
        for (path, line, text, problem) in &self.bad_lines {
            let place = format!("{}:{line}", path.display());
            writeln!(err, "{place}: {}: {}", problem_words(*problem, language), plain(text))?;
        }
        if self.bad > self.bad_lines.len() as u64 {
            let more = number(self.bad - self.bad_lines.len() as u64);
            writeln!(err, "{more} {}", pick(language, "more bad lines", "weitere unlesbare Zeilen"))?;
        }
        let mut out = anstream::AutoStream::auto(io::stdout().lock());
        for (source, format) in sources.iter().zip(&self.formats) {
            let name = format.map_or(pick(language, "empty", "leer"), Format::name);
            writeln!(out, "{}: {name}", source.path.display())?;
        }
        let mut row = |count: u64, text: &str| match count {
            0 => Ok(()),
            count => writeln!(out, "{:>13}  {text}", number(count)),
        };
        for ((reason, stop), count) in &self.stops {
            let how = match *stop {
                "hold" => pick(language, "held", "angehalten"),
                _ => pick(language, "suppressed", "gesperrt"),
            };
            row(*count, &format!("{how}: {}", wording::reason(*reason, language)))?;
        }
        row(self.domains, pick(language, "of these whole domains", "davon ganze Domains"))?;
        row(
            self.subscribed,
            pick(language, "not stopped there: left alone", "dort nicht gesperrt: unverändert"),
        )?;
        row(
            self.senders_side,
            pick(
                language,
                "refused because of the sender or the message: the addresses are good, left alone",
                "wegen des Absenders oder der Nachricht abgewiesen: die Adressen sind gut, unverändert",
            ),
        )?;
        row(
            self.transient,
            pick(language, "passing failures: left alone", "vorübergehende Fehler: unverändert"),
        )?;
        row(self.bad, pick(language, "bad lines, skipped", "unlesbare Zeilen, übergangen"))?;
        match imported {
            None => writeln!(out, "{}", pick(language, "nothing was stored", "nichts wurde gespeichert"))?,
            Some(imported) => {
                row(
                    imported.added,
                    pick(language, "new, or harder than before", "neu oder härter als zuvor"),
                )?;
                row(
                    imported.kept,
                    pick(
                        language,
                        "twice, or stopped as hard already: stay as they were",
                        "doppelt oder schon ebenso gesperrt: bleiben, wie sie waren",
                    ),
                )?;
            }
        }
        Ok(())
    }
}

fn problem_words(problem: Problem, language: Language) -> &'static str {
    match problem {
        Problem::NoAddress => pick(language, "no address in it", "keine Adresse darin"),
        Problem::BadAddress => pick(language, "not a mail address", "keine gültige Mailadresse"),
        Problem::UnknownReason => pick(
            language,
            "a reason that no list is known to use",
            "ein Grund, den keine bekannte Liste verwendet",
        ),
        Problem::BadTime => pick(language, "a date that cannot be read", "ein unlesbares Datum"),
        Problem::BrokenJson => pick(language, "broken JSON", "fehlerhaftes JSON"),
        Problem::TooLong => pick(language, "longer than any entry", "länger als jeder Eintrag"),
    }
}
