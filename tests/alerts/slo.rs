//! Cases of the objectives, of each pair of windows: worked out from the list, and not from the rules.

use lab::rules::{Severity, WINDOWS, Window, hold};

use super::case::Kind::{Below, Fires, Lost};
use super::case::{Case, Kind, Said, case, labels};

/// How often is scraped and evaluated: longer windows are looked at less often.
fn step(window: &Window) -> u32 {
    if window.severity == Severity::Critical { 30 } else { 240 }
}

fn seconds(time: &str) -> u32 {
    let (number, unit) = time.split_at(time.len() - 1);
    number.parse::<u32>().expect("a number")
        * match unit {
            "m" => 60,
            "h" => 3600,
            _ => 86400,
        }
}

fn at(seconds: u32) -> String {
    format!("{seconds}s")
}

/// The first evaluation that is not before this.
fn up_to(seconds: u32, step: u32) -> u32 {
    seconds.div_ceil(step) * step
}

/// When one window has been looked at whole, and the alert has waited: a rate takes a second scrape.
fn first(window: &Window) -> u32 {
    up_to(step(window) + window.seconds + seconds(hold(window.severity)), step(window))
}

/// An average does not.
fn first_of_site(window: &Window) -> u32 {
    up_to(window.seconds + seconds(hold(window.severity)), step(window))
}

const HELD: &str = "instance:destination_finding:held";

