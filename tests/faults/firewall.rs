//! The host's firewall: the Engine's rules are gone, or somebody else's drop what containers send.

use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use lab::watched::{INTERVAL, Watched, finding, text};
use lab::{Exporter, Lab, Result};
use serde_json::Value;

use crate::outside::internet;
use crate::{EVENT, told};

/// Containers outlive their Engine, and nobody answers in the place of rules that are gone.
const ENGINE: &str = r#"{"dns": ["192.0.2.1"], "live-restore": true, "userland-proxy": false}"#;
/// Oftener than by default, or the test takes minutes.
const OFTEN: Duration = Duration::from_secs(5);
const SETTINGS: &str = "probes: {external_names: [example.org], external_addresses: [192.0.2.1], \
                        icmp_external: {interval: 5s}, dns_external: {interval: 5s}, published_port: {interval: 5s}}\n";

const MISSING: &str = "host-firewall-chains-missing host";
const BLOCKING: &str = "host-firewall-blocking host";

/// As deploy/destination-exporter.service: without what reading the firewall takes.
const WITHOUT: [&str; 3] = ["setpriv", "--bounding-set", "-all,+sys_admin"];

/// `shop` with `web`, published, and `api`; `blog` with `blog`; all of them get out. The exporter is started by `by`.
fn town(by: &[&str]) -> Result<Watched> {
    let lab = Lab::start_set(ENGINE)?;
    internet(&lab)?;
    let image = lab.busybox_image()?;
    for network in ["shop", "blog"] {
        lab.docker(&["network", "create", network])?;
    }
    for (name, network, more) in
        [("web", "shop", &["-p", "8081:8080"][..]), ("api", "shop", &[]), ("blog", "blog", &[])]
    {
        let run = ["run", "-d", "--name", name, "--network", network];
        lab.docker(&[&run[..], more, &[&image, "httpd", "-f", "-p", "8080", "-h", "/etc"]].concat())?;
    }
    let binary = Path::new(env!("CARGO_BIN_EXE_destination-exporter"));
    let mut exporter = Exporter::serve_by(&lab, by, binary, SETTINGS, &[])?;
    exporter.wait_ready()?;
    let town = Watched::new(lab, exporter, INTERVAL);
    for (on, source) in [("shop", "web"), ("blog", "blog")] {
        let series = format!(
            r#"destination_probe_success{{destination="{on}",probe="icmp_external",source="{source}",target="192.0.2.1"}}"#
        );
        town.expect_series(&series, Some("1"), INTERVAL)?;
    }
    let port = r#"destination_published_port_up{destination="shop",workload="web",host_ip="0.0.0.0",port="8081",protocol="tcp"}"#;
    town.expect_series(port, Some("1"), 2 * INTERVAL)?;
    town.expect(&[], Duration::ZERO)?;
    Ok(town)
}

fn run(town: &Watched, command: &str) -> Result<()> {
    town.lab.exec_on_host(&["sh", "-c", command]).map(drop)
}

/// Broken by a command on the host, it is this finding alone, and stays it for a round.
fn broken(town: &Watched, command: &str, wanted: &str) -> Result<(Value, Duration)> {
    run(town, command)?;
    let (_, found) = town.expect(&[wanted], INTERVAL)?;
    let until = Instant::now() + INTERVAL;
    while Instant::now() < until {
        town.expect(&[wanted], Duration::ZERO)?;
        sleep(Duration::from_millis(250));
    }
    let (report, _) = town.expect(&[wanted], EVENT)?;
    let fault = finding(&report, wanted.split(' ').next().unwrap_or_default()).clone();
    assert!(fault["explains"].as_array().is_some_and(|all| !all.is_empty()), "{fault:#}");
    Ok((fault, found))
}

/// `systemctl restart docker`. Until the rules are there again this may be told, and that the Engine is away.
fn engine_anew(town: &Watched, told: &str) -> Result<Duration> {
    let began = Instant::now();
    town.lab.end_engine("TERM")?;
    town.lab.start_engine()?;
    loop {
        let now = town.findings()?;
        if now.is_empty() {
            return Ok(began.elapsed());
        }
        let strangers: Vec<&String> =
            now.iter().filter(|one| *one != "exporter-blind engine" && *one != told).collect();
        assert!(strangers.is_empty(), "{strangers:?} while the Engine starts\n{:#}", town.exporter.report()?);
        assert!(began.elapsed() < 2 * INTERVAL, "{:#}", town.exporter.report()?);
        sleep(Duration::from_millis(50));
    }
}

