//! What flips, and what came before it.

use super::*;
use crate::diagnosis::{HopState, Passage};
use crate::inventory::routes::{Backend, Placed, Route, Standing};
use crate::inventory::{ContainerId, Proxy};
use crate::outcome::{Blindness, Outcome};
use crate::proxy::{Kind as Proxied, Port};
use crate::state::Engine;

fn unreachable(stage: &Stage) -> Finding {
    finding(Code::ContainerUnreachable, "container", "api", stage.now().at)
}

#[test]
fn a_finding_says_what_came_before_it() {
    let mut stage = Stage::new(&["api", "db"]);
    stage.tells(Deed::Signalled("SIGTERM"), "api").tells(died(143), "api").later(1000);
    let found = unreachable(&stage);
    stage.later(750).judges(vec![found.clone()]);
    assert_eq!(
        stage.said(),
        [
            "1.0 s after api was stopped (exit code 143), the destination shop went from healthy to failing (it had been \
             healthy for 1 min 41 s).",
            "1.0 s after api was stopped (exit code 143), the finding container-unreachable (page) opened for api on shop: \
             Nobody is there.",
            "api was stopped (exit code 143).",
        ]
    );
    let entry = stage.history.entries().nth(1).expect("the finding").clone();
    assert_eq!(
        (entry.kind, entry.what, entry.code),
        (Kind::Finding, "opened", Some(Code::ContainerUnreachable))
    );
    assert_eq!((entry.severity, entry.at), (Some(Severity::Page), stage.now().at));
    assert_eq!(entry.after, [After { seconds: 1.0, sentence: "api was stopped (exit code 143)".into() }]);
    let mut findings = vec![found.clone(), finding(Code::DnsOverloaded, "container", "db", at(0))];
    stage.timeline.date(&mut findings);
    assert_eq!((&findings[0].after, findings[1].after.len()), (&entry.after, 0));
    // The same again is no news; worse or better is; and so is its end.
    stage.later(1000).judges(vec![found.clone()]);
    assert!(stage.timeline.news().is_none());
    let eased = Finding { severity: Severity::Ticket, ..found };
    stage.later(60_000).judges(vec![eased.clone()]);
    assert_eq!(
        stage.said()[..2],
        [
            "The destination shop went from failing to degraded (it had been failing for 1 min 1 s).",
            "The finding container-unreachable for api on shop went from page to ticket: Nobody is there.",
        ]
    );
    stage.tells(Deed::Started, "api").later(2500).judges(Vec::new());
    assert_eq!(
        stage.said()[1],
        "2.5 s after api was started, the finding container-unreachable closed for api on shop; it had stood for 1 min 4 s."
    );
    assert_eq!(stage.history.entries().nth(1).and_then(|entry| entry.stood_seconds), Some(64.25));
}

#[test]
fn what_came_before_is_what_concerns_it() {
    let at_a_time = |deeds: &[(Deed, &str, u64)], about: fn(&Stage) -> Finding| {
        let mut stage = Stage::new(&["api", "coolify-proxy", "db", "mail"]);
        stage.sample.container("coolify-proxy").is_proxy = true;
        stage.lists();
        for (deed, name, later) in deeds {
            stage.tells(deed.clone(), name).later(*later);
        }
        let found = about(&stage);
        stage.later(750).judges(vec![found]);
        stage.said();
        let entry = stage.history.entries().find(|entry| entry.kind == Kind::Finding).expect("one").clone();
        entry.after.iter().map(|after| format!("{} {}", after.seconds, after.sentence)).collect::<Vec<_>>()
    };
    // Itself, and nobody else.
    let deeds = [(Deed::Paused, "api", 2000), (Deed::Paused, "db", 1000)];
    assert_eq!(at_a_time(&deeds, unreachable), ["3 api was paused"]);
    // Where nothing is of it, its neighbours, the nearest three.
    let deeds = [(died(1), "db", 100), (Deed::Paused, "mail", 100), (died(0), "coolify-proxy", 100)];
    assert_eq!(
        at_a_time(&deeds, unreachable),
        ["0.1 coolify-proxy ended (exit code 0)", "0.2 mail was paused", "0.3 db ended (exit code 1)"]
    );
    // What is reached by the proxy is a matter of the proxy's too.
    let proxied = |stage: &Stage| finding(Code::RouteNotServed, "route", "shop.example.com", stage.now().at);
    assert_eq!(at_a_time(&deeds, proxied), ["0.1 coolify-proxy ended (exit code 0)"]);
    // Too long ago.
    assert_eq!(at_a_time(&[(Deed::Paused, "api", 30_001)], unreachable), [""; 0]);
    // Another destination's.
    let elsewhere = |stage: &Stage| Finding { destination: Some("blog".into()), ..unreachable(stage) };
    assert_eq!(at_a_time(&[(Deed::Paused, "db", 100)], elsewhere), [""; 0]);
}

