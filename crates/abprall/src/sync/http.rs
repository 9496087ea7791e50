//! The HTTP client of the targets: only addresses that the operator allows, no redirects, bounds on time and size.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use abprall_route::{NetworkGuard, special_use};
use anyhow::Context;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderName, HeaderValue, RETRY_AFTER, USER_AGENT};
use hyper::{Method, Request, Uri};
use hyper_util::rt::TokioIo;
use ipnet::IpNet;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::limits::{ANSWER_BYTES_MAX, ERROR_BYTES_MAX};
use super::target::{Failure, Trouble};

/// Where an HTTP target is, and how it is spoken with.
#[derive(Clone, Debug)]
pub(crate) struct HttpSettings {
    /// `https://…`, or `http://…` within `allowed`; without a `/` at its end.
    pub(super) url: Uri,
    /// Private and special-use networks that may be contacted.
    pub(super) allowed: Vec<IpNet>,
    /// Authorities that are trusted instead of the system's.
    pub(super) ca: Option<PathBuf>,
    pub(super) timeout: Duration,
    pub(super) parallel: usize,
}

/// Speaks with one server.
pub(super) struct HttpClient {
    settings: HttpSettings,
    host: String,
    port: u16,
    /// `None`: plain HTTP.
    tls: Option<TlsConnector>,
    guard: NetworkGuard,
    authorization: Option<HeaderValue>,
    idle: Mutex<Vec<SendRequest<Full<Bytes>>>>,
}

/// What a server answered, of whatever status.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    retry_after: Option<Duration>,
    pub(super) body: Vec<u8>,
}

impl HttpClient {
    pub(super) fn new(settings: &HttpSettings) -> anyhow::Result<Self> {
        let host = settings.url.host().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        let encrypted = settings.url.scheme_str() == Some("https");
        let port = settings.url.port_u16().unwrap_or(if encrypted { 443 } else { 80 });
        let tls = encrypted.then(|| tls(settings)).transpose()?;
        Ok(Self {
            host,
            port,
            tls,
            guard: NetworkGuard::allowing(settings.allowed.clone()),
            authorization: None,
            idle: Mutex::default(),
            settings: settings.clone(),
        })
    }

    /// Says who we are by a name and a password (RFC 7617).
    pub(super) fn with_password(self, user: &str, password: &str) -> anyhow::Result<Self> {
        let value = format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")));
        self.with_authorization(&value)
    }

    pub(super) fn with_authorization(mut self, value: &str) -> anyhow::Result<Self> {
        let mut value = HeaderValue::from_str(value).context("the secret holds signs that no header can")?;
        value.set_sensitive(true);
        self.authorization = Some(value);
        Ok(self)
    }

    pub(super) fn parallel(&self) -> usize {
        self.settings.parallel
    }

    pub(super) async fn get(&self, path: &str) -> Result<Reply, Trouble> {
        self.send(Method::GET, path, None, &[]).await
    }

    /// Sends JSON.
    pub(super) async fn send_json(
        &self,
        method: Method,
        path: &str,
        body: &serde_json::Value,
    ) -> Result<Reply, Trouble> {
        self.send(method, path, Some(body.to_string().into()), &[]).await
    }

    /// Sends a request to a path below the URL. A body is JSON.
    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<Bytes>,
        headers: &[(HeaderName, String)],
    ) -> Result<Reply, Trouble> {
        let work = self.exchange(method, path, body, headers);
        timeout(self.settings.timeout, work)
            .await
            .unwrap_or_else(|_| Err(Trouble::away(format!("{} did not answer in time", self.host))))
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        body: Option<Bytes>,
        headers: &[(HeaderName, String)],
    ) -> Result<Reply, Trouble> {
        let request = || -> Result<Request<Full<Bytes>>, Trouble> {
            let base = self.settings.url.path_and_query().map_or("/", |path| path.as_str());
            let target = format!("{}{path}", if path.is_empty() { base } else { base.trim_end_matches('/') });
            let authority = self.settings.url.authority().map_or("", |authority| authority.as_str());
            let mut request = Request::builder()
                .method(method.clone())
                .uri(target)
                .header(HOST, authority)
                .header(USER_AGENT, concat!("abprall/", env!("CARGO_PKG_VERSION")));
            if let Some(authorization) = &self.authorization {
                request = request.header(AUTHORIZATION, authorization);
            }
            if body.is_some() {
                request = request.header(CONTENT_TYPE, "application/json");
            }
            for (name, value) in headers {
                request = request.header(name, value);
            }
            request.body(Full::new(body.clone().unwrap_or_default())).map_err(Trouble::away)
        };
        // A connection that lay idle may be closed by now. Whatever is told may be told twice.
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        if let Some(mut idle) = idle.filter(|idle| !idle.is_closed())
            && let Ok(answer) = idle.send_request(request()?).await
        {
            return self.read(idle, answer).await;
        }
        let mut fresh = self.connect().await?;
        let answer = fresh.send_request(request()?).await.map_err(|error| self.trouble(&error))?;
        self.read(fresh, answer).await
    }

    async fn read(
        &self,
        connection: SendRequest<Full<Bytes>>,
        answer: hyper::Response<hyper::body::Incoming>,
    ) -> Result<Reply, Trouble> {
        let status = answer.status().as_u16();
        let retry_after = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let retry_after = retry_after.and_then(|text| text.trim().parse().ok()).map(Duration::from_secs);
        let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|error| Trouble::away(format!("{}: {error}", self.host)))?.to_bytes();
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < self.settings.parallel {
            idle.push(connection);
        }
        Ok(Reply { status, retry_after, body: body.to_vec() })
    }

    fn trouble(&self, error: &hyper::Error) -> Trouble {
        let source = std::error::Error::source(error).map(|source| format!(": {source}")).unwrap_or_default();
        Trouble::away(format!("{}: {error}{source}", self.host))
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, Trouble> {
        let mut error = Trouble::away(format!("{} has no address", self.host));
        let found = tokio::net::lookup_host((self.host.as_str(), self.port)).await;
        let found = found.map_err(|error| Trouble::away(format!("{}: {error}", self.host)))?;
        for address in found {
            if let Err(forbidden) = self.permits(address.ip()) {
                error = Trouble::away(forbidden);
                continue;
            }
            match self.open(address).await {
                Ok(connection) => return Ok(connection),
                Err(trouble) => error = trouble,
            }
        }
        Err(error)
    }

    /// Private addresses only where they are allowed, and without encryption only those: what is told are people's addresses.
    fn permits(&self, address: IpAddr) -> Result<(), String> {
        let host = &self.host;
        if let Err(block) = self.guard.permits(address) {
            return Err(format!(
                "{host} has the address {address}, which is not a public one ({block}): not contacted; `allow_network` lets it be"
            ));
        }
        let is_allowed = self.settings.allowed.iter().any(|network| network.contains(&address));
        if self.tls.is_none() && !is_allowed && special_use(address).is_none() {
            return Err(format!("{host} is not within `allow_network`: plain HTTP is not spoken with it"));
        }
        Ok(())
    }

    async fn open(&self, address: SocketAddr) -> Result<SendRequest<Full<Bytes>>, Trouble> {
        let tcp = TcpStream::connect(address)
            .await
            .map_err(|error| Trouble::away(format!("no connection to {address}: {error}")))?;
        // A request goes out in one piece; waiting for more would only delay it.
        tcp.set_nodelay(true).map_err(Trouble::away)?;
        let Some(tls) = &self.tls else { return self.shake(tcp).await };
        let name = ServerName::try_from(self.host.clone()).map_err(Trouble::away)?;
        let stream = tls.connect(name, tcp).await;
        self.shake(stream.map_err(|error| Trouble::away(format!("TLS with {} failed: {error}", self.host)))?)
            .await
    }

    async fn shake<S>(&self, stream: S) -> Result<SendRequest<Full<Bytes>>, Trouble>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|error| self.trouble(&error))?;
        // It ends with the connection; what went wrong is told to whoever waits for the answer.
        tokio::spawn(async move { drop(connection.await) });
        Ok(sender)
    }
}

