//! A host as Coolify 4 leaves it: its names, labels and aliases, a real Traefik, and two faults.

use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use crate::Lab;
use crate::error::{Result, text_of};
use crate::proxies::Traefik;

/// The stack of the resource `shop`.
pub const SHOP: &str = "k8s4wgkc0oskwco4okg0wcow";
/// The stack of the resource `blog`.
pub const BLOG: &str = "v0ck80w4gs4s0kw8ogsk4c8o";

/// A web server on the port `$0`, or on what somebody wrote into `/www/listen` before it starts again.
const WEB: &str = r#"mkdir -p /www && echo hello >/www/index.html && exec httpd -f -p "$(cat /www/listen 2>/dev/null || echo "$0")" -h /www"#;

/// What has started less than ten seconds ago is not judged yet.
const SETTLED: Duration = Duration::from_secs(11);

/// The networks and containers that Coolify 4 makes of one application, two services and its proxy: its names, labels
/// and aliases. Two things are wrong. The web server of `shop` listens on 127.0.0.1 alone, and so its proxy gets no
/// answer. Both services were told to "connect to predefined network", and so both answer to `postgres` there.
pub fn deploy(lab: &Lab, traefik: &Path) -> Result<()> {
    let busybox = lab.busybox_image()?;
    for (network, subnet) in [("coolify", "10.0.1.0/24"), (SHOP, "10.0.2.0/24"), (BLOG, "10.0.3.0/24")] {
        lab.docker(&["network", "create", "--attachable", "--subnet", subnet, network])?;
    }
    Traefik::prepare_of(lab, traefik)?.run(lab, &["coolify", SHOP, BLOG])?;
    let web = |listen| ["sh", "-c", WEB, listen];
    let database = ["nc", "-ll", "-p", "5432", "-e", "/bin/cat"];
    let site = "t4sck4w8o0w40ogkwcs8ggc0";
    App { resource: "landing-page", project: "Site", kind: "application", service: None, uuid: site }.run(
        lab,
        "coolify",
        &format!("{site}-101530123456"),
        &[],
        &busybox,
        &web("3000"),
    )?;
    for (uuid, resource, project) in [(SHOP, "shop", "Shop"), (BLOG, "blog", "Blog")] {
        let web = web(if uuid == SHOP { "127.0.0.1:3000" } else { "3000" });
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
    sleep(SETTLED);
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
        if command.first() == Some(&"sh") {
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
