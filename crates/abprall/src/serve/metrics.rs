//! What is counted, for Prometheus. Names are a contract: `docs/api.md`.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use abprall_mail::Reason;
use abprall_policy::Outcome;
use abprall_store::{OutboxTarget, Stopped, SuppressionIndex};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

#[derive(Clone, Debug, Eq, Hash, PartialEq, EncodeLabelSet)]
struct Taken {
    source: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq, EncodeLabelSet)]
struct Decision {
    outcome: &'static str,
    reason: &'static str,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq, EncodeLabelSet)]
struct Question {
    protocol: &'static str,
    answer: &'static str,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq, EncodeLabelSet)]
struct Protocol {
    protocol: &'static str,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq, EncodeLabelSet)]
struct Request {
    route: String,
    method: &'static str,
    status: u16,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq, EncodeLabelSet)]
struct Part {
    part: &'static str,
}

/// What became of a thing that came in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Intake {
    /// It is stored.
    New,
    /// It was known.
    Known,
    /// It is not stored: its sender keeps it.
    NotStored,
}

/// Where the database did not do what it should.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Place {
    Gate,
    Writer,
    Programs,
}

type NewHistogram = fn() -> Histogram;

/// Everything that is counted.
pub(super) struct Metrics {
    registry: Registry,
    taken: Family<Taken, Counter>,
    decisions: Family<Decision, Counter>,
    newly_stopped: Counter,
    questions: Family<Question, Counter>,
    seconds: Family<Protocol, Histogram, NewHistogram>,
    requests: Family<Request, Counter>,
    database_errors: Family<Part, Counter>,
    raw_mail_errors: Counter,
    /// Of the questions over HTTP, which are many: looked up once.
    http: HttpQuestions,
}

struct HttpQuestions {
    ok: Counter,
    held: Counter,
    suppressed: Counter,
    unknown: Counter,
    seconds: Histogram,
}

/// From 10 µs, what the index takes with its protocol, to 10 s, where the database is slow.
fn buckets() -> Histogram {
    Histogram::new([
        0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
        0.1, 0.25, 1.0, 10.0,
    ])
}

impl Metrics {
    pub(super) fn new(index: Arc<SuppressionIndex>) -> Self {
        let mut registry = Registry::with_prefix("abprall");
        let taken = Family::<Taken, Counter>::default();
        registry.register(
            "intake",
            "Messages, log lines and events that came in, by source and what became of them",
            taken.clone(),
        );
        let decisions = Family::<Decision, Counter>::default();
        registry.register(
            "decisions",
            "Decisions of this process on reports, by outcome and reason",
            decisions.clone(),
        );
        let newly_stopped = Counter::default();
        registry.register(
            "stops",
            "Decisions of this process that stopped an address",
            newly_stopped.clone(),
        );
        let questions = Family::<Question, Counter>::default();
        registry.register(
            "gate_questions",
            "Questions whether an address may be sent to, by protocol and answer",
            questions.clone(),
        );
        let seconds: Family<Protocol, Histogram, NewHistogram> = Family::new_with_constructor(buckets);
        registry.register_with_unit(
            "gate_answer",
            "Time from question to answer",
            Unit::Seconds,
            seconds.clone(),
        );
        let requests = Family::<Request, Counter>::default();
        registry.register(
            "http_requests",
            "HTTP requests by route, method and status, without single checks",
            requests.clone(),
        );
        let database_errors = Family::<Part, Counter>::default();
        registry.register(
            "database_errors",
            "Questions and changes that the database did not answer, by part of the server",
            database_errors.clone(),
        );
        let raw_mail_errors = Counter::default();
        registry.register(
            "raw_mail_errors",
            "Times that raw mail could not be kept, and bounces were not taken in",
            raw_mail_errors.clone(),
        );
        registry.register_collector(Box::new(IndexSize(index)));
        let of = |answer| questions.get_or_create_owned(&Question { protocol: "http", answer });
        let http = HttpQuestions {
            ok: of("ok"),
            held: of("held"),
            suppressed: of("suppressed"),
            unknown: of("unknown"),
            seconds: seconds.get_or_create_owned(&Protocol { protocol: "http" }),
        };
        Self {
            registry,
            taken,
            decisions,
            newly_stopped,
            questions,
            seconds,
            requests,
            database_errors,
            raw_mail_errors,
            http,
        }
    }

