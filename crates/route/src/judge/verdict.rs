use abprall_mail::Verdict;

use super::picture::{Egress, Host, Picture, Reply, Resolver, Target, greets};
use crate::AddressState;

/// The one reason that decides the verdict.
///
/// | ground | verdict |
/// |---|---|
/// | an address took the conversation | deliverable, or degraded |
/// | DNS is fine, mail servers were left out on purpose | deliverable, never surer than low |
/// | null MX, MX at localhost | no mail by intent |
/// | NXDOMAIN, no mail host, all targets absent, 521 everywhere | undeliverable, permanent |
/// | failures of DNS and connections, alias loops, policies, special-use addresses | undeliverable, transient |
/// | our resolver, port 25 or address family | vantage blind |
/// | nothing was asked | unknown |
///
/// Special-use addresses come out as transient: what they show is often the inner side of a split DNS, and one changed record
/// mends them; none of the proofs of RFC 2308 or RFC 7504 is there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ground {
    Works,
    DnsOnly,
    NullMx,
    Localhost,
    DomainAbsent,
    NoMailHost,
    TargetsAbsent,
    AcceptNoMail,
    DnsFailure,
    AliasLoop,
    TargetsUnknown,
    SpecialUse,
    Excluded,
    Connections,
    ResolverBlind,
    ResolverRefuted,
    EgressBlind,
    FamilyBlind,
    NotSeen,
}

impl Ground {
    pub fn of(picture: &Picture<'_>) -> Self {
        // A conversation that succeeded outranks everything else, even a resolver in trouble. But a host that only an answer with
        // checking disabled names is one that nobody finds who checks.
        if picture.hosts.iter().any(Host::is_usable) && !picture.is_bogus() {
            return Ground::Works;
        }
        if picture.resolver == Resolver::Blind {
            return Ground::ResolverBlind;
        }
        if !picture.resolver_refuted_by.is_empty() {
            return Ground::ResolverRefuted;
        }
        let Some(reply) = picture.mx_reply() else { return Ground::NotSeen };
        match reply {
            Reply::NxDomain | Reply::NoData if picture.disputed => Ground::DnsFailure,
            Reply::NxDomain => Ground::DomainAbsent,
            Reply::NoData => Self::of_implicit(picture),
            Reply::Data => Self::of_hosts(picture),
            Reply::AliasLoop => Ground::AliasLoop,
            Reply::ServFail if picture.alias_loop().is_some() => Ground::AliasLoop,
            Reply::Forbidden => Ground::NotSeen,
            Reply::Referral
            | Reply::ServFail
            | Reply::Refused
            | Reply::FormErr
            | Reply::Silence
            | Reply::Unreachable
            | Reply::Malformed => Ground::DnsFailure,
        }
    }

    fn of_implicit(picture: &Picture<'_>) -> Self {
        if picture.has_no_address_itself() {
            return Ground::NoMailHost;
        }
        if picture.dns(picture.own_lookups()).any(|(_, _, reply)| reply == Reply::Data) {
            return Self::of_hosts(picture);
        }
        if picture.own_lookups().is_empty() { Ground::NotSeen } else { Ground::DnsFailure }
    }

    fn of_hosts(picture: &Picture<'_>) -> Self {
        let real: Vec<_> = picture.real_hosts().collect();
        if real.is_empty() {
            return if picture.hosts.is_empty() { Ground::NotSeen } else { Ground::NullMx };
        }
        if real.iter().all(|host| host.is_localhost()) {
            return Ground::Localhost;
        }
        if real.iter().all(|host| host.absent) {
            return Ground::TargetsAbsent;
        }
        let silent_by_intent =
            |host: &Host<'_>| !host.targets.is_empty() && host.targets.iter().all(Target::accepts_no_mail);
        if real.iter().all(|host| host.absent || silent_by_intent(host)) {
            // Where even canaries turn us away, it is not the host that spoke.
            return match picture.egress {
                Egress::TurnedAway => Ground::EgressBlind,
                Egress::Untested | Egress::Works | Egress::Blocked => Ground::AcceptNoMail,
            };
        }
        let targets: Vec<_> = picture.targets().map(|(_, target)| target).collect();
        if picture.survey.dns_only && real.iter().any(|host| host.has_address() && !host.is_special_use()) {
            return Ground::DnsOnly;
        }
        if targets.iter().any(|target| target.works()) {
            return Ground::Excluded;
        }
        Self::of_failures(picture, &targets)
    }

    fn of_failures(picture: &Picture<'_>, targets: &[&Target<'_>]) -> Self {
        if targets.is_empty() {
            return if picture.real_hosts().any(Host::has_address) {
                Ground::NotSeen
            } else {
                Ground::TargetsUnknown
            };
        }
        if targets.iter().all(|target| target.fact.state == AddressState::Forbidden) {
            return Ground::SpecialUse;
        }
        let tried: Vec<_> = targets.iter().filter(|t| t.was_contacted()).collect();
        let left_out = picture
            .real_hosts()
            .filter(|host| host.lookup != crate::HostLookup::Literal)
            .any(|h| h.targets.iter().any(|t| t.fact.state == AddressState::NotProbed && !t.out_of_sight));
        if left_out {
            return Ground::NotSeen;
        }
        if tried.is_empty() {
            return if targets.iter().any(|target| target.out_of_sight) {
                Ground::FamilyBlind
            } else {
                Ground::TargetsUnknown
            };
        }
        let ours = |target: &&Target<'_>| match picture.egress {
            Egress::Blocked => !greets(target.fact.state),
            Egress::TurnedAway => {
                matches!(target.fact.state, AddressState::Greeting4xx | AddressState::Greeting5xx)
            }
            Egress::Untested | Egress::Works => false,
        };
        if tried.iter().all(|target| ours(target)) { Ground::EgressBlind } else { Ground::Connections }
    }

    /// The verdict; `damaged`: something of the route is broken.
    pub fn verdict(self, damaged: bool) -> Verdict {
        match self {
            Ground::Works | Ground::DnsOnly if damaged => Verdict::Degraded,
            Ground::Works | Ground::DnsOnly => Verdict::Deliverable,
            Ground::NullMx | Ground::Localhost => Verdict::NoMailByIntent,
            Ground::DomainAbsent | Ground::NoMailHost | Ground::TargetsAbsent | Ground::AcceptNoMail => {
                Verdict::UndeliverablePermanent
            }
            Ground::DnsFailure
            | Ground::AliasLoop
            | Ground::TargetsUnknown
            | Ground::SpecialUse
            | Ground::Excluded
            | Ground::Connections => Verdict::UndeliverableTransient,
            Ground::ResolverBlind | Ground::ResolverRefuted | Ground::EgressBlind | Ground::FamilyBlind => {
                Verdict::VantageBlind
            }
            Ground::NotSeen => Verdict::Unknown,
        }
    }

    /// Mail gets through, or may for all that was seen.
    pub fn leaves_a_way(self) -> bool {
        matches!(self, Ground::Works | Ground::DnsOnly | Ground::NotSeen)
    }

    /// What we saw of mail servers or the DNS is not about the domain.
    pub fn is_blind(self) -> bool {
        self.verdict(false) == Verdict::VantageBlind
    }
}
