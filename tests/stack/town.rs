//! A Swarm of three with a service on an overlay, the exporter's image, and the secrets that the stack asks for.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use lab::swarm::address;
use lab::{Engine, Error, Lab, Result, Swarm};

use crate::authority::Authority;
use crate::project;
use crate::prometheus::Prometheus;

/// What takes longer than this on a busy machine does not come.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// Every second instead of every fifteen: a test waits for rounds. The labs' Engines keep their namespaces elsewhere than
/// where the stack mounts them.
const SETTINGS: &str = "docker: {netns_dir: /var/run/docker/netns}
probes:
  dns: {interval: 1s}
  icmp: {interval: 1s}
  tcp: {interval: 1s}
  http: {interval: 1s}
";

pub struct Town {
    swarm: Swarm,
    authority: Authority,
}

impl Town {
    pub fn found(engine: &Engine) -> Result<Self> {
        let swarm = Swarm::start_with(engine, 3, 1)?;
        let binary = Path::new(env!("CARGO_BIN_EXE_destination-exporter"));
        for node in swarm.nodes() {
            node.busybox_image()?;
            node.dynamic_image("destination-exporter", binary)?;
            // As Docker's usual folder is: what is mounted in the Engine's own shows there.
            let namespaces = node.namespaces();
            let make = format!(
                "mkdir -p /run/docker/netns && mount --rbind '{}' /run/docker/netns",
                namespaces.display()
            );
            node.exec_on_host(&["sh", "-euc", &make])?;
        }
        let town = Self { swarm, authority: Authority::new() };
        let docker = |args: &[&str]| town.manager().docker(args);
        docker(&["network", "create", "--driver", "overlay", "shop"])?;
        let web = ["service", "create", "-d", "--no-resolve-image", "--name", "web", "--mode", "global"];
        // Without a virtual address: not every machine's kernel balances, and that is a fault to be told.
        let serve = "--endpoint-mode dnsrr --network shop busybox httpd -f -p 8080 -h /";
        let serve: Vec<&str> = serve.split(' ').collect();
        docker(&[&web[..], &serve[..]].concat())?;
        town.swarm.wait_running("web", 3)?;
        Ok(town)
    }

    fn manager(&self) -> &Lab {
        self.swarm.node(1)
    }

    fn write(&self, name: &str, text: &str) -> Result<()> {
        let path = self.manager().folder().join(name);
        fs::write(path, text).map_err(|e| Error::io(&format!("writing {name}"), e))
    }

    /// As docs/deployment.md says: its lines make the secrets, and its file goes over the stack.
    pub fn deploys(&self) -> Result<()> {
        let folder = self.manager().folder();
        self.write("ca.crt", &self.authority.certificate)?;
        self.authority.issue(&["destination-exporter"]).write(folder, "server");
        self.write("settings.yml", SETTINGS)?;
        let over = documented("<!-- over the stack -->\n\n```sh\n")?;
        // The lab's nodes have the image, and there is no registry to ask.
        let deploy = documented("In their folder, on a manager:\n\n```sh\n")?
            .replace("~/destination-exporter", &project("").display().to_string())
            .replace("registry.example.com/", "")
            .replace("docker stack deploy", &format!("{over}docker stack deploy --resolve-image never"))
            .replace("-c stack.yaml", "-c stack.yaml -c own.yaml");
        let enter = format!("cd '{}'; export DOCKER_HOST=unix:///run/docker.sock\n", folder.display());
        self.manager().exec_on_host(&["sh", "-euc", &(enter + &deploy)])?;
        let service = "destination_destination-exporter";
        self.swarm.wait_running(service, 3).map_err(|error| {
            let told = |what: &[&str]| self.manager().docker(what).unwrap_or_else(|e| e.to_string());
            let ended = told(&["service", "ps", "--no-trunc", service]);
            Error::new(format!("{error}\n{ended}\n{}", told(&["service", "logs", "--tail", "9", service])))
        })
    }

    /// On the manager, with what ships; the files that it names lie in the lab's folder.
    pub fn prometheus(&self) -> Result<Prometheus<'_>> {
        self.authority.issue(&["prometheus"]).write(self.manager().folder(), "prometheus");
        let ships = fs::read_to_string(project("deploy/prometheus-swarm.yml"))
            .map_err(|e| Error::io("reading prometheus-swarm.yml", e))?;
        let here = format!("{}/", self.manager().folder().display());
        let socket = self.manager().socket().display().to_string();
        let config = ships
            .replace("/etc/prometheus/destination-exporter/", &here)
            .replace("/var/run/docker.sock", &socket)
            .replace("15s", "1s");
        Prometheus::start(self.manager(), &config)
    }

    /// Whoever reaches the port and shows nothing reads nothing.
    pub fn is_shut_to_strangers(&self) -> Result<()> {
        for number in 1..=3 {
            let at = SocketAddr::from((address(number), 10061));
            let told = self.swarm.node(3).host().get(at, "/metrics")?;
            assert_eq!(told.status, 400, "{told:?}");
        }
        Ok(())
    }
}

/// What stands behind these words on the page of deployment, to the end of its block.
pub fn documented(begins: &str) -> Result<String> {
    let page =
        fs::read_to_string(project("docs/deployment.md")).map_err(|e| Error::io("reading the page", e))?;
    let rest = page.split_once(begins).map(|(_, rest)| rest);
    let block = rest.and_then(|rest| rest.split("```").next());
    block.map(str::to_owned).ok_or_else(|| Error::new(format!("{begins:?} is not on the page of deployment")))
}
