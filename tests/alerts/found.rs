//! Cases of what the exporter has found.

use super::case::Kind::{Below, Fires, Lost};
use super::case::{Case, Kind, Said, case, labels};

/// One finding of one sort.
struct Finding {
    alert: &'static str,
    severity: &'static str,
    scope: &'static str,
    found: &'static str,
    destination: &'static str,
    code: &'static str,
    kind: &'static str,
    subject: &'static str,
    title: &'static str,
    command: &'static str,
    summary: &'static str,
    description: &'static str,
    runbook: &'static str,
    page: &'static str,
}

const PROXY: Finding = Finding {
    alert: "DestinationFault",
    severity: "critical",
    scope: "destination",
    found: "page",
    destination: "shop",
    code: "proxy-not-attached",
    kind: "destination",
    subject: "shop",
    title: "The proxy is not on the network",
    command: "docker network connect shop coolify-proxy",
    summary: "proxy-not-attached: shop on shop (Web shop)",
    description: "destination shop on shop (Web shop): The proxy is not on the network. Users are hit now.\nRun first: docker network connect shop coolify-proxy\n2 open findings on server-1:10061.",
    runbook: "/runbooks/proxy-not-attached",
    page: "/diagnostics/shop#proxy-not-attached-shop",
};

const FORWARDING: Finding = Finding {
    alert: "DestinationHostFault",
    scope: "host",
    destination: "",
    code: "host-forwarding-disabled",
    kind: "host",
    subject: "ipv4",
    title: "The host forwards no packets",
    command: "sysctl -w net.ipv4.ip_forward=1",
    summary: "host-forwarding-disabled: ipv4",
    description: "host ipv4: The host forwards no packets. Users are hit now.\nRun first: sysctl -w net.ipv4.ip_forward=1\n2 open findings on server-1:10061.",
    runbook: "/runbooks/host-forwarding-disabled",
    page: "/diagnostics#host-forwarding-disabled-ipv4",
    ..PROXY
};

/// Its name is a stranger's: it ends no query, no text and no link.
const SITE: Finding = Finding {
    alert: "DestinationRouteFault",
    scope: "route",
    destination: "a b",
    code: "route-port-not-listening",
    kind: "route",
    subject: "x\"} or vector(1) # {{ . }}é/?q=1",
    title: "Nothing listens on the port",
    command: "",
    summary: "route-port-not-listening: x\"} or vector(1) # {{ . }}é/?q=1 on a b",
    description: "route x\"} or vector(1) # {{ . }}é/?q=1 on a b: Nothing listens on the port. Users are hit now.\n2 open findings on server-1:10061.",
    runbook: "/runbooks/route-port-not-listening",
    page: "/diagnostics/a%20b#route-port-not-listening-x---or-vector-1-------.------q-1",
    ..PROXY
};

const CONNTRACK: Finding = Finding {
    alert: "DestinationHostDefect",
    severity: "warning",
    scope: "host",
    found: "ticket",
    destination: "",
    code: "host-conntrack-near-limit",
    kind: "host",
    subject: "nf_conntrack",
    title: "The table of connections is nearly full",
    command: "sysctl -w net.netfilter.nf_conntrack_max=524288",
    summary: "host-conntrack-near-limit: nf_conntrack",
    description: "host nf_conntrack: The table of connections is nearly full. Users will be hit, or a part of them is.\nRun first: sysctl -w net.netfilter.nf_conntrack_max=524288\n2 open findings on server-1:10061.",
    runbook: "/runbooks/host-conntrack-near-limit",
    page: "/diagnostics#host-conntrack-near-limit-nf_conntrack",
};

const COLLISION: Finding = Finding {
    alert: "DestinationDefect",
    scope: "destination",
    destination: "shop",
    code: "dns-alias-collision",
    kind: "name",
    subject: "postgres",
    title: "Two workloads answer to one name",
    command: "",
    summary: "dns-alias-collision: postgres on shop (Web shop)",
    description: "name postgres on shop (Web shop): Two workloads answer to one name. Users will be hit, or a part of them is.\n2 open findings on server-1:10061.",
    runbook: "/runbooks/dns-alias-collision",
    page: "/diagnostics/shop#dns-alias-collision-postgres",
    ..CONNTRACK
};

const EXPIRING: Finding = Finding {
    alert: "DestinationRouteDefect",
    scope: "route",
    destination: "shop",
    code: "certificate-expiring",
    kind: "domain",
    subject: "shop.example.com",
    title: "The certificate ends soon",
    command: "docker logs --tail 100 coolify-proxy",
    summary: "certificate-expiring: shop.example.com on shop (Web shop)",
    description: "domain shop.example.com on shop (Web shop): The certificate ends soon. Users will be hit, or a part of them is.\nRun first: docker logs --tail 100 coolify-proxy\n2 open findings on server-1:10061.",
    runbook: "/runbooks/certificate-expiring",
    page: "/diagnostics/shop#certificate-expiring-shop.example.com",
    ..CONNTRACK
};

