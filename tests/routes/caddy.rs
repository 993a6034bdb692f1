//! The same faults behind Caddy, as far as it has them: the same labels, the same verdicts.

use lab::Result;
use lab::apps::{App, Does};
use lab::proxies::NAME;
use lab::watched::INTERVAL;

use crate::street::{EVENT, Gets, Proxy, Street, Told};

const SITE: &str = "http://app.example.com/";

fn app<'a>() -> App<'a> {
    App::new("app", "shop").at("app.example.com", 3000)
}

fn told<'a>(finding: &'a str, severity: &'a str, words: &'a [&'a str]) -> Told<'a> {
    Told { finding, severity, destination: Some("shop"), words }
}

#[test]
fn a_backend_does_not_answer_caddy_as_it_should() -> Result<()> {
    let street = Street::build_with_caddy()?;
    let right = app();
    // Who names no port gets 80, whatever he exposes.
    let portless = App::new("app", "shop")
        .label("caddy", "http://app.example.com")
        .label("caddy.reverse_proxy", "{{upstreams}}");
    let cases = [
        (
            right.clone().that(Does::ServesItself),
            Gets::Status(502),
            told("route-loopback-only app.example.com", "page", &["127.0.0.1", "3000"]),
        ),
        (
            right.clone().on_port(8080),
            Gets::Status(502),
            told("route-port-not-listening app.example.com", "page", &["3000", "8080"]),
        ),
        (
            portless,
            Gets::Status(502),
            told("route-port-not-listening app.example.com", "page", &["80", "3000"]),
        ),
        (
            right.clone().that(Does::Hangs),
            Gets::Nothing("timed out"),
            told("route-backend-timeout app.example.com", "page", &[]),
        ),
        (
            right.clone().that(Does::Says("500 Internal Server Error")),
            Gets::Status(500),
            told("route-not-served app.example.com", "page", &["500"]),
        ),
        (
            right.clone().that(Does::RedirectsToItself),
            Gets::Status(302),
            told("route-redirect-loop app.example.com", "page", &["http://app.example.com/"]),
        ),
    ];
    for (broken, gets, told) in cases {
        street.comes_broken(SITE, &broken, &right, gets, &told)?;
    }
    Ok(())
}

#[test]
fn caddy_has_no_address_or_the_wrong_ones() -> Result<()> {
    let street = Street::build_with_caddy()?;
    let right = app();
    let mismatch = right.clone().label("caddy_ingress_network", "gone");
    let wrong = told("route-network-mismatch app.example.com", "page", &["gone"]);
    street.comes_broken(SITE, &mismatch, &right, Gets::Status(503), &wrong)?;

    let apart = App::new("app", "own").at("app.example.com", 3000).label("caddy_ingress_network", "own");
    let detached = Told {
        finding: "proxy-not-attached coolify-proxy/caddy",
        severity: "page",
        destination: Some("own"),
        words: &["own"],
    };
    let before = street.series()?;
    street.lab.docker(&["network", "create", "--subnet", "10.3.0.0/24", "own"])?;
    street.open(&apart)?;
    street.visit(SITE, Gets::Status(502))?;
    street.expect_told(&detached, INTERVAL)?;
    street.close("app")?;
    street.lab.docker(&["network", "rm", "own"])?;
    street.expect_over(&before)?;

    street.open(&App::new("app", "shop").at("web.example.com", 3000))?;
    street.expect_told(&told("route-conflict web.example.com", "page", &["app", "web"]), INTERVAL)?;
    street.close("app")?;
    street.expect_over(&before)
}

#[test]
fn caddys_own_certificate_an_expired_one_and_no_caddy() -> Result<()> {
    let street = Street::build_with_caddy()?;
    let Proxy::Caddy(caddy) = &street.proxy else { panic!("no Caddy") };
    let names = &["*.example.com"][..];
    let [right, expired] = [street.authority.issue(names)?, street.authority.issue_expired(names)?];
    let [right, expired] = [caddy.lay(&right)?, caddy.lay(&expired)?];
    let safe = App::new("app", "shop").at_https("app.example.com", 3000);
    let (right, expired) =
        (safe.clone().label("caddy_0.tls", right), safe.clone().label("caddy_0.tls", expired));
    for (broken, code) in [(safe, "certificate-default"), (expired, "certificate-expired")] {
        let told_as = format!("{code} app.example.com");
        let distrusted = Gets::Nothing("certificate");
        street.comes_broken(
            "https://app.example.com/",
            &broken,
            &right,
            distrusted,
            &told(&told_as, "page", &[]),
        )?;
    }

    let before = street.series()?;
    street.lab.docker(&["stop", "-t", "1", NAME])?;
    street.visit(SITE, Gets::Nothing("connect"))?;
    let stopped = told("proxy-not-running coolify-proxy/caddy", "page", &["exited"]);
    street.expect_told(&Told { destination: None, ..stopped }, EVENT)?;
    street.lab.docker(&["start", NAME])?;
    street.expect_over(&before)
}

/// Caddy serves whoever runs, whatever his check says.
#[test]
fn nobody_is_alarmed_by_an_unhealthy_app_that_caddy_serves() -> Result<()> {
    let street = Street::build_with_caddy()?;
    let before = street.series()?;
    street.open(&app().checked_by("false"))?;
    street.visit(SITE, Gets::Status(200))?;
    street.expect_calm(2)?;
    street.close("app")?;
    street.expect_over(&before)
}
