//! A small HTTPS client that a hostile server cannot use: it asks our own resolver, contacts only addresses that the guard permits,
//! follows no redirect by itself, and stops at its bounds.

use std::convert::Infallible;
use std::future::pending;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use http_body_util::{BodyExt, Empty};
use hyper::Uri;
use hyper::body::{Body, Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, HOST, HeaderName, LOCATION, USER_AGENT};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

use crate::limits::{HTTPS_ADDRESSES_MAX, HTTPS_CONNECT, HTTPS_FIELDS_MAX, HTTPS_HEAD_BYTES_MAX};
use crate::observe::dns::{DnsClient, DnsServer, Question};
use crate::observe::exchangers::addresses_in;
use crate::{DnsFact, DnsOutcome, NetworkGuard, RecordType, SpecialUse};

/// Fetches over HTTPS. Certificates are checked strictly; there is no way to turn that off.
pub struct HttpsClient {
    dns: Arc<DnsClient>,
    resolver: DnsServer,
    guard: Arc<NetworkGuard>,
    tls: TlsConnector,
    port: u16,
}

/// What a server answered, of whatever status. Redirects are not followed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Response {
    /// The status, 200 to 599.
    pub status: u16,
    /// The media type without its parameters, in lower case.
    pub content_type: Option<String>,
    /// Where a redirect leads, as the server writes it.
    pub location: Option<String>,
    /// The whole body.
    pub body: Vec<u8>,
}

/// Whether a URL may say `http`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PlainHttp {
    /// It may not.
    Never,
    /// It may towards loopback addresses that the operator allows: a server on this machine.
    ToLoopback,
}

/// Why nothing was fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// Not an `https` URL with a host.
    #[error("{0:?} is no https URL with a host")]
    BadUrl(String),
    /// `http` towards a host that is not on this machine.
    #[error("{0} is not on this machine: plain HTTP is not spoken with it")]
    PlainHttp(String),
    /// The host has no address, or it could not be found out.
    #[error("{host}: {detail}")]
    NotResolved {
        /// The host.
        host: String,
        /// What the resolver said.
        detail: String,
    },
    /// Every address of the host is private or special-use: none was contacted.
    #[error("{host} has the address {address}, which is not a public one ({block}): not contacted")]
    Forbidden {
        /// The host.
        host: String,
        /// One of its addresses.
        address: IpAddr,
        /// The block that it lies in.
        block: SpecialUse,
    },
    /// No address accepted a connection; the last error.
    #[error("no connection to {address}: {source}")]
    Connect {
        /// The address that was tried last.
        address: SocketAddr,
        /// The system's error.
        source: std::io::Error,
    },
    /// The TLS handshake failed: most often the certificate.
    #[error("TLS with {host} failed: {source}")]
    Tls {
        /// The host.
        host: String,
        /// What failed.
        source: std::io::Error,
    },
    /// Not HTTP, a head that is too large, or a connection that ended early.
    #[error("{host} does not speak HTTP as it should: {source}")]
    Http {
        /// The host.
        host: String,
        /// What failed.
        source: hyper::Error,
    },
    /// The body is larger than the caller allows.
    #[error("the answer is larger than {bytes_max} bytes")]
    TooLarge {
        /// What the caller allows.
        bytes_max: usize,
    },
    /// Not done by the deadline.
    #[error("{0} did not answer in time")]
    Deadline(String),
}

impl HttpsClient {
    /// A client that asks this resolver and trusts the authorities of `tls`. `port` stands in for 443: for a lab only.
    pub fn new(
        dns: Arc<DnsClient>,
        resolver: DnsServer,
        guard: Arc<NetworkGuard>,
        tls: Arc<ClientConfig>,
        port: Option<u16>,
    ) -> Self {
        Self { dns, resolver, guard, tls: TlsConnector::from(tls), port: port.unwrap_or(443) }
    }

    /// Fetches an `https` URL: at most `bytes_max` of body, and never longer than until `deadline`.
    ///
    /// # Errors
    /// See [`FetchError`]; a status other than 200 is none.
    pub async fn get(
        &self,
        url: &str,
        accept: &str,
        bytes_max: usize,
        deadline: Instant,
    ) -> Result<Response, FetchError> {
        self.get_over(PlainHttp::Never, url, accept, bytes_max, deadline).await
    }

