//! Certificates of callers: which are taken.

use std::net::IpAddr;
use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};
use webpki::EndEntityCert;

/// Judges the certificate that a caller shows.
#[derive(Clone, Debug)]
pub(super) struct Judge {
    /// Who may have signed it; `None`: anyone. That its bearer holds the key is looked at in any case.
    pub(super) signers: Option<Arc<dyn ClientCertVerifier>>,
    /// Without one nobody comes in.
    pub(super) mandatory: bool,
    /// Names of which it must have one; empty: any.
    pub(super) names: Arc<[String]>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Judge {
    pub(super) fn new(
        provider: &CryptoProvider,
        signers: Option<Arc<dyn ClientCertVerifier>>,
        mandatory: bool,
        names: &[String],
    ) -> Self {
        let algorithms = provider.signature_verification_algorithms;
        Self { signers, mandatory, names: names.into(), algorithms }
    }

    fn is_named(&self, certificate: &CertificateDer<'_>) -> bool {
        let Ok(certificate) = EndEntityCert::try_from(certificate) else { return false };
        let is_ip = |name: &String| {
            let Ok(address) = name.parse::<IpAddr>() else { return false };
            certificate.verify_is_valid_for_subject_name(&ServerName::IpAddress(address.into())).is_ok()
        };
        let mut own = certificate.valid_dns_names().chain(certificate.valid_uri_names());
        own.any(|own| self.names.iter().any(|name| name == own)) || self.names.iter().any(is_ip)
    }
}

impl ClientCertVerifier for Judge {
    fn client_auth_mandatory(&self) -> bool {
        self.mandatory
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.signers.as_ref().map_or(&[], |signers| signers.root_hint_subjects())
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if let Some(signers) = &self.signers {
            signers.verify_client_cert(end_entity, intermediates, now)?;
        }
        if !self.names.is_empty() && !self.is_named(end_entity) {
            return Err(CertificateError::NotValidForName.into());
        }
        Ok(ClientCertVerified::assertion())
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
