//! The operator's own policy.

use std::fs;
use std::path::PathBuf;

use abprall_policy::{Policy, PolicyFileError};

/// `--policy FILE`, of every command that decides.
#[derive(clap::Args)]
pub(crate) struct PolicyFile {
    /// A file of your own thresholds; what it leaves out has its default.
    #[arg(long = "policy", value_name = "FILE", env = "ABPRALL_POLICY", hide_env_values = true)]
    pub(crate) policy: Option<PathBuf>,
}

impl PolicyFile {
    /// The policy that the command decides by.
    ///
    /// # Errors
    /// [`BadPolicy`] with everything that is wrong with the file.
    pub(crate) fn policy(&self) -> Result<Policy, BadPolicy> {
        match &self.policy {
            None => Ok(Policy::default()),
            Some(path) => read(path),
        }
    }
}

/// Reads a policy file.
///
/// # Errors
/// [`BadPolicy`] with everything that is wrong with it.
pub(crate) fn read(path: &std::path::Path) -> Result<Policy, BadPolicy> {
    let name = path.display().to_string();
    let text =
        fs::read_to_string(path).map_err(|source| BadPolicy::Unreadable { name: name.clone(), source })?;
    Policy::parse(&text).map_err(|problems| BadPolicy::Wrong { name, problems })
}

/// A mistake of configuration: exit status 2.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadPolicy {
    /// The file cannot be read.
    #[error("cannot read {name}: {source}")]
    Unreadable {
        /// Which.
        name: String,
        /// Why.
        source: std::io::Error,
    },
    /// The file says something that is no policy.
    #[error("{name}: {problems}")]
    Wrong {
        /// Which.
        name: String,
        /// All that is wrong.
        problems: PolicyFileError,
    },
}
