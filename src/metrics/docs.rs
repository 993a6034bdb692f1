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
has no series: *unknown is not down*. Alert on `destination_probe_success == 0`, and on the growth of
`destination_exporter_probes_unknown_total` for what cannot be seen.

`source` and `target` are endpoint names: the workload, with `/n` for replicas. `gateway`, `proxy` and `host`
are reserved. `container` is the container's own name.
";

const TRAFFIC: &str = "A container's interfaces are not told apart by destination yet: until they are,
`destination_traffic_source` and `destination_container_network_*` have no series.

";

/// The whole page.
pub fn render() -> Result<String, fmt::Error> {
    let mut out = String::from(INTRODUCTION);
    let mut section = "";
    for row in table::ALL {
        if row.section != section {
            section = row.section;
            write!(out, "\n## {section}\n\n")?;
            if section == "Traffic" {
                out.push_str(TRAFFIC);
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
    }
}
