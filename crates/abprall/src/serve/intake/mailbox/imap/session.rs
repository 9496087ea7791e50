//! One conversation with an IMAP server, bounded in time and memory.

use std::time::Duration;

use async_imap::Authenticator;
use async_imap::error::Error;
use async_imap::types::{Fetch, UnsolicitedResponse};
use futures_util::{Stream as Flow, StreamExt};
use tokio::time::timeout;

use super::answer::{closed, late, trouble};
use super::metered::{Meter, Metered};
use crate::serve::intake::mailbox::secret::{self, Secret};
use crate::serve::intake::mailbox::{Trouble, tls};
use crate::serve::limits::{
    IMAP_ANSWER_MAX, IMAP_LISTING_MAX, IMAP_TALK_BYTES_MAX, MAILBOX_BATCH_BYTES, MAILBOX_LISTED_MAX,
    MESSAGE_BYTES_MAX,
};
use crate::serve::listen::Stream;
use crate::serve::settings::{Account, Encryption, Login};

type Wire = Metered<Box<dyn Stream>>;

/// A message of a mailbox.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Listed {
    pub(super) uid: u32,
    /// As the server says.
    pub(super) bytes: u32,
}

/// Logged in.
pub(super) struct Session {
    imap: async_imap::Session<Wire>,
    meter: Meter,
    moving: Moving,
    idling: Idling,
}

/// How a message gets into another mailbox.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Moving {
    Move,
    /// Copied, marked and expunged by its UID (RFC 4315).
    CopyExpunge,
    /// Copied and marked. A plain EXPUNGE would delete what others have marked.
    CopyMark,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Idling {
    Offered,
    NotOffered,
}

impl Session {
    pub(super) async fn log_in(account: &Account) -> Result<Self, Trouble> {
        let meter = Meter::new(IMAP_TALK_BYTES_MAX);
        let client = connect(account, &meter).await?;
        let mut imap = in_time("login", authenticate(client, account)).await?;
        meter.allow(IMAP_TALK_BYTES_MAX);
        let offered = in_time("CAPABILITY", async {
            imap.capabilities().await.map_err(|error| trouble("CAPABILITY", &error))
        })
        .await?;
        let moving = if offered.has_str("MOVE") {
            Moving::Move
        } else if offered.has_str("UIDPLUS") {
            Moving::CopyExpunge
        } else {
            Moving::CopyMark
        };
        let idling = if offered.has_str("IDLE") { Idling::Offered } else { Idling::NotOffered };
        Ok(Self { imap, meter, moving, idling })
    }

    pub(super) fn can_idle(&self) -> bool {
        self.idling == Idling::Offered
    }

    /// Makes a mailbox where there is none.
    pub(super) async fn create(&mut self, mailbox: &str) -> Result<(), Trouble> {
        self.begin();
        match timeout(IMAP_ANSWER_MAX, self.imap.create(mailbox)).await {
            // It is there already, or it cannot be: then the first message that goes there tells.
            Ok(Ok(()) | Err(Error::No(_))) => Ok(()),
            Ok(Err(error)) => Err(trouble("CREATE", &error)),
            Err(_) => Err(late("CREATE")),
        }
    }

    /// Opens a mailbox, and gives the validity of its UIDs.
    pub(super) async fn select(&mut self, mailbox: &str) -> Result<u32, Trouble> {
        self.begin();
        let selected = in_time("SELECT", async {
            self.imap.select(mailbox).await.map_err(|error| trouble("SELECT", &error))
        });
        Ok(selected.await?.uid_validity.unwrap_or(0))
    }

    pub(super) async fn no_operation(&mut self) -> Result<(), Trouble> {
        self.begin();
        in_time("NOOP", async { self.imap.noop().await.map_err(|error| trouble("NOOP", &error)) }).await
    }

