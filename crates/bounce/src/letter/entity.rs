//! The structure of a message: where its parts begin and end.

use std::ops::Range;

use memchr::memmem;

use super::decode::Encoding;
use super::fields::{Field, Fields, line_end, scan, trim_line};
use crate::{Damage, limits};

/// One MIME entity: a multipart, a nested message or a leaf.
pub(super) struct Entity {
    /// The header fields, as places in the message.
    pub fields: Vec<Field>,
    /// Where the content stands.
    pub body: Range<usize>,
    /// `type/subtype`, lower case.
    pub kind: String,
    pub charset: Option<String>,
    pub encoding: Encoding,
    pub shape: Shape,
    /// The index of the first entity of the message that this one belongs to.
    pub message: usize,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Shape {
    Multipart,
    /// A nested message whose entities follow.
    Message,
    /// A nested message under a transfer encoding.
    Encoded,
    Text,
    Html,
    Other,
}

/// What stands open while walking.
enum Open {
    /// A multipart with its boundary; whether a part of it has been seen; whether its parts are messages by default.
    Multipart { entity: usize, boundary: Vec<u8>, seen: bool, digest: bool },
    /// A nested message.
    Message { entity: usize },
}

struct Delimiter {
    /// Where its line begins.
    start: usize,
    /// Where the next line begins.
    after: usize,
    /// Which open multipart it belongs to.
    level: usize,
    closing: bool,
}

/// Finds all entities in one pass over `raw`.
pub(super) fn walk(raw: &[u8], damage: &mut Vec<Damage>) -> Vec<Entity> {
    let mut walk = Walk { raw, entities: Vec::new(), open: Vec::new(), damage, sniffs: 0 };
    walk.run();
    walk.entities
}

struct Walk<'w> {
    raw: &'w [u8],
    entities: Vec<Entity>,
    open: Vec<Open>,
    damage: &'w mut Vec<Damage>,
    /// How often a boundary was looked for that no header names: each can cost a second pass.
    sniffs: usize,
}

/// Most boundaries guessed in one message.
const SNIFFS_MAX: usize = 4;

