//! Pages for people: what stands in them, and that nothing else does.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use destination_exporter::config::Selection;
use destination_exporter::diagnosis::{Code, Finding, Ledger, Severity, Subject, Verdict, judge};
use destination_exporter::inventory::build::build;
use destination_exporter::inventory::seen::{Seen, SeenContainer, SeenEndpoint, SeenNetwork};
use destination_exporter::inventory::{AddressPools, RunState};
use destination_exporter::state::Growth;
use destination_exporter::web::{self, App, Limits, html};
use ring::digest::{SHA256, digest};

use crate::host;
use crate::stand::{Server, app, hostile, verdict};
use crate::town::{self, SHOP};

const BROWSER: &str = "accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

async fn serve(app: App) -> Server {
    Server::start(web::router(app), Limits::default()).await
}

async fn of(verdict: Verdict) -> Server {
    serve(app("/metrics", verdict)).await
}

async fn in_town() -> (Server, App) {
    let now = SystemTime::now();
    let mut app = app("/metrics", town::verdict(now));
    app.history = Arc::new(ArcSwap::from_pointee(town::history(now)));
    (serve(app.clone()).await, app)
}

async fn page(server: &Server, path: &str) -> String {
    let (head, body) = server.ask_with(&format!("GET {path}"), BROWSER).await;
    assert!(head.starts_with("http/1.1 200"), "{path}: {head}");
    assert!(head.contains("content-type: text/html; charset=utf-8"), "{path}: {head}");
    String::from_utf8(body).expect("UTF-8")
}

/// What is between these two, where the first stands once.
fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    let (_, rest) = text.split_once(from).unwrap_or_else(|| panic!("no {from}"));
    rest.split_once(to).unwrap_or_else(|| panic!("no {to} behind {from}")).0
}

#[tokio::test]
async fn how_addresses_go_on_is_said_where_they_are_counted() {
    let now = SystemTime::now();
    let mut verdict = town::verdict(now);
    let snapshot = Arc::make_mut(&mut verdict.snapshot);
    let inventory = Arc::make_mut(snapshot.inventory.as_mut().expect("a town"));
    inventory.pools = Some(AddressPools { used: 20, capacity: 31, configured: false });
    let mut growth = Growth::default();
    for hour in 0..=3 {
        growth.listed(inventory, Duration::from_secs(hour * 3600), now);
    }
    snapshot.forecasts = growth.forecasts();
    let server = of(verdict).await;
    let watched = "watched for 3 h, a forecast needs 72 h";
    let shop = page(&server, &format!("/diagnostics/{SHOP}")).await;
    assert!(shop.contains(&format!(" of 254 addresses taken, {watched}")), "{shop}");
    let all = page(&server, "/diagnostics").await;
    assert!(all.contains(&format!("20 of 31 blocks for networks taken, {watched}.")), "{all}");
    // Of the host the text of one destination says nothing.
    for (path, is_said) in [("/diagnostics".to_owned(), true), (format!("/diagnostics/{SHOP}"), false)] {
        let (_, body) = server.ask(&format!("GET {path}?format=text")).await;
        let text = String::from_utf8(body).expect("UTF-8");
        assert_eq!(text.contains(&format!("20 of 31 blocks for networks, {watched}")), is_said, "{text}");
    }
}