    /// The messages from a UID on, in their order, as many as are known at a time.
    pub(super) async fn list(&mut self, first: u32) -> Result<Vec<Listed>, Trouble> {
        self.begin();
        let meter = self.meter.clone();
        let mut listed = Vec::new();
        let mut flow = in_time("FETCH", async {
            let flow = self.imap.uid_fetch(format!("{first}:*"), "(UID RFC822.SIZE)").await;
            flow.map_err(|error| trouble("FETCH", &error))
        })
        .await?;
        for _ in 0..IMAP_LISTING_MAX {
            let Some(message) = next(&mut flow).await? else {
                listed.sort_unstable_by_key(|message: &Listed| message.uid);
                listed.dedup();
                return Ok(listed);
            };
            meter.allow(IMAP_TALK_BYTES_MAX);
            // `n:*` gives the last message also where its UID is below n.
            if let (Some(uid), Some(bytes)) = (message.uid, message.size)
                && uid >= first
                && listed.len() < MAILBOX_LISTED_MAX
            {
                listed.push(Listed { uid, bytes });
            }
        }
        Err(Trouble("the IMAP server lists messages without end".to_owned()))
    }

    /// The messages that the server gives of these; it does not say that they were read.
    pub(super) async fn fetch(&mut self, uids: &[u32]) -> Result<Vec<(u32, Vec<u8>)>, Trouble> {
        if uids.is_empty() {
            return Ok(Vec::new());
        }
        // Some servers say another size than the message has.
        let message_max = 2 * MESSAGE_BYTES_MAX;
        self.begin();
        self.meter.allow(message_max);
        let meter = self.meter.clone();
        let mut messages: Vec<(u32, Vec<u8>)> = Vec::new();
        let mut flow = in_time("FETCH", async {
            let flow = self.imap.uid_fetch(set(uids), "(UID BODY.PEEK[])").await;
            flow.map_err(|error| trouble("FETCH", &error))
        })
        .await?;
        let mut left = 4 * MAILBOX_BATCH_BYTES;
        for _ in 0..IMAP_LISTING_MAX {
            let Some(message) = next(&mut flow).await? else { break };
            meter.allow(message_max.min(left));
            // Others change flags meanwhile: such a line has no body. No UID comes that was not asked for, and none twice.
            if let (Some(uid), Some(body)) = (message.uid, message.body())
                && uids.contains(&uid)
                && messages.iter().all(|(known, _)| *known != uid)
            {
                left = left.saturating_sub(body.len() as u64);
                messages.push((uid, body.to_vec()));
            }
        }
        drop(flow);
        // The end of the answer may also be the end of the connection, which the library does not tell.
        self.no_operation().await?;
        messages.sort_unstable_by_key(|(uid, _)| *uid);
        Ok(messages)
    }

    /// Moves messages to another mailbox.
    pub(super) async fn put(&mut self, uids: &[u32], mailbox: &str) -> Result<(), Trouble> {
        self.begin();
        let (set, moving) = (set(uids), self.moving);
        let put = async {
            if moving == Moving::Move {
                return self.imap.uid_mv(&set, mailbox).await;
            }
            self.imap.uid_copy(&set, mailbox).await?;
            let mark = format!("UID STORE {set} +FLAGS.SILENT (\\Deleted)");
            self.imap.run_command_and_check_ok(mark).await?;
            match moving {
                Moving::CopyExpunge => self.imap.run_command_and_check_ok(format!("UID EXPUNGE {set}")).await,
                Moving::Move | Moving::CopyMark => Ok(()),
            }
        };
        in_time("MOVE", async { put.await.map_err(|error| trouble("MOVE", &error)) }).await
    }

    /// Waits until the server has something to tell, or for so long.
    pub(super) async fn idle(self, longest: Duration) -> Result<Self, Trouble> {
        let Self { imap, meter, moving, idling } = self;
        meter.allow(IMAP_TALK_BYTES_MAX);
        let told_before = imap.unsolicited_responses.clone();
        let mut handle = imap.idle();
        in_time("IDLE", async { handle.init().await.map_err(|error| trouble("IDLE", &error)) }).await?;
        // What came since the last listing was told with its end, or before the server began to wait, and is not told again.
        let is_news = |told| matches!(told, UnsolicitedResponse::Exists(_));
        if !std::iter::from_fn(|| told_before.try_recv().ok()).any(is_news) {
            // An answer every two minutes, `* OK Still here`, does not prolong it.
            let (told, _interrupt) = handle.wait_with_timeout(longest);
            if let Ok(Err(error)) = timeout(longest, told).await {
                return Err(trouble("IDLE", &error));
            }
        }
        meter.allow(IMAP_TALK_BYTES_MAX);
        let imap =
            in_time("DONE", async { handle.done().await.map_err(|error| trouble("DONE", &error)) }).await?;
        Ok(Self { imap, meter, moving, idling })
    }

