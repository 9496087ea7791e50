use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use abprall_store::ErasureKey;
use anyhow::Context;
use clap::Subcommand;

use crate::output_file::OutputFile;
use crate::store_file::StoreFile;

/// The key by which erased people are recognised: take it along when the database moves.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write the key to a file. Who has it can test whether an address is among the erased ones: keep it as a password.
    Export(Export),
    /// Take a key over, into a database that knows no address yet.
    Import(Import),
}

#[derive(clap::Args)]
struct Export {
    /// Where to; `-` is standard output.
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    output: PathBuf,

    #[command(flatten)]
    store: StoreFile,
}

#[derive(clap::Args)]
struct Import {
    /// What `key export` wrote.
    #[arg(value_name = "FILE")]
    file: PathBuf,

    #[command(flatten)]
    store: StoreFile,
}

impl Args {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Export(args) => args.run(),
            Command::Import(args) => args.run(),
        }
    }
}

impl Export {
    fn run(self) -> anyhow::Result<ExitCode> {
        let key = self.store.open_existing()?.export_key()?;
        let mut text = serde_json::to_string_pretty(&key)?;
        text.push('\n');
        let mut out = OutputFile::create(&self.output)?;
        out.write_all(text.as_bytes())?;
        out.finish()?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Import {
    fn run(self) -> anyhow::Result<ExitCode> {
        let shown = self.file.display().to_string();
        let text = if self.file.as_os_str() == "-" {
            io::read_to_string(io::stdin())
        } else {
            fs::read_to_string(&self.file)
        };
        let text = text.with_context(|| format!("cannot read {shown}"))?;
        let key: ErasureKey = match serde_json::from_str(&text) {
            Ok(key) => key,
            Err(error) => {
                anstream::eprintln!("abprall: {shown} is no key: {error}; `abprall key export` writes one");
                return Ok(ExitCode::from(2));
            }
        };
        self.store.open()?.import_key(&key)?;
        Ok(ExitCode::SUCCESS)
    }
}
