//! TLS for measuring: any certificate will do.
//!
//! Whether a certificate is right is another question than whether the server answers, and backends
//! inside a network sign their own. The signature of the handshake is checked all the same, so that a
//! server that does not hold its key is a TLS failure. Nothing secret is ever sent over this. What was
//! presented is kept for those who ask that other question.

use std::sync::{Arc, LazyLock, OnceLock};

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};

/// The configuration of every probe, made once.
pub(crate) fn config() -> Result<Arc<ClientConfig>, Error> {
    static CONFIG: LazyLock<Result<Arc<ClientConfig>, Error>> = LazyLock::new(build);
    CONFIG.clone()
}

fn build() -> Result<Arc<ClientConfig>, Error> {
    let provider: CryptoProvider = ring::default_provider();
    let algorithms = provider.signature_verification_algorithms;
    let verifier = AnyCertificate { algorithms, presented: None };
    let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // A resumed session would measure half a handshake.
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

/// As [`config`], and what the server presents is kept.
pub(super) fn keeping(presented: &Arc<Presented>) -> Result<Arc<ClientConfig>, Error> {
    let mut config = ClientConfig::clone(&*config()?);
    let algorithms = config.crypto_provider().signature_verification_algorithms;
    let verifier = AnyCertificate { algorithms, presented: Some(Arc::clone(presented)) };
    config.dangerous().set_certificate_verifier(Arc::new(verifier));
    Ok(Arc::new(config))
}

/// The chain of one handshake, from the moment it came.
#[derive(Debug, Default)]
pub(super) struct Presented(OnceLock<Vec<CertificateDer<'static>>>);

impl Presented {
    /// The certificates, the end entity first; none where none came.
    pub(super) fn chain(&self) -> Vec<&[u8]> {
        self.0.get().into_iter().flatten().map(AsRef::as_ref).collect()
    }
}

#[derive(Debug)]
struct AnyCertificate {
    algorithms: WebPkiSupportedAlgorithms,
    presented: Option<Arc<Presented>>,
}

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if let Some(presented) = &self.presented {
            // rustls reads no message above 64 KiB, so a chain has no more.
            let chain = std::iter::once(end_entity).chain(intermediates);
            presented.0.get_or_init(|| chain.map(|der| der.clone().into_owned()).collect());
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
