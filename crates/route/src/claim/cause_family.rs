use abprall_bounce::{Classification, Issuer, Phase, Report};
use abprall_mail::{Party, Reason};
use serde::{Deserialize, Serialize};
use strum::{Display, EnumIter, IntoStaticStr};

use super::Ownership;

/// What kind of cause a bounce claims.
#[derive(
    Clone, Copy, Debug, Display, EnumIter, Eq, Hash, IntoStaticStr, PartialEq, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum CauseFamily {
    /// The DNS says clearly that there is no such domain, or nowhere to deliver.
    DnsNegative,
    /// The DNS gave no usable answer.
    DnsFailure,
    /// The domain says that it takes no mail.
    NoMailByIntent,
    /// No connection to a mail server.
    Connect,
    /// Connected, but no greeting, or a greeting that refuses.
    Greeting,
    /// The connection broke during the dialogue.
    SessionLost,
    /// TLS could not be set up.
    Tls,
    /// A mail server was reached, and could not route further.
    RoutingBehindMx,
    /// The mail server says that it does not take mail for the domain.
    RelayDenied,
    /// The message went in circles.
    Loop,
    /// The recipient: unknown, full, disabled, restricted.
    Recipient,
    /// The sender, the message, or a rule of the receiver about them.
    Policy,
    /// The receiving system has trouble of its own.
    RemoteSystem,
    /// It waited until its time was over; the cause beneath is not told.
    Expired,
    /// The sender's own resolver failed.
    OwnResolver,
    /// The sender's own configuration.
    LocalConfig,
    /// Nothing of the kind is told.
    Other,
}

impl CauseFamily {
    /// The word as every output and file of Abprall spells it.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// The family of what a report claims, by its reason and by who says so.
pub(super) fn family_of(
    report: &Report,
    judged: &Classification,
    issuer: Issuer,
    reporter: Ownership,
) -> CauseFamily {
    let words = report.diagnostic.as_deref().unwrap_or_default().to_ascii_lowercase();
    // Haraka codes this 5.1.2, even when the domain has exchangers and all are silent.
    if issuer == Issuer::Reporting && words.contains("tried all mxs") {
        return CauseFamily::Connect;
    }
    let reason = match (judged.reason, judged.underlying) {
        (Reason::DeliveryExpired, Some(underlying)) => underlying,
        (reason, _) => reason,
    };
    match issuer {
        Issuer::Remote => remote(reason),
        Issuer::Reporting => reporting(reason, report, &words, reporter),
    }
}

/// A mail server on the way or at the end said it: what it calls DNS or routing trouble lies behind it.
fn remote(reason: Reason) -> CauseFamily {
    match reason {
        Reason::NullMx => CauseFamily::NoMailByIntent,
        Reason::RelayDenied => CauseFamily::RelayDenied,
        Reason::RoutingLoop => CauseFamily::Loop,
        Reason::DomainNotFound
        | Reason::NoMailRoute
        | Reason::RoutingServerFailure
        | Reason::DnsFailure
        | Reason::HostUnreachable
        | Reason::ConnectionLost
        | Reason::OwnResolverFailure => CauseFamily::RoutingBehindMx,
        // "Must issue a STARTTLS command first" is a rule of the receiver.
        Reason::TlsFailure => CauseFamily::Policy,
        Reason::DeliveryExpired => CauseFamily::Expired,
        other => by_party(other),
    }
}

/// The reporting MTA said it in its own words.
fn reporting(reason: Reason, report: &Report, words: &str, reporter: Ownership) -> CauseFamily {
    match reason {
        Reason::DomainNotFound | Reason::NoMailRoute => CauseFamily::DnsNegative,
        Reason::NullMx => CauseFamily::NoMailByIntent,
        Reason::OwnResolverFailure => CauseFamily::OwnResolver,
        // Postfix: 5.4.3 is NO_RECOVERY of its own resolver.
        Reason::DnsFailure | Reason::RoutingServerFailure
            if words.contains("non-recoverable error") && reporter != Ownership::Theirs =>
        {
            CauseFamily::OwnResolver
        }
        Reason::DnsFailure => CauseFamily::DnsFailure,
        // Nobody else was asked: a routing rule of the MTA itself says so.
        Reason::RoutingServerFailure => match reporter {
            Ownership::Ours | Ownership::InferredOurs => CauseFamily::LocalConfig,
            Ownership::Theirs | Ownership::Unknown => CauseFamily::RoutingBehindMx,
        },
        Reason::HostUnreachable | Reason::Congestion => CauseFamily::Connect,
        Reason::ConnectionLost => match report.phase {
            Some(Phase::Greeting) => CauseFamily::Greeting,
            _ => CauseFamily::SessionLost,
        },
        Reason::TlsFailure => CauseFamily::Tls,
        Reason::RelayDenied => CauseFamily::RelayDenied,
        Reason::RoutingLoop => CauseFamily::Loop,
        Reason::DeliveryExpired => by_phase(report.phase).unwrap_or(CauseFamily::Expired),
        Reason::Undetermined => by_phase(report.phase).unwrap_or(CauseFamily::Other),
        other => by_party(other),
    }
}

/// An MTA that only names what it was doing still tells a family.
fn by_phase(phase: Option<Phase>) -> Option<CauseFamily> {
    match phase? {
        Phase::Dns => Some(CauseFamily::DnsFailure),
        Phase::Connect => Some(CauseFamily::Connect),
        Phase::Tls => Some(CauseFamily::Tls),
        Phase::Greeting => Some(CauseFamily::Greeting),
        Phase::Ehlo | Phase::Mail | Phase::Rcpt | Phase::Data | Phase::EndOfData => {
            Some(CauseFamily::SessionLost)
        }
        Phase::Queue | Phase::AfterDelivery => None,
    }
}

fn by_party(reason: Reason) -> CauseFamily {
    match reason.party() {
        Party::Recipient | Party::RecipientDomain => CauseFamily::Recipient,
        Party::Sender | Party::Message => CauseFamily::Policy,
        Party::Receiver if reason == Reason::Greylisted => CauseFamily::Policy,
        Party::Receiver | Party::Route => CauseFamily::RemoteSystem,
        Party::OwnSystem => CauseFamily::LocalConfig,
        Party::None | Party::Unknown => CauseFamily::Other,
    }
}
