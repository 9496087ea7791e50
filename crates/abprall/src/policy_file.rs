//! The operator's policy, in place of the defaults.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use abprall_policy::Policy;

/// `--policy FILE`, of every command that decides.
#[derive(clap::Args)]
pub(crate) struct PolicyFile {
    /// Your own thresholds and waiting times; what the file leaves out has its default.
    #[arg(long = "policy", value_name = "FILE", env = "ABPRALL_POLICY", hide_env_values = true)]
    policy: Option<PathBuf>,
}

impl PolicyFile {
    /// The policy that the command works with.
    ///
    /// # Errors
    /// [`BadPolicy`] with everything that is wrong with the file.
    pub(crate) fn read(&self) -> Result<Policy, BadPolicy> {
        self.policy.as_deref().map_or_else(|| Ok(Policy::default()), read)
    }
}

/// Reads a policy.
pub(crate) fn read(path: &Path) -> Result<Policy, BadPolicy> {
    let shown = path.display();
    let text =
        fs::read_to_string(path).map_err(|error| BadPolicy(format!("cannot read {shown}: {error}")))?;
    Policy::parse(&text).map_err(|error| BadPolicy(format!("{shown}: {error}")))
}

/// Everything that is wrong with the policy, one problem a line. A mistake of configuration: exit status 2.
#[derive(Debug)]
pub(crate) struct BadPolicy(String);

impl fmt::Display for BadPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadPolicy {}
