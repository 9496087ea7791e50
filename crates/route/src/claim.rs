//! What a bounce says about the network, and what that is worth: who spoke, about whom, and where it failed.

use std::net::IpAddr;

use abprall_bounce::{Classification, Issuer, Kind, Phase, Report};
use abprall_mail::{Domain, EmailAddress, EnhancedStatus, ReplyCode};
use serde::{Deserialize, Serialize};

use crate::hops::{FailingHop, MailPath};

mod advice;
mod cause_family;
mod judgement;
mod live;
mod our_hosts;
mod ranking;
mod speaker;

pub use advice::Advice;
pub use cause_family::CauseFamily;
pub use judgement::{ClaimJudgement, DecisionRow, hold_against};
pub use our_hosts::{OurHosts, Ownership, ParseOurHostsError};
pub(crate) use our_hosts::{Owners, bare};

/// What one report of a bounce claims about the route. A claim, not a fact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Claim {
    /// The domain that we sent to.
    pub domain: Option<Domain>,
    /// The domain of the address that failed, where it was forwarded to another one.
    pub final_domain: Option<Domain>,
    /// What the report tells: failed, delayed …
    pub kind: Kind,
    /// Who spoke (RFC 3464 §2.3.6).
    pub issuer: Issuer,
    /// Where in the dialogue.
    pub phase: Option<Phase>,
    /// What kind of cause is claimed.
    pub family: CauseFamily,
    /// The reply code.
    pub reply_code: Option<ReplyCode>,
    /// The enhanced status code: of the diagnostic, else of the Status field.
    pub status: Option<EnhancedStatus>,
    /// What was said.
    pub diagnostic: Option<String>,
    /// The MTA that wrote the report.
    pub reporting_mta: Option<String>,
    /// Whose that one is.
    pub reporting_is: Ownership,
    /// The other side's name, where it is told.
    pub remote_host: Option<String>,
    /// The other side's address, where it is told.
    pub remote_ip: Option<IpAddr>,
    /// Whose the other side is.
    pub remote_is: Ownership,
    /// The MTA that handed the message to the reporting one.
    pub received_from_mta: Option<String>,
    /// The way that the message took, as far as the returned headers tell.
    pub path: MailPath,
    /// Where it failed, by the bounce alone.
    pub failing: FailingHop,
}

impl Claim {
    /// Reads the claim out of a report.
    ///
    /// `ours` are the operator's own mail servers; where none is named, the host that first took the message is taken for one.
    pub fn of(report: &Report, judged: &Classification, ours: &OurHosts) -> Self {
        let owners = Owners::of(report, ours);
        let issuer = speaker::issuer_of(report);
        let whose = |host: Option<&str>| host.map_or(Ownership::Unknown, |host| owners.whose(host));
        let reporting_mta = report.reporting_mta.as_deref().map(bare).filter(|host| !host.is_empty());
        let reporting_is = whose(reporting_mta.as_deref());
        let (remote_host, remote_ip) = speaker::remote_of(report, issuer);
        let remote_text = remote_host.clone().or_else(|| remote_ip.map(|ip| ip.to_string()));
        let sent_to = report.original_recipient.as_ref().and_then(EmailAddress::domain);
        let failed_at = report.recipient.as_ref().and_then(EmailAddress::domain);
        let domain = sent_to.or_else(|| failed_at.clone());
        let mut claim = Self {
            final_domain: failed_at.filter(|failed| Some(failed) != domain.as_ref()),
            domain,
            kind: report.kind,
            issuer,
            phase: report.phase,
            family: cause_family::family_of(report, judged, issuer, reporting_is),
            reply_code: report.reply_code,
            status: report.status,
            diagnostic: report.diagnostic.clone(),
            reporting_mta,
            reporting_is,
            remote_is: whose(remote_text.as_deref()),
            remote_host,
            remote_ip,
            received_from_mta: report.received_from_mta.as_deref().map(bare),
            path: MailPath::of(report, &owners),
            failing: FailingHop::default(),
        };
        claim.failing = FailingHop::of(&claim, None);
        claim
    }

    /// The reporting MTA is ours, or nothing speaks against it: then the report is the word of the sender's own side.
    pub fn is_our_own_word(&self) -> bool {
        match self.reporting_is {
            Ownership::Ours | Ownership::InferredOurs | Ownership::Unknown => true,
            Ownership::Theirs => false,
        }
    }

    /// X.4.3 in either class: a routing or directory server has failed (RFC 3463 §3.5).
    pub fn is_routing_server_failure(&self) -> bool {
        self.status.is_some_and(|status| (status.subject(), status.detail()) == (4, 3))
    }
}
