use std::borrow::Cow;
use std::fmt;

use abprall_mail::{Domain, EmailAddress};

/// Whom a question or a decision is about.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Subject {
    /// One address.
    Address(EmailAddress),
    /// All addresses of a domain.
    Domain(Domain),
    /// All addresses of all domains that have no other mail host than stopped ones.
    MxHost(Domain),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::Address(address) => address.fmt(f),
            Subject::Domain(domain) | Subject::MxHost(domain) => f.write_str(domain.as_str()),
        }
    }
}

/// The text whose fingerprint stands for a subject in the suppression index. An address has an `@`, a domain none, a mail host a
/// prefix.
pub fn index_key(subject: &Subject) -> Cow<'_, str> {
    match subject {
        Subject::Address(address) => Cow::Owned(address.suppression_key().as_str().to_owned()),
        Subject::Domain(domain) => Cow::Borrowed(domain.as_str()),
        Subject::MxHost(host) => Cow::Owned(format!("mx:{}", host.as_str())),
    }
}

/// Stands in the suppression index while any mail host is stopped: an address does not show which hosts take its mail, so that the
/// database has to be asked about all.
pub(crate) const ANY_MX_HOST: &str = "mx:*";
