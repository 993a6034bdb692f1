//! Apps that the proxy finds and that do not answer it as they should, and apps that it does not take.

use lab::Result;
use lab::apps::{App, Does};

use crate::street::{Case, Gets, Street, Told};

const NOWHERE: Gets = Gets::Status(502);
const SILENCE: Gets = Gets::Nothing("timed out");
const UNKNOWN: Gets = Gets::Status(404);

const fn page(finding: &'static str, words: &'static [&'static str]) -> Option<Told<'static>> {
    Some(Told { finding, severity: "page", destination: Some("shop"), words })
}

fn does(name: &'static str, does: Does, gets: Gets, told: Option<Told<'static>>) -> Case {
    Case::new(name, |app| app.that(does), gets, told)
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
        does(
            "inside",
            Does::ServesItself,
            NOWHERE,
            page("route-loopback-only inside.example.com", &["127.0.0.1", "3000"]),
        ),
        Case::new(
            "port",
            |app| app.on_port(8080),
            NOWHERE,
            page("route-port-not-listening port.example.com", &["3000", "8080"]),
        ),
        does("idle", Does::Sleeps, NOWHERE, page("route-port-not-listening idle.example.com", &["3000"])),
        does("hangs", Does::Hangs, SILENCE, page("route-backend-timeout hangs.example.com", &["3000"])),
        does(
            "fails",
            Does::Says("500 Internal Server Error"),
            Gets::Status(500),
            page("route-not-served fails.example.com", &["500", "app"]),
        ),
        does(
            "garbage",
            Does::SaysGarbage,
            Gets::Status(500),
            page("route-not-served garbage.example.com", &[]),
        ),
        does(
            "cut",
            Does::ClosesInTheMiddle,
            Gets::Nothing("Empty reply"),
            page("route-not-served cut.example.com", &[]),
        ),
        does(
            "loop",
            Does::RedirectsToItself,
            Gets::Status(302),
            page("route-redirect-loop loop.example.com", &["http://loop.example.com/"]),
        ),
        to_and_fro(),
        Case::new(
            "sick",
            |app| app.checked_by("false"),
            UNKNOWN,
            page("route-container-unhealthy sick.example.com", &["unhealthy"]),
        ),
        Case::new(
            "late",
            |app| app.checked_by("false").option("--health-start-period=1h"),
            UNKNOWN,
            Some(starting),
        ),
        Case::new(
            "empty",
            |app| app.label("traefik.http.routers.http-0-empty.rule", "Host(``) && PathPrefix(`/`)"),
            UNKNOWN,
            page("route-rule-invalid http-0-empty", &["Host(``)"]),
        ),
        // Odd, and right.
        does("slow", Does::IsSlow(3), Gets::Status(200), None),
        does("elsewhere", Does::RedirectsTo("https://www.example.com/"), Gets::Status(302), None),
        does("missing", Does::Says("404 Not Found"), UNKNOWN, None),
        does("private", Does::Says("401 Unauthorized"), Gets::Status(401), None),
        does("endless", Does::AnswersForever, Gets::Status(200), None),
    ])
}

/// The app sends to https who asks by http, and to http who asks by https.
fn to_and_fro() -> Case {
    let right = App::new("tofro", "shop").at_https("tofro.example.com", 3000);
    Case {
        broken: right.clone().that(Does::RedirectsToOtherScheme),
        right,
        url: "https://tofro.example.com/".to_owned(),
        gets: Gets::Status(302),
        told: page("route-redirect-loop tofro.example.com", &["http"]),
    }
}
