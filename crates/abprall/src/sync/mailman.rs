//! Mailman 3, by the REST interface of its core: delivery to a member is switched off by the delivery status `by_bounces`, and on again
//! where it still says that. What members or moderators chose is left alone.

use std::sync::Arc;
use std::time::Instant;

use hyper::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::Event;
use super::http::{HttpClient, HttpSettings, runtime, told_to_person};
use super::lanes::{self, Api};
use super::limits::PAGE;
use super::settings::{Secret, TargetSettings};
use super::target::{Answer, Failure, Holds, Member, Target, There};

/// Where, as whom, and of which lists.
#[derive(Clone, Debug)]
pub(crate) struct MailmanSettings {
    pub(super) http: HttpSettings,
    pub(super) user: String,
    pub(super) password: Secret,
    /// None: all lists.
    pub(super) lists: Vec<String>,
}

const BY_BOUNCES: &str = "by_bounces";
const ENABLED: &str = "enabled";

pub(super) struct Mailman {
    api: Arc<MailmanApi>,
    runtime: Runtime,
}

struct MailmanApi {
    client: HttpClient,
    lists: Vec<String>,
}

impl Mailman {
    pub(super) fn new(settings: &MailmanSettings, _: &TargetSettings) -> anyhow::Result<Self> {
        let client =
            HttpClient::new(&settings.http)?.with_password(&settings.user, settings.password.reveal())?;
        let api = MailmanApi { client, lists: settings.lists.clone() };
        Ok(Self { api: Arc::new(api), runtime: runtime()? })
    }
}

/// A membership: of one address in one list.
#[derive(Debug, Deserialize)]
struct Membership {
    email: String,
    list_id: String,
    member_id: Value,
}

impl Membership {
    fn preferences(&self) -> String {
        // A number in version 3.0 of the interface, a text since 3.1.
        let id = self.member_id.as_str().map_or_else(|| self.member_id.to_string(), str::to_owned);
        format!("/members/{id}/preferences")
    }
}

impl Api for MailmanApi {
    async fn tell_one(&self, event: &Event) -> Result<(), Failure> {
        let Some(address) = &event.address else { return Ok(()) };
        let question = json!({ "subscriber": address, "role": "member" });
        let reply = self.client.send_json(Method::POST, "/members/find", &question).await?;
        for membership in entries(&reply.json()?)? {
            if !self.is_ours(&membership) {
                continue;
            }
            let wanted = match (event.is_stop(), self.status(&membership).await?.as_deref()) {
                (true, None | Some(ENABLED)) => BY_BOUNCES,
                (false, Some(BY_BOUNCES)) => ENABLED,
                (_, _) => continue,
            };
            let body = json!({ "delivery_status": wanted });
            self.client.send_json(Method::PATCH, &membership.preferences(), &body).await?.done()?;
        }
        Ok(())
    }
}

impl MailmanApi {
    fn is_ours(&self, membership: &Membership) -> bool {
        self.lists.is_empty() || self.lists.contains(&membership.list_id)
    }

    /// `None`: as the list has it.
    async fn status(&self, membership: &Membership) -> Result<Option<String>, Failure> {
        let preferences = self.client.get(&membership.preferences()).await?.json()?;
        Ok(preferences["delivery_status"].as_str().map(str::to_owned))
    }
}

fn entries(answer: &Value) -> Result<Vec<Membership>, Failure> {
    match answer.get("entries") {
        // Without members there are no entries at all.
        None => Ok(Vec::new()),
        Some(entries) => Vec::deserialize(entries).map_err(|error| {
            Failure::Refused(format!("Mailman answers something else than members: {error}"))
        }),
    }
}

impl Target for Mailman {
    fn tell(&mut self, events: &[Event], until: Instant) -> Answer {
        lanes::tell(&self.runtime, &self.api, events, until, self.api.client.parallel())
    }

    fn members(&mut self, each: &mut dyn FnMut(Member) -> anyhow::Result<()>) -> anyhow::Result<Holds> {
        let api = &self.api;
        let mut number = 1;
        loop {
            let found = self.runtime.block_on(async {
                let reply = api.client.get(&format!("/members?count={PAGE}&page={number}")).await?;
                let memberships = entries(&reply.json()?)?;
                let is_last = memberships.len() < PAGE as usize;
                let mut members = Vec::new();
                for membership in memberships {
                    if !api.is_ours(&membership) {
                        continue;
                    }
                    let there = match api.status(&membership).await?.as_deref() {
                        None | Some(ENABLED) => There::Free,
                        Some(BY_BOUNCES) => There::StoppedByUs,
                        Some(_) => There::StoppedByOthers,
                    };
                    members.push(Member { address: membership.email, there });
                }
                Ok((members, is_last))
            });
            let (members, is_last) = found.map_err(told_to_person)?;
            for member in members {
                each(member)?;
            }
            if is_last {
                return Ok(Holds::Members);
            }
            number += 1;
        }
    }
}
