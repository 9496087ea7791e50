//! TLS to a PostgreSQL server, by the parameters that libpq has for it
//! (<https://www.postgresql.org/docs/current/libpq-ssl.html>).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_cert_signed_by_trust_anchor};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_postgres_rustls::MakeRustlsConnect;

/// How far the server is trusted: `sslmode`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Trust {
    /// `disable`: nothing is encrypted.
    Plain,
    /// `prefer`: encrypted where the server offers it; whoever it is.
    #[default]
    Offered,
    /// `require`: encrypted, whoever it is; with `sslrootcert` as `verify-ca`, as libpq has it.
    Required,
    /// `verify-ca`: somebody who has a certificate of the authorities.
    Authority,
    /// `verify-full`: the host that is named.
    Name,
}

impl Trust {
    pub(super) fn parse(word: &str) -> Option<Self> {
        match word {
            "disable" => Some(Self::Plain),
            "prefer" => Some(Self::Offered),
            "require" => Some(Self::Required),
            "verify-ca" => Some(Self::Authority),
            "verify-full" => Some(Self::Name),
            _ => None,
        }
    }
}

/// What a connection string says of TLS.
#[derive(Clone, Debug, Default)]
pub(super) struct Encryption {
    pub(super) trust: Trust,
    /// `sslrootcert`: PEM. None: the authorities of the system.
    pub(super) authorities: Option<PathBuf>,
    /// `sslcert` and `sslkey`: PEM, for servers that want to know us by a certificate.
    pub(super) certificate: Option<PathBuf>,
    pub(super) key: Option<PathBuf>,
}

impl Encryption {
    /// Made anew for each connection: certificates are exchanged without a restart.
    ///
    /// # Errors
    /// What is wrong with which file.
    pub(super) fn connector(&self) -> Result<MakeRustlsConnect, String> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| format!("TLS cannot be used: {error}"))?
            .dangerous()
            .with_custom_certificate_verifier(self.verifier(provider)?);
        let config = match (&self.certificate, &self.key) {
            (Some(certificate), Some(key)) => {
                let key = PrivateKeyDer::from_pem_file(key)
                    .map_err(|error| format!("cannot read the key {}: {error}", key.display()))?;
                config
                    .with_client_auth_cert(certificates(certificate)?, key)
                    .map_err(|error| format!("the certificate {}: {error}", certificate.display()))?
            }
            (None, None) => config.with_no_client_auth(),
            (Some(_), None) => return Err("sslcert wants its sslkey".to_owned()),
            (None, Some(_)) => return Err("sslkey wants its sslcert".to_owned()),
        };
        Ok(MakeRustlsConnect::new(config))
    }

    fn verifier(&self, provider: Arc<CryptoProvider>) -> Result<Arc<dyn ServerCertVerifier>, String> {
        let names_authorities = self.authorities.is_some();
        match self.trust {
            Trust::Plain | Trust::Offered => Ok(Arc::new(AnyName { roots: None, provider })),
            Trust::Required if !names_authorities => Ok(Arc::new(AnyName { roots: None, provider })),
            Trust::Required | Trust::Authority => {
                Ok(Arc::new(AnyName { roots: Some(self.roots()?), provider }))
            }
            Trust::Name => WebPkiServerVerifier::builder_with_provider(Arc::new(self.roots()?), provider)
                .build()
                .map(|verifier| verifier as Arc<dyn ServerCertVerifier>)
                .map_err(|error| format!("the authorities cannot be used: {error}")),
        }
    }

    fn roots(&self) -> Result<RootCertStore, String> {
        let mut roots = RootCertStore::empty();
        let place = match &self.authorities {
            Some(path) => {
                roots.add_parsable_certificates(certificates(path)?);
                path.display().to_string()
            }
            None => {
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
                "this machine".to_owned()
            }
        };
        if roots.is_empty() {
            return Err(format!("{place} has no authorities that could vouch for the server"));
        }
        Ok(roots)
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let cannot = |error| format!("cannot read the certificates {}: {error}", path.display());
    CertificateDer::pem_file_iter(path).map_err(cannot)?.collect::<Result<_, _>>().map_err(cannot)
}

/// Takes whatever name the server has.
#[derive(Debug)]
struct AnyName {
    /// Who has to have vouched for it. None: nobody.
    roots: Option<RootCertStore>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if let Some(roots) = &self.roots {
            let known = self.provider.signature_verification_algorithms.all;
            let certificate = ParsedCertificate::try_from(end_entity)?;
            verify_server_cert_signed_by_trust_anchor(&certificate, roots, intermediates, now, known)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
