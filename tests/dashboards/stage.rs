//! A server on which everything happens that a panel is for, and a real Prometheus that sees it.

use std::fs;
use std::path::Path;
use std::thread::sleep;

use lab::apps::App;
use lab::proxies::{Authority, NAME, Traefik};
use lab::{Error, Exporter, Lab, Result};

use crate::seen::{Seen, act};

/// The Engine says how many networks it has room for; its containers outlive it.
const ENGINE: &str =
    r#"{"default-address-pools": [{"base": "10.96.0.0/16", "size": 24}], "live-restore": true}"#;
/// Every probe often.
const PROBES: &str = "dns: {interval: 5s}, icmp: {interval: 5s}, tcp: {interval: 5s}, http: {interval: 5s}, \
     proxy: {interval: 5s}, route: {interval: 5s}, published_port: {interval: 5s}, isolation: {interval: 5s}, \
     path_mtu: {interval: 15s}, hairpin: {interval: 5s}";
/// The example of deploy/, but for the pace and the name of the server; an alert, for what shows alerts.
const PROMETHEUS: &str = "\
global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}
rule_files: [RULES]
scrape_configs:
- job_name: destination-exporter
  static_configs: [{targets: ['127.0.0.1:10061'], labels: {instance: server-1}}]
";
const RULES: &str = r#"
groups:
- name: stage
  rules:
  - alert: DestinationStage
    expr: max by (job, instance, destination) (destination_findings{severity="page"}) > 0
    labels: {severity: critical}
"#;

/// What was played. It ends what it started.
pub struct Stage {
    pub seen: Seen,
    exporter: Option<Exporter>,
    lab: Lab,
}

impl Stage {
    /// Plays everything, from the first act to the last.
    pub fn play() -> Result<Self> {
        let (lab, config) = build()?;
        let exporter = serve(&lab, &config)?;
        let rules = lab.folder().join("rules.yml");
        write(&rules, RULES)?;
        let seen = Seen::begin(&lab, &PROMETHEUS.replace("RULES", &rules.display().to_string()))?;
        let mut stage = Self { seen, exporter: Some(exporter), lab };
        stage.healthy()?;
        stage.blind()?;
        stage.restarted(&config)?;
        stage.broken()?;
        stage.seen.keep(&stage.lab, "host")?;
        Ok(stage)
    }

    /// The page of metrics as it is at the end.
    pub fn page(&self) -> Result<String> {
        self.exporter.as_ref().expect("it serves").metrics()
    }

    fn moment(&mut self, name: &'static str) {
        self.seen.moment(name);
    }

    /// Waits until Prometheus has an answer.
    fn until(&self, what: &str) -> Result<()> {
        self.seen.until(what, || self.exporter.as_ref().map(Exporter::log).unwrap_or_default())
    }

    fn until_found(&self, code: &str) -> Result<()> {
        self.until(&format!("destination_finding{{code=\"{code}\"}} == 1"))
    }

    fn healthy(&mut self) -> Result<()> {
        for series in [
            "destination_isolation_leaks",
            "destination_path_mtu_bytes",
            "destination_certificate_valid == 1",
            "destination_published_port_up == 1",
            "destination_route_up{domain=\"blog.example.com\"} == 1",
        ] {
            self.until(series)?;
        }
        let address = |of: &str| {
            self.lab.docker(&["inspect", "-f", "{{.NetworkSettings.Networks.shop.IPAddress}}", of])
        };
        // Somebody writes a line now and then.
        let talk = format!("while :; do echo hello; sleep 1; done | nc {} 9000", address("cart")?);
        self.lab.docker(&["exec", "-d", "api", "sh", "-c", &talk])?;
        // And somebody goes the long way round.
        self.lab.docker(&["exec", "-d", "api", "sh", "-c", "sleep 9999 | nc 10.1.0.1 9900"])?;
        sleep(act());
        let looked = self.exporter.as_ref().expect("it serves").ask("POST", "/diagnostics/run")?;
        assert_eq!(looked.status, 200, "{looked:?}");
        self.until("destination_flow_connections{way=\"hairpin\"}")?;
        self.moment("healthy");
        Ok(())
    }

