//! The embedded store: one SQLite file, WAL, every commit on the disk before it is reported.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::time::Duration;

use abprall_mail::{EmailAddress, Reason};
use abprall_policy::{Doubt, Policy};
use jiff::Timestamp;
use jiff::civil::Date;

use crate::audit::AuditEntry;
use crate::database::Connection;
use crate::limits::{CACHE_FITTED_EVERY, REPEATS_MAX};
use crate::plan::PolicyCache;
use crate::{
    ApiKey, AuditAction, AuditRecord, BrakeRow, Completed, ContentId, DeadFate, DeadLetter, DeadLetters,
    DecisionRecord, DomainDetail, DomainFilter, DomainSort, Erased, ErasureKey, HostFilter, HostSort,
    ImportMode, ImportSummary, ImportedStop, Incident, IncidentFilter, IncidentStory, Message, Mode,
    NewApiKey, News, Observation, Old, OutboxBatch, OutboxLease, OutboxResult, OutboxStart, OutboxTake,
    OutboxTarget, Page, PendingRemoval, Period, Person, Pruned, Question, Reclassified, ReclassifySummary,
    Recorded, ReplayedReport, ReviewCluster, ReviewReport, RewindSummary, Rows, Selection, Settlement,
    Standing, StopChange, StopFilter, StopOrder, StopRow, Stopped, Store, StoreError, Story, Subject,
    Summary, TargetNews, Trends, WatchedDomain, WatchedHost, WorkItem, WorkOutcome,
};

mod audit;
mod book;
mod brakes;
mod by_hand;
mod changes;
mod check;
mod column;
mod complete;
mod domains;
mod erase;
mod file;
mod hosts;
mod import;
mod incidents;
mod keys;
mod list;
mod load;
mod migrate;
mod names;
mod news;
mod open;
pub(crate) use erase::is_erased;
pub(crate) use open::fit_cache;
mod outbox;
mod outbox_desk;
mod outbox_fill;
mod person;
mod prune;
mod record;
mod replay;
mod review;
mod rewind;
mod roll_up;
mod seen;
mod story;
mod stream;
mod summary;
mod trends;
mod undo;
mod work;
mod write;

use book::Book;
pub(crate) use migrate::{APPLICATION_ID, SCHEMA};

/// A store in one SQLite file. One process may write at a time, any number may read.
pub struct SqlStore {
    connection: Connection,
    /// The seed of the address hashes: of this installation, so that collisions cannot be prepared.
    seed: u64,
    /// Who acts, for the audit log.
    actor: String,
    /// Numbers of domains and hosts that were lately used.
    domains: HashMap<Box<str>, i64>,
    hosts: HashMap<Box<str>, i64>,
    policy: PolicyCache,
    /// Commits of this connection.
    commits: u64,
}

/// Whether what was written stays.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Fate {
    Commit,
    RollBack,
}

