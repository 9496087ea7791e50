//! Any bytes as the body of each service's webhook, and as what their signatures are looked for in.

#![no_main]

use std::sync::LazyLock;

use abprall_bounce::Classifier;
use abprall_bounce::webhook::signature::{SignatureError, mailgun, mandrill, sns};
use abprall_bounce::webhook::sns::Envelope;
use abprall_bounce::webhook::{Provider, form_fields, read_webhook};
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;

static CLASSIFIER: LazyLock<Classifier> = LazyLock::new(Classifier::built_in);

const PROVIDERS: [Provider; 12] = [
    Provider::Ses,
    Provider::Sendgrid,
    Provider::Mailgun,
    Provider::Postmark,
    Provider::Sparkpost,
    Provider::Brevo,
    Provider::Mailjet,
    Provider::Mandrill,
    Provider::Resend,
    Provider::Postal,
    Provider::Kumomta,
    Provider::Abprall,
];

fuzz_target!(|body: &[u8]| {
    let now = Timestamp::UNIX_EPOCH;
    let _provider = Provider::sniff(body);
    for provider in PROVIDERS {
        let Ok(events) = read_webhook(provider, body, None) else { continue };
        for event in &events.events {
            let _judged = CLASSIFIER.classify(&event.report);
        }
    }
    let _fields = form_fields(body);
    assert!(mailgun::check("a secret", body, now, None).is_err(), "nobody guesses a signature");
    assert!(mandrill::check("a secret", "https://a.example/", Some("AA=="), body).is_err());
    if let Ok(envelope) = Envelope::parse(body) {
        let _text = sns::canonical(&envelope);
        assert!(sns::check(&envelope, body, now).is_err());
        assert!(matches!(
            sns::certificate_url(&envelope),
            Ok(_) | Err(SignatureError::Missing(_) | SignatureError::ForeignUrl(_))
        ));
    }
});