    /// The Engine stands still, and with it its resolver, which is asked all the same.
    fn blind(&mut self) -> Result<()> {
        let pid = self.lab.docker(&["inspect", "-f", "{{.State.Pid}}", "api"])?;
        self.lab.freeze()?;
        let flood = "exec 3>/dev/udp/127.0.0.11/53; for i in $(seq 2000); do echo a query >&3; done";
        let flooded = self.lab.exec_on_host(&["nsenter", "-t", &pid, "-n", "bash", "-c", flood]);
        let seen = flooded.and_then(|_| self.until("destination_exporter_docker_up == 0")).and_then(|()| {
            self.until("increase(destination_exporter_docker_request_failures_total[60s]) > 0")
        });
        sleep(act() / 3);
        self.moment("blind");
        self.lab.thaw()?;
        seen?;
        self.until("destination_exporter_docker_up == 1")
    }

    /// The exporter ends, and comes again.
    fn restarted(&mut self, config: &str) -> Result<()> {
        self.exporter = None;
        self.until("up == 0")?;
        self.moment("gone");
        self.exporter = Some(serve(&self.lab, config)?);
        self.until("up == 1 and on () destination_present")?;
        sleep(act() / 2);
        self.moment("again");
        Ok(())
    }

    fn broken(&mut self) -> Result<()> {
        let lab = &self.lab;
        let compose = |project: &str| {
            let name = format!("{project}-redis-1");
            let label = |key: &str, value: &str| format!("--label=com.docker.compose.{key}={value}");
            let labels =
                [label("project", project), label("service", "redis"), label("container-number", "1")];
            let run = ["run", "-d", "--name", &name, "--network", "shop", "--network-alias", "redis"];
            let labels = labels.each_ref().map(String::as_str);
            lab.docker(
                &[&run[..], &labels, &["busybox", "nc", "-ll", "-p", "6379", "-e", "/bin/cat"]].concat(),
            )
        };
        compose("one")?;
        compose("two")?;
        // A visitor's question is never answered, and there is room for few more.
        lab.docker(&[
            "run",
            "-d",
            "--name",
            "stuck",
            "--network",
            "mail",
            "busybox",
            "nc",
            "-ll",
            "-p",
            "8080",
            "-e",
            "sleep",
            "9999",
        ])?;
        lab.docker(&["network", "connect", "mail", "one-redis-1"])?;
        lab.docker(&["network", "create", "gone"])?;
        lab.docker(&["create", "--name", "later", "--network", "gone", "busybox", "sleep", "9"])?;
        self.until("destination_present{destination=\"gone\"} == 1")?;
        lab.docker(&["network", "rm", "gone"])?;
        lab.docker(&["network", "disconnect", "blog", NAME])?;
        lab.docker(&["stop", "-t", "0", "worker"])?;
        lab.exec_on_host(&["iptables", "-I", "DOCKER-USER", "-j", "ACCEPT"])?;
        let pid = |of: &str| lab.docker(&["inspect", "-f", "{{.State.Pid}}", of]);
        let inside = |of: &str| Ok::<_, Error>(["nsenter", "-t", &*pid(of)?, "-n"].map(str::to_owned));
        let drop = inside("cart")?;
        let drop: Vec<&str> = drop.iter().map(String::as_str).collect();
        lab.exec_on_host(&[&drop[..], &["iptables", "-A", "INPUT", "-i", "eth0", "-j", "DROP"]].concat())?;
        // A server that takes nobody in, and more visitors than may wait.
        let full = pid("post")?;
        lab.exec_on_host(&["kill", "-STOP", &full])?;
        let visit = "for i in $(seq 40); do timeout 3 bash -c '</dev/tcp/10.3.0.10/3000' & done; wait";
        lab.exec_on_host(&["bash", "-c", visit])?;
        for code in [
            "dns-alias-collision",
            "network-missing",
            "proxy-not-attached",
            "container-unreachable",
            "isolation-breached",
        ] {
            self.until_found(code)?;
        }
        self.until("increase(destination_container_tcp_retransmits_total[30s]) > 0")?;
        self.until("increase(destination_container_listen_overflows_total[60s]) > 0")?;
        self.until("increase(destination_exporter_probes_unknown_total[60s]) > 0")?;
        let looked = self.exporter.as_ref().expect("it serves").ask("POST", "/diagnostics/run")?;
        assert_eq!(looked.status, 200, "{looked:?}");
        sleep(act());
        self.moment("broken");
        Ok(())
    }
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).map_err(|e| Error::new(format!("writing {}: {e}", path.display())))
}

