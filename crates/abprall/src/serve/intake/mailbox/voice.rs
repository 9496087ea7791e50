//! What a mailbox says in the log: each trouble once, however often it is tried.

use std::collections::HashSet;

use super::Trouble;
use crate::serve::limits::MAILBOX_NAMED_MAX;

pub(super) struct Voice {
    name: String,
    trouble: Option<Trouble>,
    named: HashSet<String>,
}

impl Voice {
    pub(super) fn new(name: String) -> Self {
        Self { name, trouble: None, named: HashSet::new() }
    }

    /// It does not work.
    pub(super) fn trouble(&mut self, trouble: Trouble) {
        if self.trouble.as_ref() != Some(&trouble) {
            self.warn(&format!("{trouble}; it is tried again"));
            self.trouble = Some(trouble);
        }
    }

    /// It works.
    pub(super) fn well(&mut self) {
        if self.trouble.take().is_some() {
            tracing::info!("{}: works again", self.name);
        }
    }

    /// One message needs a person. Said once for each.
    pub(super) fn about(&mut self, what: &str, why: &str) {
        if self.named.len() >= MAILBOX_NAMED_MAX {
            self.named.clear();
        }
        if self.named.insert(what.to_owned()) {
            self.warn(&format!("{}: {why}", what.escape_debug()));
        }
    }

    fn warn(&self, text: &str) {
        tracing::warn!("{}: {text}", self.name);
    }
}
