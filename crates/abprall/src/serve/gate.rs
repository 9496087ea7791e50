//! "May this be sent to?", and how Postfix asks it.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use abprall_mail::{EmailAddress, EnhancedStatus, Language, StatusClass};
use abprall_store::{Audience, Question as StoreQuestion, Standing, State, Store, SuppressionIndex};
use abprall_wire::limits::{GATE_IDLE_MAX, GATE_REQUEST_MAX};
use abprall_wire::postfix::{
    Access, PolicyAnswer, PolicyReader, ProtocolState, SocketmapAnswer, SocketmapReader, TcpTableAnswer,
    TcpTableReader, TcpTableRequest,
};
use jiff::Timestamp;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::changing::Changing;
use super::limits::{READ_BYTES, STORE_WAIT_MAX};
use super::listen::{Connection, Socket};
use super::settings::{OnFailure, Settings, WhenHeld};
use super::stop::Stop;
use crate::{dates, wording};

/// How Postfix asks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Question {
    Policy,
    Socketmap,
    TcpTable,
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Question::Policy => "policy",
            Question::Socketmap => "socketmap",
            Question::TcpTable => "tcp_table",
        })
    }
}

/// Answers from the index; where that says "perhaps", the database is asked.
pub(super) struct Gate {
    index: Arc<SuppressionIndex>,
    stores: Stores,
    told: Changing<Told>,
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

/// The database does not say.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct NoAnswer;

impl Gate {
    pub(super) fn new(
        index: Arc<SuppressionIndex>,
        stores: Vec<Box<dyn Store>>,
        settings: &Settings,
    ) -> Self {
        let stores = Stores { free: Mutex::new(stores), returned: Condvar::new() };
        Self { index, stores, told: Changing::new(Told::by(settings)) }
    }

    /// Answers by other settings from now on.
    pub(super) fn change(&self, settings: &Settings) {
        self.told.set(Told::by(settings));
    }

    /// How an address stands.
    pub(super) fn standing(&self, address: &EmailAddress, audience: &Audience) -> Result<Standing, NoAnswer> {
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
        let asked =
            tokio::task::block_in_place(|| self.stores.ask(|store| store.check(&question, Timestamp::now())));
        asked.and_then(Result::ok).ok_or(NoAnswer)
    }

    /// What a mail server is told about a recipient. What is no address is none of our business: it says so itself.
    fn access(&self, recipient: &str, audience: &Audience) -> Access {
        let Ok(address) = EmailAddress::parse_lenient(recipient) else { return Access::Dunno };
        match self.standing(&address, audience) {
            Ok(standing) => self.access_of(&standing),
            Err(_) => match self.told.get().on_failure {
                OnFailure::Accept => Access::Dunno,
                OnFailure::Defer => Access::Later {
                    status: POLICY,
                    text: "abprall cannot tell now whether this recipient is suppressed".to_owned(),
                },
            },
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

/// Connections to the database, each for one question at a time.
struct Stores {
    free: Mutex<Vec<Box<dyn Store>>>,
    returned: Condvar,
}

impl Stores {
    /// Asks with a connection of its own; `None` where all of them are busy for too long: a slow database must not hold up everybody.
    fn ask<T>(&self, question: impl FnOnce(&dyn Store) -> T) -> Option<T> {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut free, _) = self
            .returned
            .wait_timeout_while(free, STORE_WAIT_MAX, |free| free.is_empty())
            .unwrap_or_else(PoisonError::into_inner);
        let lent = Lent { store: Some(free.pop()?), stores: self };
        drop(free);
        lent.store.as_deref().map(question)
    }
}

/// A connection that goes back whatever happens.
struct Lent<'a> {
    store: Option<Box<dyn Store>>,
    stores: &'a Stores,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        self.stores.free.lock().unwrap_or_else(PoisonError::into_inner).extend(self.store.take());
        self.stores.returned.notify_one();
    }
}

/// Answers at a socket until the server is to end.
pub(super) async fn serve(
    socket: Socket,
    question: Question,
    gate: Arc<Gate>,
    mut stop: Stop,
) -> anyhow::Result<()> {
    while let Some(connection) = socket.accept(&mut stop).await {
        let (gate, stop) = (Arc::clone(&gate), stop.clone());
        tokio::spawn(async move {
            // A client that breaks off, or speaks something else, asks anew on another connection.
            let _ = match question {
                Question::Policy => answer(connection, Policy::default(), &gate, stop).await,
                Question::Socketmap => answer(connection, Socketmap::default(), &gate, stop).await,
                Question::TcpTable => answer(connection, TcpTable::default(), &gate, stop).await,
            };
        });
    }
    Ok(())
}

/// A protocol of strictly request and reply.
trait Dialogue: Send {
    /// Takes bytes; where a request is whole, writes its answer. Gives how many bytes were taken.
    fn answer(&mut self, bytes: &[u8], gate: &Gate, out: &mut Vec<u8>) -> Result<usize, NotUnderstood>;

