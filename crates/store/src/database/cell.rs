use std::error::Error;

use postgres::types::{FromSql, Type};
use rusqlite::types::ValueRef;

/// A value on its way out of the database.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Cell<'a> {
    Null,
    Integer(i64),
    Real(f64),
    Text(&'a str),
    Blob(&'a [u8]),
}

impl<'a> Cell<'a> {
    pub(crate) fn from_sqlite(value: ValueRef<'a>) -> Self {
        match value {
            ValueRef::Null => Self::Null,
            ValueRef::Integer(number) => Self::Integer(number),
            ValueRef::Real(number) => Self::Real(number),
            // Text that is none is no word that anybody knows: the reader of the column says so.
            ValueRef::Text(bytes) => std::str::from_utf8(bytes).map_or(Self::Blob(bytes), Self::Text),
            ValueRef::Blob(bytes) => Self::Blob(bytes),
        }
    }
}

impl<'a> FromSql<'a> for Cell<'a> {
    fn from_sql(of: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(match *of {
            Type::BOOL => Self::Integer(i64::from(bool::from_sql(of, raw)?)),
            Type::INT2 => Self::Integer(i64::from(i16::from_sql(of, raw)?)),
            Type::INT4 => Self::Integer(i64::from(i32::from_sql(of, raw)?)),
            Type::INT8 => Self::Integer(i64::from_sql(of, raw)?),
            Type::FLOAT8 => Self::Real(f64::from_sql(of, raw)?),
            Type::NUMERIC => Self::Integer(whole(raw).ok_or("a number that is not whole")?),
            Type::BYTEA => Self::Blob(<&[u8]>::from_sql(of, raw)?),
            _ => Self::Text(<&str>::from_sql(of, raw)?),
        })
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self::Null)
    }

    fn accepts(of: &Type) -> bool {
        matches!(
            *of,
            Type::BOOL | Type::INT2 | Type::INT4 | Type::INT8 | Type::FLOAT8 | Type::NUMERIC | Type::BYTEA
        ) || <&str as FromSql>::accepts(of)
    }
}

/// A whole `numeric`, which PostgreSQL makes of sums: how many digits to the base 10,000, the weight of the first, the sign, the scale,
/// the digits; each two bytes. `None` for all others.
fn whole(raw: &[u8]) -> Option<i64> {
    let mut words = raw.chunks_exact(2).map(|word| i16::from_be_bytes([word[0], word[1]]));
    let (digits, weight, sign, _scale) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let mut number: i64 = 0;
    // Zeros at the end are not sent.
    for place in 0..=weight {
        let digit = if place < digits { words.next()? } else { 0 };
        number = number.checked_mul(10_000)?.checked_add(i64::from(digit))?;
    }
    match sign {
        0 if digits <= weight + 1 => Some(number),
        0x4000 if digits <= weight + 1 => Some(-number),
        _ => None,
    }
}

/// What can be read from a column.
pub(crate) trait FromCell: Sized {
    /// `None` where the column holds something else.
    fn from_cell(cell: Cell<'_>) -> Option<Self>;
}

impl FromCell for i64 {
    fn from_cell(cell: Cell<'_>) -> Option<Self> {
        match cell {
            Cell::Integer(number) => Some(number),
            Cell::Null | Cell::Real(_) | Cell::Text(_) | Cell::Blob(_) => None,
        }
    }
}

macro_rules! narrower {
    ($($of:ty),+) => { $(
        impl FromCell for $of {
            fn from_cell(cell: Cell<'_>) -> Option<Self> {
                i64::from_cell(cell).and_then(|number| Self::try_from(number).ok())
            }
        }
    )+ };
}
narrower!(u32, u16);

impl FromCell for bool {
    fn from_cell(cell: Cell<'_>) -> Option<Self> {
        i64::from_cell(cell).map(|number| number != 0)
    }
}

impl FromCell for f64 {
    fn from_cell(cell: Cell<'_>) -> Option<Self> {
        match cell {
            Cell::Real(number) => Some(number),
            Cell::Integer(number) => Some(number as f64),
            Cell::Null | Cell::Text(_) | Cell::Blob(_) => None,
        }
    }
}

impl FromCell for f32 {
    fn from_cell(cell: Cell<'_>) -> Option<Self> {
        f64::from_cell(cell).map(|number| number as f32)
    }
}

impl FromCell for String {
    fn from_cell(cell: Cell<'_>) -> Option<Self> {
        match cell {
            Cell::Text(text) => Some(text.to_owned()),
            Cell::Null | Cell::Integer(_) | Cell::Real(_) | Cell::Blob(_) => None,
        }
    }
}

impl FromCell for Vec<u8> {
    fn from_cell(cell: Cell<'_>) -> Option<Self> {
        match cell {
            Cell::Blob(bytes) => Some(bytes.to_vec()),
            Cell::Null | Cell::Integer(_) | Cell::Real(_) | Cell::Text(_) => None,
        }
    }
}

impl<T: FromCell> FromCell for Option<T> {
    fn from_cell(cell: Cell<'_>) -> Option<Self> {
        match cell {
            Cell::Null => Some(None),
            Cell::Integer(_) | Cell::Real(_) | Cell::Text(_) | Cell::Blob(_) => T::from_cell(cell).map(Some),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numeric(words: &[i16]) -> Option<i64> {
        whole(&words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<_>>())
    }

    #[test]
    fn a_sum_is_a_whole_number_and_nothing_else() {
        assert_eq!(numeric(&[0, 0, 0, 0]), Some(0));
        assert_eq!(numeric(&[1, 0, 0, 0, 42]), Some(42));
        assert_eq!(numeric(&[2, 1, 0x4000, 0, 12, 3456]), Some(-123_456));
        // 10,000: the zero behind it is not sent.
        assert_eq!(numeric(&[1, 1, 0, 0, 1]), Some(10_000));
        // One half, not a number, more than fits, cut off.
        assert_eq!(numeric(&[1, -1, 0, 1, 5000]), None);
        assert_eq!(numeric(&[0, 0, -0x4000, 0]), None);
        assert_eq!(numeric(&[1, 9, 0, 0, 1]), None);
        assert_eq!(numeric(&[2, 1, 0, 0, 1]), None);
    }
}
