//! Whoever deploys a container is a stranger: whatever stands in its name, labels and settings is data,
//! bounded in memory and harmless on every page.

use serde_json::{Value, json};

use super::exporter::{Exporter, IMPATIENT, NO_PROBES, check};
use super::fake::Fake;
use super::things::{Thing, container, id};

const NASTY: &str = "quo\"te\\ new\nline \u{1b}[31mred\u{1b}[0m \u{202e}back\r\u{7}\u{0} <script>alert(1)</script> {a=\"b\"} 名";

fn quiet() -> String {
    format!("{IMPATIENT}{NO_PROBES}")
}

fn label(thing: &mut Thing, key: &str, value: &str) {
    thing.row["Labels"][key] = json!(value);
    thing.inspected["Config"]["Labels"][key] = json!(value);
}

fn nasty() -> Thing {
    let mut thing = container("dd", NASTY, "shop", "10.213.1.7");
    for key in ["coolify.resourceName", "coolify.projectName", "com.docker.compose.service", NASTY] {
        label(&mut thing, key, NASTY);
    }
    for face in [&mut thing.row, &mut thing.inspected] {
        face["NetworkSettings"]["Networks"]["shop"]["Aliases"] = json!([NASTY, "", "x".repeat(5000)]);
    }
    thing.inspected["Config"]["Image"] = json!(NASTY);
    thing
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_nasty_name_is_a_name_on_every_page() {
    let fake = Fake::start().await;
    let mut network = super::things::network(NASTY, 4);
    network["Id"] = json!(id("f00d"));
    let mut on_it = container("ee", "inside", NASTY, "10.213.4.2");
    for face in [&mut on_it.row, &mut on_it.inspected] {
        face["NetworkSettings"]["Networks"][NASTY]["NetworkID"] = json!(id("f00d"));
    }
    {
        let mut world = fake.world();
        world.networks.push(network);
        world.containers.extend([nasty(), on_it]);
    }
    let exporter = Exporter::start(&fake, &quiet()).await;
    // The page is read line by line: a newline that came through would be seen here. It is no newline to whoever
    // reads the label either: labels become the text of alerts.
    let escaped = r#"container="quo\"te\\ new\\nline "#;
    let page = exporter.until("it is listed", |p| p.knows("inside") && p.has(&[escaped])).await;
    assert!(page.knows("api") && page.up() == Some(true));
    let (_, metrics) = exporter.get("/metrics").await;
    assert!(!metrics.contains(['\u{1b}', '\u{202e}']), "nothing steers a terminal");
    let report = exporter.report().await;
    let names: Vec<&Value> =
        report["destinations"].as_array().into_iter().flatten().map(|d| &d["name"]).collect();
    assert!(names.contains(&&json!(NASTY)), "JSON carries it as it is: {names:?}");
    let (status, landing) = exporter.get("/").await;
    assert!(status == 200 && !landing.contains("<script>alert"), "{landing}");
    let ended = check(&fake, &quiet(), &[]).await;
    let text = String::from_utf8_lossy(&ended.stdout).into_owned();
    assert!(text.contains("quo\"te"), "{text}");
    let acts = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
    assert!(!text.contains(acts), "a terminal would act on it: {text:?}");
    assert!(!exporter.log().contains('\u{1b}'), "{:?}", exporter.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn floods_of_text_are_cut_and_memory_stays_bounded() {
    let fake = Fake::start().await;
    {
        let mut world = fake.world();
        label(world.container("api"), "coolify.resourceName", &"long ".repeat(4096));
        for number in 0..2000 {
            label(
                world.container("web"),
                &format!("label.{number:04}.{}", "k".repeat(200)),
                &"v".repeat(200),
            );
        }
        label(world.container("db"), "com.example.blob", &"b".repeat(3 << 20));
    }
    let exporter = Exporter::start(&fake, &quiet()).await;
    exporter.until("all are known", |p| p.knows("api") && p.knows("web") && p.knows("db")).await;
    let listed = fake.asked("/networks");
    fake.until("it is listed time and again", |fake| fake.asked("/networks") >= listed + 6).await;
    let peak = exporter.peak_memory();
    // Without the floods it is some 17 MiB; the answers together are 8 MiB, and live until they are cut.
    assert!(peak < 96 << 10, "{peak} KiB");
    let (_, metrics) = exporter.get("/metrics").await;
    assert!(metrics.len() < 256 << 10, "{} bytes of metrics", metrics.len());
    let (_, report) = exporter.get("/diagnostics").await;
    assert!(report.len() < 256 << 10, "{} bytes of report", report.len());
    let page = exporter.page().await;
    assert!(page.has(&["destination_container_info{", "workload=\"long long long "]), "cut, not dropped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_out_of_range_are_told_or_left_out() {
    let fake = Fake::start().await;
    {
        let mut world = fake.world();
        world.networks[0]["IPAM"]["Config"] = json!([
            {"Subnet": "10.213.1.0/24", "Gateway": "10.213.1.1"},
            {"Subnet": "10.213.1.0/99"}, {"Subnet": "300.1.1.0/24", "Gateway": "no"}, {"Subnet": "fe80::/129"},
            {"Subnet": ""}, {}, {"Subnet": "::/0"}, {"Subnet": "0.0.0.0/0", "IPRange": "0.0.0.0/0"},
        ]);
        world.networks[0]["Options"] = json!({"com.docker.network.driver.mtu": "-99999999999999"});
        let web = world.container("web");
        web.inspected["State"]["Pid"] = json!(-1);
        web.inspected["State"]["ExitCode"] = json!(i64::MIN);
        web.inspected["State"]["StartedAt"] = json!("the day before yesterday");
        web.inspected["Config"]["ExposedPorts"] = json!({
            "99999/tcp": {}, "-1/tcp": {}, "tcp": {}, "/": {}, "": {}, "80": {}, "0/tcp": {}, "9/quantum": {},
        });
        web.inspected["NetworkSettings"]["Ports"] = json!({
            "99999/tcp": [{"HostIp": "0.0.0.0", "HostPort": "1"}], "80/tcp": null, "81/tcp": [{}],
            "82/tcp": [{"HostIp": "999.1.1.1", "HostPort": "65536"}, {"HostIp": "", "HostPort": ""}],
        });
        for face in [&mut web.row, &mut web.inspected] {
            let endpoint = &mut face["NetworkSettings"]["Networks"]["shop"];
            endpoint["IPAddress"] = json!("10.213.1.999");
            endpoint["GlobalIPv6Address"] = json!("::ffff:g");
            endpoint["MacAddress"] = json!("zz:zz");
        }
    }
    let exporter = Exporter::start(&fake, &quiet()).await;
    let page = exporter.until("all are known", |p| p.knows("web") && p.knows("db")).await;
    assert_eq!(page.up(), Some(true));
    assert!(!page.has(&["destination_mtu_bytes{"]), "no MTU is known");
    assert_eq!(page.get(&["destination_addresses_capacity{", "subnet=\"10.213.1.0/24\""]), Some(254.0));
    let report = exporter.report().await;
    let told = report["host"]["oddities"].to_string();
    for words in ["10.213.1.999", "::ffff:g", "10.213.1.0/99", "300.1.1.0/24"] {
        assert!(told.contains(words), "{words} is not told: {told}");
    }
}
