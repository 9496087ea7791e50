//! Lists come page by page: each page begins after the last row of the one before, so that the thousandth is as fast as the first.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// Which part of a list is wanted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Page {
    /// The place where the page before ended; `None`: from the beginning.
    pub after: Option<Cursor>,
    /// Rows at most, from 1.
    pub rows: u32,
}

impl Page {
    /// The first page.
    pub fn first(rows: u32) -> Self {
        Self { after: None, rows }
    }
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Rows<T> {
    /// Its rows.
    pub rows: Vec<T>,
    /// Where the next page begins; `None`: this is the last.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub next: Option<Cursor>,
}

/// A place in a list: what it is sorted by, then the number of the row. To be passed on, not to be understood.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Cursor {
    pub(crate) key: i64,
    pub(crate) id: i64,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.key, self.id)
    }
}

/// The text is no cursor.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("this is no place in a list; take it from the answer before")]
pub struct CursorError;

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        let (key, id) = text.split_once('.').ok_or(CursorError)?;
        Ok(Self { key: key.parse().map_err(|_| CursorError)?, id: id.parse().map_err(|_| CursorError)? })
    }
}

impl Serialize for Cursor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Cuts what was read, one row more than wanted, to a page.
pub(crate) fn cut_to_page<T>(mut found: Vec<(Cursor, T)>, page: Page) -> Rows<T> {
    let wanted = page.rows.max(1) as usize;
    let more = found.len() > wanted;
    found.truncate(wanted);
    let next = found.last().filter(|_| more).map(|(cursor, _)| *cursor);
    Rows { rows: found.into_iter().map(|(_, row)| row).collect(), next }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_a_text_and_back() {
        let cursor = Cursor { key: -7, id: 12 };
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        assert_eq!("12".parse::<Cursor>(), Err(CursorError));
    }

    #[test]
    fn only_a_page_that_is_not_the_last_names_the_next() {
        let rows = |n: i64| (0..n).map(|id| (Cursor { key: 0, id }, id)).collect::<Vec<_>>();
        assert_eq!(cut_to_page(rows(3), Page::first(2)).next, Some(Cursor { key: 0, id: 1 }));
        assert_eq!(cut_to_page(rows(2), Page::first(2)).next, None);
    }
}
