use abprall_mail::Reason;
use abprall_store::{State, StopFilter};
use clap::ValueEnum;

/// Which stops are meant.
#[derive(clap::Args)]
pub(super) struct Filter {
    /// Only those that are held, or only those that are suppressed.
    #[arg(long, value_enum)]
    state: Option<StopState>,

    /// Only those for this reason, such as `user_unknown`.
    #[arg(long, value_name = "REASON", value_parser = reason)]
    pub(super) reason: Option<Reason>,
}

#[derive(Clone, Copy, Eq, PartialEq, ValueEnum)]
enum StopState {
    Held,
    Suppressed,
}

impl Filter {
    /// As the store understands it.
    pub(super) fn stops(&self) -> StopFilter {
        StopFilter { state: self.state(), reason: self.reason, ..StopFilter::default() }
    }

    pub(super) fn state(&self) -> Option<State> {
        self.state.map(|state| match state {
            StopState::Held => State::Held,
            StopState::Suppressed => State::Suppressed,
        })
    }
}

/// Reads a reason by its id.
pub(super) fn reason(text: &str) -> Result<Reason, String> {
    text.parse().map_err(|_| {
        format!("{text:?} is no reason; `abprall explain user_unknown` shows how they are called")
    })
}
