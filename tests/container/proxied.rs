//! Behind a proxy that lets through what `docs/deployment.md` names, and nothing else: haproxy with the file that is
//! shipped. The exporter does all of its work there, and asks for no more.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::process::{Child, Stdio};

use lab::{Error, Result};

use crate::stage::{self, KINDS, Stage, capability, page, probes, values};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/haproxy.cfg");

/// What a container counted is asked of the Engine too.
const SETTINGS: &str = "traffic: {source: engine}\n";

/// A running haproxy on the lab's host. Ends with it.
struct Proxy<'a> {
    stage: &'a Stage,
    child: Child,
}

impl<'a> Proxy<'a> {
    fn start(stage: &'a Stage) -> Result<Self> {
        let log = File::create(log(stage)).map_err(|e| Error::io("making the proxy's log", e))?;
        let errors = log.try_clone().map_err(|e| Error::io("sharing the proxy's log", e))?;
        let mut haproxy = stage.lab.on_host("haproxy");
        haproxy.args(["-db", "-f", FILE]).env("LISTEN", "127.0.0.1:2375");
        haproxy.env("SOCKET", stage.lab.socket()).stdin(Stdio::null()).stdout(log).stderr(errors);
        let child = haproxy.spawn().map_err(|e| Error::io("starting nsenter", e))?;
        let proxy = Self { stage, child };
        stage.until("the proxy answers (haproxy is installed by: make deps)", || {
            Ok(proxy.status("GET", "/_ping")? == "200")
        })?;
        Ok(proxy)
    }

    /// What is answered to a request through it, made by a process of the lab's host.
    fn status(&self, method: &str, path: &str) -> Result<String> {
        let request = format!("{method} {path} HTTP/1.1\\r\\nHost: proxy\\r\\nConnection: close\\r\\n\\r\\n");
        let ask = format!("printf '{request}' | busybox nc -w 5 127.0.0.1 2375 2>/dev/null || true");
        let said = self.stage.lab.exec_on_host(&["sh", "-c", &ask])?;
        Ok(said.split(' ').nth(1).unwrap_or_default().to_owned())
    }

    /// Each request so far as `method path status`, the id of a container or a network as `{id}`.
    fn asked(&self) -> Result<BTreeSet<String>> {
        let text = fs::read_to_string(log(self.stage)).map_err(|e| Error::io("reading the log", e))?;
        let is_id = |part: &str| part.len() == 64 && part.bytes().all(|b| b.is_ascii_hexdigit());
        let general = |line: &str| -> String {
            let id = line.split(['/', ' ']).find(|part| is_id(part));
            id.map_or_else(|| line.to_owned(), |id| line.replace(id, "{id}"))
        };
        // What haproxy says of itself begins with `[`.
        Ok(text.lines().filter(|line| !line.starts_with('[')).map(general).collect())
    }
}

impl Drop for Proxy<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn log(stage: &Stage) -> std::path::PathBuf {
    stage.lab.folder().join("haproxy.log")
}

#[test]
fn behind_a_proxy_that_lets_the_documented_requests_through_it_does_all_its_work() -> Result<()> {
    let stage = Stage::set()?;
    stage.configure(SETTINGS)?;
    let proxy = Proxy::start(&stage)?;
    let namespaces = stage.namespaces("ro,rslave");
    let mut options: Vec<String> = Stage::privileges().into_iter().chain(namespaces).collect();
    options.extend(["-e".to_owned(), "DOCKER_HOST=tcp://127.0.0.1:2375".to_owned()]);
    let exporter = stage.run(&options)?;
    stage.until("the first round", || Ok(exporter.get("/-/ready")?.status == 200))?;
    stage.deploy("after")?;

    for kind in KINDS {
        for (source, target) in [("before", "after"), ("after", "before")] {
            stage.until(&format!("{kind} {source} → {target}"), || {
                Ok(probes(&page(&exporter)?, kind, source, target) == [1.0])
            })?;
        }
    }
    let received = [("destination", "shop"), ("container", "after")];
    stage.until("the Engine's counters", || {
        Ok(!values(&page(&exporter)?, "destination_container_network_receive_bytes_total", &received)
            .is_empty())
    })?;
    for name in ["docker_api", "network_namespaces", "icmp", "socket_diagnostics"] {
        assert_eq!(capability(&page(&exporter)?, name), Some(1.0), "{name}");
    }
    assert_eq!(stage::blind(&exporter)?, Vec::<String>::new());

    // The commands as well, which ask for themselves.
    for (command, says) in [("check", "shop"), ("topology", "before")] {
        let output = stage.lab.docker_output(&["exec", "exporter", "/destination-exporter", command])?;
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.code() != Some(2) && said.contains(says), "{command}: {output:?}");
    }

    // Asked of Engines of API 1.52 and later alone, and this is none: that it would pass is seen by a request of our own.
    let id = stage.lab.docker(&["network", "inspect", "-f", "{{.Id}}", "shop"])?;
    let is_of_network = |request: &String| request.starts_with("GET /networks/{id}");
    let api = stage.lab.docker(&["version", "-f", "{{.Server.APIVersion}}"])?;
    let minor = api.strip_prefix("1.").and_then(|minor| minor.parse().ok());
    let counts = minor.is_some_and(|minor: u32| minor >= 52);
    assert_eq!(proxy.asked()?.iter().any(is_of_network), counts, "by API {api}");
    assert_eq!(proxy.status("GET", &format!("/networks/{id}"))?, "200");
    // Of a Swarm's network the last character is left out.
    assert_eq!(proxy.status("GET", "/networks/s1v2aevdmrlzkbcsm0l2u4hx")?, "404");
    let mut of_swarms = vec!["GET /networks/s1v2aevdmrlzkbcsm0l2u4hx 404".to_owned()];
    // The managers' lists pass, and this is no manager.
    for path in ["/nodes", "/services", "/tasks"] {
        assert_eq!(proxy.status("GET", path)?, "503", "{path}");
        of_swarms.push(format!("GET {path} 503"));
    }

    let documented = documented().into_iter().map(|path| format!("GET {path} 200"));
    let expected: BTreeSet<String> = documented.chain(of_swarms).collect();
    assert_eq!(proxy.asked()?, expected, "what was asked for, and what is documented");

    // The wall stands: it is not that nobody tried it.
    for (method, path) in [
        ("POST", "/containers/before/stop".to_owned()),
        ("HEAD", "/_ping".to_owned()),
        ("GET", format!("/containers/{}/archive?path=/etc", "0".repeat(64))),
        ("GET", "/images/json".to_owned()),
        ("GET", "/networks/shop".to_owned()),
        ("DELETE", format!("/networks/{id}")),
    ] {
        assert_eq!(proxy.status(method, &path)?, "403", "{method} {path}");
    }
    assert!(proxy.asked()?.contains("POST /containers/before/stop 403"), "refusals are in the log, too");
    Ok(())
}

/// The paths in the table of `docs/deployment.md`.
fn documented() -> Vec<String> {
    let page = include_str!("../../docs/deployment.md");
    let section = page.split("## Behind a socket proxy\n").nth(1).and_then(|rest| rest.split("\n## ").next());
    let rows = section.expect("the section").lines().filter_map(|line| line.strip_prefix("| `/"));
    let paths: Vec<String> =
        rows.filter_map(|row| row.split('`').next()).map(|path| format!("/{path}")).collect();
    assert!(paths.len() > 5, "the table is read: {paths:?}");
    paths
}
