//! One question over UDP: sent, sent again, sent without EDNS.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout_at};

use super::shared::Place;
use super::{Asked, Edns, NameCase, Query, Read, read_for};
use crate::limits::{
    DNS_ANSWER_BYTES_MAX, DNS_PLAIN_ANSWER_GRACE, DNS_RESEND_MAX, DNS_RESEND_MIN, DNS_STRAY_PACKETS_MAX,
};
use crate::{DnsAnswer, DnsTransport, Rcode};

/// What UDP gave.
pub(super) enum Heard {
    Answer(DnsAnswer),
    /// The answer did not fit: TCP must be asked.
    Truncated {
        edns: Edns,
    },
    /// The answer repeats the name in another case than it was asked for.
    NameCaseChanged {
        answer: DnsAnswer,
        edns: Edns,
    },
    Silence,
    Unreachable(io::Error),
    Malformed(String),
}

/// From which socket a question goes.
pub(super) enum Way {
    Own { socket: UdpSocket, buffer: Vec<u8> },
    Shared(Place),
}

/// A socket that hears this server only. The system gives it a random port.
pub(super) async fn own_socket(server: SocketAddr) -> io::Result<UdpSocket> {
    let any: SocketAddr = match server {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(any).await?;
    socket.connect(server).await?;
    Ok(socket)
}

impl Way {
    pub(super) fn own(socket: UdpSocket) -> Self {
        Self::Own { socket, buffer: Vec::with_capacity(DNS_ANSWER_BYTES_MAX) }
    }

    async fn send(&mut self, query: &mut Query) -> io::Result<()> {
        match self {
            Self::Own { socket, .. } => socket.send(&query.bytes).await.map(drop),
            Self::Shared(place) => place.send(query).await,
        }
    }

    async fn receive(&mut self) -> io::Result<Vec<u8>> {
        match self {
            Self::Own { socket, buffer } => {
                buffer.clear();
                socket.recv_buf(buffer).await?;
                Ok(buffer.clone())
            }
            Self::Shared(place) => place.receive().await,
        }
    }
}

/// What was sent and heard so far.
struct Exchange<'a> {
    asked: &'a Asked,
    way: Way,
    sent: Vec<Query>,
    /// FORMERR or NOTIMP to a question with EDNS: the question goes out once more without.
    edns_refused: Option<DnsAnswer>,
    /// An answer without EDNS that came where one with EDNS still might.
    plain: Option<DnsAnswer>,
    strays: u32,
}

pub(super) async fn exchange(way: Way, asked: &Asked, deadline: Instant) -> Heard {
    let mut exchange = Exchange { asked, way, sent: Vec::new(), edns_refused: None, plain: None, strays: 0 };
    match exchange.run(deadline).await {
        Ok(heard) => heard,
        Err(error) => Heard::Unreachable(error),
    }
}

impl Exchange<'_> {
    async fn run(&mut self, deadline: Instant) -> io::Result<Heard> {
        let start = Instant::now();
        let left = deadline.saturating_duration_since(start);
        let gap = (left / 5).clamp(DNS_RESEND_MIN, DNS_RESEND_MAX);
        let mut plan =
            [(start, Edns::With), (start + gap, Edns::With), (start + 2 * gap, Edns::Without)].into_iter();
        let mut next = plan.next();
        let mut end = deadline;
        loop {
            let now = Instant::now();
            if now >= end {
                return Ok(self.at_the_end());
            }
            if let Some((_, edns)) = next.filter(|(at, _)| *at <= now) {
                self.send(edns).await?;
                next = plan.next();
                continue;
            }
            let wake = next.map_or(end, |(at, _)| at.min(end));
            let Ok(received) = timeout_at(wake, self.way.receive()).await else { continue };
            match self.hear(&received?) {
                Step::Done(heard) => return Ok(heard),
                Step::Wait => {}
                Step::WithoutEdns => {
                    next = None;
                    plan = [(deadline, Edns::With); 3].into_iter();
                    end = deadline.min(Instant::now() + 2 * gap);
                    self.send(Edns::Without).await?;
                }
                Step::Grace => {
                    next = None;
                    end = deadline.min(Instant::now() + DNS_PLAIN_ANSWER_GRACE);
                }
            }
        }
    }

    async fn send(&mut self, edns: Edns) -> io::Result<()> {
        let mut query = self.asked.query(edns);
        self.way.send(&mut query).await?;
        self.sent.push(query);
        Ok(())
    }

    fn hear(&mut self, bytes: &[u8]) -> Step {
        for query in &self.sent {
            match read_for(bytes, query, DnsTransport::Udp) {
                Read::Stray => {}
                Read::Malformed(detail) => return Step::Done(Heard::Malformed(detail)),
                Read::Answer { answer, truncated, case } => {
                    let edns = query.edns;
                    return self.weigh(answer, truncated, case, edns);
                }
            }
        }
        self.strays += 1;
        if self.strays >= DNS_STRAY_PACKETS_MAX {
            return Step::Done(Heard::Malformed(STRAYS.to_owned()));
        }
        Step::Wait
    }

    fn weigh(&mut self, mut answer: DnsAnswer, truncated: bool, case: NameCase, edns: Edns) -> Step {
        if truncated {
            return Step::Done(Heard::Truncated { edns });
        }
        let refuses_edns = matches!(answer.rcode, Rcode::FormErr | Rcode::NotImp);
        if case == NameCase::Changed && !refuses_edns {
            return Step::Done(Heard::NameCaseChanged { answer, edns });
        }
        match (edns, refuses_edns, self.edns_refused.take()) {
            (Edns::With, true, None) => {
                self.edns_refused = Some(answer);
                Step::WithoutEdns
            }
            // Late copies of the refusal.
            (Edns::With, true, earlier @ Some(_)) => {
                self.edns_refused = earlier;
                Step::Wait
            }
            (Edns::With, false, _) => Step::Done(Heard::Answer(answer)),
            (Edns::Without, true, Some(earlier)) => Step::Done(Heard::Answer(earlier)),
            (Edns::Without, false, Some(_)) => {
                answer.only_without_edns = true;
                Step::Done(Heard::Answer(answer))
            }
            (Edns::Without, _, None) => {
                answer.only_without_edns = true;
                self.plain = Some(answer);
                Step::Grace
            }
        }
    }

    fn at_the_end(&mut self) -> Heard {
        match self.plain.take().or(self.edns_refused.take()) {
            Some(answer) => Heard::Answer(answer),
            None if self.strays > 0 => Heard::Malformed(STRAYS.to_owned()),
            None => Heard::Silence,
        }
    }
}

/// Answers with another id or to another question: a forger, or a server that is broken beyond use.
const STRAYS: &str = "only packets that do not answer our question";

enum Step {
    Done(Heard),
    Wait,
    WithoutEdns,
    Grace,
}
