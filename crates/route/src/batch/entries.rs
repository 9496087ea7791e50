//! The entries of a list: one domain or address a line.

use std::collections::HashSet;
use std::io::{self, BufRead};

use abprall_mail::{Domain, ParseDomainError};

use crate::limits::{BATCH_LINE_BYTES_MAX, BATCH_REPETITIONS};

/// One entry.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// Its number, from 0. Blank lines, comments and repetitions have none, so that the same list gives the same numbers again.
    pub index: u64,
    /// Where its line ends in the list, in bytes.
    pub end: u64,
    /// The domain.
    pub domain: Result<Domain, BadEntry>,
}

/// A line that is no domain.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BadEntry {
    /// The line, shortened.
    pub entry: String,
    /// Which rule it breaks.
    pub error: ParseDomainError,
}

/// Reads a list: `#` begins a comment, `user@domain` counts as the domain, and a domain that came a short while ago is left out.
pub struct Entries<R> {
    list: R,
    index: u64,
    end: u64,
    recent: Recent,
}

impl<R: BufRead> Entries<R> {
    /// The entries of this list.
    pub fn new(list: R) -> Self {
        Self { list, index: 0, end: 0, recent: Recent::default() }
    }

    /// The next line without its end, cut at the limit; `None` at the end of the list.
    fn line(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut line = Vec::new();
        let limit = BATCH_LINE_BYTES_MAX as u64;
        let read = io::Read::take(&mut self.list, limit).read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(None);
        }
        self.end += read as u64;
        // What is longer than any domain is skipped without being kept.
        if line.last() != Some(&b'\n') && read as u64 == limit {
            self.end += self.list.skip_until(b'\n')? as u64;
        }
        Ok(Some(line))
    }
}

impl<R: BufRead> Iterator for Entries<R> {
    type Item = io::Result<Entry>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let line = match self.line() {
                Ok(line) => line?,
                Err(error) => return Some(Err(error)),
            };
            let text = String::from_utf8_lossy(&line);
            let text = text.trim_start_matches('\u{feff}').split('#').next().unwrap_or_default().trim();
            if text.is_empty() {
                continue;
            }
            let name = text.rsplit('@').next().unwrap_or(text).trim_end_matches('>');
            let domain = Domain::parse(name)
                .map_err(|error| BadEntry { entry: text.chars().take(300).collect(), error });
            let repeated = domain.as_ref().is_ok_and(|domain| !self.recent.is_new(domain.as_str()));
            if repeated {
                continue;
            }
            let entry = Entry { index: self.index, end: self.end, domain };
            self.index += 1;
            return Some(Ok(entry));
        }
    }
}

/// The domains that came last, by a hash: at least the last [`BATCH_REPETITIONS`] / 2, at most twice as many.
///
/// The hash must be the same in the next run, or numbers would move when a list is continued; two domains in 2^64 share one.
#[derive(Default)]
struct Recent {
    young: HashSet<u64>,
    old: HashSet<u64>,
}

impl Recent {
    fn is_new(&mut self, name: &str) -> bool {
        let hash = fnv_1a(name.as_bytes());
        if self.young.contains(&hash) || self.old.contains(&hash) {
            return false;
        }
        if self.young.len() >= BATCH_REPETITIONS / 2 {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(hash)
    }
}

/// FNV-1a with 64 bits.
fn fnv_1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(list: &str) -> Vec<(u64, Result<String, String>)> {
        Entries::new(list.as_bytes())
            .map(|entry| {
                let entry = entry.unwrap();
                (entry.index, entry.domain.map(|domain| domain.to_string()).map_err(|bad| bad.entry))
            })
            .collect()
    }

    #[test]
    fn domains_and_addresses_are_entries_and_the_rest_is_not() {
        let list = "\u{feff}# a list\nExample.COM\r\n\n  user@example.net # mine\nbücher.example\n<a@b@example.org>\nlast.example";
        let names: Vec<_> = read(list).into_iter().map(|(_, name)| name.unwrap()).collect();
        assert_eq!(
            names,
            ["example.com", "example.net", "xn--bcher-kva.example", "example.org", "last.example"]
        );
    }

    #[test]
    fn repetitions_have_no_number_and_bad_lines_have_one() {
        let ok = |name: &str| Ok(name.to_owned());
        assert_eq!(
            read("a.test\nA.test\nx@a.test\nno domain\nb.test\n"),
            [(0, ok("a.test")), (1, Err("no domain".to_owned())), (2, ok("b.test"))]
        );
    }

    #[test]
    fn an_endless_line_is_one_bad_entry_and_the_next_line_is_read() {
        let list = format!("{}\nb.test\n", "a".repeat(3 * BATCH_LINE_BYTES_MAX));
        let mut entries = Entries::new(list.as_bytes()).map(Result::unwrap);
        assert!(entries.next().unwrap().domain.is_err());
        let next = entries.next().unwrap();
        assert_eq!((next.domain.unwrap().as_str(), next.end), ("b.test", list.len() as u64));
    }

    #[test]
    fn memory_of_repetitions_is_bounded() {
        let mut recent = Recent::default();
        for number in 0..2 * BATCH_REPETITIONS {
            recent.is_new(&format!("{number}.test"));
        }
        assert!(recent.young.len() + recent.old.len() <= BATCH_REPETITIONS);
    }
}
