//! `route-conflict`: two claim one site.

use crate::diagnosis::scene::Scene;
use crate::diagnosis::words::few;
use crate::diagnosis::words::saw;
use crate::diagnosis::{Code, Finding, Step};
use crate::inventory::routes::Clash;

use super::walk::Walk;
use super::wording::{of_route, proxy_name, proxy_shell, seen, shell};

pub(super) fn tell(scene: &Scene<'_>, walk: &Walk<'_>, clash: Clash) -> Finding {
    let mut finding = of_route(scene, walk, Code::RouteConflict);
    let route = walk.route;
    let rivals: Vec<_> = route.rivals.iter().filter(|rival| rival.clash == clash).collect();
    let title = route.title();
    let proxy = proxy_name(walk);
    let first =
        walk.hops.first().map_or_else(|| route.workload.to_string(), |hop| hop.backend.name.to_string());
    finding.summary = match clash {
        Clash::TwoWorkloads => format!(
            "{title} is claimed by {first} and by {}: which of them answers is chance.",
            few(rivals.iter().map(|rival| &*rival.workload))
        ),
        Clash::TwoSettings => format!(
            "The router {} has two settings, by {first} and by another container: {proxy} drops both, and {title} answers 404.",
            few(rivals.iter().map(|rival| &*rival.router).take(1))
        ),
        Clash::TwoPorts => {
            format!("{first} has two routers for {title}, with two ports: which is dialled is chance.")
        }
    };
    let claims = walk.hops.iter().map(|hop| {
        let port = hop.backend.port.map_or_else(|| "no port".to_owned(), |port| format!("port {port}"));
        saw(
            format!("labels of {}", hop.backend.name),
            format!("{title} by {}, {port}", hop.backend.router),
            "one claim",
        )
    });
    finding.evidence = claims.take(4).collect();
    finding.evidence.extend(seen(walk));
    let mut containers: Vec<String> =
        walk.hops.iter().map(|hop| shell(scene, Some(&hop.backend.container))).take(4).collect();
    containers.dedup();
    finding.fix = vec![
        Step::prose(
            "give each resource a domain, or a path, of its own and redeploy both; take away one that is left over",
        ),
        Step::when(
            "who claims it",
            [format!(
                "docker inspect -f '{{{{.Name}}}} {{{{json .Config.Labels}}}}' {}",
                containers.join(" ")
            )],
        ),
    ];
    finding.verify =
        vec![format!("docker logs --tail 200 {} 2>&1 | grep -i 'multiple times'", proxy_shell(scene, walk))];
    finding
}
