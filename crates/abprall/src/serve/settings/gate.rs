//! `[gate]`: how senders ask.

use abprall_policy::settings::{Reader, Section};

use super::places;
use crate::serve::gate::Question;
use crate::serve::listen::Place;

/// How senders ask, and what they hear.
#[derive(Clone, Debug, Default)]
pub(in crate::serve) struct GateSettings {
    policy: Vec<Place>,
    socketmap: Vec<Place>,
    tcp_table: Vec<Place>,
    milter: Vec<Place>,
    pub(in crate::serve) held: WhenHeld,
    pub(in crate::serve) on_failure: OnFailure,
}

impl GateSettings {
    pub(in crate::serve) fn listeners(&self) -> [(&[Place], Question); 4] {
        [
            (&self.policy, Question::Policy),
            (&self.socketmap, Question::Socketmap),
            (&self.tcp_table, Question::TcpTable),
            (&self.milter, Question::Milter),
        ]
    }
}

/// What a sender hears about an address that is stopped for now.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(in crate::serve) enum WhenHeld {
    /// No, for good: the mail comes back at once. What lists want.
    #[default]
    Refuse,
    /// Not now: the mail server keeps the mail and asks again.
    Defer,
}

/// What a sender hears when the index says "perhaps stopped" and the database does not answer.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(in crate::serve) enum OnFailure {
    /// Not now.
    #[default]
    Defer,
    /// Go on.
    Accept,
}

pub(super) fn take(reader: &mut Reader<'_>, section: &mut Section<'_, '_>) -> GateSettings {
    let mut gate = GateSettings::default();
    let held = [("refuse", WhenHeld::Refuse), ("defer", WhenHeld::Defer)];
    section.word(reader, "held", &mut gate.held, &held);
    let on_failure = [("defer", OnFailure::Defer), ("accept", OnFailure::Accept)];
    section.word(reader, "on_failure", &mut gate.on_failure, &on_failure);
    for (name, places_of) in [
        ("policy", &mut gate.policy),
        ("socketmap", &mut gate.socketmap),
        ("tcp_table", &mut gate.tcp_table),
        ("milter", &mut gate.milter),
    ] {
        if let Some(mut below) = section.section(reader, name) {
            *places_of = places(reader, &mut below);
            below.finish(reader);
        }
    }
    gate
}
