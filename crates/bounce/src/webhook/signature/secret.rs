//! A shared secret in a header or in the URL: Postmark, SparkPost, Brevo, Mailjet, KumoMTA, and our own format.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{SignatureError, same};

/// Checks an `Authorization: Basic …` header (RFC 7617) against the user and password that were configured.
///
/// # Errors
/// When the header is missing, is another scheme, or names another user or password.
pub fn basic(authorization: Option<&str>, user: &str, password: &str) -> Result<(), SignatureError> {
    let header = authorization.ok_or(SignatureError::Missing("Authorization"))?;
    let (scheme, given) = header.trim().split_once(' ').ok_or(SignatureError::Malformed("Authorization"))?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(SignatureError::Malformed("Authorization"));
    }
    let given = STANDARD.decode(given.trim()).map_err(|_| SignatureError::Malformed("Authorization"))?;
    if same(&given, format!("{user}:{password}").as_bytes()) { Ok(()) } else { Err(SignatureError::Wrong) }
}

/// Checks an `Authorization: Bearer …` header against a token.
///
/// # Errors
/// When the header is missing, is another scheme, or holds another token.
pub fn bearer(authorization: Option<&str>, token: &str) -> Result<(), SignatureError> {
    let header = authorization.ok_or(SignatureError::Missing("Authorization"))?;
    let (scheme, given) = header.trim().split_once(' ').ok_or(SignatureError::Malformed("Authorization"))?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(SignatureError::Malformed("Authorization"));
    }
    self::token(Some(given.trim()), token)
}

/// Checks a secret that comes in a header of the operator's own, or in the path. An empty secret admits nobody.
///
/// # Errors
/// When it is missing or another one.
pub fn token(given: Option<&str>, secret: &str) -> Result<(), SignatureError> {
    let given = given.ok_or(SignatureError::Missing("the token"))?;
    if secret.is_empty() {
        return Err(SignatureError::BadKey);
    }
    if same(given.as_bytes(), secret.as_bytes()) { Ok(()) } else { Err(SignatureError::Wrong) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_very_secret_is_taken() {
        // "user:pass:word"
        assert_eq!(basic(Some("Basic dXNlcjpwYXNzOndvcmQ="), "user", "pass:word"), Ok(()));
        assert_eq!(basic(Some("basic  dXNlcjpwYXNzOndvcmQ="), "user", "pass:word"), Ok(()));
        assert_eq!(basic(Some("Basic dXNlcjpwYXNzOndvcmQ="), "user", "pass"), Err(SignatureError::Wrong));
        assert_eq!(basic(Some("Bearer x"), "user", "pass"), Err(SignatureError::Malformed("Authorization")));
        assert_eq!(basic(None, "user", "pass"), Err(SignatureError::Missing("Authorization")));
        assert_eq!(bearer(Some("Bearer abc"), "abc"), Ok(()));
        assert_eq!(token(Some("abcd"), "abc"), Err(SignatureError::Wrong));
        assert_eq!(token(Some(""), ""), Err(SignatureError::BadKey));
    }
}
