//! Feeds of the server: logs that are followed, webhooks that services sign, events of everybody else. A real process, real files, real
//! HTTP on loopback; the keys are the test's own, used as the services would use them.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;
#[path = "intake_feeds/events.rs"]
mod events;
#[path = "intake_feeds/logs.rs"]
mod logs;
#[path = "intake_feeds/server.rs"]
mod server;
#[path = "intake_feeds/settings.rs"]
mod settings;
#[path = "intake_feeds/sns.rs"]
mod sns;
#[path = "intake_feeds/webhooks.rs"]
mod webhooks;
