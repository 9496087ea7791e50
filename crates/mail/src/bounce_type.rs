use crate::{Party, Permanence};
use serde::{Deserialize, Serialize};
use strum::{Display, EnumIter, EnumString, IntoStaticStr};

/// The four words that list owners know.
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
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum BounceType {
    /// Permanent and on the recipient's side: parties recipient, recipient_domain, route.
    Hard,
    /// Transient, or not sure enough to be hard.
    Soft,
    /// Refused because of the sender or the message.
    Block,
    /// Not a failure.
    None,
}

impl BounceType {
    /// The word as every output and file of Abprall spells it.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

impl BounceType {
    /// The type of a failure whose cause is on the side of `party`.
    ///
    /// Hard needs a permanent cause on the recipient's side; a refusal because of the sender or the message is a block,
    /// transient or not; everything else that failed is soft.
    pub fn of(party: Party, permanence: Permanence) -> Self {
        match (party, permanence) {
            (Party::None, _) => BounceType::None,
            (Party::Sender | Party::Message, Permanence::Permanent | Permanence::Undetermined) => {
                BounceType::Block
            }
            (Party::Recipient | Party::RecipientDomain | Party::Route, Permanence::Permanent) => {
                BounceType::Hard
            }
            _ => BounceType::Soft,
        }
    }
}
