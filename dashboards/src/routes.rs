//! Why is the site down: the proxy, the way to the container, the container, or the certificate?

use serde_json::json;

use crate::overview::DAY;
use crate::page::Page;
use crate::panel::Panel;
use crate::parts;
use crate::words::{self, BAD, GOOD, WARN};

/// Of proxies, sites and certificates.
const CODES: &str = r#"code=~"(proxy|route|certificate|domain|host-port|hairpin)-.+", "#;

pub fn page() -> Page {
    Page::new(
        "routes",
        "Proxy, routes and TLS",
        "Why is the site down: the proxy, the way, the container or the certificate?",
        "now-1h",
    )
    .choose("domain", "Domain", "destination_route_up{<H>}", "domain", "The sites.")
    .row("Now", now())
    .row(
        "Why",
        vec![(24, 9, parts::what_is_wrong("What is wrong and why", CODES, "nothing is wrong with sites"))],
    )
    .row("Proxy or application", sides())
    .row("Answers", answers())
    .row("TLS", certificates())
}

/// The status of a site that answers: the latest one of a site that does not any more would be an old 200.
fn status(by: &str, matchers: &str) -> String {
    let of = format!(r#"destination_route_http_status_code{{<H>, domain=~"$domain"{matchers}}}"#);
    format!(
        r#"max by ({by}) ({of} >= 400 or ({of} and on (job, instance, destination, domain, path, workload)
           destination_route_up{{<H>, domain=~"$domain"}} == 1))"#
    )
}

fn now() -> Vec<(u32, u32, Panel)> {
    let proxies =
        Panel::stat("Proxies", "Whether the reverse proxy runs. DOWN: no site of the server answers.")
            .ask("min by (job, instance, proxy, kind) (destination_proxy_up{<S>})", "{{proxy}} ({{kind}})")
            .words(words::UP)
            .named()
            .none("no proxy is known");
    let attached = Panel::stat(
        "Proxy on each destination",
        "DETACHED with sites: they answer 504 or 502 until the proxy is connected again.",
    )
    .ask(parts::ATTACHED, "{{destination}}")
    .words(words::ATTACHED)
    .named()
    .none("no proxy runs");
    let reachable = Panel::table(
        "Proxy as containers reach it",
        "By port. NO ANSWER: an app of the destination does not get to the proxy's own address.",
    )
    .ask("min by (job, instance, destination, proxy, port) (destination_proxy_reachable{<D>})", "")
    .none("not probed")
    .columns(
        &[
            ("destination", "Destination"),
            ("port", "Port"),
            ("Value", "Outcome"),
            ("proxy", "Proxy"),
            ("instance", "Instance"),
        ],
        &["Time", "job"],
    )
    .column_words("Outcome", words::ANSWERS)
    .sorted("Outcome", false);
    vec![(6, 7, proxies), (8, 7, attached), (10, 7, reachable)]
}

