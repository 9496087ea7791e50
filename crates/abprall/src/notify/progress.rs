//! Up to where something was told, as the database keeps it. Several servers may share a database: one of them tells at a time.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use abprall_store::{Store, StoreError};

/// One that is told, and has not come back by then, has died.
const CLAIM: SignedDuration = SignedDuration::from_mins(3);

#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub(super) struct Progress {
    /// The last event that was told, or need not be.
    pub(super) told: i64,
    /// Dead letters of each target, as far as they were told.
    #[serde(default)]
    pub(super) dead: BTreeMap<String, u64>,
    /// Targets that were told to be away; each with what it had taken by then, so that the next time is another.
    #[serde(default)]
    pub(super) away: BTreeMap<String, u64>,
    /// When messages went out, within the last hour.
    #[serde(default)]
    pub(super) sent: Vec<Timestamp>,
    /// Who tells now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    owner: Option<(String, Timestamp)>,
}

/// The progress of one way, with what lies in the database.
pub(super) struct Kept {
    name: String,
    text: Option<String>,
    pub(super) progress: Progress,
}

impl Kept {
    /// Reads it. A new way begins now: nobody wants to be told of the last years.
    pub(super) fn read(store: &mut dyn Store, way: &str) -> Result<Self, StoreError> {
        let name = format!("notify:{way}");
        let text = store.note(&name)?;
        let progress = text.as_deref().and_then(|text| serde_json::from_str(text).ok());
        let Some(progress) = progress else {
            let Targets { dead, away } = targets(store)?;
            let progress = Progress { told: store.last_news()?, dead, away, ..Progress::default() };
            let mut kept = Self { name, text, progress };
            kept.write(store)?;
            return Ok(kept);
        };
        Ok(Self { name, text, progress })
    }

    /// Takes the turn, unless somebody else has it.
    pub(super) fn claim(
        &mut self,
        store: &mut dyn Store,
        who: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let taken = self.progress.owner.as_ref().is_some_and(|(owner, until)| owner != who && *until > now);
        if taken {
            return Ok(false);
        }
        self.progress.owner = Some((who.to_owned(), now + CLAIM));
        self.write(store)
    }

    /// Gives the turn back.
    pub(super) fn release(&mut self, store: &mut dyn Store) -> Result<bool, StoreError> {
        self.progress.owner = None;
        self.write(store)
    }

    /// Gives false where somebody else was faster: then nothing is written.
    fn write(&mut self, store: &mut dyn Store) -> Result<bool, StoreError> {
        let text = serde_json::to_string(&self.progress).unwrap_or_default();
        let written = store.swap_note(&self.name, self.text.as_deref(), &text)?;
        if written {
            self.text = Some(text);
        }
        Ok(written)
    }
}

/// How often in a row a target took nothing until people are told. With the usual pauses that is a quarter of an hour: a restart, or an
/// update, is over by then.
const AWAY_FAILURES: u32 = 12;

/// Targets that people are told of.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Targets {
    /// How many dead letters each has that has any.
    pub(super) dead: BTreeMap<String, u64>,
    /// Those that have been away for a while, each with what it has taken so far.
    pub(super) away: BTreeMap<String, u64>,
}

pub(super) fn targets(store: &dyn Store) -> Result<Targets, StoreError> {
    let mut targets = Targets::default();
    for target in store.outbox_targets(Timestamp::now())? {
        if target.failures >= AWAY_FAILURES && !target.disabled {
            targets.away.insert(target.name.clone(), target.told);
        }
        if target.dead > 0 {
            targets.dead.insert(target.name, target.dead);
        }
    }
    Ok(targets)
}
