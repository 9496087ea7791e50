//! Whose fault a refusal is: the event's, where the target takes others meanwhile; else nobody knows, and no event is given up for it.
//! See `docs/decisions/0015`.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Instant;

use super::Event;
use super::limits::{DOUBTS_MAX, PROBES};
use super::target::{Answer, Failure, Told};

/// What one process knows of a target's refusals. It forgets on the side of patience: without a proof nothing counts.
#[derive(Default)]
pub(super) struct Doubts {
    /// Events that the target took.
    taken: u64,
    refused: HashMap<i64, Refusal>,
    since: Since,
}

/// What was refused since the target took something, by whom it was about.
#[derive(Default)]
enum Since {
    #[default]
    Nothing,
    One(String),
    Several,
}

/// Of an event: what had been taken when it was refused, and how often in a row that proved nothing.
#[derive(Clone, Copy, Default)]
struct Refusal {
    taken: u64,
    unproved: u32,
}

/// What a refusal shows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Fault {
    /// The target has taken others since it was refused before, or just now: it is about this event, and counts.
    Event,
    /// Nobody else was tried: it may be the one or the other. So often in a row it was so before.
    Unknown { before: u32 },
    /// It takes nobody's.
    Target,
}

impl Doubts {
    /// What the refusals of one turn show, in which so many events were taken. Each with its number and whom it is about.
    pub(super) fn judge(&mut self, taken: u64, refused: &[(i64, &str)]) -> Vec<Fault> {
        self.taken += taken;
        if taken > 0 {
            self.since = Since::Nothing;
        }
        if self.refused.len() >= DOUBTS_MAX {
            self.refused.clear();
        }
        let known: Vec<_> = refused.iter().map(|(id, _)| self.refused.get(id).copied()).collect();
        let is_proved =
            |known: &Option<Refusal>| taken > 0 || known.is_some_and(|known| known.taken < self.taken);
        let proved: Vec<_> = known.iter().map(is_proved).collect();
        for ((_, name), _) in refused.iter().zip(&proved).filter(|(_, is_proved)| !**is_proved) {
            match &self.since {
                Since::Nothing => self.since = Since::One((*name).to_owned()),
                Since::One(first) if first != name => self.since = Since::Several,
                Since::One(_) | Since::Several => {}
            }
        }
        let one = |(((id, _), known), is_proved): ((&(i64, &str), Option<Refusal>), bool)| {
            let before = known.map_or(0, |known| known.unproved);
            let unproved = if is_proved { 0 } else { before.saturating_add(1) };
            self.refused.insert(*id, Refusal { taken: self.taken, unproved });
            match &self.since {
                _ if is_proved => Fault::Event,
                Since::Several => Fault::Target,
                Since::Nothing | Since::One(_) => Fault::Unknown { before },
            }
        };
        refused.iter().zip(known).zip(proved).map(one).collect()
    }

    /// What was told, or given up, is in no doubt any more.
    pub(super) fn forget(&mut self, id: i64) {
        self.refused.remove(&id);
    }
}

/// How a turn goes: a target that has refused so many and taken none is not asked about all the others.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Turn {
    taken: usize,
    refused: usize,
}

impl Turn {
    pub(super) fn took(&mut self) {
        self.taken += 1;
    }

    pub(super) fn was_refused(&mut self) {
        self.refused += 1;
    }

    pub(super) fn is_hopeless(self) -> bool {
        self.taken == 0 && self.refused >= PROBES
    }

    /// Whom to ask next of so many who wait: the first, and where all were refused yet, anybody. Otherwise the same few would be asked
    /// in each turn, before somebody who would be taken.
    pub(super) fn next(self, waiting: usize) -> usize {
        if self.taken > 0 || self.refused == 0 || waiting == 0 {
            return 0;
        }
        let chance = RandomState::new().build_hasher().finish();
        usize::try_from(chance % waiting as u64).unwrap_or(0)
    }
}

/// The events of each person, in their order, by their places.
pub(super) fn by_person(events: &[Event]) -> VecDeque<Vec<usize>> {
    let mut people: HashMap<&str, usize> = HashMap::new();
    let mut lanes: VecDeque<Vec<usize>> = VecDeque::new();
    for (place, event) in events.iter().enumerate() {
        let lane = *people.entry(event.name()).or_insert_with(|| {
            lanes.push_back(Vec::new());
            lanes.len() - 1
        });
        lanes[lane].push(place);
    }
    lanes
}

/// Tells one event after the other, for a target that has refused all of them together: nothing of a person after what was refused.
pub(super) fn tell_singly(
    events: &[Event],
    until: Instant,
    mut tell: impl FnMut(&Event) -> Result<(), Failure>,
) -> Answer {
    let mut answer = Answer { told: vec![Told::NotTried; events.len()], trouble: None };
    let mut turn = Turn::default();
    let mut people = by_person(events);
    while let Some(person) = people.remove(turn.next(people.len())) {
        for place in person {
            if Instant::now() >= until || turn.is_hopeless() {
                return answer;
            }
            match tell(&events[place]) {
                Ok(()) => {
                    turn.took();
                    answer.told[place] = Told::Done;
                }
                Err(Failure::Refused(error)) => {
                    turn.was_refused();
                    answer.told[place] = Told::Refused(error);
                    break;
                }
                Err(Failure::Trouble(trouble)) => {
                    answer.trouble = Some(trouble);
                    return answer;
                }
            }
        }
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_counts_while_others_are_taken() {
        let mut doubts = Doubts::default();
        assert_eq!(doubts.judge(1, &[(1, "bad")]), [Fault::Event]);
        // Nothing was taken since: it may be the target by now.
        assert_eq!(doubts.judge(0, &[(1, "bad")]), [Fault::Unknown { before: 0 }]);
        assert_eq!(doubts.judge(0, &[(1, "bad")]), [Fault::Unknown { before: 1 }]);
        doubts.judge(1, &[]);
        assert_eq!(doubts.judge(0, &[(1, "bad")]), [Fault::Event]);
        doubts.forget(1);
        assert_eq!(doubts.judge(0, &[(1, "bad")]), [Fault::Unknown { before: 0 }]);
    }

    #[test]
    fn who_refuses_several_and_takes_none_is_broken_until_it_takes_one() {
        let mut doubts = Doubts::default();
        assert_eq!(doubts.judge(0, &[(1, "a"), (2, "a")]), [Fault::Unknown { before: 0 }; 2], "one person's");
        assert_eq!(doubts.judge(0, &[(3, "b")]), [Fault::Target]);
        assert_eq!(doubts.judge(0, &[(1, "a")]), [Fault::Target], "it stays so");
        assert_eq!(doubts.judge(1, &[(3, "b")]), [Fault::Event]);
        assert_eq!(doubts.judge(0, &[(4, "c")]), [Fault::Unknown { before: 0 }]);
    }

    #[test]
    fn a_turn_ends_early_where_nothing_is_taken() {
        let mut turn = Turn::default();
        (0..PROBES).for_each(|_| turn.was_refused());
        assert!(turn.is_hopeless());
        turn.took();
        assert!(!turn.is_hopeless());
    }
}
