//! `route-container-unhealthy` and `route-container-starting`: the proxy leaves the container out, by the container's own word.

use crate::diagnosis::scene::Scene;
use crate::diagnosis::words::saw;
use crate::diagnosis::{Code, Finding, Step};
use crate::inventory::routes::Standing;

use super::walk::Walk;
use super::wording::{first_of, of_route, proxy_name, seen, shell};

pub(super) fn tell(scene: &Scene<'_>, walk: &Walk<'_>, standing: Standing) -> Finding {
    let unhealthy = standing == Standing::Unhealthy;
    let code = if unhealthy { Code::RouteContainerUnhealthy } else { Code::RouteContainerStarting };
    let mut finding = of_route(scene, walk, code);
    let proxy = proxy_name(walk);
    let Some(hop) = first_of(walk, |hop| hop.backend.standing == standing) else { return finding };
    let name = &hop.backend.name;
    let word = if unhealthy { "unhealthy" } else { "starting" };
    finding.summary = if unhealthy {
        format!("{name}'s own health check fails, so {proxy} leads nobody to it.")
    } else {
        format!("{name}'s health check has not passed yet, and until it does {proxy} leads nobody to it.")
    };
    if let Some(started) = hop.container.and_then(|container| container.started_at).filter(|_| !unhealthy) {
        finding.since = finding.since.min(started);
    }
    finding.evidence = vec![saw(format!("State.Health of {name}"), word, "healthy")];
    finding.evidence.extend(seen(walk));
    let answers = hop.look.is_some_and(|(_, record)| record.seen.http.is_some_and(|http| http.status < 500));
    if answers {
        finding.ruled_out =
            vec![format!("{name} answers HTTP when it is asked directly: the check is wrong, not the app")];
    }
    let shell = shell(scene, Some(&hop.backend.container));
    let log = format!("docker inspect -f '{{{{json .State.Health}}}}' {shell}");
    finding.fix = vec![
        Step::when("read what the check says", [log.clone()]),
        Step::prose(
            "mend the check: its program must be in the image (curl and wget often are not), and it must ask 127.0.0.1, not localhost, of an app that has no IPv6; or take the check away",
        ),
    ];
    if !unhealthy {
        finding
            .fix
            .push(Step::prose("where it only takes long, shorten the check's start period and interval"));
    }
    finding.verify = vec![log, format!("docker logs --tail 50 {shell}")];
    finding
}
