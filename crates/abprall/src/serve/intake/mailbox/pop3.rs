//! POP3: one conversation after the other. What was understood is deleted when it is on the disk; the rest stays, and is known by its unique id.

mod conversation;

use std::collections::BTreeSet;
use std::time::Duration;

use abprall_wire::pop3::{Credentials, Pop3Action, Pop3Error, Pop3Message, Pop3Step, Secret};
use serde::{Deserialize, Serialize};

use super::backoff::Backoff;
use super::understood::Understanding;
use super::voice::Voice;
use super::{Taker, Trouble, remembered, secret};
use crate::serve::limits::{
    MAILBOX_BATCH_BYTES, MAILBOX_BATCH_MESSAGES, MESSAGE_BYTES_MAX, POP3_MESSAGES_A_CONVERSATION,
};
use crate::serve::settings::{Account, Login};
use conversation::Conversation;

/// Messages that stay on the server, by their unique ids.
#[derive(Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
struct Left {
    unique_ids: BTreeSet<String>,
}

pub(super) async fn watch(account: Account, interval: Duration, taker: Taker, voice: Voice) {
    let mut backoff = Backoff::new(account.retry);
    let mut watched = Watched { account, taker, voice };
    loop {
        let wait = match watched.converse().await {
            Ok(rest) => {
                watched.voice.well();
                backoff.reset();
                match rest {
                    Rest::Nothing => interval,
                    Rest::More => continue,
                }
            }
            Err(trouble) => {
                watched.voice.trouble(trouble);
                backoff.failed()
            }
        };
        tokio::time::sleep(wait).await;
    }
}

struct Watched {
    account: Account,
    taker: Taker,
    voice: Voice,
}

/// Whether there is more than one conversation takes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Rest {
    Nothing,
    More,
}

/// A message that was fetched.
struct Fetched {
    number: u32,
    unique_id: Option<String>,
    body: Vec<u8>,
}

impl Watched {
    async fn converse(&mut self) -> Result<Rest, Trouble> {
        let mut left: Left = remembered::load(&self.account.state)?;
        let mut conversation = Conversation::begin(&self.account, self.credentials().await?).await?;
        let listed = conversation.listing().await?;
        left.forget_all_but(&listed);
        let mut fresh = Vec::new();
        for message in listed {
            if message.unique_id.as_ref().is_some_and(|id| left.unique_ids.contains(id)) {
                continue;
            }
            if message.bytes > MESSAGE_BYTES_MAX {
                self.leave(&mut left, &message, "it is too large");
                continue;
            }
            fresh.push(message);
        }
        let rest = if fresh.len() > POP3_MESSAGES_A_CONVERSATION { Rest::More } else { Rest::Nothing };
        fresh.truncate(POP3_MESSAGES_A_CONVERSATION);
        let deleted = self.take(&mut conversation, fresh, &mut left).await;
        remembered::save(&left, &self.account.state)?;
        let deleted = deleted?;
        conversation.quit().await?;
        // Where nothing was deleted and nothing is remembered, the next conversation would be this one again.
        Ok(if deleted == 0 { Rest::Nothing } else { rest })
    }

    /// Fetches, keeps and marks. Gives how many are marked.
    async fn take(
        &mut self,
        conversation: &mut Conversation,
        fresh: Vec<Pop3Message>,
        left: &mut Left,
    ) -> Result<usize, Trouble> {
        let mut deleted = 0;
        let mut fresh = fresh.into_iter();
        loop {
            let (mut batch, mut bytes) = (Vec::new(), 0);
            while batch.len() < MAILBOX_BATCH_MESSAGES
                && bytes < MAILBOX_BATCH_BYTES
                && let Some(message) = fresh.next()
            {
                if let Some(body) = self.fetch(conversation, &message, left).await? {
                    bytes += body.len() as u64;
                    batch.push(Fetched { number: message.number, unique_id: message.unique_id, body });
                }
            }
            if batch.is_empty() {
                return Ok(deleted);
            }
            let bodies: Vec<_> = batch.iter_mut().map(|fetched| std::mem::take(&mut fetched.body)).collect();
            let understood = self.taker.take(&bodies).await?;
            for (fetched, understood) in batch.into_iter().zip(understood) {
                match understood {
                    Understanding::Understood => match conversation.delete(fetched.number).await? {
                        Pop3Action::Marked { .. } => deleted += 1,
                        _ => self.voice.about(
                            &fetched.unique_id.unwrap_or_else(|| fetched.number.to_string()),
                            "the server does not delete it",
                        ),
                    },
                    Understanding::NotUnderstood => left.unique_ids.extend(fetched.unique_id),
                }
            }
        }
    }

    /// `None` where the server does not give it.
    async fn fetch(
        &mut self,
        conversation: &mut Conversation,
        message: &Pop3Message,
        left: &mut Left,
    ) -> Result<Option<Vec<u8>>, Trouble> {
        match conversation.retrieve(message.number).await {
            Ok(Some(body)) => Ok(Some(body)),
            Ok(None) => {
                self.voice.about(&name(message), "the server does not give it; it stays there");
                Ok(None)
            }
            // It is larger than the listing says, and would break each conversation.
            Err(conversation::Ended::Said(
                error @ Pop3Error::TooMuch { waiting_for: Pop3Step::Retrieve },
            )) => {
                self.leave(left, message, "it is too large");
                Err(Trouble(error.to_string()))
            }
            Err(ended) => Err(ended.into()),
        }
    }

    fn leave(&mut self, left: &mut Left, message: &Pop3Message, why: &str) {
        self.voice.about(&name(message), &format!("{why}, and stays on the server"));
        left.unique_ids.extend(message.unique_id.clone());
    }

    async fn credentials(&self) -> Result<Credentials, Trouble> {
        let wrong = |error: abprall_wire::pop3::ParseSecretError| Trouble(error.to_string());
        let user = Secret::parse(&self.account.user).map_err(wrong)?;
        Ok(match &self.account.login {
            Login::Password(place) => {
                let password = Secret::parse(secret::read(place).await?.reveal()).map_err(wrong)?;
                Credentials::Password { user, password }
            }
            Login::Token(place) => {
                let token = Secret::parse(secret::read(place).await?.reveal()).map_err(wrong)?;
                Credentials::XOauth2 { user, token }
            }
        })
    }
}

fn name(message: &Pop3Message) -> String {
    match &message.unique_id {
        Some(id) => format!("message {id}"),
        None => format!("message {}", message.number),
    }
}

impl Left {
    /// What is not in the mailbox any more needs no memory.
    fn forget_all_but(&mut self, listed: &[Pop3Message]) {
        // A listing that was cut does not tell what is gone.
        if listed.len() < abprall_wire::limits::POP3_MESSAGES_MAX {
            let there: BTreeSet<_> =
                listed.iter().filter_map(|message| message.unique_id.as_deref()).collect();
            self.unique_ids.retain(|id| there.contains(&**id));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_still_there_is_remembered() {
        let mut left = Left { unique_ids: ["a".to_owned(), "b".to_owned()].into() };
        let message = |id: &str| Pop3Message { number: 1, bytes: 1, unique_id: Some(id.to_owned()) };
        left.forget_all_but(&[message("b"), message("c")]);
        assert_eq!(left.unique_ids, ["b".to_owned()].into());
    }
}
