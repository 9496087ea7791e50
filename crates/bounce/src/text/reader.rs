//! The shared reader: goes once over the lines of a notice and finds the recipients and the words that belong to each.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::address;
use super::codes;
use super::diagnosis;
use super::finding::{Finding, append};
use super::groups::Groups;
use super::html;
use super::notice::{Notice, after_ignoring_case};
use super::phrase_set::PhraseSet;
use super::reason;
use super::recipients::{Form, Named, named_by};
use super::session::{Session, Turn};
use crate::{Issuer, Kind, Phase, limits};

/// From this many recipients on that share one text, each gets only its reason: the text would be copied as often.
const SHARED_PROSE_RECIPIENTS_MAX: usize = 1000;

/// How much of a reason each of so many recipients gets, in bytes.
const SHARED_REASON_BYTES_MAX: usize = 512;

/// What the shared reader finds.
pub(crate) fn read(notice: &Notice<'_>) -> Vec<Finding> {
    let mut reader = Reader::default();
    for (number, line) in notice.lines.iter().enumerate() {
        if reader.findings.len() >= limits::RECIPIENTS_MAX {
            break;
        }
        let before = number.checked_sub(1).map_or("", |at| notice.lines[at].text);
        let after = notice.lines.get(number + 1).map_or("", |line| line.text);
        reader.line(line.text, line.indent, before, after);
    }
    reader.finish()
}

#[derive(Default)]
struct Reader<'a> {
    findings: Vec<Finding>,
    /// Where each address stands in `findings`.
    places: HashMap<String, usize>,
    /// The recipient that takes the next lines.
    open: Option<Open>,
    /// What the section's heading says of the recipients below it (Sendmail).
    section: Option<Kind>,
    /// Whether a dialogue has been quoted.
    dialogue: bool,
    session: Session,
    /// Lines that belong to no recipient: a group of paragraphs before the first, after the first, and so on.
    others: Vec<Vec<Vec<&'a str>>>,
    /// The line being read.
    current: &'a str,
    /// The last line before it that was not blank.
    last: &'a str,
}

/// A recipient whose words may go on.
#[derive(Clone, Copy)]
struct Open {
    place: usize,
    /// How far its own line was indented.
    indent: usize,
    form: Form,
}

impl<'a> Reader<'a> {
    fn line(&mut self, line: &'a str, indent: usize, before: &'a str, after: &'a str) {
        self.current = line;
        if line.is_empty() {
            self.open = None;
            self.session.refusal.clear();
            self.paragraphs().push(Vec::new());
            return;
        }
        if let Some(turn) = Turn::of(line) {
            self.dialogue = true;
            self.turn(&turn);
        } else if let Some(section) = section_of(line) {
            self.section = section;
            self.open = None;
            self.other(line);
        } else if let Some(open) = self.open
            && let Some(original) = original_address(line)
        {
            self.findings[open.place].original = Some(original);
        } else if self.is_summary(line) {
            self.summary(line);
        } else if let Some(named) = named_by(line)
            && self.accepts(&named, indent, before, after)
        {
            self.recipient(&named, indent, line);
        } else if let Some(open) = self.open
            && !(matches!(open.form, Form::Labelled | Form::Hinted) && is_other_field(line))
        {
            self.continue_with(open.place, line);
        } else {
            self.open = None;
            self.other(line);
        }
        self.last = line;
    }

