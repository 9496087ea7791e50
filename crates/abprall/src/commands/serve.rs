use std::path::PathBuf;
use std::process::ExitCode;

use super::config;
use crate::serve::{self, SetOptions};
use crate::settings_file;

/// Take bounces in and answer senders, until SIGINT or SIGTERM.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The settings; see docs/serve.md.
    #[arg(long, value_name = "FILE", env = "ABPRALL_CONFIG", default_value_os_t = settings_file::default_place())]
    config: PathBuf,

    /// Only read the settings and say what is wrong with them.
    #[arg(long)]
    check: bool,

    #[command(flatten)]
    set: SetOptions,
}

impl Args {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let settings = config::check(&self.config, &self.set)?;
        if self.check {
            anstream::println!("{}: good", self.config.display());
            return Ok(ExitCode::SUCCESS);
        }
        serve::run(&settings)?;
        Ok(ExitCode::SUCCESS)
    }
}
