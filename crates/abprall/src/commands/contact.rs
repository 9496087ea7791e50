use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use abprall_mail::{Domain, EmailAddress, Language};
use abprall_route::{
    ContactOptions, Contacts, Diagnosis, JudgeContext, Observer, ObserverConfig, ObserverError, RdapServer,
    find_contacts, judge,
};
use anyhow::Context;
use clap::ValueEnum;
use serde::Serialize;

use super::route::observing::{self, LabOptions};
use super::route::options::LookOptions;
use crate::language::Lang;
use crate::layout::{Markdown, Terminal};
use crate::rule_files::RuleFiles;

mod complaint;
mod draft;
mod evidence;
mod page;

use complaint::Complaint;
use draft::Draft;
use page::Page;

/// Find out who can mend the mail of a domain, and draft the mail to them. Sends nothing.
///
/// Looks at the domain as `route` does, collects addresses from the DNS and from registries (RDAP), and looks whether mail reaches each
/// of them: postmaster@ of a dead domain is dead too. Exit status: 0 somebody can be written to, 1 nobody was found that mail reaches,
/// 2 wrong usage, 3 could not do it.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The domain, or an address at it.
    #[arg(value_name = "DOMAIN", value_parser = domain)]
    domain: Domain,

    /// How to print.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    /// The language of the words and of the draft.
    #[arg(long, value_enum, default_value_t = Lang::En)]
    lang: Lang,

    /// A bounce from the domain: what it says is quoted in the draft.
    #[arg(long, value_name = "FILE.eml")]
    bounce: Option<PathBuf>,

    /// Print the draft alone, as a message (RFC 5322) to be opened or pasted.
    #[arg(long, conflicts_with = "format")]
    draft: bool,

    /// Write the draft to this file, which mail programs open for editing.
    #[arg(long, value_name = "FILE.eml")]
    draft_file: Option<PathBuf>,

    /// Your address, for the From field of the draft.
    #[arg(long, value_name = "ADDRESS", value_parser = EmailAddress::parse)]
    from: Option<EmailAddress>,

    /// The RDAP server that is asked about registrations; it may redirect to others.
    #[arg(long, value_name = "URL", default_value = "https://rdap.org")]
    rdap: String,

    /// Ask no RDAP server.
    #[arg(long, conflicts_with = "rdap")]
    no_rdap: bool,

    #[command(flatten)]
    look: LookOptions,

    #[command(flatten)]
    lab: LabOptions,

    #[command(flatten)]
    rules: RuleFiles,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// For programs: one object.
    Json,
    /// For tickets and reports, with the draft.
    Markdown,
}

/// What was found out, for printing.
struct Answer {
    diagnosis: Diagnosis,
    contacts: Contacts,
    complaint: Option<Complaint>,
}

/// The JSON object: see `docs/output.md`.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    contacts: &'a Contacts,
    bounce: Option<&'a Complaint>,
    drafts: Option<Drafts>,
    diagnosis: &'a Diagnosis,
}

#[derive(Serialize)]
struct Drafts {
    en: Draft,
    de: Draft,
}

impl Args {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let config = match self.config() {
            Ok(config) => config,
            Err(problem) => return Ok(usage(&problem)),
        };
        let complaint = match &self.bounce {
            Some(path) => Some(Complaint::read(path, &self.domain, &self.rules)?),
            None => None,
        };
        let (diagnosis, contacts) = match self.find(config) {
            Ok(found) => found,
            // A file of authorities that is none, a name that cannot be said: the operator's to mend.
            Err(error) if error.is::<ObserverError>() => return Ok(usage(&format!("{error:#}"))),
            Err(error) => return Err(error),
        };
        let answer = Answer { diagnosis, contacts, complaint };
        self.print(&answer)?;
        let reached = answer.contacts.reachable().next().is_some();
        Ok(ExitCode::from(u8::from(!reached)))
    }

    fn config(&self) -> Result<ObserverConfig, String> {
        let web = ["https://", "http://"].iter().any(|scheme| self.rdap.starts_with(scheme));
        if !web || self.rdap.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(format!("--rdap {:?} is no URL with https or http", self.rdap));
        }
        observing::config(&self.look, &self.lab).map_err(|error| error.to_string())
    }

    fn find(&self, config: ObserverConfig) -> anyhow::Result<(Diagnosis, Contacts)> {
        let language = Language::from(self.lang);
        let rdap = if self.no_rdap { RdapServer::Off } else { RdapServer::Base(self.rdap.clone()) };
        let options = ContactOptions { rdap, language };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .context("cannot start the network part")?;
        runtime.block_on(async {
            let observer = Observer::new(config).await?;
            let survey = observer.survey(&self.domain).await;
            let diagnosis = judge(survey, &JudgeContext { language, earlier: &[] });
            let contacts = find_contacts(&observer, &diagnosis, &options).await;
            Ok((diagnosis, contacts))
        })
    }

    fn print(&self, answer: &Answer) -> anyhow::Result<()> {
        let language = Language::from(self.lang);
        let draft = answer.draft(language);
        if draft.is_none() && (self.draft || self.draft_file.is_some()) {
            anstream::eprintln!("abprall: {}", page::no_draft(language));
        }
        if let (Some(path), Some(draft)) = (&self.draft_file, &draft) {
            let message = draft.message(self.from.as_ref()).replace('\n', "\r\n");
            std::fs::write(path, message).with_context(|| format!("cannot write {}", path.display()))?;
        }
        let mut out = anstream::AutoStream::auto(io::stdout().lock());
        if self.draft {
            if let Some(draft) = draft {
                out.write_all(draft.message(self.from.as_ref()).as_bytes())?;
            }
            return Ok(());
        }
        let page = Page { answer, draft: draft.as_ref(), language };
        match self.format {
            Format::Json => {
                let drafts = answer.draft(Language::En).zip(answer.draft(Language::De));
                let line = Line {
                    contacts: &answer.contacts,
                    bounce: answer.complaint.as_ref(),
                    drafts: drafts.map(|(en, de)| Drafts { en, de }),
                    diagnosis: &answer.diagnosis,
                };
                serde_json::to_writer(&mut out, &line)?;
                writeln!(out)?;
            }
            Format::Text => page.write(&mut Terminal::new(out))?,
            Format::Markdown => {
                let mut layout = Markdown::new(out);
                page.write(&mut layout)?;
                page.write_draft(layout.out())?;
            }
        }
        Ok(())
    }
}

fn domain(text: &str) -> Result<Domain, String> {
    match text.rsplit_once('@') {
        Some((_, domain)) => Domain::parse(domain),
        None => Domain::parse(text),
    }
    .map_err(|error| error.to_string())
}

fn usage(problem: &str) -> ExitCode {
    anstream::eprintln!("abprall: {problem}");
    ExitCode::from(2)
}
