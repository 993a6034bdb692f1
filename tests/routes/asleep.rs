//! A site whose only container does not run: told of the container, and the site is down.

use lab::Result;
use lab::apps::App;
use lab::watched::finding;

use crate::street::{EVENT, Gets, Street, Told};

const SITE: &str = "http://web.example.com/";
const UP: &str =
    r#"destination_route_up{destination="shop",domain="web.example.com",path="/",workload="web"}"#;

#[test]
fn a_site_whose_only_container_does_not_run_is_down() -> Result<()> {
    let street = Street::build()?;
    street.expect_series(UP, Some("1"), EVENT)?;
    street.breaks("container-unreachable web", "a site whose only container crashed");
    street.lab.docker(&["kill", "web"])?;
    street.visit(SITE, Gets::Status(404))?;
    let told = Told {
        finding: "container-unreachable web",
        severity: "ticket",
        destination: Some("shop"),
        words: &["has stopped (exit code 137)"],
    };
    let one = street.expect_told(&told, EVENT)?;
    assert!(
        one["explains"].to_string().contains("route web.example.com: nobody serves it meanwhile"),
        "{one:#}"
    );
    street.expect_series(UP, Some("0"), EVENT)?;
    let report = street.exporter.report()?;
    let shop =
        report["destinations"].as_array().expect("destinations").iter().find(|on| on["name"] == "shop");
    let route =
        shop.expect("shop")["routes"].as_array().expect("routes").first().cloned().unwrap_or_default();
    assert_eq!(route["hops"][3]["detail"], "it does not run", "{route:#}");

    // Another container takes the site over: whatever the old one's labels say, nobody misses it there.
    street.open(&App::new("second", "shop").at("web.example.com", 3000))?;
    street.visit(SITE, Gets::Status(200))?;
    street.expect_series(&UP.replace("\"web\"}", "\"second\"}"), Some("1"), EVENT)?;
    let one = finding(&street.exporter.report()?, "container-unreachable").clone();
    assert!(!one["explains"].to_string().contains("nobody serves it"), "{one:#}");
    street.close("second")?;

    street.lab.docker(&["start", "web"])?;
    street.visit(SITE, Gets::Status(200))?;
    street.expect(&[], EVENT)?;
    street.expect_series(UP, Some("1"), EVENT)?;
    Ok(())
}
