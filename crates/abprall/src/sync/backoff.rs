use std::time::Duration;

/// The pause before the next try: it doubles with each failure, and up to half of it is left to chance, so that those who failed
/// together do not come back together. `chance` is any number.
pub(super) fn pause(failures: u32, min: Duration, max: Duration, chance: u64) -> Duration {
    let full = min.saturating_mul(2_u32.saturating_pow(failures.min(31))).min(max);
    let half = full / 2;
    let part = u32::try_from(chance % 1000).unwrap_or(0);
    half + half * part / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_their_bound_and_never_halve() {
        let (min, max) = (Duration::from_secs(1), Duration::from_secs(60));
        for (failures, full) in [(0, 1), (1, 2), (5, 32), (6, 60), (4_000_000_000, 60)] {
            let full = Duration::from_secs(full);
            for chance in [0, 1, 999, u64::MAX] {
                let pause = pause(failures, min, max, chance);
                assert!(pause >= full / 2 && pause <= full, "{failures}: {pause:?}");
            }
        }
    }
}
