//! A container that is told its database's address, and what of its environment leaves the exporter.

use std::path::Path;
use std::time::Duration;

use lab::watched::{INTERVAL, Watched, finding, text};
use lab::{Exporter, Lab, Result};

use crate::{EVENT, told};

/// A word that stands in values alone.
const SECRET: &str = "geheimnis";
const ASIDE: &str = "hard-coded-address api";

fn watched(lab: Lab, settings: &str) -> Result<Watched> {
    let binary = Path::new(env!("CARGO_BIN_EXE_destination-exporter"));
    let mut exporter = Exporter::serve(&lab, binary, settings, &["--log.level", "trace"])?;
    exporter.wait_ready()?;
    Ok(Watched::new(lab, exporter, INTERVAL))
}

#[test]
fn a_database_that_is_found_by_its_address() -> Result<()> {
    let lab = Lab::start()?;
    let image = lab.busybox_image()?;
    lab.docker(&["network", "create", "--subnet", "10.1.0.0/24", "shop"])?;
    let database = ["nc", "-ll", "-p", "5432", "-e", "/bin/cat"];
    lab.docker(&[&["run", "-d", "--name", "db", "--network", "shop", &image][..], &database].concat())?;
    let address = "{{(index .NetworkSettings.Networks \"shop\").IPAddress}}";
    let address = lab.docker(&["inspect", "-f", address, "db"])?;
    let url = |host: &str| format!("DATABASE_URL=postgres://{SECRET}:{SECRET}@{host}:5432/{SECRET}");
    let start = |lab: &Lab, host: &str| {
        let (url, password) = (url(host), format!("PASSWORD={SECRET}"));
        let run = ["run", "-d", "--name", "api", "--network", "shop", "-e", &url, "-e", &password, &image];
        lab.docker(&[&run[..], &["httpd", "-f", "-p", "3000", "-h", "/"]].concat())
    };
    start(&lab, &address)?;
    let series = r#"destination_finding{destination="shop",code="hard-coded-address",severity="info",subject="api",subject_kind="container"}"#;

    // Nobody asked for it.
    let town = watched(lab, "{}\n")?;
    town.expect(&[], Duration::ZERO)?;
    std::thread::sleep(EVENT);
    town.expect_series(series, None, Duration::ZERO)?;
    let town = watched(town.into_lab(), "findings: {hard_coded_address: true}\n")?;
    // It stood before the exporter did: no event tells of it.
    town.expect_series(series, Some("1"), EVENT)?;
    town.lab.docker(&["rm", "-f", "api"])?;
    town.expect_aside(ASIDE, false, EVENT)?;
    start(&town.lab, &address)?;
    let (report, found) = town.expect_aside(ASIDE, true, EVENT)?;
    let fault = finding(&report, "hard-coded-address");
    assert!(
        text(&fault["summary"])
            .starts_with("Container `api` finds `db` by an address in its variable `DATABASE_URL`:"),
        "{fault:#}"
    );
    assert_eq!(fault["evidence"][0]["expected"], "the name db");
    for page in ["/diagnostics", "/metrics", "/topology", "/"] {
        let page = town.exporter.get(page)?;
        assert!(!format!("{page:?}").contains(SECRET), "{page:?}");
    }
    assert!(!town.exporter.log().contains(SECRET), "{}", town.exporter.log());

    // By its name, and deployed anew.
    town.lab.docker(&["rm", "-f", "api"])?;
    start(&town.lab, "db")?;
    let (_, gone) = town.expect_aside(ASIDE, false, EVENT)?;
    // An address that somebody chose stays.
    town.lab.docker(&["rm", "-f", "api", "db"])?;
    let chosen = ["run", "-d", "--name", "db", "--network", "shop", "--ip", "10.1.0.77", &image];
    town.lab.docker(&[&chosen[..], &database].concat())?;
    start(&town.lab, "10.1.0.77")?;
    town.expect(&[], EVENT)?;
    std::thread::sleep(EVENT);
    town.expect_series(series, None, Duration::ZERO)?;
    told("a database that is found by its address", found, gone);
    Ok(())
}
