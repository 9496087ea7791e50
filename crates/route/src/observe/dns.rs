//! Asks one DNS server one question and keeps all that comes back.
//!
//! Our own thin transport over `domain::base`: a fresh socket (hence a random port), a random id and a random case for each question;
//! resent twice, the second time without EDNS; over TCP when truncated. A bulk run may share sockets towards its own recursor.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use domain::base::{Message, Name};
use tokio::time::Instant;

use crate::limits::DNS_ALIASES_MAX;
use crate::{DnsAnswer, DnsFact, DnsOutcome, DnsTransport, NetworkGuard, Rcode, RecordType, ServerRole};

mod answer;
mod name;
mod query;
mod shared;
mod tcp;
mod udp;

pub use answer::{ReadAnswerError, read_dns_answer};
use query::{Asked, Edns, NameCase, Query};
use shared::SharedSockets;
use udp::Heard;

/// Begins the detail of [`DnsOutcome::Unreachable`] where UDP gave only a truncated answer and TCP gave none: a broken set-up of the
/// server or its firewall (RFC 7766 §5), not a dead server.
pub const TRUNCATED_WITHOUT_TCP: &str = "truncated over UDP, and no answer over TCP: ";

/// Begins the detail of [`DnsOutcome::Unreachable`] where this machine could not even send, which says nothing about the server.
pub const ON_OUR_SIDE: &str = "on our side: ";

/// What is asked.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Question {
    /// The name, in any case, with or without the final dot; `.` is the root.
    pub name: String,
    /// The type.
    pub record_type: RecordType,
    /// Asks a validating resolver not to check (CD): data that fails DNSSEC comes through.
    pub checking_disabled: bool,
}

/// Who is asked. Recursion is desired of resolvers only.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DnsServer {
    /// Address and port.
    pub address: SocketAddr,
    /// Its name, where it was found by one.
    pub name: Option<String>,
    /// What it is to us.
    pub role: ServerRole,
}

/// Asks DNS servers.
#[derive(Debug)]
pub struct DnsClient {
    guard: Arc<NetworkGuard>,
    shared: HashMap<SocketAddr, SharedSockets>,
}

impl Question {
    /// A question as a validating resolver expects it.
    pub fn new(name: impl Into<String>, record_type: RecordType) -> Self {
        Self { name: name.into(), record_type, checking_disabled: false }
    }

    /// The name in wire form; `None` for what is no name.
    fn wire_name(&self) -> Option<Name<Vec<u8>>> {
        Name::vec_from_str(&self.name).ok()
    }
}

impl DnsServer {
    /// A resolver that the operator configured.
    pub fn resolver(address: SocketAddr) -> Self {
        Self { address, name: None, role: ServerRole::Resolver }
    }
}

impl DnsClient {
    /// A client that asks every question from a socket of its own.
    pub fn new(guard: Arc<NetworkGuard>) -> Self {
        Self { guard, shared: HashMap::new() }
    }

    /// Shares a few sockets between all questions to this resolver: several times faster, for bulk runs.
    ///
    /// Ports no longer differ from question to question, so this is for a recursor on loopback or a trusted network only.
    /// Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When no socket can be opened towards the resolver.
    pub async fn with_shared_sockets(mut self, resolver: SocketAddr) -> io::Result<Self> {
        let sockets = SharedSockets::open(resolver).await?;
        self.shared.insert(resolver, sockets);
        Ok(self)
    }

    /// Asks, and waits no longer than the deadline. Never an error: whatever comes of it is the fact.
    ///
    /// Configured resolvers are asked even at special-use addresses; other servers only where the guard permits.
    pub async fn ask(&self, question: &Question, server: &DnsServer, deadline: Instant) -> DnsFact {
        let wire_name = question.wire_name();
        let fact = |outcome| DnsFact {
            name: wire_name.as_ref().map_or_else(|| question.name.clone(), name::presentation),
            record_type: question.record_type,
            server: server.address,
            server_name: server.name.clone(),
            role: server.role,
            checking_disabled: question.checking_disabled,
            outcome,
        };
        if server.role != ServerRole::Resolver && self.guard.permits(server.address.ip()).is_err() {
            return fact(DnsOutcome::Forbidden);
        }
        let Some(name) = wire_name.clone() else {
            return fact(DnsOutcome::Malformed { detail: ReadAnswerError::BadName.to_string() });
        };
        let asked = Asked {
            name,
            record_type: question.record_type,
            checking_disabled: question.checking_disabled,
            role: server.role,
        };
        fact(self.follow(asked, server.address, deadline).await)
    }

