//! What a snapshot of a Swarm's node says is the same after a redeploy, and of the same stack in another Swarm.

use std::fs;
use std::process::{Output, Stdio};

use lab::{Error, Lab, Result, Swarm};

use super::town::{create, network};

const PROGRAM: &str = env!("CARGO_BIN_EXE_destination-exporter");
const LABELS: [&str; 4] = [
    "--label=traefik.enable=true",
    "--label=traefik.http.routers.web.rule=Host(`shop.example.com`)",
    "--label=traefik.http.services.web.loadbalancer.server.port=3000",
    "--label=traefik.docker.network=shop",
];

fn run(node: &Lab, args: &[&str]) -> Result<Output> {
    let mut command = node.on_host(PROGRAM);
    command.args(args).args(["--docker.host", "unix:///run/docker.sock"]).env_remove("DOCKER_HOST");
    command.stdin(Stdio::null()).output().map_err(|error| Error::io("running the program", error))
}

fn snapshot(node: &Lab) -> Result<Vec<u8>> {
    let told = run(node, &["snapshot"])?;
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    Ok(told.stdout)
}

/// A stack of four on two nodes, by whose labels a proxy would lead to it.
fn stack() -> Result<Swarm> {
    let swarm = Swarm::start(2, 1)?;
    network(&swarm, "shop", &["--subnet", "10.77.0.0/24"])?;
    for node in swarm.nodes() {
        node.busybox_image()?;
    }
    let more = [&LABELS[..], &["--replicas", "4", "--endpoint-mode", "dnsrr"]].concat();
    swarm.node(1).docker(&create("web", "shop", &more))?;
    swarm.wait_running("web", 4)?;
    by_hand(swarm.node(1), &["--network-alias", "redis"])?;
    Ok(swarm)
}

/// One that no scheduler moves, with these names besides its own.
fn by_hand(node: &Lab, names: &[&str]) -> Result<()> {
    let own = ["run", "-d", "--network", "shop", "--name", "cache"];
    node.docker(&[&own[..], names, &["busybox", "sleep", "9999"]].concat()).map(drop)
}

/// What `diff` says of what is on this node now, against a snapshot.
fn diff(node: &Lab, before: &[u8]) -> Result<(Option<i32>, String)> {
    let file = node.folder().join("before.json");
    fs::write(&file, before).map_err(|error| Error::io("writing a snapshot", error))?;
    let told = run(node, &["diff", &file.to_string_lossy()])?;
    let said = [told.stdout, told.stderr].concat();
    Ok((told.status.code(), String::from_utf8_lossy(&said).into_owned()))
}

#[test]
fn a_redeploy_is_no_difference_nor_is_another_swarm_and_a_name_that_is_gone_is() -> Result<()> {
    let old = stack()?;
    let before = snapshot(old.node(1))?;
    assert!(String::from_utf8_lossy(&before).contains("shop.example.com"), "it has a site");
    old.node(1).docker(&["service", "update", "--force", "web"])?;
    let (code, said) = diff(old.node(1), &before)?;
    assert_eq!(code, Some(0), "after a redeploy: {said}");
    drop(old);

    let new = stack()?;
    let (code, said) = diff(new.node(1), &before)?;
    assert_eq!(code, Some(0), "in another Swarm: {said}");
    new.node(1).docker(&["rm", "-f", "cache"])?;
    by_hand(new.node(1), &[])?;
    let (code, said) = diff(new.node(1), &before)?;
    assert!(code == Some(1) && said.contains("redis"), "a name that is gone: {code:?} {said}");
    Ok(())
}
