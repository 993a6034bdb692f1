//! Faults on a real Engine: each is one finding, with its reason, and goes without a trace when it is
//! repaired. The exporter has every default.

#[path = "faults/host.rs"]
mod host;
#[path = "faults/outside.rs"]
mod outside;
#[path = "faults/pools.rs"]
mod pools;
#[path = "faults/town.rs"]
mod town;

use std::collections::BTreeSet;
use std::time::Duration;

use lab::Result;
use lab::watched::{INTERVAL, failing, finding, text};

/// What an Engine's event tells is found within this time.
const EVENT: Duration = Duration::from_secs(1);

/// How long a fault and its repair took, for whoever runs with `--nocapture`.
fn told(fault: &str, found: Duration, gone: Duration) {
    println!("{fault}: found after {} ms, gone after {} ms", found.as_millis(), gone.as_millis());
}

#[test]
fn a_stopped_app() -> Result<()> {
    let town = town::build()?;
    let before = town.series()?;
    town.lab.docker(&["stop", "-t", "0", "web"])?;
    let (report, found) = town.expect(&["container-unreachable web"], EVENT)?;
    let stopped = finding(&report, "container-unreachable");
    assert_eq!((&stopped["severity"], &stopped["destination"]), (&"ticket".into(), &"shop".into()));
    assert!(text(&stopped["summary"]).contains("exited with exit code 137"), "{stopped:#}");
    assert_eq!(stopped["fix"][1], "docker start web");
    let series = r#"destination_finding{destination="shop",code="container-unreachable",severity="ticket",subject="web",subject_kind="container"}"#;
    town.expect_series(series, Some("1"), EVENT)?;
    town.expect_series(r#"destination_healthy{destination="shop"}"#, Some("0"), EVENT)?;
    // Nobody asks a container that is not there: its series are gone, and none of them says 0.
    let page = town.exporter.metrics()?;
    assert!(!page.contains(r#"target="web""#), "{page}");

    town.lab.docker(&["start", "web"])?;
    let (_, gone) = town.expect(&[], EVENT)?;
    town.expect_no_trace(&before)?;
    told("a stopped app", found, gone);
    Ok(())
}

#[test]
fn an_app_that_ends_soon_after_each_start() -> Result<()> {
    let town = town::build()?;
    let before = town.series()?;
    let image = town.lab.busybox_image()?;
    let run = ["run", "-d", "--name", "job", "--network", "shop", "--restart", "always", &image];
    town.lab.docker(&[&run[..], &["sh", "-c", "sleep 0.2; exit 3"]].concat())?;
    let (report, found) = town.expect(&["container-restarting job"], INTERVAL)?;
    let restarting = finding(&report, "container-restarting");
    assert_eq!((&restarting["severity"], &restarting["destination"]), (&"ticket".into(), &"shop".into()));
    assert!(text(&restarting["summary"]).contains("ends soon after each start"), "{restarting:#}");
    // It stays one finding while the container comes and goes.
    let until = std::time::Instant::now() + INTERVAL;
    while std::time::Instant::now() < until {
        let told = town.findings()?;
        assert!(told.iter().all(|finding| finding == "container-restarting job"), "{told:?}");
        std::thread::sleep(Duration::from_millis(100));
    }

    town.lab.docker(&["rm", "-f", "job"])?;
    let (_, gone) = town.expect(&[], EVENT)?;
    town.expect_no_trace(&before)?;
    told("an app that ends soon after each start", found, gone);
    Ok(())
}

#[test]
fn an_app_whose_packets_are_dropped() -> Result<()> {
    let town = town::build()?;
    let before = town.series()?;
    town.inside("web", &["iptables", "-A", "INPUT", "-i", "eth0", "-j", "DROP"])?;
    let (report, found) = town.expect(&["container-unreachable web"], INTERVAL)?;
    let dropped = finding(&report, "container-unreachable");
    assert_eq!(dropped["severity"], "page");
    assert!(text(&dropped["evidence"][0]["observed"]).starts_with("timeout"), "{dropped:#}");
    assert!(dropped["explains"].as_array().is_some_and(|e| e.len() > 1), "{dropped:#}");
    assert!(dropped["ruled_out"].to_string().contains("attached to shop"), "{dropped:#}");
    let probe = |kind: &str| ["api", "web"].map(str::to_owned).map(|end| (kind.to_owned(), end));
    for kind in ["icmp", "tcp"] {
        let [(kind, source), (_, target)] = probe(kind);
        town.expect_series(
            &format!(
                r#"destination_probe_success{{destination="shop",probe="{kind}",source="{source}",target="{target}"}}"#
            ),
            Some("0"),
            INTERVAL,
        )?;
    }
    let report = town.exporter.report()?;
    let failed = failing(&report, "shop");
    assert!(
        failed.iter().all(|[_, source, target, reason]| {
            (target == "web" || source == "web") && (reason == "timeout" || reason == "unreachable")
        }),
        "{failed:?}"
    );

    town.inside("web", &["iptables", "-F", "INPUT"])?;
    let (_, gone) = town.expect(&[], INTERVAL)?;
    town.expect_no_trace(&before)?;
    told("an app whose packets are dropped", found, gone);
    Ok(())
}

#[test]
fn a_container_that_does_not_reach_its_resolver() -> Result<()> {
    let town = town::build()?;
    let before = town.series()?;
    town.inside("web", &["iptables", "-I", "OUTPUT", "-d", "127.0.0.11", "-j", "DROP"])?;
    let (report, found) = town.expect(&["dns-resolver-unresponsive web"], INTERVAL)?;
    let silent = finding(&report, "dns-resolver-unresponsive");
    assert_eq!(silent["severity"], "page");
    assert!(text(&silent["summary"]).contains("127.0.0.11"), "{silent:#}");
    let ruled_out = silent["ruled_out"].to_string();
    assert!(ruled_out.contains("reaches its peers by address"), "{silent:#}");
    assert!(ruled_out.contains("the Engine answers"), "{silent:#}");
    let failed = failing(&report, "shop");
    assert!(failed.iter().all(|[kind, source, ..]| kind == "dns" && source == "web"), "{failed:?}");
    let reasons: Vec<&str> = failed.iter().map(|[.., reason]| &**reason).collect();
    // A filter on the way out is told to the sender at once; a packet lost on the way is not.
    assert!(reasons.iter().all(|r| ["timeout", "prohibited"].contains(r)), "{reasons:?}");

    town.inside("web", &["iptables", "-D", "OUTPUT", "-d", "127.0.0.11", "-j", "DROP"])?;
    let (_, gone) = town.expect(&[], INTERVAL)?;
    town.expect_no_trace(&before)?;
    told("a container that does not reach its resolver", found, gone);
    Ok(())
}

/// Its peers, its resolver, all of it: one fault, whatever else fails for it.
#[test]
fn a_container_that_takes_in_nothing_at_all() -> Result<()> {
    let town = town::build()?;
    let before = town.series()?;
    town.inside("web", &["iptables", "-I", "INPUT", "-j", "DROP"])?;
    let (_, found) = town.expect(&["container-unreachable web"], INTERVAL)?;
    // A round later, when its resolver was asked too, it still is the one.
    std::thread::sleep(INTERVAL);
    let (report, _) = town.expect(&["container-unreachable web"], EVENT)?;
    let explains = finding(&report, "container-unreachable")["explains"].to_string();
    assert!(explains.contains("dns web → "), "{explains}");

    town.inside("web", &["iptables", "-D", "INPUT", "-j", "DROP"])?;
    let (_, gone) = town.expect(&[], INTERVAL)?;
    town.expect_no_trace(&before)?;
    told("a container that takes in nothing at all", found, gone);
    Ok(())
}

/// Many drop ping on purpose: whoever answers a handshake is there.
#[test]
fn a_container_that_drops_ping_and_serves_is_no_fault() -> Result<()> {
    let town = town::build()?;
    let rule = ["INPUT", "-p", "icmp", "--icmp-type", "echo-request", "-j", "DROP"];
    town.inside("web", &[&["iptables", "-I"], &rule[..]].concat())?;
    let from_api = |kind: &str| {
        format!(r#"destination_probe_success{{destination="shop",probe="{kind}",source="api",target="web"}}"#)
    };
    town.expect_series(&from_api("icmp"), Some("0"), INTERVAL)?;
    let until = std::time::Instant::now() + INTERVAL;
    while std::time::Instant::now() < until {
        assert_eq!(town.findings()?, BTreeSet::new());
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    town.expect_series(&from_api("tcp"), Some("1"), EVENT).map(drop)
}

#[test]
fn two_projects_with_one_alias() -> Result<()> {
    let town = town::build()?;
    let before = town.series()?;
    let compose = |project: &str| {
        let name = format!("{project}-redis-1");
        let labels = [
            format!("com.docker.compose.project={project}"),
            "com.docker.compose.service=redis".to_owned(),
            "com.docker.compose.container-number=1".to_owned(),
        ];
        let run = ["run", "-d", "--name", &name, "--network", "shop", "--network-alias", "redis"];
        let labels = labels.each_ref().map(|label| ["-l", label]);
        let command = ["busybox", "nc", "-ll", "-p", "6379", "-e", "/bin/cat"];
        town.lab.docker(&[&run[..], &labels.concat(), &command].concat())
    };
    compose("one")?;
    town.expect(&[], EVENT)?;
    compose("two")?;
    let (report, found) = town.expect(&["dns-alias-collision redis"], EVENT)?;
    let shared = finding(&report, "dns-alias-collision");
    assert!(text(&shared["summary"]).contains("one/redis, two/redis"), "{shared:#}");
    let owners = r#"destination_dns_name_owners{destination="shop",name="redis"}"#;
    town.expect_series(owners, Some("2"), EVENT)?;

    town.lab.docker(&["rm", "-f", "two-redis-1"])?;
    let (_, gone) = town.expect(&[], EVENT)?;
    town.expect_series(owners, None, EVENT)?;
    town.lab.docker(&["rm", "-f", "one-redis-1"])?;
    town.expect_no_trace(&before)?;
    assert!(!town.exporter.metrics()?.contains("redis"), "a series of what is gone");
    told("two projects with one alias", found, gone);
    Ok(())
}

#[test]
fn a_detached_container() -> Result<()> {
    let town = town::build()?;
    let before = town.series()?;
    town.lab.docker(&["network", "disconnect", "shop", "db"])?;
    let (report, found) = town.expect(&["container-unreachable db"], EVENT)?;
    let detached = finding(&report, "container-unreachable");
    assert_eq!(detached["severity"], "page");
    assert!(text(&detached["summary"]).contains("not attached to shop"), "{detached:#}");
    assert_eq!(detached["fix"][0], "docker network connect shop db");

    town.lab.docker(&["network", "connect", "--ip", "10.1.0.12", "shop", "db"])?;
    let (_, gone) = town.expect(&[], EVENT)?;
    town.expect_no_trace(&before)?;
    told("a detached container", found, gone);
    Ok(())
}

#[test]
fn a_frozen_engine() -> Result<()> {
    let town = town::build()?;
    let before = town.series()?;
    town.lab.freeze()?;
    // The Engine is every container's resolver too: their lookups fail, and that is no fault of theirs.
    let (report, found) = town.expect(&["exporter-blind engine"], INTERVAL)?;
    assert_eq!(report["status"], "unknown");
    assert!(
        report["destinations"].as_array().is_some_and(|all| all.iter().all(|d| d["status"] == "unknown"))
    );
    let blind = finding(&report, "exporter-blind");
    assert!(text(&blind["evidence"][0]["observed"]).contains("no complete answer within"), "{blind:#}");
    town.expect_series("destination_exporter_docker_up", Some("0"), EVENT)?;
    town.expect_series(r#"destination_exporter_capability{capability="docker_api"}"#, Some("0"), EVENT)?;
    // Two rounds of lookups later it still is the one finding, and nothing that was known is lost.
    let until = std::time::Instant::now() + 2 * INTERVAL;
    while std::time::Instant::now() < until {
        town.expect(&["exporter-blind engine"], Duration::ZERO)?;
        std::thread::sleep(Duration::from_millis(200));
    }
    let lost: Vec<String> = before.difference(&town.series()?).cloned().collect();
    assert!(lost.is_empty(), "{lost:?}");
    assert!(!failing(&town.exporter.report()?, "shop").is_empty(), "lookups that nobody answers");

    town.lab.thaw()?;
    let (_, gone) = town.expect(&[], EVENT)?;
    town.expect_series("destination_exporter_docker_up", Some("1"), EVENT)?;
    // What failed while the Engine was away is looked at anew, and blamed on nobody.
    let until = std::time::Instant::now() + INTERVAL;
    while std::time::Instant::now() < until {
        town.expect(&[], Duration::ZERO)?;
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(failing(&town.exporter.report()?, "shop").is_empty());
    town.expect_no_trace(&before)?;
    told("a frozen engine", found, gone);
    Ok(())
}

#[test]
fn a_container_without_ping_is_not_called_unreachable() -> Result<()> {
    let town = town::build()?;
    town.inside("web", &["iptables", "-A", "INPUT", "-i", "eth0", "-p", "icmp", "-j", "DROP"])?;
    let icmp = r#"destination_probe_success{destination="shop",probe="icmp",source="api",target="web"}"#;
    town.expect_series(icmp, Some("0"), INTERVAL)?;
    // Twice in a row, from everybody, and nobody is called unreachable for it.
    let until = std::time::Instant::now() + INTERVAL + Duration::from_secs(2);
    while std::time::Instant::now() < until {
        town.expect(&[], Duration::ZERO)?;
        std::thread::sleep(Duration::from_millis(100));
    }
    let failed = failing(&town.exporter.report()?, "shop");
    assert!(failed.iter().any(|[_, source, target, _]| source == "db" && target == "web"), "{failed:?}");
    assert!(failed.iter().all(|[kind, ..]| kind == "icmp"), "{failed:?}");
    Ok(())
}

#[test]
fn a_container_of_one_binary_is_probed_like_any_other() -> Result<()> {
    let town = town::build()?;
    let shell = town.lab.docker_output(&["exec", "api", "/bin/sh", "-c", "true"])?;
    assert!(!shell.status.success(), "the image has a shell");
    for (kind, source, target) in [
        ("icmp", "api", "gateway"),
        ("icmp", "api", "web"),
        ("icmp", "web", "api"),
        ("tcp", "api", "db"),
        ("tcp", "db", "api"),
        ("dns", "api", "web"),
        ("dns", "web", "api"),
    ] {
        let series = format!(
            r#"destination_probe_success{{destination="shop",probe="{kind}",source="{source}",target="{target}"}}"#
        );
        town.expect_series(&series, Some("1"), Duration::ZERO)?;
    }
    let report = town.exporter.report()?;
    let shop = report["destinations"].as_array().and_then(|all| all.iter().find(|d| d["name"] == "shop"));
    let probes = shop.and_then(|d| d["probes"].as_array()).expect("probes");
    let answers = |target: &str| probes.iter().any(|p| p["probe"] == "http" && p["target"] == target);
    assert!(answers("api") && answers("web"), "{probes:#?}");
    Ok(())
}

/// More queries than the Engine takes: it stands still for a moment, as one does that has too much to do.
#[test]
fn an_app_that_asks_for_names_without_end() -> Result<()> {
    let town = town::build()?;
    let look = || -> Result<()> {
        let looked = town.exporter.ask("POST", "/diagnostics/run")?;
        assert_eq!(looked.status, 200, "{looked:?}");
        Ok(())
    };
    look()?;
    let pid = town.lab.docker(&["inspect", "-f", "{{.State.Pid}}", "web"])?;
    let flood = "exec 3>/dev/udp/127.0.0.11/53; for i in $(seq 2000); do echo a query >&3; done";
    town.lab.freeze()?;
    let flooded = town.lab.on_host("nsenter").args(["-t", &pid, "-n", "bash", "-c", flood]).status();
    town.lab.thaw()?;
    assert!(flooded.expect("nsenter (util-linux) and bash start").success());
    look()?;
    let (report, found) = town.expect(&["dns-overloaded web"], EVENT)?;
    let lost = finding(&report, "dns-overloaded");
    assert!(text(&lost["summary"]).starts_with("web asks for names faster than"), "{lost:#}");
    told("an app that asks for names without end", found, Duration::ZERO);
    Ok(())
}
