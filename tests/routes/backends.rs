//! Apps that the proxy finds and that do not answer it as they should, and apps that it does not take.

use lab::Result;
use lab::apps::{App, Does};

use lab::watched::INTERVAL;

use crate::street::{Case, EVENT, Gets, Street, Told};

const NOWHERE: Gets = Gets::Status(502);
const SILENCE: Gets = Gets::Nothing("timed out");
const UNKNOWN: Gets = Gets::Status(404);

const fn page(finding: &'static str, words: &'static [&'static str]) -> Option<Told<'static>> {
    Some(Told { finding, severity: "page", destination: Some("shop"), words })
}

/// All at once: each is one finding, and none is two.
#[test]
fn each_wrong_app_is_told_by_what_is_wrong_with_it() -> Result<()> {
    let street = Street::build()?;
    let starting = Told {
        finding: "route-container-starting late.example.com",
        severity: "ticket",
        destination: Some("shop"),
        words: &["starting"],
    };
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
        Case::that(
            "idle",
            Does::Sleeps,
            NOWHERE,
            page("route-port-not-listening idle.example.com", &["3000"]),
        ),
        Case::that("hangs", Does::Hangs, SILENCE, page("route-backend-timeout hangs.example.com", &["3000"])),
        Case::that(
            "fails",
            Does::Says("500 Internal Server Error"),
            Gets::Status(500),
            page("route-not-served fails.example.com", &["500", "app"]),
        ),
        Case::that(
            "garbage",
            Does::SaysGarbage,
            Gets::Status(500),
            page("route-not-served garbage.example.com", &[]),
        ),
        Case::that(
            "cut",
            Does::ClosesInTheMiddle,
            Gets::Nothing("Empty reply"),
            page("route-not-served cut.example.com", &[]),
        ),
        Case::that(
            "loop",
            Does::RedirectsToItself,
            Gets::Status(302),
            page("route-redirect-loop loop.example.com", &["http://loop.example.com/"]),
        ),
        to_and_fro(),
        Case::new(
            "sick",
            "an app whose health check fails",
            |app| app.checked_by("false"),
            UNKNOWN,
            page("route-container-unhealthy sick.example.com", &["unhealthy"]),
        ),
        Case::new(
            "late",
            "an app whose health check has not passed yet",
            |app| app.checked_by("false").option("--health-start-period=1h"),
            UNKNOWN,
            Some(starting),
        ),
        Case::new(
            "empty",
            "a label with a rule that names no host",
            |app| app.label("traefik.http.routers.http-0-empty.rule", "Host(``) && PathPrefix(`/`)"),
            UNKNOWN,
            page("route-rule-invalid http-0-empty", &["Host(``)"]),
        ),
        // Odd, and right.
        Case::that("slow", Does::IsSlow(3), Gets::Status(200), None),
        Case::that("elsewhere", Does::RedirectsTo("https://www.example.com/"), Gets::Status(302), None),
        Case::that("missing", Does::Says("404 Not Found"), UNKNOWN, None),
        Case::that("private", Does::Says("401 Unauthorized"), Gets::Status(401), None),
        Case::that("endless", Does::AnswersForever, Gets::Status(200), None),
    ])
}

/// Who knows the port needs no proxy.
#[test]
fn a_site_that_is_reached_past_the_proxy() -> Result<()> {
    let street = Street::build()?;
    let aside = "route-host-port-published open.example.com";
    street.breaks(aside, "a site whose port the host publishes as well");
    street.open(&App::new("open", "shop").at("open.example.com", 3000).option("--publish=3001:3000"))?;
    street.expect_aside(aside, true, INTERVAL)?;
    street.expect(&[], EVENT)?;
    street.close("open")?;
    street.expect_aside(aside, false, INTERVAL)?;
    street.expect(&[], EVENT)?;
    Ok(())
}

/// The app sends to https who asks by http, and to http who asks by https.
fn to_and_fro() -> Case {
    let right = App::new("tofro", "shop").at_https("tofro.example.com", 3000);
    Case {
        what: Does::RedirectsToOtherScheme.in_words(),
        broken: right.clone().that(Does::RedirectsToOtherScheme),
        right,
        url: "https://tofro.example.com/".to_owned(),
        gets: Gets::Status(302),
        told: page("route-redirect-loop tofro.example.com", &["http"]),
    }
}