    fn is_amid_a_request(&self) -> bool;
}

/// The connection is of no use any more.
struct NotUnderstood;

async fn answer(
    mut connection: Connection,
    mut dialogue: impl Dialogue,
    gate: &Gate,
    mut stop: Stop,
) -> std::io::Result<()> {
    let mut buffer = vec![0; READ_BYTES];
    let mut out = Vec::new();
    loop {
        let patience = if dialogue.is_amid_a_request() { GATE_REQUEST_MAX } else { GATE_IDLE_MAX };
        let read = tokio::select! {
            read = timeout(patience, connection.stream.read(&mut buffer)) => read,
            () = stop.wanted() => return Ok(()),
        };
        let Ok(count) = read else { return Ok(()) };
        let mut bytes = &buffer[..count?];
        if bytes.is_empty() {
            return Ok(());
        }
        let mut understood = true;
        while !bytes.is_empty() && understood {
            match dialogue.answer(bytes, gate, &mut out) {
                Ok(taken) => bytes = &bytes[taken..],
                Err(NotUnderstood) => understood = false,
            }
        }
        timeout(GATE_REQUEST_MAX, connection.stream.write_all(&out)).await??;
        out.clear();
        if !understood {
            return Ok(());
        }
    }
}

#[derive(Default)]
struct Policy(PolicyReader);

impl Dialogue for Policy {
    fn answer(&mut self, bytes: &[u8], gate: &Gate, out: &mut Vec<u8>) -> Result<usize, NotUnderstood> {
        let (taken, request) = self.0.read(bytes);
        match request {
            None => {}
            Some(Err(_)) => return Err(NotUnderstood),
            Some(Ok(request)) => {
                // At other states there is no single recipient, or it was asked for already.
                let access = match request.protocol_state {
                    ProtocolState::Rcpt => {
                        gate.access(&request.recipient, &audience(&request.policy_context))
                    }
                    _ => Access::Dunno,
                };
                PolicyAnswer(access).write(out);
            }
        }
        Ok(taken)
    }

    fn is_amid_a_request(&self) -> bool {
        self.0.is_amid_a_request()
    }
}

/// Whose mail it is, as main.cf says it: `policy_context=tenant/list`, `tenant`, `/list`, or nothing.
fn audience(context: &str) -> Audience {
    let (tenant, list) = context.split_once('/').unwrap_or((context, ""));
    let named = |name: &str| (!name.is_empty()).then(|| name.to_owned());
    Audience { tenant: named(tenant), list: named(list) }
}

#[derive(Default)]
struct Socketmap(SocketmapReader);

impl Dialogue for Socketmap {
    fn answer(&mut self, bytes: &[u8], gate: &Gate, out: &mut Vec<u8>) -> Result<usize, NotUnderstood> {
        let (taken, query) = self.0.read(bytes);
        match query {
            None => {}
            Some(Err(_)) => return Err(NotUnderstood),
            Some(Ok(query)) => {
                // Postfix looks for parts of an address as well; only a whole one can be stopped.
                let answer = match gate.access(&query.key, &Audience::default()) {
                    Access::Dunno => SocketmapAnswer::NotFound,
                    access => {
                        found(&query.map, &access).map_or(SocketmapAnswer::NotFound, SocketmapAnswer::Found)
                    }
                };
                answer.write(out);
            }
        }
        Ok(taken)
    }

    fn is_amid_a_request(&self) -> bool {
        self.0.is_amid_a_request()
    }
}

/// As access(5), or for a map named `transport` as transport(5): the error mailer.
fn found(map: &str, access: &Access) -> Option<String> {
    if map != "transport" {
        return Some(access.to_string());
    }
    match access {
        Access::Refuse { text, .. } => Some(format!("error:5.7.1 {text}")),
        Access::Later { text, .. } | Access::LaterIfPermitted { text, .. } => {
            Some(format!("retry:4.7.1 {text}"))
        }
        Access::Dunno | Access::Prepend { .. } => None,
    }
}

#[derive(Default)]
struct TcpTable(TcpTableReader);

impl Dialogue for TcpTable {
    fn answer(&mut self, bytes: &[u8], gate: &Gate, out: &mut Vec<u8>) -> Result<usize, NotUnderstood> {
        let (taken, request) = self.0.read(bytes);
        match request {
            None => {}
            Some(Err(error)) if error.may_be_answered() => {
                TcpTableAnswer::Temporary(error.to_string()).write(out);
            }
            Some(Err(_)) => return Err(NotUnderstood),
            Some(Ok(TcpTableRequest::Put { .. })) => TcpTableAnswer::NotFound.write(out),
            Some(Ok(TcpTableRequest::Get { key })) => {
                let answer = match gate.access(&key, &Audience::default()) {
                    Access::Dunno => TcpTableAnswer::NotFound,
                    access => TcpTableAnswer::Found(access.to_string()),
                };
                answer.write(out);
            }
        }
        Ok(taken)
    }

    fn is_amid_a_request(&self) -> bool {
        self.0.is_amid_a_request()
    }
}
