use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, IntoStaticStr};

/// What a person, or a program with a key, has changed.
#[derive(
    Clone, Copy, Debug, Display, EnumString, Eq, Hash, IntoStaticStr, PartialEq, Serialize, Deserialize,
)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum AuditAction {
    /// Somebody was stopped.
    Stop,
    /// A stop was lifted.
    Lift,
    /// Stops were taken over from elsewhere.
    Import,
    /// Decisions were undone.
    Rewind,
    /// Pending removals were carried out.
    PendingApplied,
    /// Pending removals were dropped.
    PendingDropped,
    /// An incident was closed.
    IncidentClosed,
    /// A domain was let back.
    ReturnAllowed,
    /// A person was forgotten.
    Erased,
    /// A key was made.
    KeyCreated,
    /// A key was taken back.
    KeyRevoked,
}

/// One line of the audit log.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditRecord {
    /// Its number.
    pub id: i64,
    /// When.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub at: Timestamp,
    /// Who: `command` (the command line) or `key:NAME`.
    pub actor: String,
    /// What.
    pub action: AuditAction,
    /// Whom: an address, a domain, a host, the number of an incident, the name of a key; a keyed hash where the person was forgotten.
    pub subject: Option<String>,
    /// For whose mail.
    pub tenant: Option<String>,
    /// For which list's mail.
    pub list: Option<String>,
    /// In words or numbers.
    pub detail: Option<String>,
}

/// What is to be written into the audit log.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AuditEntry<'a> {
    pub(crate) subject: Option<&'a str>,
    pub(crate) tenant: Option<&'a str>,
    pub(crate) list: Option<&'a str>,
    pub(crate) detail: Option<&'a str>,
}
