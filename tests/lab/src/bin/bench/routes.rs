//! What it costs to walk two hundred routes, how long a walk takes, and the same beside `blackbox_exporter`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::thread::sleep;
use std::time::{Duration, Instant};

use lab::{Error, Result};

use crate::blackbox::Blackbox;
use crate::exporter::Exporter;
use crate::page::Row;
use crate::rivals::Rate;
use crate::street::{ROUTES, Street, report, walks};
use crate::{Options, say};

/// Percent of a core.
const CPU_GOAL: f64 = 3.0;
const MEMORY_GOAL_MB: f64 = 6.0;
const WALK_GOAL_MS: f64 = 5.0;
/// How many times cheaper than the peer's.
const RIVAL_GOAL: f64 = 5.0;
/// As Prometheus asks, and as often as a route is walked.
const INTERVAL: Duration = Duration::from_secs(15);
/// Everything but routes is off where these alone are measured.
const OTHERS: [&str; 7] = ["icmp", "tcp", "dns", "http", "proxy", "published_port", "isolation"];

/// What watching costs.
struct Cost {
    /// Percent of a core.
    cpu: f64,
    megabytes: f64,
    /// Walks of routes, each leg of the way counted.
    rate: f64,
}

pub fn measure(street: &Street, options: &Options) -> Result<Vec<Row>> {
    say("the cost of watching, with every default but the routes");
    let off = "probes: {route: {enabled: false}, proxy: {enabled: false}}\n";
    let without = cost(street, &serve(street, options, off)?, options, false)?;
    say("the cost of watching, with every default");
    let exporter = serve(street, options, "")?;
    street.wait_well(&exporter)?;
    let with = cost(street, &exporter, options, true)?;
    say("how long a walk takes");
    let walks = durations(&exporter, options)?;
    street.wait_well(&exporter)?;
    drop(exporter);
    let (cpu, memory) = (with.cpu - without.cpu, with.megabytes - without.megabytes);
    let mut rows = vec![
        Row {
            work: format!(
                "walking {ROUTES} routes every 15 s, half of them with TLS: CPU, more than without"
            ),
            goal: format!("≤ {CPU_GOAL} % of a core"),
            figure: format!(
                "**{cpu:.2} %**: {:.2} against {:.2} ({:.0} walks a second, a scrape every 15 s)",
                with.cpu, without.cpu, with.rate
            ),
            holds: cpu <= CPU_GOAL,
        },
        Row {
            work: "the same: resident memory, more than without".to_owned(),
            goal: format!("≤ {MEMORY_GOAL_MB} MB"),
            figure: format!("**{memory:+.1} MB**: {:.1} against {:.1}", with.megabytes, without.megabytes),
            holds: memory <= MEMORY_GOAL_MB,
        },
        of_walks(&walks)?,
    ];
    rows.push(rivals(street, options)?);
    Ok(rows)
}

fn serve<'a>(street: &'a Street, options: &Options, settings: &str) -> Result<Exporter<'a>> {
    Exporter::serve(&street.town, &options.exporter, &(street.settings() + settings))
}

/// CPU over two minutes after the first rounds, and memory at their end.
fn cost(street: &Street, exporter: &Exporter<'_>, options: &Options, walks: bool) -> Result<Cost> {
    // The first listing after the one at the start has come and gone.
    sleep(Duration::from_secs(options.seconds(40)));
    let legs = || if walks { Ok(exporter.count("route")?.attempts) } else { Ok(0.0) };
    let before = legs()?;
    let (used, began) = (exporter.process.cpu()?, Instant::now());
    let window = Duration::from_secs(options.seconds(120));
    while began.elapsed() < window {
        sleep(INTERVAL.min(window.saturating_sub(began.elapsed())));
        exporter.get("/metrics")?;
    }
    let (cpu, elapsed) = (exporter.process.cpu()?.since(used), began.elapsed().as_secs_f64());
    let megabytes = exporter.process.status_megabytes("VmRSS")?;
    let rate = (legs()? - before) / elapsed;
    if walks {
        street.wait_well(exporter)?;
    }
    Ok(Cost { cpu: 100.0 * cpu.as_secs_f64() / elapsed, megabytes, rate })
}

