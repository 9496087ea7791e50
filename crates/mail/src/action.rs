use serde::{Deserialize, Serialize};
use strum::{Display, EnumIter, EnumString, IntoStaticStr};

/// What to do with a recipient after a report.
#[derive(
    Clone,
    Copy,
    Debug,
    Display,
    EnumIter,
    EnumString,
    Eq,
    Hash,
    IntoStaticStr,
    Ord,
    PartialEq,
    PartialOrd,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Action {
    /// Stop sending to the address; it stays stopped until removed, expired or lifted.
    Suppress,
    /// Stop sending for now; the evidence decides whether it becomes a suppression.
    Hold,
    /// Nothing to do for a list: the sending MTA retries by itself.
    Retry,
    /// The sender's reputation, authentication or rate is the trouble; the recipient stays.
    FixSender,
    /// The message is the trouble; the recipient stays.
    FixMessage,
    /// Find out first: the domain, the route or our own system.
    Investigate,
    /// A person has to look: no rule is sure enough.
    Review,
    /// Nothing to do.
    None,
}

impl Action {
    /// The word as every output and file of Abprall spells it.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}
