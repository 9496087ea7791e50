//! An address that somebody may read who can mend the domain's mail.

use abprall_mail::{EmailAddress, Verdict};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strum::{Display, IntoStaticStr};

use crate::{Diagnosis, HostLookup};

/// An address to write to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// The address.
    pub address: EmailAddress,
    /// Whose it is.
    pub role: ContactRole,
    /// The name of the person or organisation, where the source gives one.
    pub name: Option<String>,
    /// Where it was found, the best source first.
    pub sources: Vec<ContactSource>,
    /// Whether mail reaches its domain.
    pub mail: MailState,
    /// The judgement that `mail` rests on; `None` where it was not looked at.
    pub mail_verdict: Option<Verdict>,
    /// When its domain's mail was looked at.
    pub mail_checked_at: Option<Timestamp>,
    /// Why somebody who can help should read it, in the language that was asked for.
    pub why: String,
    /// What is to be known before writing, in the language that was asked for.
    pub warning: Option<String>,
}

/// Whose an address is.
#[derive(Clone, Copy, Debug, Display, Eq, Hash, IntoStaticStr, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ContactRole {
    /// Who runs the mail (RFC 5321 §4.5.1, RFC 2142 §5).
    Postmaster,
    /// Who runs the DNS (RFC 2142 §5).
    Hostmaster,
    /// Who takes complaints (RFC 2142 §4).
    Abuse,
    /// Who runs the zone by its SOA.
    ZoneAdministrator,
    /// Technical contact.
    Technical,
    /// Administrative contact.
    Administrative,
    /// Network operations centre.
    Noc,
    /// Who the domain belongs to.
    Registrant,
    /// The company that sold the name.
    Registrar,
    /// Who takes reports about mail (`rua`): often a program.
    Reports,
}

/// Where an address was found.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ContactSource {
    /// RNAME of the zone's SOA (RFC 1035 §3.3.13).
    SoaRname {
        /// The zone.
        zone: String,
    },
    /// A usual address (RFC 2142) of the domain itself, or of the domain that it lies below.
    OwnDomain {
        /// That domain.
        domain: String,
    },
    /// A usual address of who runs a mail server.
    MailServerOperator {
        /// The mail server.
        host: String,
    },
    /// A usual address of who runs a name server.
    NameServerOperator {
        /// The name server.
        host: String,
    },
    /// A usual address at the domain of the zone's administrator.
    ZoneOperator {
        /// The zone.
        zone: String,
    },
    /// `rua` of the TLSRPT record (RFC 8460 §3).
    TlsReporting {
        /// The name of the record.
        record: String,
    },
    /// `rua` of the DMARC record (RFC 7489 §6.3).
    DmarcReporting {
        /// The name of the record.
        record: String,
    },
    /// A contact of the domain's registration (RFC 9083 §5.1).
    RdapDomain {
        /// The URL that answered.
        url: String,
    },
    /// A contact of the network of a mail server.
    RdapNetwork {
        /// The URL that answered.
        url: String,
        /// The address that was asked about.
        address: std::net::IpAddr,
    },
}

/// Whether mail reaches the domain of an address. The order is that of the list.
#[derive(
    Clone, Copy, Debug, Display, Eq, Hash, IntoStaticStr, Ord, PartialEq, PartialOrd, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum MailState {
    /// A mail server of it answered.
    Works,
    /// Its DNS is in order; mail servers were left out on purpose.
    WorksByDns,
    /// It was looked at, and nobody can tell from here.
    Unknown,
    /// It was not looked at.
    Unchecked,
    /// It does not.
    Fails,
}

impl MailState {
    /// The word as every output and file of Abprall spells it.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Whether it is known that mail should get through.
    pub fn may_be_written_to(self) -> bool {
        match self {
            MailState::Works | MailState::WorksByDns => true,
            MailState::Unknown | MailState::Unchecked | MailState::Fails => false,
        }
    }
}

