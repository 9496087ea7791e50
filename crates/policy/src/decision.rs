use serde::{Deserialize, Serialize};
use strum::{Display, EnumIter, EnumString, IntoStaticStr};

/// What was decided, and by which row of the policy.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Decision {
    /// What is done.
    pub outcome: Outcome,
    /// The row of the policy that decided; part of the stored record, never renamed.
    pub rule: &'static str,
}

/// What one report does to the address that was sent to.
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
    PartialEq,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Outcome {
    /// The address is stopped until a person lifts it.
    Suppress,
    /// The address is stopped for now; the state of its domain decides.
    Hold,
    /// A soft failure is counted; the mail server retries.
    Count,
    /// A delivery: soft failures before it no longer count.
    Reset,
    /// The fault is the sender's, the message's or our own: people are told, the recipient stays.
    Alert,
    /// A person has to look.
    Review,
    /// A stop ends: a person lifted it, or the evidence did.
    Lift,
    /// Nothing is done.
    Nothing,
}

impl Outcome {
    /// The word as every output and file of Abprall spells it.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// How the address is stopped; `None` when it is not.
    pub fn stop(self) -> Option<Stop> {
        match self {
            Outcome::Suppress => Some(Stop::Suppression),
            Outcome::Hold => Some(Stop::Hold),
            Outcome::Count
            | Outcome::Reset
            | Outcome::Alert
            | Outcome::Review
            | Outcome::Lift
            | Outcome::Nothing => None,
        }
    }
}

/// The two ways in which sends to an address are stopped. The greater one wins where both apply.
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
pub enum Stop {
    /// For now.
    Hold,
    /// Until it is removed, expires or is lifted by recovery.
    Suppression,
}

impl Stop {
    /// The word as every output and file of Abprall spells it.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}
