//! The probes: one file a kind.
//!
//! A probe takes a [`Visit`] (everything of one kind that one vantage has to measure now), makes its
//! sockets in one hop, and gives one [`Run`] per job, never fewer. It knows nothing of inventory,
//! schedule or verdicts. It must never retry on its own, follow what a stranger's answer says, read
//! without a bound, or report a fault of the exporter as a fault of the target.

pub mod dns;
pub mod http;
pub mod icmp;
mod isolation;
mod judge;
#[cfg(test)]
mod lab;
mod mixed;
mod path_mtu;
pub mod tcp;
mod turn;
pub mod visit;

pub(crate) use http::any_certificate;
pub use turn::Turn;
pub use visit::{Accepts, Job, Limits, Spec, Visit};

use crate::namespace::Hopper;
use crate::outcome::{ProbeKind, Run};

/// Runs a visit: as many [`Run`]s as it has jobs, in the order of the jobs.
pub async fn run(hopper: &Hopper, visit: Visit) -> Vec<Run> {
    match visit.kind {
        ProbeKind::Icmp | ProbeKind::IcmpExternal => icmp::run(hopper, visit).await,
        ProbeKind::Dns | ProbeKind::DnsExternal => dns::run(hopper, visit).await,
        ProbeKind::Tcp | ProbeKind::Hairpin => tcp::run(hopper, visit).await,
        ProbeKind::Http => http::run(hopper, visit).await,
        ProbeKind::Proxy
        | ProbeKind::Route
        | ProbeKind::PublishedPort
        | ProbeKind::Overlay
        | ProbeKind::Node => mixed::run(hopper, visit).await,
        ProbeKind::Isolation => isolation::run(hopper, visit).await,
        ProbeKind::PathMtu => path_mtu::run(hopper, visit).await,
    }
}
