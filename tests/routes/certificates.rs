//! What is wrong with a site's certificate.

use std::time::Duration;

use lab::Result;
use lab::apps::App;
use lab::proxies::Paper;
use lab::watched::INTERVAL;

use crate::street::{Gets, Street, Told};

/// So long the exporter leaves to an authority before it calls the default certificate of a new site a fault.
const ISSUED_WITHIN: Duration = Duration::from_secs(30);
const DISTRUSTED: Gets = Gets::Nothing("certificate");

fn told<'a>(finding: &'a str, severity: &'a str) -> Told<'a> {
    Told { finding, severity, destination: Some("shop"), words: &[] }
}

fn open(street: &Street, names: &[&str]) -> Result<()> {
    for name in names {
        App::new(name, "shop").at_https(&format!("{name}.example.com"), 3000).run(&street.lab)?;
    }
    Ok(())
}

#[test]
fn each_wrong_certificate_is_told_by_what_is_wrong_with_it() -> Result<()> {
    let street = Street::build()?;
    let before = street.series()?;
    let (traefik, authority) = (street.traefik(), &street.authority);
    let names = ["none", "over", "own", "soon"];
    for (finding, what) in [
        ("certificate-default none.example.com", "a site that the proxy has no certificate for"),
        ("certificate-expired over.example.com", "a certificate whose time is over"),
        ("certificate-untrusted own.example.com", "a certificate that nobody signed"),
        ("certificate-expiring soon.example.com", "a certificate that ends soon"),
    ] {
        street.deploys(finding, what);
    }
    open(&street, &names)?;
    let right = authority.issue(&["*.example.com"])?;
    let wrong = [
        authority.issue_expired(&["over.example.com"])?,
        Paper::self_signed(&["own.example.com"])?,
        authority.issue_expiring(&["soon.example.com"])?,
    ];
    traefik.show(&wrong.iter().collect::<Vec<_>>(), None)?;
    for (name, gets) in names.iter().zip([DISTRUSTED, DISTRUSTED, DISTRUSTED, Gets::Status(200)]) {
        street.visit(&format!("https://{name}.example.com/"), gets)?;
    }
    street.expect_all(
        &[
            &told("certificate-default none.example.com", "page"),
            &told("certificate-expired over.example.com", "page"),
            &told("certificate-untrusted own.example.com", "ticket"),
            &told("certificate-expiring soon.example.com", "ticket"),
        ],
        ISSUED_WITHIN + INTERVAL,
    )?;
    for finding in ["default none", "expired over", "untrusted own", "expiring soon"] {
        street.repairs(&format!("certificate-{finding}.example.com"));
    }
    traefik.show(&[&right], None)?;
    street.visit("https://over.example.com/", Gets::Status(200))?;
    street.expect(&[], INTERVAL)?;

    // Traefik shows a certificate of another name where it is told to show that one to everybody.
    street.breaks("certificate-name-mismatch none.example.com", "a certificate for other names");
    traefik.show(&[], Some(&authority.issue(&["elsewhere.example.org", "over.example.com"])?))?;
    street.visit("https://none.example.com/", DISTRUSTED)?;
    street.lab.docker(&["rm", "-f", "own", "soon"])?;
    street.expect_told(&told("certificate-name-mismatch none.example.com", "page"), INTERVAL)?;
    street.repairs("certificate-name-mismatch none.example.com");
    traefik.show(&[&right], None)?;
    street.visit("https://none.example.com/", Gets::Status(200))?;
    street.expect(&[], INTERVAL)?;
    street.lab.docker(&["rm", "-f", "none", "over"])?;
    street.expect_over(&before)
}
