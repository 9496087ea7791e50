use std::path::PathBuf;
use std::process::ExitCode;

use abprall_store::{State, StopFilter, Subject};
use clap::ValueEnum;
use jiff::Timestamp;

use super::filter::Filter;
use super::stop_sink::stop_of;
use crate::language::Lang;
use crate::lists::{Format as ListFormat, ListWriter, ListedSubject, Stopped};
use crate::output_file::OutputFile;
use crate::stops::each_stop;
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
    /// address, state, scope, reason, since, until, decision
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
        let (mut domains, mut erased) = (0_u64, 0_u64);
        let written = match self.format.of_list() {
            None => each_stop(&*store, &filter, at, |row| {
                let standing = row.standing;
                use std::io::Write;
                serde_json::to_writer(&mut file, &standing)?;
                Ok(file.write_all(b"\n")?)
            })?,
            Some(format) => {
                let mut list = ListWriter::new(format, &mut file)?;
                each_stop(&*store, &filter, at, |row| {
                    let standing = row.standing;
                    if standing.address.starts_with("erased:") {
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
                    let stopped = Stopped { subject: &subject, stop, reason, since, until, decision };
                    domains += u64::from(!list.write(&stopped)?);
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
        if erased > 0 {
            let text = pick(
                language,
                "erased people left out: their addresses are stored nowhere (`abprall key export` takes their stops along)",
                "gelöschte Personen ausgelassen: ihre Adressen stehen nirgends (`abprall key export` nimmt ihre Sperren mit)",
            );
            anstream::eprintln!("{} {text}", number(erased));
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
