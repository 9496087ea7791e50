//! Looks at the mail routing of a domain: DNS, mail servers, policies, and from where it all was seen. Judges nothing.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use abprall_mail::Domain;
use ipnet::IpNet;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::time::Instant;

use crate::{NetworkGuard, RecordType, Survey};

mod asking;
mod bounded;
pub(crate) mod concurrently;
mod contact;
mod dane;
pub mod delegation;
pub mod dns;
pub mod exchangers;
mod https;
pub mod log;
mod lookups;
mod mta_sts;
mod own_name;
mod politeness;
mod probe;
mod probing;
mod relay;
mod run;
mod signal;
pub mod system_resolver;
mod tls;
mod trace;
mod vantage;
mod wildcard;

use dns::{DnsClient, DnsServer};
use vantage::Canaries;

pub use dane::dane_state;
pub use https::{FetchError, HttpsClient, PlainHttp, Response};
pub use lookups::{Lookups, Seen};
pub use mta_sts::policy::{MtaStsRecord, ParsePolicyError, parse_policy, read_record};
pub use politeness::{NotNow, Permit, Politeness, PolitenessConfig, Purpose, VisitEnd};
pub use probe::{ProbeTarget, Prober, ProberConfig, ProberError, TlsaSet};
pub use probing::Families;
pub use relay::{ParseRelayError, Relay};
pub use tls::{TlsSetupError, read_certificate};

/// How to look.
#[derive(Clone, Debug)]
pub struct ObserverConfig {
    /// Our resolver, then those that its answers are compared with. Empty: those of the system.
    pub resolvers: Vec<SocketAddr>,
    /// Special-use networks that may be contacted all the same: a lab, a private network.
    pub allowed_networks: Vec<IpNet>,
    /// Domains whose mail surely works. Empty: whether we can see at all is not tested.
    pub canaries: Vec<Domain>,
    /// Our name in EHLO. `None`: the full name of this machine.
    pub ehlo_name: Option<String>,
    /// How long one survey may take in all.
    pub deadline: Duration,
    /// Whether mail servers are contacted.
    pub mail_servers: MailServers,
    /// Which address families mail servers are contacted over.
    pub families: Families,
    /// What is looked at beside the route itself.
    pub scope: Scope,
    /// Certificate authorities to trust beside those of the system: a PEM file.
    pub ca_file: Option<PathBuf>,
    /// Relays that the operator names as another way.
    pub relays: Vec<Relay>,
    /// Whether the network path to a host is followed.
    pub trace: Trace,
    /// When the name servers of the zone are asked one by one.
    pub walk: Walk,
    /// Addresses of root servers for the walk. Empty: those of the Internet.
    pub roots: Vec<IpAddr>,
    /// The port that stands in for 443: for a lab only.
    pub https_port: Option<u16>,
    /// How many surveys share what this observer learns.
    pub sharing: Sharing,
}

impl Default for ObserverConfig {
    fn default() -> Self {
        Self {
            resolvers: Vec::new(),
            allowed_networks: Vec::new(),
            canaries: default_canaries(),
            ehlo_name: None,
            deadline: Duration::from_secs(30),
            mail_servers: MailServers::Probe,
            families: Families::Both,
            scope: Scope::Everything,
            ca_file: None,
            relays: Vec::new(),
            trace: Trace::Off,
            walk: Walk::AfterFailure,
            roots: Vec::new(),
            https_port: None,
            sharing: Sharing::Hosts,
        }
    }
}

/// The canaries where the operator names none: domains of four large operators in different countries.
pub fn default_canaries() -> Vec<Domain> {
    vantage::DEFAULT_CANARIES.iter().filter_map(|name| Domain::parse(name).ok()).collect()
}

/// Whether mail servers are contacted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MailServers {
    /// Connect, greeting, EHLO, STARTTLS, QUIT.
    Probe,
    /// Only DNS is looked at.
    Leave,
}

/// What is looked at beside the route itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Scope {
    /// MTA-STS, DANE, wildcards.
    Everything,
    /// Nothing: MX and addresses only, for long lists.
    RouteOnly,
}

/// Whether the network path to a host is followed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Trace {
    /// It is not.
    Off,
    /// To the first address that cannot be connected to, else to the first of all.
    On,
}

/// When the name servers of the zone are asked one by one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Walk {
    /// Never: for long lists.
    Never,
    /// When a lookup failed, or the domain does not exist.
    AfterFailure,
    /// Always.
    Always,
}

/// How many surveys share what an observer learns.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Sharing {
    /// Answers about mail hosts are used again within their TTL.
    Hosts,
    /// As `Hosts`, and the sockets towards our resolver are shared. Only with a resolver on this machine or a trusted network: answers
    /// are easier to forge.
    HostsAndSockets,
}

