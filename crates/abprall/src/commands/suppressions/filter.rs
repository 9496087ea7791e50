use abprall_mail::{Domain, Reason};
use abprall_store::{Audience, Standing, State, StopFilter, StopRow};
use clap::ValueEnum;
use serde::Serialize;

use crate::reasons::reason;
use crate::subject;

/// Which stops are meant.
#[derive(clap::Args)]
pub(super) struct Filter {
    /// Only those that are held, or only those that are suppressed.
    #[arg(long, value_enum)]
    state: Option<StopState>,

    /// Only those for this reason, such as `user_unknown`.
    #[arg(long, value_name = "REASON", value_parser = reason(), hide_possible_values = true)]
    reason: Option<Reason>,

    /// Only this domain and its addresses, not those of domains below it.
    #[arg(long, value_name = "DOMAIN", value_parser = subject::domain)]
    domain: Option<Domain>,

    /// Only those that hold for mail of this tenant alone.
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,

    /// Only those that hold for mail of this list alone.
    #[arg(long, value_name = "NAME")]
    list: Option<String>,
}

#[derive(Clone, Copy, Eq, PartialEq, ValueEnum)]
enum StopState {
    Held,
    Suppressed,
}

impl Filter {
    /// As the store understands it.
    pub(super) fn stops(&self) -> StopFilter {
        let (tenant, list) = (self.tenant.clone(), self.list.clone());
        StopFilter { state: self.state(), reason: self.reason, tenant, list }
    }

    pub(super) fn state(&self) -> Option<State> {
        self.state.map(|state| match state {
            StopState::Held => State::Held,
            StopState::Suppressed => State::Suppressed,
        })
    }

    /// Whether it chooses the stops of one tenant or list.
    pub(super) fn is_of_one_audience(&self) -> bool {
        self.tenant.is_some() || self.list.is_some()
    }

    /// What the store does not ask about itself: whether it is a stop of the domain, or of an address of it.
    pub(super) fn takes(&self, standing: &Standing) -> bool {
        let Some(domain) = &self.domain else { return true };
        let name = standing.address.rsplit_once('@').map_or(standing.address.as_str(), |(_, name)| name);
        name.eq_ignore_ascii_case(domain.as_str())
    }
}

/// A stop as programs get it: how it stands, and for whose mail.
#[derive(Serialize)]
pub(super) struct StopLine<'a> {
    #[serde(flatten)]
    standing: &'a Standing,
    /// Null: everybody's.
    tenant: Option<&'a str>,
    /// Null: of all lists.
    list: Option<&'a str>,
}

impl<'a> From<&'a StopRow> for StopLine<'a> {
    fn from(StopRow { standing, audience: Audience { tenant, list } }: &'a StopRow) -> Self {
        Self { standing, tenant: tenant.as_deref(), list: list.as_deref() }
    }
}
