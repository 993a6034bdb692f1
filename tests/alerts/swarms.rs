//! What a whole Swarm tells when it is parted, held against every rule at once: how many alerts there are.

use std::fmt::Write as _;

use super::swarm::{found, info, ready};
use super::{blocks, folder, promtool};

/// It is parted after ten minutes, and whole again after thirty.
const PARTED: usize = 40;
const WHOLE: usize = 120;
const END: usize = 240;

/// A Swarm, and what becomes of it.
struct Swarm {
    nodes: usize,
    managers: usize,
    /// Nodes on the other side.
    away: &'static [usize],
    /// Prometheus is on this side, and hears nothing of the other.
    is_deaf: bool,
}

impl Swarm {
    fn is_away(&self, node: usize) -> bool {
        self.away.contains(&node)
    }

    /// A series of a node, before, meanwhile and after: of one that is not heard, nothing meanwhile.
    fn put(&self, text: &mut String, node: usize, series: &str, [before, parted, after]: [&str; 3]) {
        let parted = if self.is_deaf && self.is_away(node) { "_" } else { parted };
        let of = |value: &str, count: usize| match value {
            "_" => format!("stale _x{}", count - 2),
            value => format!("{value}x{}", count - 1),
        };
        let values = [of(before, PARTED), of(parted, WHOLE - PARTED), of(after, END - WHOLE)].join(" ");
        let _ = writeln!(text, "      - {{series: {series:?}, values: {values:?}}}");
    }

    fn series(&self) -> String {
        let mut text = String::new();
        let own = |node: usize| format!("job=\"destination-exporter\",instance=\"server-{node}:10061\"");
        for node in 1..=self.nodes {
            let who = own(node);
            let is_lost = self.is_deaf && self.is_away(node);
            let up = if is_lost { "0" } else { "1" };
            let values = format!("1x{} {up}x{} 1x{}", PARTED - 1, WHOLE - PARTED - 1, END - WHOLE);
            let _ = writeln!(text, "      - {{series: {:?}, values: {values:?}}}", format!("up{{{who}}}"));
            let mut put = |series: String, values: [&str; 3]| self.put(&mut text, node, &series, values);
            put(info(node), ["1"; 3]);
            put(
                format!("destination_exporter_info{{{who},external_url=\"http://server-{node}\"}}"),
                ["1"; 3],
            );
            put(format!("destination_exporter_docker_up{{{who}}}"), ["1"; 3]);
            let side = (1..=self.managers).filter(|other| self.is_away(*other) == self.is_away(node)).count();
            let has_quorum = 2 * side > self.managers;
            if node <= self.managers {
                let control = if has_quorum { "1" } else { "0" };
                put(format!("destination_swarm_control{{{who}}}"), ["1", control, "1"]);
                let severity = if has_quorum { "ticket" } else { "page" };
                let finding = found(node, "", "swarm-no-quorum", severity, "swarm", "swarm");
                put(finding, ["_", if side < self.managers { "1" } else { "_" }, "_"]);
            }
            for other in 1..=self.nodes {
                let parts = self.is_away(node) != self.is_away(other);
                if node <= self.managers {
                    let parted = if has_quorum { if parts { "0" } else { "1" } } else { "_" };
                    put(ready(node, other, "active"), ["1", parted, "1"]);
                }
                if parts {
                    let subject = format!("198.51.100.{other}");
                    let finding = found(node, "shop", "swarm-data-path-broken", "page", &subject, "node");
                    put(finding, ["_", "1", "_"]);
                }
                for on in ["shop", "blog"] {
                    let peer = format!(
                        "destination_overlay_peer_containers{{{who},destination=\"{on}\",peer=\"198.51.100.{other}\"}}"
                    );
                    if other != node {
                        put(peer, ["3"; 3]);
                    }
                }
            }
            let failures = if self.away.is_empty() { ["0+0"; 3] } else { ["0+0", "0+20", "1600+0"] };
            for on in ["shop", "blog"] {
                put(format!("destination_probes_covered_ratio{{{who},destination=\"{on}\"}}"), ["1"; 3]);
                put(format!("destination_healthy{{{who},destination=\"{on}\"}}"), ["1", "0", "1"]);
                let of = |what: &str, more: &str| {
                    format!(
                        "destination_probe_{what}_total{{{who},destination=\"{on}\",probe=\"overlay\"{more}}}"
                    )
                };
                put(of("attempts", ""), ["0+40", "1600+40", "4800+40"]);
                put(of("failures", ",reason=\"timeout\""), failures);
            }
        }
        text
    }

