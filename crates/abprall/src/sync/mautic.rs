//! Mautic: who is stopped gets "do not contact" by e-mail, reason "bounced", with a comment that begins with our name; only what bears
//! that comment is taken away again.

use std::sync::Arc;
use std::time::Instant;

use hyper::Method;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::Event;
use super::http::{HttpClient, HttpSettings, encoded, runtime, told_to_person};
use super::lanes::{self, Api};
use super::limits::PAGE;
use super::settings::{Secret, TargetSettings};
use super::target::{Answer, Failure, Holds, Member, Target, There};

/// Where, and as whom.
#[derive(Clone, Debug)]
pub(crate) struct MauticSettings {
    pub(super) http: HttpSettings,
    pub(super) user: String,
    pub(super) password: Secret,
}

/// How our comments begin.
const MARK: &str = "abprall:";

/// Mautic's number for "bounced".
const BOUNCED: i64 = 2;

pub(super) struct Mautic {
    api: Arc<MauticApi>,
    runtime: Runtime,
}

struct MauticApi {
    client: HttpClient,
}

impl Mautic {
    pub(super) fn new(settings: &MauticSettings, _: &TargetSettings) -> anyhow::Result<Self> {
        let client =
            HttpClient::new(&settings.http)?.with_password(&settings.user, settings.password.reveal())?;
        Ok(Self { api: Arc::new(MauticApi { client }), runtime: runtime()? })
    }
}

/// A contact, as far as it matters here.
struct Contact {
    id: i64,
    email: String,
    there: There,
}

impl Api for MauticApi {
    async fn tell_one(&self, event: &Event) -> Result<(), Failure> {
        let Some(address) = &event.address else { return Ok(()) };
        let path = format!("/api/contacts?limit=10&search={}", encoded(&format!("email:{address}")));
        let found = contacts(&self.client.get(&path).await?.json()?)?;
        // The search finds similar ones as well. One address may belong to several contacts.
        for contact in found.iter().filter(|contact| contact.email.eq_ignore_ascii_case(address)) {
            let base = format!("/api/contacts/{}/dnc/email", contact.id);
            let (path, body) = match (event.is_stop(), contact.there) {
                (true, There::Free) => {
                    let comments = format!("{MARK} {}, decision {}", event.reason_word(), event.decision.id);
                    (format!("{base}/add"), json!({ "reason": BOUNCED, "comments": comments }))
                }
                (false, There::StoppedByUs) => (format!("{base}/remove"), json!({})),
                (_, _) => continue,
            };
            self.client.send_json(Method::POST, &path, &body).await?.done()?;
        }
        Ok(())
    }
}

fn contacts(answer: &Value) -> Result<Vec<Contact>, Failure> {
    // PHP writes a list where there are none, and an object by their numbers where there are some.
    let values: Vec<&Value> = match &answer["contacts"] {
        Value::Object(contacts) => contacts.values().collect(),
        Value::Array(contacts) => contacts.iter().collect(),
        _ => return Err(Failure::Refused("Mautic answers something else than contacts".to_owned())),
    };
    Ok(values.into_iter().filter_map(contact).collect())
}

/// `None` where it has no e-mail address.
fn contact(value: &Value) -> Option<Contact> {
    let email = value["fields"]["all"]["email"]
        .as_str()
        .or_else(|| value["fields"]["core"]["email"]["value"].as_str());
    let empty = Vec::new();
    let marks = value["doNotContact"].as_array().unwrap_or(&empty);
    let mut by_email = marks.iter().filter(|mark| mark["channel"] == "email").peekable();
    let there = if by_email.peek().is_none() {
        There::Free
    } else if by_email.all(|mark| mark["comments"].as_str().is_some_and(|text| text.starts_with(MARK))) {
        There::StoppedByUs
    } else {
        There::StoppedByOthers
    };
    Some(Contact { id: value["id"].as_i64()?, email: email?.to_owned(), there })
}

impl Target for Mautic {
    fn tell(&mut self, events: &[Event], until: Instant) -> Answer {
        lanes::tell(&self.runtime, &self.api, events, until, self.api.client.parallel())
    }

    fn members(&mut self, each: &mut dyn FnMut(Member) -> anyhow::Result<()>) -> anyhow::Result<Holds> {
        let mut start = 0;
        loop {
            let path = format!("/api/contacts?orderBy=id&orderByDir=asc&limit={PAGE}&start={start}");
            let answer = self.runtime.block_on(async { self.api.client.get(&path).await?.json() });
            let answer = answer.map_err(told_to_person)?;
            let count = match &answer["contacts"] {
                Value::Object(contacts) => contacts.len(),
                Value::Array(contacts) => contacts.len(),
                _ => 0,
            };
            for contact in contacts(&answer).map_err(told_to_person)? {
                each(Member { address: contact.email, there: contact.there })?;
            }
            if count < PAGE as usize {
                return Ok(Holds::Members);
            }
            start += PAGE;
        }
    }
}
