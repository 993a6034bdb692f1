//! One certificate, read.

use x509_parser::certificate::X509Certificate;
use x509_parser::error::X509Error;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::oid_registry::{
    OID_PKIX_ACCESS_DESCRIPTOR_CA_ISSUERS, OID_X509_COMMON_NAME, OID_X509_COUNTRY_NAME,
    OID_X509_ORGANIZATION_NAME, OID_X509_ORGANIZATIONAL_UNIT,
};
use x509_parser::prelude::FromDer as _;
use x509_parser::x509::X509Name;

use crate::strangers::printable;

use super::names::{Names, Reading};
use super::{MOST_BYTES, Moment, Stock};

/// The most characters of a name of an authority or a holder.
const NAME_CHARS: usize = 200;
/// The most attributes of a name that are told.
const ATTRIBUTES: usize = 8;
/// RFC 5280 section 4.1.2.2: no serial number is longer.
const SERIAL_BYTES: usize = 20;

/// What one certificate says. Texts are printable and bounded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paper {
    /// Whose it is, as `CN=example.com, O=Example`; may be empty.
    pub subject: Box<str>,
    /// Who signed it.
    pub issuer: Box<str>,
    /// In hexadecimal pairs, as OpenSSL shows it; cut to 20 bytes.
    pub serial: Box<str>,
    /// Its first second.
    pub not_before: Moment,
    /// Its last second.
    pub not_after: Moment,
    /// Whom it is for.
    pub names: Names,
    /// Its own key signed it.
    pub self_signed: bool,
    /// What it may be used for leaves out servers.
    pub misuse: Option<Misuse>,
    /// It says where its issuer's certificate is published (caIssuers, RFC 5280 section 4.2.2.1): as those of public
    /// authorities do.
    pub issuer_is_published: bool,
    /// One that a program makes itself where it has no other.
    pub stock: Option<Stock>,
}

/// The two names that tie a chain together, as they are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ends<'d> {
    pub(super) subject: &'d [u8],
    pub(super) issuer: &'d [u8],
}

/// Why a certificate is none for a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misuse {
    /// Its extended key usage names other purposes and not server authentication.
    Purpose,
    /// Its key usage lets the key neither sign nor agree on a handshake.
    Key,
}

impl Misuse {
    /// In words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Purpose => "its extended key usage does not name servers (serverAuth)",
            Self::Key => "its key usage allows no handshake (neither digitalSignature nor keyEncipherment)",
        }
    }
}

impl Paper {
    /// Reads one certificate in DER.
    ///
    /// # Errors
    /// Why it is none, in words.
    pub fn read(der: &[u8]) -> Result<Self, String> {
        Self::read_with_ends(der).map(|(paper, _)| paper)
    }

    pub(super) fn read_with_ends(der: &[u8]) -> Result<(Self, Ends<'_>), String> {
        if der.len() > MOST_BYTES {
            return Err(format!("it has {} bytes; at most {MOST_BYTES} are read", der.len()));
        }
        let (rest, certificate) = X509Certificate::from_der(der).map_err(|error| match error {
            x509_parser::nom::Err::Incomplete(_) => "it is cut off".to_owned(),
            x509_parser::nom::Err::Error(error) | x509_parser::nom::Err::Failure(error) => {
                format!("it is no X.509 certificate in DER: {}", why(&error))
            }
        })?;
        if !rest.is_empty() {
            return Err("there are bytes behind its end".into());
        }
        let ends = Ends {
            subject: certificate.tbs_certificate.subject.as_raw(),
            issuer: certificate.tbs_certificate.issuer.as_raw(),
        };
        let paper = Self {
            subject: told(certificate.subject()),
            issuer: told(certificate.issuer()),
            serial: pairs(certificate.raw_serial().get(..SERIAL_BYTES).unwrap_or(certificate.raw_serial()))
                .into(),
            not_before: Moment(certificate.validity().not_before.timestamp()),
            not_after: Moment(certificate.validity().not_after.timestamp()),
            names: names(&certificate)?,
            self_signed: is_self_signed(&certificate),
            misuse: misuse(&certificate)
                .map_err(|error| format!("its key usage cannot be read: {}", why(&error)))?,
            issuer_is_published: issuer_is_published(&certificate),
            stock: Stock::of(certificate.subject(), certificate.issuer()),
        };
        Ok((paper, ends))
    }

