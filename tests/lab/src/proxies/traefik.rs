//! Traefik, as Coolify starts it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{NAME, Paper};
use crate::error::{Error, Result, text_of};
use crate::{Lab, image};

/// Coolify's arguments, without its certificate resolver, which asks the internet; the binary stands where Coolify has its
/// folder.
const ARGUMENTS: &[&str] = &[
    "--ping=true",
    "--ping.entrypoint=http",
    "--api.dashboard=true",
    "--api.insecure=false",
    "--entrypoints.http.address=:80",
    "--entrypoints.https.address=:443",
    "--entrypoints.http.http.encodequerysemicolons=true",
    "--entryPoints.http.http2.maxConcurrentStreams=250",
    "--entrypoints.https.http.encodequerysemicolons=true",
    "--entryPoints.https.http2.maxConcurrentStreams=250",
    "--entrypoints.https.http3",
    "--providers.file.directory=/dynamic/",
    "--providers.file.watch=true",
    "--providers.docker=true",
    "--providers.docker.exposedbydefault=false",
];

/// What Coolify asks with `wget`, which an image of one binary does not have.
const CHECK: &str = r#"HEALTHCHECK --interval=4s --timeout=2s --retries=5 CMD ["/traefik", "healthcheck", "--ping", "--ping.entrypoint=http", "--entrypoints.http.address=:80"]"#;

/// Whoever is asked for by nobody's router gets 503, as Coolify has it.
const CATCH_ALL: &str = "\
http:
  routers:
    catchall:
      entryPoints: [http, https]
      service: noop
      rule: PathPrefix(`/`)
      tls: {}
      priority: -1000
  services:
    noop:
      loadBalancer:
        servers: []
";

/// The way to the Engine.
const SOCKET: &str = "--volume=/run/docker.sock:/var/run/docker.sock:ro";

/// The container's other options but its networks.
const OPTIONS: &[&str] = &[
    "--restart=unless-stopped",
    "--add-host=host.docker.internal:host-gateway",
    "--label=traefik.enable=true",
    "--label=traefik.http.routers.traefik.entrypoints=http",
    "--label=traefik.http.routers.traefik.service=api@internal",
    "--label=traefik.http.services.traefik.loadbalancer.server.port=8080",
    "--label=coolify.managed=true",
    "--label=coolify.proxy=true",
    "--label=com.docker.compose.project=coolify-proxy",
    "--label=com.docker.compose.service=traefik",
];

const PORTS: &[&str] =
    &["--publish=80:80", "--publish=443:443", "--publish=443:443/udp", "--publish=8080:8080"];

/// Coolify's proxy. It ends with its lab.
#[derive(Debug)]
pub struct Traefik {
    image: String,
    dynamic: PathBuf,
}

impl Traefik {
    /// Its binary, fetched where `project` does not have it yet.
    pub fn binary(project: &Path) -> Result<PathBuf> {
        let path = project.join("target/lab/traefik");
        let script = project.join("scripts/get-traefik.sh");
        text_of(Command::new(script).arg(&path).stdin(Stdio::null()))?;
        Ok(path)
    }

    /// Its image and its files; nothing runs yet.
    pub fn prepare(lab: &Lab, project: &Path) -> Result<Self> {
        Self::prepare_of(lab, &Self::binary(project)?)
    }

    /// As [`Traefik::prepare`], of this binary.
    pub fn prepare_of(lab: &Lab, binary: &Path) -> Result<Self> {
        let image = image::of_binary_with(lab, "traefik:v3.7", binary, &[CHECK])?;
        let dynamic = lab.folder().join("traefik");
        fs::create_dir_all(&dynamic).map_err(|e| Error::io("making Traefik's folder", e))?;
        let traefik = Self { image, dynamic };
        traefik.write("default_redirect_503.yaml", CATCH_ALL)?;
        Ok(traefik)
    }

    /// Makes and starts it on these networks.
    pub fn run(&self, lab: &Lab, networks: &[&str]) -> Result<()> {
        self.run_with(lab, networks, &[SOCKET])
    }

    /// The same without the Engine's socket: it hears of no container.
    pub fn run_blind(&self, lab: &Lab, networks: &[&str]) -> Result<()> {
        self.run_with(lab, networks, &[])
    }

    fn run_with(&self, lab: &Lab, networks: &[&str], options: &[&str]) -> Result<()> {
        let [first, others @ ..] = networks else {
            return Err(Error::new("a proxy needs a network"));
        };
        let mut create = lab.client();
        create.args(["create", "--name", NAME, "--network", first]).args(OPTIONS).args(PORTS).args(options);
        create.arg("--volume").arg(format!("{}:/dynamic:ro", self.dynamic.display()));
        text_of(create.arg(&self.image).args(ARGUMENTS))?;
        for network in others {
            lab.docker(&["network", "connect", network, NAME])?;
        }
        lab.docker(&["start", NAME]).map(drop)
    }

    /// Has it show these certificates to who asks for their names, and this one to everybody else instead of the one
    /// that it makes up.
    pub fn show(&self, papers: &[&Paper], default: Option<&Paper>) -> Result<()> {
        let mut text = String::from("tls:\n");
        let files = |paper: &Paper| -> Result<String> {
            // By name: a file that is written anew is not read again, a list that changes is.
            let name = paper.fingerprint();
            paper.write(&self.dynamic, &name)?;
            Ok(format!("{{certFile: /dynamic/{name}.crt, keyFile: /dynamic/{name}.key}}"))
        };
        let list = papers.iter().map(|paper| files(paper)).collect::<Result<Vec<_>>>()?;
        text += &format!("  certificates: [{}]\n", list.join(", "));
        if let Some(paper) = default {
            text += &format!("  stores: {{default: {{defaultCertificate: {}}}}}\n", files(paper)?);
        }
        self.write("certificates.yaml", &text)
    }

    /// A file of its folder, whole at once.
    fn write(&self, name: &str, text: &str) -> Result<()> {
        let (to, fresh) = (self.dynamic.join(name), self.dynamic.join("fresh"));
        fs::write(&fresh, text)
            .and_then(|()| fs::rename(fresh, to))
            .map_err(|e| Error::io("writing a file of Traefik's", e))
    }
}
