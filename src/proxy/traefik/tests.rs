use proptest::prelude::*;

use super::super::{Doors, Leads, Place, Port, Redirect, Rule, Upstream};
use super::*;

fn labels(text: &str) -> BTreeMap<String, String> {
    let pair = |line: &str| {
        let (key, value) = line.trim().split_once('=').expect("key=value");
        (key.to_owned(), value.to_owned())
    };
    text.lines().filter(|line| !line.trim().is_empty()).map(pair).collect()
}

/// As the labels of a container whose name is `app`.
fn of(text: &str) -> Labels {
    read_as(&labels(text), "app", Syntax::V3)
}

fn only(text: &str) -> Rule {
    let mut read = of(text);
    assert_eq!(read.rules.len(), 1, "{text}: {read:?}");
    read.rules.remove(0)
}

fn here(service: &str, port: Port) -> Leads {
    Leads::Here(Upstream { service: service.into(), port, tls: false })
}

#[test]
fn coolifys_labels_are_read() {
    let read = of("
        traefik.enable=true
        traefik.docker.network=k8s4wgkc0oskwco4okg0wcow
        traefik.http.middlewares.gzip.compress=true
        traefik.http.middlewares.redirect-to-https.redirectscheme.scheme=https
        traefik.http.routers.http-0-x.entryPoints=http
        traefik.http.routers.http-0-x.middlewares=redirect-to-https
        traefik.http.routers.http-0-x.rule=Host(`Shop.example.com`) && PathPrefix(`/`)
        traefik.http.routers.http-0-x.service=http-0-x
        traefik.http.routers.https-0-x.entryPoints=https
        traefik.http.routers.https-0-x.middlewares=gzip
        traefik.http.routers.https-0-x.rule=Host(`Shop.example.com`) && PathPrefix(`/`)
        traefik.http.routers.https-0-x.service=https-0-x
        traefik.http.routers.https-0-x.tls=true
        traefik.http.routers.https-0-x.tls.certresolver=letsencrypt
        traefik.http.services.http-0-x.loadbalancer.server.port=3000
        traefik.http.services.https-0-x.loadbalancer.server.port=3000
    ");
    assert_eq!((read.enabled, read.network.as_deref()), (Some(true), Some("k8s4wgkc0oskwco4okg0wcow")));
    assert_eq!((&read.oddities, &read.refused), (&vec![], &None));
    let [plain, secure] = &read.rules[..] else { panic!("{read:?}") };
    let place = Place { host: "shop.example.com".into(), path: "/".into(), exact: false };
    let expected = Rule {
        name: "http-0-x".into(),
        written: "Host(`Shop.example.com`) && PathPrefix(`/`)".into(),
        places: vec![place],
        also: None,
        refused: None,
        doors: Doors::EntryPoints { names: vec!["http".into()], tls: false },
        redirect: Some(Redirect::Scheme("https".into(), None)),
        guarded: false,
        strips: vec![],
        unsure: vec![],
        priority: None,
        leads: here("http-0-x", Port::Named(3000)),
        settings: plain.settings.clone(),
    };
    assert_eq!(plain, &expected);
    let expected = Rule {
        name: "https-0-x".into(),
        doors: Doors::EntryPoints { names: vec!["https".into()], tls: true },
        redirect: None,
        leads: here("https-0-x", Port::Named(3000)),
        settings: secure.settings.clone(),
        ..expected
    };
    assert_eq!(secure, &expected);
}

#[test]
fn routers_lead_where_traefik_links_them() {
    const RULE: &str = "traefik.http.routers.r.rule=Host(`a`)\n";
    const ONE: &str = "traefik.http.services.s.loadbalancer.server.port=80\n";
    const TWO: &str = "traefik.http.services.t.loadbalancer.server.scheme=https\n";
    for (text, expected) in [
        (String::new() + RULE, here("app", Port::Unnamed)),
        (String::new() + RULE + ONE, here("s", Port::Named(80))),
        (String::new() + RULE + ONE + "traefik.http.routers.r.service=s@docker", here("s", Port::Named(80))),
        (String::new() + RULE + ONE + "traefik.http.routers.r.service=S", Leads::Elsewhere("S".into())),
        (
            String::new() + RULE + ONE + "traefik.http.routers.r.service=api@internal",
            Leads::Elsewhere("api@internal".into()),
        ),
        (
            String::new() + RULE + ONE + TWO + "traefik.http.routers.r.service=t",
            Leads::Here(Upstream { service: "t".into(), port: Port::Unnamed, tls: true }),
        ),
        (
            String::new() + RULE + "traefik.http.services.u.loadbalancer.server.url=http://10.0.0.9:80",
            Leads::Elsewhere("http://10.0.0.9:80".into()),
        ),
    ] {
        assert_eq!(only(&text).leads, expected, "{text}");
    }
    let lost = only(&(String::new() + RULE + ONE + TWO));
    assert!(
        matches!(&lost.leads, Leads::Nowhere(why) if why.contains("cannot be linked automatically")),
        "{lost:?}"
    );
    assert_eq!(of(&(String::new() + RULE + ONE)).portless, None);
    assert_eq!(of(&(String::new() + RULE + ONE + TWO)).portless.as_deref(), Some("t"));
    let none = of(&(String::new() + ONE + TWO));
    assert!(none.rules.is_empty() && none.oddities == ["Traefik makes no router of 2 services"], "{none:?}");
}

#[test]
fn ports_are_digits() {
    for (text, port) in [
        ("8080", Port::Named(8080)),
        ("00080", Port::Named(80)),
        ("", Port::Unnamed),
        ("8080/tcp", Port::Named(8080)),
        ("/tcp", Port::Bad("/tcp".into())),
        ("0", Port::Bad("0".into())),
        ("70000", Port::Bad("70000".into())),
        ("+80", Port::Bad("+80".into())),
        (" 80", Port::Bad(" 80".into())),
        ("http", Port::Bad("http".into())),
    ] {
        let labels = BTreeMap::from([(
            "traefik.http.services.s.loadbalancer.server.port".to_owned(),
            text.to_owned(),
        )]);
        assert_eq!(read(&labels, "app").rules[0].leads, here("s", port), "{text:?}");
    }
}

#[test]
fn a_router_without_a_rule_has_the_proxys() {
    for text in [
        "traefik.enable=true",
        "traefik.http.services.app.loadbalancer.server.port=",
        "traefik.http.routers.app.rule=",
        "traefik.http.routers.app=x",
        "traefik.http.middlewares.m.compress=true",
    ] {
        let rule = only(text);
        assert_eq!(
            (&*rule.name, &*rule.written, rule.places.len(), &rule.refused),
            ("app", "", 0, &None),
            "{text}"
        );
        assert_eq!(rule.leads, here("app", Port::Unnamed), "{text}");
    }
    assert_eq!(of("com.docker.compose.project=x"), Labels::default());
    assert!(of("traefik.tcp.routers.db.rule=HostSNI(`*`)").rules.is_empty());
    assert_eq!(
        of("traefik.http.routers.r.rule=Host(`a`)\ntraefik.udp.services.u.loadbalancer.server.port=1")
            .rules
            .len(),
        1
    );
}

#[test]
fn one_label_that_traefik_cannot_read_costs_all_of_them() {
    const FINE: &str = "traefik.enable=true\ntraefik.http.routers.r.rule=Host(`a`)\n";
    assert_eq!(of(FINE).refused, None);
    for (text, why) in [
        ("traefik.http.routers.r.ruel=Host(`a`)", "no field is called `ruel`"),
        ("traefik.http.routers.other.entrypoint=web", "no field is called `entrypoint`"),
        ("traefik.enabled=true", "no field is called `enabled`"),
        ("traefik.httpx=1", "no field is called `httpx`"),
        ("Traefik.http.routers.r.tls=true", "`Traefik` is to be written `traefik`"),
        ("traefik.http.routers.r.priority=high", "`priority` is no whole number: `high`"),
        ("traefik.http.routers.r.rule.x=1", "`rule` has no fields"),
        (
            "traefik.http.routers.r..tls=true",
            "the label `traefik.http.routers.r..tls`: a name between two dots is empty",
        ),
        ("traefik.http.services.s.loadbalancer.server=80", "`server` is nothing without a field below it"),
        ("traefik.http.services.s.loadbalancer.servers.port=80", "no field is called `servers`"),
        ("traefik.http.services.s.loadbalancer.port=80", "no field is called `port`"),
        ("traefik.http.services.s.weighted.services[0].name=x", "the service `s`: it has no load balancer"),
        (
            "traefik.http.services.s.loadbalancer.server.url=http://a\ntraefik.http.services.s.loadbalancer.server.port=1",
            "the service `s`: it has a URL, and a scheme or a port beside it",
        ),
        (
            "traefik.http.middlewares.m.redirectscheme=https",
            "`redirectscheme` is nothing without a field below it",
        ),
        ("traefik.http.middlewares.m.headers.stsseconds=1y", "`stsseconds` is no whole number: `1y`"),
        ("traefik.http.middlewares.m.ratelimit.period=1d", "`period` is no duration: `1d`"),
        ("traefik.docker.networks=x", "no field is called `networks`"),
    ] {
        let read = of(&format!("{FINE}{text}"));
        assert_eq!(read.refused.as_deref(), Some(why), "{text}");
        assert!(read.rules.iter().all(|rule| rule.refused == read.refused), "{text}: {read:?}");
        assert!(!read.oddities.is_empty(), "{text}");
    }
    let read = of("traefik.http.routers=1");
    assert_eq!(read.refused.as_deref(), Some("`routers` is nothing without a field below it"));
    // What it is not sure to be asked for is told as well.
    let read = of("traefik.enable=yes\ntraefik.http.routers.r.rule=Host(`a`)");
    assert_eq!(
        (read.enabled, read.refused.as_deref()),
        (None, Some("`enable` is neither true nor false: `yes`"))
    );
}

#[test]
fn labels_that_traefik_takes_are_no_fault() {
    for text in [
        "traefik.http.middlewares.m.headers.customrequestheaders.X-A.B=1",
        "traefik.http.middlewares.m.plugin.p.a.b.c.d=1",
        "traefik.http.middlewares.m.errors.statusrewrites.404=200",
        "traefik.http.routers.r.entrypoints[0]=web",
        "traefik.http.routers.r.tls.domains[0].main=a",
        "traefik.http.routers.r.tls.domains[0].sans=b,c",
        "traefik.http.routers.r.parentrefs.x.y=1",
        "traefik.http.services.s.loadbalancer.sticky.cookie=true",
        "traefik.http.services.s.loadbalancer.healthcheck.interval=10s",
        "traefik.http.middlewares.m.ipallowlist.sourcerange=10.0.0.0/8",
        "traefik.http.middlewares.m.compress=",
        "traefik.docker.lbswarm=true",
        "traefik.docker=x",
        "TRAEFIK.swarm.nonsense=x",
    ] {
        assert_eq!(of(text).refused, None, "{text}");
    }
    // Below what is switched off, values are not looked at.
    assert_eq!(of("traefik.http.middlewares.m.compress=false\ntraefik.http.middlewares.m.compress.minresponsebodybytes=x").refused, None);
    let old = of("traefik.frontend.rule=Host:a\ntraefik.port=80");
    assert_eq!(
        old.oddities,
        [
            "Traefik 2 and 3 read no label `traefik.frontend.rule`",
            "Traefik 2 and 3 read no label `traefik.port`"
        ]
    );
}

#[test]
fn names_that_differ_in_case_are_one() {
    let rule = only(
        "
        traefik.HTTP.Routers.App.Rule=Host(`a`)
        traefik.http.routers.app.rule=Host(`b`)
        traefik.http.routers.APP.EntryPoints= web , websecure
    ",
    );
    assert_eq!((&*rule.name, &*rule.written), ("App", "Host(`b`)"));
    assert_eq!(rule.doors, Doors::EntryPoints { names: vec!["web".into(), "websecure".into()], tls: false });
}

#[test]
fn tls_is_on_and_off_as_traefik_has_it() {
    for (text, expected) in [
        ("tls=true", true),
        ("tls=TRUE", true),
        ("tls=", true),
        ("tls.certresolver=x", true),
        ("tls=false", false),
        ("tls=1", false),
        ("priority=7", false),
    ] {
        let rule = only(&format!("traefik.http.routers.r.{text}"));
        assert_eq!(rule.doors, Doors::EntryPoints { names: vec![], tls: expected }, "{text}");
    }
    assert_eq!(only("traefik.http.routers.r.priority=-7").priority, Some(-7));
    assert_eq!(only("traefik.http.routers.r.priority=0").priority, None);
}

#[test]
fn middlewares_redirect_guard_and_strip() {
    const DEFINED: &str = "
        traefik.http.middlewares.tls.redirectscheme.scheme=https
        traefik.http.middlewares.tls.redirectscheme.port=8443
        traefik.http.middlewares.www.redirectregex.regex=^https://a/(.*)
        traefik.http.middlewares.www.redirectregex.replacement=https://www.a/$${1}
        traefik.http.middlewares.login.basicauth.users=a:b
        traefik.http.middlewares.sso.forwardauth.address=http://auth
        traefik.http.middlewares.lan.ipallowlist.sourcerange=10.0.0.0/8
        traefik.http.middlewares.cut.stripprefix.prefixes=/api, /v1
        traefik.http.middlewares.add.addprefix.prefix=/x
        traefik.http.middlewares.zip.compress=true
        traefik.http.middlewares.off.compress=false
        traefik.http.middlewares.two.compress=true
        traefik.http.middlewares.two.addprefix.prefix=/
        traefik.http.middlewares.all.chain.middlewares=login@docker,tls,cut
        traefik.http.middlewares.loop.chain.middlewares=zip,loop2
        traefik.http.middlewares.loop2.chain.middlewares=loop
        traefik.http.middlewares.bad.redirectscheme.permanent=true
        traefik.http.middlewares.plug.plugin.p.x=1
        traefik.http.middlewares.hosts.headers.allowedhosts=a
        traefik.http.middlewares.sts.headers.stsseconds=1
    ";
    let through = |names: &str| only(&format!("{DEFINED}\ntraefik.http.routers.r.middlewares={names}"));
    let tls = Some(Redirect::Scheme("https".into(), Some(8443)));
    for (names, redirect, guarded, strips) in [
        ("tls", tls.clone(), false, 0),
        ("www", Some(Redirect::Elsewhere), false, 0),
        ("tls,www", tls.clone(), false, 0),
        ("login@docker", None, true, 0),
        ("lan", None, true, 0),
        ("cut", None, false, 2),
        ("zip,sts", None, false, 0),
        ("all", tls, true, 2),
    ] {
        let rule = through(names);
        assert_eq!((rule.redirect, rule.guarded, rule.strips.len()), (redirect, guarded, strips), "{names}");
        assert_eq!((rule.unsure, rule.refused), (vec![], None), "{names}");
    }
    for (names, unsure) in [
        ("auth@file", "its middleware `auth@file` is not defined by these labels"),
        ("Login", "its middleware `Login` is not defined by these labels"),
        ("add", "`add` (addprefix) changes the path"),
        ("plug", "`plug` is a plugin"),
        ("hosts", "`hosts` (headers) may redirect or turn away"),
        ("sso", "`sso` asks another service, which may lead to a login"),
    ] {
        let rule = through(names);
        assert_eq!((rule.unsure, rule.refused), (vec![unsure.to_owned()], None), "{names}");
    }
    for (names, why) in [
        ("off", "its middleware `off` is of no kind"),
        ("two", "its middleware `two` is of more than one kind"),
        ("loop", "its middleware `loop` leads back to itself"),
        ("bad", "its middleware `bad` names no scheme to redirect to"),
    ] {
        assert_eq!(through(names).refused.as_deref(), Some(why), "{names}");
    }
}

#[test]
fn settings_are_equal_where_they_mean_the_same() {
    let print = |text: &str| only(&format!("traefik.http.routers.r.rule=Host(`a`)\n{text}")).settings;
    let plain = print("");
    for same in [
        "traefik.http.routers.r.service=app",
        "traefik.http.routers.r.tls=false",
        "traefik.http.routers.r.priority=0",
        "traefik.http.routers.r.entrypoints=",
        "traefik.docker.network=x",
    ] {
        assert_eq!(print(same), plain, "{same}");
    }
    assert_eq!(
        print("traefik.http.routers.r.entrypoints=a, b"),
        print("traefik.http.routers.R.EntryPoints=a,b")
    );
    let mut all = vec![plain];
    for other in [
        "service=x",
        "tls=true",
        "tls.certresolver=x",
        "tls.domains[0].main=x",
        "priority=1",
        "rulesyntax=v2",
        "entrypoints=a",
        "middlewares=a",
        "rule=Host(`b`)",
        "rule=",
        "observability.metrics=true",
    ] {
        all.push(print(&format!("traefik.http.routers.r.{other}")));
    }
    let count = all.len();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), count);
    assert_ne!(
        read(&labels("traefik.enable=true"), "a").rules[0].settings,
        read(&labels("traefik.enable=true"), "b").rules[0].settings
    );
}