/// How long each walk of an https door took, in milliseconds, in a few reports an interval apart. A walk that is in two
/// of them counts once.
fn durations(exporter: &Exporter<'_>, options: &Options) -> Result<Vec<f64>> {
    let mut last: BTreeMap<String, f64> = BTreeMap::new();
    let mut all = Vec::new();
    for _ in 0..options.seconds(75) / 15 + 1 {
        for walk in walks(&report(exporter)?)? {
            if last.insert(walk.domain, walk.seconds) != Some(walk.seconds) {
                all.push(walk.seconds * 1e3);
            }
        }
        sleep(INTERVAL);
    }
    all.sort_by(f64::total_cmp);
    Ok(all)
}

fn of_walks(sorted: &[f64]) -> Result<Row> {
    let at = |share: f64| sorted.get(((sorted.len() as f64 * share) as usize).min(sorted.len() - 1));
    let (Some(median), Some(p99)) = (at(0.5), at(0.99)) else {
        return Err(Error::new("no walk was measured"));
    };
    Ok(Row {
        work: "one walk through an https door, all phases, p99".to_owned(),
        goal: format!("≤ {WALK_GOAL_MS} ms"),
        figure: format!("**{p99:.2} ms** (median {median:.2} ms; {} walks)", sorted.len()),
        holds: *p99 <= WALK_GOAL_MS,
    })
}

/// The sites with TLS, each second, and nothing else.
fn rivals(street: &Street, options: &Options) -> Result<Row> {
    say("walks with TLS alone: destination-exporter");
    let mut settings = "probes:\n  budget_per_second: 100000\n  route: {interval: 1s}\n".to_owned();
    for other in OTHERS {
        let _ = writeln!(settings, "  {other}: {{enabled: false}}");
    }
    settings += "  overrides:\n  - {destination: \"plain-*\", kind: route, enabled: false}\n";
    let exporter = serve(street, options, &settings)?;
    sleep(Duration::from_secs(5));
    let doors = walks(&report(&exporter)?)?;
    let (before, used) = (exporter.count("route")?, exporter.process.cpu()?);
    sleep(Duration::from_secs(options.seconds(30)));
    let cpu = exporter.process.cpu()?.since(used);
    let now = exporter.count("route")?;
    drop(exporter);
    let (attempts, failures) = (now.attempts - before.attempts, now.failures - before.failures);
    if failures > attempts / 100.0 || doors.len() != street.secure.len() {
        return Err(Error::new(format!("{failures} of our {attempts} probes failed")));
    }
    let all = Rate { probes: attempts - failures, cpu };
    // Each site is asked three things: at its https door, at the http door that leads there, and behind the proxy.
    let ours = Rate { probes: all.probes / 3.0, cpu };
    say("the same sites: blackbox_exporter");
    let config = format!(
        "modules:\n  http_2xx: {{prober: http, timeout: 10s, http: {{preferred_ip_protocol: ip4, \
         tls_config: {{ca_file: {}}}}}}}\n",
        street.authorities
    );
    let path = |door: &crate::street::Walk| {
        format!("/probe?module=http_2xx&target=https://{}/&hostname={}\n", door.https, door.domain)
    };
    let blackbox = Blackbox::start_on_host(&street.town, &config, doors.iter().map(path).collect())?;
    let theirs = blackbox.measure(options.seconds(10))?;
    let ratio = ours.per_second() / theirs.per_second();
    Ok(Row {
        work: "https probes of sites behind the proxy per CPU-second, against blackbox_exporter's `http_2xx`"
            .to_owned(),
        goal: format!("≥ {RIVAL_GOAL}×"),
        figure: format!(
            "**{ratio:.1}×**: {:.0} against {:.0}; {:.0} a CPU-second with the plain door and the backend, which \
             ours asks besides",
            ours.per_second(),
            theirs.per_second(),
            all.per_second()
        ),
        holds: ratio >= RIVAL_GOAL,
    })
}
