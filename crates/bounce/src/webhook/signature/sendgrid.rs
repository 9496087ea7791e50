//! SendGrid: ECDSA over P-256 and SHA-256 of timestamp and body, in `X-Twilio-Email-Event-Webhook-Signature` and `…-Timestamp`.

use std::time::Duration;

use aws_lc_rs::signature::ECDSA_P256_SHA256_ASN1;
use jiff::Timestamp;

use super::{SignatureError, base64, in_time, public_key, seconds, verify};

/// Checks a post. `key` is the verification key as the panel shows it.
///
/// # Errors
/// When a header is missing or malformed, the signature is another, or the time is out of the tolerance.
pub fn check(
    key: &str,
    signature: Option<&str>,
    timestamp: Option<&str>,
    body: &[u8],
    now: Timestamp,
    tolerance: Option<Duration>,
) -> Result<(), SignatureError> {
    let signature = signature.ok_or(SignatureError::Missing("X-Twilio-Email-Event-Webhook-Signature"))?;
    let timestamp = timestamp.ok_or(SignatureError::Missing("X-Twilio-Email-Event-Webhook-Timestamp"))?;
    let signature = base64(signature, "X-Twilio-Email-Event-Webhook-Signature")?;
    let signed = [timestamp.as_bytes(), body].concat();
    verify(&ECDSA_P256_SHA256_ASN1, &public_key(key)?, &signed, &signature)?;
    in_time(seconds(timestamp, "X-Twilio-Email-Event-Webhook-Timestamp")?, now, tolerance)
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::super::TOLERANCE;
    use super::*;

    /// SubjectPublicKeyInfo of a P-256 key (RFC 5480): everything before the point is always the same.
    fn as_the_panel_shows_it(point: &[u8]) -> String {
        let head = [
            0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
            0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
        ];
        STANDARD.encode([&head[..], point].concat())
    }

    #[test]
    fn what_the_key_signed_is_taken_and_nothing_else() {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        let key = as_the_panel_shows_it(pair.public_key().as_ref());
        let body = b"[{\"event\":\"bounce\"}]\r\n";
        let signed = [b"1600112502", &body[..]].concat();
        let signature = STANDARD.encode(pair.sign(&SystemRandom::new(), &signed).unwrap());
        let now = Timestamp::from_second(1_600_112_600).unwrap();
        let check = |body: &[u8], timestamp, now| {
            super::check(&key, Some(&signature), Some(timestamp), body, now, Some(TOLERANCE))
        };
        assert_eq!(check(body, "1600112502", now), Ok(()));
        assert_eq!(check(b"[{\"event\":\"bounce\"}]", "1600112502", now), Err(SignatureError::Wrong));
        assert_eq!(check(body, "1600112503", now), Err(SignatureError::Wrong));
        let later = Timestamp::from_second(1_600_113_000).unwrap();
        assert_eq!(check(body, "1600112502", later), Err(SignatureError::OutOfTime));
        let armoured = format!("-----BEGIN PUBLIC KEY-----\n{key}\n-----END PUBLIC KEY-----\n");
        assert_eq!(super::check(&armoured, Some(&signature), Some("1600112502"), body, later, None), Ok(()));
        let other = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        let other = as_the_panel_shows_it(other.public_key().as_ref());
        assert_eq!(
            super::check(&other, Some(&signature), Some("1600112502"), body, now, None),
            Err(SignatureError::Wrong)
        );
        assert_eq!(super::check("?", Some("AA=="), Some("1"), body, now, None), Err(SignatureError::BadKey));
    }
}