#[tokio::test]
async fn a_browser_is_given_a_page_and_everyone_else_what_they_were_given_before() {
    let (server, _) = in_town().await;
    let (shop, api) = (format!("/diagnostics/{SHOP}"), format!("/diagnostics/{SHOP}/api"));
    for path in ["/diagnostics", "/diagnostics/", &shop, &api, "/topology", "/events"] {
        let told = |head: &str, kind: &str| head.contains(&format!("content-type: {kind}"));
        for (query, header, kind) in [
            ("", BROWSER, "text/html; charset=utf-8"),
            ("", "accept: */*", "application/json"),
            ("", "accept: application/json", "application/json"),
            ("?format=json", BROWSER, "application/json"),
            ("?format=html", "accept: */*", "text/html; charset=utf-8"),
        ] {
            let (head, _) = server.ask_with(&format!("GET {path}{query}"), header).await;
            assert!(head.starts_with("http/1.1 200") && told(&head, kind), "{path}{query} {header}: {head}");
            assert!(head.contains("vary: accept\r"), "{path}{query}: {head}");
        }
    }
    let (head, body) = server.ask("GET /runbooks/exporter-blind").await;
    assert!(head.contains("content-type: text/plain") && body.starts_with(b"# exporter-blind"), "{head}");
    let runbook = page(&server, "/runbooks/exporter-blind.md").await;
    assert!(runbook.contains("<h1>exporter-blind</h1>") && runbook.contains("<pre><code"), "{runbook}");
    let (head, body) = server.ask_with("GET /runbooks/exporter-blind?format=text", BROWSER).await;
    assert!(head.contains("content-type: text/plain") && body.starts_with(b"# exporter-blind"), "{head}");
}

#[tokio::test]
async fn a_finding_stands_there_with_all_that_is_known_of_it() {
    let (server, app) = in_town().await;
    let page = page(&server, &format!("/diagnostics/{SHOP}")).await;
    let verdict = app.verdict.load();
    let signs = [('&', "&#38;"), ('\'', "&#39;"), ('"', "&#34;"), ('>', "&#62;")];
    let inert =
        |text: &str| signs.iter().fold(text.to_owned(), |text, (sign, entity)| text.replace(*sign, entity));
    assert_eq!(verdict.findings.len(), 3, "{:?}", verdict.findings);
    for finding in &verdict.findings {
        let id = format!("id=\"{}\"", html::anchor(finding.code, &finding.subject.name));
        // Commands have an element around each of their words, and names in prose have one in place of their quotes.
        let card = between(&page, &id, "</article>").replace("<span>", "").replace("</span>", "");
        let card = &card.replace("<code>", "`").replace("</code>", "`");
        let told = |text: &str| assert!(card.contains(&inert(text)), "{text} is not in {card}");
        told(&finding.summary);
        told(finding.code.title());
        let (word, ..) = finding.severity.as_label().split_at(3);
        told(&word.to_uppercase());
        for evidence in &finding.evidence {
            [&evidence.source, &evidence.observed, &evidence.expected].iter().for_each(|text| told(text));
        }
        finding.ruled_out.iter().chain(&finding.explains).chain(&finding.verify).for_each(|text| told(text));
        for step in &finding.fix {
            told(&step.words());
            let commands: Vec<String> = step.commands().iter().map(|command| inert(command)).collect();
            assert!(card.contains(&commands.join(" &amp;&amp;\n")), "{commands:?} in {card}");
        }
        told(&format!("../runbooks/{}", finding.code.as_label()));
        let hops = if finding.subject.kind == "route" { 4 } else { 3 };
        assert_eq!(between(card, "class=\"hops\"", "</ol>").matches("<li").count(), hops, "{card}");
    }
    // And the rest of the destination.
    for inside in [
        "<b>container</b> <span class=\"word\">✗ failing</span> <span class=\"what\">listens on a loopback address only",
        "<th scope=\"row\"><bdi>db</bdi></th><td><bdi>mysql</bdi> 10.0.2.13, <bdi>postgres</bdi> 10.0.2.12 <b class=\"half\">! 2 workloads</b>",
        "<td class=\"bad\">✗ icmp + tcp timeout</td>",
        "? no_privilege",
        "CAP_NET_ADMIN is missing",
        "What listens in 1 container",
        "<svg xmlns=",
        "4.2 s after shop-web was redeployed",
        "<td><bdi>api</bdi></td><td><bdi>postgres</bdi></td><td>5432</td><td>10</td><td>inside</td>",
    ] {
        assert!(page.contains(inside), "{inside}: {page}");
    }
}

