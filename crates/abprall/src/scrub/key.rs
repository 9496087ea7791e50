//! The suppression key of an address without taking it apart into owned pieces: of ten million addresses nearly all are plain.

/// Writes key and domain of a plain address into `key` and says where the domain begins; `None` where a closer look is needed.
///
/// Plain: ASCII letters, digits and `.+-_` before the `@`, at most 64; letters, digits and single inner hyphens in at least two labels.
/// What is taken here has the same key as `EmailAddress::suppression_key` gives.
pub(crate) fn plain_key(text: &[u8], key: &mut String) -> Option<usize> {
    key.clear();
    let at = memchr::memchr(b'@', text)?;
    if at == 0 || at > 64 || text.len() > 254 {
        return None;
    }
    for byte in &text[..at] {
        if !byte.is_ascii_alphanumeric() && !b".+-_".contains(byte) {
            return None;
        }
        key.push(char::from(byte.to_ascii_lowercase()));
    }
    key.push('@');
    let (mut before, mut dots, mut label) = (b'.', 0, 0);
    for byte in &text[at + 1..] {
        let byte = byte.to_ascii_lowercase();
        match byte {
            b'.' if before == b'.' || before == b'-' => return None,
            b'.' => (dots, label) = (dots + 1, 0),
            // Two hyphens could be an A-label, which has rules of its own.
            b'-' if before == b'.' || before == b'-' => return None,
            b'-' | b'a'..=b'z' | b'0'..=b'9' => label += 1,
            _ => return None,
        }
        if label > 63 {
            return None;
        }
        before = byte;
        key.push(char::from(byte));
    }
    (dots > 0 && before != b'.' && before != b'-').then_some(at + 1)
}

#[cfg(test)]
mod tests {
    use abprall_mail::EmailAddress;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn plain_addresses_take_the_short_way() {
        let mut key = String::new();
        assert_eq!(plain_key(b"Anna.B+x@Mail.Example.com", &mut key), Some(9));
        assert_eq!(key, "anna.b+x@mail.example.com");
        for text in [
            "anna@xn--a.com",
            "a b@c.d",
            "a@b",
            "a@b.",
            "@b.c",
            "a@b@c.d",
            "a@.b",
            "a@b..c",
            "a@-b.c",
            "é@b.c",
            "",
        ] {
            assert_eq!(plain_key(text.as_bytes(), &mut key), None, "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn the_short_way_leads_where_the_long_one_does(text in "[a-zA-Z0-9.+_-]{0,12}@[a-zA-Z0-9.-]{0,20}") {
            let mut key = String::new();
            if let Some(domain) = plain_key(text.as_bytes(), &mut key) {
                let address = EmailAddress::parse(&text).unwrap();
                let long = address.suppression_key();
                prop_assert_eq!(long.as_str(), key.as_str());
                prop_assert_eq!(address.domain_part(), &key[domain..]);
            }
        }
    }
}
