//! The flow map on a real Engine: connections that containers hold open are told, by name and way.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use lab::{Exporter, Lab, Result};
use serde_json::{Value, json};

/// A condition that a busy machine reaches at last.
const PATIENCE: Duration = Duration::from_secs(40);
/// Answers and stays.
const SERVER: &str = "nc -ll -p 9000 -e cat";

fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_destination-exporter"))
}

/// `api` and `db` on `shop`, `web` on `blog`, published as 8080.
struct Town(Lab);

impl Town {
    fn build() -> Result<Self> {
        let lab = Lab::start()?;
        let busybox = lab.busybox_image()?;
        for network in ["shop", "blog"] {
            lab.docker(&["network", "create", network])?;
        }
        for (name, network, more) in
            [("api", "shop", &[][..]), ("db", "shop", &[]), ("web", "blog", &["-p", "8080:9000"])]
        {
            let run = [&["run", "-d", "--name", name, "--network", network][..], more, &[&busybox]].concat();
            lab.docker(&[&run[..], &["sh", "-c", SERVER]].concat())?;
        }
        // Two destinations that an operator has joined.
        lab.exec_on_host(&["iptables", "-I", "DOCKER-USER", "-j", "ACCEPT"])?;
        Ok(Self(lab))
    }

    fn address(&self, of: &str, network: &str) -> Result<String> {
        let format = format!("{{{{.NetworkSettings.Networks.{network}.IPAddress}}}}");
        self.0.docker(&["inspect", "-f", &format, of])
    }

    fn gateway(&self, network: &str) -> Result<String> {
        self.0.docker(&["network", "inspect", "-f", "{{(index .IPAM.Config 0).Gateway}}", network])
    }

    /// A connection that stays open.
    fn connect(&self, from: &str, address: &str, port: u16) -> Result<()> {
        let line = format!("sleep 9999 | nc {address} {port}");
        self.0.docker(&["exec", "-d", from, "sh", "-c", &line]).map(drop)
    }

    fn on_host(&self, args: &[&str]) -> Output {
        let mut command = self.0.on_host(&binary().to_string_lossy());
        command.args(args).args(["--docker.host", "unix:///run/docker.sock"]).env_remove("DOCKER_HOST");
        command.stdin(Stdio::null()).output().expect("the program starts")
    }

    fn map(&self) -> Value {
        let told = self.on_host(&["topology"]);
        assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
        serde_json::from_slice(&told.stdout).expect("JSON")
    }
}

/// `shop/api → shop/db:9000 inside ×2`.
fn words(flow: &Value) -> String {
    let text = |key: &str| flow[key].as_str().unwrap_or_default().to_owned();
    let (on, target_on) = (text("source_destination"), text("target_destination"));
    let (source, target, way) = (text("source"), text("target"), text("way"));
    format!("{on}/{source} → {target_on}/{target}:{} {way} ×{}", flow["port"], flow["connections"])
}

fn flows(map: &Value) -> Vec<String> {
    map["flows"].as_array().into_iter().flatten().map(words).collect()
}

