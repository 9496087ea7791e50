//! Zoho: one line a recipient, with codes as `ERROR_CODE :550, ERROR_CODE :5.1.1 <…>... User Unknown`.

use super::Dialect;
use super::Place::{Head, Sign};
use crate::text::finding::Finding;
use crate::text::notice::Notice;
use crate::text::reader;
use crate::{Generator, Issuer};

pub(super) const DIALECT: Dialect = Dialect {
    generator: Generator::new("zoho"),
    marks: &[(Head, "x-mailer: zoho mail"), (Sign, "mailer-daemon@mail.zoho.")],
    read: Some(read),
    kind: None,
};

fn read(notice: &Notice<'_>) -> Vec<Finding> {
    let mut findings = reader::read(notice);
    for finding in &mut findings {
        if let Some(at) = finding.reason.find("ERROR_CODE :") {
            finding.issuer = Some(Issuer::Remote);
            let reply = finding.reason[at..].replace("ERROR_CODE :", " ");
            let words: Vec<&str> = reply.split([' ', ',']).filter(|word| !word.is_empty()).collect();
            finding.prose = std::mem::replace(&mut finding.reason, words.join(" "));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use crate::text::rows_of;

    #[test]
    fn codes_behind_a_label_are_a_reply() {
        let mail = concat!(
            "X-Mailer: Zoho Mail\n",
            "Subject: Undelivered Mail Returned to Sender\n",
            "\n",
            "A message that you sent could not be delivered. This is a permanent error.\n",
            "\n",
            "user@gone.example Invalid Address, ERROR_CODE :550, ERROR_CODE :5.1.1 <user@gone.example>... no\n",
            "two@gone.example Error, ERROR_CODE :421, ERROR_CODE :, Host not reachable.\n",
        );
        assert_eq!(
            rows_of(mail),
            ["failed user@gone.example 550 5.1.1 zoho", "failed two@gone.example 421 - zoho"]
        );
    }
}
