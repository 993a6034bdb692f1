//! A caller over TLS, that may show a certificate.

use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use super::authority::{Authority, Paper};

impl Authority {
    /// A caller that trusts this authority and shows this paper.
    pub fn caller(&self, paper: Option<&Paper>) -> ClientConfig {
        caller(&self.certificate, paper)
    }
}

/// A caller that trusts the authority of this certificate, in PEM, and shows this paper.
pub fn caller(trusted: &str, paper: Option<&Paper>) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    let own = CertificateDer::from_pem_slice(trusted.as_bytes()).expect("a certificate");
    roots.add(own).expect("a root");
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder =
        builder.with_safe_default_protocol_versions().expect("versions").with_root_certificates(roots);
    let Some(paper) = paper else { return builder.with_no_client_auth() };
    let certificate = CertificateDer::from_pem_slice(paper.certificate.as_bytes()).expect("a certificate");
    let key = PrivateKeyDer::from_pem_slice(paper.key.as_bytes()).expect("a key");
    builder.with_client_auth_cert(vec![certificate], key).expect("they fit")
}
