//! The loop: what is there to tell, is it time, tell it, write down that it was told.

use std::collections::HashMap;
use std::time::Duration;

use abprall_store::{News, Store, StoreError};
use jiff::{SignedDuration, Timestamp};
use tokio::runtime::Handle;

use super::progress::{Kept, Targets, targets};
use super::settings::{NotifySettings, Way};
use super::topic::Topic;
use super::words::Message;
use super::{EVENTS_MAX, mail, post};

/// A relay that is away is asked again after this, then after twice as long, up to the longest.
const AGAIN_FIRST: SignedDuration = SignedDuration::from_secs(10);
const AGAIN_LAST: SignedDuration = SignedDuration::from_mins(10);

/// How often it is looked how the targets of the sync are.
const COUNTED_EVERY: SignedDuration = SignedDuration::from_mins(1);

/// Writes down where ways begin that are new. What happened before is not told.
///
/// # Errors
/// Where the database does not answer.
pub(crate) fn begin(store: &mut dyn Store, ways: &[NotifySettings]) -> Result<(), StoreError> {
    ways.iter().try_for_each(|way| Kept::read(store, &way.name).map(drop))
}

/// Tells all ways in turn.
pub(crate) struct Teller {
    /// Who we are among the servers of this database.
    who: String,
    runtime: Handle,
    /// Ways that failed: when they are tried again, and after how long.
    failed: HashMap<String, (Timestamp, SignedDuration)>,
    /// How the targets of the sync are, and when that was looked at.
    targets: Option<(Timestamp, Targets)>,
}

impl Teller {
    /// How often it is looked whether there is something to tell.
    pub(crate) const EVERY: Duration = Duration::from_secs(2);

    pub(crate) fn new(runtime: Handle) -> Self {
        let who = format!("{}-{}", std::process::id(), Timestamp::now().as_nanosecond());
        Self { who, runtime, failed: HashMap::new(), targets: None }
    }

    /// Ways that failed are tried at once.
    pub(crate) fn try_all_again(&mut self) {
        self.failed.clear();
    }

    /// Tells what there is to tell. What fails is in the log, and is tried again.
    pub(crate) fn tell(&mut self, store: &mut dyn Store, ways: &[NotifySettings], now: Timestamp) {
        self.failed.retain(|name, _| ways.iter().any(|way| way.name == *name));
        for way in ways {
            if self.failed.get(&way.name).is_some_and(|(again, _)| *again > now) {
                continue;
            }
            match self.tell_one(store, way, now) {
                Ok(()) => {
                    if self.failed.remove(&way.name).is_some() {
                        tracing::info!(way = way.name, "notifications are told again");
                    }
                }
                Err(error) => {
                    let wait = match self.failed.get(&way.name) {
                        Some((_, wait)) => (*wait * 2).min(AGAIN_LAST),
                        None => {
                            tracing::warn!(way = way.name, "cannot tell, trying again: {error:#}");
                            AGAIN_FIRST
                        }
                    };
                    self.failed.insert(way.name.clone(), (now + wait, wait));
                }
            }
        }
    }

    /// Counted once a minute: counting reads what waits.
    fn targets(&mut self, store: &dyn Store, now: Timestamp) -> Result<Targets, StoreError> {
        match &self.targets {
            Some((at, targets)) if now.duration_since(*at) < COUNTED_EVERY => Ok(targets.clone()),
            Some(_) | None => {
                let targets = targets(store)?;
                self.targets = Some((now, targets.clone()));
                Ok(targets)
            }
        }
    }

    fn tell_one(
        &mut self,
        store: &mut dyn Store,
        way: &NotifySettings,
        now: Timestamp,
    ) -> anyhow::Result<()> {
        let mut kept = Kept::read(store, &way.name)?;
        let news = store.news_since(kept.progress.told, EVENTS_MAX)?;
        let counted = self.targets(store, now)?;
        let is_known =
            |target: &String, dead: &u64| kept.progress.dead.get(target).is_some_and(|known| known >= dead);
        let mut fresh = counted.clone();
        fresh.dead.retain(|target, dead| way.topics.contains(&Topic::DeadLetters) && !is_known(target, dead));
        let is_told = |target: &String, taken: &u64| kept.progress.away.get(target) == Some(taken);
        fresh.away.retain(|target, taken| way.topics.contains(&Topic::TargetAway) && !is_told(target, taken));
        if news.is_empty() && counted.dead == kept.progress.dead && counted.away == kept.progress.away {
            return Ok(());
        }
        let last = news.last().map_or(kept.progress.told, |news| news.id);
        let told: Vec<(Topic, News)> = news
            .into_iter()
            .filter_map(|news| Some((Topic::of(&news).filter(|topic| way.topics.contains(topic))?, news)))
            .collect();
        // Targets wait for no others: who is told of them has to do something.
        let has_targets = fresh != Targets::default();
        let first = told.first().map(|(_, first)| first.at).or(has_targets.then_some(Timestamp::UNIX_EPOCH));
        if first.is_some_and(|first| !way.timing.is_due(first, now, &kept.progress.sent)) {
            return Ok(());
        }
        if !kept.claim(store, &self.who, now)? {
            return Ok(());
        }
        let is_nothing = told.is_empty() && !has_targets;
        let sent = if is_nothing { Ok(()) } else { self.send(way, &told, &fresh, now) };
        if sent.is_ok() {
            kept.progress.told = last;
            kept.progress.sent = way.timing.within_the_hour(now, &kept.progress.sent).collect();
            kept.progress.dead = counted.dead;
            kept.progress.away = counted.away;
            if !is_nothing {
                kept.progress.sent.push(now);
            }
        }
        kept.release(store)?;
        sent
    }

    fn send(
        &self,
        way: &NotifySettings,
        told: &[(Topic, News)],
        targets: &Targets,
        now: Timestamp,
    ) -> anyhow::Result<()> {
        let message = Message::new(told, targets, way.language, now);
        match &way.way {
            Way::Mail(settings) => mail::send(settings, &message, now)?,
            Way::Webhook(settings) => self.runtime.block_on(post::send(settings, &message, now))?,
        }
        tracing::info!(way = way.name, events = message.events.len(), "told");
        Ok(())
    }
}
