//! Posts of mail services: whether they are genuine, and what is in them.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use abprall_bounce::Reading;
use abprall_bounce::webhook::signature::{SignatureError, mailgun, mandrill, postal, secret, sendgrid, svix};
use abprall_bounce::webhook::sns::Envelope;
use abprall_bounce::webhook::{Events, Provider, Refused, read_webhook};
use abprall_store::Recorded;
use axum::http::{HeaderMap, header};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use jiff::Timestamp;
use serde_json::Value;
use tracing::Instrument;

use super::sns::{Post, Sns, SnsError};
use crate::intake::identity;
use crate::serve::keeper::{Item, Keeper, NotStored};
use crate::serve::limits::{EVENTS_MAX, SNS_COMPLAINTS_A_MINUTE};
use crate::serve::settings::{Credentials, Proof, TokenIn, WebhookSettings};
use crate::spans::SPANS;

/// Mailgun signs only a time and a token, and posts again for eight hours: an older one was found somewhere.
const MAILGUN_AGE_MAX: std::time::Duration = std::time::Duration::from_secs(86_400);

const SENDGRID_SIGNATURE: &str = "x-twilio-email-event-webhook-signature";
const SENDGRID_TIMESTAMP: &str = "x-twilio-email-event-webhook-timestamp";

/// All hooks, by their names.
#[derive(Default)]
pub(in crate::serve) struct Webhooks(BTreeMap<String, Webhook>);

impl Webhooks {
    pub(in crate::serve) async fn new(settings: &[WebhookSettings]) -> anyhow::Result<Self> {
        let mut hooks = BTreeMap::new();
        for hook in settings {
            let sns = match &hook.proof {
                Proof::Sns(sns) => Some(Sns::new(sns.clone()).await?),
                Proof::None
                | Proof::Sendgrid(_)
                | Proof::Mailgun(_)
                | Proof::Mandrill(..)
                | Proof::Svix(_)
                | Proof::Postal(_) => None,
            };
            let webhook = Webhook {
                settings: hook.clone(),
                sns,
                complained: AtomicBool::new(false),
                complaints: RateLimiter::direct(Quota::per_minute(SNS_COMPLAINTS_A_MINUTE)),
            };
            hooks.insert(hook.name.clone(), webhook);
        }
        Ok(Self(hooks))
    }

    pub(in crate::serve) fn get(&self, name: &str) -> Option<&Webhook> {
        self.0.get(name)
    }
}

/// One hook.
pub(in crate::serve) struct Webhook {
    pub(in crate::serve) settings: WebhookSettings,
    sns: Option<Sns>,
    /// It was told that posts are not genuine; not again before one is.
    complained: AtomicBool,
    /// Of certificates that are not there: whoever knows a topic can post as many names of such as he likes.
    complaints: DefaultDirectRateLimiter,
}

/// What became of a post.
#[derive(Debug, Default)]
pub(in crate::serve) struct Taken {
    /// Reports that were in it.
    pub(in crate::serve) events: usize,
    /// Those that were not known before.
    pub(in crate::serve) new: usize,
    /// Events that tell of no delivery.
    pub(in crate::serve) skipped: u64,
    pub(in crate::serve) refused: Vec<Refused>,
}

/// Why a post is not taken. Nothing of it is stored.
#[derive(Debug)]
pub(in crate::serve) enum NotTaken {
    /// Not from whom it says; the reason is for the log.
    NotGenuine,
    /// Genuine, and yet nothing that can be read.
    NotUnderstood(String),
    /// More than is taken at once.
    TooMuch(String),
    /// It is to be posted again.
    Later(String),
}

impl Webhook {
    /// What can be known of a post before its body: credentials, and whether it has the headers that a signature needs.
    pub(in crate::serve) fn may_post(&self, headers: &HeaderMap) -> Result<(), NotTaken> {
        self.check_headers(headers).map_err(|error| self.not_genuine(&error.to_string()))
    }

