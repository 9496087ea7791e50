//! Reads what came back and says what happened to whom.
//!
//! Two steps, both pure (no socket, no file, no clock):
//!
//! 1. [`read`] turns the bytes of one message into a [`Reading`]: one [`Report`] for each recipient that it speaks of, or the
//!    reason why it is [no bounce](NotABounce). [`read_line`] does the same for a bare SMTP reply, [`log::LogReader`] for the logs of
//!    MTAs, [`webhook::read_webhook`] for what mail services post.
//! 2. [`Classifier::classify`] gives each report a [`Classification`]: reason, party, permanence, action — by rules that are data.
//!
//! A malformed message is not an error: what could be read is returned, with the [`Damage`] found.

mod attempt;
mod auto_reply;
mod challenge;
mod classification;
mod classify;
mod delivery_status;
mod dialect;
mod dmarc_report;
mod feedback;
mod forwarded;
mod generator;
mod letter;
pub mod limits;
mod line;
pub mod log;
mod mailer;
mod mbox;
mod merge;
mod origin;
mod phase;
mod phishing;
mod read;
mod reading;
mod receipt;
mod reply;
mod report;
mod returned;
mod text;
mod unsubscribe;
pub mod webhook;

pub use classification::{Because, Classification};
pub use classify::{Classifier, Finding, FindingKind, Rule, RuleFile, RuleFileError};
pub use generator::Generator;
pub use line::read_line;
pub use mbox::{Mbox, is_mbox};
pub use read::read;
pub use reading::{Damage, NotABounce, Reading};
pub use report::{Hop, Issuer, Kind, Phase, ProviderClass, Report, StatusOrigin, Trust};
