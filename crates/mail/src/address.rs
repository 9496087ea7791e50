use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Domain, ParseDomainError};

/// Longest local part we accept, in bytes. RFC 5321 §4.5.3.1.1 allows 64; VERP addresses are longer in practice.
pub const LOCAL_PART_BYTES_MAX: usize = 256;

/// A mailbox as SMTP names it (RFC 5321 §4.1.2, RFC 6531 §3.3): local part and domain, or an address literal.
///
/// The local part keeps its case and its `+tag`; needless quoting is removed. The domain is lower-case A-labels.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct EmailAddress {
    /// `local@domain`, canonical.
    text: Box<str>,
    /// Where the last `@` stands.
    at: u32,
}

impl EmailAddress {
    /// Reads one address strictly: a dot-atom or quoted local part, `@`, a domain or an address literal.
    ///
    /// # Errors
    /// Says which rule the text breaks.
    pub fn parse(text: &str) -> Result<Self, ParseAddressError> {
        if text.len() > LOCAL_PART_BYTES_MAX * 2 + 1024 {
            return Err(ParseAddressError::TooLong);
        }
        let at = end_of_local_part(text).ok_or(ParseAddressError::NoAt)?;
        let (local, domain) = (&text[..at], &text[at + 1..]);
        let local = canonical_local_part(local)?;
        if local.len() > LOCAL_PART_BYTES_MAX {
            return Err(ParseAddressError::TooLong);
        }
        let at = u32::try_from(local.len()).map_err(|_| ParseAddressError::TooLong)?;
        let domain = match domain.strip_prefix('[').and_then(|d| d.strip_suffix(']')) {
            Some(literal) if is_address_literal(literal) => domain.to_ascii_lowercase(),
            Some(_) => return Err(ParseAddressError::BadLiteral),
            None => Domain::parse(domain)?.as_str().to_owned(),
        };
        Ok(Self { text: format!("{local}@{domain}").into(), at })
    }

    /// Reads what MTAs print: `<user@example.com>`, `rfc822;user@example.com`, `"user@example.com"`, source routes, trailing
    /// punctuation. Never accepts what [`EmailAddress::parse`] would refuse after this clean-up.
    ///
    /// # Errors
    /// As [`EmailAddress::parse`].
    pub fn parse_lenient(text: &str) -> Result<Self, ParseAddressError> {
        let mut text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
        for kind in ["rfc822;", "utf-8;", "smtp:", "smtp;", "mailto:", "system;", "unknown;", "internet;"] {
            if text.get(..kind.len()).is_some_and(|t| t.eq_ignore_ascii_case(kind)) {
                text = text[kind.len()..].trim_start();
            }
        }
        text = text.trim_end_matches(|c: char| {
            matches!(c, '.' | ',' | ';' | ':' | ')' | '!' | '?') || c.is_whitespace()
        });
        text = text.trim_start_matches(['(', ',', ';']);
        while let Some(inner) = [('<', '>'), ('\'', '\''), ('(', ')'), ('{', '}')]
            .iter()
            .find_map(|(open, close)| text.strip_prefix(*open)?.strip_suffix(*close))
        {
            text = inner.trim();
        }
        text = text.trim_start_matches('<').trim_end_matches('>');
        // A source route (RFC 5321 appendix C): <@relay,@relay:user@example.com>
        if text.starts_with('@')
            && let Some((_, rest)) = text.split_once(':')
        {
            text = rest;
        }
        // A whole address in quotes: "user@example.com"
        if let Some(inner) = text.strip_prefix('"').and_then(|t| t.strip_suffix('"'))
            && inner.contains('@')
        {
            text = inner;
        }
        Self::parse(text)
    }

    /// The whole address: `local@domain`, domain in lower-case A-labels.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The part before the last `@`, as written.
    pub fn local_part(&self) -> &str {
        &self.text[..self.at as usize]
    }

    /// The part after the last `@`: a domain in A-labels, or an address literal in brackets.
    pub fn domain_part(&self) -> &str {
        &self.text[self.at as usize + 1..]
    }

    /// The domain; `None` for an address literal.
    pub fn domain(&self) -> Option<Domain> {
        Domain::parse(self.domain_part()).ok()
    }

    /// The key under which suppressions are kept: the address with a lower-case local part.
    ///
    /// RFC 5321 §2.4 lets local parts differ by case; no known provider uses that, and a person who left must stay away
    /// however the list spells the address.
    pub fn suppression_key(&self) -> SuppressionKey {
        SuppressionKey(format!("{}@{}", self.local_part().to_lowercase(), self.domain_part()).into())
    }
}

/// An address in the one spelling that suppressions are compared in. See [`EmailAddress::suppression_key`].
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SuppressionKey(Box<str>);

impl SuppressionKey {
    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A 64-bit fingerprint with a seed of this installation, so that collisions cannot be prepared (`crates.md` §3.2).
    pub fn fingerprint(&self, seed: u64) -> u64 {
        xxhash_rust::xxh3::xxh3_64_with_seed(self.0.as_bytes(), seed)
    }
}

/// The place of the `@` that ends the local part: the first one outside quotes that is also the last one outside brackets.
fn end_of_local_part(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    if bytes.first() == Some(&b'"') {
        let mut at = 1;
        while at < bytes.len() {
            match bytes[at] {
                b'\\' => at += 2,
                b'"' => return (bytes.get(at + 1) == Some(&b'@')).then_some(at + 1),
                _ => at += 1,
            }
        }
        return None;
    }
    text.rfind('@')
}