    /// Something came in; a source such as `http`.
    pub(super) fn intake(&self, source: &'static str, outcome: Intake) {
        let outcome = match outcome {
            Intake::New => "new",
            Intake::Known => "known",
            Intake::NotStored => "not_stored",
        };
        self.taken.get_or_create(&Taken { source, outcome }).inc();
    }

    /// A report was decided on.
    pub(super) fn decision(&self, outcome: Outcome, reason: Reason, newly_stopped: bool) {
        let label = Decision { outcome: outcome.into(), reason: reason.into() };
        self.decisions.get_or_create(&label).inc();
        if newly_stopped {
            self.newly_stopped.inc();
        }
    }

    /// A mail server asked, and was answered.
    pub(super) fn question(&self, protocol: &'static str, answer: &'static str, began: Instant) {
        self.questions.get_or_create(&Question { protocol, answer }).inc();
        self.seconds.get_or_create(&Protocol { protocol }).observe(began.elapsed().as_secs_f64());
    }

    /// A program asked over HTTP; `None`: the database did not say.
    pub(super) fn check(&self, state: Option<abprall_store::State>, began: Instant) {
        match state {
            Some(abprall_store::State::Ok) => &self.http.ok,
            Some(abprall_store::State::Held) => &self.http.held,
            Some(abprall_store::State::Suppressed) => &self.http.suppressed,
            None => &self.http.unknown,
        }
        .inc();
        self.http.seconds.observe(began.elapsed().as_secs_f64());
    }

    pub(super) fn request(&self, route: &str, method: &'static str, status: u16) {
        self.requests.get_or_create(&Request { route: route.to_owned(), method, status }).inc();
    }

    pub(super) fn database_error(&self, place: Place) {
        let part = match place {
            Place::Gate => "gate",
            Place::Writer => "writer",
            Place::Programs => "http",
        };
        self.database_errors.get_or_create(&Part { part }).inc();
    }

    pub(super) fn raw_mail_error(&self) {
        self.raw_mail_errors.inc();
    }

    /// All of it as text (OpenMetrics 1.0), with what is known only now.
    pub(super) fn text(&self, now: &Now) -> String {
        let mut text = String::new();
        // Writing into a text cannot fail.
        let _ = encode(&mut text, &self.registry);
        let end = text.rfind("# EOF").unwrap_or(text.len());
        text.truncate(end);
        now.write(&mut text);
        text.push_str("# EOF\n");
        text
    }
}

/// What is not counted, but looked up when somebody asks.
pub(super) struct Now {
    pub(super) waiting: usize,
    /// When the index, and the keys, were last compared with the database.
    pub(super) followed: Duration,
    /// `None`: the database does not answer.
    pub(super) stopped: Option<Stopped>,
    /// Bytes of raw mail on the disk; `None`: nobody said where it would lie.
    pub(super) raw_mail: Option<u64>,
    /// Those who are told; none where the database does not answer.
    pub(super) targets: Vec<OutboxTarget>,
}

