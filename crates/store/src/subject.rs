use std::fmt;

use abprall_mail::{Domain, EmailAddress};

/// Whom a person's question or decision is about.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Subject {
    /// One address.
    Address(EmailAddress),
    /// All addresses of a domain.
    Domain(Domain),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::Address(address) => address.fmt(f),
            Subject::Domain(domain) => f.write_str(domain.as_str()),
        }
    }
}
