//! `abprall.toml` for the commands that people type: what it says of the database, the index, the policy and the rules are the defaults of
//! the options of these names. So a flag wins over the environment, and the environment over the file.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Arg, Command};

use crate::serve::{BadSettings, SetOptions, Settings};
use crate::settings_file;

/// The language of all words where `--lang` says nothing.
const LANGUAGE: &str = "ABPRALL_LANG";

/// Commands that read the settings themselves, and say what is wrong with them.
const READ_THEMSELVES: [&str; 4] = ["serve", "config", "doctor", "generate"];

/// The command line, with defaults from the settings: those that `--config` or `ABPRALL_CONFIG` names, else, where no database is named, those
/// that are found as the server finds them. Whoever names a database is not given the policy and the rules of another.
///
/// # Errors
/// Where the file cannot be read, or something in it is wrong.
pub(super) fn from_settings(command: Command, words: &[OsString]) -> Result<Command, BadSettings> {
    let is_own = |word: &OsString| READ_THEMSELVES.iter().any(|name| word == name);
    if words.iter().skip(1).any(is_own) || is_only_asked_for_help(words) {
        return Ok(command);
    }
    let Some(path) = named(words).or_else(|| if names_store(words) { None } else { settings_file::find() })
    else {
        return Ok(command);
    };
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
    value_of(words, "--config").or_else(|| set("ABPRALL_CONFIG")).map(PathBuf::from)
}

/// Whether `--store` or `ABPRALL_STORE` names a database.
fn names_store(words: &[OsString]) -> bool {
    value_of(words, "--store").or_else(|| set("ABPRALL_STORE")).is_some()
}

/// Help is also for whoever has broken settings.
fn is_only_asked_for_help(words: &[OsString]) -> bool {
    let mut options = words.iter().skip(1).take_while(|word| *word != "--");
    let is_help = |word: &OsString| ["--help", "-h", "--version", "-V"].iter().any(|help| word == help);
    words.get(1).is_some_and(|word| word == "help") || options.any(is_help)
}

fn value_of(words: &[OsString], option: &str) -> Option<OsString> {
    let mut words = words.iter().skip(1).take_while(|word| *word != "--");
    while let Some(word) = words.next() {
        if word == option {
            return words.next().cloned();
        }
        let behind = word.to_str().and_then(|word| word.strip_prefix(option)?.strip_prefix('='));
        if let Some(value) = behind {
            return Some(value.into());
        }
    }
    None
}

fn set(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

fn with_defaults(command: Command, told: &[(&'static str, Vec<String>)]) -> Command {
    let command = told.iter().fold(command, |command, (long, values)| {
        let has =
            command.get_arguments().any(|option| option.get_id() == *long && option.get_long() == Some(long));
        if has { command.mut_arg(long, |option| with_default(option, values)) } else { command }
    });
    command.mut_subcommands(|below| with_defaults(below, told))
}

/// Gives every `--lang` its variable.
pub(super) fn with_language(command: Command) -> Command {
    let has = command.get_arguments().any(|option| option.get_id() == "lang");
    let command = if has {
        command.mut_arg("lang", |option| option.env(LANGUAGE).hide_env_values(true))
    } else {
        command
    };
    command.mut_subcommands(with_language)
}

fn with_default(option: Arg, values: &[String]) -> Arg {
    // Defaults live as long as the program: clap takes no other texts.
    let values: Vec<&'static str> = values.iter().map(|value| &*value.clone().leak()).collect();
    // A connection string may hold a password: no help shows it.
    option.default_values(values).hide_default_value(true)
}
