//! What runs out or wears, before it is a finding: nobody gets up for it.

use super::findings::HELD;
use super::words::destination;
use super::{About, Alert, Group, Rule, RuleFile, Scope, Severity, endings};

pub(super) fn file() -> RuleFile {
    let alerts = [addresses(), pools(), conntrack(), certificate(), slow(), flapping(), left_out()];
    RuleFile {
        name: "resources.rules.yml",
        about: "What runs out or wears, before the exporter calls it a fault; each is silent once there is a finding of it.",
        groups: vec![
            Group {
                name: "destination-resources",
                interval: "1m",
                rules: alerts.into_iter().map(Rule::from).collect(),
            },
            // Three days are read for each, and are no other a minute later.
            Group {
                name: "destination-endings",
                interval: "10m",
                rules: [endings::addresses(), endings::pools()].map(Rule::from).into(),
            },
        ],
    }
}

pub(super) fn ticket(name: &'static str, scope: Scope, about: About, expr: String) -> Alert {
    Alert {
        name,
        severity: Severity::Warning,
        scope,
        labels: Vec::new(),
        expr,
        hold: "15m",
        keep: "15m",
        summary: String::new(),
        description: String::new(),
        about,
    }
}

/// `metric`, whatever becomes of a scrape or of some.
fn last(metric: &str) -> String {
    format!("last_over_time({metric}[5m])")
}

/// Of all addresses of a subnet, so much is taken when there is a ticket.
pub const ADDRESSES: f64 = 0.9;
/// Fewer networks than these have room then.
pub const POOLS: u32 = 4;
/// Of all connections that the kernel tracks.
pub const CONNTRACK: f64 = 0.7;
/// Of a certificate's whole time, less is left then.
pub const CERTIFICATE: f64 = 0.25;

fn addresses() -> Alert {
    let [used, capacity] = ["used", "capacity"].map(|what| last(&format!("destination_addresses_{what}")));
    Alert {
        summary: format!(
            "{}: {{{{ $value | humanizePercentage }}}} of the addresses in {{{{ $labels.subnet }}}} are taken",
            destination()
        ),
        description:
            "{{ $value | humanizePercentage }} of {{ with query (printf \"last_over_time(destination_addresses_capacity{job=%q,instance=%q,destination=%q,subnet=%q}[5m])\" $labels.job $labels.instance $labels.destination $labels.subnet) }}{{ first . | value | printf \"%.0f\" }} {{ end }}addresses are taken. When none is left, the next container does not start."
                .to_owned(),
        ..ticket(
            "DestinationAddressesLow",
            Scope::Destination,
            About::Destination,
            format!(
                "{used} / ({capacity} > 0) > {ADDRESSES}\n  unless on (job, instance, destination)\n{HELD}{{code=\"network-addresses-exhausted\"}} == 1"
            ),
        )
    }
}

fn pools() -> Alert {
    let [used, capacity] =
        ["used", "capacity"].map(|what| last(&format!("destination_address_pools_{what}")));
    Alert {
        summary: "The Engine on {{ $labels.instance }} has room for {{ $value }} more networks".to_owned(),
        description: "{{ $value }} blocks of its address pools are free. Each stack that brings a network of its own takes one; without one it is not deployed.\nLook first: docker network ls --filter dangling=true. Those of stacks that are stopped are among them, and destinations to which nothing was deployed yet: remove by name what is nobody's, or have larger default-address-pools.".to_owned(),
        ..ticket(
            "DestinationAddressPoolsLow",
            Scope::Host,
            About::Host,
            format!(
                "{capacity} - {used} < {POOLS}\n  unless on (job, instance)\n{HELD}{{code=\"address-pools-exhausted\"}} == 1"
            ),
        )
    }
}

fn conntrack() -> Alert {
    let [entries, limit] =
        ["entries", "limit"].map(|what| last(&format!("destination_host_conntrack_{what}")));
    Alert {
        hold: "10m",
        summary: "{{ $labels.instance }} tracks {{ $value | humanizePercentage }} of the connections that it can".to_owned(),
        description: "{{ $value | humanizePercentage }} of {{ with query (printf \"last_over_time(destination_host_conntrack_limit{job=%q,instance=%q}[5m])\" $labels.job $labels.instance) }}{{ first . | value | printf \"%.0f\" }} {{ end }}entries are taken. At the limit new connections are dropped at random.".to_owned(),
        ..ticket(
            "DestinationConntrackHigh",
            Scope::Host,
            About::Host,
            format!(
                "{entries} / ({limit} > 0) > {CONNTRACK}\n  unless on (job, instance)\n{HELD}{{code=\"host-conntrack-near-limit\"}} == 1"
            ),
        )
    }
}

