use abprall_mail::Reason;
use abprall_policy::IncidentEvent;
use jiff::Timestamp;

/// One event of any incident: what there is to tell.
#[derive(Clone, Debug, PartialEq)]
pub struct News {
    /// Its number; later events have larger ones.
    pub id: i64,
    /// The incident.
    pub incident: i64,
    /// What the incident is about: `domain:NAME`, `operator:NAME` or `brake:PROVIDER`.
    pub key: String,
    /// The first claim of the incident.
    pub reason: Option<Reason>,
    /// When.
    pub at: Timestamp,
    /// What.
    pub event: IncidentEvent,
    /// The domain that the event is about.
    pub domain: Option<String>,
    /// How many addresses.
    pub addresses: u64,
    /// In words, or the words of a server.
    pub detail: Option<String>,
}
