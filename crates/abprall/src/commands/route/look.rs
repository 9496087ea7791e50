//! Looks at domains, each only once however often it is asked about.

use std::collections::BTreeMap;

use abprall_mail::{Domain, Language};
use abprall_route::Diagnosis;

use super::options::LookOptions;

pub(super) struct Looker {
    known: BTreeMap<Domain, Diagnosis>,
}

impl Looker {
    pub(super) fn new(
        _options: &LookOptions,
        _earlier: Vec<Diagnosis>,
        _language: Language,
    ) -> anyhow::Result<Self> {
        Ok(Self { known: BTreeMap::new() })
    }

    pub(super) fn look(&mut self, domain: &Domain) -> anyhow::Result<Diagnosis> {
        match self.known.get(domain) {
            Some(known) => Ok(known.clone()),
            None => anyhow::bail!("cannot look at {domain}: not connected to the network part yet"),
        }
    }
}