impl SqlStore {
    /// Writes in one transaction, all or nothing.
    fn write<T>(
        &mut self,
        work: impl FnMut(&mut Book<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.write_or_try(Fate::Commit, work)
    }

    /// As [`SqlStore::write`], for what cannot be done again.
    fn write_once<T>(
        &mut self,
        work: impl FnOnce(&mut Book<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut work = Some(work);
        let outcome = self.try_once(Fate::Commit, &mut |book| match work.take() {
            Some(work) => work(book),
            None => Err(StoreError::Locked),
        });
        if outcome.is_err() {
            self.forget();
        }
        outcome
    }

    /// Numbers that were given in vain must not be used again.
    fn forget(&mut self) {
        self.domains.clear();
        self.hosts.clear();
        self.policy = None;
    }

    fn write_or_try<T>(
        &mut self,
        fate: Fate,
        mut work: impl FnMut(&mut Book<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut repeats = 0;
        loop {
            let outcome = self.try_once(fate, &mut work);
            if outcome.is_err() || fate == Fate::RollBack {
                self.forget();
            }
            match outcome {
                Err(error) if repeats < REPEATS_MAX && self.connection.is_worth_repeating(&error) => {
                    repeats += 1;
                }
                outcome => return outcome,
            }
        }
    }

    fn try_once<T>(
        &mut self,
        fate: Fate,
        work: &mut impl FnMut(&mut Book<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let transaction = Transaction::begin(&self.connection)?;
        let mut book =
            Book::new(&self.connection, self.seed, &self.actor, &mut self.domains, &mut self.hosts);
        let value = work(&mut book)?;
        book.finish()?;
        match fate {
            Fate::Commit => {
                transaction.commit()?;
                self.commits += 1;
                if self.commits.is_multiple_of(CACHE_FITTED_EVERY) {
                    self.connection.fit_cache()?;
                }
            }
            Fate::RollBack => {}
        }
        Ok(value)
    }
}

/// What is written between begin and commit; nothing, where it is dropped before.
struct Transaction<'a> {
    connection: &'a Connection,
    is_open: bool,
}

impl<'a> Transaction<'a> {
    fn begin(connection: &'a Connection) -> Result<Self, StoreError> {
        connection.begin()?;
        Ok(Self { connection, is_open: true })
    }

    fn commit(mut self) -> Result<(), StoreError> {
        self.connection.commit()?;
        self.is_open = false;
        Ok(())
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        if self.is_open {
            self.connection.roll_back();
        }
    }
}

impl Store for SqlStore {
    fn record(&mut self, messages: &[Message<'_>], policy: &Policy) -> Result<Vec<Recorded>, StoreError> {
        record::record(self, messages, policy)
    }

    fn check(&self, question: &Question, at: Timestamp) -> Result<Standing, StoreError> {
        check::check(self, question, at)
    }

    fn check_subject(&self, subject: &Subject, at: Timestamp) -> Result<Standing, StoreError> {
        check::check_subject(self, subject, at)
    }

    fn stops(
        &self,
        filter: &StopFilter,
        at: Timestamp,
        each: &mut dyn FnMut(StopRow) -> ControlFlow<()>,
    ) -> Result<u64, StoreError> {
        list::stops(self, filter, at, each)
    }

    fn stops_page(
        &self,
        filter: &StopFilter,
        page: Page,
        at: Timestamp,
    ) -> Result<Rows<StopRow>, StoreError> {
        list::page(self, filter, page, at)
    }

    fn stopped(&self, at: Timestamp) -> Result<Stopped, StoreError> {
        summary::stopped(self, at)
    }

    fn stop(&mut self, subject: &Subject, order: &StopOrder, at: Timestamp) -> Result<Standing, StoreError> {
        by_hand::stop(self, subject, order, at)
    }

    fn lift(&mut self, subject: &Subject, at: Timestamp, note: Option<&str>) -> Result<Standing, StoreError> {
        by_hand::lift(self, subject, None, at, note)
    }

    fn own_wish(&self, subject: &Subject, tenant: Option<&str>) -> Result<Option<Reason>, StoreError> {
        by_hand::own_wish(self, subject, tenant)
    }

    fn lift_of_tenant(
        &mut self,
        subject: &Subject,
        tenant: &str,
        at: Timestamp,
        note: Option<&str>,
    ) -> Result<Standing, StoreError> {
        by_hand::lift(self, subject, Some(tenant), at, note)
    }

    fn story(
        &self,
        subject: &Subject,
        at: Timestamp,
        decisions_max: u32,
    ) -> Result<Option<Story>, StoreError> {
        story::story(self, subject, at, decisions_max)
    }

    fn story_of_tenant(
        &self,
        subject: &Subject,
        tenant: &str,
        at: Timestamp,
        decisions_max: u32,
    ) -> Result<Option<Story>, StoreError> {
        story::story_of_tenant(self, subject, tenant, at, decisions_max)
    }

    fn decision(&self, id: i64) -> Result<Option<DecisionRecord>, StoreError> {
        self.decision_of_number(id)
    }

    fn decisions_after(
        &self,
        after: i64,
        tenant: Option<&str>,
        max: u32,
    ) -> Result<Vec<DecisionRecord>, StoreError> {
        stream::decisions_after(self, after, tenant, max)
    }

    fn newest_decision(&self) -> Result<i64, StoreError> {
        stream::newest_decision(self)
    }

    fn summary(&self, since: Option<Date>, at: Timestamp, rows_max: u32) -> Result<Summary, StoreError> {
        let period = Period { since, until: None };
        summary::summary(self, period, at, rows_max)
    }

    fn trends(&self, period: Period, at: Timestamp, rows_max: u32) -> Result<Trends, StoreError> {
        trends::trends(self, period, at, rows_max)
    }

    fn import_stops(
        &mut self,
        rows: &mut dyn Iterator<Item = ImportedStop>,
        mode: ImportMode,
        at: Timestamp,
    ) -> Result<ImportSummary, StoreError> {
        import::import_stops(self, rows, mode, at)
    }

    fn lease_due(
        &mut self,
        owner: &str,
        now: Timestamp,
        lease: Duration,
        max: u32,
    ) -> Result<Vec<WorkItem>, StoreError> {
        work::lease_due(self, owner, now, lease, max)
    }

    fn complete(
        &mut self,
        item: &WorkItem,
        outcome: &WorkOutcome,
        now: Timestamp,
    ) -> Result<Completed, StoreError> {
        complete::complete(self, item, outcome, now)
    }

    fn give_back(&mut self, item: &WorkItem, due_at: Timestamp) -> Result<(), StoreError> {
        work::give_back(self, item, due_at)
    }

    fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        work::next_due(self)
    }

    fn allow_return(
        &mut self,
        domain: &str,
        at: Timestamp,
        note: Option<&str>,
    ) -> Result<Option<Doubt>, StoreError> {
        complete::allow_return(self, domain, at, note)
    }

    fn look_now(&mut self, domain: &str, at: Timestamp) -> Result<(), StoreError> {
        work::look_now(self, domain, at)
    }

    fn domains(
        &self,
        filter: &DomainFilter,
        sort: DomainSort,
        page: Page,
        at: Timestamp,
    ) -> Result<Rows<WatchedDomain>, StoreError> {
        domains::domains(self, filter, sort, page, at)
    }

    fn claim(&self, domain: &str) -> Result<Option<Reason>, StoreError> {
        domains::claim(self, domain)
    }

    fn domain(&self, name: &str, at: Timestamp) -> Result<Option<DomainDetail>, StoreError> {
        domains::domain(self, name, at)
    }

    fn hosts(
        &self,
        filter: &HostFilter,
        sort: HostSort,
        page: Page,
    ) -> Result<Rows<WatchedHost>, StoreError> {
        hosts::hosts(self, filter, sort, page)
    }

    fn incidents(&self, filter: &IncidentFilter, page: Page) -> Result<Rows<Incident>, StoreError> {
        incidents::incidents(self, filter, page)
    }

    fn incident(&self, id: i64) -> Result<Option<IncidentStory>, StoreError> {
        incidents::incident(self, id)
    }

    fn close_incident(&mut self, id: i64, at: Timestamp, note: Option<&str>) -> Result<bool, StoreError> {
        self.write(|book| {
            let closed = incidents::close(book, id, at, note)?;
            if closed {
                let subject = id.to_string();
                let entry = AuditEntry { subject: Some(&subject), detail: note, ..AuditEntry::default() };
                book.audit(AuditAction::IncidentClosed, &entry, at)?;
            }
            Ok(closed)
        })
    }

    fn observations(&self, domain: &str, page: Page) -> Result<Rows<Observation>, StoreError> {
        domains::observations(self, domain, page)
    }

    fn refresh_brakes(&mut self, policy: &Policy, now: Timestamp) -> Result<Vec<BrakeRow>, StoreError> {
        self.write(|book| brakes::refresh(book, policy, now))
    }

    fn pending(&self, incident: Option<i64>, page: Page) -> Result<Rows<PendingRemoval>, StoreError> {
        brakes::pending(self, incident, page)
    }

    fn settle_pending(
        &mut self,
        incident: i64,
        settlement: Settlement,
        at: Timestamp,
        note: Option<&str>,
    ) -> Result<u64, StoreError> {
        self.write(|book| {
            let settled = brakes::settle(book, incident, settlement, at, note)?;
            if settled > 0 {
                let action = match settlement {
                    Settlement::Apply => AuditAction::PendingApplied,
                    Settlement::Drop => AuditAction::PendingDropped,
                };
                let (subject, detail) = (incident.to_string(), settled.to_string());
                let entry =
                    AuditEntry { subject: Some(&subject), detail: Some(&detail), ..AuditEntry::default() };
                book.audit(action, &entry, at)?;
            }
            Ok(settled)
        })
    }

    fn replay(
        &self,
        from: Timestamp,
        to: Timestamp,
        each: &mut dyn FnMut(ReplayedReport) -> ControlFlow<()>,
    ) -> Result<u64, StoreError> {
        replay::replay(self, from, to, each)
    }

    fn rewind(
        &mut self,
        selection: &Selection,
        mode: Mode,
        at: Timestamp,
        note: Option<&str>,
    ) -> Result<RewindSummary, StoreError> {
        // A preview is the same work, and then none of it.
        let fate = match mode {
            Mode::Preview => Fate::RollBack,
            Mode::Apply => Fate::Commit,
        };
        self.write_or_try(fate, |book| {
            let summary = rewind::rewind(book, selection, at, note)?;
            let (which, tenant) = (selection.to_string(), selection.tenant.as_deref());
            let entry = AuditEntry { subject: Some(&which), tenant, detail: note, ..AuditEntry::default() };
            book.audit(AuditAction::Rewind, &entry, at)?;
            Ok(summary)
        })
    }

    fn review_clusters(&self, page: Page) -> Result<Rows<ReviewCluster>, StoreError> {
        review::clusters(self, page)
    }

    fn review_reports(&self, cluster: Option<i64>, page: Page) -> Result<Rows<ReviewReport>, StoreError> {
        review::reports(self, cluster, page)
    }

    fn reclassify(
        &mut self,
        reports: &[Reclassified],
        policy: &Policy,
        at: Timestamp,
    ) -> Result<ReclassifySummary, StoreError> {
        review::reclassify(self, reports, policy, at)
    }

    fn policy_text(&self, fingerprint: &str) -> Result<Option<String>, StoreError> {
        changes::policy_text(self, fingerprint)
    }

    fn wait_for_server(&mut self, at_most: Duration) {
        self.connection.wait_for_server(at_most);
    }

    fn seed(&self) -> u64 {
        self.seed
    }

    fn changes_since(&self, seq: u64, max: u32) -> Result<Vec<StopChange>, StoreError> {
        changes::changes_since(self, seq, max)
    }

    fn outbox_begin(&mut self, target: &str, start: OutboxStart) -> Result<(), StoreError> {
        outbox::begin(self, target, start)
    }

    fn outbox_is_due(&self, target: &str, now: Timestamp) -> Result<bool, StoreError> {
        outbox::is_due(self, target, now)
    }

    fn outbox_take(
        &mut self,
        order: &OutboxTake<'_>,
        now: Timestamp,
    ) -> Result<Option<OutboxBatch>, StoreError> {
        outbox::take(self, order, now)
    }

    fn outbox_lease(
        &mut self,
        target: &str,
        owner: &str,
        lease: Duration,
        now: Timestamp,
    ) -> Result<Option<OutboxLease>, StoreError> {
        outbox::lease(self, target, owner, lease, now)
    }

    fn outbox_settle(
        &mut self,
        lease: &OutboxLease,
        results: &[(i64, OutboxResult)],
        news: &TargetNews,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        outbox::settle(self, lease, results, news, now)
    }

    fn outbox_targets(&self, now: Timestamp) -> Result<Vec<OutboxTarget>, StoreError> {
        outbox_desk::targets(self, now)
    }

    fn outbox_dead(&self, target: Option<&str>, page: Page) -> Result<Rows<DeadLetter>, StoreError> {
        outbox_desk::dead(self, target, page)
    }

    fn outbox_settle_dead(
        &mut self,
        which: &DeadLetters,
        fate: DeadFate,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        outbox_desk::settle_dead(self, which, fate, now)
    }

    fn outbox_resume(&mut self, target: &str) -> Result<bool, StoreError> {
        outbox_desk::resume(self, target)
    }

    fn outbox_forget(&mut self, target: &str) -> Result<bool, StoreError> {
        outbox_desk::forget(self, target)
    }

    fn erase(&mut self, address: &EmailAddress, at: Timestamp) -> Result<Erased, StoreError> {
        erase::erase(self, address, at)
    }

    fn export_key(&mut self) -> Result<ErasureKey, StoreError> {
        erase::export_key(self)
    }

    fn import_key(&mut self, key: &ErasureKey) -> Result<(), StoreError> {
        erase::import_key(self, key)
    }

    fn messages_about(&self, address: &EmailAddress) -> Result<Vec<ContentId>, StoreError> {
        person::messages_about(self, address)
    }

    fn is_forgotten(&self, address: &EmailAddress) -> Result<bool, StoreError> {
        SqlStore::is_forgotten(self, address)
    }

    fn person(&self, address: &EmailAddress, at: Timestamp) -> Result<Option<Person>, StoreError> {
        person::person(self, address, at)
    }

    fn prune(
        &mut self,
        old: Old,
        before: Timestamp,
        mode: Mode,
        from: Option<i64>,
        max: u32,
    ) -> Result<Pruned, StoreError> {
        let fate = match mode {
            Mode::Preview => Fate::RollBack,
            Mode::Apply => Fate::Commit,
        };
        let pruned = self.write_or_try(fate, |book| prune::prune(book, old, before, from, max))?;
        if pruned.next.is_none() && fate == Fate::Commit {
            // The old pages must not keep what was overwritten.
            prune::forget_old_pages(self);
        }
        Ok(pruned)
    }

    fn news_since(&self, id: i64, max: u32) -> Result<Vec<News>, StoreError> {
        news::news_since(self, id, max)
    }

    fn last_news(&self) -> Result<i64, StoreError> {
        news::last_news(self)
    }

    fn note(&self, name: &str) -> Result<Option<String>, StoreError> {
        news::note(self, name)
    }

    fn swap_note(&mut self, name: &str, before: Option<&str>, after: &str) -> Result<bool, StoreError> {
        news::swap_note(self, name, before, after)
    }

    fn act_as(&mut self, actor: &str) {
        actor.clone_into(&mut self.actor);
    }

    fn audit(&self, page: Page) -> Result<Rows<AuditRecord>, StoreError> {
        audit::records(self, page)
    }

    fn create_api_key(&mut self, key: &NewApiKey, at: Timestamp) -> Result<(), StoreError> {
        self.write(|book| keys::create(book, key, at))
    }

    fn api_keys(&self) -> Result<Vec<ApiKey>, StoreError> {
        keys::keys(self)
    }

    fn revoke_api_key(&mut self, name: &str, at: Timestamp) -> Result<bool, StoreError> {
        self.write(|book| keys::revoke(book, name, at))
    }
}
