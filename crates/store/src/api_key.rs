use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strum::{Display, EnumIter, EnumString, IntoStaticStr};

/// What a key may be used for.
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
pub enum KeyScope {
    /// Ask whether an address may be sent to.
    Check,
    /// Deposit bounces as messages.
    Bounces,
    /// Deposit reports as JSON.
    Events,
    /// Read what is stopped, decided and watched.
    Read,
    /// Stop and lift, settle what is pending.
    Write,
    /// Everything, and: forget people, read the audit log.
    Admin,
}

impl KeyScope {
    /// The word as every output and file of Abprall spells it.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// A key that is to be made.
#[derive(Clone)]
pub struct NewApiKey {
    /// For people; no other key in use has it.
    pub name: String,
    /// The public part, by which the key is found.
    pub token: String,
    /// What is kept of the secret part: argon2, as a PHC string.
    pub secret: String,
    /// What it may be used for.
    pub scopes: Vec<KeyScope>,
    /// Whose mail it is about; `None`: everybody's.
    pub tenant: Option<String>,
    /// From when on it is no key any more.
    pub expires_at: Option<Timestamp>,
}

/// A key for a program.
#[derive(Clone, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ApiKey {
    /// Its number.
    pub id: i64,
    /// For people.
    pub name: String,
    /// The public part.
    pub token: String,
    /// What is kept of the secret part. Never shown.
    #[serde(skip)]
    pub secret: String,
    /// What it may be used for.
    pub scopes: Vec<KeyScope>,
    /// Whose mail it is about; `None`: everybody's.
    pub tenant: Option<String>,
    /// When it was made.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub created_at: Timestamp,
    /// From when on it is no key any more.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub expires_at: Option<Timestamp>,
    /// When it was taken back.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub revoked_at: Option<Timestamp>,
}

impl ApiKey {
    /// Whether it opens anything at that time.
    pub fn is_good_at(&self, at: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| end > at)
    }

    /// Whether it may be used for that. `admin` may everything, but only for its own tenant.
    pub fn may(&self, scope: KeyScope) -> bool {
        self.scopes.contains(&scope) || self.scopes.contains(&KeyScope::Admin)
    }
}

impl fmt::Debug for NewApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NewApiKey({:?})", self.name)
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKey({:?})", self.name)
    }
}
