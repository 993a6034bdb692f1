//! Cases of blindness.

use super::case::Kind::{Below, Fires, Lost};
use super::case::{Case, Said, case, labels};

use super::swarm::{found, info};

const HELD: &str = "instance:destination_finding:held";

fn said(
    alert: &'static str,
    severity: &'static str,
    summary: &'static str,
    description: &'static str,
) -> Said {
    let runbook: &'static str = Box::leak(format!("/runbooks/{alert}").into_boxed_str());
    Said {
        labels: labels(severity, "exporter", &[]),
        summary,
        description,
        runbook,
        board: ("exporter", ""),
        page: "/",
    }
}

pub fn cases() -> Vec<Case> {
    [
        engine_silent(),
        down(),
        stale(),
        absent(),
        gone(),
        inventory_old(),
        unknown(),
        uncovered(),
        capability_lost(),
        restarting(),
        scrape_slow(),
        reload_failed(),
        watchdog(),
    ]
    .concat()
}

/// What is said of an Engine that is silent, behind for how long.
macro_rules! silent_engine {
    () => {
        ". Sites may still be served, but names do not resolve inside containers, nothing can be deployed, and what the exporter shows is old.\nLook first: docker version; systemctl status docker; journalctl -u docker --since -15min\nWhere it answers you, the exporter's way to it is broken: the socket, its group or the socket proxy.\nWhere it does not run, or still hangs after some minutes: systemctl restart docker. Without live-restore that ends every container and starts it anew."
    };
}

fn engine_silent() -> Vec<Case> {
    let name = "DestinationEngineSilent";
    let said = Said {
        board: ("overview", ""),
        page: "/diagnostics",
        ..said(
            name,
            "critical",
            "The Docker Engine on server-1:10061 does not answer",
            concat!("The Engine has not answered the exporter for 40s", silent_engine!()),
        )
    };
    let never = Said {
        description: concat!(
            "The Engine has not answered the exporter since that was started",
            silent_engine!()
        ),
        ..said.clone()
    };
    let on = |kind, values: &str, up: &str| {
        case(kind, name)
            .series("destination_exporter_inventory_last_success_timestamp_seconds{@}", "-40+15x100")
            .series("destination_exporter_docker_up{@}", values)
            .series("up{@}", up)
            .says(said.clone())
    };
    vec![
        on(Fires, "1x3 0x20 1x60", "1x100").silent(&["75s"]).fires(&["90s", "6m", "645s"]).silent(&["675s"]),
        on(Below, "1x3 0 1x60", "1x100").silent(&["75s", "90s", "2m"]),
        on(Lost, "1x3 0 stale 0x40", "1x4 0 1x100").silent(&["75s"]).fires(&["90s", "105s"]),
        // The exporter is not heard of again.
        on(Lost, "1x3 0x3 stale", "1x7 0x100").fires(&["90s", "690s"]).silent(&["750s"]),
        // It never answered at all.
        case(Fires, name).series("destination_exporter_docker_up{@}", "0x100").says(never).fires(&["1m"]),
    ]
}

