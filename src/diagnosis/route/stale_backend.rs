//! `route-stale-backend`: the container answers the proxy's own question, and not through the proxy.

use crate::diagnosis::scene::Scene;
use crate::diagnosis::words::{quoted, saw};
use crate::diagnosis::{Code, Finding, Step};

use super::walk::Walk;
use super::wording::{
    ask_backend, ask_site, dialled, first_of, of_route, proxy_name, proxy_shell, seen, told,
};

pub(super) fn tell(scene: &Scene<'_>, walk: &Walk<'_>) -> Finding {
    let mut finding = of_route(scene, walk, Code::RouteStaleBackend);
    let proxy = proxy_name(walk);
    let Some(hop) = first_of(walk, |hop| hop.look.is_some()) else { return finding };
    let name = &hop.backend.name;
    let through = walk.entries.iter().map(|entry| told(entry.look.1)).next().unwrap_or_default();
    finding.summary = format!(
        "Visitors of {} get an error ({through}): {} dials another address, or another port, than the container {} has now ({}), where it answers.",
        walk.route.domain,
        quoted(&proxy),
        quoted(name),
        dialled(hop)
    );
    finding.evidence = seen(walk);
    finding.evidence.push(saw(format!("address of {name}"), dialled(hop), "what the proxy dials"));
    finding.ruled_out = vec![
        format!("{name} runs and answers"),
        format!("{proxy} has a way to it"),
        "the port is the right one".to_owned(),
    ];
    let shell = proxy_shell(scene, walk);
    finding.fix = vec![Step::when(
        "have the proxy read all containers anew; all sites are away for seconds",
        [format!("docker restart {shell}")],
    )];
    finding.verify = vec![ask_backend(&shell, walk, hop)];
    finding.verify.extend(ask_site(walk));
    finding.verify.push(format!("docker logs --tail 200 {shell}"));
    finding
}
