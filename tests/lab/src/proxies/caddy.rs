//! Caddy, as Coolify starts caddy-docker-proxy: a plain Caddy, whose file the lab writes as the plugin would.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{NAME, Paper};
use crate::error::{Error, Result, text_of};
use crate::{Lab, caddy, image};

/// The label that names the network whose addresses are taken.
const INGRESS: &str = "caddy_ingress_network";

/// Nobody of the internet is asked for a certificate; Coolify's answer to whoever is nobody's.
const BASE: &str = "\
{
	local_certs
	skip_install_trust
}
:80, :443 {
	respond 503
}
";

/// Its start.
const PATIENCE: Duration = Duration::from_secs(5);

const OPTIONS: &[&str] = &[
    "--restart=unless-stopped",
    "--add-host=host.docker.internal:host-gateway",
    "--volume=/run/docker.sock:/var/run/docker.sock:ro",
    "--env=XDG_DATA_HOME=/data",
    "--env=XDG_CONFIG_HOME=/config",
    "--label=coolify.managed=true",
    "--label=coolify.proxy=true",
    "--label=com.docker.compose.project=coolify-proxy",
    "--label=com.docker.compose.service=caddy",
    "--publish=80:80",
    "--publish=443:443",
    "--publish=443:443/udp",
];

/// Coolify's proxy of the other kind. It ends with its lab.
#[derive(Debug)]
pub struct Caddy {
    image: String,
    files: PathBuf,
}

/// A running container, as the plugin sees it.
struct Seen {
    labels: BTreeMap<String, String>,
    /// By network.
    addresses: BTreeMap<String, String>,
}

impl Caddy {
    /// Its image and its files; nothing runs yet.
    pub fn prepare(lab: &Lab) -> Result<Self> {
        let program = caddy::Caddy::get()?;
        let image = image::of_binary(lab, "lucaslorentz/caddy-docker-proxy:2.8-alpine", program.path())?;
        let files = lab.folder().join("caddy");
        fs::create_dir_all(&files).map_err(|e| Error::io("making Caddy's folder", e))?;
        Ok(Self { image, files })
    }

    /// Starts it on these networks, for the containers that run.
    pub fn run(&self, lab: &Lab, networks: &[&str]) -> Result<()> {
        let [first, others @ ..] = networks else {
            return Err(Error::new("a proxy needs a network"));
        };
        self.write(BASE)?;
        let mut create = lab.client();
        create.args(["create", "--name", NAME, "--network", first]).args(OPTIONS);
        create.arg("--volume").arg(format!("{}:/files:ro", self.files.display()));
        create.arg(&self.image).args(["run", "--adapter", "caddyfile", "--config", "/files/Caddyfile"]);
        text_of(&mut create)?;
        for network in others {
            lab.docker(&["network", "connect", network, NAME])?;
        }
        lab.docker(&["start", NAME])?;
        self.follow(lab)
    }

    /// Has it serve what the labels of the running containers say now.
    pub fn follow(&self, lab: &Lab) -> Result<()> {
        self.write(&format!("{BASE}{}", caddyfile(&seen(lab)?)?))?;
        let reload =
            ["exec", NAME, "/caddy", "reload", "--adapter", "caddyfile", "--config", "/files/Caddyfile"];
        let began = Instant::now();
        loop {
            match lab.docker(&reload) {
                // Its door for this opens a moment after its start.
                Err(_) if began.elapsed() < PATIENCE => sleep(Duration::from_millis(100)),
                done => return done.map(drop),
            }
        }
    }

    /// Lays a certificate where the label `caddy_0.tls` finds it: gives that label's value.
    pub fn lay(&self, paper: &Paper) -> Result<String> {
        let name = paper.fingerprint();
        paper.write(&self.files, &name)?;
        Ok(format!("/files/{name}.crt /files/{name}.key"))
    }

    fn write(&self, text: &str) -> Result<()> {
        fs::write(self.files.join("Caddyfile"), text).map_err(|e| Error::io("writing the Caddyfile", e))
    }
}

fn seen(lab: &Lab) -> Result<Vec<(String, Seen)>> {
    let running = lab.docker(&["ps", "--quiet", "--no-trunc"])?;
    let ids: Vec<&str> = running.lines().collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let text = lab.docker(&[&["inspect"], &ids[..]].concat())?;
    let all: Vec<Value> =
        serde_json::from_str(&text).map_err(|e| Error::new(format!("docker inspect gave no JSON: {e}")))?;
    let texts = |map: &Value, text: fn(&Value) -> Option<&str>| -> BTreeMap<String, String> {
        let pairs = map.as_object().into_iter().flatten();
        pairs.filter_map(|(key, value)| Some((key.clone(), text(value)?.to_owned()))).collect()
    };
    let container = |one: &Value| {
        let labels = texts(&one["Config"]["Labels"], Value::as_str);
        let addresses = texts(&one["NetworkSettings"]["Networks"], |network| network["IPAddress"].as_str());
        let name = one["Name"].as_str().unwrap_or_default().trim_start_matches('/').to_owned();
        (name, Seen { labels, addresses })
    };
    Ok(all.iter().map(container).collect())
}

/// The sites of these containers. Those that say the same of a site share it, as the plugin merges them; what else it
/// can merge is not known here.
fn caddyfile(containers: &[(String, Seen)]) -> Result<String> {
    let own = containers.iter().find(|(name, _)| name == NAME);
    let own: BTreeSet<&String> = own.map(|(_, seen)| seen.addresses.keys().collect()).unwrap_or_default();
    let mut sites: BTreeMap<String, (usize, &Seen, Vec<&str>)> = BTreeMap::new();
    for (_, container) in containers {
        let addresses = container.ingress(&own);
        // By what is said of a site, whoever it leads to.
        for (n, site) in caddy::blocks(&container.labels, &["here"])?.into_iter().enumerate() {
            let (.., shared) = sites.entry(site).or_insert((n, container, Vec::new()));
            shared.extend(&addresses);
        }
    }
    sites
        .values()
        .map(|(n, container, addresses)| {
            let mut blocks = caddy::blocks(&container.labels, addresses)?;
            Ok(blocks.swap_remove(*n))
        })
        .collect()
}

impl Seen {
    /// Its addresses on the network that its label names, else on those that Caddy is on.
    fn ingress(&self, own: &BTreeSet<&String>) -> Vec<&str> {
        let named = self.labels.get(INGRESS);
        let is_taken =
            |network: &String| named.map_or_else(|| own.contains(network), |named| named == network);
        self.addresses.iter().filter(|(network, _)| is_taken(network)).map(|(_, at)| &**at).collect()
    }
}