fn silence(town: &Watched, long: Duration) -> Result<()> {
    let until = Instant::now() + long;
    while Instant::now() < until {
        town.expect(&[], Duration::ZERO)?;
        sleep(Duration::from_millis(100));
    }
    Ok(())
}

#[test]
fn rules_of_the_engine_that_another_firewall_took_away() -> Result<()> {
    let town = town(&[])?;
    let before = town.series()?;
    for (name, command, what) in [
        ("iptables -F", "iptables -F && iptables -t nat -F", "FORWARD leads to none of the Engine's chains"),
        (
            "the jumps are gone",
            "iptables -F FORWARD && iptables -t nat -F PREROUTING && iptables -t nat -F OUTPUT",
            "PREROUTING or OUTPUT of table nat does not lead to DOCKER",
        ),
        (
            "no address is translated",
            "iptables -t nat -F POSTROUTING",
            "POSTROUTING has no rule for the addresses of",
        ),
        ("nft flush ruleset", "nft flush ruleset", "there is no chain of the Engine's"),
    ] {
        town.breaks(MISSING, &format!("the Engine's rules: {name}"));
        let (fault, found) = broken(&town, command, MISSING)?;
        assert_eq!(fault["severity"], "page", "{fault:#}");
        assert!(text(&fault["summary"]).contains(what), "{fault:#}");
        let fix = text(&fault["fix"][0]);
        assert!(fix.contains("all containers stop") && fix.ends_with(": systemctl restart docker"), "{fix}");
        let gone = engine_anew(&town, MISSING)?;
        silence(&town, INTERVAL)?;
        told(name, found, gone);
    }
    town.expect_no_trace(&before)
}

#[test]
fn rules_of_somebody_else_that_drop_what_containers_send() -> Result<()> {
    let town = town(&[])?;
    let before = town.series()?;
    // As /etc/nftables.conf has it, left over from before there was an Engine.
    let table = "nft add table inet filter && \
                 nft 'add chain inet filter forward { type filter hook forward priority 0 ; policy drop ; }' && \
                 nft add rule inet filter forward ct state established,related accept";
    town.breaks(BLOCKING, "another table that drops what is forwarded");
    let (fault, found) = broken(&town, table, BLOCKING)?;
    assert!(
        text(&fault["summary"]).contains("chain forward of table inet filter: its policy drops"),
        "{fault:#}"
    );
    let repair = text(&fault["fix"][0]).split_once(": ").map(|(_, command)| command.to_owned());
    let began = Instant::now();
    run(&town, &repair.expect("a command"))?;
    town.expect(&[], 2 * OFTEN)?;
    told("a foreign policy", found, began.elapsed());
    silence(&town, INTERVAL)?;
    run(&town, "nft delete table inet filter")?;

    // As images of a cloud have it.
    town.breaks(BLOCKING, "a REJECT before the Engine's rules");
    let (fault, found) =
        broken(&town, "iptables -I FORWARD -j REJECT --reject-with icmp-host-prohibited", BLOCKING)?;
    assert!(
        text(&fault["summary"]).contains("chain FORWARD of table ip filter: rule 1 rejects every packet"),
        "{fault:#}"
    );
    let repair = text(&fault["fix"][1]).split_once(": ").map(|(_, command)| command.to_owned());
    assert_eq!(
        repair.as_deref(),
        Some(
            "iptables -t filter -S FORWARD 1 | grep -qxE -- '-A [^ ]+ -j REJECT( --reject-with [a-z0-9-]+)?' && iptables -t filter -D FORWARD 1"
        )
    );
    let began = Instant::now();
    run(&town, &repair.unwrap_or_default())?;
    town.expect(&[], 2 * OFTEN)?;
    told("a rule before the Engine's", found, began.elapsed());

    // What somebody meant to allow some by, and allows none.
    town.breaks(BLOCKING, "a DROP for all in DOCKER-USER");
    let (fault, found) = broken(&town, "iptables -I DOCKER-USER -j DROP", BLOCKING)?;
    assert!(
        text(&fault["summary"]).contains("chain DOCKER-USER of table ip filter: rule 1 drops every packet"),
        "{fault:#}"
    );
    let repair = text(&fault["fix"][2]).split_once(": ").map(|(_, command)| command.to_owned());
    assert_eq!(repair.as_deref(), Some("iptables -t filter -D DOCKER-USER -j DROP"));
    let began = Instant::now();
    run(&town, &repair.unwrap_or_default())?;
    town.expect(&[], 2 * OFTEN)?;
    told("a rule for all in DOCKER-USER", found, began.elapsed());
    silence(&town, INTERVAL)?;
    town.expect_no_trace(&before)
}