    /// Checks and stores a post of this client that [may be one](Self::may_post). What is acknowledged is on the disk.
    pub(in crate::serve) async fn take(
        &self,
        client: Option<IpAddr>,
        headers: &HeaderMap,
        body: &[u8],
        keeper: &Keeper,
    ) -> Result<Taken, NotTaken> {
        self.check_signature(headers, body).map_err(|error| self.not_genuine(&error.to_string()))?;
        if self.ask_sns(client, body).await? == Post::Done {
            return Ok(Taken::default());
        }
        self.complained.store(false, Ordering::Relaxed);
        let service = self.settings.service;
        let id = header_of(headers, "svix-id").or_else(|| header_of(headers, "webhook-id"));
        let (items, taken) = tokio::task::block_in_place(|| {
            let events = read_webhook(service, body, id)
                .map_err(|error| NotTaken::NotUnderstood(error.to_string()))?;
            self.items(events, body, keeper)
        })?;
        self.complain_of(&taken);
        if items.is_empty() {
            return Ok(taken);
        }
        let span = tracing::trace_span!(target: SPANS, "intake", way = "webhook", messages = items.len());
        let kept = keeper.keep_all(Arc::new(items), self.settings.audience.clone());
        let recorded = kept.instrument(span).await;
        let recorded = recorded.map_err(|NotStored| NotTaken::Later("it cannot be stored now".to_owned()))?;
        let new = recorded.iter().filter(|recorded| matches!(recorded, Recorded::New(_))).count();
        // What only keeps a token is no event.
        Ok(Taken { new: new.min(taken.events), ..taken })
    }

    fn items(&self, events: Events, body: &[u8], keeper: &Keeper) -> Result<(Vec<Item>, Taken), NotTaken> {
        let service = self.settings.service;
        if events.events.len() > EVENTS_MAX {
            return Err(NotTaken::TooMuch(format!("at most {EVENTS_MAX} events are taken at once")));
        }
        let skipped = events.skipped.values().sum();
        let taken = Taken { events: events.events.len(), new: 0, skipped, refused: events.refused };
        if taken.events == 0
            && skipped == 0
            && let Some(refused) = taken.refused.first()
        {
            return Err(NotTaken::NotUnderstood(refused.to_string()));
        }
        let source = format!("{service} at /hooks/{}", self.settings.name);
        let mut items: Vec<_> = events
            .events
            .into_iter()
            .map(|event| {
                let content = identity::of_event(service, &event);
                let reading = Reading { reports: vec![event.report], ..Reading::default() };
                keeper.judge(content, source.clone(), reading)
            })
            .collect();
        // Mailgun signs its token, and not the event: a token that came with an opened mail must not carry a failure later.
        if items.is_empty()
            && let Some(token) = mailgun_token(service, body)
        {
            let content = identity::of_event_id(service, &token);
            items.push(keeper.judge(content, source, Reading::default()));
        }
        Ok((items, taken))
    }

    fn check_headers(&self, headers: &HeaderMap) -> Result<(), SignatureError> {
        let Credentials { basic, token } = &self.settings.credentials;
        let authorization = header_of(headers, header::AUTHORIZATION.as_str());
        if let Some((user, password)) = basic {
            secret::basic(authorization, user, password.reveal())?;
        }
        match token {
            Some((TokenIn::Bearer, token)) => secret::bearer(authorization, token.reveal())?,
            Some((TokenIn::Header(name), token)) => secret::token(header_of(headers, name), token.reveal())?,
            None => {}
        }
        let needs = |name, or| {
            let is_there = headers.contains_key(name) || headers.contains_key(or);
            if is_there { Ok(()) } else { Err(SignatureError::Missing(name)) }
        };
        match &self.settings.proof {
            Proof::Sendgrid(_) => {
                needs(SENDGRID_SIGNATURE, SENDGRID_SIGNATURE)?;
                needs(SENDGRID_TIMESTAMP, SENDGRID_TIMESTAMP)
            }
            Proof::Svix(_) => {
                needs("svix-id", "webhook-id")?;
                needs("svix-timestamp", "webhook-timestamp")?;
                needs("svix-signature", "webhook-signature")
            }
            Proof::Postal(_) => needs("x-postal-signature-256", "x-postal-signature"),
            Proof::Sns(sns) => match header_of(headers, "x-amz-sns-topic-arn") {
                Some(topic) if sns.signed && !sns.topics.iter().any(|known| known == topic) => {
                    Err(SignatureError::ForeignUrl("x-amz-sns-topic-arn"))
                }
                Some(_) | None => Ok(()),
            },
            // The proof is in the body; Mandrill's test of a new hook need not have one.
            Proof::Mailgun(_) | Proof::Mandrill(..) | Proof::None => Ok(()),
        }
    }

