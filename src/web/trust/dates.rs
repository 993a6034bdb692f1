//! Certificates whose time is over or has not come. They are taken all the same, and told: what watches must not stop
//! for a date.

use std::time::{Duration, SystemTime};

use rustls::CertificateError;
use rustls::pki_types::{CertificateDer, UnixTime};
use webpki::{EndEntityCert, Error, KeyUsage};

/// What is told of a certificate at a moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Dates {
    /// What is wrong with its dates, in words.
    pub(super) wrong: Option<String>,
    /// Its end, where that is still to come.
    pub(super) ends: Option<UnixTime>,
}

impl Dates {
    /// `then` is what follows from one that is out of its time.
    pub(super) fn of(certificate: &CertificateDer<'_>, now: UnixTime, then: &str) -> Self {
        match judge(certificate, now) {
            Err(Error::CertExpired { not_after, .. }) => {
                Self::wrong(format!("expired at {}: {then}", date(not_after)))
            }
            Err(Error::CertNotValidYet { not_before, .. }) => {
                Self::wrong(format!("is not valid before {}: {then}", date(not_before)))
            }
            Err(Error::UnsupportedCertVersion) => {
                Self::wrong("is of X.509 version 1, whose dates are not looked at".into())
            }
            // Whoever is asked far behind every end tells which that is.
            _ => match judge(certificate, UnixTime::since_unix_epoch(Duration::MAX)) {
                Err(Error::CertExpired { not_after, .. }) => Self { wrong: None, ends: Some(not_after) },
                _ => Self::wrong("has dates that cannot be read".into()),
            },
        }
    }

    const fn wrong(what: String) -> Self {
        Self { wrong: Some(what), ends: None }
    }
}

/// Without anyone who may have signed it: the dates come first, and are all that is asked for.
fn judge(certificate: &CertificateDer<'_>, now: UnixTime) -> Result<(), Error> {
    let certificate = EndEntityCert::try_from(certificate)?;
    certificate.verify_for_usage(&[], &[], &[], now, KeyUsage::server_auth(), None, None).map(drop)
}

fn date(time: UnixTime) -> String {
    let time = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(time.as_secs()));
    time.map_or_else(String::new, |time| humantime::format_rfc3339_seconds(time).to_string())
}

/// Why a certificate cannot be read, in words.
pub(super) fn unreadable(error: &CertificateError) -> String {
    match error {
        CertificateError::Other(other) if is_of_version_1(other) => {
            "it is of X.509 version 1; expected version 3 (with OpenSSL: `req -x509`, or `x509 -req` with -extfile)"
                .into()
        }
        CertificateError::BadEncoding => "its encoding is broken".into(),
        error => format!("{error:?}"),
    }
}

fn is_of_version_1(error: &rustls::OtherError) -> bool {
    matches!(error.0.downcast_ref(), Some(Error::UnsupportedCertVersion))
}
