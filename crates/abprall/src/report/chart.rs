//! Small pictures as SVG text: pure, from numbers and words to markup. All words are escaped here; colours are classes that the page's
//! style sheet gives a meaning.

mod bar;
mod columns;
mod scale;
mod time;

use std::fmt::{self, Display};

pub(super) use bar::{Part, bar};
pub(super) use columns::{Column, Picture, columns};
pub(super) use time::{Bucket, buckets};

/// Text as it may stand in markup.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '&' => f.write_str("&amp;"),
            '"' => f.write_str("&quot;"),
            '\'' => f.write_str("&#39;"),
            c => write!(f, "{c}"),
        })
    }
}
