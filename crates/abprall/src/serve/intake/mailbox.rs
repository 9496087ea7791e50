//! Mailboxes: mail that lies somewhere and is fetched. What was taken is moved, marked or deleted only when it is on the disk; whatever is
//! killed in between is seen again, and known by its content.

mod arrivals;
mod backoff;
mod dotlock;
mod files;
mod imap;
mod mbox;
mod pop3;
mod remembered;
mod secret;
mod tls;
mod understood;
mod voice;

use std::sync::Arc;

use abprall_bounce::read;
use abprall_store::{Audience, ContentId};
use tracing::Instrument;

use crate::serve::keeper::{Keeper, NotStored};
use crate::serve::settings::{MailboxPlace, MailboxSettings};
use crate::serve::stop::Stop;
use crate::spans::SPANS;

use understood::Understanding;
use voice::Voice;

/// Why a look at a mailbox ended, for the log: never with a secret or with text of mail. All of them are tried again.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0}")]
struct Trouble(String);

impl From<NotStored> for Trouble {
    fn from(NotStored: NotStored) -> Self {
        Self("the database does not take the messages; they stay where they are".to_owned())
    }
}

/// Fetches mail until the server is to end. What was begun then is void, and fetched again: the mailbox was not told yet.
pub(in crate::serve) async fn serve(
    settings: MailboxSettings,
    keeper: Keeper,
    mut stop: Stop,
) -> anyhow::Result<()> {
    let MailboxSettings { name, audience, place, interval } = settings;
    let taker = Taker { source: name.clone(), audience, keeper };
    let voice = Voice::new(name);
    let work = async {
        match place {
            MailboxPlace::Maildir { path } => {
                files::watch(files::Layout::maildir(path), interval, taker, voice).await;
            }
            MailboxPlace::Folder { path, taken } => {
                files::watch(files::Layout::folder(path, taken), interval, taker, voice).await;
            }
            MailboxPlace::Mbox { path, state } => mbox::watch(path, state, interval, taker, voice).await,
            MailboxPlace::Imap(imap) => imap::watch(imap, interval, taker, voice).await,
            MailboxPlace::Pop3(account) => pop3::watch(account, interval, taker, voice).await,
        }
    };
    tokio::select! {
        () = stop.wanted() => {}
        () = work => {}
    }
    Ok(())
}

/// Takes the messages of one mailbox to the keeper.
struct Taker {
    /// For people: where a message came from.
    source: String,
    audience: Option<Audience>,
    keeper: Keeper,
}

impl Taker {
    /// Returns when all of them are on the disk; says of each whether it was understood.
    async fn take(&self, messages: &[Vec<u8>]) -> Result<Vec<Understanding>, NotStored> {
        if messages.is_empty() {
            return Ok(Vec::new());
        }
        let span = tracing::trace_span!(target: SPANS, "intake", way = "file", messages = messages.len());
        self.read_and_keep(messages).instrument(span).await
    }

    async fn read_and_keep(&self, messages: &[Vec<u8>]) -> Result<Vec<Understanding>, NotStored> {
        // Reading takes its time; the others of this thread go on elsewhere meanwhile.
        let (understood, items) = tokio::task::block_in_place(|| {
            let _span = tracing::trace_span!(target: SPANS, "read").entered();
            let (mut understood, mut items) = (Vec::new(), Vec::new());
            for message in messages {
                let reading = read(message);
                understood.push(Understanding::of(&reading));
                // What holds no report stays in the mailbox, for a person: nobody needs it twice.
                let holds_reports = !reading.reports.is_empty();
                let item = self.keeper.judge(ContentId::of(message), self.source.clone(), reading);
                items.push(if holds_reports { self.keeper.with_mail(item, message) } else { item });
            }
            (understood, items)
        });
        self.keeper.keep_all(Arc::new(items), self.audience.clone()).await?;
        Ok(understood)
    }
}
