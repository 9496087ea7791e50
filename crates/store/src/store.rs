//! What every store can do, whatever database is below it.

use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use abprall_mail::{EmailAddress, Reason};
use abprall_policy::{Doubt, Policy};
use jiff::Timestamp;
use jiff::civil::Date;

use crate::{
    ApiKey, AuditRecord, BrakeRow, Completed, ContentId, DeadFate, DeadLetter, DeadLetters, DecisionRecord,
    DomainDetail, DomainFilter, DomainSort, Erased, ErasureKey, HostFilter, HostSort, ImportMode,
    ImportSummary, ImportedStop, Incident, IncidentFilter, IncidentStory, Message, Mode, NewApiKey, News,
    Observation, Old, OutboxBatch, OutboxLease, OutboxResult, OutboxStart, OutboxTake, OutboxTarget, Page,
    PendingRemoval, Period, Person, Pruned, Question, Reclassified, ReclassifySummary, Recorded,
    ReplayedReport, ReviewCluster, ReviewReport, RewindSummary, Rows, Selection, Settlement, SqlStore,
    Standing, StopChange, StopFilter, StopOrder, StopRow, Stopped, StoreError, Story, Subject, Summary,
    TargetNews, Trends, WatchedDomain, WatchedHost, WorkItem, WorkOutcome,
};

/// What is remembered: messages, reports, decisions, what is stopped, what is watched.
///
/// Calls block; callers in asynchronous code use a thread. Time is always a value of the caller. Whatever changes something is all
/// or nothing, and on the disk when the call returns. Every error leaves all as it was before the call.
pub trait Store: Send {
    // --- reports and decisions

