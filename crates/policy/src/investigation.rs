//! What an investigation of a domain means for the addresses that were held until it was done.

use abprall_mail::{Confidence, Party, Reason, Verdict};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, IntoStaticStr};

use crate::{DomainHealth, HealthState};

/// What was found out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evidence {
    /// The verdict about the domain's routing.
    pub verdict: Verdict,
    /// How sure.
    pub confidence: Confidence,
    /// Findings say that our own resolver or network was at fault when the bounce was made.
    pub own_fault: bool,
    /// The failure is behind the MX, inside the recipient's system: a probe cannot refute it.
    pub behind_mx: bool,
    /// The health of the domain after this look.
    pub health: DomainHealth,
}

/// What follows for the domain and its held addresses.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Conclusion {
    /// There is no way, and it stays so: the whole domain is suppressed.
    SuppressDomain {
        /// The rule.
        rule: &'static str,
    },
    /// There is no way now: the whole domain is held and watched.
    HoldDomain {
        /// The rule.
        rule: &'static str,
    },
    /// The claim is refuted: the addresses are released.
    Release {
        /// The rule.
        rule: &'static str,
    },
    /// It was our own fault: the addresses are released, and we are alarmed.
    OwnFault,
    /// Nothing is decided: what is held stays held; look again.
    Keep {
        /// The rule.
        rule: &'static str,
    },
}

impl Conclusion {
    /// The name of the rule, as it is stored with decisions.
    pub fn rule(self) -> &'static str {
        match self {
            Conclusion::SuppressDomain { rule }
            | Conclusion::HoldDomain { rule }
            | Conclusion::Release { rule }
            | Conclusion::Keep { rule } => rule,
            Conclusion::OwnFault => "own-fault",
        }
    }
}

/// Concludes, by the decision table of `routing.md` §6. `claim` is the reason for which addresses of the domain are held.
pub fn conclude(claim: Reason, evidence: &Evidence) -> Conclusion {
    if evidence.own_fault && evidence.verdict != Verdict::NoMailByIntent {
        // A resolver that lies proves nothing about anybody, unless the domain itself says that it takes no mail.
        return Conclusion::OwnFault;
    }
    match evidence.verdict {
        Verdict::NoMailByIntent => Conclusion::SuppressDomain { rule: "no-mail-by-intent" },
        Verdict::UndeliverablePermanent if evidence.confidence == Confidence::High => {
            Conclusion::SuppressDomain { rule: "proven-dead" }
        }
        Verdict::UndeliverablePermanent | Verdict::UndeliverableTransient => {
            if evidence.health.state == HealthState::Dead {
                Conclusion::SuppressDomain { rule: "dead-for-days" }
            } else {
                Conclusion::HoldDomain { rule: "no-route-now" }
            }
        }
        Verdict::Deliverable | Verdict::Degraded => {
            if claim == Reason::DomainOwnerChanged {
                // That the new owner's servers work says nothing about whose mail it is.
                Conclusion::Keep { rule: "owner-changed" }
            } else if evidence.behind_mx {
                Conclusion::Keep { rule: "failure-behind-mx" }
            } else if matches!(claim.party(), Party::RecipientDomain | Party::Route) {
                Conclusion::Release { rule: "claim-refuted" }
            } else {
                Conclusion::Keep { rule: "not-about-the-route" }
            }
        }
        Verdict::VantageBlind => Conclusion::Keep { rule: "vantage-blind" },
        Verdict::Unknown => Conclusion::Keep { rule: "unknown" },
    }
}

/// What belongs together: one domain, or all domains behind one operator's mail hosts.
///
/// `operators` are the registrable domains of the MX hosts. An incident is the operator's where its hosts fail and it has one;
/// the domain's where its DNS fails or it runs its own hosts.
pub fn incident_key(domain: &str, registrable: &str, operators: &[&str], hosts_fail: bool) -> String {
    match operators {
        [operator] if hosts_fail && *operator != registrable => format!("operator:{operator}"),
        _ => format!("domain:{domain}"),
    }
}