    /// Asks on where a resolver gives the beginning of a chain of aliases and leaves its end out.
    async fn follow(&self, mut asked: Asked, server: SocketAddr, deadline: Instant) -> DnsOutcome {
        let first = asked.name.clone();
        let mut aliases: Vec<String> = Vec::new();
        loop {
            let mut outcome = self.exchange(&asked, server, deadline).await;
            let DnsOutcome::Answer(answer) = &mut outcome else { return outcome };
            aliases.append(&mut answer.aliases);
            let repeated = aliases.iter().enumerate().any(|(i, alias)| aliases[..i].contains(alias))
                || aliases.contains(&name::presentation(&first));
            answer.alias_loop |= repeated || aliases.len() > DNS_ALIASES_MAX;
            let next = aliases.last().and_then(|alias| Name::vec_from_str(alias).ok());
            let open_end = asked.role == ServerRole::Resolver
                && answer.rcode == Rcode::NoError
                && answer.records.is_empty()
                && answer.soa.is_none()
                && !answer.alias_loop;
            match next {
                Some(next) if open_end && next != asked.name => asked.name = next,
                Some(_) | None => {
                    aliases.truncate(DNS_ALIASES_MAX);
                    answer.aliases = aliases;
                    return outcome;
                }
            }
        }
    }

    /// One name, one server: UDP, and TCP after it where needed.
    async fn exchange(&self, asked: &Asked, server: SocketAddr, deadline: Instant) -> DnsOutcome {
        let heard = match self.shared.get(&server) {
            Some(sockets) => udp::exchange(udp::Way::Shared(sockets.join()), asked, deadline).await,
            None => match udp::own_socket(server).await {
                Ok(socket) => udp::exchange(udp::Way::own(socket), asked, deadline).await,
                Err(error) => return on_our_side(&error),
            },
        };
        match heard {
            Heard::Answer(answer) => DnsOutcome::Answer(answer),
            Heard::Silence => DnsOutcome::Silence,
            Heard::Unreachable(error) => DnsOutcome::Unreachable { detail: error.to_string() },
            Heard::Malformed(detail) => DnsOutcome::Malformed { detail },
            Heard::Truncated { edns } => match tcp::exchange(&asked.query(edns), server, deadline).await {
                Ok(answer) => DnsOutcome::Answer(without_edns(answer, edns)),
                Err(tcp::TcpError::Malformed(detail)) => DnsOutcome::Malformed { detail },
                Err(error @ (tcp::TcpError::Late | tcp::TcpError::Failed(_))) => {
                    DnsOutcome::Unreachable { detail: format!("{TRUNCATED_WITHOUT_TCP}{error}") }
                }
            },
            // Most likely a server that writes names its own way; a forger cannot answer over TCP. Where there is no TCP, the
            // answer counts: id and port matched.
            Heard::NameCaseChanged { answer, edns } => {
                let over_tcp = tcp::exchange(&asked.query(edns), server, deadline).await;
                DnsOutcome::Answer(without_edns(over_tcp.unwrap_or(answer), edns))
            }
        }
    }
}

/// No socket: without a route the network says no; anything else, such as too many open files, says nothing about the server.
fn on_our_side(error: &io::Error) -> DnsOutcome {
    let detail = match error.kind() {
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => error.to_string(),
        _ => format!("{ON_OUR_SIDE}{error}"),
    };
    DnsOutcome::Unreachable { detail }
}

fn without_edns(mut answer: DnsAnswer, edns: Edns) -> DnsAnswer {
    answer.only_without_edns |= edns == Edns::Without;
    answer
}

/// What a message is to a query.
enum Read {
    Answer { answer: DnsAnswer, truncated: bool, case: NameCase },
    Malformed(String),
    Stray,
}

/// Compares a message with a query and reads it.
fn read_for(bytes: &[u8], query: &Query, transport: DnsTransport) -> Read {
    let Ok(message) = Message::from_slice(bytes) else { return Read::Stray };
    let Some(case) = query.answered_by(message) else { return Read::Stray };
    match answer::read(message, &query.name, query.record_type, transport) {
        Ok(answer) => Read::Answer { answer, truncated: message.header().tc(), case },
        Err(error) => Read::Malformed(error.to_string()),
    }
}