    /// Decides and remembers a batch of messages. A message whose content is known changes nothing.
    fn record(&mut self, messages: &[Message<'_>], policy: &Policy) -> Result<Vec<Recorded>, StoreError>;

    /// May it be sent to? The hardest stop counts: of the address, its domain, or all of its mail hosts.
    fn check(&self, question: &Question, at: Timestamp) -> Result<Standing, StoreError>;

    /// How an address (as [`Store::check`], for mail of nobody in particular), a domain or a mail host stands.
    fn check_subject(&self, subject: &Subject, at: Timestamp) -> Result<Standing, StoreError>;

    /// Hands all that is stopped to `each`, whole domains first, without ever holding all of it, until `each` breaks off. Gives how
    /// many were handed over.
    fn stops(
        &self,
        filter: &StopFilter,
        at: Timestamp,
        each: &mut dyn FnMut(StopRow) -> ControlFlow<()>,
    ) -> Result<u64, StoreError>;

    /// One page of what [`Store::stops`] lists. A page may be some rows longer: all stops of one subject stand on one.
    fn stops_page(&self, filter: &StopFilter, page: Page, at: Timestamp)
    -> Result<Rows<StopRow>, StoreError>;

    /// How much is stopped.
    fn stopped(&self, at: Timestamp) -> Result<Stopped, StoreError>;

    /// A person stops somebody. Gives how it stands now, for the mail that was meant.
    fn stop(&mut self, subject: &Subject, order: &StopOrder, at: Timestamp) -> Result<Standing, StoreError>;

    /// A person lifts all stops of just this subject, for whatever mail. Gives how it stood before: `ok` means that there was nothing.
    fn lift(&mut self, subject: &Subject, at: Timestamp, note: Option<&str>) -> Result<Standing, StoreError>;

    /// Whether this very subject is stopped by its owner's own wish (complaint, unsubscribe), for whatever mail, or for that of one
    /// tenant: then [`Store::lift`] wants their consent.
    fn own_wish(&self, subject: &Subject, tenant: Option<&str>) -> Result<Option<Reason>, StoreError>;

    /// As [`Store::lift`], but only the stops of one tenant; those of the whole house stay.
    fn lift_of_tenant(
        &mut self,
        subject: &Subject,
        tenant: &str,
        at: Timestamp,
        note: Option<&str>,
    ) -> Result<Standing, StoreError>;

    /// All that is known about a subject; `None` where nothing is. At most `decisions_max` decisions and as many addresses.
    fn story(
        &self,
        subject: &Subject,
        at: Timestamp,
        decisions_max: u32,
    ) -> Result<Option<Story>, StoreError>;

    /// As [`Store::story`], as far as it is one tenant's: its own decisions, and how the subject stands for its mail.
    fn story_of_tenant(
        &self,
        subject: &Subject,
        tenant: &str,
        at: Timestamp,
        decisions_max: u32,
    ) -> Result<Option<Story>, StoreError>;

    /// One decision.
    fn decision(&self, id: i64) -> Result<Option<DecisionRecord>, StoreError>;

    /// The decisions after the one with this number, in the order in which they were committed, at most `max`; only those of a tenant
    /// where one is named.
    fn decisions_after(
        &self,
        after: i64,
        tenant: Option<&str>,
        max: u32,
    ) -> Result<Vec<DecisionRecord>, StoreError>;

    /// The number of the newest decision; 0 where there is none.
    fn newest_decision(&self) -> Result<i64, StoreError>;

    /// How things stand altogether, since a day. Reads roll-ups, not the reports.
    fn summary(&self, since: Option<Date>, at: Timestamp, rows_max: u32) -> Result<Summary, StoreError>;

    /// How things went over a period: [`Store::summary`] with days, providers and recoveries. Reads roll-ups, not the reports.
    fn trends(&self, period: Period, at: Timestamp, rows_max: u32) -> Result<Trends, StoreError>;

    /// Takes over stops from elsewhere. A subject that is stopped as hard already stays as it is.
    fn import_stops(
        &mut self,
        rows: &mut dyn Iterator<Item = ImportedStop>,
        mode: ImportMode,
        at: Timestamp,
    ) -> Result<ImportSummary, StoreError>;

    // --- watch

    /// Leases what is due, at most `max` items, to `owner` until `now + lease`.
    fn lease_due(
        &mut self,
        owner: &str,
        now: Timestamp,
        lease: Duration,
        max: u32,
    ) -> Result<Vec<WorkItem>, StoreError>;

    /// Stores what came of an item and puts down what is due next.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] where somebody else has taken, or done, the item.
    fn complete(
        &mut self,
        item: &WorkItem,
        outcome: &WorkOutcome,
        now: Timestamp,
    ) -> Result<Completed, StoreError>;

    /// Puts an item back, due at `due_at`: it could not be done.
    fn give_back(&mut self, item: &WorkItem, due_at: Timestamp) -> Result<(), StoreError>;

    /// Asks for a domain to be looked at now: a person wants it, or an event (a delivery, a new MX) suggests it.
    fn look_now(&mut self, domain: &str, at: Timestamp) -> Result<(), StoreError>;

    /// When the next item is due, or its lease ends; `None`: nothing is watched.
    fn next_due(&self) -> Result<Option<Timestamp>, StoreError>;

    /// A person allows a domain back that only a person may let back. Gives why it waited; `None`: it does not wait for anybody, and
    /// nothing has changed.
    fn allow_return(
        &mut self,
        domain: &str,
        at: Timestamp,
        note: Option<&str>,
    ) -> Result<Option<Doubt>, StoreError>;

    /// Recipient domains with their health and what is stopped.
    fn domains(
        &self,
        filter: &DomainFilter,
        sort: DomainSort,
        page: Page,
        at: Timestamp,
    ) -> Result<Rows<WatchedDomain>, StoreError>;

    /// What bounces claim of the domain's mail routing: the newest reason of the way there or of the domain itself, by day. That a queue
    /// gave up says the least, and counts only where nothing else was said. `None`: no failure spoke of the way there.
    fn claim(&self, domain: &str) -> Result<Option<Reason>, StoreError>;

    /// All that a decision about a domain needs; `None` where it is not known.
    fn domain(&self, name: &str, at: Timestamp) -> Result<Option<DomainDetail>, StoreError>;

    /// Mail hosts, by reports and by looks.
    fn hosts(&self, filter: &HostFilter, sort: HostSort, page: Page)
    -> Result<Rows<WatchedHost>, StoreError>;

    /// Incidents, newest first.
    fn incidents(&self, filter: &IncidentFilter, page: Page) -> Result<Rows<Incident>, StoreError>;

    /// One incident with its timeline.
    fn incident(&self, id: i64) -> Result<Option<IncidentStory>, StoreError>;

    /// Closes an incident: a person says so, or the watch.
    fn close_incident(&mut self, id: i64, at: Timestamp, note: Option<&str>) -> Result<bool, StoreError>;

    /// The looks at a domain, newest first.
    fn observations(&self, domain: &str, page: Page) -> Result<Rows<Observation>, StoreError>;

    /// Judges the brakes that are on by the clock, and the whole house by how much began to fail within the policy's window; writes
    /// down what froze or thawed. Gives all that are frozen afterwards, and those that thawed.
    fn refresh_brakes(&mut self, policy: &Policy, now: Timestamp) -> Result<Vec<BrakeRow>, StoreError>;

    /// Removals that wait for the end of an incident; `None`: of all incidents.
    fn pending(&self, incident: Option<i64>, page: Page) -> Result<Rows<PendingRemoval>, StoreError>;

    /// Carries all pending removals of an incident out, or drops them. Gives how many.
    fn settle_pending(
        &mut self,
        incident: i64,
        settlement: Settlement,
        at: Timestamp,
        note: Option<&str>,
    ) -> Result<u64, StoreError>;

    // --- undo and try

    /// Hands the reports whose decisions were taken in a window to `each`, oldest first, until it breaks off.
    fn replay(
        &self,
        from: Timestamp,
        to: Timestamp,
        each: &mut dyn FnMut(ReplayedReport) -> ControlFlow<()>,
    ) -> Result<u64, StoreError>;

    /// Undoes the decisions of a window, each by a new one.
    fn rewind(
        &mut self,
        selection: &Selection,
        mode: Mode,
        at: Timestamp,
        note: Option<&str>,
    ) -> Result<RewindSummary, StoreError>;

    /// What waits for a person, largest clusters first.
    fn review_clusters(&self, page: Page) -> Result<Rows<ReviewCluster>, StoreError>;

    /// The waiting reports of a cluster, or of all.
    fn review_reports(&self, cluster: Option<i64>, page: Page) -> Result<Rows<ReviewReport>, StoreError>;

    /// Decides waiting reports anew by a new judgement.
    fn reclassify(
        &mut self,
        reports: &[Reclassified],
        policy: &Policy,
        at: Timestamp,
    ) -> Result<ReclassifySummary, StoreError>;

    /// The policy with this fingerprint, in words; `None` where no decision was taken by it.
    fn policy_text(&self, fingerprint: &str) -> Result<Option<String>, StoreError>;

    /// How long a call waits for a database server that went away; a minute where nobody says it.
    fn wait_for_server(&mut self, at_most: Duration);

    // --- the suppression index

    /// The seed of the fingerprints.
    fn seed(&self) -> u64;

    /// Changes of what is stopped after the change `seq`, oldest first, at most `max`.
    fn changes_since(&self, seq: u64, max: u32) -> Result<Vec<StopChange>, StoreError>;

    // --- the outbox: what lists are told

    /// Makes a target known; one that is known goes on where it was.
    fn outbox_begin(&mut self, target: &str, start: OutboxStart) -> Result<(), StoreError>;

    /// Whether [`Store::outbox_take`] may find something to tell a target. Reads only.
    fn outbox_is_due(&self, target: &str, now: Timestamp) -> Result<bool, StoreError>;

    /// What a target is to be told now; `None` where somebody else is telling it, or it is to be left alone. The decisions that were
    /// taken since the last time become items in the same transaction that moves the target's place among them.
    fn outbox_take(
        &mut self,
        order: &OutboxTake<'_>,
        now: Timestamp,
    ) -> Result<Option<OutboxBatch>, StoreError>;

    /// Takes only the right to tell a target something; `None` where somebody else has it.
    fn outbox_lease(
        &mut self,
        target: &str,
        owner: &str,
        lease: Duration,
        now: Timestamp,
    ) -> Result<Option<OutboxLease>, StoreError>;

    /// Writes down what came of items, by their numbers, and ends the lease. Items that are not named stay as they are.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] where the lease was over and somebody else has taken it: they are told again.
    fn outbox_settle(
        &mut self,
        lease: &OutboxLease,
        results: &[(i64, OutboxResult)],
        news: &TargetNews,
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// All targets that were ever told something.
    fn outbox_targets(&self, now: Timestamp) -> Result<Vec<OutboxTarget>, StoreError>;

    /// What was given up, of one target or of all.
    fn outbox_dead(&self, target: Option<&str>, page: Page) -> Result<Rows<DeadLetter>, StoreError>;

    /// Tries dead letters again, or forgets them. Gives how many.
    fn outbox_settle_dead(
        &mut self,
        which: &DeadLetters,
        fate: DeadFate,
        now: Timestamp,
    ) -> Result<u64, StoreError>;

    /// Tells a target again that wanted to hear nothing more, or is waited for. Gives whether there is such a one.
    fn outbox_resume(&mut self, target: &str) -> Result<bool, StoreError>;

    /// Forgets a target with all that it was not told. Gives whether there was one.
    fn outbox_forget(&mut self, target: &str) -> Result<bool, StoreError>;

    // --- people who want to be forgotten

    /// Forgets an address: only a keyed hash stays, by which it is still recognised and, if it was, still stopped.
    fn erase(&mut self, address: &EmailAddress, at: Timestamp) -> Result<Erased, StoreError>;

    /// What keeps erased people stopped, for a move.
    fn export_key(&mut self) -> Result<ErasureKey, StoreError>;

    /// Takes the key of another installation over; only into a store without addresses.
    fn import_key(&mut self, key: &ErasureKey) -> Result<(), StoreError>;

    /// All that is known of a person; `None` where nothing is.
    fn person(&self, address: &EmailAddress, at: Timestamp) -> Result<Option<Person>, StoreError>;

    /// The messages that hold a report about a person, also where their mail failed at another address, or another's mail at theirs.
    /// Of somebody who was forgotten, they are still known.
    fn messages_about(&self, address: &EmailAddress) -> Result<Vec<ContentId>, StoreError>;

    /// Whether only a keyed hash is left of an address.
    fn is_forgotten(&self, address: &EmailAddress) -> Result<bool, StoreError>;

    /// One step of a cleaning of what is older than `before`, over at most `max` rows. `from` is [`Pruned::next`] of the step before;
    /// `None` begins, where texts were emptied already behind those.
    fn prune(
        &mut self,
        old: Old,
        before: Timestamp,
        mode: Mode,
        from: Option<i64>,
        max: u32,
    ) -> Result<Pruned, StoreError>;

    // --- telling people

    /// Events of incidents after the event `id`, oldest first, at most `max`.
    fn news_since(&self, id: i64, max: u32) -> Result<Vec<News>, StoreError>;

    /// The newest event of any incident; 0 where there is none.
    fn last_news(&self) -> Result<i64, StoreError>;

    /// What a part of the program wrote down under a name; `None`: nothing yet.
    fn note(&self, name: &str) -> Result<Option<String>, StoreError>;

    /// Writes a note in the place of what was there `before`. Gives false, and changes nothing, where it is another one by now.
    fn swap_note(&mut self, name: &str, before: Option<&str>, after: &str) -> Result<bool, StoreError>;

    // --- programs with keys, and who changed what

    /// Says who changes things from here on, for the audit log: `command` where nobody says so.
    fn act_as(&mut self, actor: &str);

    /// Who changed what, newest first.
    fn audit(&self, page: Page) -> Result<Rows<AuditRecord>, StoreError>;

    /// Makes a key for a program.
    ///
    /// # Errors
    /// [`StoreError::Exists`] where a key in use has the name.
    fn create_api_key(&mut self, key: &NewApiKey, at: Timestamp) -> Result<(), StoreError>;

    /// All keys that were ever made, oldest first.
    fn api_keys(&self) -> Result<Vec<ApiKey>, StoreError>;

    /// Takes a key back. Gives whether there was one of that name.
    fn revoke_api_key(&mut self, name: &str, at: Timestamp) -> Result<bool, StoreError>;
}

/// Opens a store: a path names a SQLite file, `postgres://…` or `host=… dbname=…` a PostgreSQL database. Makes it where there is
/// none, and brings it to the newest schema.
///
/// # Errors
/// Where it cannot be opened, is none of ours, or is one of a newer Abprall.
pub fn open_store(place: &str) -> Result<Box<dyn Store>, StoreError> {
    match StorePlace::of(place) {
        StorePlace::File(path) => Ok(Box::new(SqlStore::open(path)?)),
        StorePlace::Postgres(place) => Ok(Box::new(SqlStore::open_postgres(place)?)),
    }
}

/// Opens a store to ask it something.
///
/// # Errors
/// As [`open_store`], and [`StoreError::Missing`] where there is none.
pub fn open_existing_store(place: &str) -> Result<Box<dyn Store>, StoreError> {
    match StorePlace::of(place) {
        StorePlace::File(path) => Ok(Box::new(SqlStore::open_existing(path)?)),
        StorePlace::Postgres(place) => Ok(Box::new(SqlStore::open_existing_postgres(place)?)),
    }
}

/// Where a store is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum StorePlace<'a> {
    /// A SQLite file.
    File(&'a Path),
    /// What `libpq` calls a connection string.
    Postgres(&'a str),
}

impl<'a> StorePlace<'a> {
    /// Reads what `--store` says.
    pub fn of(place: &'a str) -> Self {
        let is_url = place.starts_with("postgres://") || place.starts_with("postgresql://");
        let is_pairs = ["host=", "dbname=", "hostaddr=", "service="].iter().any(|key| place.starts_with(key));
        if is_url || is_pairs { Self::Postgres(place) } else { Self::File(Path::new(place)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_file_a_url_or_pairs_are_postgresql() {
        assert_eq!(StorePlace::of("./abprall.db"), StorePlace::File(Path::new("./abprall.db")));
        assert_eq!(StorePlace::of("postgres.db"), StorePlace::File(Path::new("postgres.db")));
        for place in ["postgres://u@h/d", "postgresql:///d", "host=/run/postgresql dbname=abprall"] {
            assert_eq!(StorePlace::of(place), StorePlace::Postgres(place));
        }
    }
}
