use abprall_bounce::Kind;
use abprall_mail::{Permanence, Reason};
use abprall_policy::Outcome;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Standing;

/// All that led to how an address or a domain stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Story {
    /// How it stands.
    pub standing: Standing,
    /// Decisions that there are; `decisions` may hold fewer.
    pub decisions_total: u64,
    /// The newest decisions, newest first.
    pub decisions: Vec<DecisionRecord>,
    /// For a domain: how its addresses stand, those that are stopped first; empty for an address.
    pub addresses: Vec<Standing>,
    /// For a domain: how many addresses of it are known.
    pub addresses_total: u64,
    /// For a domain: how many of these are stopped.
    pub addresses_stopped: u64,
    /// The contents of reports whose raw mail is still there. The store does not have it: whoever keeps it fills this in.
    pub raw_mail: Vec<String>,
}

/// One decision, as it was taken.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DecisionRecord {
    /// Its number.
    pub id: i64,
    /// Whom it is about: an address or a domain.
    pub about: String,
    /// When it was taken.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub taken_at: Timestamp,
    /// What was done.
    pub outcome: Outcome,
    /// Why.
    pub reason: Option<Reason>,
    /// The row of the policy, or `operator`.
    pub rule: String,
    /// The version of the program's rules.
    pub policy: u32,
    /// The fingerprint of the operator's policy; `None` where it played no part.
    pub policy_fingerprint: Option<String>,
    /// Until when, where an end is set.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub until: Option<Timestamp>,
    /// For whose mail.
    pub tenant: Option<String>,
    /// For which list's mail.
    pub list: Option<String>,
    /// The looks at the network that it rests on.
    pub evidence: Vec<i64>,
    /// The decision that this one undoes or follows up.
    pub undoes: Option<i64>,
    /// The decision that undid this one.
    pub undone_by: Option<i64>,
    /// The incident that it belongs to.
    pub incident: Option<i64>,
    /// What the person wrote who decided.
    pub note: Option<String>,
    /// The report that it rests on; `None` where a person decided.
    pub report: Option<ReportRecord>,
}

/// One report, as far as it is kept.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReportRecord {
    /// The message that held it.
    pub source: String,
    /// The identity of that message by its content: 32 hexadecimal digits.
    pub content: String,
    /// Within the message, from 0.
    pub index: u32,
    /// When it happened, by the report's word.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub happened_at: Timestamp,
    /// What it tells.
    pub kind: Kind,
    /// What failed at the far end, where that is another address.
    pub failed_address: Option<String>,
    /// Why.
    pub reason: Reason,
    /// The cause beneath.
    pub underlying: Option<Reason>,
    /// Whether trying again could help.
    pub permanence: Permanence,
    /// How sure, 0 to 1.
    pub confidence: f64,
    /// The reply code.
    pub reply_code: Option<u16>,
    /// The enhanced status code.
    pub status: Option<String>,
    /// The reply in its own words.
    pub diagnostic: Option<String>,
    /// The MTA that wrote the report.
    pub reporting_mta: Option<String>,
    /// The MTA that refused, where one is named.
    pub remote_mta: Option<String>,
    /// Of the original message.
    pub message_id: Option<String>,
    /// Of the original message.
    pub subject: Option<String>,
    /// The rules that judged it.
    pub because: Vec<Matched>,
    /// Where it contradicts itself.
    pub contradictions: Vec<String>,
}

/// A rule and the text that it matched.
#[derive(Clone, Debug, Eq, PartialEq, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Matched {
    /// The rule's id.
    pub rule: String,
    /// The text or code.
    pub matched: String,
}
