//! A thousand addresses, an echo request a second to each: ours beside `smokeping_prober`, which does nothing else.

use std::net::Ipv4Addr;
use std::thread::sleep;
use std::time::{Duration, Instant};

use lab::{Error, Result};

use crate::exporter::Exporter;
use crate::page::Row;
use crate::smokeping::Smokeping;
use crate::town::Town;
use crate::{Options, say};

/// Percent of a core.
const GOAL: f64 = 10.0;
const TARGETS: u32 = 1000;
const FIRST: Ipv4Addr = Ipv4Addr::new(10, 78, 0, 1);
/// The far end's own address on the destination; the Engine begins with the lowest.
const FAR: &str = "10.77.0.200";
const SCRAPE_INTERVAL: Duration = Duration::from_secs(15);

/// Echo requests of a window and what they cost.
#[derive(Clone, Copy, Debug)]
pub struct Echoes {
    pub sent: f64,
    pub lost: f64,
}

pub fn measure(options: &Options) -> Result<Row> {
    say("a lab with one container, and a thousand addresses beyond it");
    let town = Town::build(1, 1)?;
    let targets: Vec<Ipv4Addr> = (0..TARGETS).map(|n| Ipv4Addr::from(u32::from(FIRST) + n)).collect();
    far_end(&town, &targets)?;
    let window = Duration::from_secs(options.seconds(60));
    say("a thousand echo requests a second: smokeping_prober");
    let smokeping = Smokeping::start(&town, &targets)?;
    let (theirs, their_rate) = watch(window, || smokeping.process.cpu(), || smokeping.count())?;
    drop(smokeping);
    say("a thousand echo requests a second: destination-exporter");
    let exporter = Exporter::serve(&town, &options.exporter, &config(&targets))?;
    let count = || {
        let count = exporter.count("icmp_external")?;
        Ok(Echoes { sent: count.attempts, lost: count.failures })
    };
    let (ours, our_rate) = watch(window, || exporter.process.cpu(), count)?;
    Ok(Row {
        work: format!(
            "{TARGETS} addresses, an echo request a second to each: CPU, beside smokeping_prober's"
        ),
        goal: format!("≤ {GOAL} % of a core"),
        figure: format!(
            "**{ours:.1} %** ({our_rate:.0} a second); smokeping_prober {theirs:.1} % ({their_rate:.0} a second)"
        ),
        holds: ours <= GOAL,
    })
}

/// The percent of a core that a prober takes, and how many requests a second it sends. It is scraped as Prometheus
/// does: so both tell their results.
fn watch(
    window: Duration,
    cpu: impl Fn() -> Result<crate::process::Cpu>,
    count: impl Fn() -> Result<Echoes>,
) -> Result<(f64, f64)> {
    sleep(Duration::from_secs(5));
    let (used, began) = (cpu()?, Instant::now());
    let before = count()?;
    let (mut now, mut at) = (before, began);
    while began.elapsed() < window {
        sleep(SCRAPE_INTERVAL.min(window.saturating_sub(began.elapsed())));
        at = Instant::now();
        now = count()?;
    }
    let (cpu, seconds) = (cpu()?.since(used), at.duration_since(began).as_secs_f64());
    let (sent, lost) = (now.sent - before.sent, now.lost - before.lost);
    let rate = sent / seconds;
    // A round may be under way at either end, and one or two are not told yet: pages are renewed every two seconds.
    let rounds_missed = seconds - sent / f64::from(TARGETS);
    if lost > f64::from(TARGETS) || rounds_missed > 3.0 {
        return Err(Error::new(format!("of {rate:.0} requests a second {lost} in all were lost")));
    }
    Ok((100.0 * cpu.as_secs_f64() / seconds, rate))
}

/// Nothing but these echo requests, one a run.
fn config(targets: &[Ipv4Addr]) -> String {
    let mut config =
        "probes:\n  budget_per_second: 100000\n  in_flight_per_namespace: 1024\n  icmp_packets: 1\n  \
                      icmp_external: {interval: 1s}\n"
            .to_owned();
    for other in ["icmp", "tcp", "dns", "http", "path_mtu"] {
        config += &format!("  {other}: {{enabled: false}}\n");
    }
    config += "  external_addresses:\n";
    for target in targets {
        config += &format!("  - {target}\n");
    }
    config
}

/// A namespace that has all the addresses, on the destination's bridge, and the container's route to it. It is no
/// destination's container, so nobody probes from there; and to the container it is one neighbour, not a thousand.
fn far_end(town: &Town, targets: &[Ipv4Addr]) -> Result<()> {
    let image = town.lab.busybox_image()?;
    town.lab.docker(&["run", "-d", "--name", "far", "--network", "none", &image, "sleep", "86400"])?;
    let pid = town.lab.docker(&["inspect", "-f", "{{.State.Pid}}", "far"])?;
    let network = town.lab.docker(&["network", "inspect", "-f", "{{.Id}}", "destination-0"])?;
    let bridge = format!("br-{}", network.get(..12).unwrap_or_default());
    let on_host = |args: &[&str]| lab::run(town.lab.on_host("ip").args(args));
    on_host(&["link", "add", "far", "type", "veth", "peer", "name", "eth0", "netns", &pid])?;
    on_host(&["link", "set", "far", "master", &bridge, "up"])?;
    let mut batch = format!("address add {FAR}/24 dev eth0\nlink set eth0 up\n");
    for target in targets {
        batch += &format!("address add {target}/32 dev eth0\n");
    }
    let batch = town.write("far.batch", &batch)?;
    let pid = pid.parse().map_err(|_| Error::new(format!("an odd process id: {pid:?}")))?;
    lab::run(town.inside(pid, "ip").args(["-batch", &batch]))?;
    lab::run(town.inside_first("ip")?.args(["route", "add", "10.78.0.0/16", "via", FAR]))?;
    Ok(())
}
