//! `exporter-blind`: the Engine does not answer, or a privilege is missing.

use std::sync::Arc;

use crate::state::{Engine, Snapshot};

use super::scene::Scene;
use super::words::{draft, saw};
use super::{Code, Finding, Step};

/// What the exporter itself cannot see.
pub(super) fn find(scene: &Scene<'_>) -> Vec<Finding> {
    engine(scene.snapshot).into_iter().chain(sight(scene.snapshot)).collect()
}

fn engine(snapshot: &Snapshot) -> Option<Finding> {
    let Engine::Down { since, why } = &snapshot.sight.engine else { return None };
    let name: Arc<str> = "engine".into();
    let mut finding = draft(Code::ExporterBlind, "engine", &name, *since);
    finding.summary = format!(
        "The Docker Engine does not answer: what is shown is what was known at {}.",
        snapshot.inventory.as_ref().map_or_else(
            || "no time, for it never answered".to_owned(),
            |i| humantime::format_rfc3339_seconds(i.taken_at).to_string()
        )
    );
    finding.evidence = vec![saw("Engine API", why.clone(), "an answer")];
    finding.explains =
        vec!["names that do not resolve inside containers: the Engine itself is their resolver".to_owned()];
    finding.fix = vec![
        Step::look(
            "your sites may be running all the same: look first",
            ["systemctl status docker; journalctl -u docker --since -15min".to_owned()],
        ),
        Step::restart("where it does not run, or `docker version` still hangs after some minutes"),
        Step::prose(
            "where its socket is not there for the exporter: -v /var/run/docker.sock:/var/run/docker.sock:ro, or the address of the Engine or of a socket proxy in --docker.host",
        ),
        Step::prose(
            "where permission is denied: --group-add \"$(stat -c %g /var/run/docker.sock)\" in a container, SupplementaryGroups=docker in a unit",
        ),
    ];
    finding.verify = vec![
        "docker version".to_owned(),
        "curl -s --unix-socket /var/run/docker.sock http://localhost/_ping".to_owned(),
    ];
    Some(finding)
}

/// What the missing sight is called, what it costs, and how it is given.
struct Sense {
    name: &'static str,
    lost: &'static str,
    expected: &'static str,
    fix: fn() -> Vec<Step>,
}

/// What a private mount takes away; what can still be entered is no consolation.
const FROZEN: Sense = Sense {
    name: "network_namespaces",
    lost: "The exporter sees the containers' network namespaces as they were when it started: later containers are \
           unknown, and the networks of ended ones stay pinned.",
    expected: "a mount that follows the Engine's (slave or shared)",
    fix: || {
        vec![
            Step::prose(
                "run the exporter anew with -v /var/run/docker/netns:/var/run/docker/netns:ro,rslave",
            ),
            Step::prose(
                "by Compose, and by Coolify: volumes: [\"/var/run/docker/netns:/var/run/docker/netns:ro,rslave\"], in this short form",
            ),
        ]
    },
};

const NAMESPACES: Sense = Sense {
    name: "network_namespaces",
    lost: "The exporter cannot enter the containers' network namespaces: probes from inside are unknown.",
    expected: "namespaces can be entered",
    fix: || {
        vec![
            Step::prose(
                "run the exporter with --cap-add SYS_ADMIN -v /var/run/docker/netns:/var/run/docker/netns:ro,rslave",
            ),
            Step::prose(
                "on the host: run it as root, or as a user of its own with AmbientCapabilities=CAP_SYS_ADMIN CAP_DAC_READ_SEARCH",
            ),
        ]
    },
};

const ICMP: Sense = Sense {
    name: "icmp",
    lost: "The exporter cannot make ICMP sockets in the containers: echo probes are unknown.",
    expected: "ICMP sockets can be made",
    fix: || {
        vec![Step::prose(
            "run the exporter with --cap-add NET_RAW, or set net.ipv4.ping_group_range of the containers to '0 2147483647'",
        )]
    },
};

const DIAGNOSTICS: Sense = Sense {
    name: "socket_diagnostics",
    lost: "The exporter cannot ask the kernel for listening sockets: ports are taken from the images.",
    expected: "socket diagnostics answer",
    fix: || vec![Step::command("modprobe -a inet_diag tcp_diag")],
};

fn sight(snapshot: &Snapshot) -> Vec<Finding> {
    let sight = &snapshot.sight;
    let senses =
        [(&NAMESPACES, &sight.namespaces), (&ICMP, &sight.icmp), (&DIAGNOSTICS, &sight.socket_diagnostics)];
    let missing = senses.into_iter().filter_map(|(sense, state)| match state {
        Some(Err(why)) => Some((sense, why)),
        _ => None,
    });
    let missing = sight.frozen.iter().map(|why| (&FROZEN, why)).chain(missing);
    let mut findings: Vec<Finding> = Vec::new();
    for (sense, why) in missing {
        // Sockets cannot be made where one cannot get in: that is no fault of its own.
        if let Some(cause) = findings.first_mut().filter(|f| &*f.subject.name == NAMESPACES.name) {
            if sense.name == NAMESPACES.name {
                cause.evidence.push(saw(sense.name, why.clone(), sense.expected));
                cause.fix.extend((sense.fix)());
                continue;
            }
            cause.explains.push(format!("{}: {why}", sense.name));
            continue;
        }
        let mut finding = draft(Code::ExporterBlind, "exporter", &sense.name.into(), snapshot.at);
        finding.summary = sense.lost.to_owned();
        finding.evidence = vec![saw(sense.name, why.clone(), sense.expected)];
        if snapshot.sight.engine.is_up() {
            finding.ruled_out = vec!["the Engine answers".to_owned()];
        }
        finding.fix = (sense.fix)();
        finding.verify = vec!["destination-exporter check".to_owned()];
        findings.push(finding);
    }
    findings
}
