//! HTTPS servers on loopback, good and hostile, and the authority that vouches for them.
#![allow(dead_code, reason = "each test file uses a part")]

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tempfile::NamedTempFile;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// What a server does after the request.
#[derive(Clone)]
pub enum Behaviour {
    /// Sends these bytes and closes.
    Say(String),
    /// Sends these bytes, then the same block for ever.
    Endless(&'static str, &'static [u8]),
    /// Sends a byte of a head now and then.
    Slow,
}

impl Behaviour {
    pub fn page(status: &str, content_type: &str, body: &str) -> Self {
        let length = body.len();
        Self::Say(format!(
            "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n{body}"
        ))
    }
}

pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub file: NamedTempFile,
}

pub fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(certificate.pem().as_bytes()).unwrap();
    Authority { issuer: Issuer::new(params, key), file }
}

pub struct WebServer {
    pub address: SocketAddr,
    pub connections: Arc<AtomicUsize>,
    /// Bytes that were written into connections.
    pub written: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for WebServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A server whose certificate is for `name`, from this authority.
pub async fn web_server(authority: &Authority, name: &str, behaviour: Behaviour) -> WebServer {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &authority.issuer).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (connections, written) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (counted, sent) = (Arc::clone(&connections), Arc::clone(&written));
    let task = tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            counted.fetch_add(1, Ordering::Relaxed);
            // The client may go away at any moment: that is what the tests are about.
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut request = [0; 4096];
            let Ok(1..) = stream.read(&mut request).await else { continue };
            let (begin, block, pause) = match &behaviour {
                Behaviour::Say(text) => (text.as_str(), &b""[..], Duration::ZERO),
                Behaviour::Endless(begin, block) => (*begin, *block, Duration::ZERO),
                Behaviour::Slow => ("HTTP/1.1 200 OK\r\nX-Slow: ", &b"a"[..], Duration::from_millis(50)),
            };
            let mut going = stream.write_all(begin.as_bytes()).await.is_ok();
            while going && !block.is_empty() {
                tokio::time::sleep(pause).await;
                going = stream.write_all(block).await.is_ok() && stream.flush().await.is_ok();
                sent.fetch_add(block.len(), Ordering::Relaxed);
            }
            let _closed = stream.shutdown().await;
        }
    });
    WebServer { address, connections, written, task }
}
