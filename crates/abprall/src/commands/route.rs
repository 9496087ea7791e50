use std::process::ExitCode;

use crate::language::Lang;

mod batch;
mod observing;
mod options;

use batch::BatchArgs;
use observing::LabOptions;
use options::LookOptions;

/// Look at the mail routing of domains: what is broken, where, and whose fault it is.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The language of the words.
    #[arg(long, value_enum, default_value_t = Lang::En)]
    lang: Lang,

    #[command(flatten)]
    look: LookOptions,

    #[command(flatten)]
    lab: LabOptions,

    #[command(flatten)]
    batch: BatchArgs,
}

impl Args {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let Some(list) = &self.batch.batch else {
            anstream::eprintln!("abprall: name a list with --batch");
            return Ok(ExitCode::from(2));
        };
        let config = match observing::config(&self.look, &self.lab) {
            Ok(config) => config,
            Err(problem) => {
                anstream::eprintln!("abprall: {problem}");
                return Ok(ExitCode::from(2));
            }
        };
        self.batch.run(list, config, self.lang.into())
    }
}
