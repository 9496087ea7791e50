//! Spans: how long a thing takes, and what within it. An OpenTelemetry collector gets them, where `[telemetry]` says so; else they cost
//! one comparison each.
//!
//! | span | within | with |
//! |---|---|---|
//! | `intake` | | `way`, `bytes` or `messages`: what came in, until it is on the disk |
//! | `read` | `intake` | reading and judging |
//! | `commit` | `intake` | `items`: from the hand-over to the writer to the acknowledgement |
//! | `write` | follows the `commit`s of its batch | `deposits`, `messages`, `reports`: one transaction |
//! | `raw_mail`, `decide`, `index` | `write` | its parts |
//! | `check` | | `state`: a question of a sender |
//! | `sync` | | `to`, `kind`, `events`, `told`, `refused`: one turn of a target |
//! | `look` | | `domains`: one look of the watch at the network |
//! | `judge` | `look` | `domain`, `verdict` |
//!
//! Never in a span: addresses, text of mail, secrets. So a span has only names of ours, numbers, names that the operator gave, and
//! domains. What the log says within a span does not go to the collector.

/// The target of all spans, by which they are told from what is logged.
pub(crate) const SPANS: &str = "abprall::spans";
