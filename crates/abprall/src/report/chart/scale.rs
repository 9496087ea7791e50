//! The vertical axis: from zero to a round number.

/// A round top at or above the largest value, and the step between its lines: 1, 2 or 5 times a power of ten.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Scale {
    pub(super) top: u64,
    pub(super) step: u64,
}

impl Scale {
    /// With at most `lines_max` lines above zero.
    pub(super) fn of(most: u64, lines_max: u64) -> Self {
        let most = most.max(1);
        let mut power = 1_u64;
        loop {
            for factor in [1, 2, 5] {
                let step = power.saturating_mul(factor);
                let lines = most.div_ceil(step);
                if lines <= lines_max.max(1) {
                    return Self { top: lines.saturating_mul(step), step };
                }
            }
            power = power.saturating_mul(10);
        }
    }

    pub(super) fn lines(self) -> impl Iterator<Item = u64> {
        (0..=self.top / self.step).map(move |line| line * self.step)
    }

    /// The part of `length` that a value takes up.
    #[expect(clippy::cast_precision_loss, reason = "a picture has far fewer points than an f64 digits")]
    pub(super) fn length(self, value: u64, length: f64) -> f64 {
        value as f64 / self.top as f64 * length
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_top_is_round_and_lines_begin_at_zero() {
        assert_eq!(Scale::of(0, 4), Scale { top: 1, step: 1 });
        assert_eq!(Scale::of(7, 4), Scale { top: 8, step: 2 });
        assert_eq!(Scale::of(1234, 4), Scale { top: 1500, step: 500 });
        assert_eq!(Scale::of(7, 4).lines().collect::<Vec<_>>(), [0, 2, 4, 6, 8]);
    }

    proptest! {
        #[test]
        fn every_value_fits_under_the_top(most in 0..u64::MAX / 100, lines_max in 1..9_u64) {
            let scale = Scale::of(most, lines_max);
            prop_assert!(scale.top >= most && scale.lines().count() as u64 <= lines_max + 1);
            prop_assert!(scale.length(most, 100.0) <= 100.0);
        }
    }
}
