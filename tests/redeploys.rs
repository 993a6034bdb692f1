//! A healthy host on which people deploy all the time stays without a finding.
//!
//! `REDEPLOY_SECONDS` says for how long; as a test half a minute, which holds every kind of deployment
//! more than once.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use lab::deploy::WAYS;
use lab::{Exporter, Lab, Result};

/// An app that was down for so long really was down, and is rightly told: on a busy machine the Engine
/// takes its time between two steps of a deployment.
const DOWN: Duration = Duration::from_millis(700);

/// By container name: when it died, and when that was over.
type Deaths = BTreeMap<String, Vec<(u64, Option<u64>)>>;

/// What the Engine itself says of who was down, and how long.
struct Downtimes {
    events: Child,
    seen: Arc<Mutex<Deaths>>,
}

impl Downtimes {
    fn follow(lab: &Lab) -> Self {
        let format = "{{.TimeNano}} {{.Action}} {{index .Actor.Attributes \"name\"}}";
        let mut events = lab.client();
        events.args(["events", "--filter", "type=container", "--format", format]).stdout(Stdio::piped());
        let mut events = events.spawn().expect("the Docker client starts");
        let lines = BufReader::new(events.stdout.take().expect("an output")).lines();
        let seen: Arc<Mutex<Deaths>> = Arc::default();
        let known = Arc::clone(&seen);
        std::thread::spawn(move || {
            for line in lines.map_while(std::result::Result::ok) {
                let [at, action, name] = *line.split(' ').collect::<Vec<_>>() else { continue };
                let at: u64 = at.parse().expect("nanoseconds");
                let mut known = known.lock().expect("not poisoned");
                let of = known.entry(name.to_owned()).or_default();
                match (action, of.last_mut()) {
                    ("die", _) => of.push((at, None)),
                    ("start" | "destroy", Some((_, over @ None))) => *over = Some(at),
                    _ => {}
                }
            }
        });
        Self { events, seen }
    }

    /// True where this container was down for long, just now or still.
    fn has_been_down(&self, name: &str) -> bool {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
        let now = u64::try_from(now.as_nanos()).expect("before 2554");
        let seen = self.seen.lock().expect("not poisoned");
        seen.get(name).and_then(|of| of.last()).is_some_and(|(died, over)| {
            let long = Duration::from_nanos(over.unwrap_or(now).saturating_sub(*died)) > DOWN;
            // Its finding goes within a second.
            long && over.is_none_or(|over| now.saturating_sub(over) < 2_000_000_000)
        })
    }
}

impl Drop for Downtimes {
    fn drop(&mut self) {
        let _ = self.events.kill();
        let _ = self.events.wait();
    }
}

#[test]
fn nobody_is_alarmed_by_a_deployment() -> Result<()> {
    let seconds = std::env::var("REDEPLOY_SECONDS").ok();
    let seconds = seconds.map_or(30, |text| text.parse().expect("REDEPLOY_SECONDS is a number"));
    let lab = Lab::start()?;
    lab.busybox_image()?;
    lab.docker(&["network", "create", "shop"])?;
    for (_, deploy) in WAYS {
        deploy(&lab, 0)?;
    }
    let binary = Path::new(env!("CARGO_BIN_EXE_destination-exporter"));
    let mut exporter = Exporter::serve(&lab, binary, "{}\n", &[])?;
    exporter.wait_ready()?;

    let downtimes = Downtimes::follow(&lab);
    let (over, looks, down) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
    let mut deployed: BTreeMap<&str, usize> = BTreeMap::new();
    scope(|scope| -> Result<()> {
        let watch = scope.spawn(|| -> Result<()> {
            while !over.load(Ordering::Relaxed) {
                let told = look(&exporter, &downtimes)?;
                down.fetch_add(usize::from(told), Ordering::Relaxed);
                looks.fetch_add(1, Ordering::Relaxed);
                sleep(Duration::from_millis(50));
            }
            Ok(())
        });
        let began = Instant::now();
        let mut done = Ok(());
        for n in 1.. {
            for (way, deploy) in WAYS {
                done = done.and_then(|()| deploy(&lab, n));
                *deployed.entry(way).or_default() += 1;
                sleep(Duration::from_millis(300));
            }
            if done.is_err() || began.elapsed() > Duration::from_secs(seconds) || watch.is_finished() {
                break;
            }
        }
        over.store(true, Ordering::Relaxed);
        watch.join().expect("an alarm")?;
        done
    })?;
    println!(
        "no false alarm in {} looks, a real downtime in {}; {deployed:?}",
        looks.load(Ordering::Relaxed),
        down.load(Ordering::Relaxed)
    );
    assert!(deployed.values().all(|times| *times > 1), "{deployed:?}");
    Ok(())
}

/// One look at the metrics; true where somebody really was down.
fn look(exporter: &Exporter, downtimes: &Downtimes) -> Result<bool> {
    let page = exporter.metrics()?;
    let finding = |line: &&str| line.starts_with("destination_finding{") && !line.contains("\"info\"");
    let (down, alarms): (Vec<&str>, Vec<&str>) = page.lines().filter(finding).partition(|line| {
        let subject = line.split("subject=\"").nth(1).and_then(|rest| rest.split('"').next());
        line.contains("\"container-unreachable\"")
            && subject.is_some_and(|name| downtimes.has_been_down(name))
    });
    if !alarms.is_empty() {
        let report = exporter.report()?;
        panic!("{alarms:?}\n{report:#}\n{}", exporter.log());
    }
    if !down.is_empty() {
        return Ok(true);
    }
    let unhealthy = |line: &&str| line.starts_with("destination_healthy{") && line.ends_with(" 0");
    assert!(page.lines().any(|line| line.starts_with("destination_healthy{")), "{page}");
    assert_eq!(page.lines().find(unhealthy), None, "{page}");
    Ok(false)
}
