//! What a visitor asks for: the name that goes into the handshake and that a certificate has to bear.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// A host that a handshake can be about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// Lower case, without the dot at the end; internationalised labels in their ASCII form (`xn--…`).
    Name(Box<str>),
    /// Never sent in a handshake (RFC 6066 section 3), and looked for among the addresses of a certificate.
    Address(IpAddr),
}

impl Host {
    /// Of a host as requests name it: with a port or without, an address of the sixth version in brackets or bare.
    /// `None`: it can be no name on a certificate (empty, too long, other signs than letters, digits, hyphen and
    /// underscore: a name that is not in its ASCII form among them).
    pub fn read(text: &str) -> Option<Self> {
        if let Ok(address) = text.parse::<Ipv6Addr>() {
            return Some(Self::Address(address.into()));
        }
        let bare = match text.rsplit_once(':') {
            Some((host, port)) if !port.is_empty() && port.parse::<u16>().is_ok() => host,
            _ => text,
        };
        if let Some(inner) = bare.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            return inner.parse::<Ipv6Addr>().ok().map(|address| Self::Address(address.into()));
        }
        if let Ok(address) = bare.parse::<IpAddr>() {
            return Some(Self::Address(address));
        }
        let name = bare.strip_suffix('.').unwrap_or(bare);
        is_name(name).then(|| Self::Name(name.to_ascii_lowercase().into()))
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(address) => address.fmt(f),
        }
    }
}

/// Whether this is a DNS name in letters, digits, hyphens and underscores, without a dot at its end.
pub(super) fn is_name(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    // Whose last label is a number would be an address, and a broken one.
    let last = name.rsplit('.').next().unwrap_or_default();
    name.len() <= 253 && name.split('.').all(label) && !last.bytes().all(|b| b.is_ascii_digit())
}
