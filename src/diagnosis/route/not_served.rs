//! `route-not-served`: the site is answered wrongly, and nothing else accounts for it.

use crate::diagnosis::scene::Scene;
use crate::diagnosis::words::{quoted, saw};
use crate::diagnosis::{Code, Finding, Step};

use super::answers::Said;
use super::cause::Cause;
use super::walk::{Fault, Walk};
use super::wording::{
    ask_backend, ask_site, dialled, first_of, of_route, proxy_name, proxy_shell, seen, shell, told,
};

pub(super) fn tell(scene: &Scene<'_>, walk: &Walk<'_>) -> Finding {
    let mut finding = of_route(scene, walk, Code::RouteNotServed);
    let (title, proxy) = (walk.route.title(), proxy_name(walk));
    let bad = first_of(walk, |hop| hop.fault.is_some());
    let through =
        walk.entries.iter().map(|entry| told(entry.look.1)).next().unwrap_or_else(|| "nothing".to_owned());
    let whose = match (walk.cause, bad) {
        (Some(Cause::Backend(fault)), Some(hop)) => {
            let name = &hop.backend.name;
            let direct = hop.look.map(|(_, record)| told(record)).unwrap_or_default();
            finding.summary = match fault {
                Fault::ServerError => {
                    format!(
                        "{title} fails by itself: the container {} answers {direct} at {}.",
                        quoted(name),
                        dialled(hop)
                    )
                }
                Fault::Garbage => format!(
                    "Container {} takes the connection of {} at {} and answers no HTTP ({direct}).",
                    quoted(name),
                    quoted(&proxy),
                    dialled(hop)
                ),
                _ => format!(
                    "Nothing comes back to {} from the container {} at {} ({direct}).",
                    quoted(&proxy),
                    quoted(name),
                    dialled(hop)
                ),
            };
            finding.ruled_out = vec![format!("{proxy} runs and leads to the right container")];
            let shell = shell(scene, Some(&hop.backend.container));
            finding.fix = match fault {
                Fault::ServerError => vec![Step::look(
                    "the application's own log tells why",
                    [format!("docker logs --tail 100 {shell}")],
                )],
                Fault::Garbage => vec![
                    Step::prose(
                        "does the port speak HTTP? One that speaks TLS wants loadbalancer.server.scheme=https (Caddy: {{upstreams https PORT}})",
                    ),
                    Step::look("what it says of it", [format!("docker logs --tail 100 {shell}")]),
                ],
                _ => vec![
                    Step::look(
                        "is there a firewall in it, or before it",
                        [crate::diagnosis::words::from_inside(
                            &proxy_shell(scene, walk),
                            &format!(
                                "ping -c 3 {}",
                                hop.backend.spot().map_or_else(String::new, |spot| spot.address.to_string())
                            ),
                        )],
                    ),
                    Step::when("else start it anew", [format!("docker restart {shell}")]),
                ],
            };
            "app"
        }
        (Some(Cause::Unknown), _) => {
            let nobody = walk.entries.iter().any(|entry| entry.said == Said::NoBackend);
            let what = if nobody { "has nobody to lead to for" } else { "knows no rule for" };
            finding.summary = format!(
                "The proxy {} {what} {title} ({through}), though a running container's labels ask for it.",
                quoted(&proxy)
            );
            finding.fix = vec![
                Step::look(
                    "why it does not take it",
                    [format!("docker logs --tail 200 {}", proxy_shell(scene, walk))],
                ),
                Step::when(
                    "have it read all containers anew",
                    [format!("docker restart {}", proxy_shell(scene, walk))],
                ),
            ];
            "proxy"
        }
        _ => {
            finding.summary = format!(
                "{title} answers {through} through {}, and nothing that was looked at accounts for it.",
                quoted(&proxy)
            );
            finding.fix = vec![Step::look(
                "what the proxy says of it",
                [format!("docker logs --tail 200 {}", proxy_shell(scene, walk))],
            )];
            "proxy"
        }
    };
    finding.evidence = seen(walk);
    finding.evidence.push(saw("who is wrong", whose, "neither"));
    finding.verify = ask_site(walk).into_iter().collect();
    finding.verify.extend(bad.map(|hop| ask_backend(&proxy_shell(scene, walk), walk, hop)));
    finding
}
