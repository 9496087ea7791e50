//! The way of a message through the mail servers, and the hop at which it failed.

use std::net::IpAddr;

use abprall_bounce::{Hop, Report};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::claim::{Owners, Ownership, bare};

mod delay;
mod failing;
mod journey;
mod mail_loop;
mod tls;

pub use delay::HopDelay;
pub use failing::{FailingHop, HopEnd, HopReason, HopSide};
pub use journey::{Leg, LegBasis};
pub use mail_loop::MailLoop;
pub use tls::HopTls;

/// The Received lines of the returned headers, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MailPath {
    /// Each server that took the message.
    pub hops: Vec<MailHop>,
    /// The message came by the same place again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub circle: Option<MailLoop>,
}

/// One server that took the message, and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MailHop {
    /// Who handed it over, by the name that it gave.
    pub from: Option<String>,
    /// The address of who handed it over.
    pub from_ip: Option<IpAddr>,
    /// Who took it.
    pub by: Option<String>,
    /// The protocol, as noted.
    pub with: Option<String>,
    /// Whether it was encrypted.
    pub tls: HopTls,
    /// When.
    pub at: Option<Timestamp>,
    /// How long since the hop before.
    pub delay: HopDelay,
    /// Whose the server is. Only the lines of ours are facts; the others are claims.
    pub by_is: Ownership,
}

impl MailPath {
    pub(crate) fn of(report: &Report, owners: &Owners<'_>) -> Self {
        let oldest_first: Vec<&Hop> = report.hops.iter().rev().filter(|hop| hop.by.is_some()).collect();
        let times: Vec<Option<Timestamp>> = oldest_first.iter().map(|hop| hop.at).collect();
        let hops = oldest_first.iter().zip(delay::delays(&times)).map(|(hop, delay)| MailHop {
            from: hop.from.as_deref().map(bare),
            from_ip: hop.from_ip,
            by: hop.by.as_deref().map(bare),
            with: hop.with.clone(),
            tls: HopTls::of(hop),
            at: hop.at,
            delay,
            by_is: hop.by.as_deref().map_or(Ownership::Unknown, |by| owners.whose(by)),
        });
        Self { hops: hops.collect(), circle: mail_loop::find(&oldest_first) }
    }

    /// The first server that is not ours: where the message left our hands.
    pub fn first_foreign(&self) -> Option<&MailHop> {
        self.hops.iter().find(|hop| match hop.by_is {
            Ownership::Theirs => true,
            Ownership::Ours | Ownership::InferredOurs | Ownership::Unknown => false,
        })
    }
}

#[cfg(test)]
mod tests {
    use abprall_bounce::{Classifier, Hop, Report};
    use proptest::prelude::*;

    use crate::claim::{Claim, OurHosts, hold_against};

    fn any_hop() -> impl Strategy<Value = Hop> {
        let name = || proptest::option::of("[a-c.\\[\\]]{0,6}");
        let at = proptest::option::of(any::<i64>());
        (name(), name(), name(), name(), at, any::<Option<[u8; 4]>>()).prop_map(
            |(from, by, with, recipient, at, ip)| Hop {
                from,
                from_ip: ip.map(Into::into),
                by,
                with,
                id: None,
                recipient,
                at: at.and_then(|second| jiff::Timestamp::from_second(second).ok()),
            },
        )
    }

    proptest! {
        #[test]
        fn no_hops_and_no_words_make_it_panic(
            hops in proptest::collection::vec(any_hop(), 0..12),
            reporting in proptest::option::of("\\PC{0,12}"),
            remote in proptest::option::of("\\PC{0,12}"),
            words in "\\PC{0,60}",
            sender in proptest::option::of("\\PC{0,12}"),
        ) {
            let report = Report {
                hops,
                reporting_mta: reporting,
                remote_mta: remote,
                sender,
                diagnostic: Some(words),
                recipient: "u@b.c".parse().ok(),
                ..Report::default()
            };
            let claim = Claim::of(&report, &Classifier::built_in().classify(&report), &OurHosts::default());
            hold_against(&claim, None, abprall_mail::Language::De);
        }
    }
}
