use serde::{Deserialize, Serialize};
use strum::{Display, EnumIter, EnumString, IntoStaticStr};

/// Whose side the cause of a report is on.
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
pub enum Party {
    /// The mailbox or its owner.
    Recipient,
    /// The recipient's domain: registration, DNS, null MX.
    RecipientDomain,
    /// MX hosts, relays and networks between sender and mailbox.
    Route,
    /// The receiving mail system's own trouble.
    Receiver,
    /// Our reputation, authentication or rate.
    Sender,
    /// Content, size or format of the message.
    Message,
    /// Our MTA, our resolver, our configuration.
    OwnSystem,
    /// Nobody's: no failure.
    None,
    /// Cannot be told.
    Unknown,
}

impl Party {
    /// The word as every output and file of Abprall spells it.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}