#[test]
fn firewalls_that_let_containers_through_are_no_fault() -> Result<()> {
    let town = town(&[])?;
    let capability = r#"destination_exporter_capability{capability="firewall"}"#;
    town.expect_series(capability, Some("1"), EVENT)?;
    // ufw's and firewalld's, in brief.
    for command in [
        "iptables -A INPUT -i lo -j ACCEPT && iptables -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
        "iptables -N ufw-before-input && iptables -A ufw-before-input -p icmp -j ACCEPT && iptables -A INPUT -j ufw-before-input",
        "iptables -P INPUT DROP",
        "iptables -N ufw-before-forward && iptables -A FORWARD -j ufw-before-forward",
        "iptables -A FORWARD -j REJECT --reject-with icmp-host-prohibited",
        "nft add table inet firewalld && nft add chain inet firewalld filter_FORWARD_POLICIES",
        "nft 'add chain inet firewalld filter_FORWARD { type filter hook forward priority 10 ; policy accept ; }'",
        "nft 'add rule inet firewalld filter_FORWARD_POLICIES iifname \"br-*\" accept'",
        "nft add rule inet firewalld filter_FORWARD ct state established,related accept",
        "nft add rule inet firewalld filter_FORWARD ct status dnat accept",
        "nft add rule inet firewalld filter_FORWARD jump filter_FORWARD_POLICIES",
        "nft add rule inet firewalld filter_FORWARD reject with icmpx admin-prohibited",
    ] {
        run(&town, command)?;
    }
    silence(&town, 3 * INTERVAL)?;
    town.expect_series(capability, Some("1"), EVENT)?;
    Ok(())
}

/// There never were any rules, and nobody misses them.
#[test]
fn an_engine_that_is_told_to_write_no_rules() -> Result<()> {
    let lab = Lab::start_set(r#"{"iptables": false}"#)?;
    let image = lab.busybox_image()?;
    lab.docker(&["network", "create", "shop"])?;
    for (name, more) in [("web", &["-p", "8081:8080"][..]), ("api", &[])] {
        let run = ["run", "-d", "--name", name, "--network", "shop"];
        lab.docker(&[&run[..], more, &[&image, "httpd", "-f", "-p", "8080", "-h", "/etc"]].concat())?;
    }
    let binary = Path::new(env!("CARGO_BIN_EXE_destination-exporter"));
    let mut exporter = Exporter::serve(&lab, binary, "{}\n", &[])?;
    exporter.wait_ready()?;
    let town = Watched::new(lab, exporter, INTERVAL);
    silence(&town, 2 * INTERVAL)
}

/// Who may not read the firewall tells of the symptoms as before, and lacks nothing else.
#[test]
fn without_the_privilege_the_symptoms_are_told() -> Result<()> {
    let town = town(&WITHOUT)?;
    let before = town.series()?;
    town.expect_series(r#"destination_exporter_capability{capability="firewall"}"#, Some("0"), EVENT)?;
    town.expect_series(
        r#"destination_exporter_capability{capability="network_namespaces"}"#,
        Some("1"),
        EVENT,
    )?;
    // Neighbours reach each other whatever the rules.
    run(&town, "sysctl -q -w net.bridge.bridge-nf-call-iptables=0")?;
    run(&town, "iptables -F FORWARD")?;
    let (_, found) = town.expect(&["egress-blocked host"], INTERVAL)?;
    sleep(OFTEN);
    town.expect(&["egress-blocked host"], EVENT)?;
    let gone = engine_anew(&town, "egress-blocked host")?;
    run(&town, "sysctl -q -w net.bridge.bridge-nf-call-iptables=1")?;
    town.expect_no_trace(&before)?;
    told("without the privilege", found, gone);
    Ok(())
}
