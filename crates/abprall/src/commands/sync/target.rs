use std::process::ExitCode;

use super::Configured;
use crate::language::Lang;
use crate::wording::pick;

/// Tell a target again that wanted to hear nothing more, or that is waited for.
#[derive(clap::Args)]
pub(super) struct Resume {
    #[command(flatten)]
    which: Which,
}

/// Forget a target with all that it was not told. Named in the settings again, it begins as a new one.
#[derive(clap::Args)]
pub(super) struct Forget {
    #[command(flatten)]
    which: Which,
}

#[derive(clap::Args)]
struct Which {
    /// The target.
    #[arg(value_name = "TARGET")]
    target: String,

    #[command(flatten)]
    configured: Configured,

    /// The language of the words.
    #[arg(long, value_enum, default_value_t = Lang::En)]
    lang: Lang,
}

impl Resume {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let known = self.which.store()?.outbox_resume(&self.which.target)?;
        Ok(self.which.say(known, ("is told again", "wird wieder unterrichtet")))
    }
}

impl Forget {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let known = self.which.store()?.outbox_forget(&self.which.target)?;
        Ok(self.which.say(known, ("is forgotten", "ist vergessen")))
    }
}

impl Which {
    fn store(&self) -> anyhow::Result<Box<dyn abprall_store::Store>> {
        Ok(self.configured.read()?.0.open_existing()?)
    }

    fn say(&self, known: bool, (en, de): (&'static str, &'static str)) -> ExitCode {
        let language = self.lang.into();
        if known {
            anstream::println!("{}: {}", self.target, pick(language, en, de));
            return ExitCode::SUCCESS;
        }
        let words =
            pick(language, "no such target was ever told anything", "ein solches Ziel ist nicht bekannt");
        anstream::eprintln!("abprall: {}: {words}", self.target);
        ExitCode::from(1)
    }
}
