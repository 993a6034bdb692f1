//! The names of a certificate, and which hosts they are for.

use std::net::IpAddr;

use crate::strangers::printable;

use super::Host;
use super::host::is_name;

/// The most names of one certificate that are kept; authorities sell at most a few hundred.
const MOST_NAMES: usize = 500;
/// The most bytes of names that are kept.
const MOST_TEXT: usize = 16 * 1024;
/// The most names that are told.
const MOST_TOLD: usize = 5;

/// The names of a certificate: DNS names and addresses of its subjectAltName and nothing else. The common name has been
/// no name of a server since RFC 2818, and no client looks at it any more (RFC 9525 section 2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// As they are written, `*.example.com` too.
    pub dns: Box<[Box<str>]>,
    /// Addresses.
    pub addresses: Box<[IpAddr]>,
    /// There are more than are kept.
    pub cut: bool,
}

/// Grows while the names are read.
#[derive(Default)]
pub(super) struct Reading {
    dns: Vec<Box<str>>,
    addresses: Vec<IpAddr>,
    text: usize,
    cut: bool,
}

impl Reading {
    pub(super) fn dns(&mut self, name: &str) {
        if self.is_full(name.len()) {
            self.cut = true;
        } else {
            self.text += name.len();
            self.dns.push(name.into());
        }
    }

    /// Of another length it is no address, and nobody's name.
    pub(super) fn address(&mut self, bytes: &[u8]) {
        let address = <[u8; 4]>::try_from(bytes)
            .map(IpAddr::from)
            .or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from));
        let Ok(address) = address else { return };
        if self.is_full(bytes.len()) {
            self.cut = true;
        } else {
            self.text += bytes.len();
            self.addresses.push(address);
        }
    }

    fn is_full(&self, more: usize) -> bool {
        self.dns.len() + self.addresses.len() >= MOST_NAMES || self.text + more > MOST_TEXT
    }

    pub(super) fn done(self) -> Names {
        Names { dns: self.dns.into(), addresses: self.addresses.into(), cut: self.cut }
    }
}

impl Names {
    /// Whether the certificate is for this host; `None` where only names that were not kept could say so.
    pub fn are_for(&self, host: &Host) -> Option<bool> {
        let found = match host {
            Host::Name(name) => self.dns.iter().any(|presented| is_for(presented, name)),
            Host::Address(address) => self.addresses.contains(address),
        };
        (found || !self.cut).then_some(found)
    }

    /// A few of them for a sentence, printable: `a.example.com, *.b.example.com and 7 more`.
    pub fn told(&self) -> String {
        let dns = self.dns.iter().map(|name| printable(name));
        let all = dns.chain(self.addresses.iter().map(ToString::to_string));
        let told: Vec<String> = all.take(MOST_TOLD).map(|name| name.chars().take(253).collect()).collect();
        let rest = (self.dns.len() + self.addresses.len()).saturating_sub(told.len());
        match (told.len(), rest, self.cut) {
            (0, ..) => "no name at all".into(),
            (_, 0, false) => told.join(", "),
            (_, rest, false) => format!("{} and {rest} more", told.join(", ")),
            (_, rest, true) => format!("{} and more than {rest} more", told.join(", ")),
        }
    }

    pub(super) fn weight(&self) -> usize {
        let dns: usize = self.dns.iter().map(|name| name.len() + size_of::<Box<str>>()).sum();
        dns + size_of_val(&*self.addresses)
    }
}

/// RFC 9525 section 6.3: letters in any case; a star stands for exactly one label, the first, and for all of it. As
/// browsers have it, a star needs two labels behind it: `*.com` is nobody's.
fn is_for(presented: &str, host: &str) -> bool {
    let Some(domain) = presented.strip_prefix("*.") else {
        return is_name(presented) && presented.eq_ignore_ascii_case(host);
    };
    let Some((_, rest)) = host.split_once('.') else { return false };
    is_name(domain) && domain.contains('.') && domain.eq_ignore_ascii_case(rest)
}
