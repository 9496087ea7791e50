use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Longest domain name in presentation form, in bytes (RFC 1035 §2.3.4, without the final dot).
pub const DOMAIN_BYTES_MAX: usize = 253;

/// A domain name as mail uses it: lower case, A-labels (RFC 5890), no final dot. Address literals are not domains.
///
/// Underscores are kept: they occur in real host names. Compare and store the A-label form; show [`Domain::to_unicode`].
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Domain(Box<str>);

impl Domain {
    /// Reads a domain in any spelling: upper case, U-labels, a final dot.
    ///
    /// # Errors
    /// Says which rule of RFC 1035 §2.3.4 or UTS 46 the name breaks.
    pub fn parse(text: &str) -> Result<Self, ParseDomainError> {
        let text = text.strip_suffix('.').unwrap_or(text);
        if text.is_empty() {
            return Err(ParseDomainError::Empty);
        }
        if text.len() > 4 * DOMAIN_BYTES_MAX {
            return Err(ParseDomainError::TooLong);
        }
        let name = if text.is_ascii() && !has_a_label(text) {
            text.to_ascii_lowercase()
        } else {
            idna::domain_to_ascii(text).map_err(|_| ParseDomainError::NotIdna)?
        };
        if name.len() > DOMAIN_BYTES_MAX {
            return Err(ParseDomainError::TooLong);
        }
        for label in name.split('.') {
            if label.is_empty() || label.len() > 63 {
                return Err(ParseDomainError::BadLabel);
            }
            if !label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
                return Err(ParseDomainError::BadCharacter);
            }
            if label.starts_with('-') || label.ends_with('-') {
                return Err(ParseDomainError::BadLabel);
            }
        }
        Ok(Self(name.into()))
    }

    /// The name in lower-case A-labels.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as people read it, in U-labels.
    pub fn to_unicode(&self) -> String {
        idna::domain_to_unicode(&self.0).0
    }

    /// The registrable domain by the public suffix list: `mail.example.co.uk` → `example.co.uk`.
    ///
    /// `None` for a public suffix itself. Names under an unknown top-level domain count as if it were a public suffix.
    pub fn registrable(&self) -> Option<&str> {
        psl::domain_str(&self.0)
    }

    /// Whether this is `other` or lies below it.
    pub fn is_within(&self, other: &str) -> bool {
        self.0.strip_suffix(other).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    }
}

/// An A-label must be checked by IDNA even though it is ASCII.
fn has_a_label(text: &str) -> bool {
    text.as_bytes().windows(4).any(|w| w.eq_ignore_ascii_case(b"xn--"))
}

impl FromStr for Domain {
    type Err = ParseDomainError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Domain {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Domain {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// Why a text is not a domain name.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ParseDomainError {
    /// Nothing there.
    #[error("a domain name cannot be empty")]
    Empty,
    /// Over 253 bytes.
    #[error("a domain name has at most 253 bytes (RFC 1035 §2.3.4)")]
    TooLong,
    /// A label is empty, longer than 63 bytes, or starts or ends with a hyphen.
    #[error("a label of a domain name has 1 to 63 bytes and no hyphen at its ends (RFC 1035 §2.3.4)")]
    BadLabel,
    /// Something other than letters, digits, hyphen, underscore.
    #[error("a domain name is made of letters, digits and hyphens")]
    BadCharacter,
    /// UTS 46 refuses it.
    #[error("not a valid internationalised domain name (UTS 46)")]
    NotIdna,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_domain_are_equal() {
        let plain = Domain::parse("xn--bcher-kva.example").unwrap();
        assert_eq!(Domain::parse("Bücher.Example.").unwrap(), plain);
        assert_eq!(plain.to_unicode(), "bücher.example");
    }

    #[test]
    fn the_registrable_domain_comes_from_the_public_suffix_list() {
        assert_eq!(Domain::parse("mx.mail.example.co.uk").unwrap().registrable(), Some("example.co.uk"));
        assert_eq!(Domain::parse("co.uk").unwrap().registrable(), None);
    }

    #[test]
    fn what_is_no_domain_is_refused() {
        for text in ["", ".", "a..b", "-a.example", "a b.example", "exa<mple", &"a.".repeat(200)] {
            assert!(Domain::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn within_means_whole_labels() {
        let host = Domain::parse("mx.example.com").unwrap();
        assert!(host.is_within("example.com"));
        assert!(!host.is_within("ample.com"));
    }
}