    /// The signature, over the body as it came.
    fn check_signature(&self, headers: &HeaderMap, body: &[u8]) -> Result<(), SignatureError> {
        let now = Timestamp::now();
        let get = |name| header_of(headers, name);
        match &self.settings.proof {
            // SNS is asked about its own.
            Proof::None | Proof::Sns(_) => Ok(()),
            Proof::Sendgrid(key) => sendgrid::check(
                key.reveal(),
                get(SENDGRID_SIGNATURE),
                get(SENDGRID_TIMESTAMP),
                body,
                now,
                // It posts for a day again what was not taken, and does not say whether it signs anew; an event counts once.
                None,
            ),
            Proof::Mailgun(key) => mailgun::check(key.reveal(), body, now, Some(MAILGUN_AGE_MAX)),
            Proof::Mandrill(key, url) => {
                // The test of a new webhook has no events in it, and is signed with another key.
                if is_mandrill_test(body) {
                    return Ok(());
                }
                mandrill::check(key.reveal(), url, get("x-mandrill-signature"), body)
            }
            Proof::Svix(key) => {
                let either = |name, other| get(name).or_else(|| get(other));
                let headers = svix::Headers {
                    id: either("svix-id", "webhook-id"),
                    timestamp: either("svix-timestamp", "webhook-timestamp"),
                    signature: either("svix-signature", "webhook-signature"),
                };
                svix::check(
                    &[key.reveal()],
                    headers,
                    body,
                    now,
                    Some(abprall_bounce::webhook::signature::TOLERANCE),
                )
            }
            Proof::Postal(key) => {
                postal::check(key.reveal(), get("x-postal-signature-256"), get("x-postal-signature"), body)
            }
        }
    }

    async fn ask_sns(&self, client: Option<IpAddr>, body: &[u8]) -> Result<Post, NotTaken> {
        let (Some(sns), Proof::Sns(settings)) = (&self.sns, &self.settings.proof) else {
            return Ok(Post::Events);
        };
        let envelope = match Envelope::parse(body) {
            Ok(envelope) => envelope,
            // An event that came without SNS around it; nobody signed it.
            Err(_) if !settings.signed => return Ok(Post::Events),
            Err(error) => return Err(self.not_genuine(&error.to_string())),
        };
        sns.check(&envelope, client).await.map_err(|error| match error {
            SnsError::NotGenuine(error) => self.not_genuine(&error.to_string()),
            SnsError::OtherTopic => self.not_genuine("its topic is none of `topics`"),
            SnsError::Later(why) => {
                if self.complaints.check().is_ok() {
                    tracing::warn!("/hooks/{}: {why}", self.settings.name);
                }
                NotTaken::Later("the certificate cannot be fetched now".to_owned())
            }
        })
    }

    fn not_genuine(&self, why: &str) -> NotTaken {
        if !self.complained.swap(true, Ordering::Relaxed) {
            tracing::warn!("/hooks/{}: a post is not taken: {why}", self.settings.name);
        }
        NotTaken::NotGenuine
    }

    fn complain_of(&self, taken: &Taken) {
        if let Some(refused) = taken.refused.first() {
            let (name, count) = (&self.settings.name, taken.refused.len());
            tracing::warn!("/hooks/{name}: {count} events could not be read, the first: {refused}");
        }
    }
}

fn header_of<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

fn is_mandrill_test(body: &[u8]) -> bool {
    let body = body.trim_ascii();
    body.is_empty() || body == b"mandrill_events=%5B%5D" || body == b"mandrill_events=[]"
}

fn mailgun_token(service: Provider, body: &[u8]) -> Option<String> {
    if service != Provider::Mailgun {
        return None;
    }
    match serde_json::from_slice::<Value>(body) {
        Ok(event) => event.pointer("/signature/token")?.as_str().map(str::to_owned),
        Err(_) => {
            let fields = abprall_bounce::webhook::form_fields(body);
            fields.into_iter().find(|(name, _)| name == "token").map(|(_, token)| token)
        }
    }
}
