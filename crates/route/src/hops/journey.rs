use serde::{Deserialize, Serialize};
use strum::{Display, IntoStaticStr};

use super::{FailingHop, HopDelay, HopTls};
use crate::claim::{Claim, Ownership};

/// One leg of the way of a message, as it is drawn: from a server to the next.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Leg {
    /// Who handed it over.
    pub from: Option<String>,
    /// Who took it, or should have; `None` where it failed inside `from`, or nothing tells to whom.
    pub to: Option<String>,
    /// Whether it was encrypted.
    pub tls: HopTls,
    /// How long it lay before.
    pub delay: HopDelay,
    /// What it rests on.
    pub basis: LegBasis,
    /// Here it failed.
    pub failed: bool,
}

/// What a leg rests on.
#[derive(Clone, Copy, Debug, Display, Eq, Hash, IntoStaticStr, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum LegBasis {
    /// The Received line of a server of ours.
    Fact,
    /// The Received line of a server that is taken for ours.
    Likely,
    /// The word of somebody else's server.
    Claim,
}

impl From<Ownership> for LegBasis {
    fn from(whose: Ownership) -> Self {
        match whose {
            Ownership::Ours => Self::Fact,
            Ownership::InferredOurs => Self::Likely,
            Ownership::Theirs | Ownership::Unknown => Self::Claim,
        }
    }
}

impl Claim {
    /// The whole way, oldest leg first: the Received lines, then Received-From-MTA and Reporting-MTA where those lines do not
    /// show them, and at the end the leg that failed.
    pub fn journey(&self, failing: &FailingHop) -> Vec<Leg> {
        let mut legs: Vec<Leg> = Vec::with_capacity(self.path.hops.len() + 2);
        for hop in &self.path.hops {
            let from = hop.from.clone().or_else(|| hop.from_ip.map(|ip| ip.to_string()));
            let leg = Leg {
                from,
                to: hop.by.clone(),
                tls: hop.tls,
                delay: hop.delay,
                basis: hop.by_is.into(),
                failed: false,
            };
            legs.push(leg);
        }
        let last = legs.last().and_then(|leg| leg.to.clone());
        if self.reporting_mta.is_some() && self.reporting_mta != last {
            legs.push(Leg {
                from: last.or_else(|| self.received_from_mta.clone()),
                to: self.reporting_mta.clone(),
                tls: HopTls::Unknown,
                delay: HopDelay::Unknown,
                basis: self.reporting_is.into(),
                failed: false,
            });
        }
        legs.push(Leg {
            from: failing.from.clone(),
            to: failing.to.as_ref().map(ToString::to_string),
            tls: HopTls::Unknown,
            delay: HopDelay::Unknown,
            basis: self.reporting_is.into(),
            failed: true,
        });
        legs
    }
}

#[cfg(test)]
mod tests {
    use abprall_bounce::{Classifier, Hop, Report};

    use super::*;
    use crate::claim::OurHosts;

    fn drawn(report: &Report) -> Vec<String> {
        let ours = OurHosts::parse(["out.ours.example"]).unwrap();
        let claim = Claim::of(report, &Classifier::built_in().classify(report), &ours);
        let name = |name: &Option<String>| name.clone().unwrap_or_else(|| "?".to_owned());
        let legs = claim.journey(&claim.failing).into_iter();
        legs.map(|leg| {
            format!("{} -{}> {}", name(&leg.from), if leg.failed { "x" } else { "-" }, name(&leg.to))
        })
        .collect()
    }

    #[test]
    fn the_way_ends_with_the_leg_that_failed() {
        let hop = Hop {
            from: Some("app.ours.example".to_owned()),
            by: Some("out.ours.example".to_owned()),
            ..Hop::default()
        };
        let mut report = Report {
            hops: vec![hop],
            reporting_mta: Some("relay.third.example".to_owned()),
            remote_mta: Some("mx.there.example".to_owned()),
            recipient: "u@there.example".parse().ok(),
            ..Report::default()
        };
        let way = [
            "app.ours.example --> out.ours.example",
            "out.ours.example --> relay.third.example",
            "relay.third.example -x> mx.there.example",
        ];
        assert_eq!(drawn(&report), way);
        report.hops.clear();
        report.received_from_mta = Some("out.ours.example".to_owned());
        assert_eq!(drawn(&report), way[1..]);
    }
}
