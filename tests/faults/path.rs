//! Ways that carry less than their ends, and the way back to the host's own address.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use lab::watched::{INTERVAL, Watched, finding, text};
use lab::{Engine, Exporter, Lab, Result};

use crate::told;

/// Oftener than by default, or the tests take minutes.
const OFTEN: Duration = Duration::from_secs(5);
const SETTINGS: &str = "probes: {external_addresses: [192.0.2.1], path_mtu: {interval: 5s}, hairpin: {interval: 5s}, \
                        published_port: {interval: 5s}}\n";

fn run(lab: &Lab, command: &str) -> Result<String> {
    lab.exec_on_host(&command.split(' ').collect::<Vec<_>>())
}

/// `up0` leads to a router, and the router to 192.0.2.1.
fn internet(lab: &Lab) -> Result<()> {
    for command in [
        "ip netns add router",
        "ip netns add internet",
        "ip link add up0 type veth peer name in0",
        "ip link set in0 netns router",
        "ip addr add 198.51.100.2/24 dev up0",
        "ip link set up0 up",
        "ip -n router addr add 198.51.100.1/24 dev in0",
        "ip -n router link set in0 up",
        "ip -n router link add out0 type veth peer name far0 netns internet",
        "ip -n router addr add 192.0.2.2/24 dev out0",
        "ip -n router link set out0 up",
        "ip -n internet link set lo up",
        "ip -n internet addr add 192.0.2.1/24 dev far0",
        "ip -n internet link set far0 up",
        "ip -n internet route add default via 192.0.2.2",
        "ip route replace default via 198.51.100.1",
    ] {
        run(lab, command)?;
    }
    // Not every Engine's host has `sysctl`.
    let forward = "echo 1 >/proc/sys/net/ipv4/ip_forward";
    lab.exec_on_host(&["ip", "netns", "exec", "router", "sh", "-c", forward]).map(drop)
}

/// `shop` with `web` and `api`, `blog` with `blog`; `coolify-proxy` on its own network publishes 80 and 443.
fn town() -> Result<Watched> {
    well(Lab::start()?)
}

fn well(lab: Lab) -> Result<Watched> {
    let town = watched(lab)?;
    for (on, source) in [("shop", "api"), ("blog", "blog")] {
        town.expect_series(&passes(on, source, "192.0.2.1"), Some("1500"), INTERVAL)?;
        let hairpin = format!(
            r#"destination_probe_success{{destination="{on}",probe="hairpin",source="{source}",target="coolify-proxy"}}"#
        );
        town.expect_series(&hairpin, Some("1"), INTERVAL)?;
    }
    town.expect_series(&passes("shop", "api", "web"), Some("1500"), INTERVAL)?;
    stays(&town, &[], 2 * OFTEN)?;
    Ok(town)
}

fn watched(lab: Lab) -> Result<Watched> {
    internet(&lab)?;
    let image = lab.busybox_image()?;
    for (network, subnet) in [("shop", "10.1.0.0/24"), ("blog", "10.2.0.0/24"), ("coolify", "10.3.0.0/24")] {
        lab.docker(&["network", "create", "--subnet", subnet, network])?;
    }
    for (name, network) in [("web", "shop"), ("api", "shop"), ("blog", "blog")] {
        let run = ["run", "-d", "--name", name, "--network", network, &image];
        lab.docker(&[&run[..], &["httpd", "-f", "-p", "8080", "-h", "/etc"]].concat())?;
    }
    proxy(&lab, &image)?;
    let binary = Path::new(env!("CARGO_BIN_EXE_destination-exporter"));
    let mut exporter = Exporter::serve(&lab, binary, SETTINGS, &[])?;
    exporter.wait_ready()?;
    Ok(Watched::new(lab, exporter, OFTEN))
}

/// As Coolify gives them to Traefik; here nobody reads them.
const DOORS: [&str; 2] = ["--entrypoints.http.address=:80", "--entrypoints.https.address=:443"];

/// Something that the inventory takes for the proxy, and that listens where Coolify's does.
fn proxy(lab: &Lab, image: &str) -> Result<()> {
    lab.docker(&["tag", image, "traefik:v3.6"])?;
    let serve = "httpd -p 80 -h /etc; exec httpd -f -p 443 -h /etc";
    let publishes = ["-p", "80:80", "-p", "443:443"];
    let run = ["run", "-d", "--name", "coolify-proxy", "--network", "coolify"];
    lab.docker(&[&run[..], &publishes, &["traefik:v3.6", "sh", "-c", serve], &DOORS].concat()).map(drop)
}

