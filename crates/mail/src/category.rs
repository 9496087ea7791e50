use serde::{Deserialize, Serialize};
use strum::{Display, EnumIter, EnumString, IntoStaticStr};

/// The area of a reason, by the subjects of RFC 3463 §3.
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
pub enum Category {
    /// X.1: the address.
    Addressing,
    /// X.2: the mailbox.
    Mailbox,
    /// X.3: the destination's mail system.
    MailSystem,
    /// X.4: network and routing.
    NetworkRouting,
    /// X.5: the mail protocol.
    Protocol,
    /// X.6: content and media.
    Content,
    /// X.7: security and policy.
    SecurityPolicy,
    /// No failure: delivery, complaint, automatic answer.
    None,
    /// X.0: not known.
    Undefined,
}

impl Category {
    /// The word as every output and file of Abprall spells it.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}
