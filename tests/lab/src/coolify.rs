//! A host as Coolify 4 leaves it: its names, labels and aliases, a real Traefik, and one fault.

use std::path::Path;

use crate::Lab;
use crate::error::{Result, text_of};

/// The stack of the resource `shop`.
pub const SHOP: &str = "k8s4wgkc0oskwco4okg0wcow";
/// The stack of the resource `blog`.
pub const BLOG: &str = "v0ck80w4gs4s0kw8ogsk4c8o";

/// The networks and containers that Coolify 4 makes of one application, two services and its proxy: its names, labels
/// and aliases. Both services were told to "connect to predefined network", and so both answer to `postgres` there.
pub fn deploy(lab: &Lab, traefik: &Path) -> Result<()> {
    let busybox = lab.busybox_image()?;
    let traefik = lab.static_image("traefik:v3", traefik)?;
    for (network, subnet) in [("coolify", "10.0.1.0/24"), (SHOP, "10.0.2.0/24"), (BLOG, "10.0.3.0/24")] {
        lab.docker(&["network", "create", "--attachable", "--subnet", subnet, network])?;
    }
    lab.docker(&[
        "run",
        "-d",
        "--name",
        "coolify-proxy",
        "--network",
        "coolify",
        "-p",
        "80:80",
        "-p",
        "443:443",
        "-v",
        "/run/docker.sock:/var/run/docker.sock:ro",
        "-l",
        "coolify.managed=true",
        "-l",
        "coolify.proxy=true",
        "-l",
        "com.docker.compose.project=coolify-proxy",
        "-l",
        "com.docker.compose.service=traefik",
        &traefik,
        "--ping=true",
        "--ping.entrypoint=http",
        "--entrypoints.http.address=:80",
        "--entrypoints.https.address=:443",
        "--providers.docker=true",
        "--providers.docker.exposedbydefault=false",
    ])?;
    for stack in [SHOP, BLOG] {
        lab.docker(&["network", "connect", stack, "coolify-proxy"])?;
    }
    let web = ["httpd", "-f", "-p", "3000", "-h", "/bin"];
    let database = ["nc", "-ll", "-p", "5432", "-e", "/bin/cat"];
    let site = "t4sck4w8o0w40ogkwcs8ggc0";
    App { resource: "landing-page", project: "Site", kind: "application", service: None, uuid: site }.run(
        lab,
        "coolify",
        &format!("{site}-101530123456"),
        &[],
        &busybox,
        &web,
    )?;
    for (uuid, resource, project) in [(SHOP, "shop", "Shop"), (BLOG, "blog", "Blog")] {
        for (service, command) in [("web", &web[..]), ("postgres", &database[..])] {
            let name = format!("{service}-{uuid}");
            App { resource, project, kind: "service", service: Some(service), uuid }.run(
                lab,
                uuid,
                &name,
                &[service],
                &busybox,
                command,
            )?;
        }
        let postgres = format!("postgres-{uuid}");
        lab.docker(&["network", "connect", "--alias", "postgres", "coolify", &postgres])?;
    }
    Ok(())
}

/// What Coolify writes on a container.
struct App<'a> {
    resource: &'a str,
    project: &'a str,
    kind: &'a str,
    service: Option<&'a str>,
    uuid: &'a str,
}

impl App<'_> {
    fn run(
        &self,
        lab: &Lab,
        network: &str,
        name: &str,
        aliases: &[&str],
        image: &str,
        command: &[&str],
    ) -> Result<()> {
        let label = |key: &str, value: &str| format!("--label={key}={value}");
        let service = self.service.unwrap_or(self.resource);
        let mut run = lab.client();
        run.args(["run", "-d", "--name", name, "--network", network])
            .args(aliases.iter().map(|alias| format!("--network-alias={alias}")))
            .arg(label("coolify.managed", "true"))
            .arg(label("coolify.type", self.kind))
            .arg(label("coolify.name", name))
            .arg(label("coolify.resourceName", self.resource))
            .arg(label("coolify.serviceName", service))
            .arg(label("coolify.projectName", self.project))
            .arg(label("coolify.environmentName", "production"))
            .arg(label("coolify.pullRequestId", "0"))
            .arg(label("com.docker.compose.project", self.uuid))
            .arg(label("com.docker.compose.service", self.service.unwrap_or(name)));
        if command.first() == Some(&"httpd") {
            run.arg("--label=traefik.enable=true")
                .arg(label(
                    &format!("traefik.http.routers.http-0-{}.rule", self.uuid),
                    &format!("Host(`{}.example.com`) && PathPrefix(`/`)", self.resource),
                ))
                .arg(label(&format!("traefik.http.routers.http-0-{}.entryPoints", self.uuid), "http"))
                .arg(label(
                    &format!("traefik.http.services.http-0-{}.loadbalancer.server.port", self.uuid),
                    "3000",
                ));
        }
        text_of(run.arg(image).args(command)).map(drop)
    }
}
