//! qmail, notqmail and their kin: the bounce message format QSBMF, paragraphs that start with `<address>:`.

use super::Dialect;
use super::Place::Text;
use crate::{Generator, Kind};

pub(super) const DIALECT: Dialect = Dialect {
    generator: Generator::new("qmail"),
    marks: &[
        (Text, "this is the qmail-send program"),
        (Text, "this is the qmail program"),
        (Text, "this is the notqmail-send program"),
        (Text, "this is the deliver program at"),
        (Text, "this is the machine generated message from mail service"),
        (Text, "\nremote host said: "),
        (Text, "i'm afraid i wasn't able to deliver your message to the following addresses"),
    ],
    read: None,
    kind: Some(Kind::Failed),
};
