//! Who may read: the file of `--web.config.file`, in the grammar of Prometheus' exporter-toolkit.
//!
//! Read with the same reader as the settings, so an error has its line, its column and what was expected. The
//! values here are what the file says; whether its certificates are there and fit, `web` finds out.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{MOST_BYTES, Problem, read_text, too_large, tree};

mod read;
#[cfg(test)]
mod tests;
mod tls;
mod values;

/// A place in the file: line and column from 1.
pub type Place = Option<(u64, u64)>;

/// The whole file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Web {
    /// Serve TLS.
    pub tls: Option<Tls>,
    /// Headers of every answer, before ours; an empty value takes ours away.
    pub headers: Vec<(String, String)>,
    /// Who may read, with the bcrypt hash of the password; nobody: everyone.
    pub users: Vec<(String, Secret)>,
    /// Most requests, of all callers together.
    pub rate_limit: Option<RateLimit>,
}

/// TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The certificate, and those that lead from it to a root.
    pub certificate: Pem,
    /// Its key.
    pub key: Pem,
    /// What is asked of callers.
    pub client_auth: ClientAuth,
    /// Who may have signed their certificates.
    pub client_ca: Option<Pem>,
    /// Names of which a caller's certificate must have one; empty: any.
    pub client_allowed_sans: Vec<String>,
    /// TLS 1.3 or, with false, TLS 1.2 is the least.
    pub min_version: Version,
    /// And the most.
    pub max_version: Version,
    /// Of TLS 1.2, by Go's names; `None`: all that there are.
    pub cipher_suites: Option<Vec<&'static str>>,
    /// The order is ours, not the caller's.
    pub prefer_server_cipher_suites: bool,
    /// In order of preference, by Go's names; `None`: all that there are.
    pub curve_preferences: Option<Vec<&'static str>>,
}

/// Certificates or a key, in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pem {
    /// The setting that names it, as `tls_server_config.cert_file`.
    pub setting: &'static str,
    /// Where that stands.
    pub at: Place,
    /// Where the text is.
    pub source: Source,
}

/// Where a text is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// In the file itself.
    Inline(Secret),
    /// In a file of its own.
    File(PathBuf),
}

/// What nobody may see in a log.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

/// What is asked of callers, by Go's names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientAuth {
    /// Nothing.
    #[default]
    NoClientCert,
    /// A certificate, if they have one; it proves nothing.
    RequestClientCert,
    /// A certificate; it proves nothing.
    RequireAnyClientCert,
    /// A certificate, if they have one; a given one must be good.
    VerifyClientCertIfGiven,
    /// A good certificate.
    RequireAndVerifyClientCert,
}

impl ClientAuth {
    /// Every one, with its name.
    pub const ALL: [(&'static str, Self); 5] = [
        ("NoClientCert", Self::NoClientCert),
        ("RequestClientCert", Self::RequestClientCert),
        ("RequireAnyClientCert", Self::RequireAnyClientCert),
        ("VerifyClientCertIfGiven", Self::VerifyClientCertIfGiven),
        ("RequireAndVerifyClientCert", Self::RequireAndVerifyClientCert),
    ];

    /// Whether a certificate that was taken says who its bearer is.
    pub const fn verifies(self) -> bool {
        matches!(self, Self::VerifyClientCertIfGiven | Self::RequireAndVerifyClientCert)
    }

    /// Whether nobody comes in without one.
    pub const fn requires(self) -> bool {
        matches!(self, Self::RequireAnyClientCert | Self::RequireAndVerifyClientCert)
    }
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// 1.2
    Tls12,
    /// 1.3
    Tls13,
}

/// A bucket of tokens: each request takes one, and one comes in each interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// Time in which one comes.
    pub interval: Duration,
    /// How many the bucket holds.
    pub burst: u32,
}

/// Reads the text of such a file; relative paths in it begin at `folder`.
///
/// # Errors
/// Everything that is wrong with it, in the order of the text.
pub fn load(text: &str, folder: &Path) -> Result<Web, Vec<Problem>> {
    if text.len() > MOST_BYTES {
        return Err(vec![too_large()]);
    }
    match tree::parse(text) {
        Ok(Some(root)) => read::Reader::new(folder).read(&root),
        Ok(None) => Ok(Web::default()),
        Err(problem) => Err(vec![problem]),
    }
}

/// Reads such a file. Blocks.
///
/// # Errors
/// As [`load`], or that the file cannot be read.
pub fn load_file(path: &Path) -> Result<Web, Vec<Problem>> {
    load(&read_text(path)?, path.parent().unwrap_or(Path::new("")))
}

impl Web {
    /// The files that it names.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        let tls = self.tls.iter();
        let pems = tls.flat_map(|tls| [Some(&tls.certificate), Some(&tls.key), tls.client_ca.as_ref()]);
        pems.flatten().filter_map(|pem| match &pem.source {
            Source::File(path) => Some(path.as_path()),
            Source::Inline(_) => None,
        })
    }
}
