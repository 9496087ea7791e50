use std::io;
use std::process::ExitCode;

use clap::ValueEnum;

use crate::language::Lang;
use crate::rule_files::RuleFiles;
use crate::wording;

mod labels;
mod page;
mod question;
mod writers;

use crate::layout::{Markdown, Terminal};
use page::{Depth, Page};
use question::Question;

/// Say what a code, a reason or a whole reply means, and what to do.
///
/// Takes an enhanced status code (`5.4.3`), a reply code (`550`), a reason (`routing_server_failure`) or a whole reply in
/// quotes (`"550 5.4.3 <user@example.com>: Routing server failure"`).
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The code, reason or reply.
    #[arg(required = true, value_name = "CODE|REASON|REPLY")]
    question: Vec<String>,

    /// The language of the answer.
    #[arg(long, value_enum, default_value_t = Lang::En)]
    lang: Lang,

    /// Only the advice for one kind of person.
    #[arg(long = "for", value_enum, value_name = "WHO")]
    audience: Option<Audience>,

    /// Also causes, how to tell them apart, how servers write it, what others call it. In Markdown and JSON it is always there.
    #[arg(long)]
    full: bool,

    /// How to print.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    #[command(flatten)]
    rules: RuleFiles,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(super) enum Audience {
    /// The list owner.
    Marketer,
    /// The developer.
    Developer,
    /// The mail administrator.
    #[value(alias = "administrator")]
    Admin,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Text,
    Json,
    Markdown,
}

impl Args {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let text = self.question.join(" ");
        let Some(question) = Question::read(&text, &self.rules.classifier()?) else {
            let language = self.lang.into();
            let nothing = wording::pick(language, "nothing is known about", "nichts bekannt zu");
            let hint = wording::pick(
                language,
                "Give a code (5.4.3 or 550), a reason (routing_server_failure) or a whole reply in quotes.",
                "Geben Sie einen Code an (5.4.3 oder 550), einen Grund (routing_server_failure) oder eine ganze Antwort in \
                 Anführungszeichen.",
            );
            anstream::eprintln!("abprall: {nothing} {}\n{hint}", wording::quoted(&text, language));
            return Ok(ExitCode::from(2));
        };
        let page = Page::new(&question, self.lang.into(), self.audience);
        let out = anstream::AutoStream::auto(io::stdout().lock());
        match self.format {
            Format::Text => {
                let depth = if self.full { Depth::Full } else { Depth::Answer };
                page.write(&mut Terminal::new(out), depth)?;
            }
            Format::Markdown => page.write(&mut Markdown::new(out), Depth::Full)?,
            Format::Json => {
                let mut out = io::stdout().lock();
                serde_json::to_writer_pretty(&mut out, &page)?;
                io::Write::write_all(&mut out, b"\n")?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
