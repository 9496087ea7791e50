//! Signatures over whole posts, made with keys of the test's own, as SNS and Postal sign.

use abprall_bounce::webhook::signature::{SignatureError, postal, sns};
use abprall_bounce::webhook::sns::Envelope;
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;

fn key() -> RsaKeyPair {
    RsaKeyPair::generate(KeySize::Rsa2048).expect("made by the test")
}

fn certificate(key: &RsaKeyPair, until: (i32, u8, u8)) -> String {
    certificate_of("sns.amazonaws.com", key, until)
}

fn certificate_of(name: &str, key: &RsaKeyPair, until: (i32, u8, u8)) -> String {
    let der: Pkcs8V1Der<'_> = key.as_der().expect("made by the test");
    let pair = rcgen::KeyPair::try_from(der.as_ref()).expect("made by the test");
    let mut parameters = rcgen::CertificateParams::new(vec![name.to_owned()]).expect("made by the test");
    parameters.not_before = rcgen::date_time_ymd(2026, 1, 1);
    parameters.not_after = rcgen::date_time_ymd(until.0, until.1, until.2);
    parameters.self_signed(&pair).expect("made by the test").pem()
}

fn sign(key: &RsaKeyPair, text: &str) -> String {
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature)
        .expect("made by the test");
    STANDARD.encode(signature)
}

fn now() -> Timestamp {
    "2026-12-01T10:00:00Z".parse().expect("made by the test")
}

fn envelope(body: &serde_json::Value) -> Envelope {
    Envelope::parse(body.to_string().as_bytes()).expect("made by the test")
}

fn notification() -> serde_json::Value {
    serde_json::json!({
        "Type": "Notification", "MessageId": "m", "TopicArn": "arn:aws:sns:eu-central-1:1:t", "Subject": "S",
        "Message": "{\"a\":\n1}", "Timestamp": "2026-11-25T09:59:00.000Z", "SignatureVersion": "2",
        "SigningCertURL": "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-ab12.pem",
    })
}

#[test]
fn a_notification_signed_with_version_2_is_taken_and_a_changed_one_is_not() {
    let key = key();
    let pem = certificate(&key, (2027, 1, 1));
    let mut body = notification();
    // By the words of Amazon's guide, not by our own function.
    let text = "Message\n{\"a\":\n1}\nMessageId\nm\nSubject\nS\nTimestamp\n2026-11-25T09:59:00.000Z\nTopicArn\n\
                arn:aws:sns:eu-central-1:1:t\nType\nNotification\n";
    assert_eq!(sns::canonical(&envelope(&body)), text);
    body["Signature"] = sign(&key, text).into();
    assert_eq!(sns::check(&envelope(&body), pem.as_bytes(), now()), Ok(()));
    for (name, value) in [
        ("Message", "{}"),
        ("Subject", "T"),
        ("TopicArn", "arn:aws:sns:eu-central-1:1:other"),
        ("Timestamp", "2026-11-25T09:59:01.000Z"),
    ] {
        let mut changed = body.clone();
        changed[name] = value.into();
        assert_eq!(
            sns::check(&envelope(&changed), pem.as_bytes(), now()),
            Err(SignatureError::Wrong),
            "{name}"
        );
    }
    let expired = certificate(&key, (2026, 6, 1));
    assert_eq!(sns::check(&envelope(&body), expired.as_bytes(), now()), Err(SignatureError::OutOfTime));
    let other = certificate(&self::key(), (2027, 1, 1));
    assert_eq!(sns::check(&envelope(&body), other.as_bytes(), now()), Err(SignatureError::Wrong));
    // The version is not signed: calling a SHA-256 signature version 1 must not help.
    body["SignatureVersion"] = "1".into();
    assert_eq!(sns::check(&envelope(&body), pem.as_bytes(), now()), Err(SignatureError::Wrong));
    body["SignatureVersion"] = "3".into();
    let unknown = Err(SignatureError::Malformed("SignatureVersion"));
    assert_eq!(sns::check(&envelope(&body), pem.as_bytes(), now()), unknown);
}

