//! From what the file says of TLS to what a handshake takes.

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{
    Error, InconsistentKeys, NamedGroup, RootCertStore, ServerConfig, SupportedCipherSuite, version,
};
use tokio_rustls::TlsAcceptor;

use crate::config::web::{ClientAuth, Pem, Source, Tls, Version};
use crate::config::{Problem, read_file};

use super::callers::Judge;
use super::dates::{Dates, unreadable};

/// What makes a caller's certificate a good one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) client_auth: ClientAuth,
    /// Of which it must have one; empty: any.
    pub(super) names: Vec<String>,
    /// Who may have signed it, where that is looked at.
    signers: Vec<CertificateDer<'static>>,
}

/// What a handshake takes.
pub(super) struct Keys {
    pub(super) asked: Asked,
    /// Certificates that are taken although their time is over or has not come.
    pub(super) untimely: Vec<Problem>,
    /// When the next one's time is over.
    pub(super) until: Option<UnixTime>,
    /// For whom a certificate is asked as the file says.
    others: TlsAcceptor,
    /// For this machine's own callers: without a certificate they come in, to be told whether the exporter lives.
    own: TlsAcceptor,
}

impl Keys {
    /// Reads the files. Blocks.
    pub(super) fn build(tls: &Tls) -> Result<Self, Problem> {
        let provider = provider(tls);
        let chain = certificates(&tls.certificate)?;
        let certified = certified(tls, chain.clone(), &provider)?;
        let provider = Arc::new(provider);
        let trusted = tls.client_ca.as_ref().filter(|_| tls.client_auth.verifies());
        let asked = Asked {
            client_auth: tls.client_auth,
            names: tls.client_allowed_sans.clone(),
            signers: trusted.map(certificates).transpose()?.unwrap_or_default(),
        };
        let signers = trusted.map(|pem| signers(pem, &asked.signers, &provider)).transpose()?;
        let (untimely, until) = dates(tls, &chain, &asked.signers);
        let acceptor = |mandatory: bool| -> Result<TlsAcceptor, Problem> {
            let versions: Vec<_> = [(Version::Tls13, &version::TLS13), (Version::Tls12, &version::TLS12)]
                .into_iter()
                .filter(|(version, _)| (tls.min_version..=tls.max_version).contains(version))
                .map(|(_, version)| version)
                .collect();
            let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
            let builder = builder.with_protocol_versions(&versions).map_err(|error| Problem {
                at: tls.certificate.at,
                path: "tls_server_config".into(),
                message: format!("versions, cipher suites and curves do not go together: {error}"),
            })?;
            let builder = if tls.client_auth == ClientAuth::NoClientCert {
                builder.with_no_client_auth()
            } else {
                let judge = Judge::new(&provider, signers.clone(), mandatory, &tls.client_allowed_sans);
                builder.with_client_cert_verifier(Arc::new(judge))
            };
            let mut config = builder.with_cert_resolver(Arc::clone(&certified) as _);
            config.alpn_protocols = vec![b"http/1.1".to_vec(), b"http/1.0".to_vec()];
            config.ignore_client_order = tls.prefer_server_cipher_suites;
            // A resumed session would be one whose certificate nobody looks at again.
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
            Ok(Arc::new(config).into())
        };
        let mandatory = tls.client_auth.requires();
        let (others, own) = (acceptor(mandatory)?, acceptor(false)?);
        Ok(Self { asked, untimely, until, others, own })
    }

    pub(super) const fn acceptor(&self, own_machine: bool) -> &TlsAcceptor {
        if own_machine { &self.own } else { &self.others }
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys").field("client_auth", &self.asked.client_auth).finish_non_exhaustive()
    }
}

/// Of what rustls has, what the file asks for, in its order.
fn provider(tls: &Tls) -> CryptoProvider {
    let mut provider = ring::default_provider();
    if let Some(wanted) = &tls.cipher_suites {
        let (newer, older): (Vec<SupportedCipherSuite>, Vec<SupportedCipherSuite>) =
            provider.cipher_suites.iter().partition(|suite| suite.tls13().is_some());
        let named = |name: &&'static str| {
            older.iter().find(|suite| format!("{:?}", suite.suite()) == **name).copied()
        };
        // As in Go: those of TLS 1.3 are no choice.
        provider.cipher_suites = newer.into_iter().chain(wanted.iter().filter_map(named)).collect();
    }
    if let Some(wanted) = &tls.curve_preferences {
        let groups = std::mem::take(&mut provider.kx_groups);
        let named = |name: &&str| groups.iter().find(|group| curve(group.name()) == Some(*name)).copied();
        provider.kx_groups = wanted.iter().filter_map(named).collect();
    }
    provider
}