    fn accepts(&self, named: &Named<'_>, indent: usize, before: &str, after: &str) -> bool {
        // A line of a reason can start with an address: it is indented deeper, or names the same recipient again.
        if let Some(open) = self.open {
            let finding = &self.findings[open.place];
            let sublist =
                named.form != Form::Leading && finding.reason.is_empty() && open.form == Form::Labelled;
            if (indent > open.indent && !sublist) || finding.recipient.as_ref() == Some(&named.address) {
                return false;
            }
            if named.form == Form::Labelled && open.form != Form::Labelled {
                return false;
            }
        }
        // A reply may name the recipient again.
        let is_reply = || {
            codes::starts_with_reply(self.current)
                || named.form == Form::Labelled && reason::announces_reply(self.current)
        };
        if !self.findings.is_empty() && is_reply() {
            return false;
        }
        let in_dialogue = self.dialogue && named.rest.starts_with("...");
        if in_dialogue && !self.findings.is_empty() {
            return false;
        }
        match named.form {
            Form::Headed | Form::Labelled => true,
            Form::Hinted => self.findings.is_empty(),
            Form::Alone => !introduces_another(self.last),
            Form::Leading => {
                let starts_paragraph = before.is_empty()
                    || before.ends_with([':', '-', '=', '|'])
                    || self.open.is_some()
                    || self.findings.last().is_some_and(|last| last.reason.is_empty());
                let prose = after.len() > 50 && indent == 0 && !codes::has_reply_code(named.rest);
                starts_paragraph && !introduces_another(self.last) && !prose
                    || codes::starts_with_reply(named.rest)
            }
        }
    }

