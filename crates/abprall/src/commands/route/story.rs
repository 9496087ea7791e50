//! What a bounce says, before what we see: a table, and the way that the message took.

use std::io;

use crate::layout::Layout;

pub(super) struct Story {
    /// Of the page, where nothing was looked at.
    pub(super) title: String,
    pub(super) heading: &'static str,
    pub(super) facts: Vec<(&'static str, String)>,
    /// The heading of the hops.
    pub(super) way: &'static str,
    /// Oldest first.
    pub(super) hops: Vec<String>,
}

impl Story {
    pub(super) fn write(&self, out: &mut impl Layout) -> io::Result<()> {
        out.heading(self.heading)?;
        out.facts(&self.facts)?;
        if self.hops.is_empty() {
            return Ok(());
        }
        out.heading(self.way)?;
        self.hops.iter().enumerate().try_for_each(|(number, hop)| out.step(number + 1, hop))
    }
}
