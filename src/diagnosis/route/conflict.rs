//! `route-conflict`: two claim one site.

use crate::diagnosis::scene::Scene;
use crate::diagnosis::words::saw;
use crate::diagnosis::words::{few_quoted, quoted};
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
            "{title} is claimed by the container {} and by {}: which of them visitors get is chance.",
            quoted(&first),
            few_quoted(rivals.iter().map(|rival| &*rival.workload))
        ),
        Clash::TwoSettings => format!(
            "Visitors of {title} get 404: the router {} has two settings, by the container {} and by another one, and {} drops both.",
            few_quoted(rivals.iter().map(|rival| &*rival.router).take(1)),
            quoted(&first),
            quoted(&proxy)
        ),
        Clash::TwoPorts => {
            format!(
                "Container {} has two routers for {title}, with two ports: which is dialled is chance.",
                quoted(&first)
            )
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
        Step::look(
            "who claims it",
            [format!(
                "docker inspect -f '{{{{.Name}}}} {{{{json .Config.Labels}}}}' {}",
                containers.join(" ")
            )],
        ),
        Step::prose(
            "take the domain from the one that is not to have it and redeploy that one, or remove it where it is left over; where both are wanted, give each a domain, or a path, of its own",
        ),
    ];
    finding.verify =
        vec![format!("docker logs --tail 200 {} 2>&1 | grep -i 'multiple times'", proxy_shell(scene, walk))];
    finding
}