/// What happened in the course of an incident.
#[derive(
    Clone, Copy, Debug, Display, EnumString, Eq, Hash, IntoStaticStr, PartialEq, Serialize, Deserialize,
)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum IncidentEvent {
    /// The first address was held.
    Opened,
    /// More addresses or domains joined.
    Joined,
    /// The domain was looked at.
    Checked,
    /// The state of the domain or a host changed.
    StateChanged,
    /// The domain was held as a whole.
    DomainHeld,
    /// The domain was suppressed as a whole.
    DomainSuppressed,
    /// Addresses were released.
    Released,
    /// It was our own fault.
    OwnFault,
    /// Removals were frozen.
    Frozen,
    /// Removals go on.
    Thawed,
    /// Pending removals were applied.
    PendingApplied,
    /// Pending removals were dropped.
    PendingDropped,
    /// The route works again.
    Recovering,
    /// The first address came back.
    Canary,
    /// A batch of addresses came back.
    Reinstated,
    /// The way back was stopped by a new failure.
    ReinstatementStopped,
    /// A person has to allow the way back.
    NeedsPerson,
    /// It is over.
    Closed,
}

impl IncidentEvent {
    /// The word as every output and file of Abprall spells it.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// The evidence of a look, for a domain that nobody looked at before.
impl Evidence {
    /// With nothing but a verdict.
    pub fn of(verdict: Verdict, confidence: Confidence, at: Timestamp) -> Self {
        Self { verdict, confidence, own_fault: false, behind_mx: false, health: DomainHealth::new(at) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use strum::IntoEnumIterator;

    use super::*;

    const AT: Timestamp = Timestamp::UNIX_EPOCH;

    fn concluded(verdict: Verdict, confidence: Confidence) -> Conclusion {
        conclude(Reason::RoutingServerFailure, &Evidence::of(verdict, confidence, AT))
    }

    #[test]
    fn the_table_of_5_4_3() {
        use {Confidence as C, Verdict as V};
        for (verdict, confidence, expected) in [
            (V::Deliverable, C::High, Conclusion::Release { rule: "claim-refuted" }),
            (V::Degraded, C::Medium, Conclusion::Release { rule: "claim-refuted" }),
            (V::NoMailByIntent, C::Low, Conclusion::SuppressDomain { rule: "no-mail-by-intent" }),
            (V::UndeliverablePermanent, C::High, Conclusion::SuppressDomain { rule: "proven-dead" }),
            (V::UndeliverablePermanent, C::Medium, Conclusion::HoldDomain { rule: "no-route-now" }),
            (V::UndeliverableTransient, C::High, Conclusion::HoldDomain { rule: "no-route-now" }),
            (V::VantageBlind, C::High, Conclusion::Keep { rule: "vantage-blind" }),
        ] {
            assert_eq!(concluded(verdict, confidence), expected, "{verdict} {confidence}");
        }
    }

    #[test]
    fn a_failure_behind_the_mx_stays_held() {
        let evidence =
            Evidence { behind_mx: true, ..Evidence::of(Verdict::Deliverable, Confidence::High, AT) };
        assert_eq!(
            conclude(Reason::RoutingServerFailure, &evidence),
            Conclusion::Keep { rule: "failure-behind-mx" }
        );
    }

    #[test]
    fn a_new_owner_is_not_refuted_by_servers_that_work() {
        let evidence = Evidence::of(Verdict::Deliverable, Confidence::High, AT);
        let kept = Conclusion::Keep { rule: "owner-changed" };
        assert_eq!(conclude(Reason::DomainOwnerChanged, &evidence), kept);
    }

    #[test]
    fn domains_behind_one_operator_are_one_incident() {
        assert_eq!(incident_key("a.example", "a.example", &["host.example"], true), "operator:host.example");
        assert_eq!(incident_key("a.example", "a.example", &["host.example"], false), "domain:a.example");
        assert_eq!(incident_key("a.example", "a.example", &["a.example"], true), "domain:a.example");
    }

    proptest! {
        #[test]
        fn our_own_fault_never_stops_anybody(verdict in 0_usize..7, confidence in 0_usize..3, reason in 0_usize..50) {
            let verdict = Verdict::iter().nth(verdict).unwrap();
            prop_assume!(verdict != Verdict::NoMailByIntent);
            let confidence = [Confidence::Low, Confidence::Medium, Confidence::High][confidence];
            let reason = Reason::iter().nth(reason).unwrap_or(Reason::Undetermined);
            let evidence = Evidence { own_fault: true, ..Evidence::of(verdict, confidence, AT) };
            prop_assert_eq!(conclude(reason, &evidence), Conclusion::OwnFault);
        }
    }
}
