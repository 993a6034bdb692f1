//! What holds of a certificate for a host at a moment. No fact hides another.

use std::time::{Duration, SystemTime};

use super::{Certificate, Host, Moment, Read, Trust};

/// From when on a certificate is told to end soon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// With less than this left, and less than a sixth of its whole time.
    ///
    /// Both, because renewal goes by the length of the time: of 90 days Traefik renews with 30 left and of 6 days with 2
    /// (`certificatesDuration`), Caddy with a third left. Less than a sixth left means that it was due and did not happen.
    pub expiring_within: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self { expiring_within: Duration::from_secs(14 * 86_400) }
    }
}

/// The part of its time that a certificate has left when renewal is overdue: one in this many.
const OVERDUE: i64 = 6;

/// What holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// It cannot be read; nothing else is known then.
    pub unreadable: bool,
    /// Its last second has passed.
    pub expired: bool,
    /// Its first second is to come.
    pub not_yet_valid: bool,
    /// It is in its time, and its end is nearer than renewal should let it come.
    pub expiring: bool,
    /// It bears other names than the one that was asked for.
    pub wrong_name: bool,
    /// It leads to nobody who is believed.
    pub untrusted: bool,
    /// It may be used for other things than servers.
    pub misused: bool,
    /// Its own key signed it.
    pub self_signed: bool,
    /// A program made it itself, where it had no other.
    pub default: bool,
}

/// What holds of a certificate that a handshake for `host` brought. A host that no certificate can bear (see
/// [`Host::read`]) has no name that could be wrong.
pub fn facts(certificate: &Certificate, host: &str, now: SystemTime, settings: &Settings) -> Facts {
    let Ok(Read { paper, trust, .. }) = &certificate.read else {
        return Facts { unreadable: true, ..Facts::default() };
    };
    let now = Moment::of(now);
    let (expired, not_yet_valid) = (now > paper.not_after, now < paper.not_before);
    Facts {
        unreadable: false,
        expired,
        not_yet_valid,
        expiring: !expired && !not_yet_valid && is_expiring(paper.not_before, paper.not_after, now, settings),
        wrong_name: Host::read(host).is_some_and(|host| paper.names.are_for(&host) == Some(false)),
        untrusted: matches!(trust, Trust::Untrusted(_)),
        misused: paper.misuse.is_some(),
        self_signed: paper.self_signed,
        default: paper.stock.is_some(),
    }
}

fn is_expiring(not_before: Moment, not_after: Moment, now: Moment, settings: &Settings) -> bool {
    let left = not_after.0.saturating_sub(now.0);
    let within = i64::try_from(settings.expiring_within.as_secs()).unwrap_or(i64::MAX);
    left < within && left < not_after.0.saturating_sub(not_before.0) / OVERDUE
}
