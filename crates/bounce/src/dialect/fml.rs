//! fml, a list server: the list itself refuses, and the notice says so in a sentence.

use super::Dialect;
use super::Place::Sign;
use crate::text::address;
use crate::text::finding::Finding;
use crate::text::notice::Notice;
use crate::{Generator, Kind};

pub(super) const DIALECT: Dialect = Dialect {
    generator: Generator::new("fml"),
    marks: &[(Sign, "x-mlserver: fml")],
    read: Some(read),
    kind: Some(Kind::Failed),
};

/// The first sentence names the list; addresses below it belong to the list's commands.
fn read(notice: &Notice<'_>) -> Vec<Finding> {
    notice
        .lines
        .iter()
        .find_map(|line| Some((address::first_in(line.text)?, line.text)))
        .map(|(found, line)| Finding { reason: line.to_owned(), ..Finding::about(found.address) })
        .into_iter()
        .collect()
}
