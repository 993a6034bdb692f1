//! A lab with Coolify's proxy before twenty web servers, which have two hundred sites.

use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use lab::apps::App;
use lab::proxies::{Authority, NAME, Paper, Traefik};
use lab::{Error, Lab, Result};

use crate::exporter::Exporter;
use crate::told::{report, routes};
use crate::town::Town;

const PROJECT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// Each with five containers; the sites on the last two have TLS.
const DESTINATIONS: [&str; 4] = ["plain-0", "plain-1", "secure-0", "secure-1"];
const ON_EACH: usize = 5;
const SITES_OF_ONE: usize = 10;
pub const ROUTES: usize = DESTINATIONS.len() * ON_EACH * SITES_OF_ONE;
/// Until the proxy serves them all and the exporter has seen it.
const PATIENCE: Duration = Duration::from_secs(60);

/// The lab, and whose certificates its sites have.
pub struct Street {
    pub town: Town,
    /// A file in PEM, which the exporter and its peer believe.
    pub authorities: String,
    /// Every site with TLS.
    pub secure: Vec<String>,
}

impl Street {
    pub fn build() -> Result<Self> {
        let town = Town { lab: Lab::start()?, containers: Vec::new() };
        town.lab.busybox_image()?;
        let authority = Authority::new()?;
        let authorities = town.write("authorities.pem", &authority.certificate)?;
        for (n, network) in DESTINATIONS.into_iter().enumerate() {
            town.lab.docker(&["network", "create", "--subnet", &format!("10.77.{n}.0/24"), network])?;
        }
        let secure: Vec<String> = containers().filter(|(d, _)| is_secure(d)).flat_map(sites).collect();
        let papers = secure.iter().map(|site| authority.issue(&[site])).collect::<Result<Vec<Paper>>>()?;
        let traefik = Traefik::prepare(&town.lab, Path::new(PROJECT))?;
        traefik.show(&papers.iter().collect::<Vec<_>>(), None)?;
        traefik.run(&town.lab, &DESTINATIONS)?;
        for (destination, n) in containers() {
            let name = name(destination, n);
            let mut app = App::new(&name, destination);
            for site in sites((destination, n)) {
                app = if is_secure(destination) { app.at_https(&site, 3000) } else { app.at(&site, 3000) };
            }
            app.run(&town.lab)?;
        }
        wait_healthy(&town.lab)?;
        Ok(Self { town, authorities, secure })
    }

    /// The settings that every exporter here has, as a file begins.
    pub fn settings(&self) -> String {
        format!("certificates: {{ca_file: {}}}\n", self.authorities)
    }

    /// Waits until the exporter says that all is well, every site served.
    pub fn wait_well(&self, exporter: &Exporter<'_>) -> Result<()> {
        let began = Instant::now();
        loop {
            let report = report(exporter)?;
            let up = routes(&report).filter(|route| route["up"] == true).count();
            if up == ROUTES && report["status"] == "healthy" {
                return Ok(());
            }
            if began.elapsed() > PATIENCE {
                let routes = routes(&report).count();
                return Err(Error::new(format!(
                    "{up} of {routes} routes are up, of {ROUTES} in all; the report is {}: {}",
                    report["status"],
                    lab::watched::gist(&report).lines().take(20).collect::<Vec<_>>().join("\n")
                )));
            }
            sleep(Duration::from_millis(500));
        }
    }
}

fn containers() -> impl Iterator<Item = (&'static str, usize)> {
    DESTINATIONS.into_iter().flat_map(|destination| (0..ON_EACH).map(move |n| (destination, n)))
}

fn is_secure(destination: &str) -> bool {
    destination.starts_with("secure")
}

fn name(destination: &str, n: usize) -> String {
    format!("{destination}-app-{n}")
}

fn sites((destination, n): (&str, usize)) -> Vec<String> {
    (0..SITES_OF_ONE).map(|site| format!("site-{site}.{}.example.com", name(destination, n))).collect()
}

/// The proxy looks at all containers anew when it hears of its own health; after that nothing changes.
fn wait_healthy(lab: &Lab) -> Result<()> {
    let began = Instant::now();
    while lab.docker(&["inspect", "-f", "{{.State.Health.Status}}", NAME])? != "healthy" {
        if began.elapsed() > PATIENCE {
            return Err(Error::new("the proxy does not get healthy"));
        }
        sleep(Duration::from_millis(100));
    }
    Ok(())
}
