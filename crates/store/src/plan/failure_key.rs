//! The names of a failure as numbers that lie together when the failures happened together.

use abprall_policy::Day;

/// Days that share a part of the table. Reports about one failure tell the time of the attempt, so they are about at the same time:
/// the part of it and the ones beside it are searched, four days either way at least.
const DAYS: i64 = 4;

/// Bits of the hash within a part: of ten million failures in four days, one in 28 million new ones would meet a stranger's number.
const HASH_BITS: u32 = 48;

/// A name of a failure, as numbers. With the time in front, new rows meet a small part of the table, however long the history is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct FailureKey {
    /// Where it is written.
    pub(crate) own: i64,
    /// Where it is searched: before, own, after.
    pub(crate) near: [i64; 3],
}

impl FailureKey {
    pub(crate) fn new(hash: u64, day: Day) -> Self {
        let hash = (hash & ((1 << HASH_BITS) - 1)).cast_signed();
        let part = day.0.div_euclid(DAYS);
        let key = |part: i64| ((part & 0x7fff) << HASH_BITS) | hash;
        Self { own: key(part), near: [key(part - 1), key(part), key(part + 1)] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_found_from_four_days_before_and_after_and_not_from_ten() {
        for day in 20_000..20_010 {
            let key = FailureKey::new(u64::MAX, Day(day));
            for other in day - 4..=day + 4 {
                assert!(key.near.contains(&FailureKey::new(u64::MAX, Day(other)).own), "{day} {other}");
            }
            assert!(!key.near.contains(&FailureKey::new(u64::MAX, Day(day + 10)).own));
            assert!(!key.near.contains(&FailureKey::new(u64::MAX - 1, Day(day)).own));
        }
    }

    #[test]
    fn later_failures_have_greater_numbers() {
        assert!(FailureKey::new(u64::MAX, Day(20_000)).own < FailureKey::new(0, Day(20_008)).own);
    }
}
