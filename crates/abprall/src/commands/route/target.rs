//! What the command is asked about: domains, or bounces in files.

use std::path::{Path, PathBuf};

use abprall_mail::{Domain, EmailAddress};

#[derive(Debug, PartialEq)]
pub(super) enum Target {
    Domain(Domain),
    /// A message, a mailbox or a folder; `-` is standard input.
    File(PathBuf),
}

impl Target {
    /// The domain, where the question is about one.
    pub(super) fn domain(&self) -> Option<&Domain> {
        match self {
            Target::Domain(domain) => Some(domain),
            Target::File(_) => None,
        }
    }

    /// A domain, the domain of an address, or a file. What exists as a file is one; so is what has a slash.
    ///
    /// # Errors
    /// Says what is wrong with the text.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text == "-" || text.contains(std::path::MAIN_SEPARATOR) || Path::new(text).is_file() {
            return Ok(Target::File(text.into()));
        }
        if text.contains('@') {
            let address = EmailAddress::parse_lenient(text.trim_start_matches('@'));
            let domain = match address {
                Ok(address) => address.domain(),
                Err(_) => Domain::parse(text.trim_start_matches('@')).ok(),
            };
            return domain
                .map(Target::Domain)
                .ok_or_else(|| format!("{text:?} has no domain whose route could be looked at"));
        }
        Domain::parse(text)
            .map(Target::Domain)
            .map_err(|error| format!("{text:?} is neither a file nor a domain: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_addresses_and_files_are_told_apart() {
        let domain = Target::Domain(Domain::parse("example.com").unwrap());
        assert_eq!(Target::read("Example.COM."), Ok(Target::Domain(Domain::parse("example.com").unwrap())));
        assert_eq!(Target::read("anna@example.com"), Ok(domain));
        assert_eq!(Target::read("./example.com"), Ok(Target::File("./example.com".into())));
        assert_eq!(Target::read("-"), Ok(Target::File("-".into())));
        assert!(Target::read("no such file.eml").is_err());
        assert!(Target::read("anna@[192.0.2.1]").is_err());
    }
}
