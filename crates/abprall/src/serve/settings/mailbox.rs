//! `[intake.maildir.NAME]`, `[intake.folder.NAME]`, `[intake.mbox.NAME]`, `[intake.imap.NAME]`, `[intake.pop3.NAME]`: where mail lies that is
//! fetched.

mod account;

use std::path::{Path, PathBuf};
use std::time::Duration;

use abprall_policy::settings::{Reader, Section};
use abprall_store::{Audience, StorePlace};

pub(in crate::serve) use account::{Account, Encryption, Login, SecretPlace};

use super::log::{Beside, audience};

/// One place that mail is fetched from.
#[derive(Clone, Debug)]
pub(in crate::serve) struct MailboxSettings {
    /// As logs and `why` call it: `imap shop`.
    pub(in crate::serve) name: String,
    pub(in crate::serve) audience: Option<Audience>,
    pub(in crate::serve) place: MailboxPlace,
    /// How long it is waited between two looks.
    pub(in crate::serve) interval: Duration,
}

/// What kind of place.
#[derive(Clone, Debug)]
pub(in crate::serve) enum MailboxPlace {
    Maildir { path: PathBuf },
    Folder { path: PathBuf, taken: Taken },
    Mbox { path: PathBuf, state: PathBuf },
    Imap(ImapSettings),
    Pop3(Account),
}

/// What becomes of a file of a folder that was understood.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(in crate::serve) enum Taken {
    /// It goes to `done/`.
    #[default]
    Done,
    Removed,
}

#[derive(Clone, Debug)]
pub(in crate::serve) struct ImapSettings {
    pub(in crate::serve) account: Account,
    pub(in crate::serve) folder: String,
    /// Where messages go that were understood; they stay where they are when it is not said.
    pub(in crate::serve) processed: Option<String>,
    pub(in crate::serve) arrival: Arrival,
    /// How long one IDLE lasts.
    pub(in crate::serve) idle: Duration,
}

/// How new mail is heard of.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(in crate::serve) enum Arrival {
    /// The server tells it, where it can.
    #[default]
    Idle,
    /// It is asked.
    Poll,
}

/// RFC 2177 asks for less than 29 minutes; what stands between us and the server often forgets a silent connection after 10.
const IDLE: Duration = Duration::from_secs(9 * 60);

pub(super) fn take(
    reader: &mut Reader<'_>,
    intake: &mut Section<'_, '_>,
    beside: &Beside<'_>,
) -> Vec<MailboxSettings> {
    let mut settings = Vec::new();
    for kind in ["maildir", "folder", "mbox", "imap", "pop3"] {
        for (name, mut section) in intake.named(reader, kind) {
            let mut interval = Duration::from_secs(match kind {
                "maildir" | "folder" => 1,
                "mbox" => 5,
                _ => 60,
            });
            section.duration(reader, "interval", &mut interval);
            let audience = audience(reader, &mut section, beside.audience);
            let own = Own { name: format!("{kind}-{name}"), beside };
            let place = match kind {
                "maildir" => own.path(reader, &mut section).map(|path| MailboxPlace::Maildir { path }),
                "folder" => own.folder(reader, &mut section),
                "mbox" => own.mbox(reader, &mut section),
                "imap" => own.imap(reader, &mut section),
                _ => own.account(reader, &mut section, (995, 110)).map(MailboxPlace::Pop3),
            };
            section.finish(reader);
            if let Some(place) = place {
                settings.push(MailboxSettings { name: format!("{kind} {name}"), audience, place, interval });
            }
        }
    }
    settings
}

/// One section.
struct Own<'a> {
    name: String,
    beside: &'a Beside<'a>,
}

impl Own<'_> {
    fn path(&self, reader: &mut Reader<'_>, section: &mut Section<'_, '_>) -> Option<PathBuf> {
        let path = section.text(reader, "path");
        if path.is_none() {
            let hint = "is wanted: where the mail lies, such as \"/var/mail/bounces\"";
            reader.problem(0..0, &section.key("path"), hint.to_owned());
        }
        path.map(|(path, _)| self.beside.folder.join(path))
    }

    fn folder(&self, reader: &mut Reader<'_>, section: &mut Section<'_, '_>) -> Option<MailboxPlace> {
        let mut taken = Taken::default();
        section.word(reader, "taken", &mut taken, &[("done", Taken::Done), ("removed", Taken::Removed)]);
        Some(MailboxPlace::Folder { path: self.path(reader, section)?, taken })
    }

    fn mbox(&self, reader: &mut Reader<'_>, section: &mut Section<'_, '_>) -> Option<MailboxPlace> {
        let state = self.state(reader, section);
        Some(MailboxPlace::Mbox { path: self.path(reader, section)?, state: state? })
    }

    fn imap(&self, reader: &mut Reader<'_>, section: &mut Section<'_, '_>) -> Option<MailboxPlace> {
        let account = self.account(reader, section, (993, 143));
        let mut mailbox = |name| {
            let (text, span) = section.text(reader, name)?;
            // Names outside of ASCII are written in modified UTF-7 (RFC 3501 §5.1.3), as the server lists them.
            if text.is_empty() || !text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
                let hint = "a mailbox is wanted as the server lists it, such as \"INBOX\"".to_owned();
                reader.problem(span, &section.key(name), hint);
            }
            Some(text)
        };
        let folder = mailbox("folder").unwrap_or_else(|| "INBOX".to_owned());
        let processed = mailbox("processed");
        if processed.as_ref().is_some_and(|processed| processed.eq_ignore_ascii_case(&folder)) {
            let hint = "another mailbox is wanted than the one that is read".to_owned();
            reader.problem(0..0, &section.key("processed"), hint);
        }
        let mut arrival = Arrival::default();
        section.word(reader, "arrival", &mut arrival, &[("idle", Arrival::Idle), ("poll", Arrival::Poll)]);
        let mut idle = IDLE;
        section.duration(reader, "idle", &mut idle);
        Some(MailboxPlace::Imap(ImapSettings { account: account?, folder, processed, arrival, idle }))
    }

    fn account(
        &self,
        reader: &mut Reader<'_>,
        section: &mut Section<'_, '_>,
        ports: (u32, u32),
    ) -> Option<Account> {
        let state = self.state(reader, section);
        account::take(reader, section, self.beside.folder, ports, state)
    }

    /// Where it is remembered what was seen: beside the database.
    fn state(&self, reader: &mut Reader<'_>, section: &mut Section<'_, '_>) -> Option<PathBuf> {
        if let Some((path, _)) = section.text(reader, "state") {
            return Some(self.beside.folder.join(path));
        }
        let place: Option<&Path> = match StorePlace::of(self.beside.store) {
            StorePlace::File(path) => Some(path),
            StorePlace::Postgres(_) => self.beside.index,
        };
        let Some(place) = place else {
            let hint =
                "is wanted where the database is PostgreSQL: a file in which it is remembered what was seen";
            reader.problem(0..0, &section.key("state"), hint.to_owned());
            return None;
        };
        let mut path = place.as_os_str().to_owned();
        // A name is a key of TOML, which may hold anything.
        let name: String =
            self.name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect();
        path.push(format!(".{name}"));
        Some(path.into())
    }
}

impl MailboxPlace {
    /// In a line of what is served: no user, no secret.
    pub(in crate::serve) fn words(&self) -> String {
        match self {
            Self::Maildir { path } | Self::Folder { path, .. } | Self::Mbox { path, .. } => {
                path.display().to_string()
            }
            Self::Imap(imap) => format!("{} ({})", imap.account.server(), imap.folder),
            Self::Pop3(account) => account.server(),
        }
    }
}
