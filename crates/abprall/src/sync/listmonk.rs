//! listmonk: who is stopped is blocklisted, with a mark in the subscriber's attributes; whoever bears that mark is enabled again, with
//! the subscriptions that were taken. Whoever was blocklisted by somebody else is left alone.

use std::sync::Arc;
use std::time::Instant;

use hyper::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tokio::runtime::Runtime;

use super::Event;
use super::http::{HttpClient, HttpSettings, encoded, runtime, told_to_person};
use super::lanes::{self, Api};
use super::limits::PAGE;
use super::settings::{Secret, TargetSettings};
use super::target::{Answer, Failure, Holds, Member, Target, There};

/// Where, and as whom.
#[derive(Clone, Debug)]
pub(crate) struct ListmonkSettings {
    pub(super) http: HttpSettings,
    pub(super) user: String,
    pub(super) token: Secret,
}

/// The attribute that marks those whom we have blocklisted.
const MARK: &str = "abprall";

const BLOCKLISTED: &str = "blocklisted";
const UNSUBSCRIBED: &str = "unsubscribed";

pub(super) struct Listmonk {
    api: Arc<ListmonkApi>,
    runtime: Runtime,
}

struct ListmonkApi {
    client: HttpClient,
}

impl Listmonk {
    pub(super) fn new(settings: &ListmonkSettings, _: &TargetSettings) -> anyhow::Result<Self> {
        let token = format!("token {}:{}", settings.user, settings.token.reveal());
        let client = HttpClient::new(&settings.http)?.with_authorization(&token)?;
        Ok(Self { api: Arc::new(ListmonkApi { client }), runtime: runtime()? })
    }
}

/// A subscriber, as far as it matters here.
#[derive(Debug, Deserialize)]
struct Subscriber {
    id: i64,
    email: String,
    name: String,
    status: String,
    #[serde(default)]
    attribs: Map<String, Value>,
    #[serde(default)]
    lists: Vec<Subscription>,
}

#[derive(Debug, Deserialize)]
struct Subscription {
    id: i64,
    subscription_status: String,
}

/// What is remembered with a subscriber, so that all of it can be undone.
#[derive(Debug, Default, Deserialize, Serialize)]
struct Mark {
    decision: i64,
    reason: String,
    /// What it was before: `enabled` or `disabled`.
    status: String,
    /// Lists by the state of the subscription.
    #[serde(default)]
    confirmed: Vec<i64>,
    #[serde(default)]
    unconfirmed: Vec<i64>,
}

impl Api for ListmonkApi {
    async fn tell_one(&self, event: &Event) -> Result<(), Failure> {
        let Some(address) = &event.address else { return Ok(()) };
        // Who is no subscriber is not written to.
        let Some(subscriber) = self.find(address).await? else { return Ok(()) };
        let is_marked = subscriber.attribs.contains_key(MARK);
        match (event.is_stop(), subscriber.status == BLOCKLISTED, is_marked) {
            (true, true, _) | (false, false, false) | (false, true, false) => Ok(()),
            (true, false, _) => self.blocklist(&subscriber, event).await,
            (false, _, true) => self.enable(&subscriber).await,
        }
    }
}

impl ListmonkApi {
    async fn find(&self, address: &str) -> Result<Option<Subscriber>, Failure> {
        // A text in SQL: an apostrophe is doubled. listmonk keeps addresses in lower case.
        let query = format!("subscribers.email = '{}'", address.replace('\'', "''"));
        let path = format!("/api/subscribers?per_page=2&query={}", encoded(&query));
        let found: Page = page(&self.client.get(&path).await?.json()?)?;
        Ok(found.results.into_iter().find(|subscriber| subscriber.email.eq_ignore_ascii_case(address)))
    }

    async fn blocklist(&self, subscriber: &Subscriber, event: &Event) -> Result<(), Failure> {
        let of = |status: &str| {
            let lists = subscriber.lists.iter().filter(|list| list.subscription_status == status);
            lists.map(|list| list.id).collect()
        };
        let mark = Mark {
            decision: event.decision.id,
            reason: event.reason_word().to_owned(),
            status: subscriber.status.clone(),
            confirmed: of("confirmed"),
            unconfirmed: of("unconfirmed"),
        };
        let mut attribs = subscriber.attribs.clone();
        attribs.insert(MARK.to_owned(), json!(mark));
        self.put(subscriber, BLOCKLISTED, &attribs).await.map(drop)
    }

