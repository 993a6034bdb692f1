//! A host with Coolify's proxy before two destinations, an exporter on it, and what a visitor
//! of a site gets while the exporter says what is wrong with it.

use std::collections::BTreeSet;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use lab::apps::App;
use lab::proxies::{Authority, Caddy, NAME, Traefik, Visit};
use lab::watched::{INTERVAL, Watched};
use lab::{Error, Exporter, Lab, Result};
use serde_json::Value;

use crate::cases::named;
pub use crate::cases::{Case, Gets, Told};

/// What an Engine's event tells is found within this time; Traefik itself takes two seconds to hear of it.
pub const EVENT: Duration = Duration::from_secs(3);

/// Between two looks at a route. By default it is longer; here each fault waits for one. Whoever measures wants every
/// default.
fn look() -> Duration {
    if std::env::var_os("FAULTS").is_some() { INTERVAL } else { Duration::from_secs(5) }
}

/// How long a visitor waits for a page.
const PATIENCE: u32 = 5;

/// `shop` with `web`, `blog` with `blog`, each at `http://NAME.example.com`, and the proxy on both.
pub struct Street {
    watched: Watched,
    pub proxy: Proxy,
    pub authority: Authority,
}

/// Which one it is.
pub enum Proxy {
    Traefik(Traefik),
    Caddy(Caddy),
}

impl Deref for Street {
    type Target = Watched;

    fn deref(&self) -> &Watched {
        &self.watched
    }
}

impl Street {
    /// With Traefik, which has a certificate for `*.example.com`.
    pub fn build() -> Result<Self> {
        let (lab, authority) = ground()?;
        let traefik = Traefik::prepare(&lab, Path::new(env!("CARGO_MANIFEST_DIR")))?;
        traefik.show(&[&authority.issue(&["*.example.com"])?], None)?;
        traefik.run(&lab, &["shop", "blog"])?;
        // Traefik hears of its own container's health too, and looks at all of them anew.
        wait_healthy(&lab, NAME)?;
        Self::watch(lab, Proxy::Traefik(traefik), authority)
    }

    /// With Caddy.
    pub fn build_with_caddy() -> Result<Self> {
        let (lab, authority) = ground()?;
        let caddy = Caddy::prepare(&lab)?;
        caddy.run(&lab, &["shop", "blog"])?;
        Self::watch(lab, Proxy::Caddy(caddy), authority)
    }

    fn watch(lab: Lab, proxy: Proxy, authority: Authority) -> Result<Self> {
        let binary = Path::new(env!("CARGO_BIN_EXE_destination-exporter"));
        let config = format!(
            "certificates: {{ca_file: {}}}\nprobes: {{route: {{interval: {looks}s}}, isolation: {{interval: {looks}s}}}}\n",
            authorities(&lab).display(),
            looks = look().as_secs()
        );
        let mut exporter = Exporter::serve(&lab, binary, &config, &[])?;
        exporter.wait_ready()?;
        let street = Self { watched: Watched::new(lab, exporter, look()), proxy, authority };
        street.visit("http://web.example.com/", Gets::Status(200))?;
        // What is looked at last of all.
        let isolation = r#"destination_isolation_leaks{destination="blog",peer="shop"}"#;
        street.expect_series(isolation, Some("0"), INTERVAL)?;
        street.expect(&[], EVENT)?;
        Ok(street)
    }

    /// The proxy, where it is Traefik.
    pub fn traefik(&self) -> &Traefik {
        match &self.proxy {
            Proxy::Traefik(traefik) => traefik,
            Proxy::Caddy(_) => panic!("this street has Caddy"),
        }
    }

    /// Starts an app, and has the proxy know.
    pub fn open(&self, app: &App) -> Result<()> {
        app.run(&self.lab)?;
        self.follow()
    }

    /// Removes an app, and has the proxy know.
    pub fn close(&self, name: &str) -> Result<()> {
        self.lab.docker(&["rm", "-f", name])?;
        self.follow()
    }

    /// Traefik sees for itself.
    fn follow(&self) -> Result<()> {
        match &self.proxy {
            Proxy::Traefik(_) => Ok(()),
            Proxy::Caddy(caddy) => caddy.follow(&self.lab),
        }
    }

    /// Waits until a visitor of this URL gets that.
    pub fn visit(&self, url: &str, gets: Gets) -> Result<()> {
        let authorities = authorities(&self.lab);
        let began = Instant::now();
        loop {
            let visit = Visit::to(&self.lab, url, Some(&authorities), PATIENCE)?;
            let as_wanted = match gets {
                Gets::Status(status) => visit.status == status,
                Gets::Nothing(word) => visit.status == 0 && visit.error.contains(word),
            };
            if as_wanted {
                return Ok(());
            }
            assert!(
                began.elapsed() < Duration::from_secs(20),
                "a visitor of {url} gets {visit:?} and not {gets:?}"
            );
            sleep(Duration::from_millis(100));
        }
    }

