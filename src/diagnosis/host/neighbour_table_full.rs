//! `host-neighbour-table-full`: the kernel remembers no further link-layer address.

use crate::diagnosis::scene::Scene;
use crate::diagnosis::words::saw;
use crate::diagnosis::{Code, Finding, Step};
use crate::netstack::Host;

use super::{of_host, percent};

/// In percent of the limit. Entries that nobody uses are cleared away first, so that a table that stays above this is
/// full of such as are used.
const NEAR: u64 = 95;

pub(super) fn find(scene: &Scene<'_>, host: &Host) -> Option<Finding> {
    let table = host.neighbours?;
    let is_near = u128::from(table.entries) * 100 >= u128::from(table.limit) * u128::from(NEAR);
    if table.limit == 0 || !is_near {
        return None;
    }
    let mut finding = of_host(scene, Code::HostNeighbourTableFull);
    let (entries, limit) = (table.entries, table.limit);
    finding.summary = if entries >= limit {
        let times = match table.refused {
            0 => String::new(),
            1 => " (once since boot)".to_owned(),
            times => format!(" ({times} times since boot)"),
        };
        format!(
            "The kernel's table of neighbours is full ({entries} of {limit}): packets to new addresses are being dropped{times}."
        )
    } else {
        format!(
            "The kernel's table of neighbours is {} full ({entries} of {limit}): once it is full, packets to new addresses are dropped.",
            percent(entries, limit)
        )
    };
    finding.evidence = vec![saw(
        "/proc/net/stat/arp_cache: entries, of all namespaces together, and gc_thresh3",
        format!("{} of {}", table.entries, table.limit),
        "below 95 %",
    )];
    if table.refused > 0 {
        finding.evidence.push(saw(
            "/proc/net/stat/arp_cache: table_fulls since boot",
            table.refused.to_string(),
            "0",
        ));
    }
    finding.explains = vec!["containers that reach some peers and not others, by turns".to_owned()];
    let [one, two, three] = [1, 2, 4].map(|times| table.limit.saturating_mul(times));
    finding.fix = vec![
        Step::command(format!(
            "sysctl -w net.ipv4.neigh.default.gc_thresh1={one} net.ipv4.neigh.default.gc_thresh2={two} net.ipv4.neigh.default.gc_thresh3={three}"
        )),
        Step::when(
            "so that it stays",
            [format!(
                "printf '%s\\n' 'net.ipv4.neigh.default.gc_thresh1 = {one}' 'net.ipv4.neigh.default.gc_thresh2 = {two}' 'net.ipv4.neigh.default.gc_thresh3 = {three}' > /etc/sysctl.d/zz-neigh.conf"
            )],
        ),
        Step::prose(
            "every container that talks to every other on one network needs entries by the square of their number: smaller networks need fewer",
        ),
    ];
    finding.verify = vec![
        "grep -H . /proc/net/stat/arp_cache".to_owned(),
        "sysctl net.ipv4.neigh.default.gc_thresh3".to_owned(),
    ];
    Some(finding)
}
