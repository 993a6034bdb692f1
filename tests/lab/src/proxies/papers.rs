//! An authority of a lab's own, and the certificates that it gives out, right ones and wrong ones.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash as _, Hasher as _};
use std::path::Path;
use std::time::{Duration, SystemTime};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

use crate::error::{Error, Result};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// One that signs.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// In PEM.
    pub certificate: String,
}

/// A certificate with its key, both in PEM.
#[derive(Clone)]
pub struct Paper {
    pub certificate: String,
    key: String,
}

fn wrong(error: rcgen::Error) -> Error {
    Error::new(format!("making a certificate: {error}"))
}

impl Authority {
    pub fn new() -> Result<Self> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "The lab's authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().map_err(wrong)?;
        let certificate = params.self_signed(&key).map_err(wrong)?.pem();
        Ok(Self { issuer: Issuer::new(params, key), certificate })
    }

    /// For these names, of ninety days, sixty of which are to come.
    pub fn issue(&self, names: &[&str]) -> Result<Paper> {
        self.issue_for(names, 30 * DAY, 60)
    }

    /// One that was over yesterday.
    pub fn issue_expired(&self, names: &[&str]) -> Result<Paper> {
        self.issue_for(names, 90 * DAY, -1)
    }

    /// One of ninety days that has two left.
    pub fn issue_expiring(&self, names: &[&str]) -> Result<Paper> {
        self.issue_for(names, 88 * DAY, 2)
    }

    fn issue_for(&self, names: &[&str], age: Duration, days_left: i64) -> Result<Paper> {
        let params = params(names, age, days_left)?;
        let key = KeyPair::generate().map_err(wrong)?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(wrong)?.pem();
        Ok(Paper { certificate, key: key.serialize_pem() })
    }
}

fn params(names: &[&str], age: Duration, days_left: i64) -> Result<CertificateParams> {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let mut params = CertificateParams::new(names).map_err(wrong)?;
    let now = SystemTime::now();
    params.not_before = (now - age).into();
    let left = DAY * u32::try_from(days_left.unsigned_abs()).unwrap_or(u32::MAX);
    params.not_after = if days_left < 0 { now - left } else { now + left }.into();
    Ok(params)
}

impl Paper {
    /// Signed by itself.
    pub fn self_signed(names: &[&str]) -> Result<Self> {
        let mut params = params(names, DAY, 60)?;
        params.distinguished_name.push(DnType::CommonName, "Nobody in particular");
        let key = KeyPair::generate().map_err(wrong)?;
        let certificate = params.self_signed(&key).map_err(wrong)?.pem();
        Ok(Self { certificate, key: key.serialize_pem() })
    }

    /// Writes `NAME.crt` and `NAME.key`.
    pub fn write(&self, folder: &Path, name: &str) -> Result<()> {
        for (kind, text) in [("crt", &self.certificate), ("key", &self.key)] {
            fs::write(folder.join(format!("{name}.{kind}")), text)
                .map_err(|e| Error::io("writing a certificate", e))?;
        }
        Ok(())
    }

    /// Tells it from others.
    pub(super) fn fingerprint(&self) -> String {
        let mut hasher = DefaultHasher::new();
        self.certificate.hash(&mut hasher);
        format!("{:016x}", hasher.finish())
    }
}
