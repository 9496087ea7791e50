//! Values and placeholders as PostgreSQL wants them.

use std::borrow::Cow;
use std::error::Error;

use postgres::types::private::BytesMut;
use postgres::types::{IsNull, ToSql, Type};

use crate::database::{Kind, Value};

/// A value as it is sent.
#[derive(Debug)]
pub(super) struct Sent<'a>(pub(super) Value<'a>);

impl ToSql for Sent<'_> {
    fn to_sql(&self, of: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self.0 {
            Value::Null(_) => Ok(IsNull::Yes),
            Value::Integer(number) => number.to_sql(of, out),
            Value::Real(number) => number.to_sql(of, out),
            // PostgreSQL cannot keep a zero byte in a text; mail can write one.
            Value::Text(text) if text.contains('\0') => text.replace('\0', "\u{fffd}").to_sql(of, out),
            Value::Text(text) => text.to_sql(of, out),
            Value::Blob(bytes) => bytes.to_sql(of, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        // Statements are prepared with the types of their values.
        true
    }

    postgres::types::to_sql_checked!();
}

/// The column type of a kind.
pub(super) fn type_of(kind: Kind) -> Type {
    match kind {
        Kind::Integer => Type::INT8,
        Kind::Real => Type::FLOAT8,
        Kind::Text => Type::TEXT,
        Kind::Blob => Type::BYTEA,
    }
}

/// Many values of a kind.
pub(super) fn array_of(kind: Kind) -> Type {
    match kind {
        Kind::Integer => Type::INT8_ARRAY,
        Kind::Real => Type::FLOAT8_ARRAY,
        Kind::Text => Type::TEXT_ARRAY,
        Kind::Blob => Type::BYTEA_ARRAY,
    }
}

/// `?1` → `$1`.
pub(super) fn placeholders(sql: &str) -> Cow<'_, str> {
    if sql.contains('?') { Cow::Owned(sql.replace('?', "$")) } else { Cow::Borrowed(sql) }
}

/// Given rows as a table: `unnest($1, $2) WITH ORDINALITY AS given (p1, p2, place)`.
pub(super) fn given(columns: usize) -> String {
    let list =
        |prefix: &str| (1..=columns).map(|number| format!("{prefix}{number}")).collect::<Vec<_>>().join(", ");
    format!("unnest({}) WITH ORDINALITY AS given ({}, place)", list("$"), list("p"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_rows_are_a_table_with_their_place() {
        assert_eq!(given(2), "unnest($1, $2) WITH ORDINALITY AS given (p1, p2, place)");
    }
}