const BREACH: Finding = Finding {
    alert: "DestinationSecurityDefect",
    scope: "security",
    destination: "shop",
    code: "isolation-breached",
    kind: "pair",
    subject: "blog ↔ shop",
    title: "Destinations that share nothing reach each other",
    command: "",
    summary: "isolation-breached: blog ↔ shop on shop (Web shop)",
    description: "pair blog ↔ shop on shop (Web shop): Destinations that share nothing reach each other. Users will be hit, or a part of them is.\n2 open findings on server-1:10061.",
    runbook: "/runbooks/isolation-breached",
    page: "/diagnostics/shop#isolation-breached-blog---shop",
    ..CONNTRACK
};

const BLIND: Finding = Finding {
    alert: "DestinationExporterBlind",
    scope: "exporter",
    destination: "",
    code: "exporter-blind",
    kind: "exporter",
    subject: "socket_diagnostics",
    title: "The exporter cannot see",
    command: "modprobe inet_diag tcp_diag",
    summary: "The exporter on server-1:10061 cannot see: socket_diagnostics",
    description: "The privilege or the sight called socket_diagnostics is missing: what needs it is unknown, not down.\nRun first: modprobe inet_diag tcp_diag\n2 open findings on server-1:10061.",
    runbook: "/runbooks/exporter-blind",
    page: "/diagnostics#exporter-blind-socket_diagnostics",
    ..CONNTRACK
};

/// When it fires first, last and no more: the finding begins after a minute, and ends after 11 minutes or with the
/// exporter, 5 minutes after which nobody believes it any more.
struct Times {
    before: &'static str,
    first: &'static str,
    last: &'static str,
    over: &'static str,
    last_lost: &'static str,
    over_lost: &'static str,
}

fn times(finding: &Finding) -> Times {
    match (finding.severity, finding.scope) {
        ("critical", "route") => Times {
            before: "105s",
            first: "2m",
            last: "945s",
            over: "16m",
            last_lost: "645s",
            over_lost: "690s",
        },
        // It outlives what it holds back.
        ("critical", "host") => Times {
            before: "75s",
            first: "90s",
            last: "1245s",
            over: "21m",
            last_lost: "945s",
            over_lost: "990s",
        },
        ("critical", _) => Times {
            before: "75s",
            first: "90s",
            last: "945s",
            over: "16m",
            last_lost: "645s",
            over_lost: "690s",
        },
        _ => Times {
            before: "345s",
            first: "6m",
            last: "1545s",
            over: "26m",
            last_lost: "26m",
            over_lost: "27m",
        },
    }
}

impl Finding {
    fn series(&self, severity: &str) -> String {
        let Self { destination, code, kind, subject, .. } = self;
        let subject = subject.replace('"', "\\\"");
        format!(
            "destination_finding{{@,destination=\"{destination}\",code=\"{code}\",severity=\"{severity}\",subject=\"{subject}\",subject_kind=\"{kind}\"}}"
        )
    }

    fn info(&self) -> String {
        let Self { destination, code, found, subject, title, command, .. } = self;
        let subject = subject.replace('"', "\\\"");
        format!(
            "destination_finding_info{{@,destination=\"{destination}\",code=\"{code}\",severity=\"{found}\",subject=\"{subject}\",title=\"{title}\",command=\"{command}\"}}"
        )
    }

    fn said(&self) -> Said {
        let mut more = vec![("code", self.code), ("subject", self.subject), ("subject_kind", self.kind)];
        if !self.destination.is_empty() {
            more.push(("destination", self.destination));
        }
        let encoded = if self.destination == "a b" { "a+b" } else { self.destination };
        Said {
            labels: labels(self.severity, self.scope, &more),
            summary: self.summary,
            description: self.description,
            runbook: self.runbook,
            board: ("destination", encoded),
            page: self.page,
        }
    }

