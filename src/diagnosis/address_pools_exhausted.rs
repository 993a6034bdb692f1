//! `address-pools-exhausted`: no block, or only one, is left for another network.

use std::sync::Arc;

use super::scene::Scene;
use super::words::{draft, saw};
use super::{Code, Finding, Step};

/// A stack that is deployed takes one: with fewer left than this, the deployment after the next fails, if not the next.
const ENOUGH: u64 = 2;

/// The Engine, where its address pools are used up.
pub(super) fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let Some(pools) = scene.inventory.and_then(|inventory| inventory.pools) else { return Vec::new() };
    if pools.capacity == 0 || pools.free() >= ENOUGH {
        return Vec::new();
    }
    let engine: Arc<str> = "engine".into();
    let mut finding = draft(Code::AddressPoolsExhausted, "engine", &engine, scene.snapshot.at);
    let whose = if pools.configured { "default-address-pools" } else { "Docker's own address pools" };
    let then = match pools.free() {
        0 => "the next network cannot be created",
        _ => "one more network can be created, and none after it",
    };
    finding.summary = format!("{} of {} blocks of {whose} are taken: {then}.", pools.used, pools.capacity);
    finding.evidence = vec![saw(
        whose,
        format!("{} of {} blocks overlap a network of the Engine", pools.used, pools.capacity),
        "two free, at least",
    )];
    if pools.free() > 0
        && let Some(forecast) = scene.snapshot.forecasts.pools()
        && forecast.ends(scene.snapshot.at).is_some()
    {
        finding.evidence.push(saw("blocks taken, day by day", forecast.words(scene.snapshot.at), ""));
    }
    if pools.free() == 0 {
        finding.explains = vec![
            "deployments that end in \"could not find an available, non-overlapping IPv4 address pool\" or \"all predefined address pools have been fully subnetted\""
                .into(),
        ];
    }
    finding.ruled_out = vec![
        "networks that exist keep their addresses: what runs goes on, and new containers on them start"
            .into(),
    ];
    finding.fix = vec![
        Step::look(
            "networks that no running container is on",
            ["docker network ls --filter dangling=true".to_owned()],
        ),
        Step::when(
            "of each that looks left over: nobody may be listed, for a stopped container needs its network too; and it must be no destination in Coolify",
            ["docker ps -a --filter network=NAME".to_owned()],
        ),
        Step::when("then, and only then", ["docker network rm NAME".to_owned()]),
    ];
    finding.fix.extend(scene.inventory.map(|inventory| {
        Step::prose(
            "more blocks, of a range that the server's own networks leave free; networks that exist keep their subnets: \"default-address-pools\": [{\"base\": \"10.64.0.0/12\", \"size\": 24}]",
        )
        .in_daemon_json(&inventory.engine)
    }));
    finding.fix.push(Step::when(
        "until then: a single network outside the pools",
        ["docker network create --attachable --subnet 10.200.0.0/24 NAME".to_owned()],
    ));
    finding.verify = vec![
        "docker info --format '{{json .DefaultAddressPools}}'".to_owned(),
        "docker network inspect $(docker network ls -q --filter scope=local) --format '{{.Name}} {{range .IPAM.Config}}{{.Subnet}} {{end}}'"
            .to_owned(),
    ];
    vec![finding]
}
