//! Exim: indented addresses with indented reasons; `X-Failed-Recipients` names them too.

use super::Dialect;
use super::Place::{Sign, Text};
use crate::Generator;

pub(super) const DIALECT: Dialect = Dialect {
    generator: Generator::new("exim"),
    marks: &[
        (Text, "this message was created automatically by mail delivery software"),
        (Text, "contained one or more recipient addresses that were"),
        (Sign, "x-failed-recipients:"),
    ],
    read: None,
    kind: None,
};
