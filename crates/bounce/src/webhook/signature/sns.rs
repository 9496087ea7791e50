//! Amazon SNS: RSA (PKCS #1 v1.5) over a canonical text, with the key of a certificate that only Amazon's own hosts may serve.

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256};
use jiff::Timestamp;
use x509_parser::extensions::GeneralName;
use x509_parser::pem::parse_x509_pem;
use x509_parser::prelude::X509Certificate;

use super::{SignatureError, base64, verify};
use crate::webhook::sns::{Envelope, Purpose};

/// Where the certificate of an envelope is to be fetched: over TLS, without redirects, to be kept by this URL.
///
/// # Errors
/// When the envelope names none, or one that is not `https://sns.REGION.amazonaws.com/SimpleNotificationService-….pem` (or `.com.cn`)
/// in the topic's own region, with hexadecimal digits for a name.
pub fn certificate_url(envelope: &Envelope) -> Result<&str, SignatureError> {
    let url = envelope.signing_cert_url.as_deref().ok_or(SignatureError::Missing("SigningCertURL"))?;
    let path = path_at_sns(url, envelope).ok_or(SignatureError::ForeignUrl("SigningCertURL"))?;
    let name = path.strip_prefix("SimpleNotificationService-").and_then(|name| name.strip_suffix(".pem"));
    let is_name = name.is_some_and(|name| {
        (1..=NAME_DIGITS_MAX).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_hexdigit())
    });
    if is_name { Ok(url) } else { Err(SignatureError::ForeignUrl("SigningCertURL")) }
}

/// What is to be fetched to confirm a subscription, once the signature holds and the topic is one that we want.
///
/// # Errors
/// When the envelope names none, or one that is not SNS's own `Action=ConfirmSubscription`.
pub fn subscribe_url(envelope: &Envelope) -> Result<&str, SignatureError> {
    let url = envelope.subscribe_url.as_deref().ok_or(SignatureError::Missing("SubscribeURL"))?;
    let query = path_at_sns(url, envelope).and_then(|path| path.strip_prefix('?'));
    let confirms =
        query.is_some_and(|query| query.split('&').any(|pair| pair == "Action=ConfirmSubscription"));
    if confirms { Ok(url) } else { Err(SignatureError::ForeignUrl("SubscribeURL")) }
}

/// Digits of a certificate's name. Amazon's have 32; somebody who makes names up shall not make them long.
const NAME_DIGITS_MAX: usize = 64;

/// The path of a URL at SNS without its first slash, in the region of the envelope's topic. Written so that nothing but the plain form
/// passes: no user, port, fragment, backslash or escaped host.
fn path_at_sns<'u>(url: &'u str, envelope: &Envelope) -> Option<&'u str> {
    let (host, path) = url.strip_prefix("https://")?.split_once('/')?;
    let rest = host.strip_prefix("sns.")?;
    let region = rest.strip_suffix(".amazonaws.com").or_else(|| rest.strip_suffix(".amazonaws.com.cn"))?;
    let is_plain = path.bytes().all(|b| b.is_ascii_graphic() && !b"\\#\"<>".contains(&b));
    (is_region(region) && topic_region(&envelope.topic_arn) == Some(region) && is_plain).then_some(path)
}

/// `eu-central-1`, `us-gov-west-1`: a letter code, one to three words, a number.
fn is_region(text: &str) -> bool {
    let is_word =
        |part: &&str| (2..=12).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_lowercase());
    let parts: Vec<_> = text.split('-').collect();
    let Some((number, words)) = parts.split_last() else { return false };
    (2..=4).contains(&words.len())
        && words.iter().all(is_word)
        && (1..=2).contains(&number.len())
        && number.bytes().all(|b| b.is_ascii_digit())
}

/// Of `arn:aws:sns:REGION:ACCOUNT:NAME`; the second part is another in China and for governments.
fn topic_region(arn: &str) -> Option<&str> {
    let mut parts = arn.split(':');
    let (first, _, service, region) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    (first == "arn" && service == "sns").then_some(region)
}

