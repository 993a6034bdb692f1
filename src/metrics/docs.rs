//! `docs/metrics.md`, from the table and the enums of label values.

use std::fmt::{self, Write};

use crate::diagnosis::Severity;
use crate::docker::REASONS;
use crate::outcome::{Blindness, ProbeKind, Reason};
use crate::state::histogram::BOUNDS;

use super::table;

const INTRODUCTION: &str = "# Metrics

<!-- Written by `UPDATE_DOCS=1 cargo test --test metrics`: change src/metrics/table.rs, not this file. -->

What `GET /metrics` gives. A family without a series is not there, and what the exporter could not look at
has no series: *unknown is not down*. Alert on `destination_finding`, which names the cause and stands for all the probes
that fail for it, and on the growth of `destination_exporter_probes_unknown_total` for what cannot be seen.
`destination_probe_success` is the latest run of one probe: for looking, not for paging.

`source` and `target` are endpoint names: the workload, with `/n` for replicas. Where two live containers have one name
(a rolling deploy, or labels that somebody copied: whoever deploys a container writes its labels) the older one
carries its short id behind it: `shop/web (0123456789ab)`. `gateway`, `proxy` and `host` are reserved. `container` is the container's own name.
";

const TRAFFIC: &str =
    "Every 15 s, of containers on destinations, in the container's own directions: `receive` is what the
container received. Which of its interfaces leads to which destination is told by MAC, then by address. A
container on the host's network, on another container's or on none has no series of its own.

The counters are the kernel's, read in the container's namespace, or the Engine's statistics of containers
that cannot be looked into (`traffic.source`). The Engine names interfaces and does not say where they lead:
of a container on several networks it tells nothing, and neither do these series. Its connections,
retransmits and overflows are the kernel's alone.

Bytes are those of Ethernet frames as the kernel counts them at the container's interface: with the headers of
Ethernet, IP and TCP, with acknowledgements and what was sent again. 10 MiB of payload over a veth pair of
Linux 6.18 were 6.2 % more where `nc` of busybox sent them in pieces of 1 KiB, and 0.11 % where they were written at once:
the kernel then passes up to 64 KiB on as one frame with one header. (The counters are those of the kernel's
`Documentation/networking/statistics.rst`.)

A counter is given as it was counted. A container that starts anew begins at 0, which `rate()` and
`increase()` take for the reset that it is; one that is gone, or on the destination no longer, leaves no
series behind, and whoever comes after it under its name has counters of its own.

";

const DRIFT: &str =
    "Where `drift.approved_file` names [a snapshot that was approved](moving.md#drift); nowhere else. `kind` is of a destination
`network`, `subnet`, `workload` or `name`, and of the host, whose `destination` is empty, `proxy`, `route` or `port`: each
is 0 where all is as it was approved, on every destination that is there or was approved. What another start or a move brings with it (addresses,
ids) is none. It is as the last listing shows it: a redeployment may show for the moment that it takes.

";

const FLOWS: &str = "Who talks to whom: TCP connections that are established when the namespaces' sockets are read, which
is once a minute, when a container is new, when one that it talked with is gone, and in a round that somebody asks for
(`POST /diagnostics/run`). A connection that came and went between two looks is not told, and neither is UDP. The
exporter's own probes are left out. `/topology` tells the same with more words.

`source` and `target` are endpoint names, or `unknown` (an address of the destination that no container of this server
has), `host` (an address of the host, or a gateway) or `outside` (anyone else); of the last two `target_destination` is
empty. `port` is the server's own. Of a connection between two containers both ends may tell; the one that saw more
counts. `way`:

| way | means |
| --- | --- |
| `inside` | both are on `destination` |
| `across` | straight from one destination to an address of another: an operator has opened the Engine's isolation |
| `hairpin` | to an address of the host, and by a published port back to a container; the address is known where the exporter is on the host's network, or where the port is published at one |
| `host` | to the host, or from it; also what the Engine masquerades: the called ends of `across` and `hairpin` have it once more, and visitors by its own proxy |
| `outside` | to the world, or from it |