#[tokio::test]
async fn a_container_has_its_page_and_the_front_page_leads_to_everything() {
    let (server, _) = in_town().await;
    let api = page(&server, &format!("/diagnostics/{SHOP}/api")).await;
    for inside in ["<h1><bdi>api</bdi>", "<dd>0.0.0.0:3000</dd>", "answers the proxy", "✗ timeout", "✓ 90 µs"]
    {
        assert!(api.contains(inside), "{inside}: {api}");
    }
    let told = between(&api, "<dt>Certificate</dt>", "</dd>");
    assert!(told.contains("✓ visitors believe it; it is good for another 61 days: 20"), "{told}");
    let (_, report) = server.ask(&format!("GET /diagnostics/{SHOP}")).await;
    let report: serde_json::Value = serde_json::from_slice(&report).expect("JSON");
    assert_eq!(report["routes"][0]["certificate"]["valid"], true, "{report}");
    assert!(report["routes"][0]["certificate"]["not_after"].as_str().is_some_and(|at| told.contains(at)));
    assert_eq!(report["routes"][1]["certificate"], serde_json::Value::Null);
    let front = page(&server, "/").await;
    let place = html::anchor(Code::RouteLoopbackOnly, "shop.example.com");
    for link in [
        format!("./diagnostics/{SHOP}#{place}"),
        format!("./diagnostics/{SHOP}\""),
        "./diagnostics/tools\"".into(),
        "./metrics\"".into(),
        "./topology?format=svg\"".into(),
        "./events\"".into(),
    ] {
        assert!(front.contains(&format!("href=\"{link}")), "{link}: {front}");
    }
    assert!(front.contains("2 pages, 1 ticket"), "{front}");
    let whole = page(&server, "/diagnostics").await;
    assert!(whole.contains(&format!("id=\"{place}\"")), "a link to the whole leads there as well");
}

/// Where a link of an alert leads: whoever makes one makes it this way.
#[tokio::test]
async fn what_is_otherwise_than_approved_stands_there_with_what_shows_all_of_it() {
    let (server, _) = in_town().await;
    for (path, host, more) in [
        (format!("/diagnostics/{SHOP}"), false, 291),
        ("/diagnostics".to_owned(), true, 293),
        ("/".to_owned(), true, 293),
    ] {
        let page = page(&server, &path).await;
        let told = between(&page, "<h2 id=\"drift\">Otherwise than approved</h2>", "</code></pre>");
        assert_eq!(told.matches("<li>").count(), 10, "{path}: {told}");
        assert_eq!(told.contains("proxy &#60;script&#62;"), host, "{path}: {told}");
        assert!(told.contains(&format!("And {more} more.")), "{path}: {told}");
        assert!(told.contains("diff</span> <span>/etc/approved.json</span>"), "{path}: {told}");
        assert!(
            page.contains("What was approved cannot be read, and what was read before stays in force"),
            "{path}"
        );
    }
    // Of what was not compared, nothing is said to be otherwise.
    let mut verdict = town::repaired(SystemTime::now());
    Arc::make_mut(&mut verdict.snapshot).drift = None;
    let server = of(verdict).await;
    assert!(!page(&server, "/diagnostics").await.contains("approved"));
}

#[tokio::test]
async fn two_findings_of_one_name_have_a_place_each() {
    let unplaced = |name: &str| Finding {
        code: Code::ExporterBlind,
        severity: Severity::Ticket,
        subject: Subject { kind: "exporter", name: name.into() },
        destination: None,
        ..hostile()
    };
    let server = of(verdict(None, vec![unplaced("a b"), unplaced("a/b"), unplaced("a")])).await;
    let page = page(&server, "/diagnostics").await;
    for id in ["exporter-blind-a-b", "exporter-blind-a-b-2", "exporter-blind-a"] {
        assert_eq!(page.matches(&format!("id=\"{id}\"")).count(), 1, "{id}: {page}");
    }
}