impl Now {
    fn write(&self, text: &mut String) {
        let mut gauge = |name: &str, help: &str, rows: &[(&str, f64)]| {
            if rows.is_empty() {
                return;
            }
            let _ = writeln!(text, "# HELP abprall_{name} {help}.\n# TYPE abprall_{name} gauge");
            for (labels, value) in rows {
                let _ = writeln!(text, "abprall_{name}{labels} {value}");
            }
        };
        #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
        {
            gauge("deposits_waiting", "What came in and waits for the writer", &[("", self.waiting as f64)]);
            gauge(
                "index_age_seconds",
                "Since the index was last compared with the database",
                &[("", self.followed.as_secs_f64())],
            );
            gauge(
                "database_up",
                "1 where the database has answered within ten seconds",
                &[("", f64::from(u8::from(self.stopped.is_some())))],
            );
            if let Some(bytes) = self.raw_mail {
                gauge("raw_mail_bytes", "Raw mail that is kept, on the disk", &[("", bytes as f64)]);
            }
            let of_targets = |value: fn(&OutboxTarget) -> f64| -> Vec<(String, f64)> {
                let label = |name: &str| name.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
                let rows = self.targets.iter();
                rows.map(|target| (format!("{{target=\"{}\"}}", label(&target.name)), value(target)))
                    .collect()
            };
            for (name, help, rows) in [
                (
                    "sync_away",
                    "1 where a target of the sync is not to be reached, or refuses whatever it is told",
                    of_targets(|target| f64::from(u8::from(target.failures > 0 || target.disabled))),
                ),
                (
                    "sync_waiting",
                    "What a target of the sync is still to be told, as far as it was looked up",
                    of_targets(|target| target.waiting as f64),
                ),
                (
                    "sync_dead_letters",
                    "What a target of the sync did not take, and is not told any more",
                    of_targets(|target| target.dead as f64),
                ),
            ] {
                let rows: Vec<_> = rows.iter().map(|(labels, value)| (labels.as_str(), *value)).collect();
                gauge(name, help, &rows);
            }
            if let Some(stopped) = self.stopped {
                gauge(
                    "stopped",
                    "What is stopped at present, by kind",
                    &[
                        ("{kind=\"addresses_suppressed\"}", stopped.addresses_suppressed as f64),
                        ("{kind=\"addresses_held\"}", stopped.addresses_held as f64),
                        ("{kind=\"domains\"}", stopped.domains_stopped as f64),
                    ],
                );
            }
        }
    }
}

/// How large the suppression index is.
struct IndexSize(Arc<SuppressionIndex>);

impl std::fmt::Debug for IndexSize {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IndexSize")
    }
}

impl Collector for IndexSize {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let (segment, delta) = self.0.sizes();
        for (name, help, size) in [
            ("abprall_index_entries", "Entries of the suppression index in its file", segment),
            ("abprall_index_changes", "Changes of the suppression index in memory", delta as u64),
        ] {
            let gauge = ConstGauge::new(size.cast_signed());
            let metric =
                encoder.encode_descriptor(name, help, None, prometheus_client::metrics::MetricType::Gauge)?;
            gauge.encode(metric)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_told_under_its_documented_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let index = Arc::new(SuppressionIndex::open(folder.path(), 1).expect("an index"));
        let metrics = Metrics::new(index);
        metrics.intake("lmtp", Intake::New);
        metrics.decision(Outcome::Suppress, Reason::UserUnknown, true);
        metrics.question("policy", "refuse", Instant::now());
        metrics.check(Some(abprall_store::State::Held), Instant::now());
        metrics.request("/v1/check", "POST", 200);
        metrics.database_error(Place::Gate);
        let target = OutboxTarget {
            name: "a\"b".to_owned(),
            cursor: 1,
            last_decision: 9,
            waiting: 7,
            dead: 2,
            told: 0,
            told_at: None,
            failures: 1,
            due_at: None,
            last_error: None,
            disabled: false,
            owner: None,
        };
        let now = Now {
            waiting: 3,
            followed: Duration::from_secs(1),
            stopped: Some(Stopped::default()),
            raw_mail: Some(4096),
            targets: vec![target],
        };
        let text = metrics.text(&now);
        for line in [
            "abprall_intake_total{source=\"lmtp\",outcome=\"new\"} 1",
            "abprall_decisions_total{outcome=\"suppress\",reason=\"user_unknown\"} 1",
            "abprall_stops_total 1",
            "abprall_gate_questions_total{protocol=\"policy\",answer=\"refuse\"} 1",
            "abprall_gate_questions_total{protocol=\"http\",answer=\"held\"} 1",
            "abprall_gate_answer_seconds_count{protocol=\"http\"} 1",
            "abprall_http_requests_total{route=\"/v1/check\",method=\"POST\",status=\"200\"} 1",
            "abprall_database_errors_total{part=\"gate\"} 1",
            "abprall_index_entries 0",
            "abprall_raw_mail_errors_total 0",
            "abprall_raw_mail_bytes 4096",
            "abprall_deposits_waiting 3",
            "abprall_stopped{kind=\"domains\"} 0",
            "abprall_sync_away{target=\"a\\\"b\"} 1",
            "abprall_sync_waiting{target=\"a\\\"b\"} 7",
            "abprall_sync_dead_letters{target=\"a\\\"b\"} 2",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
        assert!(text.ends_with("# EOF\n"));
    }
}