    /// Which alerts fire at these times, each with how many of it there are.
    fn fires(&self, wanted: &[(&str, &[(&str, u32)])]) {
        let mut tests = format!(
            "rule_files: [rules.yml]\nevaluation_interval: 15s\ntests:\n  - interval: 15s\n    input_series:\n{}    promql_expr_test:\n",
            self.series()
        );
        for (at, alerts) in wanted {
            let samples: Vec<String> = alerts
                .iter()
                .map(|(name, count)| format!("{{labels: '{{alertname=\"{name}\"}}', value: {count}}}"))
                .collect();
            let _ = writeln!(
                tests,
                "      - {{expr: 'count by (alertname) (ALERTS{{alertstate=\"firing\",alertname!=\"DestinationWatchdog\"}})', eval_time: {at}, exp_samples: [{}]}}",
                samples.join(", ")
            );
        }
        let said = promtool::run(&blocks::file(&blocks::read(&folder())), &tests);
        assert!(said.is_none(), "{}", said.unwrap_or_default());
    }
}

/// Nothing before, one page while it is parted, nothing soon after.
const ONE: &[(&str, &[(&str, u32)])] = &[
    ("9m", &[]),
    ("10m30s", &[("DestinationSwarmPartitioned", 1)]),
    ("14m", &[("DestinationSwarmPartitioned", 1)]),
    ("20m", &[("DestinationSwarmPartitioned", 1)]),
    ("29m", &[("DestinationSwarmPartitioned", 1)]),
    ("36m", &[]),
    ("55m", &[]),
];

#[test]
fn a_node_that_is_cut_off_is_one_alert() {
    Swarm { nodes: 3, managers: 1, away: &[3], is_deaf: false }.fires(ONE);
}

#[test]
fn a_node_that_is_cut_off_from_prometheus_too_is_one_alert() {
    Swarm { nodes: 3, managers: 1, away: &[3], is_deaf: true }.fires(ONE);
}

#[test]
fn a_manager_that_is_cut_off_is_one_alert() {
    Swarm { nodes: 3, managers: 3, away: &[3], is_deaf: false }.fires(ONE);
}

#[test]
fn two_halves_are_one_alert() {
    Swarm { nodes: 4, managers: 3, away: &[3, 4], is_deaf: false }.fires(ONE);
    Swarm { nodes: 4, managers: 3, away: &[3, 4], is_deaf: true }.fires(ONE);
}

/// Neither half decides anything: the one alert says so.
#[test]
fn two_halves_without_a_quorum_are_one_alert() {
    Swarm { nodes: 4, managers: 4, away: &[3, 4], is_deaf: false }.fires(ONE);
}

/// The first node is no manager, and the manager is on the other side.
#[test]
fn where_only_workers_are_heard_it_is_one_alert() {
    Swarm { nodes: 3, managers: 1, away: &[1], is_deaf: true }.fires(ONE);
}

#[test]
fn a_swarm_that_is_well_and_a_server_without_one_have_none() {
    let none: &[(&str, &[(&str, u32)])] = &[("5m", &[]), ("20m", &[]), ("55m", &[])];
    Swarm { nodes: 4, managers: 3, away: &[], is_deaf: false }.fires(none);
    Swarm { nodes: 1, managers: 0, away: &[], is_deaf: false }.fires(none);
}
