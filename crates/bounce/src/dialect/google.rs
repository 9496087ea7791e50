//! Gmail, Google Workspace and Google Groups, in any language: `X-Failed-Recipients` names the recipient, the text the reason.

use super::Dialect;
use super::Place::{Sign, Text};
use crate::text::finding::Finding;
use crate::text::notice::Notice;
use crate::text::{nameless, reader};
use crate::{Generator, Kind};

pub(super) const GROUPS: Dialect = Dialect {
    generator: Generator::new("googlegroups"),
    marks: &[(Text, "https://groups.google.com/support"), (Text, "support.google.com/a/answer/168383")],
    read: Some(read),
    kind: Some(Kind::Failed),
};

pub(super) const GMAIL: Dialect = Dialect {
    generator: Generator::new("gmail"),
    marks: &[(Sign, "<mailer-daemon@googlemail.com>"), (Sign, "<mailer-daemon@google.com>")],
    read: Some(read),
    kind: None,
};

fn read(notice: &Notice<'_>) -> Vec<Finding> {
    let failed = notice.failed_recipients();
    if failed.is_empty() {
        return reader::read(notice);
    }
    let mut found = reader::read(notice);
    let words = found
        .iter()
        .position(|finding| finding.recipient.as_ref().is_some_and(|address| failed.contains(address)))
        .map(|at| found.swap_remove(at))
        .filter(|finding| !finding.reason.is_empty())
        .or_else(|| nameless(notice))
        .unwrap_or_default();
    failed.into_iter().map(|address| Finding { recipient: Some(address), ..words.clone() }).collect()
}
