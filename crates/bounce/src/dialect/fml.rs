//! fml, a list server: the list itself refuses, and the notice says so in a sentence.

use super::Dialect;
use super::Place::Sign;
use crate::text::address;
use crate::text::finding::Finding;
use crate::text::notice::Notice;
use crate::{Generator, Kind};

pub(super) const DIALECT: Dialect = Dialect {
    generator: Generator::new("fml"),
    marks: &[(Sign, "x-mlserver: fml")],
    read: Some(read),
    kind: Some(Kind::Failed),
};

/// The first sentence names the list; addresses below it belong to the list's commands.
fn read(notice: &Notice<'_>) -> Vec<Finding> {
    notice
        .lines
        .iter()
        .find_map(|line| Some((address::first_in(line.text)?, line.text)))
        .map(|(found, line)| Finding { reason: line.to_owned(), ..Finding::about(found.address) })
        .into_iter()
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::text::rows_of;

    #[test]
    fn the_list_is_the_recipient_not_its_command_address() {
        let mail = concat!(
            "X-MLServer: fml [fml 4.0]\n",
            "Subject: You me@here.example are not member\n",
            "\n",
            "You are not a member of this mailing list <list@lists.example>.\n",
            "\n",
            "please send mail to the address\n",
            "\n",
            "\tlist-ctl@lists.example\n",
        );
        assert_eq!(rows_of(mail), ["failed list@lists.example - - fml"]);
    }
}
