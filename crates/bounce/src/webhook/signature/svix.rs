//! Svix, and with it Resend: HMAC-SHA256 over `id.timestamp.body`; the header may hold several signatures while a secret is changed.

use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;

use super::{SignatureError, in_time, seconds};

/// Signatures looked at in one header: a secret that is being changed has two.
const SIGNATURES_MAX: usize = 20;

/// The headers of a post: `svix-id`, `svix-timestamp`, `svix-signature`, or the same with `webhook-`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Headers<'a> {
    /// The same over all attempts of one post.
    pub id: Option<&'a str>,
    /// Seconds since 1970.
    pub timestamp: Option<&'a str>,
    /// `v1,BASE64 v1,BASE64 …`.
    pub signature: Option<&'a str>,
}

/// Checks a post against the secrets that are valid now (`whsec_…`); any that matches will do.
///
/// # Errors
/// When a header is missing or malformed, no signature matches, or the time is out of the tolerance.
pub fn check(
    secrets: &[&str],
    headers: Headers<'_>,
    body: &[u8],
    now: Timestamp,
    tolerance: Option<Duration>,
) -> Result<(), SignatureError> {
    let id = headers.id.ok_or(SignatureError::Missing("svix-id"))?;
    let timestamp = headers.timestamp.ok_or(SignatureError::Missing("svix-timestamp"))?;
    let given = headers.signature.ok_or(SignatureError::Missing("svix-signature"))?;
    let signed = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat();
    let mut matches = false;
    for secret in secrets {
        let secret = STANDARD.decode(secret.trim().trim_start_matches("whsec_"));
        let secret = secret.map_err(|_| SignatureError::BadKey)?;
        if secret.is_empty() {
            return Err(SignatureError::BadKey);
        }
        let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
        for signature in given.split(' ').take(SIGNATURES_MAX) {
            let signature = signature.strip_prefix("v1,").and_then(|text| STANDARD.decode(text).ok());
            matches |= signature.is_some_and(|signature| hmac::verify(&key, &signed, &signature).is_ok());
        }
    }
    if !matches {
        return Err(SignatureError::Wrong);
    }
    in_time(seconds(timestamp, "svix-timestamp")?, now, tolerance)
}

#[cfg(test)]
mod tests {
    use super::super::TOLERANCE;
    use super::*;

    /// The example of Svix's documentation ("Verifying webhooks manually").
    const SECRET: &str = "whsec_plJ3nmyCDGBKInavdOK15jsl";
    const BODY: &[u8] = b"{\"event_type\":\"ping\",\"data\":{\"success\":true}}";

    fn sign(secret: &str, id: &str, timestamp: &str, body: &[u8]) -> String {
        let key = STANDARD.decode(secret.trim_start_matches("whsec_")).unwrap();
        let text = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat();
        STANDARD.encode(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), &text))
    }

    #[test]
    fn one_matching_signature_of_several_is_enough() {
        let (id, timestamp) = ("msg_loFOjxBNrRLzqYUf", "1731705121");
        let now = Timestamp::from_second(1_731_705_200).unwrap();
        let own = sign(SECRET, id, timestamp, BODY);
        let old = sign("whsec_b2xkIHNlY3JldA==", id, timestamp, BODY);
        let both = format!("v1,{old} v2,xyz v1,{own}");
        let headers = Headers { id: Some(id), timestamp: Some(timestamp), signature: Some(&both) };
        assert_eq!(check(&[SECRET], headers, BODY, now, Some(TOLERANCE)), Ok(()));
        assert_eq!(check(&["whsec_bmV3", SECRET], headers, BODY, now, Some(TOLERANCE)), Ok(()));
        assert_eq!(check(&["whsec_bmV3"], headers, BODY, now, Some(TOLERANCE)), Err(SignatureError::Wrong));
        assert_eq!(check(&[], headers, BODY, now, Some(TOLERANCE)), Err(SignatureError::Wrong));
        assert_eq!(check(&[SECRET], headers, b"{}", now, Some(TOLERANCE)), Err(SignatureError::Wrong));
        let other = Headers { id: Some("msg_other"), ..headers };
        assert_eq!(check(&[SECRET], other, BODY, now, Some(TOLERANCE)), Err(SignatureError::Wrong));
        let (early, late) = (1_731_705_121 - 301, 1_731_705_121 + 301);
        for second in [early, late] {
            let now = Timestamp::from_second(second).unwrap();
            assert_eq!(check(&[SECRET], headers, BODY, now, Some(TOLERANCE)), Err(SignatureError::OutOfTime));
        }
        assert_eq!(check(&["whsec_?"], headers, BODY, now, None), Err(SignatureError::BadKey));
    }
}
