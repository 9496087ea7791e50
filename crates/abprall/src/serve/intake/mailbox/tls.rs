//! Connections to mail servers that we log in to: their certificates must be good.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::Trouble;
use crate::serve::limits::{MAILBOX_CONNECT_MAX, MAILBOX_HANDSHAKE_MAX};
use crate::serve::listen::Stream;
use crate::serve::settings::Account;

pub(super) async fn connect(account: &Account) -> Result<TcpStream, Trouble> {
    let server = account.server();
    match timeout(MAILBOX_CONNECT_MAX, TcpStream::connect((&*account.host, account.port))).await {
        Ok(Ok(stream)) => {
            // It only makes it slower.
            let _ = stream.set_nodelay(true);
            Ok(stream)
        }
        Ok(Err(error)) => Err(Trouble(format!("cannot connect to {server}: {error}"))),
        Err(_) => Err(Trouble(format!("cannot connect to {server}: no answer in time"))),
    }
}

/// Shakes hands, and is sure of who is there.
pub(super) async fn encrypt(
    account: &Account,
    stream: impl Stream + 'static,
) -> Result<Box<dyn Stream>, Trouble> {
    let server = account.server();
    let connector = connector(account.authorities.as_deref())?;
    let name = ServerName::try_from(account.host.clone())
        .map_err(|_| Trouble(format!("{} is no name that a certificate could have", account.host)))?;
    match timeout(MAILBOX_HANDSHAKE_MAX, connector.connect(name, stream)).await {
        Ok(Ok(stream)) => Ok(Box::new(stream)),
        Ok(Err(error)) => Err(Trouble(format!("no TLS with {server}: {error}"))),
        Err(_) => Err(Trouble(format!("no TLS with {server}: no answer in time"))),
    }
}

/// Made anew for each connection: certificates of authorities are exchanged without a restart.
fn connector(authorities: Option<&Path>) -> Result<TlsConnector, Trouble> {
    let mut roots = RootCertStore::empty();
    match authorities {
        Some(path) => {
            let cannot = |error: rustls::pki_types::pem::Error| {
                Trouble(format!("cannot read authorities of {}: {error}", path.display()))
            };
            for certificate in CertificateDer::pem_file_iter(path).map_err(cannot)? {
                roots.add_parsable_certificates([certificate.map_err(cannot)?]);
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    if roots.is_empty() {
        let place = authorities.map_or("this machine".to_owned(), |path| path.display().to_string());
        return Err(Trouble(format!("{place} has no authorities that could vouch for a certificate")));
    }
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| Trouble(format!("TLS cannot be used: {error}")))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}
