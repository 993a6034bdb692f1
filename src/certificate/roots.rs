//! Whom to believe: the authorities of Mozilla's programme, and those that the operator adds.

use std::borrow::Cow;

use rustls::pki_types::pem::{Error as PemError, PemObject as _};
use rustls::pki_types::{CertificateDer, TrustAnchor};

use super::MOST_BYTES;

/// The most certificates of the operator's own.
const MOST_OWN: usize = 1000;

/// The operator's own authorities; the public ones are always there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roots(Vec<CertificateDer<'static>>);

impl Roots {
    /// Reads certificates in PEM, one behind the other; other things among them (a key, remarks) are left out.
    ///
    /// # Errors
    /// Why they cannot be taken, in words that go behind the file's name.
    pub fn from_pem(text: &[u8]) -> Result<Self, String> {
        let mut own: Vec<CertificateDer<'static>> = Vec::new();
        for (n, certificate) in CertificateDer::pem_slice_iter(text).enumerate() {
            let number = n + 1;
            let certificate = certificate.map_err(|error| {
                format!("holds broken PEM at certificate {number}: {}; expected base64 between the lines BEGIN CERTIFICATE and END CERTIFICATE", pem(&error))
            })?;
            if certificate.len() > MOST_BYTES {
                return Err(format!("holds a certificate {number} of more than {} KiB", MOST_BYTES / 1024));
            }
            if let Err(error) = webpki::anchor_from_trusted_cert(&certificate) {
                return Err(format!("holds a certificate {number} that cannot be read: {error}"));
            }
            if own.contains(&certificate) {
                continue;
            }
            if own.len() == MOST_OWN {
                return Err(format!(
                    "holds more than {MOST_OWN} certificates; leave out those of public authorities, which are known"
                ));
            }
            own.push(certificate);
        }
        if own.is_empty() {
            return Err("holds no certificate; expected PEM, with a line BEGIN CERTIFICATE (of DER, `openssl x509 -inform der` makes it)".into());
        }
        Ok(Self(own))
    }

    /// How many the operator added.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// None was added.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the operator named this very certificate.
    pub(super) fn hold(&self, der: &[u8]) -> bool {
        self.0.iter().any(|own| own.as_ref() == der)
    }

    /// All of them, public ones first.
    pub(super) fn anchors(&self) -> Cow<'static, [TrustAnchor<'static>]> {
        if self.0.is_empty() {
            return Cow::Borrowed(webpki_roots::TLS_SERVER_ROOTS);
        }
        let own =
            self.0.iter().filter_map(|own| Some(webpki::anchor_from_trusted_cert(own).ok()?.to_owned()));
        Cow::Owned(webpki_roots::TLS_SERVER_ROOTS.iter().cloned().chain(own).collect())
    }
}

fn pem(error: &PemError) -> &'static str {
    match error {
        PemError::MissingSectionEnd { .. } => "its last line is missing",
        PemError::Base64Decode(_) => "it is no base64",
        _ => "its lines do not fit",
    }
}
