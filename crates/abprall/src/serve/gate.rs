//! "May this be sent to?", and how mail servers ask it.

mod dialogue;
mod milter;
mod postfix;
mod stores;

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use abprall_mail::{EmailAddress, EnhancedStatus, Language, StatusClass};
use abprall_store::{
    Audience, Question as StoreQuestion, Standing, State, Store, StorePlace, SuppressionIndex,
};
use abprall_wire::postfix::Access;
use jiff::Timestamp;
use tracing::field::Empty;

pub(super) use dialogue::serve;
use stores::Stores;

use super::changing::Changing;
use super::metrics::{Metrics, Place};
use super::settings::{OnFailure, Settings, WhenHeld};
use crate::spans::SPANS;
use crate::{dates, wording};

/// How mail servers ask.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Question {
    Policy,
    Socketmap,
    TcpTable,
    Milter,
}

impl Question {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Question::Policy => "policy",
            Question::Socketmap => "socketmap",
            Question::TcpTable => "tcp_table",
            Question::Milter => "milter",
        }
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Answers from the index; where that says "perhaps", the database is asked.
pub(super) struct Gate {
    index: Arc<SuppressionIndex>,
    stores: Stores,
    database: Database,
    told: Changing<Told>,
    metrics: Arc<Metrics>,
}

/// What the settings say of answers.
struct Told {
    held: WhenHeld,
    on_failure: OnFailure,
    /// Whose mail it is where a question does not say.
    audience: Audience,
}

impl Told {
    fn by(settings: &Settings) -> Self {
        let (held, on_failure) = (settings.gate.held, settings.gate.on_failure);
        Self { held, on_failure, audience: settings.audience.clone() }
    }
}

/// Where the database answers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Database {
    /// In this process, from files: faster than to tell the runtime that its thread may be held up. Readers of SQLite do not wait for
    /// writers.
    Here,
    /// Elsewhere: the other connections of this thread are served by another one meanwhile.
    Server,
}

/// The database does not say.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct NoAnswer;

impl Gate {
    pub(super) fn new(
        index: Arc<SuppressionIndex>,
        stores: Vec<Box<dyn Store>>,
        settings: &Settings,
        metrics: Arc<Metrics>,
    ) -> Self {
        let database = match StorePlace::of(&settings.store) {
            StorePlace::File(_) => Database::Here,
            StorePlace::Postgres(_) => Database::Server,
        };
        Self {
            index,
            stores: Stores::new(stores),
            database,
            told: Changing::new(Told::by(settings)),
            metrics,
        }
    }

    /// Answers by other settings from now on.
    pub(super) fn change(&self, settings: &Settings) {
        self.told.set(Told::by(settings));
    }

    /// How an address stands.
    pub(super) fn standing(&self, address: &EmailAddress, audience: &Audience) -> Result<Standing, NoAnswer> {
        let span = tracing::trace_span!(target: SPANS, "check", state = Empty);
        let standing = span.in_scope(|| self.look_up(address, audience));
        span.record("state", standing.as_ref().map_or("unknown", |standing| standing.state.as_str()));
        standing
    }

    fn look_up(&self, address: &EmailAddress, audience: &Audience) -> Result<Standing, NoAnswer> {
        let key = address.suppression_key();
        if !self.index.could_be_stopped(key.as_str(), address.domain_part()) {
            return Ok(Standing::ok(address.to_string()));
        }
        let told = self.told.get();
        let audience = Audience {
            tenant: audience.tenant.clone().or_else(|| told.audience.tenant.clone()),
            list: audience.list.clone().or_else(|| told.audience.list.clone()),
        };
        let question = StoreQuestion { address: address.clone(), audience };
        let ask = || self.stores.ask(|store| store.check(&question, Timestamp::now()));
        let asked = match self.database {
            Database::Here => ask(),
            Database::Server => tokio::task::block_in_place(ask),
        };
        asked.ok_or(NoAnswer)
    }

    /// What a mail server is told about a recipient. What is no address is none of our business: it says so itself.
    fn access(&self, protocol: Question, recipient: &str, audience: &Audience) -> Access {
        let began = Instant::now();
        let access = self.access_for(recipient, audience);
        let answer = match &access {
            Access::Dunno | Access::Prepend { .. } => "ok",
            Access::Refuse { .. } => "refuse",
            Access::Later { .. } | Access::LaterIfPermitted { .. } => "defer",
        };
        self.metrics.question(protocol.as_str(), answer, began);
        access
    }

    fn access_for(&self, recipient: &str, audience: &Audience) -> Access {
        let Ok(address) = EmailAddress::parse_lenient(recipient) else { return Access::Dunno };
        match self.standing(&address, audience) {
            Ok(standing) => self.access_of(&standing),
            Err(_) => {
                self.metrics.database_error(Place::Gate);
                match self.told.get().on_failure {
                    OnFailure::Accept => Access::Dunno,
                    OnFailure::Defer => Access::Later {
                        status: POLICY,
                        text: "abprall cannot tell now whether this recipient is suppressed".to_owned(),
                    },
                }
            }
        }
    }

    fn access_of(&self, standing: &Standing) -> Access {
        let words = words(standing);
        match (standing.state, self.told.get().held) {
            (State::Ok, _) => Access::Dunno,
            (State::Held, WhenHeld::Defer) => Access::Later { status: POLICY, text: words },
            (State::Held, WhenHeld::Refuse) | (State::Suppressed, _) => {
                Access::Refuse { status: POLICY, text: words }
            }
        }
    }
}

/// X.7.1: delivery not authorized (RFC 3463 §3.8). It is our own policy, not the mailbox.
const POLICY: EnhancedStatus = match EnhancedStatus::new(StatusClass::Permanent, 7, 1) {
    Some(status) => status,
    None => panic!("7.1 is in range"),
};

/// The reason as a sender reads it in the reply. It names us, so that our own bounces are recognised as such.
fn words(standing: &Standing) -> String {
    let reason = standing.reason.map_or("stopped", |reason| wording::reason(reason, Language::En));
    let since = standing.since.map(|at| format!(" since {}", dates::day(at))).unwrap_or_default();
    let what = match standing.state {
        State::Suppressed | State::Ok => "suppressed",
        State::Held => "on hold",
    };
    let scope = match standing.scope {
        Some(abprall_store::Scope::Domain) => " (whole domain)",
        Some(abprall_store::Scope::MxHost) => " (its mail hosts)",
        Some(abprall_store::Scope::Address) | None => "",
    };
    format!("Recipient is on the suppression list of abprall: {what}{scope}{since}: {reason}")
}
