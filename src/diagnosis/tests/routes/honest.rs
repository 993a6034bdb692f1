use super::*;
use crate::diagnosis::Passage;

const GO: &str = "404 page not found\\n";
const UNKNOWN: Outcome = Outcome::Unknown(Blindness::Overrun);

fn codes(host: &Host, ledger: &mut Ledger, seconds: u64) -> Vec<&'static str> {
    let snapshot = Snapshot { at: at(seconds), ..host.sample.snapshot() };
    let findings = judge(Arc::new(snapshot), ledger).findings;
    findings.iter().map(|finding| finding.code.as_label()).collect()
}

/// What nobody could look at any more, after it had failed.
fn hide(host: &mut Host, way: &str) {
    host.saw(way, UNKNOWN).failures_in_a_row = 3;
}

/// Every program of Go's standard library says of a page that it has not what Traefik says of a site.
/// Of every route, in the order of the inventory.
fn passages(host: &Host) -> Vec<Passage> {
    settled(host.sample.snapshot(), &mut Ledger::default()).passages
}

#[test]
fn an_app_that_says_what_the_proxy_would_say_is_served() {
    let mut host = Host::new();
    host.through(Reason::HttpStatus, 404, GO);
    assert_eq!(host.told(), ["page route-not-served shop.example.com"]);
    let mut ledger = Ledger::default();
    assert_eq!(codes(&host, &mut ledger, 60), ["route-not-served"]);
    host.saw(DIRECT, OK).seen = page(404, GO, None);
    assert_eq!(host.told(), Vec::<String>::new());
    assert_eq!(codes(&host, &mut ledger, 61), Vec::<&str>::new(), "and what was told is over");
    assert_eq!(passages(&host)[0].up, Some(true));
}

#[test]
fn what_came_through_a_door_is_not_over_because_nobody_looks_through_it() {
    let breaks: [(&str, Breaks); 3] = [
        ("route-stale-backend", |h| h.through(Reason::HttpStatus, 502, "Bad Gateway")),
        ("route-redirect-loop", |h| {
            h.saw(HTTPS, OK).seen = page(301, "", Some("https://shop.example.com/"));
        }),
        ("proxy-unreachable", |h| h.through(Reason::Refused, 0, "")),
    ];
    for (code, breaks) in breaks {
        let mut host = Host::new();
        breaks(&mut host);
        let mut ledger = Ledger::default();
        assert_eq!(codes(&host, &mut ledger, 60), [code]);
        for way in [HTTP, HTTPS] {
            hide(&mut host, way);
        }
        assert_eq!(codes(&host, &mut ledger, 61), [code], "the container answers, and the door is not seen");
        for way in [HTTP, HTTPS] {
            host.saw(way, OK).seen = page(200, "<html>", None);
        }
        assert_eq!(codes(&host, &mut ledger, 62), Vec::<&str>::new());
    }
}

#[test]
fn a_proxy_that_starts_again_and_again_is_one_fault_that_comes_and_goes() {
    let mut host = Host::new();
    let mut ledger = Ledger::default();
    let mut states = |state, seconds: u64| {
        host.sample.container("coolify-proxy").state = state;
        codes(&host, &mut ledger, seconds)
    };
    let down = ["proxy-not-running"];
    for round in 0..3 {
        states(RunState::Restarting, 100 + 10 * round);
        assert_eq!(states(RunState::Restarting, 102 + 10 * round), down);
        let between = states(RunState::Running, 105 + 10 * round);
        assert_eq!(between, if round < 2 { &[][..] } else { &down[..] }, "round {round}");
    }
    assert_eq!(states(RunState::Running, 400), Vec::<&str>::new());
}

#[test]
fn a_proxy_that_has_just_started_is_given_its_networks_one_after_the_other() {
    let mut host = Host::new();
    host.spot().attached = false;
    host.sample.container("coolify-proxy").started_at = Some(at(55));
    assert_eq!(host.told(), Vec::<String>::new());
    host.sample.container("coolify-proxy").started_at = Some(at(45));
    assert_eq!(host.told(), ["page proxy-not-attached coolify-proxy"]);
    assert_eq!(host.found()[0].first_command(256), "docker network connect shop coolify-proxy");
}

/// What is wrong behind the proxy says nothing of what it knows.
#[test]
fn a_proxy_that_knows_no_rule_is_one_fault_whatever_else_is_wrong() {
    let mut host = Host::new();
    host.listeners = Some(Vec::new());
    for name in ["blog", "wiki"] {
        host.sample.endpoint("shop", name);
        host.site(&format!("{name}.example.com"), name);
    }
    host.refused();
    for domain in ["shop.example.com", "blog.example.com", "wiki.example.com"] {
        for way in [HTTP, HTTPS] {
            host.saw_of(domain, way, Outcome::Failure(Reason::HttpStatus)).seen = page(404, GO, None);
        }
    }
    let expected =
        ["page proxy-provider-broken coolify-proxy", "page route-port-not-listening shop.example.com"];
    assert_eq!(host.told(), expected);
    // Of one that nobody could look at, nobody knows whether it is known.
    host.saw(DIRECT, OK).seen = page(200, "<html>", None);
    for way in [HTTP, HTTPS] {
        host.saw(way, UNKNOWN);
    }
    assert_eq!(host.told(), ["page proxy-provider-broken coolify-proxy"]);
}

#[test]
fn nobody_says_that_a_site_is_down_which_another_web_server_may_serve() {
    let mut host = Host::new();
    host.sample.probes.clear();
    host.sample.inventory.proxies.clear();
    host.route().proxy = None;
    assert_eq!(passages(&host)[0].up, Some(false));
    host.sample.sight.host_ports = Some([443].into());
    let passage = passages(&host).remove(0);
    assert_eq!((passage.up, passage.hops[1].passed), (None, None));
}

/// Panels write a rule for each door, and Traefik refuses all rules of a container together.
#[test]
fn rules_that_are_refused_for_one_reason_are_one_finding() {
    let mut host = Host::new();
    let refused = |router: &str, container: &str, why: &str| Refused {
        router: router.into(),
        container: ContainerId::new(container),
        name: "web".into(),
        destination: Some("shop".into()),
        written: "Host(``)".into(),
        why: why.into(),
    };
    host.sample.inventory.routes.refused = vec![
        refused("http-0", "id-web", "empty"),
        refused("http-0", "id-old", "empty"),
        refused("https-0", "id-web", "empty"),
        refused("other", "id-web", "unbalanced"),
    ];
    assert_eq!(host.told(), ["page route-rule-invalid http-0", "page route-rule-invalid other"]);
}

#[test]
fn a_proxy_without_a_port_to_dial_from_is_told_and_not_its_routes() {
    let told = |held, outcome: Outcome| {
        let mut host = Host::new();
        let end = ([10, 0, 2, 2].into(), "10.0.2.3:3000".parse().unwrap(), held, 0);
        host.ports = Some(LocalPorts::of((30_000, 30_999), 1000, [end]));
        host.saw(DIRECT, outcome);
        host.through(Reason::HttpStatus, 502, "Bad Gateway");
        host.told()
    };
    let page = "page ephemeral-ports-exhausted coolify-proxy";
    // Its own probe gets none either, or the last one.
    assert_eq!(told(1000, Outcome::Unknown(Blindness::Resources)), [page]);
    assert_eq!(told(1000, OK), [page]);
    assert_eq!(told(100, OK), ["page route-stale-backend shop.example.com"]);
}
