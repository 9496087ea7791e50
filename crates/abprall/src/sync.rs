//! Tells lists, tables and programs what was decided. See `docs/sync.md` and `docs/decisions/0015`.
//!
//! - `settings`: `[sync.NAME]` of `abprall.toml`.
//! - `event`: what is told, the same for every target.
//! - `target`: what a target can do; `webhook`, `sql`, `listmonk`, `mailman`, `mautic`, `file` and `redis` are those that there are.
//! - `doubt`: whether a refusal is about the event or about the target.
//! - `deliver`: takes from the outbox, tells, writes down what came of it; one thread a target.
//! - `reconcile`: holds a list against what is remembered here.

mod backoff;
mod deliver;
mod doubt;
mod event;
mod file;
mod http;
mod lanes;
pub(crate) mod limits;
mod listmonk;
mod mailman;
mod mautic;
mod phplist;
mod reconcile;
mod redis;
mod settings;
mod sql;
mod target;
mod webhook;

pub(crate) use deliver::{Deliverer, owner, preview};
pub(crate) use event::Event;
pub(crate) use reconcile::{Drift, Reconciled, mend, reconcile};
pub(crate) use settings::{TargetSettings, take};
pub(crate) use target::Trouble;
use target::connect;
