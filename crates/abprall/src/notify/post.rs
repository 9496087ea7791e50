//! By a post to a program, signed as Standard Webhooks describes it. No redirects; an answer of 2xx means that it was taken.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use aws_lc_rs::hmac;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{Request, header};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use serde::Serialize;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::settings::WebhookSettings;
use super::words::{Message, Told};

/// A program that takes longer is away.
const WAIT: Duration = Duration::from_secs(30);

#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    timestamp: Timestamp,
    text: &'a str,
    events: &'a [Told],
}

pub(super) async fn send(
    settings: &WebhookSettings,
    message: &Message,
    now: Timestamp,
) -> anyhow::Result<()> {
    let body = serde_json::to_vec(&Body {
        kind: "abprall.notification",
        timestamp: now,
        text: &message.text,
        events: &message.events,
    })?;
    match tokio::time::timeout(WAIT, post(settings, &message.id, body, now)).await {
        Ok(posted) => posted,
        Err(_) => bail!("{} did not answer in time", settings.host),
    }
}

async fn post(settings: &WebhookSettings, id: &str, body: Vec<u8>, now: Timestamp) -> anyhow::Result<()> {
    let seconds = now.as_second();
    let mut signed = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &settings.secret));
    signed.update(format!("{id}.{seconds}.").as_bytes());
    signed.update(&body);
    let signature = format!("v1,{}", BASE64_STANDARD.encode(signed.sign()));
    let request = Request::post(&settings.path)
        .header(header::HOST, &settings.authority)
        .header(header::USER_AGENT, concat!("abprall/", env!("CARGO_PKG_VERSION")))
        .header(header::CONTENT_TYPE, "application/json")
        .header("webhook-id", id)
        .header("webhook-timestamp", seconds)
        .header("webhook-signature", signature)
        .body(Full::new(Bytes::from(body)))?;
    let stream = TcpStream::connect((settings.host.as_str(), settings.port))
        .await
        .with_context(|| format!("cannot connect to {}", settings.host))?;
    if settings.encrypted {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from(settings.host.clone())?;
        let stream = tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
        exchange(stream, request, settings).await
    } else {
        exchange(stream, request, settings).await
    }
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Full<Bytes>>,
    settings: &WebhookSettings,
) -> anyhow::Result<()> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let talk = tokio::spawn(connection);
    let answer = sender.send_request(request).await.map(|answer| answer.status());
    talk.abort();
    let status = answer.with_context(|| format!("{} broke off", settings.host))?;
    if status.is_success() { Ok(()) } else { bail!("{} answered {status}", settings.host) }
}
