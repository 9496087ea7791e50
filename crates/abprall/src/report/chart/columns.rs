//! Stacked columns over time, from zero, with the highest one named.

use std::fmt::{self, Write};

use super::Escaped;
use super::bar::Part;
use super::scale::Scale;
use crate::terminal::number;

/// One column: its parts from the bottom up.
pub(in super::super) struct Column {
    /// Under the axis, where there is room.
    pub(in super::super) label: String,
    /// What it says when it is pointed at, and read aloud.
    pub(in super::super) title: String,
    pub(in super::super) parts: Vec<Part>,
}

/// The frame of a picture, in the unit of its text: it is drawn once for wide and once for narrow pages, so that text stays as large.
#[derive(Clone, Copy)]
pub(in super::super) struct Picture<'a> {
    pub(in super::super) id: &'a str,
    pub(in super::super) class: &'a str,
    pub(in super::super) title: &'a str,
    pub(in super::super) description: &'a str,
    pub(in super::super) width: f64,
    pub(in super::super) height: f64,
}

const TOP: f64 = 20.0;
const FOOT: f64 = 24.0;
/// Room of a label under the axis.
const LABEL: f64 = 62.0;
/// Width of a digit at the text size of the page.
const DIGIT: f64 = 7.0;
/// Columns are not wider than this: a single day is no wall.
const COLUMN_MAX: f64 = 36.0;

pub(in super::super) fn columns(columns: &[Column], picture: Picture<'_>) -> String {
    let mut svg = String::new();
    // Writing into a string cannot fail.
    let _never = draw(&mut svg, columns, picture);
    svg
}

fn draw(out: &mut String, columns: &[Column], picture: Picture<'_>) -> fmt::Result {
    let Picture { id, class, title, description, width, height } = picture;
    let sums: Vec<u64> =
        columns.iter().map(|column| column.parts.iter().map(|part| part.value).sum()).collect();
    let scale = Scale::of(sums.iter().copied().max().unwrap_or(0), 4);
    #[expect(clippy::cast_precision_loss, reason = "few digits")]
    let left = number(scale.top).chars().count() as f64 * DIGIT + 10.0;
    let (body, base) = (height - TOP - FOOT, height - FOOT);
    write!(
        out,
        "<svg class=\"{}\" viewBox=\"0 0 {width} {height}\" role=\"img\" aria-labelledby=\"{id}-title {id}-desc\">\
         <title id=\"{id}-title\">{}</title><desc id=\"{id}-desc\">{}</desc>",
        Escaped(class),
        Escaped(title),
        Escaped(description)
    )?;
    for line in scale.lines() {
        let y = base - scale.length(line, body);
        let class = if line == 0 { "axis" } else { "grid" };
        write!(
            out,
            "<line class=\"{class}\" x1=\"{left:.1}\" x2=\"{width:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
             <text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            left - 6.0,
            y + 4.0,
            number(line)
        )?;
    }
    #[expect(clippy::cast_precision_loss, reason = "few columns")]
    let pitch = (width - left) / columns.len().max(1) as f64;
    let column_width = (pitch * 0.8).min(COLUMN_MAX);
    let peak = (0..sums.len()).rev().max_by_key(|place| sums[*place]).filter(|place| sums[*place] > 0);
    for (place, column) in columns.iter().enumerate() {
        #[expect(clippy::cast_precision_loss, reason = "few columns")]
        let middle = left + pitch * (place as f64 + 0.5);
        if sums[place] > 0 {
            write!(out, "<g><title>{}</title>", Escaped(&column.title))?;
            let mut y = base;
            for part in column.parts.iter().filter(|part| part.value > 0) {
                let part_height = scale.length(part.value, body);
                y -= part_height;
                write!(
                    out,
                    "<rect class=\"{}\" x=\"{:.1}\" y=\"{y:.1}\" width=\"{column_width:.1}\" height=\"{part_height:.1}\"/>",
                    part.class,
                    middle - column_width / 2.0
                )?;
            }
            out.push_str("</g>");
            if peak == Some(place) {
                let x = middle.clamp(left + 20.0, width - 20.0);
                write!(
                    out,
                    "<text class=\"peak\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
                    y - 5.0,
                    number(sums[place])
                )?;
            }
        }
    }
    labels(out, columns, &Axis { left, width, pitch, y: height - 6.0 })?;
    out.push_str("</svg>");
    Ok(())
}

/// The horizontal axis.
struct Axis {
    left: f64,
    width: f64,
    pitch: f64,
    y: f64,
}

/// As many as there is room for at even distances, counted from the newest, which people look for first.
fn labels(out: &mut String, columns: &[Column], axis: &Axis) -> fmt::Result {
    let Axis { left, width, pitch, y } = *axis;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small and positive")]
    let every = (LABEL / pitch).ceil().max(1.0) as usize;
    let mut free_to = f64::INFINITY;
    for (place, column) in columns.iter().enumerate().rev().step_by(every) {
        #[expect(clippy::cast_precision_loss, reason = "few columns, few letters")]
        let (middle, half) =
            (left + pitch * (place as f64 + 0.5), column.label.chars().count() as f64 * DIGIT / 2.0);
        let middle = middle.min(width - half);
        if middle + half > free_to || middle - half < left - LABEL / 2.0 {
            continue;
        }
        free_to = middle - half - DIGIT;
        write!(
            out,
            "<text class=\"tick\" x=\"{middle:.1}\" y=\"{y:.1}\" text-anchor=\"middle\">{}</text>",
            Escaped(&column.label)
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture() -> Picture<'static> {
        Picture { id: "p", class: "c", title: "T", description: "D", width: 300.0, height: 144.0 }
    }

    fn column(title: &str, values: &[u64]) -> Column {
        let parts = values.iter().map(|value| Part { value: *value, class: "x" }).collect();
        Column { label: title.to_owned(), title: title.to_owned(), parts }
    }

    #[test]
    fn heights_are_in_proportion_and_stand_on_zero() {
        let svg = columns(&[column("a", &[1]), column("b", &[4]), column("c", &[2, 2])], picture());
        for (height, y) in [("25.0", "95.0"), ("100.0", "20.0"), ("50.0", "70.0")] {
            assert!(
                svg.contains(&format!("y=\"{y}\" width")) && svg.contains(&format!("height=\"{height}\"")),
                "{svg}"
            );
        }
    }

    #[test]
    fn words_cannot_leave_their_place() {
        let svg = columns(&[column("<script>\"'&", &[1])], picture());
        assert!(!svg.contains("<script"), "{svg}");
        assert!(svg.contains("&lt;script&gt;&quot;&#39;&amp;"), "{svg}");
    }

    #[test]
    fn nothing_is_drawn_from_nothing_but_the_axis() {
        let svg = columns(&[], picture());
        assert!(!svg.contains("<rect") && svg.contains("class=\"axis\""), "{svg}");
    }
}
