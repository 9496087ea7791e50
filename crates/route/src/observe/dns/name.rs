//! Names between the wire and people: lower case, no final dot, odd bytes as `\DDD` (RFC 4343 §2.1).

use std::fmt::Write;

use domain::base::name::Label;
use domain::base::{Name, ToName};

/// A name in wire form, with a random case for each letter (draft-vixie-dnsext-dns0x20): a forger has to guess it too.
pub(super) fn in_random_case(name: &Name<Vec<u8>>, mut random_bits: impl FnMut() -> u64) -> Name<Vec<u8>> {
    let mut wire = name.as_slice().to_vec();
    let (mut bits, mut left) = (0, 0);
    for byte in &mut wire {
        // A length byte is at most 63 and therefore never a letter.
        if byte.is_ascii_alphabetic() {
            if left == 0 {
                (bits, left) = (random_bits(), 64);
            }
            if bits & 1 == 1 {
                *byte ^= 0x20;
            }
            (bits, left) = (bits >> 1, left - 1);
        }
    }
    Name::from_octets(wire).unwrap_or_else(|_| name.clone())
}

/// A name as people read it.
pub(super) fn presentation(name: &impl ToName) -> String {
    let mut text = String::with_capacity(usize::from(name.compose_len()));
    for label in name.iter_labels().filter(|label| !label.is_root()) {
        if !text.is_empty() {
            text.push('.');
        }
        push_label(&mut text, label);
    }
    if text.is_empty() {
        text.push('.');
    }
    text
}

fn push_label(text: &mut String, label: &Label) {
    for byte in label.as_slice() {
        match byte {
            b'.' | b'\\' => {
                text.push('\\');
                text.push(char::from(*byte));
            }
            0x21..=0x7e => text.push(char::from(byte.to_ascii_lowercase())),
            odd => {
                // Writing to a String cannot fail.
                let _ = write!(text, "\\{odd:03}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_bytes_are_escaped_and_read_back() {
        let wire = Name::from_octets(b"\x05A.b\\\x00\x02MX\x00".to_vec()).unwrap();
        let text = presentation(&wire);
        assert_eq!(text, r"a\.b\\\000.mx");
        assert_eq!(Name::<Vec<u8>>::vec_from_str(&text).unwrap(), wire);
        assert_eq!(presentation(&Name::root_vec()), ".");
    }

    #[test]
    fn random_case_changes_letters_only() {
        let name = Name::<Vec<u8>>::vec_from_str("mx-1.example.com").unwrap();
        let mixed = in_random_case(&name, || u64::MAX);
        assert_eq!(mixed.as_slice(), b"\x04MX-1\x07EXAMPLE\x03COM\x00");
        assert_eq!(mixed, name);
    }
}