    fn recipient(&mut self, named: &Named<'a>, indent: usize, line: &'a str) {
        let place = self.place_of(named.address.clone());
        let known = !self.findings[place].reason.is_empty();
        self.open = Some(Open { place, indent, form: named.form });
        if known {
            // Told before, perhaps in another language: the first telling stays.
            self.findings[place].prose.push(' ');
            append(&mut self.findings[place].prose, named.rest);
            return;
        }
        let mut rest = named.rest;
        if matches!(named.form, Form::Labelled | Form::Hinted) {
            if let Some(end) = rest.find(" (and other recipients") {
                rest = &rest[end..];
            }
            if rest.len() > 12 {
                // A whole sentence: what stands before the address belongs to it.
                append(&mut self.findings[place].reason, line);
            } else {
                append(&mut self.findings[place].prose, line);
            }
            return;
        }
        if named.form == Form::Leading && rest.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("on "))
        {
            return; // Exchange 2003: "a@b on Thu, 29 Apr 2010": the time of the failure.
        }
        self.continue_with(place, rest);
    }

    fn continue_with(&mut self, place: usize, line: &str) {
        if reason::is_afterword(line) {
            append(&mut self.findings[place].prose, line);
            return;
        }
        let bare = line.trim_start_matches('(');
        if bare.len() < line.len() {
            for words in
                ["ultimately generated from ", "generated from ", "expanded from: ", "expanded from "]
            {
                if let Some(rest) = after_ignoring_case(bare, words)
                    && rest.len() + words.len() == bare.len()
                {
                    let end = rest.find(')').unwrap_or(rest.len());
                    self.findings[place].original =
                        address::first_in(&rest[..end]).map(|found| found.address);
                    let rest = rest[end..].trim_start_matches([')', ':', ' ']);
                    append(&mut self.findings[place].reason, rest);
                    return;
                }
            }
            if let Some(reason) = after_ignoring_case(bare, "reason: ")
                && reason.len() + 8 == bare.len()
            {
                append(&mut self.findings[place].reason, reason.strip_suffix(')').unwrap_or(reason));
                return;
            }
        }
        let same = named_by(line).is_some_and(|named| {
            named.rest.is_empty()
                && named.form == Form::Alone
                && self.findings[place].recipient.as_ref() == Some(&named.address)
        });
        if !same {
            self.findings[place].add(line);
        }
    }

    fn turn(&mut self, turn: &Turn<'_>) {
        match turn {
            Turn::Talking(host) => self.session.talking(host),
            Turn::Command(command) => self.session.command(command),
            Turn::Reply(reply) => {
                if !self.session.reply(reply) {
                    return;
                }
                let named = address::first_in(reply)
                    .and_then(|found| self.places.get(found.address.as_str()).copied());
                let commanded =
                    self.session.recipient.clone().filter(|_| self.session.phase == Some(Phase::Rcpt));
                let place = match (named, commanded) {
                    (Some(place), _) => Some(place),
                    (None, Some(address)) => Some(self.place_of(address)),
                    (None, None) => {
                        self.open.map(|open| open.place).or_else(|| (self.findings.len() == 1).then_some(0))
                    }
                };
                if let Some(place) = place {
                    self.give_refusal(place, named.is_some());
                }
            }
        }
    }

    /// Whether a line is Sendmail's summary. Other MTAs quote such lines in a recipient's paragraph: there they are its reason.
    fn is_summary(&self, line: &str) -> bool {
        (self.dialogue || self.open.is_none())
            && codes::starts_with_reply(line)
            && line.contains("...")
            && line.contains('@')
    }

    /// Sendmail's line for a person: `550 <a@b>... User unknown`.
    fn summary(&mut self, line: &'a str) {
        let Some(found) = address::first_in(line) else {
            self.other(line);
            return;
        };
        let listed = self.places.contains_key(found.address.as_str());
        if !listed
            && line[..found.start]
                .trim_start_matches(|c: char| c.is_ascii_digit() || c == '.' || c == ' ')
                .len()
                > 1
        {
            self.other(line);
            return;
        }
        let place = self.place_of(found.address);
        if !self.findings[place].reason.is_empty() {
            return;
        }
        if self.session.refusal.is_empty() {
            let words = line[found.end..].trim_start_matches(['.', ' ']);
            // "554 <a@b>... 550 Host unknown": the inner code is the cause.
            let told = if codes::starts_with_reply(words) { words } else { line };
            // "mail.local: unknown user: anna" above "554 <a@b>... Service unavailable": the delivery agent said why.
            if is_agents_line(self.last) {
                let last = self.last;
                append(&mut self.findings[place].reason, last);
            }
            append(&mut self.findings[place].reason, told);
            self.findings[place].issuer = Some(Issuer::Reporting);
        } else {
            self.give_refusal(place, false);
            append(&mut self.findings[place].prose, line);
        }
    }

    fn give_refusal(&mut self, place: usize, is_named: bool) {
        let finding = &mut self.findings[place];
        let fresh = finding.reason.is_empty();
        if fresh
            || finding.issuer == Some(Issuer::Remote) && self.session.refusal.starts_with(&finding.reason)
        {
            finding.reason.clone_from(&self.session.refusal);
        } else if finding.host.is_some() || !fresh && codes::has_reply_code(&finding.reason) {
            self.session.refusal.clear();
            return;
        } else {
            // Courier: "mx.example [192.0.2.1]:" stands before the dialogue.
            finding.host = host_before(&finding.reason).or(finding.host.take());
            append(&mut finding.reason, &self.session.refusal);
        }
        finding.issuer = Some(Issuer::Remote);
        finding.host = finding.host.take().or_else(|| self.session.host.clone());
        finding.phase = match self.session.phase {
            // Pipelined: the answer to RCPT comes after DATA was sent, and names the recipient.
            Some(Phase::Data) if is_named => Some(Phase::Rcpt),
            phase => phase,
        };
        if !self.session.goes_on {
            self.session.refusal.clear();
        }
    }

    fn place_of(&mut self, address: abprall_mail::EmailAddress) -> usize {
        if let Some(place) = self.places.get(address.as_str()) {
            return *place;
        }
        let place = self.findings.len();
        self.places.insert(address.as_str().to_owned(), place);
        self.findings.push(Finding { kind: self.section, ..Finding::about(address) });
        place
    }

    fn paragraphs(&mut self) -> &mut Vec<Vec<&'a str>> {
        self.others.resize_with(self.others.len().max(self.findings.len() + 1), Vec::new);
        &mut self.others[self.findings.len()]
    }

    fn other(&mut self, line: &'a str) {
        let paragraphs = self.paragraphs();
        match paragraphs.last_mut() {
            Some(paragraph) => paragraph.push(line),
            None => paragraphs.push(vec![line]),
        }
    }

    /// Gives the words that stand apart to the recipients that have none of their own.
    fn finish(mut self) -> Vec<Finding> {
        let groups = Groups::of(&self.others);
        let waiting = self.findings.iter().filter(|finding| finding.reason.is_empty()).count();
        for (place, finding) in self.findings.iter_mut().enumerate() {
            if !finding.reason.is_empty() {
                // A sentence names the recipient, the reply stands below it (Gmail).
                if !codes::has_reply_code(&finding.reason)
                    && codes::status_in(&finding.reason).is_none()
                    && let Some(reply) = groups.told_right_after(place)
                {
                    finding.prose = std::mem::replace(&mut finding.reason, reply);
                }
                continue;
            }
            let Some(group) = groups.about(place) else { continue };
            finding.reason = reason::choose(group).unwrap_or_default();
            if let Some(context) = reason::context_of(group) {
                finding.phase = finding.phase.or_else(|| diagnosis::phase_in(context));
                finding.host = finding.host.take().or_else(|| host_before(context));
            }
            if waiting > SHARED_PROSE_RECIPIENTS_MAX {
                finding.reason.truncate(html::start_of(&finding.reason, SHARED_REASON_BYTES_MAX).len());
                continue;
            }
            for line in group.iter().flat_map(|paragraph| paragraph.iter()) {
                if finding.prose.len() > limits::PROSE_BYTES_MAX {
                    break;
                }
                append(&mut finding.prose, line);
            }
        }
        for finding in &mut self.findings {
            if finding.reason.is_empty() && !reason::is_template(&[&finding.prose]) {
                finding.reason = std::mem::take(&mut finding.prose);
            }
        }
        self.findings
    }
}

