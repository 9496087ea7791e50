//! Exim writes bytes beyond ASCII as `\316\264`; here they become text again.

use std::borrow::Cow;

/// The text with every run of octal escapes that is UTF-8 decoded.
pub(super) fn decoded(text: &str) -> Cow<'_, str> {
    if memchr::memmem::find(text.as_bytes(), b"\\3").is_none() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let bytes: Vec<u8> = rest.as_bytes().chunks_exact(4).map_while(escaped).collect();
        match std::str::from_utf8(&bytes) {
            Ok(run) if !run.is_empty() => {
                out.push_str(run);
                rest = &rest[bytes.len() * 4..];
            }
            _ => {
                out.push('\\');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// A byte of 128 to 255 from `\2xx` or `\3xx`.
fn escaped(four: &[u8]) -> Option<u8> {
    match four {
        [b'\\', high @ b'2'..=b'3', middle @ b'0'..=b'7', low @ b'0'..=b'7'] => {
            Some((high - b'0') * 64 + (middle - b'0') * 8 + (low - b'0'))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_of_exim_become_text() {
        assert_eq!(decoded("<\\316\\264\\316\\277@b.example>"), "<δο@b.example>");
    }

    #[test]
    fn other_backslashes_stay() {
        for text in ["a\\b", "\\377\\377", "\\3", "\\31é", "x\\"] {
            assert_eq!(decoded(text), text);
        }
    }
}