impl Walk<'_> {
    fn run(&mut self) {
        let mut at = 0;
        while self.entities.len() < limits::PARTS_MAX {
            match self.entity(at) {
                Some(next) => at = next,
                None => return,
            }
        }
        self.note(Damage::TooManyParts);
        self.close_to(0, self.raw.len());
    }

    /// Reads the entity that starts at `at`; returns where the next one starts.
    fn entity(&mut self, at: usize) -> Option<usize> {
        let (fields, body) = scan(self.raw, at);
        let view = Fields::new(self.raw, (&fields).into());
        let content_type = view.content_type();
        let encoding = view.get("Content-Transfer-Encoding").map_or(Encoding::None, |e| Encoding::of(&e));
        let index = self.entities.len();
        let (message, digest) = match self.open.last() {
            None | Some(Open::Message { .. }) => (index, false),
            Some(Open::Multipart { entity, digest, .. }) => (self.entities[*entity].message, *digest),
        };
        let kind = content_type.as_ref().map_or_else(
            || if digest { "message/rfc822".to_owned() } else { "text/plain".to_owned() },
            |ct| ct.kind.clone(),
        );
        let shape = shape_of(&kind, encoding);
        let charset = content_type.as_ref().and_then(|ct| ct.parameter("charset")).map(str::to_owned);
        let boundary = content_type
            .as_ref()
            .and_then(|ct| ct.parameter("boundary"))
            .map(|b| b.trim_end().as_bytes().to_vec());
        self.entities.push(Entity {
            fields,
            body: body..self.raw.len(),
            kind,
            charset,
            encoding,
            shape,
            message,
        });
        match shape {
            Shape::Multipart | Shape::Message if self.open.len() >= limits::DEPTH_MAX => {
                self.note(Damage::TooManyParts);
                self.as_text(index);
                self.next_part(body)
            }
            Shape::Message => {
                self.open.push(Open::Message { entity: index });
                Some(body)
            }
            Shape::Multipart => {
                let boundary = boundary.filter(|b| !b.is_empty()).or_else(|| self.sniff(body));
                match boundary {
                    Some(boundary) => {
                        let digest = self.entities[index].kind == "multipart/digest";
                        self.open.push(Open::Multipart { entity: index, boundary, seen: false, digest });
                    }
                    None => {
                        self.note(Damage::MissingBoundary);
                        self.as_text(index);
                    }
                }
                self.next_part(body)
            }
            Shape::Encoded | Shape::Text | Shape::Html | Shape::Other => self.next_part(body),
        }
    }

    /// Goes on from `at` to the next part, closing what ends on the way.
    fn next_part(&mut self, mut at: usize) -> Option<usize> {
        let mut leaf = self.entities.len().checked_sub(1);
        loop {
            let Some(found) = self.delimiter(at) else {
                if let Some(again) = self.end_of_message() {
                    at = again;
                    leaf = None;
                    continue;
                }
                return None;
            };
            let end = before_line_break(self.raw, found.start);
            // The entity read last ends here, unless it is a multipart whose first part this opens.
            if let Some(leaf) = leaf.take() {
                let entity = &mut self.entities[leaf];
                if !matches!(entity.shape, Shape::Multipart) {
                    entity.body.end = end.max(entity.body.start);
                }
            }
            self.close_to(found.level + 1, end);
            if found.closing {
                if let Some(Open::Multipart { seen, .. }) = self.open.get_mut(found.level) {
                    *seen = true;
                }
                self.close_to(found.level, end);
                at = found.after;
                continue;
            }
            if let Some(Open::Multipart { seen, .. }) = self.open.last_mut() {
                *seen = true;
            }
            return Some(found.after);
        }
    }

    /// The message is over. Where a multipart never saw its boundary, another one may stand in its body: then walking goes on there.
    fn end_of_message(&mut self) -> Option<usize> {
        if let Some(Open::Multipart { entity, seen: false, .. }) = self.open.last() {
            let body = self.entities[*entity].body.start;
            if let Some(other) = self.sniff(body)
                && let Some(Open::Multipart { boundary, .. }) = self.open.last_mut()
                && *boundary != other
            {
                *boundary = other;
                return Some(body);
            }
        }
        let entities = &self.entities;
        let truncated = self.open.iter().any(
            |open| matches!(open, Open::Multipart { seen: true, entity, .. } if entities[*entity].message == 0),
        );
        if truncated {
            self.note(Damage::Truncated);
        }
        self.close_to(0, self.raw.len());
        None
    }

    /// The next line that belongs to an open boundary, at or after the line start `at`.
    fn delimiter(&self, mut at: usize) -> Option<Delimiter> {
        if !self.open.iter().any(|open| matches!(open, Open::Multipart { .. })) {
            return None;
        }
        loop {
            let rest = self.raw.get(at..)?;
            let start = if rest.starts_with(b"--") { at } else { at + memmem::find(rest, b"\n--")? + 1 };
            let after = line_end(self.raw, start);
            let line = trim_line(&self.raw[start + 2..after]);
            if let Some((level, closing)) = self.level_of(line) {
                return Some(Delimiter { start, after, level, closing });
            }
            // The line feed is kept for the next search.
            at = (start + 2).max(after.saturating_sub(1));
            if at >= self.raw.len() {
                return None;
            }
        }
    }

    fn level_of(&self, line: &[u8]) -> Option<(usize, bool)> {
        self.open.iter().enumerate().rev().find_map(|(level, open)| {
            let Open::Multipart { boundary, .. } = open else { return None };
            let rest = line.strip_prefix(boundary.as_slice())?;
            if rest.iter().all(u8::is_ascii_whitespace) {
                return Some((level, false));
            }
            rest.strip_prefix(b"--").map(|_| (level, true))
        })
    }

    /// Closes what is open above `level`.
    fn close_to(&mut self, level: usize, end: usize) {
        while self.open.len() > level {
            match self.open.pop() {
                Some(Open::Message { entity }) => self.end(entity, end),
                Some(Open::Multipart { entity, seen, .. }) => {
                    self.end(entity, end);
                    if !seen {
                        // Returned headers name a boundary whose parts were left out: only the outer message is broken by that.
                        if self.entities[entity].message == 0 {
                            self.note(Damage::MissingBoundary);
                        }
                        self.as_text(entity);
                    }
                }
                None => return,
            }
        }
    }

    fn end(&mut self, entity: usize, end: usize) {
        let body = &mut self.entities[entity].body;
        body.end = end.max(body.start);
    }

    fn as_text(&mut self, entity: usize) {
        self.entities[entity].shape = Shape::Text;
        "text/plain".clone_into(&mut self.entities[entity].kind);
    }

    /// The boundary that a multipart uses without having named it: a first line `--…` with a part's header below it.
    fn sniff(&mut self, body: usize) -> Option<Vec<u8>> {
        if self.sniffs >= SNIFFS_MAX {
            return None;
        }
        self.sniffs += 1;
        let mut at = body;
        for _ in 0..40 {
            let end = line_end(self.raw, at);
            let line = trim_line(self.raw.get(at..end)?);
            if let Some(boundary) = line.strip_prefix(b"--")
                && (1..=200).contains(&boundary.len())
                && self.raw.get(end..end + 8).is_some_and(|next| next.eq_ignore_ascii_case(b"Content-"))
            {
                return Some(boundary.trim_ascii_end().to_vec());
            }
            if end >= self.raw.len() {
                return None;
            }
            at = end;
        }
        None
    }

    fn note(&mut self, damage: Damage) {
        if !self.damage.contains(&damage) {
            self.damage.push(damage);
        }
    }
}

fn shape_of(kind: &str, encoding: Encoding) -> Shape {
    match kind {
        "message/rfc822" | "message/global" if encoding == Encoding::None => Shape::Message,
        "message/rfc822" | "message/global" => Shape::Encoded,
        "text/html" => Shape::Html,
        "text" => Shape::Text,
        _ if kind.starts_with("multipart/") => Shape::Multipart,
        _ if kind.starts_with("text/") => Shape::Text,
        _ => Shape::Other,
    }
}

/// The end of the content before the line at `start`: its line break belongs to the delimiter (RFC 2046 §5.1.1).
fn before_line_break(raw: &[u8], start: usize) -> usize {
    let end = start.saturating_sub(usize::from(start > 0 && raw[start - 1] == b'\n'));
    end.saturating_sub(usize::from(end > 0 && raw.get(end - 1) == Some(&b'\r')))
}
