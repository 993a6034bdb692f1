//! `host-conntrack-near-limit`: the kernel has hardly any room for another connection.

use crate::diagnosis::scene::Scene;
use crate::diagnosis::words::saw;
use crate::diagnosis::{Code, Finding, Severity, Step};
use crate::netstack::Host;

use super::{of_host, percent};

/// In percent of the limit: time is left to raise it.
const NEAR: u64 = 80;
/// New connections are being lost, or a burst is enough for it.
const FULL: u64 = 98;

/// Each entry names two sources, its own and that of the answer: the first is who asked.
const WHO: &str = "conntrack -L 2>/dev/null | awk '{for(i=1;i<=NF;i++) if($i~/^src=/){print $i;break}}' | sort | uniq -c | sort -rn | head";

pub(super) fn find(scene: &Scene<'_>, host: &Host) -> Option<Finding> {
    let table = host.conntrack?;
    let is_at = |share: u64| u128::from(table.entries) * 100 >= u128::from(table.limit) * u128::from(share);
    // A limit of 0 is none.
    if table.limit == 0 || !is_at(NEAR) {
        return None;
    }
    let mut finding = of_host(scene, Code::HostConntrackNearLimit);
    let full = is_at(FULL);
    if full {
        finding.severity = Severity::Page;
    }
    finding.summary = format!(
        "The kernel's table of connections is {} full ({} of {}): {}.",
        percent(table.entries, table.limit),
        table.entries,
        table.limit,
        if full {
            "a burst is enough, and new connections, also of DNS, are dropped at random"
        } else {
            "once it is full new connections, also of DNS, are dropped at random"
        }
    );
    finding.evidence = vec![saw(
        "/proc/sys/net/netfilter/nf_conntrack_count and nf_conntrack_max",
        format!("{} of {}", table.entries, table.limit),
        "below 80 %",
    )];
    if let Some(drops) = table.drops.filter(|drops| *drops > 0) {
        finding.evidence.push(saw(
            "/proc/net/stat/nf_conntrack: drop, of all CPUs since boot",
            drops.to_string(),
            "0",
        ));
    }
    finding.explains = vec!["connections that time out at random, on every destination".to_owned()];
    finding.fix = vec![
        Step::command(format!("sysctl -w net.netfilter.nf_conntrack_max={}", table.limit.saturating_mul(2))),
        Step::when(
            "who holds them: the addresses with the most entries (the program: apt install conntrack)",
            [WHO.to_owned()],
        ),
        Step::when(
            "so that it stays (where `grep -rs nf_conntrack_max /etc/sysctl.conf /etc/sysctl.d` shows another value, change that)",
            [
                "echo nf_conntrack > /etc/modules-load.d/nf_conntrack.conf".to_owned(),
                format!(
                    "echo 'net.netfilter.nf_conntrack_max = {}' > /etc/sysctl.d/zz-conntrack.conf",
                    table.limit.saturating_mul(2)
                ),
                "sysctl --system >/dev/null".to_owned(),
                "sysctl net.netfilter.nf_conntrack_max".to_owned(),
            ],
        ),
        Step::prose("an entry takes some 300 bytes of the kernel's memory"),
    ];
    finding.verify =
        vec!["sysctl net.netfilter.nf_conntrack_count net.netfilter.nf_conntrack_max".to_owned()];
    Some(finding)
}
