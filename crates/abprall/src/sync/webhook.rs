//! Posts events to a program, signed as Standard Webhooks describes it.

use std::time::Instant;

use aws_lc_rs::{digest, hmac};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hyper::Method;
use hyper::header::HeaderName;
use jiff::Timestamp;
use serde::Serialize;
use tokio::runtime::Runtime;

use super::Event;
use super::doubt::tell_singly;
use super::http::{HttpClient, HttpSettings, runtime};
use super::settings::TargetSettings;
use super::target::{Answer, Failure, Holds, Member, Target, Told};

/// Where, and signed with what.
#[derive(Clone, Debug)]
pub(crate) struct WebhookSettings {
    pub(super) http: HttpSettings,
    pub(super) secret: SigningSecret,
}

/// The key of the signatures.
#[derive(Clone)]
pub(crate) struct SigningSecret(Vec<u8>);

impl std::fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningSecret")
    }
}

impl SigningSecret {
    /// `whsec_` and base64 of 24 to 64 bytes.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let bytes = BASE64_STANDARD.decode(text.trim().strip_prefix("whsec_")?).ok()?;
        (24..=64).contains(&bytes.len()).then_some(Self(bytes))
    }

    /// The signature of a message, as its header holds it.
    fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &self.0));
        context.update(format!("{id}.{timestamp}.").as_bytes());
        context.update(body);
        format!("v1,{}", BASE64_STANDARD.encode(context.sign()))
    }
}

pub(super) struct Webhook {
    client: HttpClient,
    secret: SigningSecret,
    runtime: Runtime,
}

#[derive(Serialize)]
struct Body<'a> {
    events: &'a [Event],
}

impl Webhook {
    pub(super) fn new(settings: &WebhookSettings, _: &TargetSettings) -> anyhow::Result<Self> {
        Ok(Self {
            client: HttpClient::new(&settings.http)?,
            secret: settings.secret.clone(),
            runtime: runtime()?,
        })
    }

    fn post(&self, events: &[Event]) -> Result<(), Failure> {
        let body =
            serde_json::to_vec(&Body { events }).map_err(|error| Failure::Refused(error.to_string()))?;
        // The same events have the same id, however often they are sent.
        let hash = digest::digest(&digest::SHA256, &body);
        let id: String = hash.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        let id = format!("msg_{id}");
        let timestamp = Timestamp::now().as_second();
        let signature = self.secret.sign(&id, timestamp, &body);
        let headers = [
            (HeaderName::from_static("webhook-id"), id),
            (HeaderName::from_static("webhook-timestamp"), timestamp.to_string()),
            (HeaderName::from_static("webhook-signature"), signature),
        ];
        let sent = self.client.send(Method::POST, "", Some(body.into()), &headers);
        self.runtime.block_on(sent)?.done()
    }
}

impl Target for Webhook {
    fn tell(&mut self, events: &[Event], until: Instant) -> Answer {
        match self.post(events) {
            Ok(()) => Answer { told: vec![Told::Done; events.len()], trouble: None },
            Err(Failure::Trouble(trouble)) => Answer::none(events.len(), trouble),
            Err(Failure::Refused(error)) if events.len() == 1 => {
                Answer { told: vec![Told::Refused(error)], trouble: None }
            }
            // One of them may be the reason: each goes alone.
            Err(Failure::Refused(_)) => {
                tell_singly(events, until, |event| self.post(std::slice::from_ref(event)))
            }
        }
    }

    fn members(&mut self, _: &mut dyn FnMut(Member) -> anyhow::Result<()>) -> anyhow::Result<Holds> {
        anyhow::bail!("a webhook cannot be asked whom it knows")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_signed_as_the_specification_shows_it() {
        // The example of Standard Webhooks.
        let secret = SigningSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let body = br#"{"test": 2432232314}"#;
        let signature = secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_secret_that_is_short_or_something_else_is_none() {
        for text in ["", "whsec_", "whsec_c2hvcnQ=", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"] {
            assert!(SigningSecret::parse(text).is_none(), "{text}");
        }
    }
}
