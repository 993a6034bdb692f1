//! A lab with containers, and a real Traefik that reads their labels.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use lab::{Error, Lab, Result};
use serde_json::Value;

use super::samples::Sample;

/// Traefik reads the labels of a hundred containers within a second.
const PATIENCE: Duration = Duration::from_secs(60);
const NETWORKS: [&str; 3] = ["one", "two", "three"];
/// Containers that start at the same time.
const ABREAST: usize = 4;

/// Where Traefik looks for what runs in the host's network: nobody answers there.
pub const HOST: &str = "127.0.0.1";

/// The flags of the Traefik that reads the labels.
pub const FLAGS: &[&str] = &[
    "--api.insecure=true",
    "--accesslog=true",
    "--accesslog.format=json",
    "--entrypoints.web.address=:80",
    "--entrypoints.web.asdefault=true",
    "--entrypoints.alt.address=:81",
    "--entrypoints.secure.address=:443",
    "--entrypoints.secure.http.tls=true",
    "--providers.docker.exposedbydefault=false",
];

pub struct Town {
    pub lab: Lab,
    address: IpAddr,
}

/// Traefik's binary; fetched where it is missing.
pub fn binary() -> Result<PathBuf> {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = project.join("target/lab/traefik");
    lab::run(Command::new(project.join("scripts/get-traefik.sh")).arg(&path))?;
    Ok(path)
}

impl Town {
    /// Traefik starts when all containers run: it sees them at once.
    pub fn build(samples: &[Sample]) -> Result<Self> {
        let lab = Lab::start()?;
        let busybox = lab.busybox_image()?;
        let traefik = lab.static_image("traefik:v3", &binary()?)?;
        for network in NETWORKS {
            lab.docker(&["network", "create", network])?;
        }
        // Those that live in another one's network come after it.
        let (later, first): (Vec<&Sample>, Vec<&Sample>) =
            samples.iter().partition(|sample| sample.networks[0].starts_with("container:"));
        for wave in [first, later] {
            std::thread::scope(|scope| {
                let lab = &lab;
                let busybox = busybox.as_str();
                let lanes: Vec<_> = (0..ABREAST)
                    .map(|lane| {
                        let mine: Vec<&Sample> = wave.iter().skip(lane).step_by(ABREAST).copied().collect();
                        scope.spawn(move || {
                            mine.into_iter().try_for_each(|sample| start(lab, busybox, sample))
                        })
                    })
                    .collect();
                lanes
                    .into_iter()
                    .try_for_each(|lane| lane.join().map_err(|_| Error::new("a lane panicked"))?)
            })?;
        }
        let socket = "/run/docker.sock:/var/run/docker.sock:ro";
        // A container in the host's network is dialled by this name: the lab has no DNS server to ask for it.
        let host = format!("host.docker.internal:{HOST}");
        let mut run =
            vec!["create", "--name", "edge", "--network", "one", "-v", socket, "--add-host", &host, &traefik];
        run.extend(FLAGS);
        lab.docker(&run)?;
        for network in &NETWORKS[1..] {
            lab.docker(&["network", "connect", network, "edge"])?;
        }
        lab.docker(&["start", "edge"])?;
        let address =
            lab.docker(&["inspect", "-f", "{{.NetworkSettings.Networks.one.IPAddress}}", "edge"])?;
        let address =
            address.parse().map_err(|e| Error::new(format!("the proxy's address {address:?}: {e}")))?;
        Ok(Self { lab, address })
    }

    /// What Traefik's API says, once it has a router of that name.
    pub fn api(&self, path: &str, sentinel: &str) -> Result<Vec<Value>> {
        let began = Instant::now();
        loop {
            let seen = self.routers();
            if matches!(&seen, Ok(all) if all.iter().any(|router| router["name"] == sentinel)) {
                return self.list(path);
            }
            if began.elapsed() > PATIENCE {
                let log = self.lab.docker(&["logs", "--tail", "50", "edge"]).unwrap_or_default();
                return Err(Error::new(format!("no router {sentinel} in {PATIENCE:?}: {seen:?}\n{log}")));
            }
            sleep(Duration::from_millis(100));
        }
    }

    fn routers(&self) -> Result<Vec<Value>> {
        self.list("routers")
    }

    fn list(&self, path: &str) -> Result<Vec<Value>> {
        let address = SocketAddr::new(self.address, 8080);
        let answer = self.lab.host().get(address, &format!("/api/http/{path}?per_page=10000"))?.json()?;
        answer.as_array().cloned().ok_or_else(|| Error::new(format!("no list: {answer}")))
    }

    /// All containers, as the Engine inspects them.
    pub fn inspected(&self) -> Result<Vec<Value>> {
        let all = self.lab.docker(&["ps", "-aq", "--no-trunc"])?;
        let mut args = vec!["inspect"];
        args.extend(all.lines());
        let json = self.lab.docker(&args)?;
        serde_json::from_str(&json).map_err(|e| Error::new(format!("{e} in what the Engine inspects")))
    }

    /// The status that a request to the entry point `web` gets.
    pub fn status(&self, host: &str, path: &str) -> Result<u16> {
        let mut stream = self.lab.host().connect(SocketAddr::new(self.address, 80), 1 << 16)?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let failed = |e| Error::io(&format!("asking Traefik for {host}{path}"), e);
        stream.write_all(request.as_bytes()).map_err(failed)?;
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).map_err(failed)?;
        let status = std::str::from_utf8(&answer[9..]).ok().and_then(|status| status.parse().ok());
        status.ok_or_else(|| Error::new(format!("no HTTP answer: {answer:?}")))
    }

    /// What served each request, in Traefik's access log: host and path, and the router; empty for none. The log
    /// comes after the answers: it is read until it is `complete`.
    pub fn served(&self, complete: impl Fn(&[(String, String)]) -> bool) -> Result<Vec<(String, String)>> {
        let began = Instant::now();
        loop {
            let log = self.lab.docker(&["logs", "edge"])?;
            let served: Vec<(String, String)> = log.lines().filter_map(served_by).collect();
            if complete(&served) || began.elapsed() > PATIENCE {
                return Ok(served);
            }
            sleep(Duration::from_millis(100));
        }
    }
}

fn served_by(line: &str) -> Option<(String, String)> {
    let line: Value = serde_json::from_str(line).ok()?;
    let text = |field: &str| line[field].as_str().unwrap_or_default();
    let path = line["RequestPath"].as_str()?;
    Some((format!("{}{path}", text("RequestHost")), text("RouterName").to_owned()))
}

fn start(lab: &Lab, busybox: &str, sample: &Sample) -> Result<()> {
    let (network, more) = (sample.networks[0], &sample.networks[1..]);
    let mut run = lab.client();
    run.args(["run", "-d", "--name", &sample.name, "--network", network, "--stop-timeout", "0"]);
    run.args(sample.exposed.iter().map(|port| format!("--expose={port}")));
    run.args(sample.labels.iter().map(|(key, value)| format!("--label={key}={value}")));
    lab::run(run.args([busybox, "sleep", "9999"]))?;
    for network in more {
        lab.docker(&["network", "connect", network, &sample.name])?;
    }
    Ok(())
}