impl ContactRole {
    /// The word as every output and file of Abprall spells it.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// What is broken, as far as it changes who is best asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Trouble {
    /// No mail server can be found out: who runs the zone or the registration.
    Dns,
    /// The mail servers are known.
    MailServers,
}

impl Trouble {
    pub(super) fn of(diagnosis: &Diagnosis) -> Self {
        let found = diagnosis.mx.iter().any(|mx| match mx.dns {
            HostLookup::Ok | HostLookup::Cname | HostLookup::Literal => true,
            HostLookup::Nxdomain
            | HostLookup::Nodata
            | HostLookup::Servfail
            | HostLookup::Timeout
            | HostLookup::Refused
            | HostLookup::CnameLoop
            | HostLookup::Error
            | HostLookup::Null => false,
        });
        if found { Trouble::MailServers } else { Trouble::Dns }
    }
}

impl Candidate {
    /// A candidate whose mail was not looked at yet.
    pub(super) fn new(address: EmailAddress, role: ContactRole, source: ContactSource) -> Self {
        Self {
            address,
            role,
            name: None,
            sources: vec![source],
            mail: MailState::Unchecked,
            mail_verdict: None,
            mail_checked_at: None,
            why: String::new(),
            warning: None,
        }
    }

    /// The best source first: it gives the reason.
    pub(super) fn order_sources(&mut self, trouble: Trouble) {
        let role = self.role;
        self.sources.sort_by_key(|source| rank(role, source, trouble));
    }

    /// How likely it is somebody who can help; lower is better. Says nothing about whether mail gets there.
    pub(super) fn rank(&self, trouble: Trouble) -> u8 {
        self.sources.iter().map(|source| rank(self.role, source, trouble)).min().unwrap_or(u8::MAX)
    }
}

/// People of the domain itself come first, then who runs what is broken, then who only stands near it.
fn rank(role: ContactRole, source: &ContactSource, trouble: Trouble) -> u8 {
    match (source, role, trouble) {
        (ContactSource::OwnDomain { .. }, _, _) => 0,
        (ContactSource::RdapDomain { .. }, ContactRole::Technical | ContactRole::Noc, _) => 1,
        (ContactSource::SoaRname { .. }, _, Trouble::Dns) => 2,
        (ContactSource::SoaRname { .. }, _, Trouble::MailServers) => 3,
        (ContactSource::RdapDomain { .. }, ContactRole::Administrative, _) => 4,
        (ContactSource::RdapDomain { .. }, ContactRole::Registrant, _) => 5,
        (ContactSource::MailServerOperator { .. }, ContactRole::Postmaster, Trouble::MailServers) => 2,
        (ContactSource::NameServerOperator { .. }, ContactRole::Hostmaster, Trouble::Dns) => 6,
        (ContactSource::MailServerOperator { .. }, ContactRole::Postmaster, Trouble::Dns) => 7,
        (ContactSource::TlsReporting { .. }, _, _) => 8,
        (ContactSource::RdapDomain { .. }, ContactRole::Registrar, Trouble::Dns) => 9,
        (ContactSource::RdapNetwork { .. }, ContactRole::Technical | ContactRole::Noc, _) => 10,
        (ContactSource::ZoneOperator { .. }, ContactRole::Postmaster | ContactRole::Hostmaster, _) => 11,
        (ContactSource::RdapNetwork { .. }, ContactRole::Abuse, _) => 12,
        (ContactSource::NameServerOperator { .. }, ContactRole::Postmaster | ContactRole::Hostmaster, _) => {
            13
        }
        (ContactSource::DmarcReporting { .. }, _, _) => 14,
        (ContactSource::MailServerOperator { .. }, _, _) => 15,
        (ContactSource::RdapNetwork { .. }, _, _) => 16,
        (ContactSource::NameServerOperator { .. } | ContactSource::ZoneOperator { .. }, _, _) => 17,
        (ContactSource::RdapDomain { .. }, _, _) => 18,
    }
}
