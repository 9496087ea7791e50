//! What is kept of people: all of one person, and how what is old goes.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;

use crate::{DecisionRecord, Scope, Standing};

/// All that is known of one person.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Person {
    /// The address as it is kept; `erased:…` where only the keyed hash is left.
    pub kept_as: String,
    /// How it stands for mail of nobody in particular.
    pub standing: Standing,
    /// Every stop of it, also those for some mail only, and those that are over.
    pub stops: Vec<PersonalStop>,
    /// Every decision, newest first, with the report that it rests on.
    pub decisions: Vec<DecisionRecord>,
    /// Reports of mail to somebody else that failed at this address: forwarded mail.
    pub failed_for_others: u64,
    /// Days with a soft failure since the last delivery.
    pub soft_failures: Vec<Date>,
    /// The last day with a delivery.
    pub last_delivery: Option<Date>,
    /// It may be sent to though its domain is stopped: it is on its way back.
    pub on_its_way_back: bool,
}

/// One stop of a person.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct PersonalStop {
    /// What is stopped.
    pub scope: Scope,
    /// `held` or `suppressed`, as the database writes it.
    pub stop: String,
    /// Why.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
    /// Until when.
    pub until: Option<Timestamp>,
    /// For whose mail; `None`: everybody's.
    pub tenant: Option<String>,
    /// For which list's mail; `None`: all.
    pub list: Option<String>,
}

/// What of the old is to go.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Old {
    /// The words of reports: diagnostics, subjects, message ids. What was decided from them stays.
    Texts,
    /// Addresses about which nothing was decided since: a keyed hash takes their place, as if they had asked to be forgotten. Who was
    /// stopped stays so.
    Addresses,
}

/// One step of a cleaning.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Pruned {
    /// Where the next step goes on; `None`: it is done.
    pub next: Option<i64>,
    /// Reports emptied, or addresses replaced.
    pub changed: u64,
}