/// Whether a line of the transcript is what a program said that delivers mail: `procmail: Couldn't create "/var/mail/anna"`.
fn is_agents_line(line: &str) -> bool {
    let Some((name, words)) = line.split_once(": ") else { return false };
    let is_name = name.len() <= 64
        && !name.contains('@')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'/' | b'-' | b'_'));
    is_name && !words.is_empty()
}

/// The host of `mx.example [192.0.2.1]:` or `mx.example [192.0.2.1] did not like our RCPT TO:`.
fn host_before(words: &str) -> Option<String> {
    let (host, address) = words.split_once(" [")?;
    let is_host = host.contains('.') && !host.contains(' ') && address.contains(']');
    is_host.then(|| host.to_owned())
}

/// What a heading such as `----- The following addresses had permanent fatal errors -----` says; `None` for other lines.
fn section_of(line: &str) -> Option<Option<Kind>> {
    if !line.starts_with("--") {
        return None;
    }
    if after_ignoring_case(line, "successful delivery").is_some() {
        return Some(Some(Kind::Delivered));
    }
    if after_ignoring_case(line, "transient non-fatal").is_some() {
        return Some(Some(Kind::Delayed));
    }
    if after_ignoring_case(line, "permanent fatal errors").is_some() {
        return Some(Some(Kind::Failed));
    }
    None
}

/// Sun's Messaging Server names the address before aliases on a line of its own.
fn original_address(line: &str) -> Option<abprall_mail::EmailAddress> {
    let start = line.get(..17)?;
    if !start.eq_ignore_ascii_case("original address:") {
        return None;
    }
    address::first_in(line).map(|found| found.address)
}

/// A field about something else than the recipient, in a list of fields.
fn is_other_field(line: &str) -> bool {
    const FIELDS: &[&str] = &[
        "from:",
        "to:",
        "cc:",
        "bcc:",
        "subject:",
        "date:",
        "sent:",
        "sent date:",
        "message-id:",
        "size",
        "sender:",
        "reply-to:",
    ];
    FIELDS.iter().any(|field| line.get(..field.len()).is_some_and(|start| start.eq_ignore_ascii_case(field)))
}

/// Words after which an address alone on its line is not the recipient's.
const INTRODUCTIONS: [&str; 11] = [
    "sent by",
    "sender",
    "contact",
    "assistance",
    "questions",
    "to the address",
    "support",
    "write to",
    "send mail to",
    "from:",
    "reply to",
];

static INTRODUCTION_SET: LazyLock<PhraseSet> = LazyLock::new(|| PhraseSet::new(INTRODUCTIONS));

fn introduces_another(line: &str) -> bool {
    INTRODUCTION_SET.is_in(line)
}
