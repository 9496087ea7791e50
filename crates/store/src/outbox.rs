//! What is told to others: the decisions are the outbox, and each target has its place among them. What a target was not told yet is
//! an item; an item is told, told later, or dead until a person retries or drops it.
//!
//! Told is always how somebody stands *now*, whatever decision led to it: telling it late, or twice, does no harm.

use std::time::Duration;

use abprall_mail::Reason;
use abprall_policy::Outcome;
use jiff::Timestamp;
use serde::Serialize;

use crate::{Mode, Scope, Standing, State};

/// What a target hears of.
#[derive(Clone, Debug, PartialEq)]
pub struct OutboxRules {
    /// Of which tenants.
    pub tenant: Hears,
    /// Of which lists.
    pub list: Hears,
    /// Those who are held are stopped for it.
    pub held: bool,
    /// Those who are suppressed are stopped for it.
    pub suppressed: bool,
    /// Only these reasons stop for it; none: all do.
    pub reasons: Vec<Reason>,
    /// What it makes of a whole domain.
    pub domains: DomainEvents,
}

/// Of whose mail a target hears. What holds for the whole house is heard by all.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Hears {
    /// Of everybody's; each decision is told as it holds for whom it was taken.
    All,
    /// Of this tenant's or list's; `None`: only of what holds for the whole house.
    Of(Option<String>),
}

/// How a target is told of a whole domain.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DomainEvents {
    /// Once.
    Whole,
    /// By an event for each address of it that is known here.
    ByAddress,
}

impl OutboxRules {
    /// Everything, of everybody.
    pub fn all() -> Self {
        Self {
            tenant: Hears::All,
            list: Hears::All,
            held: true,
            suppressed: true,
            reasons: Vec::new(),
            domains: DomainEvents::Whole,
        }
    }

    /// Whether who stands so is stopped, as far as this target is concerned.
    pub fn stops(&self, standing: &Standing) -> bool {
        let counts = match standing.state {
            State::Ok => false,
            State::Held => self.held,
            State::Suppressed => self.suppressed,
        };
        counts && standing.reason.is_none_or(|reason| self.counts_reason(reason))
    }

    pub(crate) fn counts_reason(&self, reason: Reason) -> bool {
        self.reasons.is_empty() || self.reasons.contains(&reason)
    }
}

/// Where a target that is new begins.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OutboxStart {
    /// With the first decision: it hears of all that are stopped.
    First,
    /// With those from now on.
    Now,
}

/// Asks for what is to be told.
#[derive(Clone, Debug)]
pub struct OutboxTake<'a> {
    /// To whom.
    pub target: &'a str,
    /// What it hears of.
    pub rules: &'a OutboxRules,
    /// Where it begins, for a preview of one that is new.
    pub start: OutboxStart,
    /// Who tells it.
    pub owner: &'a str,
    /// For how long nobody else does.
    pub lease: Duration,
    /// Items at most.
    pub rows: u32,
    /// A preview shows what would be told, and changes nothing.
    pub mode: Mode,
}

/// What is to be told now, in this order for each address.
#[derive(Clone, Debug)]
pub struct OutboxBatch {
    /// To be given back with what came of it.
    pub lease: OutboxLease,
    /// The items.
    pub items: Vec<OutboxItem>,
    /// How often in a row the target was not to be reached.
    pub failures: u32,
    /// There may be more to tell at once.
    pub is_more: bool,
}

/// The right to tell a target something, until it ends.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OutboxLease {
    /// Whom.
    pub target: String,
    /// Who has it.
    pub owner: String,
    /// Until when.
    pub until: Timestamp,
}

/// One thing to be told.
#[derive(Clone, Debug, PartialEq)]
pub struct OutboxItem {
    /// Its number.
    pub id: i64,
    /// Whom it is about: an address or a domain. `None`: somebody who was forgotten, of whom nothing can be told.
    pub name: Option<String>,
    /// Which of both.
    pub scope: Scope,
    /// How that stands now.
    pub standing: Standing,
    /// What led to it.
    pub decision: OutboxDecision,
    /// How often it was tried before.
    pub attempts: u32,
}

/// The decision that an event tells of.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OutboxDecision {
    /// Its number: those of one address grow.
    pub id: i64,
    /// What was decided.
    pub outcome: Outcome,
    /// Why.
    pub reason: Option<Reason>,
    /// By which row of the policy.
    pub rule: String,
    /// When.
    pub at: Timestamp,
    /// What it was about.
    pub scope: Scope,
    /// For whose mail.
    pub tenant: Option<String>,
    /// For which list's.
    pub list: Option<String>,
    /// The decision that it undoes.
    pub undoes: Option<i64>,
}

/// What came of an item.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum OutboxResult {
    /// It was told. Where the stop ends by itself, the end is to be told as well.
    Told {
        /// When that is.
        ends: Option<Timestamp>,
    },
    /// It was refused and is tried again.
    Later {
        /// When.
        due_at: Timestamp,
        /// What the target said.
        error: String,
    },
    /// It was refused, and that may be the target's fault: it is tried again and does not count.
    Again {
        /// When.
        due_at: Timestamp,
        /// What the target said.
        error: String,
    },
    /// It is not tried again, unless a person says so.
    Dead {
        /// What the target said last.
        error: String,
    },
}

/// How the target itself is doing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum TargetNews {
    /// It was not asked anything.
    None,
    /// It answers.
    Well,
    /// It is not to be reached, or wants to be left alone for a while.
    Away {
        /// Not before.
        due_at: Timestamp,
        /// What it, or the system, said.
        error: String,
        /// How often in a row it was so, with this time.
        failures: u32,
    },
    /// It never wants to hear anything again.
    Disabled {
        /// What it said.
        error: String,
    },
}

/// A target, as it stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OutboxTarget {
    /// Its name.
    pub name: String,
    /// Decisions up to this one were told, or wait as items.
    pub cursor: i64,
    /// The last decision that there is.
    pub last_decision: i64,
    /// Items that wait.
    pub waiting: u64,
    /// Items that nobody tries any more.
    pub dead: u64,
    /// Items that were told, altogether.
    pub told: u64,
    /// When the last one was.
    pub told_at: Option<Timestamp>,
    /// How often in a row it was not to be reached.
    pub failures: u32,
    /// When it is tried again.
    pub due_at: Option<Timestamp>,
    /// What it, or the system, said last.
    pub last_error: Option<String>,
    /// It wants to hear nothing more.
    pub disabled: bool,
    /// Who tells it at this moment.
    pub owner: Option<String>,
}

/// An item that was given up.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DeadLetter {
    /// Its number.
    pub id: i64,
    /// Whom it was to be told to.
    pub target: String,
    /// Whom it is about; `None`: somebody who was forgotten.
    pub name: Option<String>,
    /// What led to it.
    pub decision: i64,
    /// How often it was tried.
    pub attempts: u32,
    /// What the target said last.
    pub error: Option<String>,
}

/// Which dead letters are meant.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum DeadLetters {
    /// Those with these numbers.
    Numbers(Vec<i64>),
    /// All of a target.
    Of(String),
    /// All.
    All,
}

/// What becomes of dead letters.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DeadFate {
    /// They are tried again.
    Retry,
    /// They are forgotten.
    Drop,
}
