//! IMAP (RFC 3501) with IDLE (RFC 2177) and MOVE (RFC 6851). Messages are taken in the order of their UIDs; what is remembered of a mailbox is
//! the UID up to which all were taken.

mod answer;
mod metered;
mod session;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::backoff::Backoff;
use super::understood::Understanding;
use super::voice::Voice;
use super::{Taker, Trouble, remembered};
use crate::serve::limits::{
    IMAP_WITHHELD_MAX, MAILBOX_BATCH_BYTES, MAILBOX_BATCH_MESSAGES, MESSAGE_BYTES_MAX,
};
use crate::serve::settings::{Arrival, ImapSettings};
use session::{Listed, Session};

/// What was seen of a mailbox. UIDs only grow as long as their validity stays the same (RFC 3501 §2.3.1.1).
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
struct Seen {
    uid_validity: u32,
    uid: u32,
}

/// Keeps a conversation going, over all that happens to it.
pub(super) async fn watch(settings: ImapSettings, interval: Duration, taker: Taker, voice: Voice) {
    let mut backoff = Backoff::new(settings.account.retry);
    let mut watched = Watched { settings, interval, taker, voice, withheld: Withheld::default() };
    loop {
        let trouble = watched.converse(&mut backoff).await;
        watched.voice.trouble(trouble);
        tokio::time::sleep(backoff.failed()).await;
    }
}

struct Watched {
    settings: ImapSettings,
    interval: Duration,
    taker: Taker,
    voice: Voice,
    withheld: Withheld,
}

/// A message that the server lists and does not give.
#[derive(Default)]
struct Withheld {
    uid: u32,
    times: u32,
}

impl Watched {
    /// One connection; it ends with what went wrong.
    async fn converse(&mut self, backoff: &mut Backoff) -> Trouble {
        match self.try_converse(backoff).await {
            Ok(never) => match never {},
            Err(trouble) => trouble,
        }
    }

    async fn try_converse(&mut self, backoff: &mut Backoff) -> Result<std::convert::Infallible, Trouble> {
        let mut session = Session::log_in(&self.settings.account).await?;
        if let Some(processed) = &self.settings.processed {
            session.create(processed).await?;
        }
        let uid_validity = session.select(&self.settings.folder).await?;
        loop {
            let mut seen: Seen = remembered::load(&self.settings.account.state)?;
            if seen.uid_validity != uid_validity {
                seen = Seen { uid_validity, uid: 0 };
            }
            while self.take(&mut session, &mut seen).await? == Rest::More {}
            self.voice.well();
            backoff.reset();
            session = match self.settings.arrival {
                Arrival::Idle if session.can_idle() => session.idle(self.settings.idle).await?,
                Arrival::Idle | Arrival::Poll => {
                    tokio::time::sleep(self.interval).await;
                    session.no_operation().await?;
                    session
                }
            };
        }
    }

    /// Takes what was not seen yet, as much as is listed at a time; until there is nothing more.
    async fn take(&mut self, session: &mut Session, seen: &mut Seen) -> Result<Rest, Trouble> {
        let Some(first) = seen.uid.checked_add(1) else { return Ok(Rest::Nothing) };
        let listed = session.list(first).await?;
        if listed.is_empty() {
            return Ok(Rest::Nothing);
        }
        for batch in batches(&listed) {
            let Progress { uid, understood } = self.take_batch(session, batch).await?;
            if let Some(processed) = &self.settings.processed
                && !understood.is_empty()
            {
                session.put(&understood, processed).await?;
            }
            // Remembered after they were moved: those that were not are seen again, and known.
            if uid > seen.uid {
                seen.uid = uid;
                remembered::save(seen, &self.settings.account.state)?;
            }
            if batch.last().is_none_or(|end| uid < end.uid) {
                break;
            }
        }
        // What came meanwhile was told during some command, and is not told again: only an empty listing is the end.
        Ok(Rest::More)
    }

    /// Fetches and keeps some messages.
    async fn take_batch(&mut self, session: &mut Session, batch: &[Listed]) -> Result<Progress, Trouble> {
        let (mut wanted, mut done) = (Vec::new(), 0);
        for message in batch {
            if u64::from(message.bytes) <= MESSAGE_BYTES_MAX {
                wanted.push(message.uid);
            } else {
                let mebibytes = MESSAGE_BYTES_MAX / 1024 / 1024;
                let what = format!("the message with UID {}", message.uid);
                self.voice.about(&what, &format!("it is larger than {mebibytes} MiB, and stays where it is"));
            }
        }
        let (mut uids, mut bodies) = (Vec::new(), Vec::new());
        for (uid, body) in session.fetch(&wanted).await? {
            uids.push(uid);
            bodies.push(body);
        }
        let understood = self.taker.take(&bodies).await?;
        // What the server did not give is asked for again, unless it is gone meanwhile: the next listing tells. What comes after it waits.
        let missing = wanted.iter().copied().find(|uid| !uids.contains(uid));
        for message in batch {
            if missing == Some(message.uid) && !self.is_given_up(message.uid) {
                break;
            }
            done = message.uid;
        }
        let is_understood = |(uid, understood): (u32, Understanding)| match understood {
            Understanding::Understood if uid <= done => Some(uid),
            Understanding::Understood | Understanding::NotUnderstood => None,
        };
        Ok(Progress {
            uid: done,
            understood: uids.into_iter().zip(understood).filter_map(is_understood).collect(),
        })
    }

    fn is_given_up(&mut self, uid: u32) -> bool {
        if self.withheld.uid != uid {
            self.withheld = Withheld { uid, times: 0 };
        }
        self.withheld.times += 1;
        let given_up = self.withheld.times > IMAP_WITHHELD_MAX;
        if given_up {
            let what = format!("the message with UID {uid}");
            self.voice.about(&what, "the server lists it and does not give it; it stays where it is");
        }
        given_up
    }
}

/// Whether another look is worth it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Rest {
    Nothing,
    More,
}

/// How far some messages were taken.
struct Progress {
    /// All up to here.
    uid: u32,
    /// Those that are done with.
    understood: Vec<u32>,
}

/// As many as are fetched and kept together.
fn batches(listed: &[Listed]) -> impl Iterator<Item = &[Listed]> {
    let mut rest = listed;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = |message: &&Listed| {
            bytes += u64::from(message.bytes);
            bytes <= MAILBOX_BATCH_BYTES
        };
        let count = rest.iter().take(MAILBOX_BATCH_MESSAGES).take_while(fits).count().max(1).min(rest.len());
        let (batch, after) = rest.split_at(count);
        rest = after;
        (!batch.is_empty()).then_some(batch)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_taken_in_order_and_in_bounded_portions() {
        let large = u32::try_from(MAILBOX_BATCH_BYTES).unwrap_or(u32::MAX);
        let sizes = [10, large - 5, 20, u32::MAX, 30, 40];
        let listed: Vec<_> =
            sizes.iter().zip(1..).map(|(bytes, uid)| Listed { uid, bytes: *bytes }).collect();
        let portions: Vec<Vec<u32>> =
            batches(&listed).map(|batch| batch.iter().map(|message| message.uid).collect()).collect();
        assert_eq!(portions, [vec![1], vec![2], vec![3], vec![4], vec![5, 6]]);
        let many: Vec<_> = (1..=450).map(|uid| Listed { uid, bytes: 1 }).collect();
        assert_eq!(batches(&many).map(<[Listed]>::len).collect::<Vec<_>>(), [200, 200, 50]);
    }
}
