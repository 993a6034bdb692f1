//! Three nodes of a Swarm with an exporter each, and a real Prometheus on the first; then the third one's cable is pulled.

use std::collections::BTreeSet;
use std::path::Path;
use std::thread::sleep;

use lab::swarm::address;
use lab::{Exporter, Result, Swarm};

use crate::contract::asked_of;
use crate::model::{Dashboard, text};
use crate::seen::{self, Moment, Seen};

const PROBES: &str = "probes: {icmp: {interval: 5s}, overlay: {interval: 5s}, node: {interval: 5s}}\n";

/// What was played. It ends what it started; the exporters first.
pub struct Stage {
    pub seen: Seen,
    exporters: Vec<Exporter>,
    swarm: Swarm,
}

impl Stage {
    pub fn play() -> Result<Self> {
        let swarm = Swarm::start(3, 1)?;
        for node in swarm.nodes() {
            node.busybox_image()?;
        }
        let first = swarm.node(1);
        first.docker(&["network", "create", "--driver", "overlay", "shop"])?;
        let create =
            ["service", "create", "--detach", "--no-resolve-image", "--name", "web", "--mode", "global"];
        let what = ["--network", "shop", "busybox", "httpd", "-f", "-p", "3000"];
        first.docker(&[&create[..], &what].concat())?;
        swarm.wait_running("web", 3)?;
        let (mut exporters, mut targets) = (Vec::new(), String::new());
        for (number, node) in (1..).zip(swarm.nodes()) {
            let at = format!("{}:10061", address(number));
            let flags = [
                "--web.listen-address=127.0.0.1:10061",
                &format!("--web.listen-address={at}"),
                &format!("--web.external-url=https://server-{number}.example.com:10061"),
            ];
            let binary = Path::new(env!("CARGO_BIN_EXE_destination-exporter"));
            exporters.push(Exporter::serve(node, binary, PROBES, &flags)?);
            targets += &format!("  - {{targets: ['{at}'], labels: {{instance: server-{number}}}}}\n");
        }
        for exporter in &mut exporters {
            exporter.wait_ready()?;
        }
        let prometheus = format!(
            "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\nscrape_configs:\n- job_name: destination-exporter\n  static_configs:\n{targets}"
        );
        let seen = Seen::begin(swarm.node(1), &prometheus)?;
        let mut stage = Self { seen, exporters, swarm };
        stage.until("count(destination_overlay_peer_up == 1) == 6")?;
        stage.until("destination_overlay_peer_rtt_seconds")?;
        stage.until("destination_probes_covered_ratio == 1")?;
        if seen::is_kept() {
            sleep(seen::act());
        }
        stage.seen.moment("whole");
        stage.swarm.wire().cut_off(3)?;
        stage.until("destination_finding{code=\"swarm-data-path-broken\",instance=\"server-1\"} == 1")?;
        stage.until("destination_probe_success{probe=\"node\"} == 0")?;
        stage.until("destination_overlay_peer_up{instance=\"server-2\"} == 0")?;
        if seen::is_kept() {
            sleep(seen::act());
        }
        stage.seen.moment("cut off");
        stage.seen.keep(stage.swarm.node(1), "swarm")?;
        Ok(stage)
    }

    /// The first node's page of metrics.
    pub fn page(&self) -> Result<String> {
        self.exporters.first().expect("it serves").metrics()
    }

    fn until(&self, what: &str) -> Result<()> {
        self.seen.until(what, || self.exporters.iter().map(Exporter::log).collect())
    }

    /// What the table of ways shows of these exporters: from, to, and whether it is up.
    pub fn ways(&self, swarm: &Dashboard, instances: &str, at: &Moment) -> Result<BTreeSet<String>> {
        let mut panels = swarm.panels();
        let table = panels.find(|panel| text(panel, "/title").starts_with("Up or down")).expect("the table");
        let shown = self.seen.at(&asked_of(text(table, "/targets/0/expr"), instances), at)?;
        let way = |one: &lab::soak::Series| {
            let value = one.samples.first().map_or(-1.0, |(_, value)| *value);
            format!("{} > {} {value}", one.labels["from"], one.labels["to"])
        };
        Ok(shown.iter().map(way).collect())
    }
}