    async fn enable(&self, subscriber: &Subscriber) -> Result<(), Failure> {
        let mut attribs = subscriber.attribs.clone();
        let mark = attribs.remove(MARK).unwrap_or_default();
        let mark: Mark = serde_json::from_value(mark).unwrap_or_default();
        // The subscriptions come first, while nobody sends to them: a crash in between is mended by doing all of it again.
        for (status, lists) in [("confirmed", &mark.confirmed), ("unconfirmed", &mark.unconfirmed)] {
            let still: Vec<_> =
                lists.iter().filter(|id| subscriber.lists.iter().any(|list| list.id == **id)).collect();
            if !still.is_empty() {
                let body = json!({
                    "ids": [subscriber.id],
                    "action": "add",
                    "target_list_ids": still,
                    "status": status,
                });
                self.client.send_json(Method::PUT, "/api/subscribers/lists", &body).await?.done()?;
            }
        }
        let status = if mark.status == "disabled" { "disabled" } else { "enabled" };
        let after = self.put(subscriber, status, &attribs).await?;
        self.keep_unsubscribed(subscriber, &mark, &after).await
    }

    /// Some versions make subscriptions of those that were ended before, when somebody is enabled: who left a list stays away.
    async fn keep_unsubscribed(
        &self,
        before: &Subscriber,
        mark: &Mark,
        after: &Subscriber,
    ) -> Result<(), Failure> {
        let had_left = |id: &i64| {
            before.lists.iter().any(|list| list.id == *id && list.subscription_status == UNSUBSCRIBED)
                && !mark.confirmed.contains(id)
                && !mark.unconfirmed.contains(id)
        };
        let back = after.lists.iter().filter(|list| list.subscription_status != UNSUBSCRIBED);
        let back: Vec<_> = back.map(|list| list.id).filter(had_left).collect();
        if back.is_empty() {
            return Ok(());
        }
        let body = json!({ "ids": [before.id], "action": "unsubscribe", "target_list_ids": back });
        self.client.send_json(Method::PUT, "/api/subscribers/lists", &body).await?.done()
    }

    async fn put(
        &self,
        subscriber: &Subscriber,
        status: &str,
        attribs: &Map<String, Value>,
    ) -> Result<Subscriber, Failure> {
        let lists: Vec<_> = subscriber.lists.iter().map(|list| list.id).collect();
        let body = json!({
            "email": subscriber.email,
            "name": subscriber.name,
            "status": status,
            "lists": lists,
            "attribs": attribs,
            "preconfirm_subscriptions": false,
        });
        let path = format!("/api/subscribers/{}", subscriber.id);
        let answer = self.client.send_json(Method::PUT, &path, &body).await?.json()?;
        read(&answer["data"])
    }
}

#[derive(Deserialize)]
struct Page {
    results: Vec<Subscriber>,
}

fn page(answer: &Value) -> Result<Page, Failure> {
    read(&answer["data"])
}

fn read<T: for<'de> Deserialize<'de>>(data: &Value) -> Result<T, Failure> {
    T::deserialize(data).map_err(|error| {
        Failure::Refused(format!("listmonk answers something else than subscribers: {error}"))
    })
}

impl Target for Listmonk {
    fn tell(&mut self, events: &[Event], until: Instant) -> Answer {
        lanes::tell(&self.runtime, &self.api, events, until, self.api.client.parallel())
    }

    fn members(&mut self, each: &mut dyn FnMut(Member) -> anyhow::Result<()>) -> anyhow::Result<Holds> {
        let mut number = 1;
        loop {
            let path = format!("/api/subscribers?order_by=id&order=asc&per_page={PAGE}&page={number}");
            let answer = self.runtime.block_on(async {
                let reply = self.api.client.get(&path).await?;
                page(&reply.json()?)
            });
            let found = answer.map_err(told_to_person)?.results;
            let is_last = found.len() < PAGE as usize;
            for subscriber in found {
                let there = match (subscriber.status == BLOCKLISTED, subscriber.attribs.contains_key(MARK)) {
                    (false, _) => There::Free,
                    (true, true) => There::StoppedByUs,
                    (true, false) => There::StoppedByOthers,
                };
                each(Member { address: subscriber.email, there })?;
            }
            if is_last {
                return Ok(Holds::Members);
            }
            number += 1;
        }
    }
}
