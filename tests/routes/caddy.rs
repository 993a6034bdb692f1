//! The same faults behind Caddy, as far as it has them: the same labels, the same verdicts.

use lab::Result;
use lab::apps::{App, Does};
use lab::proxies::NAME;
use lab::watched::INTERVAL;

use crate::street::{Case, EVENT, Gets, Proxy, Street, Told};

const NOWHERE: Gets = Gets::Status(502);

const fn page(finding: &'static str, words: &'static [&'static str]) -> Option<Told<'static>> {
    Some(Told { finding, severity: "page", destination: Some("shop"), words })
}

#[test]
fn each_wrong_app_behind_caddy_is_told_by_what_is_wrong_with_it() -> Result<()> {
    let street = Street::build_with_caddy()?;
    let Proxy::Caddy(caddy) = &street.proxy else { panic!("no Caddy") };
    let authority = &street.authority;
    let over = caddy.lay(&authority.issue_expired(&["over.example.com"])?)?;
    // Caddy makes up a certificate where it gets none. What it gets it shows for all of its names: each has one alone.
    let safe = |name: &'static str, what, shown: Option<&str>, told| -> Result<Case> {
        let domain = format!("{name}.example.com");
        let right = caddy.lay(&authority.issue(&[&domain])?)?;
        let site = App::new(name, "shop").at_https(&domain, 3000);
        let broken = shown.map_or_else(|| site.clone(), |shown| site.clone().label("caddy_0.tls", shown));
        let (right, url) = (site.label("caddy_0.tls", &right), format!("https://{domain}/"));
        Ok(Case { what, broken, right, url, gets: Gets::Nothing("certificate"), told })
    };
    // Who names no port gets 80, whatever he exposes.
    let mut portless = Case::new(
        "eighty",
        "an app whose label names no port",
        |app| app,
        NOWHERE,
        page("route-port-not-listening eighty.example.com", &["80", "3000"]),
    );
    portless.broken = App::new("eighty", "shop")
        .label("caddy", "http://eighty.example.com")
        .label("caddy.reverse_proxy", "{{upstreams}}");
    street.come_broken(&[
        Case::that(
            "inside",
            Does::ServesItself,
            NOWHERE,
            page("route-loopback-only inside.example.com", &["127.0.0.1", "3000"]),
        ),
        Case::new(
            "port",
            "an app that listens on another port",
            |app| app.on_port(8080),
            NOWHERE,
            page("route-port-not-listening port.example.com", &["3000", "8080"]),
        ),
        portless,
        Case::that(
            "hangs",
            Does::Hangs,
            Gets::Nothing("timed out"),
            page("route-backend-timeout hangs.example.com", &["3000"]),
        ),
        Case::that(
            "fails",
            Does::Says("500 Internal Server Error"),
            Gets::Status(500),
            page("route-not-served fails.example.com", &["500", "app"]),
        ),
        Case::that(
            "loop",
            Does::RedirectsToItself,
            Gets::Status(302),
            page("route-redirect-loop loop.example.com", &["http://loop.example.com/"]),
        ),
        Case::new(
            "label",
            "a label that names a network that is not there",
            |app| app.label("caddy_ingress_network", "gone"),
            Gets::Status(503),
            page("route-network-mismatch label.example.com", &["gone"]),
        ),
        safe(
            "none",
            "a site that the proxy has no certificate for",
            None,
            page("certificate-default none.example.com", &[]),
        )?,
        safe(
            "over",
            "a certificate whose time is over",
            Some(&over),
            page("certificate-expired over.example.com", &[]),
        )?,
        // Caddy serves whoever runs, whatever his check says.
        Case::new(
            "sick",
            "an app whose health check fails",
            |app| app.checked_by("false"),
            Gets::Status(200),
            None,
        ),
        Case::that("slow", Does::IsSlow(3), Gets::Status(200), None),
    ])?;
    networks(&street)?;
    stopped(&street)
}

/// Caddy takes the address of the network that a label names, and need not be on it; two claims share a site.
fn networks(street: &Street) -> Result<()> {
    let before = street.series()?;
    street.lab.docker(&["network", "create", "--subnet", "10.3.0.0/24", "own"])?;
    let apart = App::new("app", "own").at("app.example.com", 3000).label("caddy_ingress_network", "own");
    street.breaks("proxy-not-attached coolify-proxy/caddy", "an app on a network that the proxy is not on");
    street.open(&apart)?;
    street.visit("http://app.example.com/", NOWHERE)?;
    let detached = Told {
        finding: "proxy-not-attached coolify-proxy/caddy",
        severity: "page",
        destination: Some("own"),
        words: &["own"],
    };
    street.expect_told(&detached, INTERVAL)?;
    street.close("app")?;
    street.lab.docker(&["network", "rm", "own"])?;
    street.expect_over(&before)?;

    street.deploys("route-conflict web.example.com", "two apps that claim one site");
    street.open(&App::new("app", "shop").at("web.example.com", 3000))?;
    let both = Told {
        finding: "route-conflict web.example.com",
        severity: "page",
        destination: Some("shop"),
        words: &["app", "web"],
    };
    street.expect_told(&both, INTERVAL)?;
    street.close("app")?;
    street.expect_over(&before)
}

fn stopped(street: &Street) -> Result<()> {
    let before = street.series()?;
    street.breaks("proxy-not-running coolify-proxy/caddy", "a proxy that is stopped");
    street.lab.docker(&["stop", "-t", "1", NAME])?;
    street.visit("http://web.example.com/", Gets::Nothing("connect"))?;
    let stopped = Told {
        finding: "proxy-not-running coolify-proxy/caddy",
        severity: "page",
        destination: None,
        words: &["has stopped"],
    };
    street.expect_told(&stopped, EVENT)?;
    street.lab.docker(&["start", NAME])?;
    street.visit("http://web.example.com/", Gets::Status(200))?;
    street.expect_over(&before)
}
