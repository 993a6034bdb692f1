//! What a certificate says, whether it may be believed, and what is wrong with it for a domain.
//!
//! Pure: a chain as a server presented it (DER, the end entity first), a moment and a name go in, values and words come
//! out. Nothing is fetched: neither a missing issuer nor a list of what was revoked. Facts do not hide each other:
//! a certificate may be expired, for another name and signed by nobody known, and all three are told. Whoever deploys
//! a container chooses its certificate, so every byte is data: bounded where it comes in, printable where it goes out,
//! and no more work than a handshake is.

mod examiner;
mod facts;
mod host;
mod judge;
mod moment;
mod names;
mod paper;
mod roots;
mod stock;
mod trust;

use std::fmt;

pub use examiner::Examiner;
pub use facts::{Facts, Settings, facts};
pub use host::Host;
pub use judge::{Fault, Line, Verdict, judge};
pub use moment::Moment;
pub use names::Names;
pub use paper::{Misuse, Paper};
pub use roots::Roots;
pub use stock::Stock;
pub use trust::{Distrust, Trust};

/// The most certificates of a chain that are read; real chains have two to four.
pub const MOST_CERTIFICATES: usize = 10;
/// The most bytes of one certificate that are read.
pub const MOST_BYTES: usize = 64 * 1024;

/// What a server presented, read once. The DER is not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Of the end entity's DER.
    pub fingerprint: Fingerprint,
    /// How many certificates were presented, this one among them.
    pub presented: usize,
    /// The first one, or why it cannot be read, in words.
    pub read: Result<Read, String>,
}

/// A certificate that could be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    /// What it says.
    pub paper: Paper,
    /// What stands behind it in the chain, as it was presented.
    pub behind: Vec<Link>,
    /// Whether it may be believed, dates and names of its own left aside.
    pub trust: Trust,
}

/// One more certificate of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// It says so.
    Of {
        /// Whose it is.
        subject: Box<str>,
        /// Its last second.
        not_after: Moment,
    },
    /// It cannot be read: why, in words.
    Broken(String),
}

/// SHA-256 of a certificate's DER; shown as OpenSSL does, in pairs of hexadecimal digits with colons.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    /// Of these bytes.
    pub fn of(der: &[u8]) -> Self {
        let mut bytes = [0; 32];
        for (to, from) in bytes.iter_mut().zip(ring::digest::digest(&ring::digest::SHA256, der).as_ref()) {
            *to = *from;
        }
        Self(bytes)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&paper::pairs(&self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests;
