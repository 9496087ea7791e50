//! The paragraphs of a notice that belong to no recipient, and which of them tells about whom.

use super::codes;
use super::reason;

/// Paragraphs before the first recipient, after the first, after the second, and so on.
pub(super) struct Groups<'a> {
    groups: Vec<Group<'a>>,
    /// For each group, the first from it on that is not empty.
    next: Vec<Option<usize>>,
    /// For each group, the last up to it that looks like a reason.
    previous: Vec<Option<usize>>,
}

struct Group<'a> {
    paragraphs: Vec<&'a [&'a str]>,
    weight: u8,
}

impl<'a> Groups<'a> {
    /// Weighs every paragraph once.
    pub fn of(others: &'a [Vec<Vec<&'a str>>]) -> Self {
        let groups: Vec<Group<'_>> = others
            .iter()
            .map(|group| {
                let paragraphs: Vec<&[&str]> =
                    group.iter().map(Vec::as_slice).filter(|paragraph| !paragraph.is_empty()).collect();
                let weight = paragraphs.iter().map(|paragraph| reason::weight(paragraph)).max().unwrap_or(0);
                Group { paragraphs, weight }
            })
            .collect();
        let mut next = vec![None; groups.len()];
        let mut found = None;
        for (place, group) in groups.iter().enumerate().rev() {
            found = if group.paragraphs.is_empty() { found } else { Some(place) };
            next[place] = found;
        }
        let mut previous = vec![None; groups.len()];
        let mut found = None;
        for (place, group) in groups.iter().enumerate() {
            found = if group.weight > 1 { Some(place) } else { found };
            previous[place] = found;
        }
        Self { groups, next, previous }
    }

    /// The paragraphs that tell about the recipient number `place`: what follows it, unless something before it, or at the top,
    /// looks more like a reason.
    pub fn about(&self, place: usize) -> Option<&[&'a [&'a str]]> {
        let after = self.next.get(place + 1).copied().flatten();
        let before = self.previous.get(place.min(self.previous.len().saturating_sub(1))).copied().flatten();
        let first = self.groups.first().filter(|group| !group.paragraphs.is_empty()).map(|_| 0);
        let chosen = [after, before, first]
            .into_iter()
            .flatten()
            .filter_map(|number| self.groups.get(number))
            .reduce(|best, group| {
                let better = group.weight > best.weight && (group.weight > 1 || best.weight == 0);
                if better { group } else { best }
            })?;
        Some(&chosen.paragraphs)
    }

    /// The reason right below the recipient number `place`: a reply, or what follows "The response was:".
    pub fn told_right_after(&self, place: usize) -> Option<String> {
        let group = self.groups.get(place + 1).filter(|group| group.weight > 1)?;
        let reason = reason::choose(&group.paragraphs)?;
        let is_told = codes::has_reply_code(&reason) || group.paragraphs.iter().any(|p| reason::has_cue(p));
        is_told.then_some(reason)
    }
}
