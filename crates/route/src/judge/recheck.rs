use jiff::{SignedDuration, Timestamp};

use super::picture::Picture;
use super::verdict::Ground;
use crate::limits::{FAILURE_KEPT_S, NEGATIVE_TTL_S_MAX};
use crate::{DnsFact, ObservationId};

/// The earliest time at which another look can show anything new. `None` where mail can be delivered.
pub fn earliest(picture: &Picture<'_>, ground: Ground) -> Option<Timestamp> {
    let kept_s = match ground {
        Ground::Works | Ground::DnsOnly => return None,
        Ground::DomainAbsent | Ground::NoMailHost | Ground::TargetsAbsent => {
            // Without a SOA nothing may be kept (RFC 2308 §5); we still leave the servers the pause that a failure gets.
            negative_ttl_s(picture, ground).unwrap_or(FAILURE_KEPT_S)
        }
        Ground::NullMx | Ground::Localhost | Ground::SpecialUse => {
            record_ttl_s(picture).unwrap_or(FAILURE_KEPT_S)
        }
        Ground::AcceptNoMail
        | Ground::DnsFailure
        | Ground::AliasLoop
        | Ground::TargetsUnknown
        | Ground::Excluded
        | Ground::Connections
        | Ground::ResolverBlind
        | Ground::ResolverRefuted
        | Ground::EgressBlind
        | Ground::FamilyBlind
        | Ground::NotSeen => FAILURE_KEPT_S,
    };
    picture.survey.started_at.checked_add(SignedDuration::from_secs(kept_s)).ok()
}

/// How long the negative answers that decide may be kept, in seconds: the longest of them, at most a day.
pub fn negative_ttl_s(picture: &Picture<'_>, ground: Ground) -> Option<i64> {
    let mut ids: Vec<ObservationId> = Vec::new();
    match ground {
        Ground::DomainAbsent => ids.extend(picture.mx_evidence()),
        Ground::NoMailHost => {
            ids.extend(picture.mx_evidence());
            ids.extend(picture.own_lookups());
        }
        Ground::TargetsAbsent => ids.extend(picture.real_hosts().flat_map(|host| &host.survey.lookups)),
        Ground::Works
        | Ground::DnsOnly
        | Ground::NullMx
        | Ground::Localhost
        | Ground::AcceptNoMail
        | Ground::DnsFailure
        | Ground::AliasLoop
        | Ground::TargetsUnknown
        | Ground::SpecialUse
        | Ground::Excluded
        | Ground::Connections
        | Ground::ResolverBlind
        | Ground::ResolverRefuted
        | Ground::EgressBlind
        | Ground::FamilyBlind
        | Ground::NotSeen => return None,
    }
    let soas = ids.iter().filter_map(|id| picture.observations().dns(*id)?.answer()?.soa.as_ref());
    soas.map(|soa| i64::from(soa.negative_ttl_s).min(NEGATIVE_TTL_S_MAX)).max()
}

fn record_ttl_s(picture: &Picture<'_>) -> Option<i64> {
    let answer = picture.mx.and_then(|(_, fact, _)| DnsFact::answer(fact))?;
    answer.records.iter().map(|record| i64::from(record.ttl_s).min(NEGATIVE_TTL_S_MAX)).min()
}
