//! Whether a chain leads to somebody who is believed.
//!
//! Looked at for a moment at which the end entity is in its time, so that its own dates are another fact than this. What
//! stands behind it in the chain is looked at for the moment itself: of a chain whose authority has expired, clients
//! do not take the best part.

use rustls::pki_types::{CertificateDer, TrustAnchor, UnixTime};
use std::time::Duration;
use webpki::{EndEntityCert, Error, ExtendedKeyUsageValidator, KeyPurposeIdIter, KeyUsage};

use super::paper::Ends;
use super::{Link, Misuse, Moment, Paper, Roots};

/// The most certificates of one subject that are tried; an authority that others have signed too has two.
const MOST_OF_ONE_NAME: usize = 3;

/// Whether a chain may be believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// It leads to a public authority or to one of the operator's.
    Trusted,
    /// It does not.
    Untrusted(Distrust),
    /// It is signed in a way that is not known here, which need not be a fault: why, in words.
    Unjudged(String),
}

/// Why a chain is not believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Distrust {
    /// Nobody but itself signed it.
    SelfSigned,
    /// The server does not present the certificate of this issuer, which is published: most clients do not fetch it.
    Incomplete(Box<str>),
    /// It leads to this authority, which nobody knows.
    UnknownAuthority(Box<str>),
    /// Let's Encrypt's staging environment, for trying things out.
    Staging,
    /// Cloudflare's authority for origins: believed by Cloudflare alone, so right where it stands in front.
    CloudflareOrigin,
    /// A certificate behind the first one is out of its time.
    OutOfTime {
        /// Whose.
        subject: Box<str>,
        /// Its end, or its beginning where that is to come.
        at: Moment,
        /// Its end has passed.
        expired: bool,
    },
    /// Signed with SHA-1 or MD5, which no client takes any more.
    WeakSignature,
    /// Something else, in words.
    Other(&'static str),
}

impl Distrust {
    /// Why, in words that follow a colon.
    pub fn words(&self) -> String {
        match self {
            Self::SelfSigned => "it is signed by itself alone".into(),
            Self::Incomplete(missing) => {
                format!("its chain is incomplete: the server does not present the certificate of {missing}")
            }
            Self::UnknownAuthority(authority) => format!("nobody knows its authority, {authority}"),
            Self::Staging => "it is of Let's Encrypt's staging environment, which is for trying things out".into(),
            Self::CloudflareOrigin => {
                "it is of Cloudflare's origin authority, which Cloudflare alone believes: right where Cloudflare \
                 stands in front of every visitor"
                    .into()
            }
            Self::OutOfTime { subject, at, expired: true } => {
                format!("the certificate of {subject} in its chain expired at {at}")
            }
            Self::OutOfTime { subject, at, expired: false } => {
                format!("the certificate of {subject} in its chain is not valid before {at}")
            }
            Self::WeakSignature => "its chain is signed with SHA-1 or MD5".into(),
            Self::Other(why) => (*why).into(),
        }
    }
}

/// A chain that is being judged: the certificates and what they say, in the same order.
pub(super) struct Chain<'c> {
    pub(super) der: &'c [&'c [u8]],
    pub(super) first: &'c Paper,
    pub(super) ends: Ends<'c>,
    pub(super) behind: &'c [(Link, Option<(Paper, Ends<'c>)>)],
}

