//! Fields of a delivery-status part, block by block (RFC 3464 §2.1).

use std::borrow::Cow;

use memchr::memchr;

use super::{note, value_of};
use crate::{Damage, limits};

/// The fields between two empty lines, or of one recipient where the empty lines are missing.
pub(super) struct Block<'a> {
    content: &'a [u8],
    fields: Vec<Field<'a>>,
}

struct Field<'a> {
    name: &'a str,
    start: usize,
    end: usize,
}

impl<'a> Block<'a> {
    /// The first field of that lower-case name, unfolded and decoded.
    pub fn get(&self, name: &str) -> Option<Cow<'a, str>> {
        let field = self.fields.iter().find(|f| f.name.eq_ignore_ascii_case(name))?;
        Some(value_of(&self.content[field.start..field.end]))
    }

    /// The first `X-` field whose name ends so, whatever it is called between.
    pub fn get_own(&self, end: &str) -> Option<Cow<'a, str>> {
        let is_own = |name: &str| {
            let name = name.as_bytes();
            name.len() > end.len() + 2
                && name[..2].eq_ignore_ascii_case(b"x-")
                && name[name.len() - end.len()..].eq_ignore_ascii_case(end.as_bytes())
        };
        let field = self.fields.iter().find(|f| is_own(f.name))?;
        Some(value_of(&self.content[field.start..field.end]))
    }

    /// Whether a field's name begins so.
    pub fn has_prefix(&self, start: &str) -> bool {
        self.fields
            .iter()
            .any(|f| f.name.get(..start.len()).is_some_and(|name| name.eq_ignore_ascii_case(start)))
    }

    /// Whether the block speaks of a recipient.
    pub fn has_recipient(&self) -> bool {
        self.has("final-recipient") || self.has("original-recipient") || self.has("x-actual-recipient")
    }

    fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|f| f.name.eq_ignore_ascii_case(name))
    }

    /// Whether a field of that name can only belong to the next recipient.
    fn is_over_at(&self, name: &str) -> bool {
        ["final-recipient", "original-recipient", "action"].iter().any(|own| name.eq_ignore_ascii_case(own))
            && self.has(name)
            && self.has("final-recipient")
    }
}

/// Splits a part into its blocks, one after the other.
pub(super) fn blocks<'a>(content: &'a [u8], damage: &mut Vec<Damage>) -> Vec<Block<'a>> {
    let mut found = Vec::new();
    let mut block = Block { content, fields: Vec::new() };
    let mut at = 0;
    while at < content.len() && found.len() <= limits::RECIPIENTS_MAX {
        let end = memchr(b'\n', &content[at..]).map_or(content.len(), |lf| at + lf + 1);
        let line = content[at..end].trim_ascii_end();
        if line.is_empty() {
            if !block.fields.is_empty() {
                found.push(std::mem::replace(&mut block, Block { content, fields: Vec::new() }));
            }
        } else if matches!(line[0], b' ' | b'\t') {
            // Folded; or a whole group that is indented, as some gateways quote it.
            match block.fields.last_mut() {
                Some(field) => field.end = at + line.len(),
                None => start_field(&mut block, &mut found, at, line),
            }
        } else if name_in(line).is_some() {
            start_field(&mut block, &mut found, at, line);
        } else if let Some(field) = block.fields.last_mut() {
            // A fold that lost its indent.
            note(damage, Damage::BadStatusFields);
            field.end = at + line.len();
        }
        at = end;
    }
    if !block.fields.is_empty() {
        found.push(block);
    }
    found
}

fn start_field<'a>(block: &mut Block<'a>, found: &mut Vec<Block<'a>>, at: usize, line: &'a [u8]) {
    let Some((name, value)) = name_in(line) else { return };
    if block.is_over_at(name) {
        let content = block.content;
        found.push(std::mem::replace(block, Block { content, fields: Vec::new() }));
    }
    if block.fields.len() < 200 {
        block.fields.push(Field { name, start: at + value, end: at + line.len() });
    }
}

/// A field's name, and where its value starts.
fn name_in(line: &[u8]) -> Option<(&str, usize)> {
    let colon = memchr(b':', &line[..line.len().min(64)])?;
    let name = line[..colon].trim_ascii();
    let is_name = !name.is_empty()
        && name.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-' || *b == b'_')
        // `550: …` and `http://` continue a text.
        && name[0].is_ascii_alphabetic()
        && !line[colon + 1..].starts_with(b"//");
    is_name.then(|| std::str::from_utf8(name).ok().map(|name| (name, colon + 1))).flatten()
}
