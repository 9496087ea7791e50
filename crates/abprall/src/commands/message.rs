use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use abprall_mail::Language;
use abprall_store::ContentId;

use crate::language::Lang;
use crate::store_file::StoreFile;
use crate::terminal::plain;
use crate::wording::pick;

/// Print a message as it came in, where raw mail is kept: `[keep] raw_mail`.
///
/// To a file or a program it is given byte by byte; a terminal sees no control characters.
///
/// Exit status 1 where it is not kept, or not any more.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The number of a decision, as `abprall why` prints it, or the `content` of its report: 32 hexadecimal digits.
    #[arg(value_name = "DECISION|CONTENT", value_parser = which)]
    message: Which,

    #[command(flatten)]
    store: StoreFile,

    /// The language of the words.
    #[arg(long, value_enum, default_value_t = Lang::En)]
    lang: Lang,
}

#[derive(Clone, Copy)]
enum Which {
    OfDecision(i64),
    Content(ContentId),
}

fn which(text: &str) -> Result<Which, String> {
    let content = text.parse().map(Which::Content).ok();
    content.or_else(|| text.parse().map(Which::OfDecision).ok()).ok_or_else(|| {
        format!("{text:?} is neither the number of a decision nor a content of 32 hexadecimal digits")
    })
}

impl Args {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let content = match self.message {
            Which::Content(content) => Some(content),
            Which::OfDecision(number) => {
                let decision = self.store.open_existing()?.decision(number)?;
                decision.and_then(|decision| decision.report?.content.parse().ok())
            }
        };
        let message = match (content, self.store.raw_mail()) {
            (Some(content), Some(mail)) => mail.read(&content)?,
            (None, _) | (_, None) => None,
        };
        let Some(message) = message else {
            let language = Language::from(self.lang);
            let nothing = pick(
                language,
                "this message is not kept, or not any more: see [keep] raw_mail",
                "diese Nachricht wird nicht oder nicht mehr aufbewahrt: siehe [keep] raw_mail",
            );
            anstream::eprintln!("abprall: {nothing}");
            return Ok(ExitCode::from(1));
        };
        let mut out = io::stdout().lock();
        if out.is_terminal() {
            for line in String::from_utf8_lossy(&message).lines() {
                writeln!(out, "{}", plain(line))?;
            }
        } else {
            out.write_all(&message)?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