fn certificate() -> Alert {
    let [begins, ends] = ["before", "after"]
        .map(|what| format!("last_over_time(destination_certificate_not_{what}_timestamp_seconds[10m])"));
    Alert {
        hold: "1h",
        summary: "{{ $labels.domain }}: the certificate ends in {{ $value | humanizeDuration }} and is not renewed".to_owned(),
        description: "Less than a quarter of its time and less than 30 days are left, {{ $value | humanizeDuration }} of them: by now it is renewed as a rule. Look for the reason while there is time.\nSee: docker logs coolify-proxy 2>&1 | grep -iE 'acme|certificate'".to_owned(),
        ..ticket(
            "DestinationCertificateAging",
            Scope::Route,
            About::Route,
            format!(
                "{ends} - time() < 2592000\n  and\n({ends} - time()) / ({ends} - {begins}) < {CERTIFICATE}\n  unless on (job, instance, domain)\nlabel_replace({HELD}{{code=~\"certificate-.+\"}} == 1, \"domain\", \"$1\", \"subject\", \"(.*)\")"
            ),
        )
    }
}

fn slow() -> Alert {
    let of = |what: &str| {
        format!("rate(destination_probe_duration_seconds_{what}{{probe=~\"dns|icmp|tcp\"}}[10m])")
    };
    Alert {
        summary: format!("{}: {{{{ $labels.probe }}}} is slow", destination()),
        description: format!(
            "One in twenty probes ({{{{ $labels.probe }}}}) on {} takes {{{{ $value | humanizeDuration }}}} or more; within one server that is a millisecond as a rule. The processor, the disk or the Engine is busy.",
            destination()
        ),
        ..ticket(
            "DestinationSlow",
            Scope::Destination,
            About::Destination,
            format!(
                "histogram_quantile(0.95, {}) > 0.1\n  and\n{} * 600 >= 20\n  unless on (job, instance, destination)\n{HELD}{{severity=~\"page|ticket\"}} == 1",
                of("bucket"),
                of("count")
            ),
        )
    }
}

fn flapping() -> Alert {
    Alert {
        hold: "",
        keep: "30m",
        summary: format!("{} comes and goes", destination()),
        description: format!(
            "The verdict on {} changed {{{{ $value }}}} times within 30 minutes. What happened, and what the Engine did just before: the page /events. Of late:{{{{ range query (printf \"count by (code, subject) (last_over_time({HELD}{{job=%q,instance=%q,destination=%q,severity=~\\\"page|ticket\\\"}}[30m]))\" $labels.job $labels.instance $labels.destination) | sortByLabel \"subject\" | sortByLabel \"code\" }}}} {{{{ .Labels.code }}}} {{{{ .Labels.subject }}}},{{{{ else }}}} nothing that is known any more,{{{{ end }}}} each once or more.",
            destination()
        ),
        ..ticket(
            "DestinationFlapping",
            Scope::Destination,
            About::Destination,
            "changes(destination_healthy[30m]) > 6".to_owned(),
        )
    }
}

/// What is beyond the exporter's own limits nobody looks at.
fn left_out() -> Alert {
    let of = |what: &str, series: &str| {
        format!(
            "label_replace({} > 0, \"what\", \"{what}\", \"\", \"\")",
            last(&format!("destination_{series}_left_out"))
        )
    };
    let number = r#"{{ $value | printf "%.0f" }}"#;
    Alert {
        summary: format!(
            "The exporter on {{{{ $labels.instance }}}} leaves out {number} {{{{ $labels.what }}}}"
        ),
        description: format!(
            "{number} {{{{ $labels.what }}}} are beyond what it looks at. {{{{ if eq $labels.what \"sites\" }}}}Nothing is known of them, and none of their faults would be noticed.{{{{ else }}}}Those of most connections are shown; who talks to whom is not known in full.{{{{ end }}}}\nSee: curl -s localhost:10061/metrics | grep left_out"
        ),
        ..ticket(
            "DestinationLeftOut",
            Scope::Exporter,
            About::Exporter,
            format!("{}\n  or\n{}", of("sites", "routes"), of("flows", "flows")),
        )
    }
}