/// A page of several destinations numbers what is called the same on two; the page of one has it by its own name.
#[tokio::test]
async fn a_link_to_a_finding_leads_to_the_place_that_the_other_page_has() {
    let mut known = judge(Arc::new(host::snapshot(2, 3, SystemTime::now(), false)), &mut Ledger::default());
    let redis = |on: &str| Finding {
        subject: Subject { kind: "container", name: "redis".into() },
        destination: Some(on.into()),
        ..hostile()
    };
    known.findings = vec![redis("destination-0"), redis("destination-1")];
    let server = of(known).await;
    for from in ["/", "/diagnostics"] {
        let from = page(&server, from).await;
        for on in ["destination-0", "destination-1"] {
            let place = between(&from, &format!("href=\"./diagnostics/{on}#"), "\"");
            let there = page(&server, &format!("/diagnostics/{on}")).await;
            assert!(
                there.contains(&format!("<article class=\"finding bad\" id=\"{place}\"")),
                "{on}: {place}"
            );
        }
    }
}

/// Whoever answers as the Engine may say it, and a browser takes it for the way up, however it is written.
#[tokio::test]
async fn a_name_that_is_a_way_elsewhere_is_no_link() {
    let now = SystemTime::now();
    let names = ["..", ".", "...", "a/../b"];
    let network = |name: &str| SeenNetwork {
        id: format!("id-of-{name}"),
        name: name.into(),
        driver: "bridge".into(),
        scope: "local".into(),
        ..SeenNetwork::default()
    };
    let container = |name: &str| SeenContainer {
        id: format!("id-of-container-{name}"),
        name: name.into(),
        state: RunState::Running,
        endpoints: vec![SeenEndpoint {
            network: "...".into(),
            network_id: "id-of-...".into(),
            ..SeenEndpoint::default()
        }],
        ..SeenContainer::default()
    };
    let seen = Seen {
        networks: names.map(network).to_vec(),
        containers: names.map(container).to_vec(),
        ..Seen::default()
    };
    let mut known = verdict(None, Vec::new());
    let inventory = build(&seen, &Selection::default(), now);
    Arc::make_mut(&mut known.snapshot).inventory = Some(Arc::new(inventory));
    known.findings = names.map(|on| Finding { destination: Some(on.into()), ..hostile() }).to_vec();
    let server = of(known).await;
    for (path, base, linked) in [
        ("/", "./diagnostics/", ["...", "a%2F..%2Fb"]),
        ("/diagnostics", "./diagnostics/", ["...", "a%2F..%2Fb"]),
        ("/diagnostics/...", "../diagnostics/.../", ["...", "a%2F..%2Fb"]),
    ] {
        let page = page(&server, path).await;
        for name in names {
            assert!(page.contains(&format!("<bdi>{name}</bdi>")), "{path}: {name}: {page}");
        }
        let begins = format!("href=\"{base}");
        let links = page.split(&begins).skip(1);
        let mut links: Vec<&str> = links.filter_map(|rest| rest.split(['"', '#']).next()).collect();
        links.sort_unstable();
        links.dedup();
        assert_eq!(links, linked, "{path}");
    }
}