impl Chain<'_> {
    /// Judges the chain at a moment.
    pub(super) fn trust(&self, roots: &Roots, anchors: &[TrustAnchor<'static>], at: Moment) -> Trust {
        let Some(first) = self.der.first() else { return Trust::Unjudged("no certificate".into()) };
        // An operator who names a server's own certificate means that one, authority or not.
        if roots.hold(first) {
            return Trust::Trusted;
        }
        let (first, rest) = (CertificateDer::from(*first), self.ways());
        let judged = EndEntityCert::try_from(&first).and_then(|entity| {
            let usage = Usage { any: self.first.misuse == Some(Misuse::Purpose) };
            let at = UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(at.0).unwrap_or(0)));
            let algorithms = webpki::ALL_VERIFICATION_ALGS;
            entity.verify_for_usage(algorithms, anchors, &rest, at, usage, None, None).map(drop)
        });
        match judged {
            Ok(()) => Trust::Trusted,
            Err(error) => self.distrust(error),
        }
    }

    /// The certificates that may lead on. What webpki cannot read leads nowhere, and would only be told instead of where the
    /// chain ends. And who presents many of one name asks for every way through them to be tried.
    fn ways(&self) -> Vec<CertificateDer<'_>> {
        let mut subjects: Vec<&[u8]> = Vec::new();
        let mut ways = Vec::new();
        for (der, (_, read)) in self.der.iter().skip(1).zip(self.behind) {
            let Some((_, ends)) = read else { continue };
            let der = CertificateDer::from(*der);
            let same = subjects.iter().filter(|subject| **subject == ends.subject).count();
            if same < MOST_OF_ONE_NAME && EndEntityCert::try_from(&der).is_ok() {
                subjects.push(ends.subject);
                ways.push(der);
            }
        }
        ways
    }

    fn distrust(&self, error: Error) -> Trust {
        let why = match error {
            // An authority's certificate cannot be a server's to webpki; of one that signed itself that is not the point.
            Error::UnknownIssuer | Error::CaUsedAsEndEntity if self.first.self_signed => Distrust::SelfSigned,
            Error::UnknownIssuer => self.nobody(),
            Error::CertExpired { not_after, .. } => self.out_of_time(not_after, true),
            Error::CertNotValidYet { not_before, .. } => self.out_of_time(not_before, false),
            Error::CaUsedAsEndEntity => {
                Distrust::Other("it is the certificate of an authority, not of a server")
            }
            Error::EndEntityUsedAsCa => Distrust::Other("somebody signed it who is no authority"),
            Error::InvalidCertValidity => Distrust::Other("its end is before its beginning"),
            Error::InvalidSignatureForPublicKey => Distrust::Other(
                "a signature in its chain does not fit its issuer's key, or that key is too short",
            ),
            Error::NameConstraintViolation => Distrust::Other("its authority may not sign for such names"),
            Error::PathLenConstraintViolated => {
                Distrust::Other("its authority may not have another one below it")
            }
            Error::CertDistrusted => Distrust::Other("its authority is distrusted"),
            Error::RequiredEkuNotFoundContext(_) | Error::EmptyEkuExtension => {
                Distrust::Other("its authority may not sign for servers")
            }
            Error::UnsupportedCertVersion => Distrust::Other("it is not of X.509 version 3"),
            Error::UnsupportedCriticalExtension => {
                Distrust::Other("it has an extension that must be understood, and that clients do not know")
            }
            Error::MaximumPathDepthExceeded
            | Error::MaximumPathBuildCallsExceeded
            | Error::MaximumSignatureChecksExceeded
            | Error::MaximumNameConstraintComparisonsExceeded => {
                Distrust::Other("its chain is longer or more tangled than clients follow")
            }
            Error::UnsupportedSignatureAlgorithmContext(context)
                if is_weak(&context.signature_algorithm_id) =>
            {
                Distrust::WeakSignature
            }
            Error::UnsupportedSignatureAlgorithmContext(_)
            | Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => {
                return Trust::Unjudged("its chain is signed in a way that cannot be checked here".into());
            }
            error => return Trust::Unjudged(format!("its chain cannot be followed: {error}")),
        };
        Trust::Untrusted(why)
    }

    /// Who ought to have signed, and what that says.
    fn nobody(&self) -> Distrust {
        let (mut paper, mut ends) = (self.first, self.ends);
        // As many steps as there are certificates: those of a chain may go round in a circle.
        for _ in self.behind {
            let next = self.behind.iter().filter_map(|(_, read)| read.as_ref());
            match next.into_iter().find(|(_, next)| next.subject == ends.issuer) {
                Some((next, more)) if ends.subject != ends.issuer => (paper, ends) = (next, *more),
                _ => break,
            }
        }
        let issuer: Box<str> =
            if paper.issuer.is_empty() { "an issuer without a name".into() } else { paper.issuer.clone() };
        if issuer.contains("(STAGING)") {
            Distrust::Staging
        } else if ["CloudFlare Origin", "Cloudflare Origin"].iter().any(|name| issuer.contains(name)) {
            Distrust::CloudflareOrigin
        } else if paper.issuer_is_published && !paper.self_signed {
            Distrust::Incomplete(issuer)
        } else {
            Distrust::UnknownAuthority(issuer)
        }
    }

    fn out_of_time(&self, at: UnixTime, expired: bool) -> Distrust {
        let at = Moment(i64::try_from(at.as_secs()).unwrap_or(i64::MAX));
        let read = self.behind.iter().filter_map(|(_, read)| read.as_ref());
        let whose = read
            .map(|(paper, _)| paper)
            .find(|paper| at == if expired { paper.not_after } else { paper.not_before });
        let subject = whose.map_or_else(|| "an authority".into(), |paper| paper.title().into());
        Distrust::OutOfTime { subject, at, expired }
    }
}

/// For servers; any purpose where the end entity's own leaves them out, which is another fact than trust.
struct Usage {
    any: bool,
}

impl ExtendedKeyUsageValidator for Usage {
    fn validate(&self, purposes: KeyPurposeIdIter<'_, '_>) -> Result<(), Error> {
        /// anyExtendedKeyUsage, RFC 5280 section 4.2.1.12.
        const ANY: [usize; 5] = [2, 5, 29, 37, 0];
        let purposes = purposes.collect::<Result<Vec<_>, _>>()?;
        if self.any || purposes.iter().any(|purpose| purpose.to_decoded_oid() == ANY) {
            return Ok(());
        }
        let server = KeyUsage::server_auth();
        let is_for_servers = |oid: Vec<usize>| server.oid_values().eq(oid);
        if purposes.is_empty() || purposes.iter().any(|purpose| is_for_servers(purpose.to_decoded_oid())) {
            return Ok(());
        }
        Err(Error::EmptyEkuExtension)
    }
}

/// sha1WithRSAEncryption and md5WithRSAEncryption (RFC 8017), ecdsa-with-SHA1 (RFC 5758), within an AlgorithmIdentifier.
fn is_weak(algorithm: &[u8]) -> bool {
    const WEAK: [&[u8]; 3] = [
        &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x05],
        &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x04],
        &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01],
    ];
    WEAK.iter().any(|weak| algorithm.windows(weak.len()).any(|window| window == *weak))
}