/// A town of one destination, of whose probes so many are made and fail in each short window.
fn probes(kind: Kind, window: &Window, attempts: f64, failures: f64) -> Case {
    let each = f64::from(window.seconds) / f64::from(step(window));
    let grows = |by: f64| format!("0+{}x900", by / each);
    let on = |what: &str, probe: &str, more: &str| {
        format!("{what}{{@,destination=\"shop\",probe=\"{probe}\"{more}}}")
    };
    let (made, lost) = ("destination_probe_attempts_total", "destination_probe_failures_total");
    let step = if step(window) == 30 { "30s" } else { "240s" };
    case(kind, "DestinationBudgetBurn")
        .of(window.of)
        .step(step)
        .series(&on(made, "tcp", ""), &grows(attempts / 2.0))
        .series(&on(made, "dns", ""), &grows(attempts / 2.0))
        // What is out of the destination's hands.
        .series(&on(made, "dns_external", ""), &grows(attempts))
        .series(&on(lost, "dns_external", ",reason=\"timeout\""), &grows(attempts))
        .series(&on(lost, "tcp", ",reason=\"refused\""), &grows(failures * 0.75))
        .series(&on(lost, "dns", ",reason=\"timeout\""), &grows(failures * 0.25))
        .series(r#"destination_info{@,destination="shop",display_name="Web shop"}"#, "1x900")
        // These account for nothing.
        .series(&format!("{HELD}{{@,destination=\"shop\",code=\"isolation-breached\",severity=\"ticket\",subject=\"a\"}}"), "1x900")
        .series(&format!("{HELD}{{@,destination=\"blog\",code=\"container-unreachable\",severity=\"page\",subject=\"a\"}}"), "1x900")
        .series(OF_NOBODY, "1x900")
}

/// A site that is down for so many of a thousand scrapes, evenly.
fn site(kind: Kind, window: &Window, down: f64) -> Case {
    let step = if step(window) == 30 { "30s" } else { "240s" };
    case(kind, "DestinationRouteBudgetBurn")
        .of(window.of)
        .step(step)
        // What is averaged needs not be whole.
        .series(SITE, &format!("{}x900", 1.0 - down))
        .series(r#"destination_route_http_status_code{@,destination="shop",domain="shop.example.com",path="/",workload="web",scheme="https"}"#, "502x900")
        .series(BACKEND, "0x900")
        // None of these is of this site: other containers, other domains, and what does not take a site down.
        .series(&of("shop", "isolation-breached", "ticket", "a"), "1x900")
        .series(&of("shop", "container-unreachable", "page", "a"), "1x900")
        .series(&of("shop", "route-not-served", "page", "blog.example.com"), "1x900")
        .series(&of("shop", "certificate-expiring", "ticket", "shop.example.com"), "1x900")
        .series(&of("shop", "dns-wrong-answer", "page", "web-1"), "1x900")
        .series(&of("blog", "container-unreachable", "page", "web-1"), "1x900")
        .series(&of("blog", "proxy-not-attached", "page", "coolify-proxy"), "1x900")
        .series(OF_NOBODY, "1x900")
}

/// A finding, as it is recorded.
fn of(destination: &str, code: &str, severity: &str, subject: &str) -> String {
    format!(
        "{HELD}{{@,destination=\"{destination}\",code=\"{code}\",severity=\"{severity}\",subject=\"{subject}\"}}"
    )
}

/// Of a site that is on no destination: the host has nothing to do with it.
const OF_NOBODY: &str = r#"instance:destination_finding:held{@,destination="",code="route-not-served",severity="page",subject="other.example.com"}"#;

const BACKEND: &str = r#"destination_route_backend_up{@,destination="shop",domain="shop.example.com",path="/",workload="web",backend="web-1"}"#;

const SITE: &str =
    r#"destination_route_up{@,destination="shop",domain="shop.example.com",path="/",workload="web"}"#;

/// What a notification says of it, where that is all known.
fn leak(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

/// What each long window shows of these.
fn shares(windows: &[&str], percent: &str, within: &str) -> String {
    windows.iter().map(|long| format!(" {percent} {within} {long},")).collect()
}

/// The long windows of its alert.
fn longs(window: &Window) -> Vec<&'static str> {
    WINDOWS.iter().filter(|other| other.of == window.of).map(|other| other.long).collect()
}

fn limits(window: &Window) -> String {
    let limit = |of: &Window| format!("{} times over {} and {}", of.burn, of.long, of.short);
    let limits = WINDOWS.iter().filter(|other| other.of == window.of).map(limit);
    limits.collect::<Vec<_>>().join(", or ")
}

fn said_of_probes(window: &Window, windows: &[&str], percent: &str, each: [&str; 2]) -> Said {
    let shares = shares(windows, percent, "in");
    let more = [("destination", "shop"), ("windows", window.of)];
    Said {
        labels: labels(window.severity.as_label(), "destination", &more),
        summary: leak(format!(
            "shop (Web shop): probes fail,{shares} and no finding of severity page says why"
        )),
        description: leak(format!(
            "Of the probes on shop (Web shop) there failed{shares} which is more than its objective of 99.9% allows: {}. Failing now: tcp refused ({} a minute) dns timeout ({} a minute). Findings: isolation-breached a, of which none accounts for it and wakes somebody.",
            limits(window),
            each[0],
            each[1]
        )),
        runbook: "/runbooks/DestinationBudgetBurn",
        board: ("destination", "shop"),
        page: "/diagnostics/shop",
    }
}

fn said_of_site(window: &Window, windows: &[&str], percent: &str) -> Said {
    let shares = shares(windows, percent, "of");
    let more = [
        ("destination", "shop"),
        ("domain", "shop.example.com"),
        ("path", "/"),
        ("workload", "web"),
        ("windows", window.of),
    ];
    Said {
        labels: labels(window.severity.as_label(), "route", &more),
        summary: leak(format!("shop.example.com/: down for{shares} and no finding says why")),
        description: leak(format!(
            "shop.example.com/ (web) was down for{shares} which is more than its objective of 99.9% allows: {}. Latest status: https 502.",
            limits(window)
        )),
        runbook: "/runbooks/DestinationRouteBudgetBurn",
        board: ("routes", "shop"),
        page: "/diagnostics/shop",
    }
}

pub fn cases() -> Vec<Case> {
    WINDOWS.iter().flat_map(|window| of_probes(window).into_iter().chain(of_site(window))).collect()
}

/// `0.0123` as `1.23%`, with the four digits that Prometheus gives.
fn percent(ratio: f64) -> String {
    let digits = (3 - (ratio * 100.0).log10().floor() as i32).max(0) as usize;
    let text = format!("{:.digits$}", ratio * 100.0);
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text}%")
}

fn of_probes(window: &Window) -> Vec<Case> {
    let burn: f64 = window.burn.parse().expect("a number");
    let (many, few) = (20_000.0, 15.0);
    let over = burn / 1000.0 * 1.04;
    let speak = |attempts: f64, ratio: f64| {
        let a_minute = attempts * ratio / f64::from(window.seconds) * 60.0;
        let [tcp, dns] = [0.75, 0.25].map(|share| leak(format!("{:.2}", a_minute * share)));
        said_of_probes(window, &longs(window), &percent(ratio), [tcp, dns])
    };
    let all = |kind, attempts: f64, ratio: f64| probes(kind, window, attempts, attempts * ratio);
    let first = first(window);
    let mut cases = vec![
        rhythm(
            all(Fires, many, over),
            speak(many, over),
            window,
            first,
            &of("shop", "dns-wrong-answer", "page", "b"),
        ),
        // The first rates are of less than 5 minutes, and too low.
        all(Fires, few, 0.704).says(speak(few, 0.704)).fires(&[at(first + 600)]),
        all(Below, many, burn / 1000.0 * 0.96).silent(&[at(first), at(first + 600)]),
        all(Below, few, 9.5 / few).silent(&[at(first), at(first + 600)]),
        all(Below, many, 0.0).silent(&[at(first)]),
    ];
    let fires = || all(Fires, many, over);
    let said = speak(many, over);
    cases.extend(explained(&fires, &said, window, first, &[of("shop", "dns-wrong-answer", "page", "b")]));
    if window.short == "5m" {
        // What parts nodes of a Swarm is told of one overlay, and accounts for all of that node; of what is none, for nothing.
        let overlay = |on: &str| {
            format!("destination_overlay_peer_containers{{@,destination=\"{on}\",peer=\"198.51.100.3\"}}")
        };
        let parted = of("blog", "swarm-data-path-broken", "page", "198.51.100.3");
        let on_overlay = || fires().series(&overlay("shop"), "1x900");
        cases.extend(explained(&on_overlay, &said, window, first, std::slice::from_ref(&parted)));
        let beside = fires().series(&overlay("blog"), "1x900").series(&parted, "1x900");
        cases.push(beside.says(said.clone()).fires(&[at(first)]));
    }
    // A defect that is known accounts for nothing: it may be of something else, and hold for weeks.
    let description =
        said.description.replace("isolation-breached a,", "container-packet-loss b, isolation-breached a,");
    let known = Said { description: leak(description), ..said };
    let ticket = fires().series(&of("shop", "container-packet-loss", "ticket", "b"), "1x900").says(known);
    cases.push(ticket.fires(&[at(first)]));
    cases.push(lost(all(Lost, many, over), speak(many, over), window, first));
    let recorded = |kind: Kind, long: f64, lost: &str| {
        let step = if step(window) == 30 { "30s" } else { "240s" };
        let on = |what: &str| format!("destination:destination_probe_{what}{{@,destination=\"shop\"}}");
        let ratio = |time: &str| on(&format!("failures_per_attempts:ratio_rate{time}"));
        case(kind, "DestinationBudgetBurn")
            .of(window.of)
            .step(step)
            .recorded()
            .series(r#"destination_info{@,destination="shop",display_name="Web shop"}"#, "1x2000")
            .series(&ratio(window.long), &format!("{long}x2000"))
            .series(&ratio(window.short), "1x2000")
            .series(&on("failures:rate5m"), lost)
    };
    let said = said_of_probes(window, &[window.long], &percent(over), ["", ""]);
    let said = Said {
        description: leak(format!(
            "{}Failing now: nothing in the last 5 minutes. Findings: none, of which none accounts for it and wakes somebody.",
            said.description.split("Failing").next().unwrap_or_default()
        )),
        ..said
    };
    cases.extend(measured(&recorded, &said, window, burn, 10.0));
    cases
}

fn of_site(window: &Window) -> Vec<Case> {
    let first = first_of_site(window);
    let burn: f64 = window.burn.parse().expect("a number");
    let least = 60.0 / f64::from(window.seconds);
    let over = (burn / 1000.0 * 1.04).max(least * 1.04);
    let under = (burn / 1000.0).max(least) * 0.96;
    let all = |kind, down: f64| site(kind, window, down);
    let said = said_of_site(window, &longs(window), &percent(over));
    let mut cases = vec![
        rhythm(
            all(Fires, over),
            said.clone(),
            window,
            first,
            &of("shop", "route-not-served", "page", "shop.example.com"),
        ),
        all(Below, under).silent(&[at(first), at(first + 600)]),
        all(Below, 0.0).silent(&[at(first)]),
    ];
    // Of the site or of a path of it, of a container that serves it, and of what takes every site of the destination.
    let own = [
        of("shop", "route-container-starting", "ticket", "shop.example.com/api"),
        of("shop", "container-unreachable", "ticket", "web-1"),
        of("shop", "proxy-not-attached", "page", "coolify-proxy"),
    ];
    let own = if window.short == "5m" { &own[..] } else { &own[..1] };
    cases.extend(explained(&|| all(Fires, over), &said, window, first, own));
    cases.push(lost(all(Lost, over), said, window, first));
    let recorded = |kind: Kind, long: f64, lost: &str| {
        let step = if step(window) == 30 { "30s" } else { "240s" };
        let on = |time: &str| {
            let site = SITE.trim_start_matches("destination_route_up");
            format!("route:destination_route_down:ratio_avg{time}{site}")
        };
        let mut case = case(kind, "DestinationRouteBudgetBurn")
            .of(window.of)
            .step(step)
            .recorded()
            .series(r#"destination_route_http_status_code{@,destination="shop",domain="shop.example.com",path="/",workload="web",scheme="https"}"#, "502x2000")
            .series(&on(window.long), &format!("{long}x2000"))
            .series(&on("5m"), lost);
        if window.short != "5m" {
            case = case.series(&on(window.short), "1x2000");
        }
        case
    };
    cases.extend(measured(
        &recorded,
        &said_of_site(window, &[window.long], &percent(burn / 1000.0 * 1.04)),
        window,
        burn,
        60.0,
    ));
    cases
}

/// The long window decides where the short one has seen enough; and what was lost counts for as long as the short one is.
fn measured(
    recorded: &dyn Fn(Kind, f64, &str) -> Case,
    said: &Said,
    window: &Window,
    burn: f64,
    fewest: f64,
) -> Vec<Case> {
    let (over, under) = (burn / 1000.0 * 1.04, burn / 1000.0 * 0.96);
    let (step, short, hold) = (step(window), window.seconds, seconds(hold(window.severity)));
    let least = fewest / f64::from(short);
    let enough = format!("{}x2000", least * 1.5);
    let mut cases = vec![
        recorded(Fires, over, &enough).says(said.clone()).fires(&[at(up_to(short + hold, step) + step)]),
        recorded(Below, under, &enough).silent(&[at(up_to(short + hold, step) + step), at(short * 2 + hold)]),
    ];
    if window.short != "5m" {
        let before = 2 * short / step;
        let full = format!("0x{} {}x2000", before - 1, least * 1.06);
        let half = format!("0x{} {}x{} 0x2000", before - 1, least * 1.9, short / step / 2 - 1);
        cases.push(
            recorded(Fires, over, &full)
                .says(said.clone())
                .fires(&[at(up_to(3 * short + hold, step) + step)]),
        );
        cases.push(recorded(Below, over, &half).silent(&[at(2 * short + short / 2)]));
    }
    cases
}

/// It waits, and lasts for five minutes after a finding has come that accounts for it.
fn rhythm(case: Case, said: Said, window: &Window, first: u32, finding: &str) -> Case {
    let step = step(window);
    let found = first + 4 * step;
    let last = up_to(found + 300, step) - step;
    case.series(finding, &format!("_x{} 1x900", found / step))
        .says(said)
        .silent(&[at(first - step)])
        .fires(&[at(first), at(last)])
        .silent(&[at(last + step)])
}

/// What was found accounts for it for as long as it lingers; so does what was found of the host, and that the Engine was
/// silent: what failed then lingers when it is back.
fn explained(
    build: &dyn Fn() -> Case,
    said: &Said,
    window: &Window,
    first: u32,
    own: &[String],
) -> Vec<Case> {
    let step = step(window);
    let ends = first - first % step;
    let over = ends + seconds(window.explained) + seconds(hold(window.severity));
    let timed = |series: &String| {
        let case = build().series(series, &format!("1x{} stale", ends / step)).says(said.clone());
        case.silent(&[at(first), at(over - 2 * step)]).fires(&[at(over + 2 * step)])
    };
    let of_host =
        [of("", "host-conntrack-near-limit", "page", "b"), of("", "exporter-blind", "ticket", "engine")];
    own.iter().chain(&of_host).map(timed).collect()
}

/// Some scrapes fail while it waits and while it fires.
fn lost(case: Case, said: Said, window: &Window, first: u32) -> Case {
    let broken = if window.severity == Severity::Critical { [9, 13] } else { [20, 24] };
    let case = case.broken(&broken).series("up{@}", "1x8 0 1x900");
    case.says(said).silent(&[at(first - step(window))]).fires(&[at(first)])
}
