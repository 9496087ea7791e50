//! What the server says of itself, on standard error: a line an event, for people or as JSON.
//!
//! Every line goes through one filter before it is written ([`redact`]): mail addresses are shortened as `[log] addresses` says, and what
//! the settings hold of passwords, tokens and keys is masked, whoever wrote it there: a database that repeats a connection string in its
//! error is not asked to be careful.

use std::io::{self, Write};
use std::sync::{Arc, PoisonError, RwLock};

use anyhow::Context;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::reload;
use tracing_subscriber::{Layer, Registry};

use super::settings::{Addresses, LogFormat, LoggingSettings, Settings};

mod redact;

/// The log of this process; its level and its filter can be changed while it runs.
#[derive(Clone)]
pub(super) struct Log {
    filter: Arc<RwLock<redact::Filter>>,
    level: reload::Handle<LevelFilter, Registry>,
    #[cfg(feature = "otel")]
    traces: Option<super::telemetry::Traces>,
}

/// Begins to log.
///
/// # Errors
/// Where this process logs already.
pub(super) fn start(settings: &Settings) -> anyhow::Result<Log> {
    let filter = Arc::new(RwLock::new(filter(settings)));
    let (level, handle) = reload::Layer::new(settings.log.level);
    let to = Filtered(Arc::clone(&filter));
    #[cfg(feature = "otel")]
    if let Some(telemetry) = &settings.telemetry {
        // Each has a filter of its own: spans are finer than what is logged.
        let (layer, traces) = super::telemetry::begin(telemetry)?;
        let lines = lines(settings.log.format, to).with_filter(level);
        let subscriber = tracing_subscriber::registry().with(lines).with(layer);
        tracing::subscriber::set_global_default(subscriber).context("cannot begin to log")?;
        return Ok(Log { filter, level: handle, traces: Some(traces) });
    }
    let subscriber = tracing_subscriber::registry().with(level).with(lines(settings.log.format, to));
    tracing::subscriber::set_global_default(subscriber).context("cannot begin to log")?;
    Ok(Log {
        filter,
        level: handle,
        #[cfg(feature = "otel")]
        traces: None,
    })
}

fn lines<S>(format: LogFormat, to: Filtered) -> Box<dyn Layer<S> + Send + Sync>
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a>,
{
    let lines = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(to).with_target(false);
    match format {
        LogFormat::Json => Box::new(lines.json().flatten_event(true).with_timer(Rfc3339)),
        LogFormat::Text if is_journal() => Box::new(lines.without_time()),
        LogFormat::Text => Box::new(lines.with_timer(Rfc3339)),
    }
}

impl Log {
    /// What is still to be told elsewhere is told, or given up.
    pub(super) fn end(&self) {
        #[cfg(feature = "otel")]
        if let Some(traces) = &self.traces {
            traces.end();
        }
    }

    /// Goes on by other settings. The form of the lines stays.
    pub(super) fn change(&self, settings: &Settings) {
        *self.filter.write().unwrap_or_else(PoisonError::into_inner) = filter(settings);
        // It only fails where the log is gone, and then there is nobody to tell.
        let _ = self.level.modify(|level| *level = settings.log.level);
    }
}

fn filter(settings: &Settings) -> redact::Filter {
    let LoggingSettings { addresses, .. } = settings.log;
    redact::Filter::new(addresses, settings.effective().secrets())
}

/// The journal writes the time itself.
fn is_journal() -> bool {
    std::env::var_os("JOURNAL_STREAM").is_some()
}

struct Rfc3339;

impl FormatTime for Rfc3339 {
    fn format_time(&self, w: &mut Writer<'_>) -> std::fmt::Result {
        write!(w, "{:.3}", jiff::Timestamp::now())
    }
}

/// Standard error behind the filter.
struct Filtered(Arc<RwLock<redact::Filter>>);

impl<'a> MakeWriter<'a> for Filtered {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line { filter: Arc::clone(&self.0), bytes: Vec::new() }
    }
}

/// One line; it is written when it is whole.
struct Line {
    filter: Arc<RwLock<redact::Filter>>,
    bytes: Vec<u8>,
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let text = String::from_utf8_lossy(&self.bytes);
        let shown = self.filter.read().unwrap_or_else(PoisonError::into_inner).apply(&text);
        // Where nobody reads the log, the server goes on.
        let _ = io::stderr().lock().write_all(shown.as_bytes());
    }
}
