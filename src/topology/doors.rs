//! Published ports as a drawing has them.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::inventory::PublishedPort;
use crate::strangers::printable;

/// Address, protocol, the host's port and the container's: in this order neighbours stand side by side.
type Door<'a> = (Option<IpAddr>, &'a str, u16, u16);

/// Published ports in words: neighbours that lead to neighbours are one, and so is what is open on IPv4 and on IPv6.
pub(super) fn doors(published: &[PublishedPort]) -> Vec<String> {
    let open = published.iter().map(|port| {
        let at = port.host_ip.filter(|ip| !ip.is_unspecified());
        (at, &*port.protocol, port.host_port, port.container_port)
    });
    // The last of each run, and how many are before it.
    let mut runs: Vec<(Door<'_>, u16)> = Vec::new();
    for one in open.collect::<BTreeSet<_>>() {
        match runs.last_mut() {
            Some((last, before))
                if (last.0, last.1) == (one.0, one.1)
                    && last.2.checked_add(1) == Some(one.2)
                    && last.3.checked_add(1) == Some(one.3) =>
            {
                *last = one;
                *before += 1;
            }
            _ => runs.push((one, 0)),
        }
    }
    let range = |last: u16, before: u16| match before {
        0 => last.to_string(),
        _ => format!("{}-{last}", last - before),
    };
    let words = |((at, protocol, host, container), before): (Door<'_>, u16)| {
        let at = at.map(|ip| format!("{ip} ")).unwrap_or_default();
        format!("{at}{} → {}/{}", range(host, before), range(container, before), printable(protocol))
    };
    runs.into_iter().map(words).collect()
}