    /// Waits until a fault is told, alone and as it should be; gives it.
    pub fn expect_told(&self, told: &Told, soon: Duration) -> Result<Value> {
        let mut all = self.expect_all(&[told], soon)?;
        Ok(all.swap_remove(0))
    }

    /// The same of several: these and nothing else. What is known of one may grow: whether it hits users is known when
    /// the site was asked for.
    pub fn expect_all(&self, told: &[&Told], soon: Duration) -> Result<Vec<Value>> {
        let names: Vec<&str> = told.iter().map(|told| told.finding).collect();
        let began = Instant::now();
        loop {
            let (report, _) = self.expect(&names, soon)?;
            let found: Vec<Value> = told.iter().map(|told| named(&report, told.finding)).collect();
            let odd = told.iter().zip(&found).find(|(told, one)| !told.is_right(one));
            let Some((told, one)) = odd else {
                println!("{}: found after {} ms", names.join(", "), began.elapsed().as_millis());
                return Ok(found);
            };
            assert!(began.elapsed() < soon + INTERVAL, "not as {told:?}: {one:#}");
            sleep(Duration::from_millis(20));
        }
    }

    /// Nothing changes in what is found, for two looks at every site.
    fn expect_steady(&self, told: &[&Told]) -> Result<()> {
        let names: Vec<&str> = told.iter().map(|told| told.finding).collect();
        let until = Instant::now() + look() * 2;
        while Instant::now() < until {
            self.expect(&names, Duration::ZERO)?;
            sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    /// Waits until nothing is found, and nothing is left of what was.
    pub fn expect_over(&self, before: &BTreeSet<String>) -> Result<()> {
        let (_, gone) = self.expect(&[], INTERVAL)?;
        println!("  gone after {} ms", gone.as_millis());
        self.expect_no_trace(before)
    }

    /// Apps come, each with a fault, and each fault is told and no other; right ones take their place, and go.
    pub fn come_broken(&self, cases: &[Case]) -> Result<()> {
        let before = self.series()?;
        for case in cases {
            if let Some(told) = &case.told {
                self.deploys(told.finding, case.what);
            }
            self.open(&case.broken)?;
        }
        for case in cases {
            self.visit(&case.url, case.gets)?;
        }
        let told: Vec<&Told> = cases.iter().filter_map(|case| case.told.as_ref()).collect();
        self.expect_all(&told, INTERVAL)?;
        self.expect_steady(&told)?;
        for case in cases {
            if let Some(told) = &case.told {
                self.repairs(told.finding);
            }
            self.close(case.broken.name())?;
            self.open(&case.right)?;
        }
        let (_, gone) = self.expect(&[], INTERVAL)?;
        println!("  gone after {} ms", gone.as_millis());
        for case in cases {
            self.visit(&case.url, Gets::Status(200))?;
        }
        self.expect(&[], Duration::ZERO)?;
        for case in cases {
            self.close(case.right.name())?;
        }
        self.expect_over(&before)
    }
}

/// The lab without a proxy, and who signs there.
fn ground() -> Result<(Lab, Authority)> {
    let lab = Lab::start()?;
    lab.busybox_image()?;
    for (network, subnet) in [("shop", "10.1.0.0/24"), ("blog", "10.2.0.0/24")] {
        lab.docker(&["network", "create", "--subnet", subnet, network])?;
    }
    let authority = Authority::new()?;
    std::fs::write(authorities(&lab), &authority.certificate)
        .map_err(|e| Error::io("writing the authority's certificate", e))?;
    App::new("web", "shop").at("web.example.com", 3000).run(&lab)?;
    App::new("blog", "blog").at("blog.example.com", 3000).run(&lab)?;
    Ok((lab, authority))
}

/// Waits until a container's own check says that it is well.
fn wait_healthy(lab: &Lab, container: &str) -> Result<()> {
    let began = Instant::now();
    while lab.docker(&["inspect", "-f", "{{.State.Health.Status}}", container])? != "healthy" {
        assert!(began.elapsed() < Duration::from_secs(30), "{container} does not get healthy");
        sleep(Duration::from_millis(100));
    }
    Ok(())
}

/// The file of authorities that visitors and the exporter trust.
fn authorities(lab: &Lab) -> PathBuf {
    lab.folder().join("authorities.pem")
}
