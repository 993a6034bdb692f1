//! Services: an encrypted overlay, virtual addresses, tasks that are refused.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use lab::watched::{finding, text};
use lab::{Lab, Result, Swarm};

use super::town::{SOON, Town, at, create, network, serve, shop};

/// The listing of the managers' lists.
const LISTED: Duration = Duration::from_secs(10);

#[test]
fn an_encrypted_overlay_that_passes_nothing() -> Result<()> {
    let swarm = Swarm::start(2, 1)?;
    for node in swarm.nodes() {
        node.exec_on_host(&["iptables", "-I", "INPUT", "-p", "esp", "-j", "DROP"])?;
    }
    let everywhere = ["--mode", "global", "--endpoint-mode", "dnsrr"];
    network(&swarm, "shop", &[])?;
    network(&swarm, "sealed", &["--opt", "encrypted"])?;
    serve(&swarm, "web", "shop", &everywhere, 2)?;
    let town = Town::watched(swarm)?;
    town.calm()?;
    let sealed = "swarm-encryption-unsupported sealed";
    for node in town.nodes() {
        node.breaks(sealed, "an encrypted overlay, where ESP does not pass");
    }
    town.node(1).lab.docker(&create("safe", "sealed", &everywhere))?;
    for node in town.nodes() {
        let report = node.expect(&[sealed], SOON + Duration::from_secs(15))?.0;
        let one = finding(&report, "swarm-encryption-unsupported");
        let fine: Vec<&str> = one["ruled_out"].as_array().into_iter().flatten().map(text).collect();
        assert!(fine.iter().any(|word| word.starts_with("UDP 4789")), "{one:#}");
    }
    for node in town.nodes() {
        node.repairs(sealed);
    }
    town.node(1).lab.docker(&["service", "rm", "safe"])?;
    town.calm()
}

/// Has the load balancer of an overlay on this node take nothing, whatever its kernel can.
fn deafen(node: &Lab, network: &str) -> Result<()> {
    let id = node.docker(&["network", "inspect", "-f", "{{.Id}}", network])?;
    let namespace = node.namespaces().join(format!("lb_{}", &id[..9]));
    let enter = format!("--net={}", namespace.display());
    node.exec_on_host(&["nsenter", &enter, "iptables", "-I", "INPUT", "-p", "tcp", "-j", "DROP"]).map(drop)
}

#[test]
fn a_virtual_address_that_leads_nowhere() -> Result<()> {
    let swarm = Swarm::start(2, 1)?;
    network(&swarm, "shop", &[])?;
    serve(&swarm, "web", "shop", &["--replicas", "2"], 2)?;
    for node in swarm.nodes() {
        deafen(node, "shop")?;
    }
    let town = Town::watched(swarm)?;
    for node in town.nodes() {
        node.deploys("swarm-vip-unreachable web", "the kernel does not balance (IPVS)");
        let report = node.expect(&["swarm-vip-unreachable web"], SOON)?.0;
        let one = finding(&report, "swarm-vip-unreachable");
        assert_eq!(text(&one["destination"]), "shop");
        assert!(text(&one["summary"]).contains("though its tasks do"), "{one:#}");
    }
    for node in town.nodes() {
        node.repairs("swarm-vip-unreachable web");
    }
    town.node(1).lab.docker(&["service", "update", "--detach", "--endpoint-mode", "dnsrr", "web"])?;
    town.nodes().try_for_each(|node| node.expect(&[], SOON * 2).map(drop))
}

#[test]
fn a_service_whose_tasks_are_refused() -> Result<()> {
    let town = shop()?;
    town.calm()?;
    let refused = "swarm-task-rejected api";
    town.node(1).breaks(refused, "a service mounts a folder that no node has");
    let mount = ["--mount", "type=bind,source=/nowhere/at/all,target=/data", "--endpoint-mode", "dnsrr"];
    town.node(1).lab.docker(&create("api", "shop", &mount))?;
    let began = Instant::now();
    let (report, _) = town.node(1).expect(&[refused], LISTED + Duration::from_secs(10))?;
    println!("{refused} after {} ms", began.elapsed().as_millis());
    let one = finding(&report, "swarm-task-rejected");
    assert_eq!(text(&one["severity"]), "page");
    assert!(text(&one["summary"]).contains("bind source path does not exist"), "{one:#}");
    assert!(text(&one["fix"][0]).contains("make the folder"), "{one:#}");
    // Workers are not told.
    town.node(2).expect(&[], Duration::ZERO)?;
    town.node(1).repairs(refused);
    town.node(1).lab.docker(&["service", "rm", "api"])?;
    town.calm()
}

/// Traefik as Coolify runs it in a Swarm, and an app that runs on another node.
#[test]
fn a_site_whose_app_runs_on_another_node() -> Result<()> {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let traefik = project.join("target/lab/traefik");
    lab::run(Command::new(project.join("scripts/get-traefik.sh")).arg(&traefik))?;
    let swarm = Swarm::start(2, 1)?;
    network(&swarm, "shop", &[])?;
    swarm.node(1).static_image("traefik", &traefik)?;
    let own = ["service", "create", "--detach", "--no-resolve-image", "--name", "coolify-proxy_traefik"];
    let place = ["--network", "shop", "--constraint", "node.role==manager", "--endpoint-mode", "dnsrr"];
    let mount = ["--mount", "type=bind,source=/run/docker.sock,target=/var/run/docker.sock,readonly"];
    let more = ["--publish", "mode=host,published=80,target=80", "traefik"];
    let arguments = [
        "--entrypoints.http.address=:80",
        "--providers.swarm.endpoint=unix:///var/run/docker.sock",
        "--providers.swarm.exposedbydefault=false",
        "--providers.swarm.refreshseconds=2",
    ];
    swarm.node(1).docker(&[&own[..], &place, &mount, &more, &arguments].concat())?;
    swarm.wait_running("coolify-proxy_traefik", 1)?;
    let labels = [
        "--endpoint-mode",
        "dnsrr",
        "--constraint",
        "node.hostname==node-2",
        "--label",
        "traefik.enable=true",
        "--label",
        "traefik.http.routers.shop.rule=Host(`shop.example.com`)",
        "--label",
        "traefik.http.services.shop.loadbalancer.server.port=3000",
        "--label",
        "traefik.swarm.network=shop",
    ];
    serve(&swarm, "app", "shop", &labels, 1)?;
    let town = Town::watched(swarm)?;
    let up =
        "destination_route_up{destination=\"shop\",domain=\"shop.example.com\",path=\"/\",workload=\"app\"}";
    town.node(1).expect_series(up, Some("1"), SOON)?;
    let backend = up.replace("route_up", "route_backend_up");
    let backend = backend.replace('}', &format!(",backend=\"app/1@{}\"}}", at(2)));
    town.node(1).expect_series(&backend, Some("1"), SOON)?;
    town.calm()?;

    // The port that its label names is not the one that it listens on.
    let wrong = "route-port-not-listening shop.example.com";
    town.node(1).breaks(wrong, "a label of a Swarm's service names another port");
    let port = "traefik.http.services.shop.loadbalancer.server.port";
    town.node(1).lab.docker(&[
        "service",
        "update",
        "--detach",
        "--label-add",
        &format!("{port}=3001"),
        "app",
    ])?;
    town.node(1).expect(&[wrong], SOON)?;
    town.node(1).repairs(wrong);
    town.node(1).lab.docker(&[
        "service",
        "update",
        "--detach",
        "--label-add",
        &format!("{port}=3000"),
        "app",
    ])?;
    town.node(1).expect(&[], SOON).map(drop)
}
