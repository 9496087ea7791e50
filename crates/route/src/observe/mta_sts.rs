//! MTA-STS (RFC 8461): does the domain announce a policy, and what does it say?

use std::time::Duration;

use abprall_mail::Domain;
use jiff::Timestamp;
use tokio::time::Instant;

use crate::limits::{MTA_STS_FETCH, MTA_STS_POLICY_BYTES_MAX};
use crate::observe::asking::Asking;
use crate::observe::https::{HttpsClient, Response};
use crate::{DnsFact, Fact, MtaStsFact, MtaStsOutcome, MtaStsSurvey, RecordData, RecordType};

pub mod policy;

use policy::{MtaStsRecord, parse_policy, read_record};

/// Looks for the record, and fetches the policy where it announces one.
///
/// Two records, or a broken one, are kept as an invalid policy: nothing is fetched, and a sender is to act as if there were none.
pub(crate) async fn look(asking: &Asking<'_>, https: &HttpsClient, domain: &Domain) -> MtaStsSurvey {
    let (record, fact) = asking.resolver(&format!("_mta-sts.{domain}"), RecordType::Txt).await;
    let url = format!("https://mta-sts.{domain}/.well-known/mta-sts.txt");
    let (at, began) = (Timestamp::now(), Instant::now());
    let outcome = match read_record(texts(&fact)) {
        MtaStsRecord::Absent => return MtaStsSurvey { record, policy: None },
        MtaStsRecord::Invalid { detail } => MtaStsOutcome::Invalid { detail },
        MtaStsRecord::Announced { id: _ } => fetch(https, &url, asking.deadline).await,
    };
    let took_ms = elapsed_ms(began.elapsed());
    let fact = Fact::MtaSts(MtaStsFact { url, outcome });
    let policy = asking.log.keep(at, took_ms, domain.as_str(), fact);
    MtaStsSurvey { record, policy: Some(policy) }
}

async fn fetch(https: &HttpsClient, url: &str, deadline: Instant) -> MtaStsOutcome {
    let deadline = deadline.min(Instant::now() + MTA_STS_FETCH);
    match https.get(url, "text/plain", MTA_STS_POLICY_BYTES_MAX, deadline).await {
        Ok(response) => judge(&response),
        Err(error) => MtaStsOutcome::NotFetched { detail: error.to_string() },
    }
}

fn judge(response: &Response) -> MtaStsOutcome {
    // RFC 8461 §3.3: only 200 counts, and redirects must not be followed.
    if response.status != 200 {
        return MtaStsOutcome::NotFetched { detail: format!("the server answers {}", response.status) };
    }
    // RFC 8461 §3.2: so that a page that users may write into is not taken for a policy.
    if response.content_type.as_deref() != Some("text/plain") {
        let given = response.content_type.as_deref().unwrap_or("none");
        return MtaStsOutcome::Invalid { detail: format!("the media type is {given}, not text/plain") };
    }
    match parse_policy(&response.body) {
        Ok(policy) => MtaStsOutcome::Policy(policy),
        Err(error) => MtaStsOutcome::Invalid { detail: error.to_string() },
    }
}

fn texts(fact: &DnsFact) -> impl Iterator<Item = &str> {
    let records = fact.answer().map_or(&[][..], |answer| &answer.records[..]);
    records.iter().filter_map(|record| match &record.data {
        RecordData::Txt { text } => Some(text.as_str()),
        RecordData::A { .. }
        | RecordData::Aaaa { .. }
        | RecordData::Mx { .. }
        | RecordData::Ns { .. }
        | RecordData::Tlsa { .. }
        | RecordData::Cname { .. }
        | RecordData::Soa(_) => None,
    })
}

fn elapsed_ms(elapsed: Duration) -> u64 {
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}
