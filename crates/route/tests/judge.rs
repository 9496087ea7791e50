//! What the judge concludes from surveys that are written by hand.

#![allow(clippy::unwrap_used, reason = "a test that unwraps nothing has failed, which is what it is for")]

#[path = "judge/context.rs"]
mod context;
#[path = "judge/domain_rows.rs"]
mod domain_rows;
#[path = "judge/expectation.rs"]
mod expectation;
#[path = "judge/host_rows.rs"]
mod host_rows;
#[path = "judge/invariants.rs"]
mod invariants;
#[path = "judge/scene.rs"]
mod scene;
