use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strum::{Display, EnumIter, EnumString, IntoStaticStr};

/// What was decided, and by which row of the policy.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Decision {
    /// What is done.
    pub outcome: Outcome,
    /// The row of the policy that decided; part of the stored record, never renamed.
    pub rule: &'static str,
    /// When what is done ends by itself; `None`: it does not.
    pub until: Option<Timestamp>,
    /// The domain's routing is to be looked at: the report claims that it is broken.
    pub investigate: bool,
    /// It is a day with a soft failure, which is to be remembered.
    pub strike: bool,
}

impl Decision {
    /// A decision without an end that asks nobody to look.
    pub fn new(outcome: Outcome, rule: &'static str) -> Self {
        Self { outcome, rule, until: None, investigate: false, strike: false }
    }
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
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
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
    /// It would be suppressed, but removals are frozen: it is held until the incident is over.
    Pending,
    /// A look at the network confirmed why it was held: it stays stopped.
    Confirm,
    /// A look at the network refuted why it was held: it may be sent to again.
    Release,
    /// The route has recovered: it may be sent to again.
    Reinstate,
    /// What was pending is not carried out.
    Drop,
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
            Outcome::Hold | Outcome::Pending => Some(Stop::Hold),
            Outcome::Count
            | Outcome::Reset
            | Outcome::Alert
            | Outcome::Review
            | Outcome::Lift
            | Outcome::Confirm
            | Outcome::Release
            | Outcome::Reinstate
            | Outcome::Drop
            | Outcome::Nothing => None,
        }
    }

    /// How much it weighs against another outcome for the same failure, from 0.
    pub(crate) fn weight(self) -> u8 {
        match self {
            Outcome::Nothing
            | Outcome::Reset
            | Outcome::Lift
            | Outcome::Release
            | Outcome::Reinstate
            | Outcome::Drop => 0,
            Outcome::Count => 1,
            Outcome::Alert | Outcome::Review => 2,
            Outcome::Hold | Outcome::Confirm => 3,
            Outcome::Suppress | Outcome::Pending => 4,
        }
    }

    /// Whether a second report of the same failure would change anything.
    pub fn is_harder_than(self, other: Self) -> bool {
        self.weight() > other.weight()
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