    /// With a second finding, of the host or of a neighbour, that is somebody else's.
    fn case(&self, kind: Kind, found: &str, values: &str, up: &str) -> Case {
        let other = r#"destination_finding{@,destination="other",code="dns-overloaded",severity="info",subject="x",subject_kind="container"}"#;
        case(kind, self.alert)
            .series("up{@}", up)
            .series(other, "1x200")
            .series(if self.alert == COLLISION.alert { CERTIFICATE } else { OTHER }, "1x200")
            .series(r#"destination_info{@,destination="shop",display_name="Web shop"}"#, "1x200")
            .series(r#"destination_info{@,destination="a b",display_name="a b"}"#, "1x200")
            .series(&self.series(found), values)
            .series(&self.info(), values)
    }

    fn cases(&self) -> Vec<Case> {
        let Times { before, first, last, over, last_lost, over_lost } = times(self);
        let is_page = self.severity == "critical";
        let fires = self
            .case(Fires, self.found, "_x4 1x39 stale", "1x200")
            .says(self.said())
            .silent(&[before])
            .fires(&[first, "10m", last])
            .silent(&[over]);
        // The other severities have another alert, or none.
        let less = if is_page { "ticket" } else { "info" };
        let below = self.case(Below, less, "_x4 1x100", "1x200").silent(&["90s", "2m", "10m", "25m"]);
        let none = self.case(Below, self.found, "_x4 0x100", "1x200").silent(&["90s", "2m", "10m", "25m"]);
        let lost = self
            .case(Lost, self.found, "_x4 1 stale 1x18 stale 1x20 stale", "1x4 0 1x18 0 1x200")
            .says(self.said())
            .silent(&[before])
            .fires(&[first, "6m", "375s"]);
        let mut out = vec![fires, below, none, lost];
        // The exporter is not heard of again.
        let values = if is_page { "_x4 1 stale" } else { "_x4 1x20 stale" };
        let up = if is_page { "1x4 0x200" } else { "1x24 0x200" };
        let gone = self.case(Lost, self.found, values, up).says(self.said());
        // What it says while it lasts alone was asked for while it held.
        out.push(gone.fires(&[first, last_lost]).silent(&[over_lost]));
        out
    }
}

/// A finding of severity ticket that some other alert speaks of.
const OTHER: &str = r#"destination_finding{@,destination="other",code="network-missing",severity="ticket",subject="other",subject_kind="destination"}"#;

const CERTIFICATE: &str = r#"destination_finding{@,destination="other",code="certificate-untrusted",severity="ticket",subject="other",subject_kind="domain"}"#;

pub fn cases() -> Vec<Case> {
    let all = [PROXY, FORWARDING, SITE, CONNTRACK, COLLISION, EXPIRING, BREACH, BLIND];
    all.iter().flat_map(Finding::cases).chain(many()).collect()
}

/// So many of all destinations have a fault, and one has two.
fn town(kind: Kind, sick: usize, all: usize, values: &str) -> Case {
    let up = match kind {
        Lost if values.ends_with("stale") => "1x12 0x200",
        Lost => "1x4 0 1x200",
        _ => "1x200",
    };
    let mut case = case(kind, "DestinationManyFaults").series("up{@}", up);
    for n in 0..all {
        let on = |what: &str, more: &str| format!("{what}{{@,destination=\"d{n}\"{more}}}");
        case = case.series(
            &on("destination_healthy", ""),
            if up.ends_with("0x200") { "1x12 stale" } else { "1x60" },
        );
        if n < sick {
            for code in
                ["container-unreachable", "egress-blocked"].into_iter().take(if n == 0 { 2 } else { 1 })
            {
                let more =
                    format!(",code=\"{code}\",severity=\"page\",subject=\"web\",subject_kind=\"container\"");
                case = case.series(&on("destination_finding", &more), values);
            }
        }
    }
    case
}

fn many() -> Vec<Case> {
    let said = |labels, summary, description| Said {
        labels,
        summary,
        description,
        runbook: "/runbooks/DestinationManyFaults",
        board: ("overview", ""),
        page: "/diagnostics",
    };
    let eleven = said(
        labels("critical", "host", &[]),
        "11 destinations of server-1:10061 have a fault at once",
        "11 destinations, more than half of them, have a finding of severity page: look for what they share (the Engine, the firewall, a table of the kernel). Found: container-unreachable (11) egress-blocked (1).",
    );
    let three = said(
        labels("critical", "host", &[]),
        "3 destinations of server-1:10061 have a fault at once",
        "3 destinations, more than half of them, have a finding of severity page: look for what they share (the Engine, the firewall, a table of the kernel). Found: container-unreachable (3) egress-blocked (1).",
    );
    let fires = |case: Case, said: &Said| {
        case.says(said.clone()).silent(&["75s"]).fires(&["90s", "11m", "1245s"]).silent(&["21m"])
    };
    let mut lost = town(Lost, 3, 3, "_x4 1 stale 1x30");
    lost = lost.silent(&["75s"]);
    vec![
        fires(town(Fires, 11, 20, "_x4 1x39 stale"), &eleven),
        fires(town(Fires, 3, 3, "_x4 1x39 stale"), &three),
        town(Below, 10, 20, "_x4 1x39").silent(&["2m", "10m"]),
        town(Below, 2, 2, "_x4 1x39").silent(&["2m", "10m"]),
        town(Below, 11, 20, "_x4 0x39").silent(&["2m", "10m"]),
        lost.says(three.clone()).fires(&["90s", "6m"]),
        // The exporter is not heard of again.
        town(Lost, 3, 3, "_x4 1x8 stale").says(three).fires(&["1050s"]).silent(&["1125s"]),
    ]
}
