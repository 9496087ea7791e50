use abprall_mail::EmailAddress;
use serde::{Deserialize, Serialize};

/// Whose mail it is: nobody's in particular, a tenant's, one list's.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub struct Audience {
    /// The tenant; `None`: the whole house.
    pub tenant: Option<String>,
    /// The list; `None`: all lists.
    pub list: Option<String>,
}

/// May this address be sent to, with this mail?
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Question {
    /// The address.
    pub address: EmailAddress,
    /// Whose mail. A stop of the whole house holds for all; one of a tenant or list only for theirs.
    pub audience: Audience,
}

impl Question {
    /// For mail of nobody in particular: only stops of the whole house count.
    pub fn about(address: EmailAddress) -> Self {
        Self { address, audience: Audience::default() }
    }
}