/// Why an observer cannot be made: all of them are the operator's to mend.
#[derive(Debug, thiserror::Error)]
pub enum ObserverError {
    /// The file of certificate authorities.
    #[error("reading the certificate authorities in {path}: {source}")]
    CaFile {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: rustls::pki_types::pem::Error,
    },
    /// It has a certificate that is none.
    #[error("a certificate in {path} cannot be used: {source}")]
    BadAuthority {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: rustls::Error,
    },
    /// TLS cannot be set up.
    #[error("setting up TLS: {0}")]
    Tls(#[source] rustls::Error),
    /// The prober cannot be made.
    #[error(transparent)]
    Prober(#[from] ProberError),
    /// No socket towards the resolver.
    #[error("no socket towards the resolver {resolver}: {source}")]
    Resolver {
        /// The resolver.
        resolver: SocketAddr,
        /// The system's error.
        source: std::io::Error,
    },
}

/// Looks at domains, one after the other or many at the same time.
pub struct Observer {
    config: ObserverConfig,
    lookups: Lookups,
    guard: Arc<NetworkGuard>,
    prober: Prober,
    https: HttpsClient,
    canaries: Canaries,
}

impl Observer {
    /// Sets everything up. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// See [`ObserverError`].
    pub async fn new(config: ObserverConfig) -> Result<Self, ObserverError> {
        let guard = Arc::new(NetworkGuard::allowing(config.allowed_networks.clone()));
        let addresses = if config.resolvers.is_empty() {
            system_resolver::system_resolvers()
        } else {
            config.resolvers.clone()
        };
        let mut resolvers: Vec<_> = addresses.into_iter().map(DnsServer::resolver).collect();
        let ours = resolvers[0].address;
        let mut dns = DnsClient::new(Arc::clone(&guard));
        if config.sharing == Sharing::HostsAndSockets {
            let shared = dns.with_shared_sockets(ours).await;
            dns = shared.map_err(|source| ObserverError::Resolver { resolver: ours, source })?;
        }
        let dns = Arc::new(dns);
        let tls = Arc::new(tls_config(config.ca_file.as_deref())?);
        let https = HttpsClient::new(
            Arc::clone(&dns),
            resolvers[0].clone(),
            Arc::clone(&guard),
            tls,
            config.https_port,
        );
        let prober = ProberConfig {
            ehlo_name: config.ehlo_name.clone().or_else(own_name::own_name),
            ca_file: config.ca_file.clone(),
            ..ProberConfig::default()
        };
        let polite =
            PolitenessConfig { own_networks: config.allowed_networks.clone(), ..PolitenessConfig::default() };
        let prober = Prober::new(prober, Arc::clone(&guard), Arc::new(Politeness::new(polite)))?;
        let canaries = Canaries::new(config.canaries.clone());
        let first = resolvers.remove(0);
        let lookups = Lookups::new(dns, first, resolvers);
        Ok(Self { config, lookups, guard, prober, https, canaries })
    }

    /// Looks at a domain. Never longer than the deadline: what is not seen by then is noted as not seen.
    pub async fn survey(&self, domain: &Domain) -> Survey {
        run::survey(self, domain).await
    }

    /// Asks our resolver, and no longer than one lookup may take.
    pub(crate) async fn ask(&self, name: &str, record_type: RecordType, deadline: Instant) -> Seen {
        asking::ask(&self.lookups, name, record_type, deadline).await
    }

    /// Which addresses may be contacted.
    pub(crate) fn guard(&self) -> &NetworkGuard {
        &self.guard
    }

    /// How long one survey may take.
    pub(crate) fn deadline(&self) -> Duration {
        self.config.deadline
    }

    /// What a survey of this observer leaves out on purpose.
    pub(crate) fn mail_servers(&self) -> MailServers {
        self.config.mail_servers
    }

    /// Looks at several domains at the same time; the surveys are in the order of the domains.
    pub async fn surveys(&self, domains: impl IntoIterator<Item = &Domain>) -> Vec<Survey> {
        concurrently::all(domains.into_iter().map(|domain| self.survey(domain))).await
    }

    /// A client that asks the same resolver and keeps to the same guard.
    pub fn https(&self) -> &HttpsClient {
        &self.https
    }
}

/// Trusts the authorities of the system and those of a PEM file.
fn tls_config(ca_file: Option<&Path>) -> Result<ClientConfig, ObserverError> {
    let mut roots = RootCertStore::empty();
    // A system without authorities is no error: then no HTTPS server is trusted, and the facts say so.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = ca_file {
        let unreadable = |source| ObserverError::CaFile { path: path.to_owned(), source };
        for certificate in CertificateDer::pem_file_iter(path).map_err(unreadable)? {
            let added = roots.add(certificate.map_err(unreadable)?);
            added.map_err(|source| ObserverError::BadAuthority { path: path.to_owned(), source })?;
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions().map_err(ObserverError::Tls)?;
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