/// Unquotes where quotes are not needed; refuses what RFC 5321 §4.1.2 and RFC 6531 §3.3 do not allow.
fn canonical_local_part(local: &str) -> Result<String, ParseAddressError> {
    let Some(quoted) = local.strip_prefix('"').and_then(|l| l.strip_suffix('"')) else {
        // Dots in odd places are against the RFC but exist at real carriers (docomo, au): kept.
        return if !local.is_empty() && local.chars().all(|c| is_atom_char(c) || c == '.') {
            Ok(local.to_owned())
        } else {
            Err(ParseAddressError::BadLocalPart)
        };
    };
    let mut content = String::with_capacity(quoted.len());
    let mut chars = quoted.chars();
    while let Some(c) = chars.next() {
        let c = if c == '\\' { chars.next().ok_or(ParseAddressError::BadLocalPart)? } else { c };
        if c.is_control() {
            return Err(ParseAddressError::BadLocalPart);
        }
        content.push(c);
    }
    let plain = !content.is_empty()
        && content.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atom_char));
    if plain {
        return Ok(content);
    }
    let mut text = String::with_capacity(content.len() + 2);
    text.push('"');
    for c in content.chars() {
        if matches!(c, '"' | '\\') {
            text.push('\\');
        }
        text.push(c);
    }
    text.push('"');
    Ok(text)
}

/// `atext` of RFC 5322 §3.2.3, widened by RFC 6531 §3.3 to all non-ASCII characters that are not control characters.
fn is_atom_char(c: char) -> bool {
    if c.is_ascii() {
        c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c)
    } else {
        !c.is_control() && !c.is_whitespace() && c != '\u{FFFD}'
    }
}

fn is_address_literal(literal: &str) -> bool {
    let v6 = literal.get(..5).filter(|tag| tag.eq_ignore_ascii_case("ipv6:"));
    match v6 {
        Some(_) => literal[5..].parse::<std::net::Ipv6Addr>().is_ok(),
        None => literal.parse::<std::net::Ipv4Addr>().is_ok(),
    }
}

impl FromStr for EmailAddress {
    type Err = ParseAddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for EmailAddress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for EmailAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// Why a text is not a mail address.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ParseAddressError {
    /// No `@` outside quotes.
    #[error("a mail address has the form local@domain")]
    NoAt,
    /// Empty, or characters that need quotes.
    #[error("the part before the @ has characters that are not allowed there (RFC 5321 §4.1.2)")]
    BadLocalPart,
    /// Brackets around something that is no address.
    #[error("an address literal is [192.0.2.1] or [IPv6:2001:db8::1] (RFC 5321 §4.1.3)")]
    BadLiteral,
    /// Longer than any real address.
    #[error("the address is too long")]
    TooLong,
    /// The domain is none.
    #[error(transparent)]
    Domain(#[from] ParseDomainError),
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn same(text: &str, canonical: &str) {
        assert_eq!(EmailAddress::parse_lenient(text).unwrap().as_str(), canonical, "{text}");
    }

    #[test]
    fn spellings_of_one_address_have_one_form() {
        same("User+tag@EXAMPLE.com", "User+tag@example.com");
        same("\"user\"@example.com", "user@example.com");
        same("\"two words\"@example.com", "\"two words\"@example.com");
        same("jürgen@bücher.example", "jürgen@xn--bcher-kva.example");
        same("user@[192.0.2.1]", "user@[192.0.2.1]");
        same("user@[IPv6:2001:DB8::1]", "user@[ipv6:2001:db8::1]");
    }

    #[test]
    fn what_mtas_print_is_understood() {
        same("<user@example.com>:", "user@example.com");
        same("rfc822; user@example.com", "user@example.com");
        same("RFC822;<user@example.com>", "user@example.com");
        same("<@relay.example,@b.example:user@example.com>", "user@example.com");
        same("'user@example.com'", "user@example.com");
        same("\"user@example.com\"", "user@example.com");
        same("(user@example.com).", "user@example.com");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in ["", "user", "@example.com", "a b@example.com", "user@", "user@[x]", "user@a..b", "\"a@b"]
        {
            assert!(EmailAddress::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_suppression_key_ignores_case() {
        let key = |text: &str| EmailAddress::parse(text).unwrap().suppression_key();
        assert_eq!(key("User@Example.com"), key("uSER@example.COM"));
        assert_ne!(key("user@example.com"), key("user+tag@example.com"));
    }

    proptest! {
        #[test]
        fn reading_never_panics_and_the_canonical_form_reads_as_itself(text in "\\PC{0,80}") {
            if let Ok(address) = EmailAddress::parse_lenient(&text) {
                let again = EmailAddress::parse(address.as_str()).unwrap();
                prop_assert_eq!(again, address);
            }
        }

        #[test]
        fn lenient_accepts_what_strict_accepts(local in "[a-z0-9.+_-]{1,20}", domain in "[a-z]{1,10}\\.example") {
            let text = format!("{local}@{domain}");
            if let Ok(address) = EmailAddress::parse(&text) {
                prop_assert_eq!(EmailAddress::parse_lenient(&text).unwrap(), address);
            }
        }
    }
}
