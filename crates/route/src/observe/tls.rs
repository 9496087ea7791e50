use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, verify_server_cert_signed_by_trust_anchor};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, PeerIncompatible, RootCertStore,
    SignatureScheme,
};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::limits::{CERTIFICATE_NAME_BYTES_MAX, CERTIFICATE_NAMES_MAX};
use crate::{CertificateFact, ChainVerdict};

/// Why TLS cannot be set up on this machine.
#[derive(Debug, thiserror::Error)]
pub enum TlsSetupError {
    /// The file of extra authorities cannot be read.
    #[error("the authorities in {path} cannot be read")]
    ExtraAuthorities {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: rustls::pki_types::pem::Error,
    },
    /// The cryptography library refuses the settings.
    #[error("TLS cannot be set up")]
    Library(#[from] rustls::Error),
}

/// TLS towards mail servers: takes any certificate, and says afterwards what is to be thought of it.
pub(super) struct TlsProbe {
    connector: TlsConnector,
    roots: RootCertStore,
}

impl TlsProbe {
    /// Trusts the authorities of this machine, and those of a PEM file.
    pub(super) fn new(extra_authorities: Option<&Path>) -> Result<Self, TlsSetupError> {
        let mut roots = RootCertStore::empty();
        // A machine without authorities can still probe; the verdict on chains then says so.
        let native = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(native.certs);
        if let Some(path) = extra_authorities {
            let failed = |source| TlsSetupError::ExtraAuthorities { path: path.to_owned(), source };
            for certificate in CertificateDer::pem_file_iter(path).map_err(failed)? {
                roots.add_parsable_certificates([certificate.map_err(failed)?]);
            }
        }
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(JudgedLater { provider }))
            .with_no_client_auth();
        // A resumed session would show no certificate.
        config.resumption = Resumption::disabled();
        Ok(Self { connector: TlsConnector::from(Arc::new(config)), roots })
    }

    /// Shakes hands. The error is a sentence for people.
    pub(super) async fn connect(
        &self,
        host: &str,
        address: IpAddr,
        stream: TcpStream,
    ) -> Result<TlsStream<TcpStream>, String> {
        // RFC 7672 §8.1: the name of the MX host is sent as SNI. What is no host name goes without.
        let name = ServerName::try_from(host.trim_end_matches('.').to_owned())
            .unwrap_or_else(|_| ServerName::IpAddress(address.into()));
        self.connector.connect(name, stream).await.map_err(|error| explain(&error))
    }

