//! `abprall.toml` for the commands that people type: what it says of the database, the index, the policy and the rules are the defaults of
//! the options of these names. So a flag wins over the environment, and the environment over the file.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Arg, Command};

use crate::serve::{BadSettings, SetOptions, Settings};

/// Commands that read the settings themselves, and say what is wrong with them.
const READ_THEMSELVES: [&str; 4] = ["serve", "config", "doctor", "generate"];

/// The command line, with defaults from the settings where `--config` or `ABPRALL_CONFIG` names some.
///
/// # Errors
/// Where the file cannot be read, or something in it is wrong.
pub(super) fn from_settings(command: Command, words: &[OsString]) -> Result<Command, BadSettings> {
    let is_own = |word: &OsString| READ_THEMSELVES.iter().any(|name| word == name);
    let Some(path) = named(words).filter(|_| !words.iter().skip(1).any(is_own)) else { return Ok(command) };
    // What the environment says of the settings of the server, the options know already.
    let settings = Settings::read(&path, &SetOptions::default())?;
    let mut told = vec![("store", vec![settings.store().to_owned()])];
    let shown = |path: &PathBuf| path.display().to_string();
    told.extend(settings.index().map(|path| ("index", vec![shown(path)])));
    told.extend(settings.raw_mail().map(|path| ("raw-mail", vec![shown(path)])));
    told.extend(settings.policy_file().map(|path| ("policy", vec![shown(path)])));
    if !settings.rules().is_empty() {
        told.push(("rules", settings.rules().iter().map(shown).collect()));
    }
    Ok(with_defaults(command, &told))
}

/// What `--config` names, else `ABPRALL_CONFIG`.
fn named(words: &[OsString]) -> Option<PathBuf> {
    let mut words = words.iter().skip(1).take_while(|word| *word != "--");
    while let Some(word) = words.next() {
        if word == "--config" {
            return words.next().map(PathBuf::from);
        }
        if let Some(path) = word.to_str().and_then(|word| word.strip_prefix("--config=")) {
            return Some(path.into());
        }
    }
    std::env::var_os("ABPRALL_CONFIG").filter(|path| !path.is_empty()).map(PathBuf::from)
}

fn with_defaults(command: Command, told: &[(&'static str, Vec<String>)]) -> Command {
    let command = told.iter().fold(command, |command, (long, values)| {
        let has =
            command.get_arguments().any(|option| option.get_id() == *long && option.get_long() == Some(long));
        if has { command.mut_arg(long, |option| with_default(option, values)) } else { command }
    });
    command.mut_subcommands(|below| with_defaults(below, told))
}

fn with_default(option: Arg, values: &[String]) -> Arg {
    // Defaults live as long as the program: clap takes no other texts.
    let values: Vec<&'static str> = values.iter().map(|value| &*value.clone().leak()).collect();
    // A connection string may hold a password: no help shows it.
    option.default_values(values).hide_default_value(true)
}