/// Go's name.
const fn curve(group: NamedGroup) -> Option<&'static str> {
    match group {
        NamedGroup::X25519 => Some("X25519"),
        NamedGroup::secp256r1 => Some("CurveP256"),
        NamedGroup::secp384r1 => Some("CurveP384"),
        _ => None,
    }
}

/// What is wrong with the dates of these, and when the next one's end comes.
fn dates(
    tls: &Tls,
    chain: &[CertificateDer<'_>],
    signers: &[CertificateDer<'_>],
) -> (Vec<Problem>, Option<UnixTime>) {
    let (own, theirs) = (chain.iter().map(|one| (true, one)), signers.iter().map(|one| (false, one)));
    let (now, mut untimely, mut until) = (UnixTime::now(), Vec::new(), None::<UnixTime>);
    for (is_own, certificate) in own.chain(theirs) {
        let (pem, what, then) = if is_own {
            (Some(&tls.certificate), "a certificate", "callers that verify it stay away")
        } else {
            (tls.client_ca.as_ref(), "an authority", "whom it signed is let in all the same")
        };
        let dates = Dates::of(certificate, now, then);
        if let (Some(pem), Some(wrong)) = (pem, dates.wrong) {
            untimely.push(problem(pem, &format!("holds {what} that {wrong}")));
        }
        until = until.into_iter().chain(dates.ends).min();
    }
    (untimely, until)
}

fn certified(
    tls: &Tls,
    chain: Vec<CertificateDer<'static>>,
    provider: &CryptoProvider,
) -> Result<Arc<SingleCertAndKey>, Problem> {
    let text = text(&tls.key)?;
    let wrong = |message: &str| problem(&tls.key, message);
    let key = PrivateKeyDer::from_pem_slice(&text).map_err(|_| {
        if text.windows(9).any(|word| word == b"ENCRYPTED") {
            wrong("holds a key that is encrypted; expected one without a password")
        } else {
            wrong("holds no private key in PEM")
        }
    })?;
    let certified = CertifiedKey::from_der(chain, key, provider).map_err(|error| match error {
        Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => wrong("does not fit the certificate"),
        Error::InvalidCertificate(error) => problem(
            &tls.certificate,
            &format!("holds no certificate that can be read: {}", unreadable(&error)),
        ),
        error => wrong(&format!("holds no key that can be used: {error}")),
    })?;
    Ok(Arc::new(SingleCertAndKey::from(certified)))
}

fn signers(
    pem: &Pem,
    trusted: &[CertificateDer<'static>],
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, Problem> {
    let mut roots = RootCertStore::empty();
    let wrong =
        |error: &dyn std::fmt::Display| problem(pem, &format!("holds no certificate to trust: {error}"));
    for certificate in trusted.iter().cloned() {
        roots.add(certificate).map_err(|error| wrong(&error))?;
    }
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
    builder.build().map_err(|error| wrong(&error))
}

fn certificates(pem: &Pem) -> Result<Vec<CertificateDer<'static>>, Problem> {
    let text = text(pem)?;
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match read {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(problem(pem, "holds no certificate in PEM")),
    }
}

fn text(pem: &Pem) -> Result<Vec<u8>, Problem> {
    let path = match &pem.source {
        Source::Inline(secret) => return Ok(secret.0.clone().into_bytes()),
        Source::File(path) => path,
    };
    let read = read_file(path).map_err(|error| problem(pem, &format!("cannot be read: {error}")))?;
    read.ok_or_else(|| problem(pem, "expected at most 1 MiB, found a larger file"))
}

/// With the file's name in front, where it is one.
fn problem(pem: &Pem, message: &str) -> Problem {
    let message = match &pem.source {
        Source::File(path) => format!("{} {message}", path.display()),
        Source::Inline(_) => message.to_owned(),
    };
    Problem { at: pem.at, path: pem.setting.into(), message }
}