#[test]
fn a_confirmation_is_signed_over_its_token_and_url() {
    let key = key();
    let url = "https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=arn:x&Token=t";
    let mut body = notification();
    body["Type"] = "SubscriptionConfirmation".into();
    body["Token"] = "t".into();
    body["SubscribeURL"] = url.into();
    let text = format!(
        "Message\n{{\"a\":\n1}}\nMessageId\nm\nSubscribeURL\n{url}\nTimestamp\n2026-11-25T09:59:00.000Z\nToken\nt\nTopicArn\n\
         arn:aws:sns:eu-central-1:1:t\nType\nSubscriptionConfirmation\n"
    );
    body["Signature"] = sign(&key, &text).into();
    let pem = certificate(&key, (2027, 1, 1));
    assert_eq!(sns::check(&envelope(&body), pem.as_bytes(), now()), Ok(()));
    assert_eq!(sns::subscribe_url(&envelope(&body)), Ok(url));
}

#[test]
fn a_certificate_of_another_host_is_not_taken() {
    let key = key();
    let mut body = notification();
    body["Signature"] = sign(&key, &sns::canonical(&envelope(&body))).into();
    let foreign = Err(SignatureError::ForeignUrl("the certificate"));
    for (name, expected) in [
        ("sns.amazonaws.com", Ok(())),
        ("sns-signing.af-south-1.amazonaws.com", Ok(())),
        ("sns-cn-north-1.amazonaws.com.cn", Ok(())),
        ("mallory.s3.amazonaws.com", foreign),
        ("snsx.amazonaws.com", foreign),
        ("sns.amazonaws.com.mallory.example", foreign),
    ] {
        let pem = certificate_of(name, &key, (2027, 1, 1));
        assert_eq!(sns::check(&envelope(&body), pem.as_bytes(), now()), expected, "{name}");
    }
}

/// Made with `openssl dgst -sha1 -sign` over the text of [`version_1`]: the library signs nothing with SHA-1 any more.
const SHA1_CERTIFICATE: &str = include_str!("keys/sns-version-1.pem");
const SHA1_SIGNATURE: &str = include_str!("keys/sns-version-1.signature");

#[test]
fn a_notification_signed_with_version_1_is_taken() {
    let mut body = notification();
    body["SignatureVersion"] = "1".into();
    body["Signature"] = SHA1_SIGNATURE.trim().into();
    assert_eq!(sns::check(&envelope(&body), SHA1_CERTIFICATE.as_bytes(), now()), Ok(()));
    body["Subject"] = serde_json::Value::Null;
    assert_eq!(sns::check(&envelope(&body), SHA1_CERTIFICATE.as_bytes(), now()), Err(SignatureError::Wrong));
}

#[test]
fn a_certificate_is_of_the_region_of_its_topic_and_that_is_a_region() {
    for (topic, host, is_taken) in [
        ("arn:aws:sns:eu-central-1:1:t", "sns.eu-central-1.amazonaws.com", true),
        ("arn:aws-cn:sns:cn-north-1:1:t", "sns.cn-north-1.amazonaws.com.cn", true),
        ("arn:aws-us-gov:sns:us-gov-west-1:1:t", "sns.us-gov-west-1.amazonaws.com", true),
        ("arn:aws:sns:ap-southeast-2:1:t", "sns.eu-central-1.amazonaws.com", false),
        ("arn:aws:sqs:eu-central-1:1:t", "sns.eu-central-1.amazonaws.com", false),
        ("arn:aws:sns:evil:1:t", "sns.evil.amazonaws.com", false),
        ("arn:aws:sns:a-b-1:1:t", "sns.a-b-1.amazonaws.com", false),
        ("arn:aws:sns::1:t", "sns..amazonaws.com", false),
        ("", "sns.eu-central-1.amazonaws.com", false),
    ] {
        let mut body = notification();
        body["TopicArn"] = topic.into();
        body["SigningCertURL"] = format!("https://{host}/SimpleNotificationService-ab12.pem").into();
        assert_eq!(sns::certificate_url(&envelope(&body)).is_ok(), is_taken, "{topic} {host}");
        body["SubscribeURL"] = format!("https://{host}/?Action=ConfirmSubscription").into();
        assert_eq!(sns::subscribe_url(&envelope(&body)).is_ok(), is_taken, "{topic} {host}");
    }
}