#[test]
fn what_the_engine_did_concerns_everything_and_the_start_of_the_exporter_what_nothing_else_does() {
    let mut stage = Stage::new(&["api", "db"]);
    let now = stage.now();
    stage.timeline.engine_lost("it hangs", now);
    let now = stage.later(4000).now();
    stage.timeline.engine_back(now);
    let found = unreachable(&stage);
    stage.later(100).judges(vec![found]);
    let entry = stage.latest();
    let after: Vec<&str> = entry.after.iter().map(|after| &*after.sentence).collect();
    assert_eq!(after, ["the Engine answered again", "the Engine stopped answering"]);
    assert!(entry.sentence.starts_with("Right after the Engine answered again, the destination shop went"));

    let mut timeline = Timeline::new(Time { moment: Duration::ZERO, at: at(0) });
    let now = Time { moment: Duration::from_secs(3), at: at(3) };
    let sample = Sample::shop(&["api"]);
    let found = vec![finding(Code::ContainerUnreachable, "container", "api", at(2))];
    let snapshot = Arc::new(sample.snapshot());
    timeline.judged(
        &Verdict { snapshot, findings: found, pending: 0, passages: Vec::new(), certificates: Vec::new() },
        now,
    );
    let history = timeline.news().expect("news");
    let sentence = &history.entries().next().expect("an entry").sentence;
    assert!(sentence.starts_with("2.0 s after the exporter began to watch, the finding"), "{sentence}");
    let mut found = vec![finding(Code::ContainerUnreachable, "container", "api", at(2))];
    timeline.date(&mut found);
    assert_eq!(found[0].after, [], "of itself it does not speak there");
}

/// A site that these serve.
fn site(names: &[&str], standing: Standing) -> Route {
    let backend = |name: &&str| Backend {
        container: ContainerId::new(&format!("id-{name}")),
        name: (*name).into(),
        router: "r".into(),
        standing,
        place: Placed::Nowhere,
        port: Some(80),
        said: Port::Unnamed,
        tls: false,
        path: "/".into(),
        started_at: None,
    };
    Route {
        site: "shop.example.com/".into(),
        domain: "shop.example.com".into(),
        path: "/".into(),
        kind: Proxied::Traefik,
        proxy: Some(ContainerId::new("id-coolify-proxy")),
        destination: Some("shop".into()),
        workload: "api".into(),
        doors: Vec::new(),
        also: None,
        unsure: Vec::new(),
        backends: names.iter().map(backend).collect(),
        rivals: Vec::new(),
    }
}

fn passage(up: Option<bool>, backends: &[Option<bool>]) -> Passage {
    let passed = up;
    let hop = HopState { hop: "container", passed, detail: "refused".into() };
    Passage { up, hops: vec![hop], backends: backends.to_vec() }
}

impl Stage {
    fn serves(&mut self, names: &[&str]) -> &mut Self {
        self.sample.inventory.routes.served = vec![site(names, Standing::Served)];
        let proxy = Proxy::new(ContainerId::new("id-coolify-proxy"), "coolify-proxy".into());
        self.sample.inventory.proxies = vec![proxy];
        self.lists()
    }

    /// For so long, in two pictures.
    fn passes(&mut self, up: Option<bool>, backends: &[Option<bool>], millis: u64) -> &mut Self {
        for _ in 0..2 {
            let verdict = self.verdict(Vec::new(), vec![passage(up, backends)]);
            self.judge(&verdict).later(millis / 2);
        }
        let verdict = self.verdict(Vec::new(), vec![passage(up, backends)]);
        self.judge(&verdict)
    }
}

const YES: Option<bool> = Some(true);
const NO: Option<bool> = Some(false);

