//! The operator's own classification rules, in front of the built-in ones.

use std::fmt;
use std::fs;
use std::path::PathBuf;

use abprall_bounce::{Classifier, RuleFile, RuleFileError};

/// `--rules FILE`, of every command that classifies.
#[derive(clap::Args)]
pub(crate) struct RuleFiles {
    /// A file of your own classification rules; they win over the built-in ones. May be repeated.
    #[arg(
        long = "rules",
        value_name = "FILE",
        env = "ABPRALL_RULES",
        value_delimiter = ',',
        hide_env_values = true
    )]
    pub(crate) rules: Vec<PathBuf>,
}

impl RuleFiles {
    /// The classifier that the command works with.
    ///
    /// # Errors
    /// [`BadRules`] with everything that is wrong with the files.
    pub(crate) fn classifier(&self) -> Result<Classifier, BadRules> {
        classifier(&self.rules)
    }
}

/// The built-in rules with those of `paths` in front of them, in the order given.
pub(crate) fn classifier(paths: &[PathBuf]) -> Result<Classifier, BadRules> {
    if paths.is_empty() {
        return Ok(Classifier::built_in());
    }
    let (mut files, mut problems) = (Vec::new(), Vec::new());
    for path in paths {
        match fs::read_to_string(path) {
            Ok(text) => files.push(RuleFile::new(&path.display().to_string(), &text)),
            Err(error) => problems.push(format!("cannot read {}: {error}", path.display())),
        }
    }
    let loaded = Classifier::with_rules(&files);
    problems.extend(loaded.as_ref().err().into_iter().flatten().map(RuleFileError::to_string));
    match loaded {
        Ok(classifier) if problems.is_empty() => Ok(classifier),
        _ => Err(BadRules(problems)),
    }
}

/// Everything that is wrong with the rule files, one problem a line. A mistake of configuration: exit status 2.
#[derive(Debug)]
pub(crate) struct BadRules(Vec<String>);

impl BadRules {
    pub(crate) fn new(problems: Vec<String>) -> Self {
        Self(problems)
    }
}

impl fmt::Display for BadRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let noun = if self.0.len() == 1 { "problem" } else { "problems" };
        write!(f, "{} {noun} in the rule files; nothing was done", self.0.len())?;
        self.0.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl std::error::Error for BadRules {}
