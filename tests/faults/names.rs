//! Resolvers that do not answer, names that lead astray.

use std::time::Duration;

use lab::Result;
use lab::watched::{INTERVAL, failing, finding, text};

use crate::{EVENT, told, town};

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
    assert!(text(&shared["summary"]).contains("`one/redis`, `two/redis`"), "{shared:#}");
    let fix = shared["fix"].to_string();
    assert!(fix.contains("(one-redis-1 or two-redis-1)"), "{shared:#}");
    assert!(fix.contains("docker network connect shop two-redis-1"), "{shared:#}");
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
    assert!(text(&lost["summary"]).starts_with("Container `web` asks for names faster than"), "{lost:#}");
    told("an app that asks for names without end", found, Duration::ZERO);
    Ok(())
}

/// Somebody stands between the container and the Engine's resolver, and has another answer for one name.
#[test]
fn a_name_that_leads_elsewhere() -> Result<()> {
    let town = town::build()?;
    let before = town.series()?;
    let rules = town.inside("web", &["iptables", "-t", "nat", "-S", "DOCKER_OUTPUT"])?;
    let of_udp = rules.lines().find(|rule| rule.contains("udp")).expect("the Engine's rule for UDP");
    let real = of_udp.rsplit(':').next().expect("its port");
    let pid = town.lab.docker(&["inspect", "-f", "{{.State.Pid}}", "web"])?;
    let liar = format!(
        "-t {pid} -n dnsmasq --conf-file=/dev/null --no-resolv --no-hosts --bind-interfaces --listen-address=127.0.0.1 \
         --port=5353 --server=127.0.0.11#{real} --host-record=api,10.1.0.99 --pid-file={}",
        town.lab.folder().join("liar.pid").display()
    );
    town.lab.exec_on_host(&[&["nsenter"][..], &liar.split_whitespace().collect::<Vec<_>>()].concat())?;
    let rule =
        ["OUTPUT", "-d", "127.0.0.11", "-p", "udp", "--dport", "53", "-j", "DNAT", "--to", "127.0.0.1:5353"];
    town.inside("web", &[&["iptables", "-t", "nat", "-I"], &rule[..]].concat())?;
    let (report, found) = town.expect(&["dns-wrong-answer api"], INTERVAL)?;
    let astray = finding(&report, "dns-wrong-answer");
    assert_eq!((&astray["severity"], &astray["destination"]), (&"page".into(), &"shop".into()));
    let summary = text(&astray["summary"]);
    assert!(
        summary.starts_with("`web` looks up the name `api` and gets 10.1.0.99; `api` has 10.1.0.11"),
        "{summary}"
    );

    town.inside("web", &[&["iptables", "-t", "nat", "-D"], &rule[..]].concat())?;
    let (_, gone) = town.expect(&[], INTERVAL)?;
    town.expect_no_trace(&before)?;
    told("a name that leads elsewhere", found, gone);
    Ok(())
}