#[test]
fn who_talks_to_whom_is_told_by_name_and_way() -> Result<()> {
    let town = Town::build()?;
    let quiet = town.map();
    assert_eq!(flows(&quiet), Vec::<String>::new());
    assert_eq!(quiet["flows_unseen"], json!([]));

    let (db, web, host) = (town.address("db", "shop")?, town.address("web", "blog")?, town.gateway("shop")?);
    for (address, port) in [(&db, 9000), (&db, 9000), (&web, 9000), (&host, 8080)] {
        town.connect("api", address, port)?;
    }
    let expected = [
        // The other halves of what came back and of what crossed: Docker gives both the host's address.
        "/host → blog/web:9000 host ×2",
        "shop/api → blog/web:9000 across ×1",
        "shop/api → blog/web:9000 hairpin ×1",
        "shop/api → shop/db:9000 inside ×2",
    ];
    let began = Instant::now();
    let mut told = flows(&town.map());
    told.sort();
    while told != expected {
        assert!(began.elapsed() < PATIENCE, "{told:?}");
        sleep(Duration::from_millis(100));
        told = flows(&town.map());
        told.sort();
    }

    // The report says what goes a long way round.
    let report = String::from_utf8_lossy(&town.on_host(&["check"]).stdout).into_owned();
    let report = report.split_whitespace().collect::<Vec<_>>().join(" ");
    for detour in [
        "detour api → web of blog, port 9000: straight to another destination's address",
        &format!(
            "detour api → web of blog, port 9000: leaves for {host}:8080, an address of the host, and comes back"
        ),
    ] {
        assert!(report.contains(detour), "{report}");
    }

    // Graphviz draws it.
    let drawn = town.on_host(&["topology", "--format", "dot", "shop"]);
    let mut dot =
        Command::new("dot").arg("-Tsvg").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("dot");
    std::io::Write::write_all(&mut dot.stdin.take().expect("piped"), &drawn.stdout).expect("written");
    let picture = String::from_utf8_lossy(&dot.wait_with_output().expect("ended").stdout).into_owned();
    for text in [">api<", ">db<", ">9000 ×2<", ">on blog<"] {
        assert!(picture.contains(text), "{text}: {picture}");
    }
    assert!(town.on_host(&["topology", "--format", "mermaid"]).stdout.starts_with(b"flowchart LR\n"));
    let unknown = town.on_host(&["topology", "shp"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("there are: blog, shop"), "{unknown:?}");
    Ok(())
}

#[test]
fn a_running_exporter_tells_it_and_forgets_it() -> Result<()> {
    let town = Town::build()?;
    let config = "probes: {tcp: {interval: 1s}, http: {interval: 1s}, icmp: {interval: 1s}}\n";
    let mut exporter = Exporter::serve_by(&town.0, &[], binary(), config, &[])?;
    exporter.wait_ready()?;
    let map = || -> Result<Vec<String>> { Ok(flows(&exporter.get("/topology")?.json()?)) };
    assert_eq!(map()?, Vec::<String>::new());
    // Who asks for a round need not wait until it is time to look at connections again.
    town.connect("api", &town.address("db", "shop")?, 9000)?;
    let began = Instant::now();
    while map()?.is_empty() {
        assert!(began.elapsed() < PATIENCE, "no round shows the connection");
        exporter.ask("POST", "/diagnostics/run")?;
        sleep(Duration::from_millis(300));
    }
    assert_eq!(map()?, ["shop/api → shop/db:9000 inside ×1"]);
    let series = "destination_flow_connections{destination=\"shop\",source=\"api\",target=\"db\",\
                  target_destination=\"shop\",port=\"9000\",way=\"inside\"} 1";
    let page = exporter.metrics()?;
    assert!(page.lines().any(|line| line == series), "{page}");
    lab::check_metrics(&page)?;
    let detail = exporter.get("/diagnostics/shop/api")?.json()?;
    assert_eq!(words(&detail["flows"][0]), "shop/api → shop/db:9000 inside ×1");
    assert!(detail["connections"]["established"].as_u64().is_some_and(|open| open > 0), "{detail}");
    assert_eq!(detail["listeners"][0]["port"], 9000);
    assert!(detail["traffic"]["receive"]["bytes"].as_u64().is_some_and(|bytes| bytes > 0), "{detail}");
    assert!(detail["probes"].as_array().is_some_and(|probes| probes.len() > 4), "{detail}");

    // It is over with the one who had it, for the other one too.
    town.0.docker(&["rm", "-f", "api"])?;
    let began = Instant::now();
    while exporter.metrics()?.contains("destination_flow_connections{") {
        assert!(began.elapsed() < PATIENCE, "a flow outlives its container");
        sleep(Duration::from_millis(100));
    }
    Ok(())
}
