//! Cases of what runs out or wears.

use super::case::Kind::{Below, Fires, Lost};
use super::case::{Case, Kind, Said, case, labels};

const HELD: &str = "instance:destination_finding:held";

pub fn said(
    alert: &'static str,
    scope: &'static str,
    more: &[(&'static str, &'static str)],
    summary: String,
    description: String,
) -> Said {
    let [runbook, summary, description] =
        [format!("/runbooks/{alert}"), summary, description].map(|text| &*Box::leak(text.into_boxed_str()));
    let (board, page) = match scope {
        "host" => (("overview", ""), "/diagnostics"),
        "route" => (("routes", ""), "/diagnostics"),
        "exporter" => (("exporter", ""), "/"),
        _ => (("destination", "shop"), "/diagnostics/shop"),
    };
    Said { labels: labels("warning", scope, more), summary, description, runbook, board, page }
}

/// A finding of this code, of which more is to be said.
pub(super) fn found(more: &str) -> String {
    format!("{HELD}{{@,severity=\"ticket\",{more}}}")
}

pub fn cases() -> Vec<Case> {
    [addresses(), pools(), conntrack(), certificate(), slow(), flapping(), left_out()].concat()
}

/// Of what is enough from the beginning: it waits 15 minutes, stays through a failed scrape, and for 5 and 15 minutes
/// after the exporter was heard of last; it is silent once it is found.
pub fn around(
    build: &dyn Fn(Kind, &str) -> Case,
    said: &Said,
    hold: &'static str,
    before: &'static str,
) -> Vec<Case> {
    let on = |kind, times: &str| build(kind, times).step("1m").says(said.clone());
    vec![
        on(Fires, "x90").silent(&[before]).fires(&[hold, "30m"]),
        on(Lost, "x20 stale").fires(&[hold, "39m"]).silent(&["42m"]),
        on(Lost, "x4 stale").silent(&["15m"]),
    ]
}