#[tokio::test]
async fn nothing_but_what_the_page_brings_is_let_in() {
    let (server, _) = in_town().await;
    let paths = [
        "/",
        "/diagnostics",
        "/diagnostics/tools",
        "/topology",
        "/events",
        "/runbooks/exporter-blind",
        "/no",
    ];
    for path in paths {
        let (head, body) = server.ask_with(&format!("GET {path}"), BROWSER).await;
        let page = String::from_utf8(body).expect("UTF-8");
        let policy = between(&head, "content-security-policy: ", "\r");
        for (tag, rule) in [("style", "style-src"), ("script", "script-src")] {
            assert_eq!(page.matches(&format!("<{tag}")).count(), 1, "{path}");
            let text = between(&page, &format!("<{tag}>"), &format!("</{tag}>"));
            // The head was read in lower case.
            let hash = STANDARD.encode(digest(&SHA256, text.as_bytes())).to_lowercase();
            assert!(policy.contains(&format!("{rule} 'sha256-{hash}';")), "{path}: {policy}");
        }
        for rule in
            ["default-src 'none';", "base-uri 'none';", "form-action 'none';", "frame-ancestors 'none'"]
        {
            assert!(policy.contains(rule), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe") && !policy.contains('*'), "{policy}");
        for elsewhere in
            [" src=\"", "url(", "@import", "style=\"", "<iframe", "<form", " onclick", "href=\"http"]
        {
            assert!(!page.contains(elsewhere), "{path}: {elsewhere}");
        }
    }
}

#[tokio::test]
async fn names_of_strangers_are_text_and_show_what_they_hide() {
    let (server, _) = in_town().await;
    for path in ["/", "/diagnostics/tools", "/topology", "/topology?format=svg", "/events"] {
        let (_, body) = server.ask_with(&format!("GET {path}"), BROWSER).await;
        let page = String::from_utf8(body).expect("UTF-8");
        assert!(!page.contains("<script>document.title") && !page.contains("<img"), "{path}: {page}");
        assert!(!page.contains('\u{202e}'), "{path}");
    }
    let tools = page(&server, "/diagnostics/tools").await;
    assert!(tools.contains("&#60;script&#62;document.title=&#39;owned&#39;&#60;/script&#62;"), "{tools}");
    assert!(tools.contains("safe\\u{202e}gpj.exe"), "{tools}");
    // Its link leads to its page.
    let link = between(&tools, "<a href=\"../diagnostics/tools/%3Cscript", "\"");
    let one = page(&server, &format!("/diagnostics/tools/%3Cscript{link}")).await;
    assert!(one.contains("<h1><bdi>&#60;script&#62;"), "{one}");
}

#[tokio::test]
async fn some_findings_are_shown_to_who_asks_for_those() {
    let (server, _) = in_town().await;
    for (query, cards) in [
        ("", 3),
        ("?severity=page", 2),
        ("?severity=ticket", 1),
        ("?code=container-unreachable", 1),
        ("?severity=info", 0),
    ] {
        for path in ["/diagnostics".to_owned(), format!("/diagnostics/{SHOP}")] {
            let page = page(&server, &format!("{path}{query}")).await;
            assert_eq!(page.matches("<article").count(), cards, "{path}{query}");
            assert_eq!(page.contains("Only findings of"), !query.is_empty(), "{path}{query}");
        }
    }
}

#[tokio::test]
async fn a_refusal_is_a_page_for_a_browser_alone() {
    let (server, _) = in_town().await;
    for (request, status, told) in [
        ("GET /diagnostics/nowhere", "404", "there are: coolify, k7x2m9qd4w8r1t5y0u3i6o2p (shop), tools"),
        ("GET /diagnostics/tools/nobody", "404", "there are: "),
        ("GET /nowhere", "404", "there is no such page"),
        ("GET /diagnostics?format=yaml", "400", "unknown variant"),
        ("DELETE /", "405", "does not take that method"),
    ] {
        let (head, body) = server.ask_with(request, BROWSER).await;
        let page = String::from_utf8(body).expect("UTF-8");
        assert!(head.starts_with(&format!("http/1.1 {status}")), "{request}: {head}");
        assert!(
            head.contains("content-type: text/html") && head.contains("vary: accept"),
            "{request}: {head}"
        );
        assert!(page.contains(told) && page.contains("To the status page"), "{request}: {page}");
        let (head, _) = server.ask(request).await;
        assert!(head.contains("content-type: application/json"), "{request}: {head}");
    }
}

/// Whoever may not is told in some words; whoever asks for what there is not chooses no part of how long the answer is.
#[tokio::test]
async fn a_refusal_costs_little() {
    let (server, _) = in_town().await;
    for (request, status) in [("GET /", "403"), ("POST /-/reload", "403")] {
        let foreign = format!("{BROWSER}\r\nvia: x\r\nhost: evil.example");
        let (head, body) = server.ask_with(request, &foreign).await;
        assert!(head.starts_with(&format!("http/1.1 {status}")), "{request}: {head}");
        assert!(head.contains("content-type: text/html") && body.len() < 1024, "{request}: {head} {body:?}");
    }
    let size = async |path: &str| {
        let (head, body) = server.ask_with(&format!("GET {path}"), BROWSER).await;
        assert!(head.starts_with("http/1.1 404"), "{head}");
        body.len()
    };
    let usual = size("/nowhere").await;
    assert!(size(&"/".repeat(12 << 10)).await <= usual, "of slashes alone");
}

#[tokio::test]
async fn who_has_a_page_is_told_so_until_it_says_something_else() {
    let (server, app) = in_town().await;
    let shop = format!("/diagnostics/{SHOP}");
    let tag = async |path: &str| {
        let (head, _) = server.ask_with(&format!("GET {path}"), BROWSER).await;
        // The head was read in lower case, and so is the tag written.
        between(&head, "etag: w", "\r").to_owned()
    };
    let ask = async |path: &str, tag: &str| {
        let headers = format!("{BROWSER}\r\naccept-encoding: gzip\r\nif-none-match: W{tag}");
        server.ask_with(&format!("GET {path}"), &headers).await
    };
    for path in ["/", "/diagnostics", &shop] {
        let known = tag(path).await;
        let (head, body) = ask(path, &known).await;
        assert!(head.starts_with("http/1.1 304") && body.is_empty(), "{path}: {head}");
        assert!(head.contains("etag: w/") && !head.contains("content-encoding"), "{path}: {head}");
        assert!(ask(path, "/\"0\"").await.0.starts_with("http/1.1 200"), "{path}");
        // A later verdict that says the same, and one that does not.
        let mut later = Verdict::clone(&app.verdict.load());
        Arc::make_mut(&mut later.snapshot).at += Duration::from_secs(5);
        app.verdict.store(Arc::new(later.clone()));
        assert!(ask(path, &known).await.0.starts_with("http/1.1 304"), "{path}");
        let found = later.findings.clone();
        later.findings.clear();
        app.verdict.store(Arc::new(later.clone()));
        assert!(ask(path, &known).await.0.starts_with("http/1.1 200"), "{path}");
        later.findings = found;
        app.verdict.store(Arc::new(later));
    }
}

/// Whatever a host has, a page is one that a phone takes; what is left out is counted.
#[tokio::test]
async fn pages_are_bounded_however_large_the_host_is() {
    const PAGE: usize = 400 << 10;
    let mut ledger = Ledger::default();
    let now = SystemTime::now();
    let mut large = judge(Arc::new(host::snapshot(2, 240, now, false)), &mut ledger);
    let long = "x".repeat(900);
    let finding = |n: usize, on: Option<&str>| Finding {
        subject: Subject { kind: "container", name: format!("app-{n}-{long}").into() },
        destination: on.map(Into::into),
        explains: vec![long.clone(); 100],
        verify: vec![long.clone(); 100],
        ..hostile()
    };
    large.findings =
        (0..500).map(|n| finding(n, [None, Some("destination-0"), Some("destination-1")][n % 3])).collect();
    let server = of(large).await;
    for (path, most) in [
        ("/", PAGE),
        // Of sixty findings with twenty long lines in each of two lists.
        ("/diagnostics", 60 * 42 * 1000 + PAGE),
        ("/diagnostics/destination-0", 60 * 42 * 1000 + PAGE),
        ("/topology", PAGE),
        ("/topology?format=svg", PAGE),
    ] {
        let (head, body) = server.ask_with(&format!("GET {path}"), BROWSER).await;
        assert!(head.starts_with("http/1.1 200"), "{path}: {head}");
        assert!(body.len() < most, "{path}: {} bytes", body.len());
    }
    let front = page(&server, "/").await;
    assert!(front.contains("And 440 more"), "{front}");
    let one = page(&server, "/diagnostics/destination-0").await;
    assert_eq!(one.matches("<article").count(), 60);
    for left_out in ["And 107 more", "And 41 more", "more containers are not drawn"] {
        assert!(one.contains(left_out), "{left_out}");
    }
}
