//! What is wrong with a site's certificate.

use lab::Result;
use lab::apps::App;
use lab::proxies::Paper;
use lab::watched::INTERVAL;

use crate::street::{Gets, Street, Told};

const SITE: &str = "https://safe.example.com/";

#[test]
fn each_wrong_certificate_is_told_by_what_is_wrong_with_it() -> Result<()> {
    let street = Street::build()?;
    App::new("safe", "shop").at_https("safe.example.com", 3000).run(&street.lab)?;
    street.visit(SITE, Gets::Status(200))?;
    street.expect(&[], INTERVAL)?;
    let before = street.series()?;
    let authority = &street.authority;
    let names = &["*.example.com"][..];
    let right = authority.issue(names)?;
    let distrusted = Gets::Nothing("certificate");
    let cases = [
        ("certificate-default", "page", None, None, distrusted),
        ("certificate-expired", "page", Some(authority.issue_expired(names)?), None, distrusted),
        (
            "certificate-name-mismatch",
            "page",
            None,
            Some(authority.issue(&["elsewhere.example.org"])?),
            distrusted,
        ),
        ("certificate-untrusted", "ticket", Some(Paper::self_signed(names)?), None, distrusted),
        ("certificate-expiring", "ticket", Some(authority.issue_expiring(names)?), None, Gets::Status(200)),
    ];
    for (code, severity, shown, default, gets) in &cases {
        let shown: Vec<&Paper> = shown.iter().collect();
        street.traefik().show(&shown, default.as_ref())?;
        street.visit(SITE, *gets)?;
        let finding = format!("{code} safe.example.com");
        let destination = Some("shop");
        street.expect_told(&Told { finding: &finding, severity, destination, words: &[] }, INTERVAL)?;
        street.traefik().show(&[&right], None)?;
        street.visit(SITE, Gets::Status(200))?;
        street.expect_over(&before)?;
    }
    Ok(())
}
