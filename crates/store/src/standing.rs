use abprall_mail::Reason;
use abprall_policy::Stop;
use jiff::Timestamp;
use serde::Serialize;

/// Whether somebody may be sent to, and if not, why: the contract of `check --format json`.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Standing {
    /// The address, or the domain, that was asked for.
    pub address: String,
    /// May it be sent to?
    pub state: State,
    /// What the stop is about; `None` when there is none.
    pub scope: Option<Scope>,
    /// Why it is stopped.
    pub reason: Option<Reason>,
    /// Since when.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub since: Option<Timestamp>,
    /// Until when; `None` when no end is set.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub until: Option<Timestamp>,
    /// The number of the decision.
    pub decision: Option<i64>,
}

impl Standing {
    /// Nothing speaks against sending.
    pub fn ok(address: String) -> Self {
        Self {
            address,
            state: State::Ok,
            scope: None,
            reason: None,
            since: None,
            until: None,
            decision: None,
        }
    }

    /// Whether it is of a person who was erased: in the place of the address stands a keyed hash, of no use to anybody else.
    pub fn is_erased(&self) -> bool {
        crate::sql::is_erased(&self.address)
    }
}

/// May it be sent to?
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Yes.
    Ok,
    /// Not for now.
    Held,
    /// No.
    Suppressed,
}

impl State {
    /// The word as every output of Abprall spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Ok => "ok",
            State::Held => "held",
            State::Suppressed => "suppressed",
        }
    }
}

impl From<Stop> for State {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Hold => State::Held,
            Stop::Suppression => State::Suppressed,
        }
    }
}

/// What a stop is about.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// One address.
    Address,
    /// A whole domain.
    Domain,
    /// All domains behind a mail host.
    MxHost,
}

impl Scope {
    /// The word as every output of Abprall spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Scope::Address => "address",
            Scope::Domain => "domain",
            Scope::MxHost => "mx_host",
        }
    }
}