500 flows have series, 64 of one container at most, first those that stay on this server, then those of most
connections; how many more there are is told. A container that calls more than 16 ports of the world has one flow
for those above 1023, with `port=\"other\"`. `destination_flow_connections{way=~\"across|hairpin\"}` is what takes
the long way round.

";

/// The whole page.
pub fn render() -> Result<String, fmt::Error> {
    let mut out = String::from(INTRODUCTION);
    let mut section = "";
    for row in table::ALL {
        if row.section != section {
            section = row.section;
            write!(out, "\n## {section}\n\n")?;
            match section {
                "Traffic" => out.push_str(TRAFFIC),
                "Drift" => out.push_str(DRIFT),
                "Flows" => out.push_str(FLOWS),
                _ => {}
            }
            out.push_str("| metric | type | unit | labels | meaning |\n| --- | --- | --- | --- | --- |\n");
        }
        let labels: Vec<String> = row.labels.iter().map(|l| format!("`{l}`")).collect();
        writeln!(
            out,
            "| `{}` | {} | {} | {} | {} |",
            row.name,
            row.kind.as_label(),
            dash(row.unit),
            dash(&labels.join(", ")),
            row.help
        )?;
    }
    out.push_str("\n## Label values\n\n`probe`:\n\n");
    for kind in ProbeKind::ALL {
        writeln!(out, "- `{}`", kind.as_label())?;
    }
    out.push_str(
        "\n`reason` of `destination_probe_failures_total`:\n\n| reason | meaning |\n| --- | --- |\n",
    );
    for reason in Reason::ALL {
        writeln!(out, "| `{}` | {} |", reason.as_label(), reason.meaning())?;
    }
    out.push_str("\n`reason` of `destination_exporter_probes_unknown_total`:\n\n");
    out.push_str("| reason | meaning |\n| --- | --- |\n");
    for blindness in Blindness::ALL {
        writeln!(out, "| `{}` | {} |", blindness.as_label(), blind(blindness))?;
    }
    out.push_str("\n`reason` of `destination_exporter_docker_request_failures_total`:\n\n");
    out.push_str("| reason | meaning |\n| --- | --- |\n");
    for (reason, meaning) in REASONS {
        writeln!(out, "| `{reason}` | {meaning} |")?;
    }
    out.push_str("\n`severity`:\n\n");
    for severity in Severity::ALL {
        writeln!(out, "- `{}`", severity.as_label())?;
    }
    let bounds: Vec<String> = BOUNDS.iter().map(f64::to_string).collect();
    write!(out, "\n## Buckets\n\nEvery histogram has these bounds, in seconds: {}.\n", bounds.join(", "))?;
    Ok(out)
}

const fn dash(text: &str) -> &str {
    if text.is_empty() { "—" } else { text }
}

const fn blind(blindness: Blindness) -> &'static str {
    match blindness {
        Blindness::NoPrivilege => "the privilege to enter a network namespace is missing",
        Blindness::NoNamespace => "there is no way to the namespace",
        Blindness::NoSocket => "the namespace permits no ICMP socket",
        Blindness::Vanished => "the container ended while it was being looked at",
        Blindness::Resources => {
            "the exporter ran out of descriptors, ports or memory, its receive queue overran, an answer was cut, or leads to a container whose names are not all known"
        }
        Blindness::NoAddress => "the vantage has no address of the family",
        Blindness::Overrun => "the exporter did not get to it in time",
        Blindness::NoHttpYet => {
            "the port takes connections, says nothing and never spoke HTTP: it may be no web server (after the third time it is asked no more)"
        }
        Blindness::NoEcho => {
            "not all small echo requests are answered either: nothing is known of how large packets may be"
        }
    }
}