fn tls(settings: &HttpSettings) -> anyhow::Result<TlsConnector> {
    let mut roots = rustls::RootCertStore::empty();
    match &settings.ca {
        Some(path) => {
            let file = || format!("cannot read {}", path.display());
            for certificate in CertificateDer::pem_file_iter(path).with_context(file)? {
                roots.add(certificate.with_context(file)?).with_context(file)?;
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

impl Reply {
    /// What a status means that is none of the wanted ones: about this event, or about the target.
    pub(super) fn failure(&self) -> Failure {
        let error = self.words();
        match self.status {
            410 => Failure::Trouble(Trouble::Gone(error)),
            // Who we are, what is too much, what is broken in between: any other event would hear the same.
            401 | 403 | 407 | 408 | 425 | 429 | 502..=504 => {
                Failure::Trouble(Trouble::Away { error, after: self.retry_after })
            }
            _ => Failure::Refused(error),
        }
    }

    /// The status, and the beginning of what it says.
    fn words(&self) -> String {
        let cut = &self.body[..self.body.len().min(ERROR_BYTES_MAX)];
        let text: String = String::from_utf8_lossy(cut)
            .chars()
            .map(|char| if char.is_control() { ' ' } else { char })
            .collect();
        format!("{} {}", self.status, text.trim()).trim_end().to_owned()
    }

    /// The body as JSON, where the status is one of these.
    pub(super) fn json(&self) -> Result<serde_json::Value, Failure> {
        if !(200..300).contains(&self.status) {
            return Err(self.failure());
        }
        serde_json::from_slice(&self.body)
            .map_err(|error| Failure::Refused(format!("the answer is no JSON: {error}")))
    }

    /// Nothing but whether it went well.
    pub(super) fn done(&self) -> Result<(), Failure> {
        if (200..300).contains(&self.status) { Ok(()) } else { Err(self.failure()) }
    }
}

/// A runtime for the network part of one target.
pub(super) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.context("cannot start the network part")
}

/// A part of a path or query as RFC 3986 wants it.
pub(super) fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded += &format!("%{byte:02X}");
        }
    }
    encoded
}

/// A failure for a person who waits for it.
pub(super) fn told_to_person(failure: Failure) -> anyhow::Error {
    match failure {
        Failure::Refused(error)
        | Failure::Trouble(Trouble::Gone(error))
        | Failure::Trouble(Trouble::Away { error, .. }) => anyhow::anyhow!(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_in_a_path_stays_one_part_of_it() {
        assert_eq!(encoded("a+b/../c@x.example?"), "a%2Bb%2F..%2Fc%40x.example%3F");
    }

    #[test]
    fn a_status_is_about_the_event_or_about_the_target() {
        let reply = |status| Reply { status, retry_after: None, body: b"no\n".to_vec() };
        for status in [301, 400, 404, 422, 500] {
            assert!(matches!(reply(status).failure(), Failure::Refused(_)), "{status}");
        }
        for status in [401, 403, 429, 503] {
            let wanted = Failure::Trouble(Trouble::away(format!("{status} no")));
            assert_eq!(reply(status).failure(), wanted);
        }
        assert_eq!(reply(410).failure(), Failure::Trouble(Trouble::Gone("410 no".to_owned())));
    }
}
