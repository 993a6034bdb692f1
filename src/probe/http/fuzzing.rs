//! A door for the crate `fuzz`.

use std::net::{IpAddr, Ipv4Addr};

use tokio::io::{AsyncRead, AsyncWrite};

use crate::outcome::{Observation, Outcome};
use crate::probe::Accepts;

use super::exchange::{Progress, Target, exchange, request};
use super::told;

/// What a server's answer on this stream says.
pub async fn answer<S: AsyncRead + AsyncWrite + Unpin>(stream: S, body_cap: u64) -> (Outcome, Observation) {
    let peer = (IpAddr::from(Ipv4Addr::LOCALHOST), 80).into();
    let target = Target { peer, host: "web", path: "/", tls: false, body_cap, ipv6: false };
    let mut seen = Progress::default();
    let ended = match request(&target) {
        Ok(request) => exchange(stream, request, &target, &mut seen).await,
        Err(ended) => Err(ended),
    };
    told(ended, seen, Accepts::NoServerError)
}
