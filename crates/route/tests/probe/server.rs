//! A mail server on loopback that follows a script, and remembers what it heard.

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

pub struct Server {
    pub address: SocketAddr,
    record: Record,
    stop: oneshot::Sender<()>,
    running: JoinHandle<()>,
}

#[derive(Clone, Default)]
pub struct Record {
    heard: Arc<Mutex<Vec<u8>>>,
    sent: Arc<AtomicUsize>,
    connections: Arc<AtomicUsize>,
}

/// What a server has seen of its visitors.
pub struct Seen {
    pub lines: Vec<String>,
    pub sent: usize,
    pub connections: usize,
}

impl Server {
    /// Runs a script for every connection.
    pub async fn start<F, S>(script: S) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
        S: Fn(Peer<TcpStream>) -> F + Send + 'static,
    {
        Self::start_at(Ipv4Addr::LOCALHOST, script).await
    }

    /// The same at another address of loopback.
    pub async fn start_at<F, S>(address: Ipv4Addr, script: S) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
        S: Fn(Peer<TcpStream>) -> F + Send + 'static,
    {
        let listener = TcpListener::bind((address, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let record = Record::default();
        let (stop, mut stopped) = oneshot::channel();
        let kept = record.clone();
        let running = tokio::spawn(async move {
            let mut visitors = JoinSet::new();
            loop {
                tokio::select! {
                    accepted = listener.accept() => {
                        let (stream, _) = accepted.unwrap();
                        kept.connections.fetch_add(1, Ordering::SeqCst);
                        visitors.spawn(script(Peer { stream, record: kept.clone() }));
                    }
                    _ = &mut stopped => break,
                }
            }
            while visitors.join_next().await.is_some() {}
        });
        Self { address, record, stop, running }
    }

    pub fn ip(&self) -> IpAddr {
        self.address.ip()
    }

    /// Waits until every visitor has gone, and checks that nobody said what a probe must not say.
    pub async fn finish(self) -> Seen {
        self.stop.send(()).unwrap();
        self.running.await.unwrap();
        let heard = self.record.heard.lock().unwrap().clone();
        let lines: Vec<String> = String::from_utf8(heard).unwrap().lines().map(str::to_owned).collect();
        for line in &lines {
            let verb = line.split(' ').next().unwrap();
            assert!(["EHLO", "HELO", "STARTTLS", "QUIT"].contains(&verb), "a probe said {line:?}");
        }
        Seen {
            lines,
            sent: self.record.sent.load(Ordering::SeqCst),
            connections: self.record.connections.load(Ordering::SeqCst),
        }
    }
}

/// A visitor, seen from the server.
pub struct Peer<S> {
    pub stream: S,
    record: Record,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Peer<S> {
    /// Whether the visitor still took it.
    pub async fn say(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        let bytes = bytes.as_ref();
        let taken = self.stream.write_all(bytes).await.is_ok() && self.stream.flush().await.is_ok();
        if taken {
            self.record.sent.fetch_add(bytes.len(), Ordering::SeqCst);
        }
        taken
    }

    /// One line, or nothing when the visitor has gone.
    pub async fn hear(&mut self) -> Option<String> {
        let mut line = Vec::new();
        while !line.ends_with(b"\n") {
            match self.stream.read_u8().await {
                Ok(byte) => line.push(byte),
                Err(_) => break,
            }
        }
        self.record.heard.lock().unwrap().extend_from_slice(&line);
        (!line.is_empty()).then(|| String::from_utf8(line).unwrap())
    }

    /// Says each reply after one line was heard.
    pub async fn answer(&mut self, replies: &[&str]) {
        for reply in replies {
            if self.hear().await.is_none() || !self.say(reply).await {
                return;
            }
        }
    }

    /// Listens until the visitor goes.
    pub async fn listen(mut self) {
        while self.hear().await.is_some() {}
    }
}

impl Peer<TcpStream> {
    /// A TLS handshake.
    pub async fn encrypt(
        self,
        acceptor: &TlsAcceptor,
    ) -> Option<Peer<tokio_rustls::server::TlsStream<TcpStream>>> {
        let stream = acceptor.accept(self.stream).await.ok()?;
        Some(Peer { stream, record: self.record })
    }
}

/// A server's side of TLS, with a self-signed certificate for these names.
pub fn self_signed(names: &[&str]) -> (TlsAcceptor, CertificateDer<'static>) {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let own = rcgen::generate_simple_self_signed(names).unwrap();
    let key = PrivateKeyDer::try_from(own.signing_key.serialize_der()).unwrap();
    let certificate = own.cert.der().clone();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), certificate)
}
