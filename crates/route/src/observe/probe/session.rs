use std::io;
use std::time::Duration;

use abprall_wire::smtp::{Action, HelloName, ProbeClient};
use jiff::Timestamp;
use rustls::pki_types::CertificateDer;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use super::memory::Seen;
use super::{ProbeTarget, Prober, not_tried, outcome};
use crate::limits::CONNECT_STALLS_AFTER;
use crate::observe::politeness::Permit;
use crate::{AddressState, SmtpFact, Speaker, TranscriptLine};

/// Longest wait for the system to take a last QUIT or a closing, which nobody depends on.
const FAREWELL: Duration = Duration::from_millis(500);

/// What a TLS handshake agreed on.
pub(super) struct Secured {
    pub(super) version: String,
    pub(super) cipher: String,
}

/// Why a driver came back.
enum Handover {
    StartTls,
    Over,
}

impl Prober {
    /// One conversation, from the connection to QUIT.
    pub(super) async fn converse(
        &self,
        target: &ProbeTarget,
        permit: &mut Permit,
        deadline: Instant,
    ) -> Seen {
        let at = Timestamp::now();
        let start = Instant::now();
        let (fact, chain) = self.attempt(target, permit, start, deadline).await;
        Seen { at, took_ms: millis(start.elapsed()), fact, chain }
    }

    async fn attempt(
        &self,
        target: &ProbeTarget,
        permit: &mut Permit,
        start: Instant,
        deadline: Instant,
    ) -> (SmtpFact, Vec<CertificateDer<'static>>) {
        let mut tcp = match self.connect(target, permit, start, deadline).await {
            Ok(tcp) => tcp,
            Err((state, detail)) => {
                return (remark(not_tried(target, state, detail.clone()), start, detail), Vec::new());
            }
        };
        let connected = start.elapsed();
        // Our few small writes are not to wait for each other; where the system refuses, they only come later.
        let _slower = tcp.set_nodelay(true);
        let limit = deadline.saturating_duration_since(start);
        let mut client = ProbeClient::new(self.hello_name(&tcp), self.timeouts, limit, connected);

        let mut secured = None;
        let mut chain = Vec::new();
        if let Handover::StartTls = drive(&mut tcp, &mut client, start).await {
            let until = start + client.deadline().unwrap_or_default();
            match timeout_at(until, self.tls.connect(&target.host, target.address, tcp)).await {
                Ok(Ok(mut stream)) => {
                    let (_, session) = stream.get_ref();
                    let agreed = Secured::of(session);
                    chain = owned(session.peer_certificates());
                    client
                        .tls_established(&format!("{}, {}", agreed.version, agreed.cipher), start.elapsed());
                    secured = Some(agreed);
                    if let Handover::StartTls = drive(&mut stream, &mut client, start).await {
                        // The client asks for STARTTLS once only.
                        client.tls_failed("TLS within TLS", start.elapsed());
                    }
                }
                Ok(Err(detail)) => client.tls_failed(&detail, start.elapsed()),
                Err(_) => client.tick(start.elapsed().max(client.deadline().unwrap_or_default())),
            }
        }
        let fact = outcome::fact_of(client.into_conversation(), target, connected, secured, &self.timeouts);
        (fact, chain)
    }

    async fn connect(
        &self,
        target: &ProbeTarget,
        permit: &mut Permit,
        start: Instant,
        deadline: Instant,
    ) -> Result<TcpStream, (AddressState, String)> {
        let patience = start + self.connect_timeout;
        let give_up = deadline.min(patience);
        let connecting = TcpStream::connect(target.socket());
        tokio::pin!(connecting);
        let mut result = timeout_at(give_up.min(start + CONNECT_STALLS_AFTER), &mut connecting).await;
        if result.is_err() && Instant::now() < give_up {
            permit.stall();
            result = timeout_at(give_up, &mut connecting).await;
            if let Ok(Ok(_)) = result {
                permit.resume();
            }
        }
        match result {
            Ok(Ok(tcp)) => Ok(tcp),
            Ok(Err(error)) => Err(outcome::connect_failure(&error)),
            Err(_) => {
                let whose = if deadline < patience { ", when our own time was over" } else { "" };
                let waited = start.elapsed().as_secs_f64();
                let detail = format!("no answer to the connection attempt within {waited:.1} s{whose}");
                Err((AddressState::Timeout, detail))
            }
        }
    }

    fn hello_name(&self, tcp: &TcpStream) -> HelloName {
        match (&self.hello, tcp.local_addr()) {
            (Some(name), _) => name.clone(),
            (None, Ok(local)) => HelloName::literal(local.ip()),
            (None, Err(_)) => HelloName::literal(std::net::Ipv4Addr::LOCALHOST.into()),
        }
    }
}

/// Carries bytes between a client and a connection, until the client wants TLS or is done.
async fn drive<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    client: &mut ProbeClient,
    start: Instant,
) -> Handover {
    let mut buffer = vec![0; 8192];
    loop {
        while let Some(action) = client.next_action() {
            match action {
                Action::Send(command) => {
                    let until = client.deadline().map_or(Instant::now() + FAREWELL, |at| start + at);
                    // A failed write is no news: what the server said before is still to be read, and then its end.
                    let _unsent = timeout_at(until, send(stream, &command.to_bytes())).await;
                }
                Action::StartTls => return Handover::StartTls,
                Action::Close => {
                    // The conversation is over; how the closing goes changes nothing.
                    let _unclosed = timeout_at(Instant::now() + FAREWELL, stream.shutdown()).await;
                    return Handover::Over;
                }
            }
        }
        let Some(deadline) = client.deadline() else { return Handover::Over };
        match timeout_at(start + deadline, stream.read(&mut buffer)).await {
            Ok(Ok(0) | Err(_)) => client.closed(start.elapsed()),
            Ok(Ok(count)) => client.receive(&buffer[..count], start.elapsed()),
            Err(_) => client.tick(start.elapsed().max(deadline)),
        }
    }
}

async fn send<S: AsyncWrite + Unpin>(stream: &mut S, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes).await?;
    stream.flush().await
}

impl Secured {
    fn of(session: &rustls::ClientConnection) -> Self {
        let name = |debug: Option<String>| debug.unwrap_or_else(|| "unknown".to_owned());
        Self {
            version: name(session.protocol_version().map(|version| format!("{version:?}").replace('_', "."))),
            cipher: name(session.negotiated_cipher_suite().map(|suite| format!("{:?}", suite.suite()))),
        }
    }
}

fn owned(certificates: Option<&[CertificateDer<'_>]>) -> Vec<CertificateDer<'static>> {
    certificates.unwrap_or_default().iter().map(|certificate| certificate.clone().into_owned()).collect()
}

/// Puts what the network did into the transcript of an attempt without conversation.
fn remark(mut fact: SmtpFact, start: Instant, text: String) -> SmtpFact {
    fact.transcript.push(TranscriptLine { ms: millis(start.elapsed()), speaker: Speaker::Network, text });
    fact
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
