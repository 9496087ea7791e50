use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Command;
use clap_complete::Shell;

/// Write the manual pages and the completions of the shells: for packages.
#[derive(clap::Args)]
#[command(hide = true)]
pub(crate) struct Args {
    /// Where: `man1/`, `bash/`, `zsh/` and `fish/` are made in it.
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
}

impl Args {
    pub(crate) fn run(self, mut command: Command) -> anyhow::Result<ExitCode> {
        for (folder, shell) in [("bash", Shell::Bash), ("zsh", Shell::Zsh), ("fish", Shell::Fish)] {
            let folder = self.folder.join(folder);
            fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
            clap_complete::generate_to(shell, &mut command, "abprall", &folder)
                .with_context(|| format!("cannot write to {}", folder.display()))?;
        }
        let folder = self.folder.join("man1");
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        clap_mangen::generate_to(command, &folder)
            .with_context(|| format!("cannot write to {}", folder.display()))?;
        Ok(ExitCode::SUCCESS)
    }
}
