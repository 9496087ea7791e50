use rusqlite::types::{ToSqlOutput, ValueRef};

/// What a column is made of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Integer,
    Real,
    Text,
    Blob,
}

/// A value on its way into the database. Nothing, too, is of a kind: PostgreSQL wants to know.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Value<'a> {
    Null(Kind),
    Integer(i64),
    Real(f64),
    Text(&'a str),
    Blob(&'a [u8]),
}

impl Value<'_> {
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Null(kind) => *kind,
            Self::Integer(_) => Kind::Integer,
            Self::Real(_) => Kind::Real,
            Self::Text(_) => Kind::Text,
            Self::Blob(_) => Kind::Blob,
        }
    }
}

impl rusqlite::ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null(_) => ValueRef::Null,
            Self::Integer(number) => ValueRef::Integer(*number),
            Self::Real(number) => ValueRef::Real(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

/// A row of values.
macro_rules! row {
    ($($value:expr),* $(,)?) => { vec![$($crate::database::Value::from($value)),*] };
}
pub(crate) use row;

macro_rules! from {
    ($($kind:ident from $($of:ty),+;)+) => { $($(
        impl<'a> From<$of> for Value<'a> {
            fn from(value: $of) -> Self {
                Self::$kind(Into::into(value))
            }
        }
        impl<'a> From<Option<$of>> for Value<'a> {
            fn from(value: Option<$of>) -> Self {
                value.map_or(Self::Null(Kind::$kind), Self::from)
            }
        }
    )+)+ };
}
from! {
    Integer from i64, u32, u16, bool;
    Real from f64;
    Text from &'a str;
    Blob from &'a [u8];
}

/// What can be put into a column.
pub(crate) trait ToValue {
    fn value(&self) -> Value<'_>;
}

/// Of which kind a type's values are.
pub(crate) trait OfKind {
    const KIND: Kind;
}

macro_rules! integers {
    ($($of:ty),+) => { $(
        impl ToValue for $of {
            fn value(&self) -> Value<'_> {
                Value::Integer(i64::from(*self))
            }
        }
        impl OfKind for $of {
            const KIND: Kind = Kind::Integer;
        }
    )+ };
}
integers!(i64, i32, u32, u16, u8, bool);

macro_rules! others {
    ($($of:ty => $kind:ident, $value:ident: $made:expr;)+) => { $(
        impl ToValue for $of {
            fn value(&self) -> Value<'_> {
                let $value = self;
                Value::$kind($made)
            }
        }
        impl OfKind for $of {
            const KIND: Kind = Kind::$kind;
        }
    )+ };
}
others! {
    f64 => Real, value: *value;
    str => Text, value: value;
    String => Text, value: value;
    [u8] => Blob, value: value;
    [u8; 16] => Blob, value: value;
}

impl<T: ToValue + ?Sized> ToValue for &T {
    fn value(&self) -> Value<'_> {
        (**self).value()
    }
}

impl<T: OfKind + ?Sized> OfKind for &T {
    const KIND: Kind = T::KIND;
}

impl<T: ToValue + OfKind> ToValue for Option<T> {
    fn value(&self) -> Value<'_> {
        self.as_ref().map_or(Value::Null(T::KIND), T::value)
    }
}

/// The values for a statement, in their order.
pub(crate) trait Params {
    fn values(&self) -> Vec<Value<'_>>;
}

impl Params for &[&dyn ToValue] {
    fn values(&self) -> Vec<Value<'_>> {
        self.iter().map(|value| value.value()).collect()
    }
}

impl Params for &[Value<'_>] {
    fn values(&self) -> Vec<Value<'_>> {
        self.to_vec()
    }
}

/// No values.
impl Params for [&dyn ToValue; 0] {
    fn values(&self) -> Vec<Value<'_>> {
        Vec::new()
    }
}

macro_rules! arrays {
    ($($length:literal),+) => { $(
        impl<T: ToValue> Params for [T; $length] {
            fn values(&self) -> Vec<Value<'_>> {
                self.iter().map(ToValue::value).collect()
            }
        }
    )+ };
}
arrays!(1, 2, 3);
