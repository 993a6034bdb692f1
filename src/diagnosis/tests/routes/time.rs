//! When a fault of a route counts, and when it is over.

use super::*;

/// What was seen of it, and through the proxy, in the first seconds counts where it is good.
#[test]
fn an_app_that_starts_is_judged_when_it_has_settled() {
    let mut host = Host::new();
    host.listeners = Some(Vec::new());
    let told = |host: &mut Host, started: u64| {
        host.sample.container("web").started_at = Some(at(started));
        host.told()
    };
    host.refused();
    assert_eq!(told(&mut host, 51), Vec::<String>::new());
    assert_eq!(told(&mut host, 50), ["page route-port-not-listening shop.example.com"]);
    // The proxy has not heard of it yet.
    host.saw(DIRECT, OK).seen = page(200, "<html>", None);
    host.through(Reason::HttpStatus, 404, "404 page not found\n");
    assert_eq!(told(&mut host, 51), Vec::<String>::new());
    assert_eq!(told(&mut host, 50), ["page route-not-served shop.example.com"]);
    // The proxy itself has just started.
    host.sample.container("coolify-proxy").started_at = Some(at(51));
    assert_eq!(told(&mut host, 0), Vec::<String>::new());
}

/// Of a task on another node its start is all that is known.
#[test]
fn a_task_that_starts_on_another_node_is_judged_when_it_has_settled() {
    for (started, expected) in [(51, &[][..]), (50, &["page route-port-not-listening shop.example.com"])] {
        let mut host = Host::new();
        host.refused();
        let backend = &mut host.sample.inventory.routes.served[0].backends[0];
        backend.container = crate::inventory::ContainerId::new("elsewhere");
        backend.started_at = Some(at(started));
        assert_eq!(host.told(), expected, "it started at {started}");
    }
}

/// A proxy that was deployed anew is tried as soon as it is there, and does not listen yet.
#[test]
fn a_proxy_that_starts_is_given_the_time_to_open_its_doors() {
    let mut host = Host::new();
    let address = host.sample.on("shop").endpoint("coolify-proxy").expect("there").addresses[0];
    for port in [80, 443] {
        let door = key(ProbeKind::Proxy, "web", "coolify-proxy", Detail::Port(address, port));
        host.sample.probe(door, Outcome::Failure(Reason::Refused), 2);
    }
    for (started, expected) in [(51, &[][..]), (50, &["page proxy-unreachable coolify-proxy"])] {
        host.sample.container("coolify-proxy").started_at = Some(at(started));
        assert_eq!(host.told(), expected, "it started at {started}");
    }
}

/// A site that fails through the proxy may fail for what its container is about to be asked.
#[test]
fn a_backend_is_asked_before_the_proxy_is_blamed() {
    let mut host = Host::new();
    let silent = |host: &mut Host, way: &str, times: u32| {
        let record = host.saw(way, Outcome::Failure(Reason::Timeout));
        record.failures_in_a_row = times;
        record.seen.stopped_at = Some(Phase::Answer);
    };
    for way in [HTTP, HTTPS] {
        silent(&mut host, way, 2);
    }
    silent(&mut host, DIRECT, 1);
    assert_eq!(host.told(), Vec::<String>::new());
    silent(&mut host, DIRECT, 2);
    assert_eq!(host.told(), ["page route-backend-timeout shop.example.com"]);
}

/// In a rolling deployment the proxy leads to the old container for a moment.
#[test]
fn an_old_address_is_a_fault_when_it_lasts() {
    let mut host = Host::new();
    let told = |host: &mut Host, since: u64| {
        for way in [HTTP, HTTPS] {
            let record = host.saw(way, Outcome::Failure(Reason::Timeout));
            record.seen.stopped_at = Some(Phase::Answer);
            record.since = at(since);
        }
        host.told()
    };
    assert_eq!(told(&mut host, 46), Vec::<String>::new());
    assert_eq!(told(&mut host, 45), ["page route-stale-backend shop.example.com"]);
}

#[test]
fn one_backend_of_two_is_told_when_it_stays_away() {
    let mut host = Host::new();
    host.sample.endpoint("shop", "web/2");
    let second = host.sample.on("shop").endpoint("web/2").unwrap().clone();
    let mut backend = host.route().backends[0].clone();
    backend.container = second.container.clone();
    backend.name = second.name.clone();
    if let Placed::On(spot) = &mut backend.place {
        spot.address = second.addresses[0];
    }
    host.route().backends.push(backend);
    let detail = Detail::Backend("shop.example.com/".into(), (second.addresses[0], 3000).into());
    let key = key(ProbeKind::Route, "coolify-proxy", "web/2", detail);
    let refused = |host: &mut Host, since: u64| {
        let record = host.sample.probe(key.clone(), Outcome::Failure(Reason::Refused), 3);
        record.since = at(since);
        host.told()
    };
    // It is being stopped, or started.
    assert_eq!(refused(&mut host, 45), Vec::<String>::new());
    assert_eq!(refused(&mut host, 20), ["page route-port-not-listening shop.example.com"]);
}

#[test]
fn what_is_told_goes_when_it_is_served_and_stays_while_nobody_can_look() {
    let mut ledger = Ledger::default();
    let mut host = Host::new();
    let judged = |host: &Host, ledger: &mut Ledger| {
        let findings = settled(host.sample.snapshot(), ledger).findings;
        findings.iter().map(|f| f.code.as_label()).collect::<Vec<_>>()
    };
    host.listeners = None;
    host.refused();
    assert_eq!(judged(&host, &mut ledger), ["route-port-not-listening"]);
    for way in [DIRECT, HTTP, HTTPS] {
        host.saw(way, Outcome::Unknown(Blindness::NoPrivilege));
    }
    assert_eq!(judged(&host, &mut ledger), ["route-port-not-listening"]);
    // It answers now, and wrongly: another cause takes the place of the first.
    host.saw(DIRECT, Outcome::Failure(Reason::HttpStatus)).seen = page(500, "oh", None);
    assert_eq!(judged(&host, &mut ledger), ["route-not-served"]);
    for way in [DIRECT, HTTP, HTTPS] {
        host.saw(way, OK).seen = page(200, "<html>", None);
    }
    assert_eq!(judged(&host, &mut ledger), Vec::<&str>::new());
}
