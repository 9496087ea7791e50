//! The certificate of a mail listener. It is read again when its file has changed: it lives for weeks, the server for months.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use anyhow::Context;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ServerConfig, crypto};

use crate::serve::settings::CertificateFiles;

/// A certificate that is in use.
pub(in crate::serve) struct Certificate {
    files: CertificateFiles,
    current: Mutex<Current>,
}

struct Current {
    acceptor: TlsAcceptor,
    /// When the file was changed that it comes from, or that could not be read.
    changed: Option<SystemTime>,
}

impl Certificate {
    /// Reads certificate and key.
    ///
    /// # Errors
    /// When a file cannot be read, is no PEM, or the two do not belong together.
    pub(in crate::serve) fn read(files: &CertificateFiles) -> anyhow::Result<Self> {
        let current = Current { changed: changed(&files.chain), acceptor: acceptor(files)? };
        Ok(Self { files: files.clone(), current: Mutex::new(current) })
    }

    /// For the next handshake. A new certificate that cannot be used is told once; the old one goes on.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = changed(&self.files.chain);
        if changed != current.changed {
            match acceptor(&self.files) {
                Ok(acceptor) => current.acceptor = acceptor,
                Err(error) => tracing::warn!("the old certificate is used on: {error:#}"),
            }
            current.changed = changed;
        }
        current.acceptor.clone()
    }
}

fn changed(file: &Path) -> Option<SystemTime> {
    // A file that is missing has no time: what can be done about it is done by reading it.
    std::fs::metadata(file).and_then(|metadata| metadata.modified()).ok()
}

fn acceptor(files: &CertificateFiles) -> anyhow::Result<TlsAcceptor> {
    let shown = files.chain.display();
    let chain: Vec<_> = CertificateDer::pem_file_iter(&files.chain)
        .and_then(Iterator::collect)
        .with_context(|| format!("cannot read the certificate {shown}"))?;
    anyhow::ensure!(!chain.is_empty(), "{shown} holds no certificate");
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .with_context(|| format!("cannot read the key {}", files.key.display()))?;
    let config = ServerConfig::builder_with_provider(Arc::new(crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .context("no TLS here")?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .with_context(|| format!("{shown} and its key do not belong together"))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