    /// What is to be thought of the certificates that a server showed, its own first.
    pub(super) fn judge(&self, chain: &[CertificateDer<'_>], host: &str, now: Timestamp) -> CertificateFact {
        match chain.first().and_then(|own| read_certificate(own, host)) {
            Some(fact) => CertificateFact { chain: self.chain_verdict(chain, now), ..fact },
            None => CertificateFact {
                names: Vec::new(),
                issuer: String::new(),
                not_before: Timestamp::UNIX_EPOCH,
                not_after: Timestamp::UNIX_EPOCH,
                chain: ChainVerdict::Invalid { detail: "the certificate cannot be read".to_owned() },
                name_matches: false,
            },
        }
    }

    fn chain_verdict(&self, chain: &[CertificateDer<'_>], now: Timestamp) -> ChainVerdict {
        if self.roots.is_empty() {
            return ChainVerdict::Invalid { detail: "this machine trusts no authority at all".to_owned() };
        }
        match verify_chain(chain, &self.roots, now) {
            Ok(()) => ChainVerdict::Trusted,
            Err(rustls::Error::InvalidCertificate(error)) => match error {
                CertificateError::Expired
                | CertificateError::ExpiredContext { .. }
                | CertificateError::NotValidYet
                | CertificateError::NotValidYetContext { .. } => ChainVerdict::Expired,
                CertificateError::UnknownIssuer => ChainVerdict::UnknownIssuer,
                // A self-signed authority used as the server's own certificate is refused for that, before its issuer is looked up.
                _ if is_self_issued(chain) => ChainVerdict::UnknownIssuer,
                other => ChainVerdict::Invalid { detail: other.to_string() },
            },
            Err(error) => ChainVerdict::Invalid { detail: error.to_string() },
        }
    }
}

/// Names, issuer and dates of a certificate, and whether one of the names is `host`; whom it leads to is not asked (`UnknownIssuer`).
/// `None` when it cannot be read.
pub fn read_certificate(certificate: &CertificateDer<'_>, host: &str) -> Option<CertificateFact> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    let names = names_of(&certificate);
    Some(CertificateFact {
        name_matches: names.iter().any(|name| name_matches(name, host)),
        names: names.into_iter().take(CERTIFICATE_NAMES_MAX).map(|name| shorten(&name)).collect(),
        issuer: shorten(&certificate.issuer().to_string()),
        not_before: timestamp(certificate.validity().not_before.timestamp()),
        not_after: timestamp(certificate.validity().not_after.timestamp()),
        chain: ChainVerdict::UnknownIssuer,
    })
}

/// Whether the first certificate leads to this authority, by certificates that are all valid at `now`.
pub(super) fn leads_to(chain: &[CertificateDer<'_>], authority: &CertificateDer<'_>, now: Timestamp) -> bool {
    let mut roots = RootCertStore::empty();
    roots.add(authority.clone().into_owned()).is_ok() && verify_chain(chain, &roots, now).is_ok()
}

fn verify_chain(
    chain: &[CertificateDer<'_>],
    roots: &RootCertStore,
    now: Timestamp,
) -> Result<(), rustls::Error> {
    let Some((own, others)) = chain.split_first() else {
        return Err(rustls::Error::NoCertificatesPresented);
    };
    let algorithms = aws_lc_rs::default_provider().signature_verification_algorithms;
    let seconds = u64::try_from(now.as_second()).unwrap_or(0);
    let at = UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
    verify_server_cert_signed_by_trust_anchor(
        &ParsedCertificate::try_from(own)?,
        roots,
        others,
        at,
        algorithms.all,
    )
}

/// Whether a name of a certificate stands for a host: equal without regard to case, or a wildcard for exactly one whole label
/// (RFC 6125 §6.4.3). Addresses are compared as addresses.
pub(super) fn name_matches(pattern: &str, host: &str) -> bool {
    let host = host.trim_end_matches('.');
    if let Ok(address) = host.trim_matches(['[', ']']).parse::<IpAddr>() {
        return pattern.parse() == Ok(address);
    }
    let pattern = pattern.trim_end_matches('.');
    match pattern.strip_prefix("*.") {
        None => !pattern.is_empty() && pattern.eq_ignore_ascii_case(host),
        // `*.com` would stand for every domain of a registry.
        Some(parent) => host.split_once('.').is_some_and(|(label, rest)| {
            !label.is_empty() && parent.contains('.') && rest.eq_ignore_ascii_case(parent)
        }),
    }
}

/// DNS names and addresses of subjectAltName; the common name only where there is no DNS name (RFC 6125 §6.4.4).
fn names_of(certificate: &X509Certificate<'_>) -> Vec<String> {
    let (mut names, mut addresses) = (Vec::new(), Vec::new());
    if let Ok(Some(extension)) = certificate.subject_alternative_name() {
        for name in &extension.value.general_names {
            match name {
                GeneralName::DNSName(name) => names.push((*name).to_owned()),
                GeneralName::IPAddress(bytes) => addresses.extend(address(bytes).map(|a| a.to_string())),
                _ => {}
            }
        }
    }
    if names.is_empty() {
        let common = certificate.subject().iter_common_name().filter_map(|name| name.as_str().ok());
        names.extend(common.map(str::to_owned));
    }
    names.append(&mut addresses);
    names
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
}

fn is_self_issued(chain: &[CertificateDer<'_>]) -> bool {
    chain
        .first()
        .and_then(|own| X509Certificate::from_der(own).ok())
        .is_some_and(|(_, own)| own.issuer().as_raw() == own.subject().as_raw())
}

fn timestamp(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap_or(if seconds < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

/// Names come from a stranger: no control characters, no endless ones.
fn shorten(text: &str) -> String {
    let end = text.floor_char_boundary(CERTIFICATE_NAME_BYTES_MAX);
    text[..end].chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

fn explain(error: &io::Error) -> String {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match inner {
        Some(
            rustls::Error::AlertReceived(AlertDescription::ProtocolVersion)
            | rustls::Error::PeerIncompatible(
                PeerIncompatible::ServerDoesNotSupportTls12Or13
                | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
            ),
        ) => "no common protocol: the server does not speak TLS 1.2 or 1.3".to_owned(),
        Some(rustls::Error::AlertReceived(
            AlertDescription::HandshakeFailure | AlertDescription::InsufficientSecurity,
        )) => "no common protocol: the server accepts none of our cipher suites".to_owned(),
        Some(rustls::Error::InvalidMessage(error)) => format!("what came is not TLS ({error:?})"),
        Some(error) => error.to_string(),
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            "closed by the server during the handshake".to_owned()
        }
        None => error.to_string(),
    }
}

/// Takes every certificate, because a probe wants to see and not to trust; but the server must own the key that it shows.
#[derive(Debug)]
struct JudgedLater {
    provider: Arc<CryptoProvider>,
}

impl JudgedLater {
    /// A certificate that our library cannot use (too old a form, too short a key) is no proof against the server.
    fn tolerate(
        result: Result<HandshakeSignatureValid, rustls::Error>,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        match result {
            Err(rustls::Error::InvalidCertificate(error)) if error != CertificateError::BadSignature => {
                Ok(HandshakeSignatureValid::assertion())
            }
            other => other,
        }
    }
}

impl ServerCertVerifier for JudgedLater {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        Self::tolerate(verify_tls12_signature(message, cert, dss, algorithms))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        Self::tolerate(verify_tls13_signature(message, cert, dss, algorithms))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

    use super::*;

    fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
    }

    fn probe_trusting(authority: &CertifiedIssuer<'static, KeyPair>) -> TlsProbe {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), authority.pem()).unwrap();
        TlsProbe::new(Some(file.path())).unwrap()
    }

    #[test]
    fn a_wildcard_stands_for_exactly_one_label() {
        for (pattern, host) in [
            ("mx.example.com", "MX.example.com."),
            ("*.example.com", "mx.example.com"),
            ("*.EXAMPLE.com", "mx.example.com"),
            ("192.0.2.1", "[192.0.2.1]"),
        ] {
            assert!(name_matches(pattern, host), "{pattern} {host}");
        }
        for (pattern, host) in [
            ("*.example.com", "example.com"),
            ("*.example.com", "a.mx.example.com"),
            ("m*.example.com", "mx.example.com"),
            ("*.com", "example.com"),
            ("*", "localhost"),
            ("", ""),
            ("*.0.2.1", "192.0.2.1"),
            ("example.com", "mx.example.com"),
        ] {
            assert!(!name_matches(pattern, host), "{pattern} {host}");
        }
    }

    #[test]
    fn a_certificate_is_trusted_by_its_authority_and_judged_by_names_and_dates() {
        let authority = authority("Lab Authority");
        let probe = probe_trusting(&authority);
        let mut params =
            CertificateParams::new(vec!["mx.example".to_owned(), "192.0.2.1".to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2040, 1, 1);
        let own = params.signed_by(&KeyPair::generate().unwrap(), &authority).unwrap();
        let chain = [own.der().clone()];

        let good = probe.judge(&chain, "mx.example", "2030-01-01T00:00:00Z".parse().unwrap());
        assert_eq!((good.chain, good.name_matches), (ChainVerdict::Trusted, true));
        assert_eq!(good.names, ["mx.example", "192.0.2.1"]);
        assert_eq!(good.issuer, "CN=Lab Authority");
        assert_eq!(good.not_after.to_string(), "2040-01-01T00:00:00Z");

        let late = probe.judge(&chain, "other.example", "2041-01-01T00:00:00Z".parse().unwrap());
        assert_eq!((late.chain, late.name_matches), (ChainVerdict::Expired, false));
    }

    #[test]
    fn a_certificate_that_nobody_vouches_for_has_an_unknown_issuer() {
        let probe = probe_trusting(&authority("Lab Authority"));
        let stranger = authority("Stranger");
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["mx.example".to_owned()]).unwrap();
        let signed = params.signed_by(&key, &stranger).unwrap();
        let self_signed = params.self_signed(&key).unwrap();
        for chain in [
            vec![signed.der().clone(), stranger.der().clone()],
            vec![self_signed.der().clone()],
            vec![stranger.der().clone()],
        ] {
            assert_eq!(
                probe.judge(&chain, "mx.example", Timestamp::now()).chain,
                ChainVerdict::UnknownIssuer
            );
        }
    }

    #[test]
    fn garbage_is_an_invalid_certificate() {
        let probe = probe_trusting(&authority("Lab Authority"));
        for chain in [vec![], vec![CertificateDer::from(vec![0x30, 0x03, 1, 2, 3])]] {
            let fact = probe.judge(&chain, "mx.example", Timestamp::now());
            assert!(matches!(fact.chain, ChainVerdict::Invalid { .. }), "{fact:?}");
            assert!(!fact.name_matches);
        }
    }
}