    /// What to call it in a sentence: its subject, or its first name, for some have no subject.
    pub fn title(&self) -> String {
        match (&*self.subject, self.names.dns.first(), self.names.addresses.first()) {
            ("", Some(name), _) => printable(name).chars().take(NAME_CHARS).collect(),
            ("", None, Some(address)) => address.to_string(),
            ("", None, None) => "(no subject)".into(),
            (subject, ..) => subject.into(),
        }
    }

    pub(super) fn weight(&self) -> usize {
        size_of::<Self>() + self.subject.len() + self.issuer.len() + self.serial.len() + self.names.weight()
    }
}

fn names(certificate: &X509Certificate<'_>) -> Result<Names, String> {
    let mut reading = Reading::default();
    let alternative = certificate
        .subject_alternative_name()
        .map_err(|error| format!("its names (subjectAltName) cannot be read: {}", why(&error)))?;
    for name in alternative.iter().flat_map(|extension| &extension.value.general_names) {
        match name {
            GeneralName::DNSName(name) => reading.dns(name),
            GeneralName::IPAddress(bytes) => reading.address(bytes),
            _ => {}
        }
    }
    Ok(reading.done())
}

/// Two certificates of one name are no self-signed one: people give their authority and their server the same.
fn is_self_signed(certificate: &X509Certificate<'_>) -> bool {
    certificate.subject().as_raw() == certificate.issuer().as_raw()
        && match certificate.verify_signature(None) {
            Ok(()) => true,
            Err(X509Error::SignatureVerificationError) => false,
            // A kind of signature that cannot be checked here: the names are all there is.
            Err(_) => true,
        }
}

fn misuse(certificate: &X509Certificate<'_>) -> Result<Option<Misuse>, X509Error> {
    if let Some(purposes) = certificate.extended_key_usage()?
        && !purposes.value.server_auth
        && !purposes.value.any
    {
        return Ok(Some(Misuse::Purpose));
    }
    let wrong = certificate.key_usage()?.is_some_and(|usage| {
        let usage = usage.value;
        !usage.digital_signature() && !usage.key_encipherment() && !usage.key_agreement()
    });
    Ok(wrong.then_some(Misuse::Key))
}

fn issuer_is_published(certificate: &X509Certificate<'_>) -> bool {
    certificate.extensions().iter().any(|extension| match extension.parsed_extension() {
        ParsedExtension::AuthorityInfoAccess(access) => {
            access.accessdescs.iter().any(|d| d.access_method == OID_PKIX_ACCESS_DESCRIPTOR_CA_ISSUERS)
        }
        _ => false,
    })
}

/// As people write a name. What is none of the usual attributes is left out.
fn told(name: &X509Name<'_>) -> Box<str> {
    let parts = name.iter_attributes().filter_map(|attribute| {
        let kind = [
            (OID_X509_COMMON_NAME, "CN"),
            (OID_X509_ORGANIZATION_NAME, "O"),
            (OID_X509_ORGANIZATIONAL_UNIT, "OU"),
            (OID_X509_COUNTRY_NAME, "C"),
        ]
        .into_iter()
        .find_map(|(oid, word)| (*attribute.attr_type() == oid).then_some(word))?;
        let value: String = String::from_utf8_lossy(attribute.as_slice()).chars().take(NAME_CHARS).collect();
        Some(format!("{kind}={}", printable(&value)))
    });
    let all = parts.take(ATTRIBUTES).collect::<Vec<_>>().join(", ");
    all.chars().take(NAME_CHARS).collect::<String>().into()
}

pub(super) fn pairs(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
}

fn why(error: &X509Error) -> String {
    printable(&error.to_string()).chars().take(NAME_CHARS).collect()
}
