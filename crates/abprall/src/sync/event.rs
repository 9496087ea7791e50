use abprall_mail::Reason;
use abprall_store::{Hears, OutboxDecision, OutboxItem, OutboxRules, Scope, Standing, State};
use jiff::Timestamp;
use serde::Serialize;

/// How somebody stands now, and the decision that led to its being told. Fields are a contract (`docs/sync.md`): added, never renamed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Event {
    /// The address; `None`: a whole domain is meant.
    pub(crate) address: Option<String>,
    /// The domain, or that of the address.
    pub(crate) domain: String,
    /// May it be sent to?
    pub(crate) state: State,
    /// What the stop is about; `None` where there is none.
    pub(crate) scope: Option<Scope>,
    /// Why it is stopped.
    pub(crate) reason: Option<Reason>,
    /// Since when.
    pub(crate) since: Option<Timestamp>,
    /// Until when; `None` where no end is set.
    pub(crate) until: Option<Timestamp>,
    /// For whose mail: the tenant.
    pub(crate) tenant: Option<String>,
    /// For whose mail: the list.
    pub(crate) list: Option<String>,
    /// What was decided.
    pub(crate) decision: OutboxDecision,
}

impl Event {
    /// `None` where it is about somebody who was forgotten.
    pub(crate) fn of(item: &OutboxItem, rules: &OutboxRules) -> Option<Self> {
        let name = item.name.clone()?;
        let whose = |rule: &Hears, of: &Option<String>| match rule {
            Hears::All => of.clone(),
            Hears::Of(name) => name.clone(),
        };
        let tenant = whose(&rules.tenant, &item.decision.tenant);
        let list = whose(&rules.list, &item.decision.list);
        Some(Self::new(name, item.scope, &item.standing, rules, (tenant, list), item.decision.clone()))
    }

    pub(crate) fn new(
        name: String,
        scope: Scope,
        standing: &Standing,
        rules: &OutboxRules,
        (tenant, list): (Option<String>, Option<String>),
        decision: OutboxDecision,
    ) -> Self {
        let (address, domain) = match scope {
            Scope::Address => {
                let domain = name.rsplit_once('@').map_or(String::new(), |(_, domain)| domain.to_owned());
                (Some(name), domain)
            }
            Scope::Domain | Scope::MxHost => (None, name),
        };
        let mut event = Self {
            address,
            domain,
            state: State::Ok,
            scope: None,
            reason: None,
            since: None,
            until: None,
            tenant,
            list,
            decision,
        };
        if rules.stops(standing) {
            event.state = standing.state;
            event.scope = standing.scope;
            event.reason = standing.reason;
            event.since = standing.since;
            event.until = standing.until;
        }
        event
    }

    /// Whom it is about.
    pub(crate) fn name(&self) -> &str {
        self.address.as_deref().unwrap_or(&self.domain)
    }

    /// Whether it is not to be sent to.
    pub(crate) fn is_stop(&self) -> bool {
        self.state != State::Ok
    }

    /// Why it is stopped, in the word of every output; empty where it is not.
    pub(super) fn reason_word(&self) -> &'static str {
        self.reason.map_or("", Reason::as_str)
    }
}
