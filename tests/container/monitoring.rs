//! `deploy/compose.monitoring.yaml` brings up who watches the exporter and who tells, wired.

use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use lab::{Error, Result};
use serde_json::Value;

use crate::files::{compose, project};
use crate::stage::Stage;

const FILES: [&str; 2] = ["deploy/compose.yaml", "deploy/compose.monitoring.yaml"];

/// What an operator says, and the images that a machine without a registry has.
const SAID: [(&str, &str); 7] = [
    ("GRAFANA_PASSWORD", "of a test"),
    ("ALERTMANAGER_FILE", "../alerts/alertmanager.example.yml"),
    ("GRAFANA_URL", "https://grafana.example.com"),
    ("PROMETHEUS_URL", "https://prometheus.example.com"),
    ("EXPORTER_URL", "https://watch.example.com"),
    ("PROMETHEUS_IMAGE", "prometheus"),
    ("ALERTMANAGER_IMAGE", "prometheus-alertmanager"),
];

/// Compose with these files, and nothing of what an operator of this machine may have said.
fn composed() -> Result<Command> {
    let mut composed = Command::new(compose()?);
    composed.args(["--env-file", "/dev/null"]);
    FILES.iter().for_each(|file| {
        composed.arg("-f").arg(project(file));
    });
    SAID.iter().for_each(|(name, _)| {
        composed.env_remove(name);
    });
    Ok(composed)
}

fn services() -> Result<Value> {
    let mut read = composed()?;
    let text = lab::run(read.args(["config", "--format", "json"]).envs(SAID))?;
    let read: Value = serde_json::from_str(&text).map_err(|e| Error::new(e.to_string()))?;
    Ok(read["services"].clone())
}

#[test]
fn what_it_mounts_is_there_and_nobody_listens_to_strangers() -> Result<()> {
    let services = services()?;
    let names: Vec<&String> = services.as_object().into_iter().flat_map(|all| all.keys()).collect();
    assert_eq!(names, ["alertmanager", "destination-exporter", "grafana", "prometheus"]);
    for name in names {
        let service = &services[name];
        assert_eq!(service["network_mode"], "host", "{name}");
        assert_eq!(service["cap_drop"], serde_json::json!(["ALL"]), "{name}");
        assert!(service.get("ports").is_none(), "{name}");
        for mount in service["volumes"].as_array().into_iter().flatten() {
            let source = mount["source"].as_str().unwrap_or_default();
            if mount["type"] == "bind" && !source.starts_with("/var/run/") {
                assert!(Path::new(source).exists(), "{name} mounts {source}");
                assert_eq!(mount["read_only"], true, "{name} mounts {source}");
            }
        }
        let said = service.to_string();
        assert!(said.contains("127.0.0.1") && !said.contains("0.0.0.0"), "{name}: {said}");
    }
    for (needed, says) in [
        ("GRAFANA_PASSWORD", "a password for Grafana's user admin"),
        ("ALERTMANAGER_FILE", "with your receivers"),
    ] {
        let refused = lab::run(composed()?.arg("config").envs(SAID).env_remove(needed));
        assert!(refused.is_err_and(|e| e.to_string().contains(says)), "{needed}");
    }
    Ok(())
}

#[test]
fn prometheus_scrapes_it_judges_by_its_rules_and_alertmanager_is_told() -> Result<()> {
    let stage = Stage::set()?;
    let host = |command: &str| stage.lab.exec_on_host(&["sh", "-euc", command]);
    stage.has_the_usual_folder()?;
    for program in ["prometheus", "prometheus-alertmanager"] {
        let binary = lab::run(Command::new("sh").args(["-c", &format!("command -v {program}")]))?;
        // Not under its own name: the image that ships has a folder there, for what is kept.
        let server = stage.lab.folder().join(format!("{program}-server"));
        symlink(binary.trim(), &server).map_err(|e| Error::io("naming it", e))?;
        stage.lab.dynamic_image(program, &server)?;
    }
    let said: String = SAID.iter().map(|(name, value)| format!("export {name}='{value}'; ")).collect();
    // Debian's keeps a template beside the binary.
    let over = stage.lab.folder().join("over.yml");
    let template = "/usr/share/prometheus/alertmanager";
    let text = format!("services: {{alertmanager: {{volumes: ['{template}:{template}:ro']}}}}\n");
    fs::write(&over, text).map_err(|e| Error::io("writing what goes over", e))?;
    let files: String = FILES.iter().map(|file| format!("-f '{}' ", project(file).display())).collect();
    // Its image is not to be had here; that it reads what it is given is Grafana's to test.
    let but_grafana = "destination-exporter prometheus alertmanager";
    host(&format!(
        "{said} export DOCKER_HOST=unix:///run/docker.sock; \
         '{}' --env-file /dev/null {files} -f '{}' up -d --no-build --pull never {but_grafana}",
        compose()?.display(),
        over.display()
    ))?;
    let ask = |port: u16, path: &str| -> Result<Value> {
        let answer = stage.lab.host().get((Ipv4Addr::LOCALHOST, port).into(), path).map_err(|error| {
            let name = if port == 9090 { "destination-prometheus" } else { "destination-alertmanager" };
            let log = host(&format!("docker -H unix:///run/docker.sock logs --tail 9 {name} 2>&1"));
            Error::new(format!("{error}: {}", log.unwrap_or_else(|error| error.to_string())))
        });
        let body = answer?.body;
        serde_json::from_str(&body).map_err(|e| Error::new(format!("{e}: {body}")))
    };
    stage.until("Prometheus has read what the exporter is called", || {
        let answer = ask(9090, "/api/v1/query?query=destination_exporter_info")?;
        Ok(answer["data"]["result"][0]["metric"]["external_url"] == "https://watch.example.com")
    })?;
    let loaded = ask(9090, "/api/v1/rules?type=alert")?;
    let groups = loaded["data"]["groups"].as_array().map_or(0, Vec::len);
    let shipped = fs::read_dir(project("alerts"))
        .map_err(|e| Error::io("listing the alerts", e))?
        .flatten()
        .filter(|file| file.path().to_string_lossy().ends_with(".rules.yml"))
        .count();
    assert!(groups >= shipped, "{groups} groups of {shipped} files");
    stage.until("Alertmanager has the watchdog, with its links", || {
        let alerts = ask(9093, "/api/v2/alerts")?;
        let mut alerts = alerts.as_array().into_iter().flatten();
        let Some(watchdog) = alerts.find(|alert| alert["labels"]["alertname"] == "DestinationWatchdog")
        else {
            return Ok(false);
        };
        let link = |name: &str| watchdog["annotations"][name].as_str().unwrap_or_default().to_owned();
        assert!(link("dashboard_url").starts_with("https://grafana.example.com/d/"), "{watchdog}");
        // It fires before the first scrape, and what it says then is told anew a minute later.
        if !link("runbook_url").starts_with("https://watch.example.com/runbooks/") {
            return Ok(false);
        }
        let generator = watchdog["generatorURL"].as_str().unwrap_or_default();
        assert!(generator.starts_with("https://prometheus.example.com/graph"), "{watchdog}");
        assert_eq!(watchdog["receivers"][0]["name"], "dead-mans-switch");
        Ok(true)
    })
}