    /// Before each command.
    fn begin(&mut self) {
        self.meter.allow(IMAP_TALK_BYTES_MAX);
        // What was told unasked is known by asking.
        while self.imap.unsolicited_responses.try_recv().is_ok() {}
    }
}

async fn connect(account: &Account, meter: &Meter) -> Result<async_imap::Client<Wire>, Trouble> {
    let tcp = tls::connect(account).await?;
    match account.encryption {
        Encryption::Implicit => greet(tls::encrypt(account, tcp).await?, meter).await,
        Encryption::None => greet(Box::new(tcp), meter).await,
        Encryption::StartTls => {
            let mut client = greet(Box::new(tcp), meter).await?;
            in_time("STARTTLS", async {
                let done = client.run_command_and_check_ok("STARTTLS", None).await;
                done.map_err(|error| trouble("STARTTLS", &error))
            })
            .await?;
            // What came behind the answer in the clear is thrown away with the client's buffer (RFC 3501 §6.2.1).
            let tcp = client.into_inner().into_inner();
            let stream = tls::encrypt(account, tcp).await?;
            Ok(async_imap::Client::new(Metered::new(stream, meter.clone())))
        }
    }
}

async fn greet(stream: Box<dyn Stream>, meter: &Meter) -> Result<async_imap::Client<Wire>, Trouble> {
    let mut client = async_imap::Client::new(Metered::new(stream, meter.clone()));
    let greeting = in_time("greeting", async {
        client.read_response().await.map_err(|error| trouble("greeting", &error.into()))
    });
    greeting.await?.ok_or_else(|| closed("greeting"))?;
    Ok(client)
}

async fn authenticate(
    client: async_imap::Client<Wire>,
    account: &Account,
) -> Result<async_imap::Session<Wire>, Trouble> {
    let user = account.user.clone();
    let done = match &account.login {
        Login::Password(place) => {
            let secret = secret::read(place).await?;
            if user.is_ascii() && secret.reveal().is_ascii() {
                client.login(&user, secret.reveal()).await
            } else {
                // LOGIN takes ASCII only.
                client.authenticate("PLAIN", Sasl::plain(&user, &secret)).await
            }
        }
        Login::Token(place) => {
            let secret = secret::read(place).await?;
            client.authenticate("XOAUTH2", Sasl::token(&user, &secret)).await
        }
    };
    done.map_err(|(error, _)| trouble("login", &error))
}

/// Answers the first challenge with this, and each further one, which explains a refusal, with nothing.
struct Sasl(Vec<u8>);

impl Sasl {
    /// RFC 4616.
    fn plain(user: &str, secret: &Secret) -> Self {
        Self(format!("\0{user}\0{}", secret.reveal()).into_bytes())
    }

    fn token(user: &str, secret: &Secret) -> Self {
        Self(format!("user={user}\x01auth=Bearer {}\x01\x01", secret.reveal()).into_bytes())
    }
}

impl Authenticator for Sasl {
    type Response = Vec<u8>;

    fn process(&mut self, _challenge: &[u8]) -> Vec<u8> {
        std::mem::take(&mut self.0)
    }
}

async fn in_time<T>(doing: &str, work: impl Future<Output = Result<T, Trouble>>) -> Result<T, Trouble> {
    timeout(IMAP_ANSWER_MAX, work).await.map_err(|_| late(doing))?
}

async fn next(flow: &mut (impl Flow<Item = Result<Fetch, Error>> + Unpin)) -> Result<Option<Fetch>, Trouble> {
    in_time("FETCH", async { flow.next().await.transpose().map_err(|error| trouble("FETCH", &error)) }).await
}

/// `1:3,7`: UIDs in ascending order as a set (RFC 3501 §9, sequence-set).
fn set(uids: &[u32]) -> String {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for uid in uids.iter().copied() {
        match ranges.last_mut() {
            Some((_, end)) if end.checked_add(1) == Some(uid) => *end = uid,
            _ => ranges.push((uid, uid)),
        }
    }
    let words = ranges.iter().map(
        |(begin, end)| {
            if begin == end { begin.to_string() } else { format!("{begin}:{end}") }
        },
    );
    words.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_of_uids_is_written_in_ranges() {
        assert_eq!(set(&[1, 2, 3, 7, 9, 10]), "1:3,7,9:10");
        assert_eq!(set(&[u32::MAX]), "4294967295");
    }
}
