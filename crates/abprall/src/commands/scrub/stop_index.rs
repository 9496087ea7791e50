//! The suppression index for one run: written from what the database lists, into a folder that goes with it.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use abprall_mail::EmailAddress;
use abprall_store::{Fingerprints, Scope, Segment, SegmentBuilder, StopFilter, Store};
use anyhow::Context;
use jiff::Timestamp;
use tempfile::TempDir;

use crate::scrub::Index;
use crate::stops::each_stop;

pub(super) struct StopIndex {
    segment: Segment,
    fingerprints: Fingerprints,
    /// Removed when it is dropped.
    _folder: TempDir,
}

impl StopIndex {
    /// Of all that is stopped at `at`.
    pub(super) fn of(store: &dyn Store, at: Timestamp) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
        let seed = RandomState::new().hash_one(std::process::id());
        let fingerprints = Fingerprints::new(seed);
        let mut builder = SegmentBuilder::new(folder.path(), seed)?;
        each_stop(store, &StopFilter::default(), at, |row| {
            let standing = row.standing;
            if standing.scope == Some(Scope::MxHost) {
                return Ok(());
            }
            let key = match EmailAddress::parse(&standing.address) {
                Ok(address) => fingerprints.of(address.suppression_key().as_str()),
                Err(_) => fingerprints.of(&standing.address),
            };
            Ok(builder.push(key)?)
        })?;
        Ok(Self { segment: builder.finish(1)?, fingerprints, _folder: folder })
    }
}

impl Index for StopIndex {
    fn could_be_stopped(&self, key: &str) -> bool {
        self.segment.contains(self.fingerprints.of(key))
    }
}