fn sides() -> Vec<(u32, u32, Panel)> {
    let sites = Panel::table(
        "Sites",
        "Served and Container beside each other: not served while the container answers is the proxy's or the way's fault; both: the
         application's. A dash: not known, or no answer.",
    )
    .ask("min by (job, instance, destination, domain, path, workload) (destination_route_up{<H>, domain=~\"$domain\"})", "")
    .ask("min by (job, instance, destination, domain, path, workload) (destination_route_backend_up{<H>, domain=~\"$domain\"})", "")
    .ask("count by (job, instance, destination, domain, path, workload) (destination_route_backend_up{<H>, domain=~\"$domain\"})", "")
    .ask(&status("job, instance, destination, domain, path, workload", r#", scheme="http""#), "")
    .ask(&status("job, instance, destination, domain, path, workload", r#", scheme="https""#), "")
    .merged()
    .none("no site is looked at")
    .columns(
        &[
            ("domain", "Domain"),
            ("path", "Path"),
            ("Value #A", "Site"),
            ("Value #B", "Container"),
            ("Value #C", "Backends"),
            ("Value #D", "http"),
            ("Value #E", "https"),
            ("workload", "Workload"),
            ("destination", "Destination"),
            ("instance", "Instance"),
        ],
        &["Time", "job"],
    )
    .unit("none")
    .filterable()
    .column_words("Site", words::SERVED)
    .column_words("Container", words::ANSWERS)
    .column_link("Destination", "Destination in detail", &parts::row_details("destination"))
    .column_link("Domain", "Open the site", "https://${__data.fields.domain}${__data.fields.path}")
    .sorted("Site", false);
    let through =
        Panel::timeline("Through the proxy", "Whether the site is served as a visitor asks for it.")
            .ask(
                "min by (job, instance, domain, path) (destination_route_up{<H>, domain=~\"$domain\"})",
                "{{domain}}{{path}}",
            )
            .words(words::SERVED)
            .none("no site is looked at");
    let direct = Panel::timeline("Asked directly", "Whether the container answers the proxy's own question. Fine here and not at the left: it is not the application.")
        .ask("min by (job, instance, domain, path, backend) (destination_route_backend_up{<H>, domain=~\"$domain\"})", "{{domain}}{{path}} → {{backend}}")
        .words(words::ANSWERS)
        .none("no container is asked");
    vec![(24, 8, sites), (12, 8, through), (12, 8, direct)]
}

fn answers() -> Vec<(u32, u32, Panel)> {
    let status = Panel::series("Status", "502: refused or reset. 503: no container is fit. 504: no answer. 404: no rule. 525 and the like are an outer proxy's.")
        .ask(&status("domain, path, scheme", ""), "{{scheme}}://{{domain}}{{path}}")
        .unit("none")
        .none("no answer");
    let phases = Panel::series(
        "Where the time goes, slowest site",
        "connect and tls: the proxy or the host. first_byte: the application. transfer: the way.",
    )
    .ask("max by (phase) (destination_route_duration_seconds{<H>, domain=~\"$domain\"})", "{{phase}}")
    .unit("s")
    .none("no answer");
    let slow = Panel::series("Whole answer", "All phases together, by site.")
        .ask(
            "sum by (domain, path, scheme) (destination_route_duration_seconds{<H>, domain=~\"$domain\"})",
            "{{scheme}}://{{domain}}{{path}}",
        )
        .unit("s")
        .none("no answer");
    vec![(8, 8, status), (8, 8, phases), (8, 8, slow)]
}

fn certificates() -> Vec<(u32, u32, Panel)> {
    let table = Panel::table("Certificates", "As the proxy presents them, the first to end on top. REFUSED BY BROWSERS: default, expired, for another name or by nobody known.")
        .ask("min by (job, instance, domain) (destination_certificate_valid{<S>, domain=~\"$domain\"})", "")
        .ask("min by (job, instance, domain) (destination_certificate_not_after_timestamp_seconds{<S>, domain=~\"$domain\"}) - time()", "")
        .ask("min by (job, instance, domain) (destination_certificate_not_after_timestamp_seconds{<S>, domain=~\"$domain\"}) * 1000", "")
        .merged()
        .none("no certificate seen")
        .columns(
            &[
                ("domain", "Domain"),
                ("Value #A", "Certificate"),
                ("Value #B", "Left"),
                ("Value #C", "Ends"),
                ("instance", "Instance"),
            ],
            &["Time", "job"],
        )
        .column_words("Certificate", words::VALID)
        .column_thresholds("Left", "dtdurations", &[(0.0, BAD), (3.0 * DAY, WARN), (14.0 * DAY, "text")])
        .column("Ends", &[("unit", json!("dateTimeAsIso")), ("custom.width", json!(175))])
        .sorted("Left", false)
        .column_wrapped("Domain", 160);
    let life = Panel::bars("Life left", "Of the certificate's whole time: below a quarter it ought to have been renewed, whether it is made for six days or for ninety.")
        .ask(
            "min by (job, instance, domain) (
               (destination_certificate_not_after_timestamp_seconds{<S>, domain=~\"$domain\"} - time())
               / (destination_certificate_not_after_timestamp_seconds{<S>, domain=~\"$domain\"}
                  - destination_certificate_not_before_timestamp_seconds{<S>, domain=~\"$domain\"}))",
            "{{domain}}",
        )
        .unit("percentunit")
        .decimals(0)
        .max(1.0)
        .thresholds(&[(0.0, BAD), (0.1, WARN), (0.25, GOOD)])
        .none("no certificate seen");
    let left_out = Panel::stat(
        "Sites left out",
        "Beyond what is looked at, 2000 a server and 256 a container: nothing is known of them.",
    )
    .ask("sum(destination_routes_left_out{<S>})", "left out")
    .unit("none")
    .thresholds(&[(0.0, GOOD), (1.0, WARN)])
    .none("not known");
    vec![(12, 8, table), (8, 8, life), (4, 8, left_out)]
}
