//! `[telemetry]`: where traces go.

use abprall_policy::settings::{Reader, Section};
use hyper::Uri;

/// An OpenTelemetry collector on this machine.
#[derive(Clone, Debug)]
#[cfg_attr(not(feature = "otel"), expect(dead_code, reason = "without the feature it is only checked"))]
pub(in crate::serve) struct TelemetrySettings {
    /// Where traces are posted: `http://127.0.0.1:4318/v1/traces`.
    pub(in crate::serve) endpoint: Uri,
    /// Which part of all traces, from 0 to 1.
    pub(in crate::serve) sample: f64,
    /// How this server is called there.
    pub(in crate::serve) service: String,
}

/// What a collector listens at for traces (OTLP specification, "OTLP/HTTP Request").
const PATH: &str = "/v1/traces";

pub(super) fn take(reader: &mut Reader<'_>, section: &mut Section<'_, '_>) -> Option<TelemetrySettings> {
    let mut sample = 1.0;
    let service = section.text_or(reader, "service", "abprall");
    section.float(reader, "sample", &mut sample, 0.0, 1.0);
    let (text, span) = section.text(reader, "otlp")?;
    let service = service.map_or_else(|| "abprall".to_owned(), |(service, _)| service);
    match endpoint(&text) {
        Ok(endpoint) => Some(TelemetrySettings { endpoint, sample, service }),
        Err(problem) => {
            reader.problem(span, &section.key("otlp"), problem);
            None
        }
    }
}

/// Of a program that was built without it.
#[cfg(not(feature = "otel"))]
pub(super) fn refuse(reader: &mut Reader<'_>) {
    let hint = "this abprall was built without OpenTelemetry: cargo build --release --features otel";
    reader.problem(0..0, "telemetry.otlp", hint.to_owned());
}

fn endpoint(text: &str) -> Result<Uri, String> {
    let wrong = || {
        format!(
            "{text:?} is no collector on this machine: write \"http://127.0.0.1:4318\"; a collector here can pass traces on, encrypted"
        )
    };
    let base: Uri = text.parse().map_err(|_| wrong())?;
    let is_here = base.host().is_some_and(is_loopback);
    let is_bare =
        base.query().is_none() && base.authority().is_some_and(|place| !place.as_str().contains('@'));
    if base.scheme_str() != Some("http") || !is_here || !is_bare {
        return Err(wrong());
    }
    let path = base.path().trim_end_matches('/');
    let path = if path.ends_with(PATH) { path.to_owned() } else { format!("{path}{PATH}") };
    let authority = base.authority().map_or("", |authority| authority.as_str());
    format!("http://{authority}{path}").parse().map_err(|_| wrong())
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_collector_on_this_machine_is_taken() {
        for (text, endpoint_wanted) in [
            ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
            ("http://localhost:4318/", "http://localhost:4318/v1/traces"),
            ("http://[::1]:4318/otel/v1/traces", "http://[::1]:4318/otel/v1/traces"),
        ] {
            assert_eq!(endpoint(text).unwrap().to_string(), endpoint_wanted, "{text}");
        }
        for text in [
            "http://192.0.2.1:4318",
            "https://127.0.0.1:4318",
            "127.0.0.1:4318",
            "http://a:b@127.0.0.1",
            "x y",
            "",
        ] {
            assert!(endpoint(text).unwrap_err().contains("collector"), "{text}");
        }
    }
}
