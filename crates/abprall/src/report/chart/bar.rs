//! One horizontal bar, as wide as the place that it is put in. The number stands beside it, so that it is silent for screen readers.

use std::fmt::Write;

/// A part of a bar and the class of its colour.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Part {
    pub(in super::super) value: u64,
    pub(in super::super) class: &'static str,
}

/// Shortest part of a value above zero, in hundredths of the bar: it must be seen that there is one.
const SHORTEST: f64 = 0.7;

/// The parts one after the other, from zero; `most` is the length of the whole place.
pub(in super::super) fn bar(parts: &[Part], most: u64) -> String {
    let mut svg = String::from(
        "<svg class=\"bar\" viewBox=\"0 0 100 10\" preserveAspectRatio=\"none\" aria-hidden=\"true\" focusable=\"false\">",
    );
    let mut left = 0.0_f64;
    for part in parts.iter().filter(|part| part.value > 0) {
        #[expect(clippy::cast_precision_loss, reason = "a picture has far fewer points than an f64 digits")]
        let width = (part.value as f64 / most.max(1) as f64 * 100.0).max(SHORTEST).min(100.0 - left);
        // Writing into a string cannot fail.
        let _never = write!(
            svg,
            "<rect class=\"{}\" x=\"{left:.2}\" width=\"{width:.2}\" height=\"10\"/>",
            part.class
        );
        left += width;
    }
    svg.push_str("</svg>");
    svg
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_follow_each_other_and_stay_inside() {
        let parts = [Part { value: 1, class: "a" }, Part { value: 3, class: "b" }];
        let svg = bar(&parts, 4);
        assert!(svg.contains("class=\"a\" x=\"0.00\" width=\"25.00\""), "{svg}");
        assert!(svg.contains("class=\"b\" x=\"25.00\" width=\"75.00\""), "{svg}");
    }

    #[test]
    fn the_smallest_value_is_seen_and_none_is_not() {
        assert!(bar(&[Part { value: 1, class: "a" }], u64::MAX).contains("width=\"0.70\""));
        assert!(!bar(&[Part { value: 0, class: "a" }], 0).contains("rect"));
    }
}