fn passes(on: &str, source: &str, target: &str) -> String {
    format!(r#"destination_path_mtu_bytes{{destination="{on}",source="{source}",target="{target}"}}"#)
}

/// For so long just these are found.
fn stays(town: &Watched, wanted: &[&str], long: Duration) -> Result<()> {
    let wanted: BTreeSet<String> = wanted.iter().map(ToString::to_string).collect();
    let until = std::time::Instant::now() + long;
    while std::time::Instant::now() < until {
        let now = town.findings()?;
        assert_eq!(now, wanted, "{}", lab::watched::gist(&town.exporter.report()?));
        std::thread::sleep(Duration::from_millis(200));
    }
    Ok(())
}

#[test]
fn large_packets_that_vanish_on_the_way_out() -> Result<()> {
    let town = town()?;
    let before = town.series()?;
    let drop = "netns exec router iptables -I FORWARD -m length --length 1401:65535 -j DROP";
    run(&town.lab, &format!("ip {drop}"))?;
    let (report, found) = town.expect(&["path-mtu-blackhole host"], 2 * OFTEN)?;
    let hole = finding(&report, "path-mtu-blackhole");
    assert_eq!(
        text(&hole["summary"]),
        "Every destination gets packets of up to 1400 bytes to 192.0.2.1 and back, larger ones vanish, and nobody says so: \
         large answers hang."
    );
    assert_eq!(text(&hole["severity"]), "ticket");
    town.expect_series(&passes("shop", "api", "192.0.2.1"), Some("1400"), OFTEN)?;
    town.expect_series(&passes("shop", "api", "web"), Some("1500"), OFTEN)?;
    stays(&town, &["path-mtu-blackhole host"], OFTEN)?;
    run(&town.lab, &format!("ip {}", drop.replace("-I", "-D")))?;
    let (_, gone) = town.expect(&[], 2 * OFTEN)?;
    town.expect_no_trace(&before)?;
    told("large packets that vanish on the way out", found, gone);

    // An honest router: it says what it carries, and connections find their size.
    run(&town.lab, "ip -n router link set out0 mtu 1400")?;
    run(&town.lab, "ip -n internet link set far0 mtu 1400")?;
    town.expect_series(&passes("shop", "api", "192.0.2.1"), Some("1400"), 2 * OFTEN)?;
    stays(&town, &[], 2 * OFTEN)?;
    // Until what it says is dropped.
    let mute = "ip netns exec router iptables -I OUTPUT -p icmp --icmp-type fragmentation-needed -j DROP";
    run(&town.lab, mute)?;
    town.expect(&["path-mtu-blackhole host"], 2 * OFTEN)?;
    run(&town.lab, &mute.replace("-I", "-D"))?;
    let (_, gone) = town.expect(&[], 2 * OFTEN)?;
    told("a router that says so again", Duration::ZERO, gone);

    // The host's own way out is the narrow one, and its notice is lost: one finding, and the cause of it.
    run(&town.lab, "ip link set up0 mtu 1400")?;
    let mute = "iptables -I OUTPUT -p icmp --icmp-type fragmentation-needed -j DROP";
    run(&town.lab, mute)?;
    town.expect(&["network-mtu-mismatch up0"], INTERVAL)?;
    town.expect_series(&passes("shop", "api", "192.0.2.1"), Some("1400"), 2 * OFTEN)?;
    stays(&town, &["network-mtu-mismatch up0"], 2 * OFTEN)?;
    let report = town.exporter.report()?;
    let explains = finding(&report, "network-mtu-mismatch")["explains"].to_string();
    assert!(explains.contains("path_mtu api → 192.0.2.1 (192.0.2.1): too_big"), "{explains}");
    Ok(())
}

#[test]
fn a_neighbour_whose_interface_takes_less() -> Result<()> {
    let town = town()?;
    let before = town.series()?;
    town.inside("web", &["ip", "link", "set", "eth0", "mtu", "1400"])?;
    let (report, found) = town.expect(&["path-mtu-blackhole shop"], 2 * OFTEN)?;
    let hole = finding(&report, "path-mtu-blackhole");
    // To what comes in an interface gives four bytes more, for the tag of a VLAN.
    assert!(
        text(&hole["summary"])
            .starts_with("Packets of more than 1404 bytes vanish on the way from `api` to `web`"),
        "{hole:#}"
    );
    stays(&town, &["path-mtu-blackhole shop"], OFTEN)?;
    town.inside("web", &["ip", "link", "set", "eth0", "mtu", "1500"])?;
    let (_, gone) = town.expect(&[], 2 * OFTEN)?;
    town.expect_no_trace(&before)?;
    told("a neighbour whose interface takes less", found, gone);
    Ok(())
}

#[test]
fn an_app_that_does_not_get_back_to_its_own_host() -> Result<()> {
    let town = town()?;
    let before = town.series()?;
    let bridge = |network: &str| -> Result<String> {
        let id = town.lab.docker(&["network", "inspect", "-f", "{{.Id}}", network])?;
        Ok(format!("br-{}", &id[..12]))
    };
    // One port for one network, repaired by the very command that is told.
    let shop = bridge("shop")?;
    run(&town.lab, &format!("iptables -I INPUT -i {shop} -p tcp --dport 80 -j DROP"))?;
    let (report, found) = town.expect(&["hairpin-blocked shop"], 3 * OFTEN)?;
    let blocked = finding(&report, "hairpin-blocked");
    assert_eq!((text(&blocked["severity"]), text(&blocked["destination"])), ("ticket", "shop"));
    stays(&town, &["hairpin-blocked shop"], OFTEN)?;
    let step = text(&blocked["fix"][1]).to_owned();
    let repair = step.rsplit(": ").next().unwrap_or_default().to_owned();
    assert_eq!(repair, "iptables -I INPUT -s 10.1.0.0/24 -p tcp --dport 80 -j ACCEPT", "{step}");
    run(&town.lab, &repair)?;
    let (_, gone) = town.expect(&[], 3 * OFTEN)?;
    town.expect_no_trace(&before)?;
    told("one port for one network", found, gone);
    run(&town.lab, "iptables -F INPUT")?;

    // As ufw leaves it: what is not allowed is dropped, and published ports pass by it.
    run(&town.lab, "iptables -A INPUT -i lo -j ACCEPT")?;
    run(&town.lab, "iptables -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT")?;
    run(&town.lab, "iptables -A INPUT -p icmp -j ACCEPT")?;
    run(&town.lab, "iptables -P INPUT DROP")?;
    let (_, found) = town.expect(&["hairpin-blocked host"], 3 * OFTEN)?;
    stays(&town, &["hairpin-blocked host"], OFTEN)?;
    run(&town.lab, "iptables -P INPUT ACCEPT")?;
    let (_, gone) = town.expect(&[], 3 * OFTEN)?;
    town.expect_no_trace(&before)?;
    told("a policy of DROP", found, gone);

    // That the proxy is down is told by others, or by nobody: not as this.
    town.lab.docker(&["exec", "coolify-proxy", "busybox", "killall", "httpd"]).ok();
    let began = std::time::Instant::now();
    while began.elapsed() < 3 * OFTEN {
        let now = town.findings()?;
        assert!(now.iter().all(|told| !told.starts_with("hairpin-blocked")), "{now:?}");
        std::thread::sleep(Duration::from_millis(200));
    }
    Ok(())
}

/// What is well on one Engine is well on the others: nobody is told of a way that their rules leave open.
fn is_well(engine: Engine) -> Result<()> {
    let town = well(Lab::start_with(engine)?)?;
    run(&town.lab, "iptables -I INPUT -s 10.2.0.0/24 -p tcp --dport 443 -j DROP")?;
    let (_, found) = town.expect(&["hairpin-blocked blog"], 3 * OFTEN)?;
    run(&town.lab, "iptables -D INPUT -s 10.2.0.0/24 -p tcp --dport 443 -j DROP")?;
    let (_, gone) = town.expect(&[], 3 * OFTEN)?;
    told("one port for one network", found, gone);
    Ok(())
}

#[test]
fn the_way_back_by_docker_26_1() -> Result<()> {
    is_well(Engine::docker_of(Path::new(env!("CARGO_MANIFEST_DIR")), "trixie")?)
}

/// Debian's newest, which moves on.
#[test]
#[ignore = "make test-matrix runs it"]
fn the_way_back_by_docker_of_sid() -> Result<()> {
    is_well(Engine::docker_of(Path::new(env!("CARGO_MANIFEST_DIR")), "sid")?)
}

/// Without the Engine's own process in between it keeps networks from each other's published ports: that is told, with why.
#[test]
fn the_way_back_without_the_userland_proxy() -> Result<()> {
    let lab = Lab::start_set(r#"{"userland-proxy": false}"#)?;
    let town = watched(lab)?;
    let (report, _) = town.expect(&["hairpin-blocked host"], 3 * OFTEN)?;
    let blocked = finding(&report, "hairpin-blocked");
    assert!(blocked["fix"].to_string().contains("userland-proxy"), "{blocked:#}");
    // On the proxy's own network packets are turned round.
    let run = ["run", "-d", "--name", "worker", "--network", "coolify", "busybox", "sleep", "600"];
    town.lab.docker(&run)?;
    town.expect(&["hairpin-blocked blog", "hairpin-blocked shop"], 3 * OFTEN)?;
    Ok(())
}
