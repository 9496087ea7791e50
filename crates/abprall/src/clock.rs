//! The time that a command works with: that of the system, or one that a test gives.

use jiff::Timestamp;

/// Where the time comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Clock {
    /// The system's.
    System,
    /// It stands still at this time.
    At(Timestamp),
}

impl Clock {
    pub(crate) fn now(self) -> Timestamp {
        match self {
            Clock::System => Timestamp::now(),
            Clock::At(at) => at,
        }
    }
}

#[derive(clap::Args)]
pub(crate) struct ClockOption {
    /// Work as if it were this time: for tests, which cannot wait for days.
    #[arg(long, value_name = "RFC3339", hide = true)]
    now: Option<Timestamp>,
}

impl ClockOption {
    pub(crate) fn clock(&self) -> Clock {
        self.now.map_or(Clock::System, Clock::At)
    }
}
