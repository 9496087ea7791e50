//! Postal: RSA (PKCS #1 v1.5) over the body; `X-Postal-Signature-256` with SHA-256, `X-Postal-Signature` with SHA-1 from old servers.

use aws_lc_rs::signature::{
    RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
};

use super::{SignatureError, base64, public_key, verify};

/// Checks a post. `key` is the server's public key, as base64 (`postal default-dkim-record`, `p=`) or PEM. Where the better signature is
/// there, it alone counts.
///
/// # Errors
/// When neither header is there, one is malformed, or the signature is another.
pub fn check(key: &str, sha256: Option<&str>, sha1: Option<&str>, body: &[u8]) -> Result<(), SignatureError> {
    let key = public_key(key)?;
    match (sha256, sha1) {
        (Some(signature), _) => {
            let signature = base64(signature, "X-Postal-Signature-256")?;
            // Postal made 1024 bit keys for years.
            verify(&RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, &key, body, &signature)
        }
        (None, Some(signature)) => {
            let signature = base64(signature, "X-Postal-Signature")?;
            verify(&RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY, &key, body, &signature)
        }
        (None, None) => Err(SignatureError::Missing("X-Postal-Signature-256")),
    }
}