#[test]
fn no_certificate_is_taken_from_elsewhere() {
    for (url, is_amazon) in [
        ("https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-ab12.pem", true),
        ("https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-.pem", false),
        ("https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-wxyz.pem", false),
        ("https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-%61.pem", false),
        ("https://sns.us-east-1.amazonaws.com/SimpleNotificationService-ab12.pem", false),
        ("http://sns.eu-central-1.amazonaws.com/SimpleNotificationService-ab12.pem", false),
        ("https://sns.eu-central-1.amazonaws.com.evil.example/SimpleNotificationService-ab12.pem", false),
        ("https://sns.evil.example/SimpleNotificationService-ab12.pem", false),
        ("https://evil.example/sns.eu-central-1.amazonaws.com/SimpleNotificationService-ab12.pem", false),
        ("https://sns.eu-central-1.amazonaws.com@evil.example/SimpleNotificationService-ab12.pem", false),
        ("https://sns.eu-central-1.amazonaws.com:8443/SimpleNotificationService-ab12.pem", false),
        ("https://sns.eu.evil.amazonaws.com/SimpleNotificationService-ab12.pem", false),
        ("https://mybucket.s3.amazonaws.com/SimpleNotificationService-ab12.pem", false),
        ("https://sns..amazonaws.com/SimpleNotificationService-ab12.pem", false),
        ("https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-../x.pem", false),
        ("https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-ab12.pem?x=.pem", false),
        ("https://sns.eu-central-1.amazonaws.com/?Action=Publish&x=.pem", false),
        ("https://sns.eu-central-1.amazonaws.com\\.evil.example/SimpleNotificationService-a.pem", false),
        ("", false),
    ] {
        let mut body = notification();
        body["SigningCertURL"] = url.into();
        assert_eq!(sns::certificate_url(&envelope(&body)).is_ok(), is_amazon, "{url}");
    }
    let mut long = notification();
    let name = "a".repeat(65);
    long["SigningCertURL"] =
        format!("https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-{name}.pem").into();
    assert!(sns::certificate_url(&envelope(&long)).is_err());
    for url in
        ["https://evil.example/?Action=ConfirmSubscription", "https://sns.a.amazonaws.com/?Action=Publish"]
    {
        let mut body = notification();
        body["SubscribeURL"] = url.into();
        assert_eq!(
            sns::subscribe_url(&envelope(&body)),
            Err(SignatureError::ForeignUrl("SubscribeURL")),
            "{url}"
        );
    }
}

#[test]
fn postal_signs_the_body_with_its_servers_key() {
    let key = key();
    let der: PublicKeyX509Der<'_> = key.public_key().as_der().unwrap();
    let public = STANDARD.encode(der.as_ref());
    let body = b"{\"event\":\"MessageSent\"}";
    let signature = sign(&key, std::str::from_utf8(body).unwrap());
    assert_eq!(postal::check(&public, Some(&signature), None, body), Ok(()));
    assert_eq!(postal::check(&public, Some(&signature), None, b"{}"), Err(SignatureError::Wrong));
    // A SHA-256 signature is none of SHA-1, and a wrong better one is not saved by an old one.
    assert_eq!(postal::check(&public, None, Some(&signature), body), Err(SignatureError::Wrong));
    assert_eq!(
        postal::check(&public, None, None, body),
        Err(SignatureError::Missing("X-Postal-Signature-256"))
    );
    assert_eq!(postal::check("x", Some(&signature), None, body), Err(SignatureError::BadKey));
}
