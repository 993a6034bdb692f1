//! Hosts as an Engine tells of them, and the routes that come of it.

use std::collections::BTreeMap;
use std::time::SystemTime;

use crate::config::Selection;
use crate::inventory::build::{self, tests::container};
use crate::inventory::seen::{Seen, SeenContainer, SeenEndpoint, SeenNetwork, SeenSubnet};
use crate::inventory::{Health, Inventory, PublishedPort, RunState};
use crate::proxy::Kind;

use super::*;

fn network(name: &str, third: u8) -> SeenNetwork {
    let subnet = SeenSubnet { subnet: format!("10.0.{third}.0/24"), ..SeenSubnet::default() };
    SeenNetwork { ipam: vec![subnet], ..build::tests::network(name) }
}

fn on(mut one: SeenContainer, networks: &[(&str, &str)]) -> SeenContainer {
    one.endpoints = networks
        .iter()
        .map(|(network, ipv4)| SeenEndpoint {
            network: (*network).into(),
            network_id: format!("id-of-{network}"),
            ipv4: (*ipv4).into(),
            ..SeenEndpoint::default()
        })
        .collect();
    one
}

fn labelled(mut one: SeenContainer, labels: &[(&str, &str)]) -> SeenContainer {
    one.labels.extend(labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
    one
}

pub(crate) fn traefik(networks: &[(&str, &str)]) -> SeenContainer {
    let port =
        |port| PublishedPort { host_ip: None, host_port: port, container_port: port, protocol: "tcp".into() };
    let flags = [
        "--entrypoints.http.address=:80",
        "--entrypoints.https.address=:443",
        "--providers.docker=true",
        "--providers.docker.exposedbydefault=false",
    ];
    SeenContainer {
        image: "traefik:v3.6.1".into(),
        published: vec![port(80), port(443)],
        command: flags.map(str::to_owned).into(),
        name_servers: vec![[127, 0, 0, 11].into()],
        upstream: None,
        fixed_addresses: Vec::new(),
        ..on(container("p", "coolify-proxy"), networks)
    }
}

pub(crate) fn app(id: &str, name: &str, networks: &[(&str, &str)], host: &str, port: &str) -> SeenContainer {
    let rule = format!("Host(`{host}`) && PathPrefix(`/`)");
    let labels = [
        ("traefik.enable", "true"),
        ("traefik.http.routers.r.rule", &*rule),
        ("traefik.http.routers.r.entryPoints", "http"),
        ("traefik.http.services.r.loadbalancer.server.port", port),
    ];
    let labels: BTreeMap<String, String> = labels
        .iter()
        .map(|(key, value)| (key.replace(".r.", &format!(".{name}.")), (*value).to_owned()))
        .collect();
    SeenContainer { labels, ..on(container(id, name), networks) }
}

pub(crate) fn picture(containers: Vec<SeenContainer>) -> Inventory {
    let networks = vec![network("coolify", 1), network("shop", 2), network("own", 3)];
    let seen = Seen { networks, containers, ..Seen::default() };
    build::build(&seen, &Selection::default(), SystemTime::UNIX_EPOCH)
}

/// Site, where it leads, and how: one line a backend.
fn told(inventory: &Inventory) -> Vec<String> {
    let mut lines = Vec::new();
    for route in &inventory.routes.served {
        let doors: Vec<String> = route
            .doors
            .iter()
            .map(|door| format!("{}{}", door.port, if door.tls { "s" } else { "" }))
            .collect();
        for backend in &route.backends {
            let place = match &backend.place {
                Placed::On(spot) => format!(
                    "{} on {}{}",
                    spot.address,
                    spot.network,
                    if spot.attached { "" } else { " (apart)" }
                ),
                other => format!("{other:?}"),
            };
            let port = backend.port.map_or_else(|| "no port".to_owned(), |port| port.to_string());
            lines.push(format!(
                "{} [{}] → {} {place} {port} {:?}",
                route.title(),
                doors.join(","),
                backend.name,
                backend.standing
            ));
        }
    }
    lines
}

#[test]
fn a_route_leads_where_the_proxy_will_dial() {
    let proxy = || traefik(&[("coolify", "10.0.1.2"), ("shop", "10.0.2.2")]);
    let plain = || app("a", "web", &[("shop", "10.0.2.3")], "shop.example.com", "3000");
    for (what, containers, expected) in [
        ("a container", vec![proxy(), plain()], "shop.example.com [80] → web 10.0.2.3 on shop 3000 Served"),
        (
            "one apart from the proxy",
            vec![proxy(), app("a", "web", &[("own", "10.0.3.3")], "shop.example.com", "3000")],
            "shop.example.com [80] → web 10.0.3.3 on own (apart) 3000 Served",
        ),
        (
            "a label that names the network",
            vec![
                proxy(),
                labelled(
                    app("a", "web", &[("own", "10.0.3.3"), ("shop", "10.0.2.3")], "shop.example.com", "3000"),
                    &[("traefik.docker.network", "own")],
                ),
            ],
            "shop.example.com [80] → web 10.0.3.3 on own (apart) 3000 Served",
        ),
        (
            "one that starts",
            vec![proxy(), SeenContainer { health: Health::Starting, ..plain() }],
            "shop.example.com [80] → web 10.0.2.3 on shop 3000 Starting",
        ),
        (
            "one on the host's network",
            vec![proxy(), SeenContainer { network_mode: "host".into(), endpoints: Vec::new(), ..plain() }],
            "shop.example.com [80] → web Host 3000 Served",
        ),
        (
            "one in another's network",
            vec![
                proxy(),
                on(container("v", "vpn"), &[("shop", "10.0.2.9")]),
                SeenContainer { network_mode: "container:v".into(), endpoints: Vec::new(), ..plain() },
            ],
            "shop.example.com [80] → web 10.0.2.9 on shop 3000 Served",
        ),
    ] {
        assert_eq!(told(&picture(containers)), [expected], "{what}");
    }
}

#[test]
fn a_site_that_nobody_serves_is_that_of_who_ought_to() {
    let proxy = || traefik(&[("shop", "10.0.2.2")]);
    let one = || app("a", "web", &[("shop", "10.0.2.3")], "shop.example.com", "3000");
    let stopped = |state: RunState| SeenContainer {
        state,
        exit_code: Some(1),
        pid: 0,
        restart_policy: "unless-stopped".into(),
        network_mode: "shop".into(),
        ..one()
    };
    let other = || app("b", "new", &[("shop", "10.0.2.4")], "shop.example.com", "3000");
    let asleep = "shop.example.com [80] → web Nowhere 3000 Stopped";
    let job = SeenContainer { exit_code: Some(0), restart_policy: "no".into(), ..stopped(RunState::Exited) };
    for (what, containers, expected) in [
        ("it ended", vec![proxy(), stopped(RunState::Exited)], &[asleep][..]),
        ("it is between two starts", vec![proxy(), stopped(RunState::Restarting)], &[asleep]),
        (
            "another has taken over",
            vec![proxy(), stopped(RunState::Exited), other()],
            &["shop.example.com [80] → new 10.0.2.4 on shop 3000 Served"],
        ),
        ("it is done", vec![proxy(), job], &[]),
    ] {
        let inventory = picture(containers);
        assert_eq!(told(&inventory), expected, "{what}");
        let near = inventory.routes.served.iter().all(|route| route.destination.as_deref() == Some("shop"));
        assert!(near && inventory.routes.served.iter().all(|route| route.rivals.is_empty()), "{what}");
    }
}

#[test]
fn the_port_is_the_labels_else_the_lowest_that_is_exposed() {
    let proxy = || traefik(&[("shop", "10.0.2.2")]);
    let mut one = app("a", "web", &[("shop", "10.0.2.3")], "shop.example.com", "3000");
    one.labels.retain(|key, _| !key.ends_with("server.port"));
    one.exposed_tcp = vec![9000, 8080];
    let inventory = picture(vec![proxy(), one]);
    assert_eq!(told(&inventory), ["shop.example.com [80] → web 10.0.2.3 on shop 8080 Served"]);
}

#[test]
fn old_and_new_of_a_deployment_are_two_backends_of_one_route() {
    let proxy = traefik(&[("shop", "10.0.2.2")]);
    let of = |id: &str, address: &str| {
        let compose = [("com.docker.compose.project", "shop"), ("com.docker.compose.service", "web")];
        labelled(app(id, "web", &[("shop", address)], "shop.example.com", "3000"), &compose)
    };
    let mut newer = of("b", "10.0.2.4");
    newer.name = "web-2".into();
    let inventory = picture(vec![proxy, of("a", "10.0.2.3"), newer]);
    let route = &inventory.routes.served[0];
    assert_eq!((route.backends.len(), route.rivals.len()), (2, 0), "{route:#?}");
}

#[test]
fn two_claims_of_one_site_are_rivals() {
    let proxy = || traefik(&[("shop", "10.0.2.2")]);
    let one = || app("a", "web", &[("shop", "10.0.2.3")], "shop.example.com", "3000");
    let other = app("b", "other", &[("shop", "10.0.2.4")], "shop.example.com", "3000");
    let preferred = labelled(
        app("b", "other", &[("shop", "10.0.2.4")], "shop.example.com", "3000"),
        &[("traefik.http.routers.other.priority", "1000")],
    );
    let twice = labelled(
        one(),
        &[
            ("traefik.http.routers.web.service", "web"),
            ("traefik.http.routers.again.rule", "Host(`shop.example.com`) && PathPrefix(`/`)"),
            ("traefik.http.routers.again.entrypoints", "http"),
            ("traefik.http.routers.again.service", "again"),
            ("traefik.http.services.again.loadbalancer.server.port", "3"),
        ],
    );
    for (what, containers, expected) in [
        ("two workloads", vec![proxy(), one(), other], Some(Clash::TwoWorkloads)),
        ("one that is to go before the other", vec![proxy(), one(), preferred], None),
        ("two ports", vec![proxy(), twice], Some(Clash::TwoPorts)),
    ] {
        let inventory = picture(containers);
        let clash = inventory.routes.served[0].rivals.first().map(|rival| rival.clash);
        assert_eq!(clash, expected, "{what}: {:#?}", inventory.routes);
    }
}

#[test]
fn what_the_proxy_refuses_is_told_of_that_rule_alone() {
    let proxy = traefik(&[("shop", "10.0.2.2")]);
    let empty = app("a", "web", &[("shop", "10.0.2.3")], "", "3000");
    let good = app("b", "blog", &[("shop", "10.0.2.4")], "blog.example.com", "3000");
    let inventory = picture(vec![proxy, empty, good]);
    assert_eq!(told(&inventory), ["blog.example.com [80] → blog 10.0.2.4 on shop 3000 Served"]);
    let refused = &inventory.routes.refused;
    assert_eq!(refused.iter().map(|r| (&*r.router, &*r.name)).collect::<Vec<_>>(), [("web", "web")]);
    assert_eq!(refused[0].destination.as_deref(), Some("shop"));
}

#[test]
fn labels_of_the_other_proxy_count_only_where_that_one_is() {
    let both = labelled(
        app("a", "web", &[("shop", "10.0.2.3")], "shop.example.com", "3000"),
        &[("caddy_0", "https://shop.example.com"), ("caddy_0.reverse_proxy", "{{upstreams 3000}}")],
    );
    let proxy = traefik(&[("shop", "10.0.2.2")]);
    let caddy = SeenContainer { image: "caddy:2".into(), command: Vec::new(), ..proxy.clone() };
    for (proxy, expected) in [(Some(proxy), Kind::Traefik), (Some(caddy), Kind::Caddy), (None, Kind::Traefik)]
    {
        let inventory = picture(proxy.into_iter().chain([both.clone()]).collect());
        let kinds: Vec<Kind> = inventory.routes.served.iter().map(|route| route.kind).collect();
        assert_eq!(kinds, [expected]);
    }
}

#[test]
fn a_site_of_caddy_has_two_doors_and_no_refused_rule() {
    let caddy =
        SeenContainer { image: "caddy:2".into(), command: Vec::new(), ..traefik(&[("shop", "10.0.2.2")]) };
    let mut web = on(container("a", "web"), &[("shop", "10.0.2.3")]);
    web = labelled(
        web,
        &[
            ("caddy_0", "https://shop.example.com"),
            ("caddy_0.handle_path", "/*"),
            ("caddy_0.handle_path.0_reverse_proxy", "{{upstreams 3000}}"),
            ("caddy_1", "www.example.com"),
            ("caddy_1.redir", "https://shop.example.com{uri}"),
            ("caddy_ingress_network", "shop"),
        ],
    );
    let inventory = picture(vec![caddy, web]);
    assert_eq!(inventory.routes.refused, []);
    let [route] = &inventory.routes.served[..] else { panic!("{:#?}", inventory.routes) };
    let doors: Vec<_> = route.doors.iter().map(|door| (door.tls, door.port)).collect();
    assert_eq!(doors, [(false, 80), (true, 443)]);
}

#[test]
fn nothing_is_served_of_what_does_not_run_or_says_no() {
    let proxy = traefik(&[("shop", "10.0.2.2")]);
    let ended = SeenContainer {
        state: RunState::Exited,
        ..app("a", "web", &[("shop", "10.0.2.3")], "shop.example.com", "3000")
    };
    let mut silent = app("b", "blog", &[("shop", "10.0.2.4")], "blog.example.com", "3000");
    silent.labels.remove("traefik.enable");
    let off = labelled(silent.clone(), &[("traefik.enable", "false")]);
    let inventory =
        picture(vec![proxy, ended, silent, SeenContainer { id: "c".into(), name: "off".into(), ..off }]);
    assert_eq!(inventory.routes, Routes::default());
}

/// A proxy that was given up for another may be left over, stopped; and an app may bring one of its own.
#[test]
fn the_proxy_that_visitors_come_to_is_the_one_that_is_walked() {
    let web = labelled(
        app("a", "web", &[("shop", "10.0.2.3")], "shop.example.com", "3000"),
        &[("caddy_0", "https://shop.example.com"), ("caddy_0.reverse_proxy", "{{upstreams 3000}}")],
    );
    let proxy = traefik(&[("shop", "10.0.2.2")]);
    let left_over = SeenContainer {
        id: "o".into(),
        name: "a-caddy".into(),
        image: "caddy:2".into(),
        state: RunState::Exited,
        bindings: proxy.published.clone(),
        published: Vec::new(),
        command: Vec::new(),
        ..proxy.clone()
    };
    let other = SeenContainer {
        id: "q".into(),
        name: "a-traefik".into(),
        published: Vec::new(),
        has_engine_socket: true,
        ..proxy.clone()
    };
    let inventory = picture(vec![proxy, left_over, other, web]);
    let served = inventory.routes.served.iter();
    let served: Vec<_> =
        served.map(|route| (route.kind, route.proxy.as_ref().map(|id| id.as_str()))).collect();
    assert_eq!(served, [(Kind::Traefik, Some("p"))]);
}

#[test]
fn one_container_does_not_push_out_the_sites_of_others() {
    let mut greedy = container("g", "greedy");
    greedy.labels.insert("traefik.enable".into(), "true".into());
    for router in 0..64 {
        let hosts: Vec<String> = (0..32).map(|n| format!("Host(`0.{router}.{n}.example.com`)")).collect();
        greedy.labels.insert(format!("traefik.http.routers.g{router}.rule"), hosts.join(" || "));
    }
    greedy.labels.insert("traefik.http.services.g.loadbalancer.server.port".into(), "80".into());
    let greedy = on(greedy, &[("shop", "10.0.2.9")]);
    let web = app("a", "web", &[("shop", "10.0.2.3")], "shop.example.com", "3000");
    let inventory = picture(vec![traefik(&[("shop", "10.0.2.2")]), greedy, web]);
    let routes = &inventory.routes;
    assert!(routes.served.iter().any(|route| *route.domain == *"shop.example.com"));
    assert_eq!((routes.served.len(), routes.left_out), (256 + 1, 64 * 32 - 256));
}

#[test]
fn two_rules_that_ask_for_different_requests_do_not_clash() {
    let other = |rule: &str| {
        let mut other = app("b", "blog", &[("shop", "10.0.2.4")], "x", "3000");
        other.labels.insert("traefik.http.routers.blog.rule".into(), rule.into());
        let web = app("a", "web", &[("shop", "10.0.2.3")], "shop.example.com", "3000");
        let inventory = picture(vec![traefik(&[("shop", "10.0.2.2")]), web, other]);
        inventory.routes.served[0].rivals.len()
    };
    assert_eq!(other("Host(`shop.example.com`)"), 1);
    for rule in ["Host(`shop.example.com`) && Header(`X-Beta`, `1`)", "Host(`shop.example.com`) && Path(`/`)"]
    {
        assert_eq!(other(rule), 0, "{rule}");
    }
}

#[test]
fn a_routers_name_that_another_takes_is_a_clash_whatever_site_it_asks_for() {
    let proxy = traefik(&[("shop", "10.0.2.2")]);
    let one = app("a", "web", &[("shop", "10.0.2.3")], "shop.example.com", "3000");
    let mut thief = app("b", "web", &[("shop", "10.0.2.4")], "mine.example.com", "3000");
    thief.name = "thief".into();
    for containers in [vec![one.clone(), thief.clone()], vec![thief, one]] {
        let inventory = picture([vec![proxy.clone()], containers].concat());
        let clashes: Vec<(&str, Option<Clash>)> = inventory
            .routes
            .served
            .iter()
            .map(|route| (&*route.domain, route.rivals.first().map(|rival| rival.clash)))
            .collect();
        let both = Some(Clash::TwoSettings);
        assert_eq!(clashes, [("mine.example.com", both), ("shop.example.com", both)]);
    }
}