    /// As [`HttpsClient::get`]; an `http` URL is fetched where `plain` lets it.
    ///
    /// # Errors
    /// See [`FetchError`].
    pub async fn get_over(
        &self,
        plain: PlainHttp,
        url: &str,
        accept: &str,
        bytes_max: usize,
        deadline: Instant,
    ) -> Result<Response, FetchError> {
        let bad = || FetchError::BadUrl(url.chars().take(200).collect());
        let uri: Uri = url.parse().map_err(|_| bad())?;
        let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(bad)?;
        let encrypted = match (uri.scheme_str(), plain) {
            (Some("https"), _) => true,
            (Some("http"), PlainHttp::ToLoopback) => false,
            _ => return Err(bad()),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        let name = ServerName::try_from(host.clone()).map_err(|_| bad())?;
        let port = uri.port_u16().unwrap_or(if encrypted { self.port } else { 80 });
        let work = async {
            let mut addresses = self.addresses(&host, deadline).await?;
            if !encrypted {
                addresses.retain(IpAddr::is_loopback);
                if addresses.is_empty() {
                    return Err(FetchError::PlainHttp(host.clone()));
                }
            }
            let tcp = connect(&addresses, port, deadline).await?;
            if !encrypted {
                return exchange(tcp, &host, &uri, accept, bytes_max).await;
            }
            let stream = self.tls.connect(name, tcp).await;
            let stream = stream.map_err(|source| FetchError::Tls { host: host.clone(), source })?;
            exchange(stream, &host, &uri, accept, bytes_max).await
        };
        timeout_at(deadline, work).await.unwrap_or_else(|_| Err(FetchError::Deadline(host.clone())))
    }

    /// The permitted addresses of a host, IPv4 first: a missing way to IPv6 is more frequent than the reverse.
    async fn addresses(&self, host: &str, deadline: Instant) -> Result<Vec<IpAddr>, FetchError> {
        let found = match host.parse::<IpAddr>() {
            Ok(literal) => vec![literal],
            Err(_) => self.resolve(host, deadline).await?,
        };
        let mut permitted = Vec::new();
        let mut forbidden = None;
        for address in found {
            match self.guard.permits(address) {
                Ok(()) => permitted.push(address),
                Err(block) => _ = forbidden.get_or_insert((address, block)),
            }
        }
        match (permitted.is_empty(), forbidden) {
            (true, Some((address, block))) => {
                Err(FetchError::Forbidden { host: host.to_owned(), address, block })
            }
            (true, None) => {
                Err(FetchError::NotResolved { host: host.to_owned(), detail: "has no address".to_owned() })
            }
            (false, _) => {
                permitted.truncate(HTTPS_ADDRESSES_MAX);
                Ok(permitted)
            }
        }
    }

    async fn resolve(&self, host: &str, deadline: Instant) -> Result<Vec<IpAddr>, FetchError> {
        let [a, aaaa] = [RecordType::A, RecordType::Aaaa].map(|record_type| Question::new(host, record_type));
        let (a, aaaa) = tokio::join!(
            self.dns.ask(&a, &self.resolver, deadline),
            self.dns.ask(&aaaa, &self.resolver, deadline)
        );
        let addresses = [addresses_in(&a), addresses_in(&aaaa)].concat();
        if addresses.is_empty() {
            return Err(FetchError::NotResolved { host: host.to_owned(), detail: why_none(&a) });
        }
        Ok(addresses)
    }
}

fn why_none(fact: &DnsFact) -> String {
    match &fact.outcome {
        DnsOutcome::Answer(answer) if answer.is_nodata() => "has no address".to_owned(),
        DnsOutcome::Answer(answer) => format!("the resolver answers {}", answer.rcode),
        DnsOutcome::Silence => "the resolver does not answer".to_owned(),
        DnsOutcome::Unreachable { detail } | DnsOutcome::Malformed { detail } => detail.clone(),
        DnsOutcome::Forbidden => "the resolver may not be asked".to_owned(),
    }
}

async fn connect(addresses: &[IpAddr], port: u16, deadline: Instant) -> Result<TcpStream, FetchError> {
    let mut last = None;
    for address in addresses {
        let address = SocketAddr::new(*address, port);
        let until = deadline.min(Instant::now() + HTTPS_CONNECT);
        let error = match timeout_at(until, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => error,
            Err(_) => {
                std::io::Error::new(std::io::ErrorKind::TimedOut, "no answer to the connection attempt")
            }
        };
        last = Some(FetchError::Connect { address, source: error });
    }
    Err(last.unwrap_or_else(|| FetchError::BadUrl(String::new())))
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    host: &str,
    uri: &Uri,
    accept: &str,
    bytes_max: usize,
) -> Result<Response, FetchError> {
    let broken = |source| FetchError::Http { host: host.to_owned(), source };
    let mut builder = http1::Builder::new();
    builder.max_headers(HTTPS_FIELDS_MAX).max_buf_size(HTTPS_HEAD_BYTES_MAX);
    let (mut sender, connection) = builder.handshake(TokioIo::new(stream)).await.map_err(broken)?;
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let authority = uri.authority().map_or(host, |authority| authority.as_str());
    let request = hyper::Request::get(path)
        .header(HOST, authority)
        .header(ACCEPT, accept)
        .header(ACCEPT_ENCODING, "identity")
        .header(USER_AGENT, concat!("abprall/", env!("CARGO_PKG_VERSION")))
        .body(Empty::<Bytes>::new())
        .map_err(|_| FetchError::BadUrl(uri.to_string()))?;
    let exchange = async {
        let response = sender.send_request(request).await.map_err(broken)?;
        let field = |name: HeaderName| response.headers().get(name).and_then(|value| value.to_str().ok());
        let content_type = field(CONTENT_TYPE)
            .map(|value| value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
        let location = field(LOCATION).map(str::to_owned);
        let status = response.status().as_u16();
        let body = read(response.into_body(), bytes_max, broken).await?;
        Ok(Response { status, content_type, location, body })
    };
    // The connection must be driven while we wait. What goes wrong with it, the exchange reports.
    let drive = async {
        _ = connection.await;
        pending::<Infallible>().await
    };
    tokio::select! {
        biased;
        response = exchange => response,
        never = drive => match never {},
    }
}

async fn read(
    mut body: Incoming,
    bytes_max: usize,
    broken: impl Fn(hyper::Error) -> FetchError,
) -> Result<Vec<u8>, FetchError> {
    let promised = body.size_hint().lower();
    if promised > bytes_max as u64 {
        return Err(FetchError::TooLarge { bytes_max });
    }
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(&broken)?.into_data() else { continue };
        if bytes.len() + data.len() > bytes_max {
            return Err(FetchError::TooLarge { bytes_max });
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}
