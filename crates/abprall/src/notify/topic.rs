use abprall_policy::IncidentEvent;
use abprall_store::News;
use strum::{IntoStaticStr, VariantArray};

/// What people can be told of.
#[derive(Clone, Copy, Debug, Eq, IntoStaticStr, PartialEq, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub(super) enum Topic {
    /// Mail to a domain, or to all behind an operator, begins to fail.
    IncidentOpened,
    /// It is over.
    IncidentClosed,
    /// Removals are frozen, or go on.
    Brake,
    /// A route works again; somebody comes back, or needs a person's word for it.
    Recovery,
    /// It was our own side.
    OwnFault,
    /// A list, table or program does not take what was decided, and it is not tried any more.
    DeadLetters,
    /// A list, table or program takes nothing since a while.
    TargetAway,
}

impl Topic {
    /// `None`: it is in the timeline, and nobody has to be told.
    pub(super) fn of(news: &News) -> Option<Self> {
        match news.event {
            IncidentEvent::Opened => (!news.key.starts_with("brake:")).then_some(Self::IncidentOpened),
            IncidentEvent::Closed => (!news.key.starts_with("brake:")).then_some(Self::IncidentClosed),
            IncidentEvent::Frozen | IncidentEvent::Thawed => Some(Self::Brake),
            IncidentEvent::OwnFault => Some(Self::OwnFault),
            IncidentEvent::Recovering | IncidentEvent::ReinstatementStopped | IncidentEvent::NeedsPerson => {
                Some(Self::Recovery)
            }
            IncidentEvent::Joined
            | IncidentEvent::Checked
            | IncidentEvent::StateChanged
            | IncidentEvent::DomainHeld
            | IncidentEvent::DomainSuppressed
            | IncidentEvent::Released
            | IncidentEvent::PendingApplied
            | IncidentEvent::PendingDropped
            | IncidentEvent::Canary
            | IncidentEvent::Reinstated => None,
        }
    }

    pub(super) fn as_str(self) -> &'static str {
        self.into()
    }
}
