//! Traces to an OpenTelemetry collector on this machine: OTLP over HTTP. What is told, `spans` says.
//!
//! They wait in memory (2,048 at most) and are told every five seconds by a thread of their own. Where the collector is gone or slow, they are
//! thrown away: nothing waits for it.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context;
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use tokio::net::TcpStream;
use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;

use super::settings::TelemetrySettings;
use crate::spans::SPANS;

/// A collector that takes longer is gone.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// Its answer says what it did not take, in a few words.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// What is to be ended in the end.
#[derive(Clone)]
pub(super) struct Traces(SdkTracerProvider);

impl Traces {
    /// What waits is told.
    pub(super) fn end(&self) {
        // Where the collector is gone, they are lost: the log has said so.
        let _ = self.0.shutdown_with_timeout(ANSWER_MAX);
    }
}

/// The layer that takes spans, and nothing of what is logged: a line of the log may name somebody.
pub(super) fn begin<S>(
    settings: &TelemetrySettings,
) -> anyhow::Result<(impl Layer<S> + Send + Sync + use<S>, Traces)>
where
    S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
{
    let exporter = SpanExporter::builder()
        .with_http()
        .with_endpoint(settings.endpoint.to_string())
        .with_timeout(ANSWER_MAX)
        .with_http_client(Collector::default())
        .build()
        .context("cannot begin to tell traces")?;
    let resource = Resource::builder()
        .with_service_name(settings.service.clone())
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build();
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(settings.sample))))
        .with_resource(resource)
        .build();
    let layer = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("abprall"))
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracked_inactivity(false);
    let only_spans = filter_fn(|metadata| metadata.is_span() && metadata.target() == SPANS);
    Ok((layer.with_filter(only_spans), Traces(provider)))
}

/// Speaks with the collector: a connection a post, for there is one every few seconds.
#[derive(Debug, Default)]
struct Collector {
    complained: AtomicBool,
}

impl HttpClient for Collector {
    fn send_bytes<'c, 'f>(
        &'c self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'f>>
    where
        'c: 'f,
        Self: 'f,
    {
        // The exporter has a thread without a runtime of tokio.
        Box::pin(async move {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let posted = runtime.block_on(async { tokio::time::timeout(ANSWER_MAX, post(request)).await });
            let posted: Result<_, HttpError> = match posted {
                Ok(posted) => posted,
                Err(_) => Err("it did not answer in time".into()),
            };
            self.complain(&posted);
            posted
        })
    }
}

impl Collector {
    /// Once, until it works again.
    fn complain(&self, posted: &Result<Response<Bytes>, HttpError>) {
        let problem = match posted {
            Ok(response) if response.status().is_success() => None,
            Ok(response) => Some(format!("it answers {}", response.status())),
            Err(error) => Some(error.to_string()),
        };
        let complained = self.complained.swap(problem.is_some(), Ordering::Relaxed);
        match problem {
            Some(problem) if !complained => {
                tracing::warn!("the collector of traces does not take them, they are lost: {problem}");
            }
            None if complained => tracing::info!("the collector takes traces again"),
            Some(_) | None => {}
        }
    }
}

async fn post(request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
    let (mut head, body) = request.into_parts();
    let authority = head.uri.authority().cloned().ok_or("it has no place")?;
    let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
    let stream = TcpStream::connect((host, authority.port_u16().unwrap_or(80))).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    head.headers.insert(hyper::header::HOST, authority.as_str().parse()?);
    head.uri = head.uri.path().parse()?;
    let response = sender.send_request(Request::from_parts(head, Full::new(body))).await?;
    let (head, body) = response.into_parts();
    let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await?;
    Ok(Response::from_parts(head, body.to_bytes()))
}
