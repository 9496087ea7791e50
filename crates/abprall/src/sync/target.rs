use std::time::{Duration, Instant};

use super::settings::{Kind, TargetSettings};
use super::{Event, file, listmonk, mailman, mautic, redis, sql, webhook};

/// Somebody who is told what was decided.
pub(crate) trait Target: Send {
    /// Tells events; those of one address in their order, and none after one of its own that failed. Begins nothing after `until`.
    fn tell(&mut self, events: &[Event], until: Instant) -> Answer;

    /// Hands over all whom the target has, to be held against what is remembered here.
    fn members(&mut self, each: &mut dyn FnMut(Member) -> anyhow::Result<()>) -> anyhow::Result<Holds>;
}

/// What came of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Answer {
    /// One for each event.
    pub(crate) told: Vec<Told>,
    /// What keeps the target from being told anything, where it is not about an event.
    pub(crate) trouble: Option<Trouble>,
}

impl Answer {
    /// Nothing was told, because of this.
    pub(super) fn none(events: usize, trouble: Trouble) -> Self {
        Self { told: vec![Told::NotTried; events], trouble: Some(trouble) }
    }
}

/// What came of one event.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Told {
    /// The target knows.
    Done,
    /// It was not its turn: it is told the next time.
    NotTried,
    /// The target refuses this one; what it said.
    Refused(String),
}

/// Why a target cannot be told anything.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Trouble {
    /// It is not to be reached, does not let us in, or asks for a pause.
    Away {
        /// What it, or the system, said.
        error: String,
        /// How long it wants to be left alone.
        after: Option<Duration>,
    },
    /// It never wants to hear anything again.
    Gone(String),
}

impl Trouble {
    pub(super) fn away(error: impl std::fmt::Display) -> Self {
        Self::Away { error: error.to_string(), after: None }
    }
}

/// Why one event was not told.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Failure {
    /// It is about the event.
    Refused(String),
    /// It is about the target.
    Trouble(Trouble),
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

/// Somebody whom a target has.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Member {
    /// The address.
    pub(crate) address: String,
    /// Whether it is stopped there.
    pub(crate) there: There,
}

/// How somebody stands at a target.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum There {
    /// It is sent to.
    Free,
    /// We have stopped it.
    StoppedByUs,
    /// Somebody else has: that is none of our business.
    StoppedByOthers,
}

/// What a target's members are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Holds {
    /// All whom it knows: who is not among them is not sent to.
    Members,
    /// Only the stopped: who is missing is sent to.
    Stops,
}

/// The target that the settings name. Nothing is contacted by this.
pub(crate) fn connect(settings: &TargetSettings) -> anyhow::Result<Box<dyn Target>> {
    Ok(match &settings.kind {
        Kind::Webhook(webhook) => Box::new(webhook::Webhook::new(webhook, settings)?),
        Kind::Sql(sql) => Box::new(sql::SqlTarget::new(sql, settings)?),
        Kind::Listmonk(listmonk) => Box::new(listmonk::Listmonk::new(listmonk, settings)?),
        Kind::Mailman(mailman) => Box::new(mailman::Mailman::new(mailman, settings)?),
        Kind::Mautic(mautic) => Box::new(mautic::Mautic::new(mautic, settings)?),
        Kind::File(file) => Box::new(file::FileTarget::new(file)),
        Kind::Redis(redis) => Box::new(redis::RedisSet::new(redis, settings)?),
    })
}