fn serve(lab: &Lab, config: &str) -> Result<Exporter> {
    let binary = Path::new(env!("CARGO_BIN_EXE_destination-exporter"));
    let url = ["--web.external-url", "https://server-1.example.com:10061"];
    let mut exporter = Exporter::serve(lab, binary, config, &url)?;
    exporter.wait_ready()?;
    Ok(exporter)
}

/// `shop` with its proxy, `blog` with its own site, `mail` with a published port and narrower packets.
fn build() -> Result<(Lab, String)> {
    let lab = Lab::start_set(ENGINE)?;
    lab.busybox_image()?;
    // A way out that leads nowhere.
    for command in [
        "link add uplink mtu 1450 type veth peer name beyond",
        "address add 192.0.2.2/24 dev uplink",
        "link set beyond up",
        "link set uplink up",
        "route add default via 192.0.2.1",
    ] {
        lab.exec_on_host(&[&["ip"][..], &command.split(' ').collect::<Vec<_>>()].concat())?;
    }
    let narrow = ["--opt", "com.docker.network.driver.mtu=1400"];
    for (network, subnet, more) in
        [("shop", "10.1.0.0/24", &[][..]), ("blog", "10.2.0.0/24", &[]), ("mail", "10.3.0.0/24", &narrow)]
    {
        lab.docker(&[&["network", "create", "--subnet", subnet][..], more, &[network]].concat())?;
    }
    let authority = Authority::new()?;
    let authorities = lab.folder().join("authorities.pem");
    write(&authorities, &authority.certificate)?;
    let coolify = |app: App<'static>, project: &str, resource: &str| {
        app.label("coolify.managed", "true")
            .label("coolify.projectName", project)
            .label("coolify.environmentName", "production")
            .label("coolify.resourceName", resource)
            .label("coolify.serviceName", resource)
    };
    coolify(App::new("web", "shop").at_https("shop.example.com", 3000), "Shop", "shop-web").run(&lab)?;
    coolify(App::new("api", "shop").at_https("api.example.com", 3000), "Shop", "shop-api").run(&lab)?;
    coolify(App::new("blog", "blog").at_https("blog.example.com", 3000), "Blog", "blog").run(&lab)?;
    let post = App::new("post", "mail").option("--ip=10.3.0.10").option("--publish=2525:3000");
    coolify(post, "Mail", "post").run(&lab)?;
    let cart = ["run", "-d", "--name", "cart", "--network", "shop", "--publish", "9900:9000"];
    lab.docker(&[&cart[..], &["busybox", "nc", "-ll", "-p", "9000", "-e", "cat"]].concat())?;
    lab.docker(&[
        "run",
        "-d",
        "--name",
        "worker",
        "--network",
        "blog",
        "--restart",
        "unless-stopped",
        "busybox",
        "sleep",
        "9999",
    ])?;
    let traefik = Traefik::prepare(&lab, Path::new(env!("CARGO_MANIFEST_DIR")))?;
    let papers = [
        authority.issue(&["shop.example.com"])?,
        authority.issue(&["blog.example.com"])?,
        authority.issue_expiring(&["api.example.com"])?,
    ];
    traefik.show(&papers.each_ref(), None)?;
    traefik.run(&lab, &["shop", "blog"])?;
    let approved = lab.folder().join("approved.json");
    let config = format!(
        "certificates: {{ca_file: {}}}\ndrift: {{approved_file: {}}}\nprobes: {{{PROBES}}}\n",
        authorities.display(),
        approved.display()
    );
    let mut program = lab.on_host(env!("CARGO_BIN_EXE_destination-exporter"));
    let taken = program.args(["snapshot", "--docker.host", "unix:///run/docker.sock"]).output();
    let taken = taken.map_err(|e| Error::io("taking a snapshot", e))?;
    write(&approved, &String::from_utf8_lossy(&taken.stdout))?;
    Ok((lab, config))
}
