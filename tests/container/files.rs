//! The files of `deploy/` are what they are for: Compose reads and runs them, and the program knows every word that
//! they give it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Parser as _;
use destination_exporter::cli::Cli;
use lab::{Error, Result};
use serde_json::{Value, json};

use crate::stage::Stage;

pub fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

pub fn compose() -> Result<PathBuf> {
    let path = project("target/lab/docker-compose");
    lab::run(Command::new(project("scripts/get-docker-compose.sh")).arg(&path))?;
    Ok(path)
}

/// The file's one service, as Compose understands it.
fn service(file: &str) -> Result<Value> {
    let mut read = Command::new(compose()?);
    read.arg("-f").arg(project(file)).args(["config", "--format", "json", "--no-interpolate"]);
    let text = lab::run(&mut read)?;
    let read: Value = serde_json::from_str(&text).map_err(|e| Error::new(format!("{file}: {e}")))?;
    assert_eq!(read["services"].as_object().map(serde_json::Map::len), Some(1), "{text}");
    Ok(read["services"]["destination-exporter"].clone())
}

fn understood(words: &[&str]) {
    if let Err(error) = Cli::try_parse_from(words) {
        panic!("{words:?}: {error}");
    }
}

fn words(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

#[test]
fn compose_understands_its_files_and_the_program_the_words_in_them() -> Result<()> {
    for file in ["deploy/compose.yaml", "deploy/coolify.yaml"] {
        let service = service(file)?;
        understood(&[&["destination-exporter"], &*words(&service["command"])].concat());
        let health = words(&service["healthcheck"]["test"]);
        assert_eq!(health[..2], ["CMD", "/destination-exporter"], "{file}");
        understood(&health[1..]);

        assert_eq!(service["network_mode"], "host", "{file}");
        assert_eq!(words(&service["command"]), ["serve", "--web.listen-address=127.0.0.1:10061"], "{file}");
        assert_eq!((&service["cap_drop"], &service["cap_add"]), (&json!(["ALL"]), &json!(["SYS_ADMIN"])));
        assert_eq!(service["read_only"], true, "{file}");
        assert_eq!(service["security_opt"], json!(["no-new-privileges:true"]), "{file}");
        for private in
            ["ports", "expose", "privileged", "pid", "ipc", "userns_mode", "networks", "environment"]
        {
            assert!(service.get(private).is_none_or(Value::is_null), "{file} has {private}");
        }
        let mounts = service["volumes"].as_array().cloned().unwrap_or_default();
        let is_read_only = |mount: &Value| mount["type"] == "bind" && mount["read_only"] == true;
        assert!(mounts.len() == 2 && mounts.iter().all(is_read_only), "{file}: {mounts:?}");
    }
    Ok(())
}

#[test]
fn coolifys_file_is_headed_as_its_templates_are_and_differs_from_composes_in_what_coolify_sets() -> Result<()>
{
    let text = fs::read_to_string(project("deploy/coolify.yaml")).map_err(|e| Error::io("reading it", e))?;
    let head = |key: &str| text.lines().find_map(|line| line.strip_prefix(&format!("# {key}: ")));
    for key in ["slogan", "category", "tags", "logo"] {
        assert!(head(key).is_some_and(|value| !value.is_empty()), "{key}");
    }
    // Either would give it a domain.
    assert!(head("port").is_none() && !text.contains("SERVICE_"), "it is private");
    let (mut ours, theirs) = (service("deploy/compose.yaml")?, service("deploy/coolify.yaml")?);
    if let Some(ours) = ours.as_object_mut() {
        for set_by_coolify in ["build", "container_name", "restart"] {
            assert!(ours.remove(set_by_coolify).is_some(), "{set_by_coolify}");
        }
    }
    assert_eq!(ours, theirs);
    Ok(())
}

#[test]
fn compose_runs_it_with_coolifys_file_and_it_is_well_on_loopback_alone() -> Result<()> {
    let stage = Stage::set()?;
    let host = |command: &str| stage.lab.exec_on_host(&["sh", "-euc", command]);
    stage.has_the_usual_folder()?;
    let compose = compose()?.display().to_string();
    let file = project("deploy/coolify.yaml").display().to_string();
    let up = format!("DOCKER_HOST=unix:///run/docker.sock '{compose}' -p own -f '{file}' up -d --pull never");
    host(&up)?;
    let inspect = |what: &str| stage.lab.docker(&["inspect", "-f", what, "own-destination-exporter-1"]);
    stage.until("it serves", || {
        let asked = host("busybox wget -qO- http://127.0.0.1:10061/-/healthy");
        asked.map(|said| !said.is_empty())
    })?;
    let gateway = stage.gateway()?;
    assert!(
        host(&format!("busybox wget -T 2 -qO- http://{gateway}:10061/-/healthy")).is_err(),
        "on loopback alone"
    );
    let mounts = inspect("{{range .Mounts}}{{.Destination}} {{.RW}} {{.Propagation}};{{end}}")?;
    assert!(mounts.contains("/var/run/docker/netns false rslave;"), "{mounts}");
    assert!(mounts.contains("/var/run/docker.sock false"), "{mounts}");
    let asked = inspect(
        "{{.HostConfig.Privileged}} {{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapAdd}} {{.HostConfig.CapDrop}}",
    )?;
    assert_eq!(asked.replace("CAP_", ""), "false true [SYS_ADMIN] [ALL]");
    stage.until("it calls itself healthy", || {
        let check = "docker -H unix:///run/docker.sock exec own-destination-exporter-1 /destination-exporter healthcheck";
        host(check).map(|said| said.starts_with("healthy: "))
    })
}

#[test]
fn systemd_understands_the_unit_and_the_program_its_command() -> Result<()> {
    let unit = fs::read_to_string(project("deploy/destination-exporter.service"))
        .map_err(|e| Error::io("reading the unit", e))?;
    let installed = "/usr/local/bin/destination-exporter";
    let starts = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).expect("it starts something");
    assert!(starts.starts_with(installed), "{starts}");
    understood(&starts.split(' ').collect::<Vec<_>>());
    let folder = tempfile::tempdir().map_err(|e| Error::io("making a folder", e))?;
    let copy = folder.path().join("destination-exporter.service");
    let here = unit.replace(installed, env!("CARGO_BIN_EXE_destination-exporter"));
    fs::write(&copy, here).map_err(|e| Error::io("writing the unit", e))?;
    verified(&copy)?;
    // And with what makes it another user's.
    let over = folder.path().join("destination-exporter.service.d");
    fs::create_dir(&over).map_err(|e| Error::io("making a folder", e))?;
    fs::copy(project("deploy/own-user.conf"), over.join("own-user.conf"))
        .map_err(|e| Error::io("copying what goes over the unit", e))?;
    verified(&copy)
}

/// systemd has nothing to say about this unit.
fn verified(unit: &Path) -> Result<()> {
    let output = Command::new("systemd-analyze")
        .args(["verify", "--man=no", "--recursive-errors=no"])
        .arg(unit)
        .output()
        .map_err(|e| Error::io("systemd-analyze, which make deps installs", e))?;
    let said = String::from_utf8_lossy(&output.stderr);
    // An unknown setting is a warning to systemd, and a wall that does not stand to us.
    assert!(output.status.success() && said.trim().is_empty(), "{} {said}", output.status);
    Ok(())
}
