//! Certificates of a test's own.

use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, SanType};

/// One that signs.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub certificate: String,
}

/// What it gives out, in PEM.
#[derive(Clone)]
pub struct Paper {
    pub certificate: String,
    pub key: String,
}

impl Authority {
    pub fn new() -> Self {
        Self::new_as(|_| {})
    }

    /// With whatever is changed before it signs itself.
    pub fn new_as(change: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut params = CertificateParams::default();
        change(&mut params);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("signed").pem();
        Self { issuer: Issuer::new(params, key), certificate }
    }

    /// Names are DNS names, addresses or URIs; good for both ends.
    pub fn issue(&self, names: &[&str]) -> Paper {
        self.issue_as(names, |_| {})
    }

    /// With whatever is changed before it is signed.
    pub fn issue_as(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Paper {
        let (uris, others): (Vec<&str>, Vec<&str>) = names.iter().partition(|name| name.contains("://"));
        let others: Vec<String> = others.into_iter().map(str::to_owned).collect();
        let mut params = CertificateParams::new(others).expect("names");
        for uri in uris {
            params.subject_alt_names.push(SanType::URI(uri.try_into().expect("a URI")));
        }
        change(&mut params);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("signed").pem();
        Paper { certificate, key: key.serialize_pem() }
    }
}

impl Paper {
    /// Writes `NAME.crt` and `NAME.key`.
    pub fn write(&self, folder: &Path, name: &str) -> [PathBuf; 2] {
        let files = ["crt", "key"].map(|kind| folder.join(format!("{name}.{kind}")));
        for (file, text) in files.iter().zip([&self.certificate, &self.key]) {
            std::fs::write(file, text).expect("written");
        }
        files
    }
}
