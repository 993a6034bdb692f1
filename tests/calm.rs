//! Fifty public routes on which people deploy all the time stay without a finding.
//!
//! `REDEPLOY_SECONDS` says for how long; as a test a minute.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use lab::apps::App;
use lab::proxies::{Authority, Traefik, Visit};
use lab::{Error, Exporter, Lab, Result};

/// Resources, each with this many sites.
const APPS: usize = 10;
const SITES: usize = 5;
/// A deployment takes about this long, so that each resource is deployed more than once in a minute.
const PAUSE: Duration = Duration::from_millis(300);

/// The `n`th deployment of a resource: every second one has a health check, the last two sites of each have TLS.
struct Deployment {
    resource: String,
    name: String,
    has_check: bool,
}

impl Deployment {
    fn new(app: usize, n: usize) -> Self {
        let resource = format!("app{app}");
        Self { name: format!("{resource}-{n:06}"), resource, has_check: app % 2 == 1 }
    }

    fn domain(&self, site: usize) -> String {
        format!("{}-{site}.example.com", self.resource)
    }

    fn network(&self) -> &'static str {
        if self.has_check { "shop" } else { "blog" }
    }

    fn run(&self, lab: &Lab) -> Result<()> {
        let mut app = App::new(&self.name, self.network()).deploys(&self.resource);
        for site in 0..SITES {
            let domain = self.domain(site);
            app = if site < SITES - 2 { app.at(&domain, 3000) } else { app.at_https(&domain, 3000) };
        }
        if self.has_check {
            app = app.checked_by("wget -q -O /dev/null http://127.0.0.1:3000/");
        }
        app.run(lab)
    }

    /// As Coolify does it: the new one runs, and is healthy where it has a check, before the old one is asked to go.
    fn replace(&self, lab: &Lab, old: &Self) -> Result<()> {
        self.run(lab)?;
        let health = ["inspect", "-f", "{{.State.Health.Status}}", &self.name];
        while self.has_check && lab.docker(&health)? != "healthy" {
            sleep(Duration::from_millis(200));
        }
        lab.docker(&["stop", "-t", "1", &old.name])?;
        lab.docker(&["rm", "-f", &old.name]).map(drop)
    }
}

fn street() -> Result<(Lab, Exporter)> {
    let lab = Lab::start()?;
    lab.busybox_image()?;
    for (network, subnet) in [("shop", "10.1.0.0/24"), ("blog", "10.2.0.0/24")] {
        lab.docker(&["network", "create", "--subnet", subnet, network])?;
    }
    let traefik = Traefik::prepare(&lab, Path::new(env!("CARGO_MANIFEST_DIR")))?;
    let authority = Authority::new()?;
    let authorities = lab.folder().join("authorities.pem");
    std::fs::write(&authorities, &authority.certificate)
        .map_err(|e| Error::io("writing the authority's certificate", e))?;
    traefik.show(&[&authority.issue(&["*.example.com"])?], None)?;
    traefik.run(&lab, &["shop", "blog"])?;
    for app in 0..APPS {
        Deployment::new(app, 0).run(&lab)?;
    }
    let config = format!("certificates: {{ca_file: {}}}\n", authorities.display());
    let binary = Path::new(env!("CARGO_BIN_EXE_destination-exporter"));
    let mut exporter = Exporter::serve(&lab, binary, &config, &[])?;
    exporter.wait_ready()?;
    Ok((lab, exporter))
}

#[test]
fn nobody_is_alarmed_by_deployments_behind_a_proxy() -> Result<()> {
    let seconds = std::env::var("REDEPLOY_SECONDS").ok();
    let seconds = seconds.map_or(60, |text| text.parse().expect("REDEPLOY_SECONDS is a number"));
    let (lab, exporter) = street()?;
    let (over, looks) = (AtomicBool::new(false), AtomicUsize::new(0));
    let mut deployed = BTreeMap::<usize, usize>::new();
    scope(|scope| -> Result<()> {
        let watch = scope.spawn(|| -> Result<()> {
            while !over.load(Ordering::Relaxed) {
                look(&exporter)?;
                looks.fetch_add(1, Ordering::Relaxed);
                sleep(Duration::from_millis(100));
            }
            Ok(())
        });
        let began = Instant::now();
        let mut done = Ok(());
        for (n, app) in (1..).flat_map(|n| (0..APPS).map(move |app| (n, app))) {
            if done.is_err() || began.elapsed() > Duration::from_secs(seconds) || watch.is_finished() {
                break;
            }
            done = Deployment::new(app, n).replace(&lab, &Deployment::new(app, n - 1));
            *deployed.entry(app).or_default() += 1;
            sleep(PAUSE);
        }
        // What the last one left behind is looked at as well.
        sleep(Duration::from_secs(20));
        over.store(true, Ordering::Relaxed);
        watch.join().expect("an alarm")?;
        done
    })?;
    all_are_served(&lab, &exporter)?;
    println!("no alarm in {} looks; {deployed:?}", looks.load(Ordering::Relaxed));
    assert!(deployed.len() == APPS, "not everybody was deployed: {deployed:?}");
    Ok(())
}

/// No finding above info, and no destination that is not well.
fn look(exporter: &Exporter) -> Result<()> {
    let page = exporter.metrics()?;
    let finding = |line: &&str| line.starts_with("destination_finding{") && !line.contains("\"info\"");
    let alarms: Vec<&str> = page.lines().filter(finding).collect();
    if !alarms.is_empty() {
        let report = exporter.report()?;
        panic!("{alarms:#?}\n{}\n{}", lab::watched::gist(&report), exporter.log());
    }
    let unhealthy = |line: &&str| line.starts_with("destination_healthy{") && line.ends_with(" 0");
    assert_eq!(page.lines().find(unhealthy), None, "{page}");
    Ok(())
}

/// The exporter knows every site as served, and a visitor gets it.
fn all_are_served(lab: &Lab, exporter: &Exporter) -> Result<()> {
    let page = exporter.metrics()?;
    let up = page.lines().filter(|line| line.starts_with("destination_route_up{") && line.ends_with(" 1"));
    assert_eq!(up.count(), APPS * SITES, "{page}");
    for app in 0..APPS {
        let domain = Deployment::new(app, 0).domain(SITES - 1);
        let visit = Visit::to(lab, &format!("https://{domain}/"), None, 5)?;
        assert_eq!(visit.status, 200, "{domain}: {visit:?}");
    }
    Ok(())
}
