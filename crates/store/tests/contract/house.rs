//! A store with what the facts need around it.

use abprall_bounce::{Classification, Classifier, Kind, Report, read_line};
use abprall_mail::{Domain, EmailAddress};
use abprall_policy::{Conclusion, DomainHealth, Policy};
use abprall_store::{
    Audience, ContentId, Decided, Entry, Message, NewObservation, Question, Recorded, Standing, State, Store,
    Subject, WorkItem, WorkOutcome,
};
use jiff::{Timestamp, ToSpan};

/// Makes stores of one kind. One factory has one database.
pub(crate) trait Factory {
    /// The database emptied, or made.
    fn fresh(&self) -> Box<dyn Store>;

    /// The database as it is, as another process would open it.
    fn reopen(&self) -> Box<dyn Store>;

    /// All that is written anywhere, for looking what is in it.
    fn everything(&self) -> Vec<u8>;
}

pub(crate) struct House {
    pub(crate) store: Box<dyn Store>,
    pub(crate) factory: Box<dyn Factory>,
    pub(crate) policy: Policy,
    classifier: Classifier,
    next: u64,
}

impl House {
    /// With another connection to the same database.
    pub(crate) fn reopen(&mut self) {
        self.store = self.factory.reopen();
    }

    pub(crate) fn of(factory: Box<dyn Factory>) -> Self {
        Self {
            store: factory.fresh(),
            factory,
            policy: Policy::default(),
            classifier: Classifier::built_in(),
            next: 0,
        }
    }

    /// Records reports, each as a message of its own.
    pub(crate) fn record_all(
        &mut self,
        reports: &[Report],
        audience: &Audience,
        at: Timestamp,
    ) -> Vec<Decided> {
        let judged: Vec<_> = reports.iter().map(|report| self.classifier.classify(report)).collect();
        let messages: Vec<_> = reports
            .iter()
            .zip(&judged)
            .map(|(report, judged)| {
                self.next += 1;
                Message {
                    content: ContentId::of(self.next.to_string().as_bytes()),
                    source: "contract",
                    seen_at: at,
                    holds: None,
                    audience: audience.clone(),
                    entries: vec![Entry { report, judged }],
                }
            })
            .collect();
        let recorded = self.store.record(&messages, &self.policy).unwrap();
        let decided = recorded.into_iter().map(|recorded| match recorded {
            Recorded::New(decided) => decided[0],
            Recorded::Known => panic!("each content is new"),
        });
        decided.collect()
    }

    /// What the built-in rules say.
    pub(crate) fn judge(&self, report: &Report) -> Classification {
        self.classifier.classify(report)
    }

    pub(crate) fn record(&mut self, report: &Report, at: Timestamp) -> Decided {
        self.record_all(std::slice::from_ref(report), &Audience::default(), at)[0]
    }

    /// Records one reply.
    pub(crate) fn reply(&mut self, reply: &str, at: Timestamp) -> Decided {
        self.record(&read_line(reply), at)
    }

    /// Stores a message of that content once more, or first.
    pub(crate) fn content(&mut self, content: &str, reply: &str, at: Timestamp) -> Recorded {
        let report = read_line(reply);
        let judged = self.classifier.classify(&report);
        let message = Message {
            content: ContentId::of(content.as_bytes()),
            source: content,
            seen_at: at,
            holds: None,
            audience: Audience::default(),
            entries: vec![Entry { report: &report, judged: &judged }],
        };
        self.store.record(&[message], &self.policy).unwrap().remove(0)
    }

    pub(crate) fn standing(&self, text: &str, at: Timestamp) -> Standing {
        self.store.check(&Question::about(address(text)), at).unwrap()
    }

    pub(crate) fn state(&self, text: &str, at: Timestamp) -> State {
        self.standing(text, at).state
    }

    pub(crate) fn state_for(&self, text: &str, tenant: Option<&str>, list: Option<&str>) -> State {
        let question = Question { address: address(text), audience: audience(tenant, list) };
        self.store.check(&question, now()).unwrap().state
    }

    /// Leases the only item that is due.
    pub(crate) fn lease_one(&mut self, at: Timestamp) -> WorkItem {
        let mut items = self.lease(at);
        assert_eq!(items.len(), 1, "{items:?}");
        items.remove(0)
    }

    pub(crate) fn lease(&mut self, at: Timestamp) -> Vec<WorkItem> {
        self.store.lease_due("me", at, LEASE, 100).unwrap()
    }
}

pub(crate) const LEASE: std::time::Duration = std::time::Duration::from_secs(300);

/// Tuesday, at noon.
pub(crate) fn now() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

pub(crate) fn days(days: i64) -> Timestamp {
    now() + (24 * days).hours()
}

pub(crate) fn address(text: &str) -> EmailAddress {
    EmailAddress::parse(text).unwrap()
}

pub(crate) fn about(text: &str) -> Subject {
    match EmailAddress::parse(text) {
        Ok(address) => Subject::Address(address),
        Err(_) => Subject::Domain(Domain::parse(text).unwrap()),
    }
}

pub(crate) fn audience(tenant: Option<&str>, list: Option<&str>) -> Audience {
    Audience { tenant: tenant.map(str::to_owned), list: list.map(str::to_owned) }
}

pub(crate) fn delivered(to: &str) -> Report {
    Report { kind: Kind::Delivered, recipient: Some(address(to)), ..Report::default() }
}

pub(crate) fn complaint(from: &str) -> Report {
    Report { kind: Kind::Complaint, recipient: Some(address(from)), ..Report::default() }
}

pub(crate) fn unknown(who: &str) -> Report {
    read_line(&format!("550 5.1.1 <{who}>: Recipient address rejected: User unknown"))
}

pub(crate) fn routing(who: &str) -> Report {
    read_line(&format!("550 5.4.3 <{who}>: Routing server failure"))
}

pub(crate) fn full(who: &str) -> Report {
    read_line(&format!("452 4.2.2 <{who}>: mailbox full"))
}

/// What came of a look that concluded so.
pub(crate) fn concluded(conclusion: Conclusion, at: Timestamp) -> WorkOutcome {
    WorkOutcome {
        observation: Some(NewObservation {
            at,
            verdict: abprall_mail::Verdict::UndeliverablePermanent,
            confidence: abprall_mail::Confidence::High,
            diagnosis: r#"{"findings":[]}"#.to_owned(),
        }),
        conclusion: Some(conclusion),
        ..WorkOutcome::default()
    }
}

pub(crate) fn health(at: Timestamp) -> DomainHealth {
    DomainHealth::new(at)
}

pub(crate) fn busy(who: &str) -> Report {
    read_line(&format!("451 4.3.2 <{who}>: system not accepting network messages, try again later"))
}
