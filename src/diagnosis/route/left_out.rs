//! `route-container-unhealthy` and `route-container-starting`: the proxy leaves the container out, by the container's own word.

use crate::diagnosis::scene::Scene;
use crate::diagnosis::words::{quoted, saw};
use crate::diagnosis::{Code, Finding, Step};
use crate::inventory::routes::Standing;

use super::walk::Walk;
use super::wording::{first_of, of_route, proxy_name, seen, shell, visitors_get};

pub(super) fn tell(scene: &Scene<'_>, walk: &Walk<'_>, standing: Standing) -> Finding {
    let unhealthy = standing == Standing::Unhealthy;
    let code = if unhealthy { Code::RouteContainerUnhealthy } else { Code::RouteContainerStarting };
    let mut finding = of_route(scene, walk, code);
    let proxy = proxy_name(walk);
    let Some(hop) = first_of(walk, |hop| hop.backend.standing == standing) else { return finding };
    let name = &hop.backend.name;
    let word = if unhealthy { "unhealthy" } else { "starting" };
    let (domain, get) = (&walk.route.domain, visitors_get(walk));
    let get = get.unwrap_or_else(|| "an error (404, or 503 over https)".to_owned());
    finding.summary = if unhealthy {
        format!(
            "Visitors of {domain} get {get}: the health check of the container {} fails, so {} leads nobody to it.",
            quoted(name),
            quoted(&proxy)
        )
    } else {
        format!(
            "Visitors of {domain} get {get}: the health check of the container {} has not passed yet, and until it does {} leads nobody to it.",
            quoted(name),
            quoted(&proxy)
        )
    };
    if let Some(started) = hop.container.and_then(|container| container.started_at).filter(|_| !unhealthy) {
        finding.since = finding.since.min(started);
    }
    finding.evidence = vec![saw(format!("State.Health of {name}"), word, "healthy")];
    finding.evidence.extend(seen(walk));
    let answers = hop.look.is_some_and(|(_, record)| record.seen.http.is_some_and(|http| http.status < 500));
    if answers {
        let wrong =
            if unhealthy { "the check is wrong, not the app" } else { "the app is up, the check is late" };
        finding.ruled_out = vec![format!("{name} answers HTTP when it is asked directly: {wrong}")];
    }
    let shell = shell(scene, Some(&hop.backend.container));
    let log = format!("docker inspect -f '{{{{json .State.Health}}}}' {shell}");
    if !unhealthy {
        finding.fix = vec![
            Step::prose(
                "where the app is up and the check is late: shorten the check's interval (5s), and redeploy",
            ),
            Step::prose("where the app itself starts slowly: leave or lengthen the start period, and wait"),
        ];
    }
    if answers {
        finding.fix.push(Step::prose(
            "quickest: take the check away and redeploy (Coolify: the application, Healthcheck, Disable, Redeploy; Compose: healthcheck: {disable: true})",
        ));
    }
    finding.fix.extend([
        Step::look("read what the check says", [log.clone()]),
        Step::prose(
            "mend it: its program must be in the image (curl and wget often are not), and it must ask 127.0.0.1, not localhost, of an app that has no IPv6",
        ),
    ]);
    finding.verify = vec![log, format!("docker logs --tail 50 {shell}")];
    finding
}
