//! Mandrill: `X-Mandrill-Signature` is HMAC-SHA1, in base64, of the URL and all form fields sorted by name.

use aws_lc_rs::hmac;

use super::{SignatureError, base64};
use crate::webhook::form_fields;

/// Checks a post. `url` is exactly the one that was given to Mandrill, with user and password where it has them.
///
/// # Errors
/// When the header is missing or malformed, or the signature is another.
pub fn check(key: &str, url: &str, signature: Option<&str>, body: &[u8]) -> Result<(), SignatureError> {
    let signature =
        base64(signature.ok_or(SignatureError::Missing("X-Mandrill-Signature"))?, "X-Mandrill-Signature")?;
    if key.is_empty() {
        return Err(SignatureError::BadKey);
    }
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key.as_bytes());
    hmac::verify(&key, signed(url, body).as_bytes(), &signature).map_err(|_| SignatureError::Wrong)
}

fn signed(url: &str, body: &[u8]) -> String {
    let mut fields = form_fields(body);
    fields.sort();
    let fields = fields.into_iter().flat_map(|(name, value)| [name, value]);
    std::iter::once(url.to_owned()).chain(fields).collect()
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    #[test]
    fn the_url_and_every_field_are_signed() {
        let url = "https://user:pass@bounces.example.org/v1/hooks/mandrill";
        let body = b"mandrill_events=%5B%7B%22a%22%3A1%7D%5D&another=x+y";
        // By the words of Mandrill's guide, not by our own function.
        let text = format!("{url}anotherx ymandrill_events[{{\"a\":1}}]");
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, b"key");
        let signature = STANDARD.encode(hmac::sign(&key, text.as_bytes()));
        assert_eq!(check("key", url, Some(&signature), body), Ok(()));
        for (key, url, body) in [
            ("other", url, &body[..]),
            ("key", "https://bounces.example.org/v1/hooks/mandrill", body),
            ("key", url, b"mandrill_events=%5B%5D"),
        ] {
            assert_eq!(check(key, url, Some(&signature), body), Err(SignatureError::Wrong));
        }
        assert_eq!(check("key", url, None, body), Err(SignatureError::Missing("X-Mandrill-Signature")));
    }
}
