//! Flags and variables, against a Traefik that was started with them.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use destination_exporter::proxy::traefik::Settings;
use lab::{Answer, Error, Lab, Result};
use serde_json::Value;

use super::town::binary;

/// Each has the API's own entry point on a port that nobody else has.
const SETS: &[&str] = &[
    "--api.insecure=true",
    "--api --api.insecure",
    "--API.Insecure=true --EntryPoints.Web.Address=:8081 --entrypoints.lan.address=127.0.0.1:8082/tcp",
    "--api.insecure --entrypoints.web.address=:8083 --entrypoints.web.http.redirections.entryPoint.to=tls \
     --entrypoints.tls.address=:8444 --entrypoints.tls.http.tls --entrypoints.dns.address=:5353/udp",
    "--api.insecure --entrypoints.web.address=:8084 --entrypoints.web.http.redirections.entrypoint.to=:9443 \
     --entrypoints.web.http.redirections.entrypoint.scheme=http --entrypoints.lan.address=:8085 \
     --entrypoints.lan.asDefault --entrypoints.web.http.redirections.entrypoint.priority=7",
    "--api.insecure --entrypoints.web.address=:8086 --entrypoints.web.http.redirections.entrypoint.to=gone",
    "--api.insecure --entrypoints.web.address=:8087 --entrypoints.web.address=:8088 --log.level DEBUG --ping.entrypoint web",
    "--api.insecure --entrypoints.a.address=:8090 --entrypoints.a.http.tls=false \
     --entrypoints.a.http.tls.certresolver=x --entrypoints.b.address=:8091 --entrypoints.b.http.tls.certresolver=x",
    "--api.insecure true --entrypoints.web.address=:8092",
];

#[test]
fn flags_are_read_as_traefik_reads_them() -> Result<()> {
    let lab = Lab::start()?;
    let traefik = binary()?;
    let mut wrong = Vec::new();
    for set in SETS {
        let flags: Vec<String> = set.split_whitespace().map(str::to_owned).collect();
        let settings = Settings::of(&flags, &[]);
        compare(set, &settings, &Running::start(&lab, &traefik, &flags, &[])?, &mut wrong)?;
    }
    let env = [("TRAEFIK_API_INSECURE", "true"), ("TRAEFIK_ENTRYPOINTS_Web_ADDRESS", ":8093")];
    let said = env.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let running = Running::start(&lab, &traefik, &[], &env)?;
    compare("of the environment", &Settings::of(&[], &said), &running, &mut wrong)?;
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
    Ok(())
}

/// Runs a command until the standard input is closed: a signal from outside would end `nsenter` alone.
const UNTIL_CLOSED: &str = r#""$@" & cat >/dev/null; kill $!; wait"#;

/// A Traefik on the lab's host; it ends with the value.
struct Running<'a> {
    lab: &'a Lab,
    child: Child,
}

impl<'a> Running<'a> {
    fn start(lab: &'a Lab, traefik: &Path, flags: &[String], env: &[(&str, &str)]) -> Result<Self> {
        let program = traefik.to_str().ok_or_else(|| Error::new("the path of Traefik is no text"))?;
        let child = lab
            .on_host("sh")
            .args(["-c", UNTIL_CLOSED, "sh", program])
            .args(flags)
            .envs(env.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|e| Error::io("starting Traefik", e))?;
        let running = Self { lab, child };
        let began = Instant::now();
        while running.get("/api/entrypoints").is_err() {
            if began.elapsed() > Duration::from_secs(30) {
                return Err(Error::new(format!("Traefik did not answer with {flags:?}")));
            }
            sleep(Duration::from_millis(50));
        }
        Ok(running)
    }

    fn get(&self, path: &str) -> Result<Vec<Value>> {
        let answer: Answer = self.lab.host().get(SocketAddr::from(([127, 0, 0, 1], 8080)), path)?;
        answer.json()?.as_array().cloned().ok_or_else(|| Error::new(format!("no list: {answer:?}")))
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

fn compare(set: &str, settings: &Settings, running: &Running, wrong: &mut Vec<String>) -> Result<()> {
    let seen = running.get("/api/entrypoints")?;
    let mut seen: Vec<String> = seen
        .iter()
        .map(|entry| {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let address = text(&entry["address"]);
            let port = address.split('/').next().and_then(|host| host.rsplit(':').next()).unwrap_or_default();
            let tls = if entry["http"]["tls"].is_object() { " tls" } else { "" };
            let udp = if address.ends_with("/udp") { " udp" } else { "" };
            format!("{}:{port}{tls}{udp}", text(&entry["name"]))
        })
        .collect();
    seen.sort();
    let read: Vec<String> = settings
        .entry_points
        .iter()
        .map(|entry| {
            let port = entry.port.map_or(String::new(), |port| port.to_string());
            let (tls, udp) = (if entry.tls { " tls" } else { "" }, if entry.udp { " udp" } else { "" });
            format!("{}:{port}{tls}{udp}", entry.name)
        })
        .collect();
    if seen != read {
        wrong.push(format!("{set}:\n  {seen:?}\n  {read:?}"));
    }
    let redirecting = |entry: &str| {
        let all = running.get("/api/http/routers?per_page=100")?;
        let own = all.into_iter().find(|router| {
            router["entryPoints"][0] == entry
                && router["middlewares"][0].as_str().is_some_and(|m| m.starts_with("redirect-"))
        });
        Ok::<_, Error>(own)
    };
    for entry in &settings.entry_points {
        let seen = redirecting(&entry.name)?;
        let read = entry.redirection.as_ref().filter(|to| to.port.is_some());
        let same = match (&seen, read) {
            (None, None) => true,
            (Some(seen), Some(read)) => read.priority.is_none_or(|priority| seen["priority"] == priority),
            _ => false,
        };
        if !same {
            wrong.push(format!("{set}: {} redirects:\n  {seen:?}\n  {read:?}", entry.name));
        }
    }
    Ok(())
}
