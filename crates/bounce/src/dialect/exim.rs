//! Exim: indented addresses with indented reasons; `X-Failed-Recipients` names them too.

use super::Dialect;
use super::Place::{Head, Text};
use crate::Generator;

pub(super) const DIALECT: Dialect = Dialect {
    generator: Generator::new("exim"),
    marks: &[
        (Text, "this message was created automatically by mail delivery software"),
        (Text, "contained one or more recipient addresses that were"),
        (Head, "x-failed-recipients:"),
    ],
    read: None,
    kind: None,
};