#[test]
fn a_route_goes_down_and_comes_up() {
    let mut stage = Stage::new(&["api", "coolify-proxy", "db"]);
    stage.serves(&["api"]).passes(None, &[None], 2000).passes(YES, &[YES], 20_000);
    let added = ["The route shop.example.com was added: api asks for it."];
    assert_eq!(stage.said(), added, "that it is up is no news");
    // One bad look is nothing, and neither is none.
    stage.passes(NO, &[NO], 900).passes(YES, &[YES], 100).passes(None, &[None], 60_000).passes(
        YES,
        &[YES],
        100,
    );
    assert_eq!(stage.said(), added);
    stage.tells(Deed::Paused, "api").later(400).passes(NO, &[NO], 1000);
    assert_eq!(
        stage.said()[0],
        "0.4 s after api was paused, the route shop.example.com went down: it ends at the container (refused)."
    );
    stage.passes(None, &[None], 30_000);
    stage.tells(Deed::Unpaused, "api").passes(YES, &[YES], 1000);
    assert_eq!(
        stage.said()[0],
        "Right after api was unpaused, the route shop.example.com came up again; it had been down for 31 s."
    );
    let entry = stage.latest();
    assert_eq!((entry.kind, entry.what, entry.stood_seconds), (Kind::Route, "up", Some(31.0)));
}

#[test]
fn the_proxy_loses_a_backend_and_gets_it_back() {
    let mut stage = Stage::new(&["api/1", "api/2", "coolify-proxy"]);
    stage.serves(&["api/1", "api/2"]).passes(YES, &[YES, YES], 20_000);
    stage.tells(died(1), "api/2").later(300).passes(YES, &[YES, NO], 1000);
    assert_eq!(
        stage.said()[0],
        "0.3 s after api/2 ended (exit code 1), the proxy lost 1 of 2 backends of shop.example.com (api/2); 1 is left."
    );
    stage.passes(YES, &[YES, YES], 1000);
    assert_eq!(
        stage.said()[0],
        "1.3 s after api/2 ended (exit code 1), the proxy got 1 backend of shop.example.com back (api/2); it has 2 backends."
    );
    // One that is not there any more is lost too.
    stage.later(60_000).serves(&["api/1"]).passes(YES, &[YES], 1000);
    assert_eq!(stage.said()[0], "The proxy lost 1 of 2 backends of shop.example.com (api/2); 1 is left.");
}

#[test]
fn a_redeploy_takes_no_backend_and_leaves_no_gap() {
    let mut stage = Stage::new(&["api", "coolify-proxy"]);
    stage.serves(&["api"]).passes(YES, &[YES], 20_000);
    // Rolling: the older of two bears its id.
    stage.serves(&["api", "api (id-api (id-a)"]).passes(YES, &[None, YES], 5000).passes(
        YES,
        &[YES, YES],
        5000,
    );
    stage.serves(&["api"]).passes(YES, &[YES], 5000);
    // Recreated: for a while nobody asks for the site.
    stage.sample.inventory.routes.served.clear();
    let nothing = stage.lists().verdict(Vec::new(), Vec::new());
    stage.judge(&nothing).later(50_000).judge(&nothing);
    stage.serves(&["api"]).passes(YES, &[YES], 5000);
    assert_eq!(
        stage.said(),
        ["The route shop.example.com was added: api asks for it."],
        "and that was before"
    );
    stage.sample.inventory.routes.served.clear();
    let nothing = stage.lists().verdict(Vec::new(), Vec::new());
    stage.judge(&nothing).later(60_000).judge(&nothing);
    assert_eq!(stage.said()[0], "The route shop.example.com was left: no container asks for it any more.");
    stage.serves(&["api"]).passes(YES, &[YES], 5000);
    assert_eq!(stage.said()[0], "The route shop.example.com was added: api asks for it.");
}

#[test]
fn a_destination_that_cannot_be_seen_is_no_other_than_it_was() {
    let mut stage = Stage::new(&["api", "db"]);
    stage.sample.sight.engine = Engine::Down { since: at(100), why: "it hangs".into() };
    let ticket = |stage: &Stage| finding(Code::ContainerPacketLoss, "container", "api", stage.now().at);
    let found = ticket(&stage);
    stage.judges(vec![found.clone()]);
    assert!(stage.said()[0].contains("finding container-packet-loss (ticket) opened"));
    stage.sample.sight.engine = up();
    let records = stage.sample.probes.clone();
    for record in stage.sample.probes.values_mut() {
        record.outcome = Outcome::Unknown(Blindness::NoPrivilege);
    }
    stage.later(1000).judges(vec![found.clone()]);
    assert_eq!(stage.said().len(), 1);
    stage.sample.probes = records;
    stage.later(1000).judges(vec![found]);
    assert!(stage.said()[0].starts_with("The destination shop went from healthy to degraded"));
}
