//! Whether a webhook comes from whom it says: one check for each provider, over the raw body, with keys and time as values.
//!
//! Nothing is fetched here: [`sns::certificate_url`] says where a certificate may be taken from, the caller takes it. A tolerance of
//! `None` accepts any age: providers that repeat a post for hours do not say whether they sign it anew, so that what protects against
//! replay is the id of the event.

use std::time::Duration;

use aws_lc_rs::{constant_time, digest, signature};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use x509_parser::prelude::{FromDer, SubjectPublicKeyInfo};

pub mod mailgun;
pub mod mandrill;
pub mod postal;
pub mod secret;
pub mod sendgrid;
pub mod sns;
pub mod svix;

/// How far a signed time may be from ours where the provider signs every attempt anew: what Svix uses.
pub const TOLERANCE: Duration = Duration::from_secs(300);

/// Why a post is not taken. The answer is 401 whichever it is; the words are for our own log.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SignatureError {
    /// A header or field that the check needs is not there.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// It is there, but not what it should be.
    #[error("{0} cannot be read")]
    Malformed(&'static str),
    /// The signature does not belong to this body and key.
    #[error("the signature does not match")]
    Wrong,
    /// Signed too long ago, or in the future.
    #[error("the signed time is too far from ours")]
    OutOfTime,
    /// The certificate or subscription is to be fetched from a place that is not the provider's.
    #[error("{0} does not lead to the provider")]
    ForeignUrl(&'static str),
    /// The key that the operator gave is none: the configuration is wrong, not the post.
    #[error("the configured key cannot be read")]
    BadKey,
}

fn base64(text: &str, what: &'static str) -> Result<Vec<u8>, SignatureError> {
    STANDARD.decode(text.trim()).map_err(|_| SignatureError::Malformed(what))
}

/// Equal, in a time that tells neither where they differ nor how long the secret is.
fn same(given: &[u8], secret: &[u8]) -> bool {
    let hash = |bytes| digest::digest(&digest::SHA256, bytes);
    constant_time::verify_slices_are_equal(hash(given).as_ref(), hash(secret).as_ref()).is_ok()
}

fn in_time(signed: Timestamp, now: Timestamp, tolerance: Option<Duration>) -> Result<(), SignatureError> {
    let Some(tolerance) = tolerance else { return Ok(()) };
    if now.duration_since(signed).unsigned_abs() <= tolerance {
        Ok(())
    } else {
        Err(SignatureError::OutOfTime)
    }
}

fn seconds(text: &str, what: &'static str) -> Result<Timestamp, SignatureError> {
    let seconds = text.trim().parse().map_err(|_| SignatureError::Malformed(what))?;
    Timestamp::from_second(seconds).map_err(|_| SignatureError::Malformed(what))
}

/// A public key as a panel shows it: base64 of its DER form, with or without the PEM lines around it.
fn public_key(text: &str) -> Result<Vec<u8>, SignatureError> {
    let inner: String = text.lines().filter(|line| !line.starts_with("-----")).map(str::trim).collect();
    let der = STANDARD.decode(inner).map_err(|_| SignatureError::BadKey)?;
    let (_, info) = SubjectPublicKeyInfo::from_der(&der).map_err(|_| SignatureError::BadKey)?;
    Ok(info.subject_public_key.data.to_vec())
}

fn verify(
    algorithm: &'static dyn signature::VerificationAlgorithm,
    key: &[u8],
    message: &[u8],
    given: &[u8],
) -> Result<(), SignatureError> {
    signature::UnparsedPublicKey::new(algorithm, key)
        .verify(message, given)
        .map_err(|_| SignatureError::Wrong)
}