#[test]
fn the_language_of_rules_can_be_said() {
    const TWO: &str = "traefik.http.routers.r.rule=Host(`a`,`b`)\n";
    let places = |text: &str, syntax| {
        let read = read_as(&labels(text), "app", syntax);
        (read.rules[0].places.len(), read.rules[0].refused.is_some(), read.oddities.len())
    };
    let v2 = format!("{TWO}traefik.http.routers.r.rulesyntax=v2");
    assert_eq!(places(TWO, Syntax::V3), (0, true, 0));
    assert_eq!(places(TWO, Syntax::V2), (2, false, 0));
    assert_eq!(places(TWO, Syntax::Either), (2, false, 1));
    assert_eq!(places(&v2, Syntax::V3), (2, false, 0));
}

#[test]
fn the_container_is_called_as_traefik_calls_it() {
    for (text, container, expected) in [
        ("", "my_app.1--x", "my-app-1-x"),
        ("com.docker.compose.service=web\ncom.docker.compose.project=shop", "x", "web-shop"),
        ("com.docker.compose.service=\ncom.docker.compose.project=shop", "/x", "x"),
    ] {
        assert_eq!(default_name(&labels(text), container), expected);
    }
}

#[test]
fn much_costs_little() {
    let mut labels = BTreeMap::new();
    for n in 0..20_000 {
        labels.insert(format!("traefik.http.routers.r{n}.rule"), "Host(`a`)".to_owned());
        labels.insert(format!("traefik.{n}"), String::new());
    }
    labels.insert("traefik.docker.network".to_owned(), "n".repeat(1 << 20));
    labels.insert(format!("traefik.http.routers.{}.rule", "x".repeat(1 << 20)), "y".repeat(1 << 20));
    labels.insert(format!("traefik.http.middlewares{}", ".a".repeat(1 << 20)), String::new());
    let began = std::time::Instant::now();
    let read = read(&labels, "app");
    assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
    assert_eq!((read.rules.len(), read.oddities.len()), (64, 16));
    assert_eq!(read.network.map(|network| network.len()), Some(1024));
}

proptest! {
    #[test]
    fn any_labels_are_read_and_bounded(
        pairs in prop::collection::btree_map(
            "(traefik|Traefik)\\.(enable|docker\\.network|http\\.(routers|services|middlewares)\\.[ab]\\.(rule|tls|middlewares|service|chain\\.middlewares|loadbalancer\\.server\\.(port|url)|redirectscheme\\.scheme|x\\[0\\])|[a-z.\\[\\]]{0,9})|.{0,20}",
            "true|Host\\(`a`\\)|[ab],[ab]|[0-9]{1,6}|.{0,20}", 0..12),
    ) {
        let read = read(&pairs, "app");
        prop_assert!(read.rules.len() <= 64 && read.oddities.len() <= 16);
        let names: std::collections::BTreeSet<_> = read.rules.iter().map(|rule| &rule.name).collect();
        prop_assert_eq!(names.len(), read.rules.len());
        prop_assert!(read.refused.is_none() || read.rules.iter().all(|rule| rule.refused == read.refused));
        let words = read.rules.iter().flat_map(|rule| rule.unsure.iter().chain(&rule.also).chain(&rule.refused));
        prop_assert!(words.chain(&read.oddities).all(|words| words.len() <= crate::strangers::LONGEST));
    }
}
