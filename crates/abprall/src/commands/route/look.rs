//! Looks at domains, each only once however often it is asked about.

use std::collections::{BTreeMap, BTreeSet};

use abprall_mail::{Domain, Language};
use abprall_route::{Diagnosis, Earlier, JudgeContext, Observer, ObserverConfig, Survey, judge};
use anyhow::Context;
use tokio::runtime::Runtime;

pub(super) struct Looker {
    runtime: Runtime,
    observer: Observer,
    language: Language,
    earlier: Vec<Diagnosis>,
    known: BTreeMap<Domain, Diagnosis>,
}

impl Looker {
    pub(super) fn new(
        config: ObserverConfig,
        earlier: Vec<Diagnosis>,
        language: Language,
    ) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .context("cannot start the network part")?;
        let observer = runtime.block_on(Observer::new(config))?;
        Ok(Self { runtime, observer, language, earlier, known: BTreeMap::new() })
    }

    /// Looks at several domains at the same time, so that a slow one does not hold up the others. [`Looker::look`] then knows them.
    pub(super) fn look_ahead(&mut self, domains: &[Domain]) {
        let wanted: BTreeSet<_> = domains.iter().filter(|domain| !self.known.contains_key(*domain)).collect();
        for survey in self.runtime.block_on(self.observer.surveys(wanted)) {
            self.conclude(survey);
        }
    }

    pub(super) fn look(&mut self, domain: &Domain) -> Diagnosis {
        if let Some(known) = self.known.get(domain) {
            return known.clone();
        }
        let survey = self.runtime.block_on(self.observer.survey(domain));
        self.conclude(survey)
    }

    fn conclude(&mut self, survey: Survey) -> Diagnosis {
        let domain = survey.domain.clone();
        let earlier: Vec<_> =
            self.earlier.iter().filter(|one| one.domain == domain).map(Earlier::from).collect();
        let diagnosis = judge(survey, &JudgeContext { language: self.language, earlier: &earlier });
        self.known.insert(domain, diagnosis.clone());
        diagnosis
    }
}
