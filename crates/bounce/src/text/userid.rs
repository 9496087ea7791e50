//! Recipients that a notice names by local part alone: `550 5.1.1 neko... User unknown`, `Invalid final delivery userid: neko`.

use abprall_mail::EmailAddress;

use super::address;
use super::codes;
use super::finding::Finding;
use super::notice::{Notice, after_ignoring_case};

/// What stands before a bare user name, to the end of the line. Lower case.
const LABELS: &[&str] = &[
    "invalid final delivery userid: ",
    "unknown user: ",
    "unknown local user: ",
    "no such user: ",
    "user mailbox exceeds allowed size: ",
    "recipient: ",
    "user unknown: ",
];

/// The recipients named so; their domain is that of the same name in the returned message, else that of the notice's author.
pub(super) fn read(notice: &Notice<'_>) -> Vec<Finding> {
    notice
        .lines
        .iter()
        .filter_map(|line| {
            let name = name_in(line.text)?;
            let address = in_returned_message(notice, name).or_else(|| at_author(notice, name))?;
            let mut finding = Finding::about(address);
            finding.add(line.text);
            Some(finding)
        })
        .take(1)
        .collect()
}

fn name_in(line: &str) -> Option<&str> {
    if line.contains('@') {
        return None;
    }
    let name = if codes::starts_with_reply(line) {
        let words = line.split("... ").next().filter(|words| words.len() < line.len())?;
        words.rsplit(' ').next()?
    } else {
        LABELS.iter().find_map(|label| after_ignoring_case(line, label))?
    };
    let name = name.trim_matches(['<', '>', '"', '\'', ' ', '.']);
    let is_name = !name.is_empty()
        && name.len() <= 64
        && !name.contains([' ', '/', ':', '('])
        && !name.starts_with(|c: char| c.is_ascii_digit());
    is_name.then_some(name)
}

fn in_returned_message(notice: &Notice<'_>, name: &str) -> Option<EmailAddress> {
    let to = notice.returned.lines().take(200).filter(|line| {
        ["to:", "cc:", "envelope-to:", "delivered-to:", "x-original-to:"]
            .iter()
            .any(|field| line.get(..field.len()).is_some_and(|start| start.eq_ignore_ascii_case(field)))
    });
    to.flat_map(|line| address::all_in(line, 20))
        .find(|address| address.local_part().eq_ignore_ascii_case(name))
}

fn at_author(notice: &Notice<'_>, name: &str) -> Option<EmailAddress> {
    let from = notice.letter.header("From")?;
    let author = address::first_in(&from)?.address;
    EmailAddress::parse(&format!("{name}@{}", author.domain_part())).ok()
}