/// The text that is signed: each field's name and value on lines of their own, in SNS's order.
pub fn canonical(envelope: &Envelope) -> String {
    let purpose = match envelope.purpose {
        Purpose::Notification => "Notification",
        Purpose::SubscriptionConfirmation => "SubscriptionConfirmation",
        Purpose::UnsubscribeConfirmation => "UnsubscribeConfirmation",
    };
    let is_message = envelope.purpose == Purpose::Notification;
    let confirmation = |field: &Option<String>| field.clone().filter(|_| !is_message);
    let fields = [
        ("Message", Some(envelope.message.clone())),
        ("MessageId", Some(envelope.message_id.clone())),
        ("Subject", envelope.subject.clone().filter(|_| is_message)),
        ("SubscribeURL", confirmation(&envelope.subscribe_url)),
        ("Timestamp", Some(envelope.timestamp.clone())),
        ("Token", confirmation(&envelope.token)),
        ("TopicArn", Some(envelope.topic_arn.clone())),
        ("Type", Some(purpose.to_owned())),
    ];
    fields.into_iter().filter_map(|(name, value)| Some(format!("{name}\n{}\n", value?))).collect()
}

/// Checks an envelope with the certificate that [`certificate_url`] led to, in PEM.
///
/// # Errors
/// When the certificate cannot be read, is not SNS's own or not valid at `now`, a field is missing, or the signature is another.
pub fn check(envelope: &Envelope, certificate: &[u8], now: Timestamp) -> Result<(), SignatureError> {
    certificate_url(envelope)?;
    let signature = envelope.signature.as_deref().ok_or(SignatureError::Missing("Signature"))?;
    let signature = base64(signature, "Signature")?;
    let (_, pem) = parse_x509_pem(certificate).map_err(|_| SignatureError::Malformed("the certificate"))?;
    let certificate = pem.parse_x509().map_err(|_| SignatureError::Malformed("the certificate"))?;
    let validity = certificate.validity();
    if now.as_second() < validity.not_before.timestamp() || now.as_second() > validity.not_after.timestamp() {
        return Err(SignatureError::OutOfTime);
    }
    if !names(&certificate).iter().any(|name| is_sns(name)) {
        return Err(SignatureError::ForeignUrl("the certificate"));
    }
    let key = &certificate.public_key().subject_public_key.data;
    let text = canonical(envelope);
    match envelope.signature_version.as_deref() {
        Some("1") => verify(&RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, key, text.as_bytes(), &signature),
        Some("2") => verify(&RSA_PKCS1_2048_8192_SHA256, key, text.as_bytes(), &signature),
        Some(_) => Err(SignatureError::Malformed("SignatureVersion")),
        None => Err(SignatureError::Missing("SignatureVersion")),
    }
}

/// Whom a certificate was made out to: the alternative names and the common name.
fn names<'c>(certificate: &'c X509Certificate<'_>) -> Vec<&'c str> {
    let alternative = certificate.subject_alternative_name().ok().flatten();
    let alternative = alternative.into_iter().flat_map(|names| &names.value.general_names);
    let dns = alternative.filter_map(|name| match name {
        GeneralName::DNSName(name) => Some(*name),
        _ => None,
    });
    dns.chain(certificate.subject().iter_common_name().filter_map(|name| name.as_str().ok())).collect()
}

/// `sns.amazonaws.com`, `sns-signing.REGION.amazonaws.com`, `sns-REGION.amazonaws.com.cn`: as Amazon's own libraries have them.
fn is_sns(name: &str) -> bool {
    let host = name.strip_suffix(".amazonaws.com").or_else(|| name.strip_suffix(".amazonaws.com.cn"));
    host.is_some_and(|host| host == "sns" || host.starts_with("sns.") || host.starts_with("sns-"))
}