fn addresses() -> Vec<Case> {
    let name = "DestinationAddressesLow";
    let on = |kind, used: u32, capacity: u32, times: &str| {
        let of = |what: &str| {
            format!("destination_addresses_{what}{{@,destination=\"shop\",subnet=\"10.0.2.0/24\"}}")
        };
        case(kind, name)
            .step("1m")
            .series(r#"destination_info{@,destination="shop",display_name="Web shop"}"#, "1x90")
            .series(&of("used"), &format!("{used}{times}"))
            .series(&of("capacity"), &format!("{capacity}{times}"))
    };
    let more = [("destination", "shop"), ("subnet", "10.0.2.0/24")];
    let says = |share: &str, all: u32| {
        said(
            name,
            "destination",
            &more,
            format!("shop (Web shop): {share} of the addresses in 10.0.2.0/24 are taken"),
            format!(
                "{share} of {all} addresses are taken. When none is left, the next container does not start."
            ),
        )
    };
    let mut cases = around(&|kind, times| on(kind, 240, 254, times), &says("94.49%", 254), "15m", "14m");
    let is_found = found(r#"code="network-addresses-exhausted",destination="shop",subject="shop""#);
    cases.extend([
        on(Fires, 1, 1, "x90").says(says("100%", 1)).fires(&["15m"]),
        on(Below, 228, 254, "x90").silent(&["15m", "30m"]),
        on(Below, 3, 0, "x90").silent(&["15m", "30m"]),
        on(Below, 254, 254, "x90").series(&is_found, "1x90").silent(&["15m", "30m"]),
        on(Fires, 240, 254, "x90")
            .series(&is_found, "_x20 1x90")
            .says(says("94.49%", 254))
            .fires(&["34m"])
            .silent(&["35m"]),
    ]);
    cases
}

fn pools() -> Vec<Case> {
    let name = "DestinationAddressPoolsLow";
    let on = |kind, used: u32, times: &str| {
        case(kind, name)
            .step("1m")
            .series("destination_address_pools_used{@}", &format!("{used}{times}"))
            .series("destination_address_pools_capacity{@}", &format!("31{times}"))
    };
    let said = said(
        name,
        "host",
        &[],
        "The Engine on server-1:10061 has room for 3 more networks".to_owned(),
        "3 blocks of its address pools are free. Each stack that brings a network of its own takes one; without one it is not deployed.\nLook first: docker network ls --filter dangling=true. Those of stacks that are stopped are among them, and destinations to which nothing was deployed yet: remove by name what is nobody's, or have larger default-address-pools.".to_owned(),
    );
    let mut cases = around(&|kind, times| on(kind, 28, times), &said, "15m", "14m");
    let is_found = found(r#"code="address-pools-exhausted",subject="engine""#);
    cases.extend([
        on(Below, 27, "x90").silent(&["15m", "30m"]),
        on(Below, 30, "x90").series(&is_found, "1x90").silent(&["15m", "30m"]),
        on(Fires, 28, "x90")
            .series(&is_found, "_x20 1x90")
            .says(said.clone())
            .fires(&["34m"])
            .silent(&["35m"]),
    ]);
    cases
}

fn conntrack() -> Vec<Case> {
    let name = "DestinationConntrackHigh";
    let on = |kind, entries: u32, limit: u32, times: &str| {
        case(kind, name)
            .step("1m")
            .series("destination_host_conntrack_entries{@}", &format!("{entries}{times}"))
            .series("destination_host_conntrack_limit{@}", &format!("{limit}{times}"))
    };
    let says = |share: &str, limit: &str| {
        said(
            name,
            "host",
            &[],
            format!("server-1:10061 tracks {share} of the connections that it can"),
            format!(
                "{share} of {limit} entries are taken. At the limit new connections are dropped at random."
            ),
        )
    };
    let mut cases = around(&|kind, times| on(kind, 750, 1000, times), &says("75%", "1000"), "10m", "9m");
    let is_found = found(r#"code="host-conntrack-near-limit",subject="nf_conntrack""#);
    cases.extend([
        on(Fires, 1, 1, "x90").says(says("100%", "1")).fires(&["15m"]),
        // As a person writes it.
        on(Fires, 786_432, 1_048_576, "x90").says(says("75%", "1048576")).fires(&["15m"]),
        on(Below, 690, 1000, "x90").silent(&["10m", "30m"]),
        on(Below, 3, 0, "x90").silent(&["15m", "30m"]),
        on(Below, 900, 1000, "x90").series(&is_found, "1x90").silent(&["10m", "30m"]),
        on(Fires, 750, 1000, "x90")
            .series(&is_found, "_x20 1x90")
            .says(says("75%", "1000"))
            .fires(&["34m"])
            .silent(&["35m"]),
    ]);
    cases
}

fn certificate() -> Vec<Case> {
    let name = "DestinationCertificateAging";
    // In seconds since it began, and until it ends.
    let on = |kind, age: f64, left: f64, times: &str| {
        let of = |what: &str| {
            format!("destination_certificate_not_{what}_timestamp_seconds{{@,domain=\"shop.example.com\"}}")
        };
        case(kind, name)
            .step("2m")
            .series(&of("before"), &format!("{}{times}", -age * 86400.0))
            .series(&of("after"), &format!("{}{times}", left * 86400.0))
    };
    let says = |left: &str| {
        said(
            name,
            "route",
            &[("domain", "shop.example.com")],
            format!("shop.example.com: the certificate ends in {left} and is not renewed"),
            format!(
                "Less than a quarter of its time and less than 30 days are left, {left} of them: by now it is renewed as a rule. Look for the reason while there is time.\nSee: docker logs coolify-proxy 2>&1 | grep -iE 'acme|certificate'"
            ),
        )
    };
    let is_found = found(r#"code="certificate-expiring",destination="shop",subject="shop.example.com""#);
    vec![
        on(Fires, 69.0, 21.0, "x90").silent(&["58m"]).says(says("20d 23h 0m 0s")).fires(&["60m"]),
        on(Fires, 371.0, 29.0, "x90").says(says("28d 23h 0m 0s")).fires(&["60m"]),
        // Of one that lasts 8 hours, and of one that ends in 30 days but for half an hour.
        on(Fires, 6.5 / 24.0, 1.5 / 24.0, "x90").says(says("30m 0s")).fires(&["60m"]),
        on(Fires, 371.0, 30.0 - 0.5 / 24.0, "x90").says(says("29d 22h 30m 0s")).fires(&["60m"]),
        on(Below, 66.6, 23.4, "x90").silent(&["60m", "120m"]),
        on(Below, 369.0, 31.0, "x90").silent(&["60m", "120m"]),
        on(Below, 69.0, 21.0, "x90").series(&is_found, "1x90").silent(&["60m", "120m"]),
        on(Fires, 69.0, 21.0, "x90")
            .series(&is_found, "_x40 1x90")
            .says(says("20d 22h 42m 0s"))
            .fires(&["92m"])
            .silent(&["96m"]),
        on(Lost, 69.0, 21.0, "x10 stale _x3 1814400x90").silent(&["60m"]),
        on(Lost, 69.0, 21.0, "x35 stale").says(says("20d 22h 40m 0s")).fires(&["94m"]).silent(&["100m"]),
    ]
}

fn slow() -> Vec<Case> {
    let name = "DestinationSlow";
    // So many a minute, under each bound.
    let on = |kind, probe: &str, fast: f64, good: f64, all: f64| {
        let of = |what: &str, le: &str| {
            format!(
                "destination_probe_duration_seconds_{what}{{@,destination=\"shop\",probe=\"{probe}\"{le}}}"
            )
        };
        case(kind, name)
            .step("1m")
            .series(r#"destination_info{@,destination="shop",display_name="Web shop"}"#, "1x90")
            .series(&of("bucket", ",le=\"0.0512\""), &format!("0+{fast}x90"))
            .series(&of("bucket", ",le=\"0.1\""), &format!("0+{good}x90"))
            .series(&of("bucket", ",le=\"0.25\""), &format!("0+{all}x90"))
            .series(&of("bucket", ",le=\"+Inf\""), &format!("0+{all}x90"))
            .series(&of("count", ""), &format!("0+{all}x90"))
    };
    let says = |time: &str| {
        said(
            name,
            "destination",
            &[("destination", "shop"), ("probe", "tcp")],
            "shop (Web shop): tcp is slow".to_owned(),
            format!(
                "One in twenty probes (tcp) on shop (Web shop) takes {time} or more; within one server that is a millisecond as a rule. The processor, the disk or the Engine is busy."
            ),
        )
    };
    let is_found = found(r#"code="container-packet-loss",destination="shop",subject="web""#);
    let a_little = || says("102.9ms");
    // It takes some minutes of the window until one in twenty is slow.
    let begins = {
        let of = |what: &str, le: &str| {
            format!("destination_probe_duration_seconds_{what}{{@,destination=\"shop\",probe=\"tcp\"{le}}}")
        };
        let all = "0+1000x30 31000+1000x60";
        case(Fires, name)
            .step("1m")
            .series(r#"destination_info{@,destination="shop",display_name="Web shop"}"#, "1x90")
            .series(&of("bucket", ",le=\"0.0512\""), "0x90")
            .series(&of("bucket", ",le=\"0.1\""), "0+1000x30 30880+880x60")
            .series(&of("bucket", ",le=\"0.25\""), all)
            .series(&of("bucket", ",le=\"+Inf\""), all)
            .series(&of("count", ""), all)
            .silent(&["49m"])
            .says(says("187.5ms"))
            .fires(&["52m"])
    };
    vec![
        begins,
        on(Fires, "tcp", 0.0, 949.0, 1000.0).silent(&["15m"]).says(a_little()).fires(&["16m", "30m"]),
        on(Below, "tcp", 0.0, 951.0, 1000.0).silent(&["16m", "30m"]),
        on(Below, "http", 0.0, 949.0, 1000.0).silent(&["16m", "30m"]),
        on(Fires, "tcp", 0.0, 1.945, 2.05).says(says("103.6ms")).fires(&["26m", "30m"]),
        on(Below, "tcp", 0.0, 1.845, 1.95).silent(&["26m", "40m"]),
        on(Below, "tcp", 0.0, 0.0, 0.0).silent(&["16m", "30m"]),
        on(Below, "tcp", 0.0, 949.0, 1000.0).series(&is_found, "1x90").silent(&["16m", "30m"]),
        on(Fires, "tcp", 0.0, 949.0, 1000.0)
            .series(&is_found, "_x20 1x90")
            .says(a_little())
            .fires(&["34m"])
            .silent(&["35m"]),
        on(Lost, "tcp", 0.0, 949.0, 1000.0).broken(&[8, 12]).says(a_little()).fires(&["16m"]),
    ]
}

fn flapping() -> Vec<Case> {
    let name = "DestinationFlapping";
    let on = |kind, values: &str| {
        case(kind, name)
            .step("1m")
            .series(r#"destination_info{@,destination="shop",display_name="Web shop"}"#, "1x90")
            .series(&found(r#"code="container-restarting",destination="shop",subject="web""#), "1x2 stale")
            .series(r#"destination_healthy{@,destination="shop"}"#, values)
    };
    let said = said(
        name,
        "destination",
        &[("destination", "shop")],
        "shop (Web shop) comes and goes".to_owned(),
        "The verdict on shop (Web shop) changed 7 times within 30 minutes. What happened, and what the Engine did just before: the page /events. Of late: container-restarting web, each once or more.".to_owned(),
    );
    let gone = Said {
        description: Box::leak(
            said.description
                .replace(" container-restarting web,", " nothing that is known any more,")
                .into_boxed_str(),
        ),
        ..said.clone()
    };
    vec![
        on(Fires, "1 0 1 0 1 0 1 0x90")
            .silent(&["6m"])
            .says(said.clone())
            .fires(&["7m", "29m", "58m"])
            .silent(&["62m"]),
        on(Below, "1 0 1 0 1 0 1x90").silent(&["6m", "7m", "20m"]),
        on(Lost, "1 0 1 stale 0 1 0 1x90").silent(&["7m", "8m", "20m"]),
        on(Lost, "1x30 0 1 0 stale 1 0 1 0x60").silent(&["36m"]).says(gone).fires(&["38m"]),
    ]
}

fn left_out() -> Vec<Case> {
    let name = "DestinationLeftOut";
    let on = |kind, series: &str, number: u32, times: &str| {
        let other = if series == "routes" { "flows" } else { "routes" };
        case(kind, name)
            .step("1m")
            .series(&format!("destination_{series}_left_out{{@}}"), &format!("{number}{times}"))
            .series(&format!("destination_{other}_left_out{{@}}"), "0x90")
    };
    let says = |what: &'static str, number: &str, so: &str| {
        said(
            name,
            "exporter",
            &[("what", what)],
            format!("The exporter on server-1:10061 leaves out {number} {what}"),
            format!(
                "{number} {what} are beyond what it looks at. {so}\nSee: curl -s localhost:10061/metrics | grep left_out"
            ),
        )
    };
    let sites = says("sites", "1", "Nothing is known of them, and none of their faults would be noticed.");
    let flows = says(
        "flows",
        "2000000",
        "Those of most connections are shown; who talks to whom is not known in full.",
    );
    let mut cases = around(&|kind, times| on(kind, "routes", 1, times), &sites, "15m", "14m");
    cases.extend(around(&|kind, times| on(kind, "flows", 2_000_000, times), &flows, "15m", "14m"));
    let one =
        says("flows", "1", "Those of most connections are shown; who talks to whom is not known in full.");
    cases.push(on(Fires, "flows", 1, "x90").says(one).fires(&["15m"]));
    cases.push(on(Below, "routes", 0, "x90").silent(&["15m", "30m"]));
    cases
}
