//! Raw mail in which an address is written: for a person who wants to be forgotten.

use std::collections::HashSet;
use std::fs;
use std::io;

use abprall_mail::EmailAddress;
use abprall_store::ContentId;
use memchr::memmem::Finder;

use super::{RawMail, files, gone, unpacked};

impl RawMail {
    /// Removes the messages that hold a report about a person, and those in which the address is written; gives how many there were. A
    /// message about several people goes as a whole: what is left of it would not be what came in.
    pub(crate) fn forget(&self, address: &EmailAddress, about: Vec<ContentId>) -> io::Result<u64> {
        let mut removed = 0;
        for content in self.about(address, about)? {
            removed += u64::from(self.remove(&content)?);
        }
        Ok(removed)
    }

    /// What [`RawMail::forget`] would remove; `about` are the messages that hold a report about the person.
    pub(crate) fn about(
        &self,
        address: &EmailAddress,
        about: Vec<ContentId>,
    ) -> io::Result<HashSet<ContentId>> {
        let mut all: HashSet<_> = self.naming(address)?.into_iter().collect();
        for content in about {
            if !all.contains(&content) && !self.find(&content)?.is_empty() {
                all.insert(content);
            }
        }
        Ok(all)
    }

    /// Removes the messages of which `goes` says so; gives how many. Reads all that is kept.
    pub(crate) fn remove_those(&self, mut goes: impl FnMut(&[u8]) -> io::Result<bool>) -> io::Result<u64> {
        let mut removed = 0;
        for (_, day) in self.days()? {
            for kept in files(&day)? {
                let Ok(Some(message)) = unpacked(&kept.path) else { continue };
                if goes(&message)? {
                    gone(fs::remove_file(&kept.path))?;
                    removed += 1;
                }
            }
        }
        Ok(removed)
    }

    /// The kept messages in which an address is written, whatever the size of its letters. Reads all that is kept. Words within base64
    /// are not read: whom a report is about, the database knows.
    fn naming(&self, address: &EmailAddress) -> io::Result<Vec<ContentId>> {
        let wanted = address.as_str().to_lowercase();
        // As signed return paths have it (VERP), too.
        let wanted = [wanted.replacen('@', "=", 1), wanted];
        let finders = wanted.each_ref().map(|wanted| Finder::new(wanted.as_bytes()));
        let mut found = Vec::new();
        for (_, day) in self.days()? {
            for kept in files(&day)? {
                // What cannot be unpacked holds no address for anybody else either.
                let Ok(Some(message)) = unpacked(&kept.path) else { continue };
                if names(&finders, &message) {
                    found.push(kept.content);
                }
            }
        }
        Ok(found)
    }
}

fn names(finders: &[Finder<'_>], message: &[u8]) -> bool {
    let lower = String::from_utf8_lossy(message).to_lowercase();
    if finders.iter().any(|finder| stands_in(finder, lower.as_bytes())) {
        return true;
    }
    // Quoted-printable breaks long lines anywhere (RFC 2045, section 6.7), and an address may be written with its sign encoded.
    let joined = lower.replace("=\r\n", "").replace("=\n", "").replace("=40", "@");
    joined.len() != lower.len() && finders.iter().any(|finder| stands_in(finder, joined.as_bytes()))
}

/// As a whole: `anna@example.com` is not in `joanna@example.com`, nor in `anna@example.com.au`.
fn stands_in(finder: &Finder<'_>, text: &[u8]) -> bool {
    let goes_on = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') || !byte.is_ascii();
    finder.find_iter(text).any(|at| {
        let before = at.checked_sub(1).and_then(|before| text.get(before));
        let (after, next) = (text.get(at + finder.needle().len()), text.get(at + finder.needle().len() + 1));
        let begins = before.is_none_or(|byte| !goes_on(byte) && *byte != b'.');
        let ends = match after {
            Some(b'.') => next.is_none_or(|byte| !goes_on(byte)),
            Some(byte) => !goes_on(byte),
            None => true,
        };
        begins && ends
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raw_mail::packed;

    #[test]
    fn a_message_is_found_by_an_address_that_is_written_in_it_and_no_other_is() {
        let folder = tempfile::tempdir().unwrap();
        let mail = RawMail::new(folder.path().to_owned());
        let texts = [
            "To: Anna@Example.COM\r\n",
            "text anna@exam=\r\nple.com",
            "anna=40example.com",
            "bounces+anna=example.com@example.org",
            "berta@example.com",
            "anna@example.com.au",
            "joanna@example.com",
        ];
        let packed: Vec<_> = texts.iter().map(|text| packed(text.as_bytes())).collect();
        let contents = texts.map(|text| ContentId::of(text.as_bytes()));
        let all: Vec<_> =
            contents.iter().zip(&packed).map(|(content, packed)| (*content, packed.as_slice())).collect();
        mail.keep(&all, "2026-11-25T12:00:00Z".parse().unwrap()).unwrap();
        let found = mail.naming(&EmailAddress::parse("anna@example.com").unwrap()).unwrap();
        let known = contents.map(|content| found.contains(&content));
        assert_eq!(known, [true, true, true, true, false, false, false]);
    }
}
