use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use abprall_store::{Audience, State, StopFilter, StopRow, Subject};
use clap::ValueEnum;
use jiff::Timestamp;

use super::filter::{Filter, StopLine};
use super::stop_sink::stop_of;
use crate::language::Lang;
use crate::lists::{Format as ListFormat, ListWriter, ListedSubject, Stopped};
use crate::output_file::OutputFile;
use crate::stops::{each_stop, tell_erased};
use crate::store_file::StoreFile;
use crate::subject;
use crate::terminal::number;
use crate::wording::pick;

/// Write what is stopped to a file, whole or not at all, in a shape that others take in.
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    filter: Filter,

    #[command(flatten)]
    store: StoreFile,

    /// In whose format. Mail services get only what is suppressed, not what is held for now; `--state held` gives that.
    #[arg(long, value_enum, default_value_t = Format::Csv)]
    format: Format,

    /// The file; `-` is standard output, `….gz` is packed.
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    output: PathBuf,

    /// The language of the words.
    #[arg(long, value_enum, default_value_t = Lang::En)]
    lang: Lang,
}

#[derive(Clone, Copy, Eq, PartialEq, ValueEnum)]
enum Format {
    /// Amazon SES: what an import job takes (`address,BOUNCE|COMPLAINT`)
    Ses,
    /// SendGrid: status, reason, email, created
    Sendgrid,
    /// Mailgun: what its import takes (address, code, error, created_at)
    Mailgun,
    /// Postmark: suppressions as JSON
    Postmark,
    /// SparkPost: recipient, type, description
    Sparkpost,
    /// Brevo: email, reason, blockedAt
    Brevo,
    /// Mailchimp: cleaned and unsubscribed contacts
    Mailchimp,
    /// listmonk: email, name, attributes, for an import in the mode "blocklist"
    Listmonk,
    /// address, state, scope, reason, since, until, decision, tenant, list
    Csv,
    /// One JSON object a line
    #[value(alias = "json")]
    Ndjson,
    /// Only the addresses and domains
    Plain,
}

impl Format {
    /// The format of a list; `None` for our own JSON.
    fn of_list(self) -> Option<ListFormat> {
        Some(match self {
            Format::Ses => ListFormat::Ses,
            Format::Sendgrid => ListFormat::Sendgrid,
            Format::Mailgun => ListFormat::Mailgun,
            Format::Postmark => ListFormat::Postmark,
            Format::Sparkpost => ListFormat::Sparkpost,
            Format::Brevo => ListFormat::Brevo,
            Format::Mailchimp => ListFormat::Mailchimp,
            Format::Listmonk => ListFormat::Listmonk,
            Format::Csv => ListFormat::Csv,
            Format::Plain => ListFormat::Plain,
            Format::Ndjson => return None,
        })
    }

    /// Whether it can say that a stop holds for mail of one tenant or list only.
    fn knows_audiences(self) -> bool {
        matches!(self, Format::Csv | Format::Ndjson)
    }

    /// Whether it knows that a stop may be for now only.
    fn knows_holds(self) -> bool {
        matches!(self, Format::Csv | Format::Ndjson | Format::Plain)
    }
}

impl Args {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let language = self.lang.into();
        let store = self.store.open_existing()?;
        let at = Timestamp::now();
        let state = match (self.filter.state(), self.format.knows_holds()) {
            (None, false) => Some(State::Suppressed),
            (state, _) => state,
        };
        let filter = StopFilter { state, ..self.filter.stops() };
        let mut file = OutputFile::create(&self.output)?;
        let (mut domains, mut erased, mut narrow) = (0_u64, 0_u64, 0_u64);
        let written = match self.format.of_list() {
            None => {
                let mut written = 0;
                each_stop(&*store, &filter, at, |row| {
                    if !self.filter.takes(&row.standing) {
                        return Ok(());
                    }
                    if row.standing.is_erased() {
                        erased += 1;
                    } else {
                        written += 1;
                        serde_json::to_writer(&mut file, &StopLine::from(&row))?;
                        file.write_all(b"\n")?;
                    }
                    Ok(())
                })?;
                written
            }
            Some(format) => {
                let mut list = ListWriter::new(format, &mut file)?;
                each_stop(&*store, &filter, at, |row| {
                    let StopRow { standing, audience } = row;
                    if !self.filter.takes(&standing) {
                        return Ok(());
                    }
                    if standing.is_erased() {
                        erased += 1;
                        return Ok(());
                    }
                    let (Ok(subject), Some(stop), Some(reason)) =
                        (subject::read(&standing.address), stop_of(standing.state), standing.reason)
                    else {
                        anyhow::bail!("the database lists {:?}, which cannot be written", standing.address)
                    };
                    let subject = match subject {
                        Subject::Address(address) => ListedSubject::Address(address),
                        Subject::Domain(domain) | Subject::MxHost(domain) => ListedSubject::Domain(domain),
                    };
                    let (since, until, decision) = (standing.since, standing.until, standing.decision);
                    let audience = &audience;
                    let stopped =
                        Stopped { subject: &subject, stop, reason, since, until, decision, audience };
                    let is_written = list.write(&stopped)?;
                    domains += u64::from(!is_written);
                    narrow += u64::from(is_written && *audience != Audience::default());
                    Ok(())
                })?;
                list.finish()?
            }
        };
        file.finish()?;
        if self.output.as_os_str() != "-" {
            let text = pick(language, "written to", "geschrieben nach");
            anstream::eprintln!("{} {text} {}", number(written), self.output.display());
        }
        tell_erased(erased, language);
        if narrow > 0 && !self.format.knows_audiences() && !self.filter.is_of_one_audience() {
            let text = pick(
                language,
                "of them hold for mail of one tenant or list only, which this format cannot say (`--tenant`, `--list` choose one; `--format csv` says whose)",
                "davon gelten nur für Mail eines Mandanten oder einer Liste, was dieses Format nicht sagen kann (`--tenant`, `--list` wählen aus; `--format csv` nennt sie)",
            );
            anstream::eprintln!("{} {text}", number(narrow));
        }
        if domains > 0 {
            let text = pick(
                language,
                "whole domains left out: this format has only addresses",
                "ganze Domains ausgelassen: dieses Format kennt nur Adressen",
            );
            anstream::eprintln!("{} {text}", number(domains));
        }
        if state != self.filter.state() {
            let text = pick(
                language,
                "held addresses are left out: a mail service would never let them go (`--state held` writes them)",
                "angehaltene Adressen sind ausgelassen: ein Maildienst gäbe sie nie wieder frei (`--state held` schreibt sie)",
            );
            anstream::eprintln!("{text}");
        }
        Ok(ExitCode::SUCCESS)
    }
}