fn down() -> Vec<Case> {
    let name = "DestinationExporterDown";
    let says = |found: &str| {
        let description: &'static str = Box::leak(format!("Prometheus has scraped nothing of server-1:10061 for 3 minutes. Nothing is known to be down there, and nothing would be noticed.{found}\nOn the server: systemctl status destination-exporter ; docker ps -a --filter name=destination-exporter ; curl -sS localhost:10061/-/healthy").into_boxed_str());
        Said {
            runbook: "https://second.example.com/runbooks/DestinationExporterDown",
            ..said(
                name,
                "critical",
                "The exporter on server-1:10061 does not answer: its server is not watched",
                description,
            )
        }
    };
    // One was repaired, and one held until the exporter was lost.
    let held = says(" Findings of severity page when it was last heard of: 1.");
    let on = |kind, up: &str| {
        case(kind, name)
            .without_info()
            .series(r#"destination_exporter_info{@,external_url="https://watch.example.com"}"#, "1x3 stale")
            .series(r#"destination_exporter_info{job="destination-exporter",instance="server-2:10061",external_url="https://second.example.com"}"#, "1x100")
            .series(&format!("{HELD}{{@,severity=\"page\",code=\"egress-blocked\",subject=\"host\"}}"), "1x2 stale")
            .series(&format!("{HELD}{{@,severity=\"page\",code=\"container-unreachable\",subject=\"web\"}}"), "1x23 stale")
            .series(r#"up{job="destination-exporter",instance="server-2:10061"}"#, "1x100")
            .series(r#"up{job="node",instance="server-1:9100"}"#, "0x100")
            .series(&info(1), "1x3 stale")
            .series("up{@}", up)
    };
    // Other nodes of the Swarm miss it, and tell so: for a day that is enough.
    let parted = format!(
        "{HELD}{{job=\"destination-exporter\",instance=\"server-2:10061\",code=\"swarm-peer-missing\",subject=\"198.51.100.1\"}}"
    );
    let for_long = case(Fires, name)
        .without_info()
        .step("240s")
        .series(r#"destination_exporter_info{job="destination-exporter",instance="server-2:10061",external_url="https://second.example.com"}"#, "1x600")
        .series("up{@}", "0x600")
        .series(&info(1), "1x1 stale")
        .series(&found(2, "shop", "swarm-data-path-broken", "page", "198.51.100.1", "node"), "1x600");
    let late = Said { page: "http://server-1:10061/", ..says("") };
    // Nobody else answers, and its name is no expression.
    let own = r#"job="destination-exporter",instance="[::1]:10061""#;
    let alone = Said {
        labels: vec![
            ("severity", "critical"),
            ("scope", "exporter"),
            ("job", "destination-exporter"),
            ("instance", "[::1]:10061"),
        ],
        summary: "The exporter on [::1]:10061 does not answer: its server is not watched",
        description: Box::leak(says("").description.replace("server-1", "[::1]").into_boxed_str()),
        runbook: "/runbooks/DestinationExporterDown",
        ..held.clone()
    };
    vec![
        on(Fires, "1x3 0x40 1x60")
            .silent(&["225s"])
            .says(held.clone())
            .fires(&["4m", "345s"])
            .says(says(""))
            .fires(&["11m", "960s"])
            .silent(&["990s"]),
        on(Below, "1x3 0x11 1x60").silent(&["225s", "4m", "5m"]),
        on(Below, "1x3 0x40 1x60").series(&parted, "1x100").silent(&["4m", "6m"]),
        for_long.silent(&["64800s"]).says(late).fires(&["108000s"]),
        on(Lost, "1x3 0 1x5 0 1x60").silent(&["75s", "4m", "5m"]),
        case(Fires, name)
            .without_info()
            .series(
                &format!("destination_exporter_info{{{own},external_url=\"https://watch.example.com\"}}"),
                "1x3 stale",
            )
            .series(&format!("up{{{own}}}"), "0x40")
            .says(alone)
            .fires(&["4m"]),
    ]
}

fn stale() -> Vec<Case> {
    let name = "DestinationProbesStale";
    let after = |age: &str| {
        let description: &'static str = Box::leak(
            format!("The last round of probes ended {age} ago (of an exporter that never had one: it was started so long ago). What is shown is old, and nothing new would be noticed.\nSee: curl -sS localhost:10061/-/ready ; docker logs --tail 50 destination-exporter\nRepair: docker restart destination-exporter").into_boxed_str(),
        );
        said(name, "critical", "The exporter on server-1:10061 has stopped looking", description)
    };
    let round = "destination_exporter_round_last_completed_timestamp_seconds{@}";
    let on = |kind, values: &str, interval: &str| {
        case(kind, name)
            .series(round, values)
            .series("destination_exporter_round_interval_seconds{@}", interval)
    };
    let never = |kind, engine: &str, started: &str| {
        case(kind, name)
            .series("process_start_time_seconds{@}", started)
            .series(r#"process_start_time_seconds{job="node",instance="server-1:9100"}"#, "0x100")
            .series("destination_exporter_docker_up{@}", engine)
    };
    vec![
        on(Fires, "0+15x20 303x28 750x60", "60x200")
            .silent(&["11m"])
            .says(after("6m 12s"))
            .fires(&["675s"])
            .says(after("7m 12s"))
            .fires(&["735s", "1035s"])
            .silent(&["1065s"]),
        // An interval more than three times as long, and it would still be in time.
        on(Below, "0+15x20 300x60", "90x200").silent(&["675s", "675s"]),
        on(Below, "0+15x200", "60x200").silent(&["675s", "20m"]),
        never(Fires, "1x100", "0x100").silent(&["11m"]).says(after("11m 15s")).fires(&["675s"]),
        never(Below, "0x100", "0x100").silent(&["675s", "15m"]),
        never(Below, "1x100", "100x100").silent(&["675s", "690s"]),
        never(Below, "1x100", "0x100").series(round, "0+15x100").silent(&["675s", "15m"]),
        // Half of the scrapes of two minutes fail.
        on(Lost, "0+15x20 300x19 stale _x6 300x60", "60x40 stale _x6 60x60")
            .silent(&["11m"])
            .says(after("6m 15s"))
            .fires(&["675s"]),
        // It is lost while all is well: what it told last grows old, and is not believed for long.
        on(Lost, "0+15x20 stale", "15x20 stale").silent(&["8m", "525s", "555s", "10m"]),
    ]
}

fn absent() -> Vec<Case> {
    let name = "DestinationExporterAbsent";
    let says = |known: &'static str| {
        let description: &'static str = Box::leak(format!("No target of the job destination-exporter for 10 minutes: it was renamed, or the targets are not found any more. Nothing is watched.{known}\nSee: promtool check config /etc/prometheus/prometheus.yml ; Prometheus' page /targets").into_boxed_str());
        let labels = vec![("severity", "critical"), ("scope", "exporter"), ("job", "destination-exporter")];
        Said { labels, ..said(name, "critical", "Prometheus knows no destination-exporter", description) }
    };
    let on = |kind, up: &str| {
        case(kind, name).series("up{@}", up).series(r#"up{job="node",instance="a"}"#, "1x200")
    };
    vec![
        case(Fires, name).silent(&["585s"]).says(says("")).fires(&["10m", "15m"]),
        on(Fires, "1x3 stale _x60 1x60")
            .silent(&["645s"])
            .says(says(" 1 were scraped within the last day."))
            .fires(&["11m", "960s"])
            .silent(&["975s"]),
        on(Below, "0x100").silent(&["10m", "15m"]),
        on(Lost, "1x30 stale 1x60").silent(&["10m", "15m", "20m"]),
    ]
}

fn gone() -> Vec<Case> {
    let name = "DestinationExporterGone";
    let said = said(
        name,
        "warning",
        "The exporter on server-1:10061 is not scraped any more",
        "server-1:10061 was a target 1 hour ago and is none now: taken out of service, or lost by service discovery. This ends by itself 1 hour after it began: silence it where that was meant.",
    );
    let on = |kind, up: &str| {
        let other = r#"up{job="destination-exporter",instance="server-2:10061"}"#;
        case(kind, name).step("1m").series("up{@}", up).series(other, "1x200").says(said.clone())
    };
    vec![
        on(Fires, "1x60 stale").silent(&["70m"]).fires(&["71m", "124m"]).silent(&["128m"]),
        on(Fires, "0x60 stale").silent(&["70m"]).fires(&["71m"]),
        on(Below, "0x200").silent(&["71m", "80m", "120m"]),
        on(Lost, "1x60 stale 1x200").silent(&["61m", "71m", "80m"]),
    ]
}

fn inventory_old() -> Vec<Case> {
    let name = "DestinationInventoryOld";
    let after = |age: &str| {
        let description: &'static str = Box::leak(format!("The Engine answers, and its last complete listing is {age} old: containers and networks that came since are not watched. Failed: containers timeout (75 in 15 minutes).").into_boxed_str());
        said(name, "warning", "What the exporter on server-1:10061 knows of the Engine is old", description)
    };
    let on = |kind, values: &str, engine: &str| {
        case(kind, name)
            .series(r#"destination_exporter_docker_request_failures_total{@,endpoint="containers",reason="timeout"}"#, "0+1.25x200")
            .series("destination_exporter_inventory_last_success_timestamp_seconds{@}", values)
            .series("destination_exporter_docker_up{@}", engine)
    };
    vec![
        on(Fires, "0+15x20 300x69 1365x60", "1x200")
            .silent(&["1200s"])
            .says(after("15m 15s"))
            .fires(&["1215s"])
            .says(after("17m 30s"))
            .fires(&["1350s", "1650s"])
            .silent(&["1680s"]),
        on(Below, "0+15x20 300x40 915x200", "1x200").silent(&["915s", "1215s", "1500s"]),
        on(Below, "0+15x20 300x200", "0x200").silent(&["1215s", "1500s"]),
        on(Lost, "0+15x20 300x45 stale _x5 300x60", "1x66 stale _x5 1x60")
            .silent(&["1200s"])
            .says(after("15m 15s"))
            .fires(&["1215s"]),
        on(Lost, "0+15x20 300x90 stale", "1x111 stale")
            .says(after("24m 45s"))
            .fires(&["2070s"])
            .silent(&["2130s"]),
        // Lost when it was 9 minutes old: it is not counted on for long.
        on(Lost, "0x36 stale", "1x36 stale").silent(&["12m", "870s", "16m"]),
    ]
}

fn unknown() -> Vec<Case> {
    let name = "DestinationProbesUnknown";
    let says = |share: &str, overrun: &str, other: &str| {
        let [summary, description] = [
            format!("{share} of the probes on server-1:10061 cannot look"),
            format!("{share} of the runs of the last 15 minutes ended in unknown: what they look at is neither up nor down. Reasons: overrun ({overrun}/s) vanished ({other}/s)."),
        ]
        .map(|text| &*Box::leak(text.into_boxed_str()));
        said(name, "warning", summary, description)
    };
    let on = |kind, unknown: [&str; 2], looked: [&str; 2]| {
        case(kind, name)
            .step("1m")
            .series(r#"destination_exporter_probes_unknown_total{@,reason="overrun"}"#, unknown[0])
            .series(r#"destination_exporter_probes_unknown_total{@,reason="vanished"}"#, unknown[1])
            .series(r#"destination_probe_attempts_total{@,destination="shop",probe="tcp"}"#, looked[0])
            .series(r#"destination_probe_attempts_total{@,destination="blog",probe="dns"}"#, looked[1])
    };
    let blind = format!("{HELD}{{@,code=\"exporter-blind\",severity=\"ticket\",subject=\"icmp\"}}");
    vec![
        on(Fires, ["0+14x90", "0+7x90"], ["0+100x90", "0+79x90"])
            .silent(&["15m"])
            .says(says("10.5%", "0.23", "0.12"))
            .fires(&["16m"]),
        // It takes half of the window until a fifth that cannot look is a tenth.
        on(Fires, ["0x30 0+14x60", "0x30 0+6x60"], ["0+50x30 1550+40x60", "0+50x30 1550+40x60"])
            .silent(&["52m"])
            .says(says("20%", "0.23", "0.10"))
            .fires(&["56m"]),
        on(Below, ["0+13x90", "0+6x90"], ["0+100x90", "0+81x90"]).silent(&["16m", "40m"]),
        on(Below, ["0x90", "0x90"], ["0x90", "0x90"]).silent(&["16m", "40m"]),
        on(Below, ["0+14x90", "0+7x90"], ["0+100x90", "0+79x90"])
            .series(&blind, "1x90")
            .silent(&["16m", "40m"]),
        on(Fires, ["0+14x90", "0+7x90"], ["0+100x90", "0+79x90"])
            .series(&blind, "_x20 1x90")
            .says(says("10.5%", "0.23", "0.12"))
            .fires(&["24m"])
            .silent(&["26m"]),
        on(Lost, ["0+14x90", "0+7x90"], ["0+100x90", "0+79x90"])
            .broken(&[8, 12])
            .says(says("10.5%", "0.23", "0.12"))
            .fires(&["16m"]),
    ]
}

fn uncovered() -> Vec<Case> {
    let name = "DestinationProbesUncovered";
    let said = Said {
        labels: labels("warning", "destination", &[("destination", "shop")]),
        board: ("destination", "shop"),
        page: "/diagnostics/shop",
        ..said(
            name,
            "warning",
            "shop (Web shop): 50% of what runs on it is looked at",
            "On shop (Web shop) no more than 50% of the containers that another one ought to look at were looked at in time (30s): the others may be well or not. Probes that cannot look: overrun (0.10/s).",
        )
    };
    let on = |kind, covered: &str| {
        case(kind, name)
            .step("1m")
            .series(r#"destination_info{@,destination="shop",display_name="Web shop"}"#, "1x90")
            .series(r#"destination_probes_cover_seconds{@,destination="shop"}"#, "30x90")
            .series(r#"destination_exporter_probes_unknown_total{@,reason="overrun"}"#, "0+6x90")
            .series(r#"destination_probes_covered_ratio{@,destination="shop"}"#, covered)
            .says(said.clone())
    };
    let blind = format!("{HELD}{{@,code=\"exporter-blind\",severity=\"ticket\",subject=\"icmp\"}}");
    vec![
        on(Fires, "0.5x90").silent(&["19m"]).fires(&["20m", "1h"]),
        // All were looked at, for the last time after nine minutes.
        on(Fires, "1x9 0.5x80").silent(&["37m"]).fires(&["42m"]),
        on(Fires, "0.5x60 1x30").fires(&["75m"]).silent(&["77m"]),
        on(Below, "1x90").silent(&["20m", "40m"]),
        // Each time others are not, for a moment.
        on(Below, "0.5x8 1 0.5x8 1 0.5x8 1 0.5x8 1 0.5x8 1").silent(&["20m", "40m"]),
        on(Below, "0.5x90").series(&blind, "1x90").silent(&["20m", "40m"]),
        on(Fires, "0.5x90").series(&blind, "_x25 1x90").fires(&["24m"]).silent(&["41m"]),
        on(Lost, "0.5x8 stale stale 0.5x80").fires(&["20m"]),
    ]
}

fn capability_lost() -> Vec<Case> {
    let name = "DestinationCapabilityLost";
    let said = Said {
        labels: labels("warning", "exporter", &[("capability", "firewall")]),
        ..said(
            name,
            "warning",
            "The exporter on server-1:10061 has lost firewall",
            "It could do this within the last day, and cannot now: what needs firewall is unknown. 1 capabilities are missing in all. Was it started anew in another way? This ends by itself after a day.",
        )
    };
    let on = |kind, capability: &str, values: &str| {
        case(kind, name)
            .step("2m")
            .series(&format!("destination_exporter_capability{{@,capability=\"{capability}\"}}"), values)
            .series(r#"destination_exporter_capability{@,capability="icmp"}"#, "1x900")
            .says(said.clone())
    };
    let blind = |subject: &str| {
        format!("{HELD}{{@,code=\"exporter-blind\",severity=\"ticket\",subject=\"{subject}\"}}")
    };
    vec![
        on(Fires, "firewall", "1x10 0x900").silent(&["30m"]).fires(&["32m", "1464m"]).silent(&["1470m"]),
        on(Below, "firewall", "0x900").silent(&["32m", "60m"]),
        on(Below, "docker_api", "1x10 0x900").silent(&["32m", "60m"]),
        on(Below, "firewall", "1x10 0x900").series(&blind("firewall"), "1x900").silent(&["32m", "60m"]),
        on(Fires, "firewall", "1x10 0x900").series(&blind("icmp"), "1x900").silent(&["30m"]).fires(&["32m"]),
        on(Lost, "firewall", "1x10 0x2 stale 0x900").silent(&["30m"]).fires(&["32m"]),
        // The exporter is not heard of again.
        on(Lost, "firewall", "1x10 0x8 stale").fires(&["32m", "48m"]).silent(&["50m"]),
    ]
}

fn restarting() -> Vec<Case> {
    let name = "DestinationExporterRestarting";
    let said = said(
        name,
        "warning",
        "The exporter on server-1:10061 starts again and again",
        "It was started 4 times within 30 minutes: out of memory, or ended by somebody. Resident memory when it was last seen: 32MiB.\nSee: docker inspect -f '{{.State.OOMKilled}} {{.State.ExitCode}}' destination-exporter",
    );
    let on = |kind, values: &str| {
        case(kind, name)
            .step("1m")
            .series("process_resident_memory_bytes{@}", "33554432x90")
            .series("process_start_time_seconds{@}", values)
            .says(said.clone())
    };
    vec![
        on(Fires, "0x2 1x2 2x2 3x2 4x100").silent(&["11m"]).fires(&["12m", "31m", "46m"]).silent(&["49m"]),
        on(Below, "0x2 1x2 2x2 3x100").silent(&["11m", "12m", "20m"]),
        on(Lost, "0x2 1x1 stale 1 2x2 3x100").silent(&["12m", "20m"]),
        on(Lost, "0x2 1x1 stale 1x2 2x2 3x2 4x100").fires(&["16m"]),
    ]
}

fn scrape_slow() -> Vec<Case> {
    let name = "DestinationScrapeSlow";
    let says = |time: &str| {
        let [summary, description] = [
            format!("The metrics of server-1:10061 take {time}"),
            format!("Prometheus waits {time} for a page that takes milliseconds; at scrape_timeout, 10 seconds where nobody set it, there is none. The server is busy, or the way to it is slow. The page has 1048576 series."),
        ]
        .map(|text| &*Box::leak(text.into_boxed_str()));
        said(name, "warning", summary, description)
    };
    let on = |kind, values: &str| {
        case(kind, name)
            .series("scrape_samples_scraped{@}", "1048576x200")
            .series("scrape_duration_seconds{@}", values)
            .series(r#"scrape_duration_seconds{job="node",instance="a"}"#, "9x200")
    };
    vec![
        on(Fires, "5.5x60 0.01x60")
            .silent(&["585s"])
            .says(says("5.5s"))
            .fires(&["10m", "15m"])
            .silent(&["23m"]),
        // A target that is gone.
        on(Fires, "5.5x60").says(says("5.5s")).fires(&["1485s"]).silent(&["1530s"]),
        // It takes half of the window until the mean is there.
        on(Fires, "1x20 9x100").silent(&["1020s"]).says(says("9s")).fires(&["1095s"]),
        on(Below, "5x100").silent(&["10m", "15m"]),
        on(Lost, "0.01x20 10 0.01x100").series("up{@}", "1x20 0 1x100").silent(&["315s", "10m", "16m"]),
        on(Lost, "5.5x20 10 5.5x100").series("up{@}", "1x20 0 1x100").says(says("5.5s")).fires(&["11m"]),
    ]
}

fn reload_failed() -> Vec<Case> {
    let name = "DestinationConfigReloadFailed";
    let said = said(
        name,
        "warning",
        "The exporter on server-1:10061 runs with an old configuration",
        "Its configuration was changed and could not be loaded; the one before stays in force, 40s old. It does not start with the new one either.\nSee: destination-exporter --config.check --config.file=FILE",
    );
    let on = |kind, values: &str| {
        case(kind, name)
            .series("destination_exporter_config_last_reload_success_timestamp_seconds{@}", "-40+15x200")
            .series("destination_exporter_config_last_reload_successful{@}", values)
            .says(said.clone())
    };
    vec![
        on(Fires, "1x3 0x60 1x100").silent(&["345s"]).fires(&["6m", "1245s"]).silent(&["1290s"]),
        on(Below, "1x3 0x19 1x100").silent(&["345s", "6m", "7m"]),
        on(Lost, "1x3 0 stale 0x100").silent(&["345s"]).fires(&["6m"]),
        on(Lost, "1x3 0x30 stale").fires(&["1095s"]).silent(&["1155s"]),
    ]
}

fn watchdog() -> Vec<Case> {
    let name = "DestinationWatchdog";
    let said = Said {
        labels: vec![("severity", "none"), ("scope", "exporter")],
        ..said(
            name,
            "none",
            "Prometheus evaluates the rules of destination-exporter",
            "Always firing, for a dead man's switch: when it does not arrive any more, no other alert does either. 1 exporters answer.",
        )
    };
    let silent = Said {
        description: "Always firing, for a dead man's switch: when it does not arrive any more, no other alert does either.",
        ..said.clone()
    };
    vec![
        case(Fires, name).series("up{@}", "1x20").says(said.clone()).fires(&["0s", "5m"]),
        case(Lost, name).series("up{@}", "1x4 0x20").says(silent).fires(&["75s", "5m"]),
    ]
}
