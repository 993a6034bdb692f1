use std::net::IpAddr;
use std::ops::{Deref, DerefMut};

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType, IsCa, Issuer, KeyPair,
    SanType, date_time_ymd,
};

/// The type of rcgen's dates has no name here: only what makes them does.
pub(super) use rcgen::date_time_ymd as day;

/// A certificate to be.
pub(super) struct Wish(CertificateParams);

impl Deref for Wish {
    type Target = CertificateParams;

    fn deref(&self) -> &CertificateParams {
        &self.0
    }
}

impl DerefMut for Wish {
    fn deref_mut(&mut self) -> &mut CertificateParams {
        &mut self.0
    }
}

impl Wish {
    /// For 90 days around the day of the tests, and nameless.
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.not_before = date_time_ymd(2026, 5, 1);
        params.not_after = date_time_ymd(2026, 7, 30);
        Self(params)
    }

    pub(super) fn common(&mut self, name: &str) {
        self.subject(&[("CN", name)]);
    }

    pub(super) fn subject(&mut self, parts: &[(&str, &str)]) {
        self.0.distinguished_name = DistinguishedName::new();
        for (kind, value) in parts {
            let kind = match *kind {
                "O" => DnType::OrganizationName,
                "OU" => DnType::OrganizationalUnitName,
                _ => DnType::CommonName,
            };
            self.0.distinguished_name.push(kind, *value);
        }
    }

    pub(super) fn names(&mut self, names: &[&str]) {
        self.0.subject_alt_names = names
            .iter()
            .map(|name| match name.parse::<IpAddr>() {
                Ok(address) => SanType::IpAddress(address),
                Err(_) => SanType::DnsName((*name).try_into().expect("ASCII")),
            })
            .collect();
    }

    /// caIssuers at `http://x/`, as public authorities say it.
    pub(super) fn published(&mut self) {
        let caissuers = [0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x02];
        let mut access = vec![0x30, 0x17, 0x30, 0x15, 0x06, 0x08];
        access.extend(caissuers);
        access.extend([0x86, 0x09]);
        access.extend(b"http://x/");
        let oid = [1, 3, 6, 1, 5, 5, 7, 1, 1];
        self.0.custom_extensions.push(CustomExtension::from_oid_content(&oid, access));
    }
}

/// One that was made.
pub(super) struct Made(pub(super) rcgen::Certificate);

impl Made {
    /// Signed by itself.
    pub(super) fn alone(wish: impl FnOnce(&mut Wish)) -> Self {
        let mut params = Wish::new();
        wish(&mut params);
        Self(params.0.self_signed(&KeyPair::generate().expect("a key")).expect("a certificate"))
    }

    pub(super) fn der(&self) -> &[u8] {
        self.0.der()
    }

    pub(super) fn pem(&self) -> String {
        self.0.pem()
    }
}

/// Who signs others.
pub(super) struct Authority {
    pub(super) made: Made,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub(super) fn new(name: &str) -> Self {
        Self::with(name, |_| {})
    }

    pub(super) fn with(name: &str, wish: impl FnOnce(&mut Wish)) -> Self {
        let params = Self::wish(name, wish);
        let key = KeyPair::generate().expect("a key");
        let made = Made(params.self_signed(&key).expect("a certificate"));
        Self { made, issuer: Issuer::new(params, key) }
    }

    /// An authority below this one.
    pub(super) fn below(&self, name: &str, wish: impl FnOnce(&mut Wish)) -> Self {
        let params = Self::wish(name, wish);
        let key = KeyPair::generate().expect("a key");
        let made = Made(params.signed_by(&key, &self.issuer).expect("a certificate"));
        Self { made, issuer: Issuer::new(params, key) }
    }

    fn wish(name: &str, wish: impl FnOnce(&mut Wish)) -> CertificateParams {
        let mut params = Wish::new();
        params.common(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2040, 1, 1);
        wish(&mut params);
        params.0
    }

    pub(super) fn sign(&self, wish: impl FnOnce(&mut Wish)) -> Made {
        let mut params = Wish::new();
        wish(&mut params);
        let key = KeyPair::generate().expect("a key");
        Made(params.0.signed_by(&key, &self.issuer).expect("a certificate"))
    }
}
