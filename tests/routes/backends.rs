//! Apps that the proxy finds and that do not answer it as they should.

use lab::Result;
use lab::apps::{App, Does};

use crate::street::{Gets, Street, Told};

const SITE: &str = "http://app.example.com/";

/// `app` on `shop`, as the proxy is to reach it.
fn app<'a>() -> App<'a> {
    App::new("app", "shop").at("app.example.com", 3000)
}

fn told<'a>(finding: &'a str, severity: &'a str, words: &'a [&'a str]) -> Told<'a> {
    Told { finding, severity, destination: Some("shop"), words }
}

#[test]
fn nobody_listens_where_the_proxy_calls() -> Result<()> {
    let street = Street::build()?;
    let right = app();
    let cases = [
        (
            right.clone().that(Does::ServesItself),
            told("route-loopback-only app.example.com", "page", &["127.0.0.1", "3000"]),
        ),
        (
            right.clone().on_port(8080),
            told("route-port-not-listening app.example.com", "page", &["3000", "8080"]),
        ),
        (
            right.clone().that(Does::Sleeps),
            told("route-port-not-listening app.example.com", "page", &["3000"]),
        ),
    ];
    for (broken, told) in cases {
        street.comes_broken(SITE, &broken, &right, Gets::Status(502), &told)?;
    }
    Ok(())
}

#[test]
fn a_backend_answers_wrongly_or_not_at_all() -> Result<()> {
    let street = Street::build()?;
    let right = app();
    let not_served = "route-not-served app.example.com";
    let cases = [
        (Does::Hangs, Gets::Nothing("timed out"), told("route-backend-timeout app.example.com", "page", &[])),
        (Does::Says("500 Internal Server Error"), Gets::Status(500), told(not_served, "page", &["500"])),
        (Does::SaysGarbage, Gets::Status(500), told(not_served, "page", &[])),
        (
            Does::RedirectsToItself,
            Gets::Status(302),
            told("route-redirect-loop app.example.com", "page", &["http://app.example.com/"]),
        ),
    ];
    for (does, gets, told) in cases {
        street.comes_broken(SITE, &right.clone().that(does), &right, gets, &told)?;
    }
    Ok(())
}

/// The app sends to https, and whoever has TLS there sends back.
#[test]
fn http_and_https_send_to_each_other() -> Result<()> {
    let street = Street::build()?;
    let right = App::new("app", "shop").at_https("app.example.com", 3000);
    let broken = right.clone().that(Does::RedirectsToOtherScheme);
    let told = told("route-redirect-loop app.example.com", "page", &["http"]);
    street.comes_broken("https://app.example.com/", &broken, &right, Gets::Status(302), &told)?;
    Ok(())
}

/// Odd, and right.
#[test]
fn nobody_is_alarmed_by_an_app_that_is_slow_sends_on_or_never_ends() -> Result<()> {
    let street = Street::build()?;
    let before = street.series()?;
    for (name, does, gets) in [
        ("slow", Does::IsSlow(3), Gets::Status(200)),
        ("elsewhere", Does::RedirectsTo("https://www.example.com/"), Gets::Status(302)),
        ("missing", Does::Says("404 Not Found"), Gets::Status(404)),
        ("private", Does::Says("401 Unauthorized"), Gets::Status(401)),
        ("endless", Does::AnswersForever, Gets::Status(200)),
    ] {
        let domain = format!("{name}.example.com");
        App::new(name, "shop").that(does).at(&domain, 3000).run(&street.lab)?;
        street.visit(&format!("http://{domain}/"), gets)?;
    }
    street.expect_calm(2)?;
    for name in ["slow", "elsewhere", "missing", "private", "endless"] {
        street.lab.docker(&["rm", "-f", name])?;
    }
    street.expect_over(&before)
}
