use std::sync::Arc;

use abprall_mail::{Action, BounceType, Category, Party, Permanence, Reason};

/// The judgement about one report: why, whose side, for how long, what to do.
#[derive(Clone, Debug, PartialEq)]
pub struct Classification {
    /// Why.
    pub reason: Reason,
    /// The cause beneath, where `reason` only says how it ended (delivery_expired after host_unreachable).
    pub underlying: Option<Reason>,
    /// Whether trying again could help, by cause.
    pub permanence: Permanence,
    /// hard, soft, block, none.
    pub bounce_type: BounceType,
    /// Whose side it is on.
    pub party: Party,
    /// The area.
    pub category: Category,
    /// What to do with the recipient.
    pub action: Action,
    /// How sure, 0 to 1.
    pub confidence: f32,
    /// The rules that decided, most important first, with the text that matched.
    pub because: Vec<Because>,
    /// Where the report contradicts itself, in words for a person ("reply 452 but Status 5.2.2").
    pub contradictions: Vec<String>,
}

/// A rule that took part, and what it saw.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Because {
    /// The rule's id.
    pub rule: Arc<str>,
    /// The text or code that matched.
    pub matched: String,
}
