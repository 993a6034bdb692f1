//! `route-backend-timeout`: the app takes the connection and does not answer.

use crate::diagnosis::scene::Scene;
use crate::diagnosis::words::{quoted, saw};
use crate::diagnosis::{Code, Finding, Step};

use super::walk::{Fault, Walk};
use super::wording::{ask_backend, dialled, first_of, of_route, proxy_name, proxy_shell, seen, shell};

pub(super) fn tell(scene: &Scene<'_>, walk: &Walk<'_>) -> Finding {
    let mut finding = of_route(scene, walk, Code::RouteBackendTimeout);
    let proxy = proxy_name(walk);
    let Some(hop) = first_of(walk, |hop| hop.fault == Some(Fault::Silent)) else { return finding };
    let name = &hop.backend.name;
    let phase = hop.look.and_then(|(_, record)| record.seen.stopped_at);
    let what = match phase {
        Some(crate::outcome::Phase::Body) => "begins an answer and does not end it",
        Some(crate::outcome::Phase::Tls) => "takes the connection and says nothing of TLS",
        _ => "takes the connection and gives no answer",
    };
    finding.summary = format!(
        "Container {} {what} at {}: whoever opens the site waits, and then gets an error.",
        quoted(name),
        dialled(hop)
    );
    finding.evidence = vec![saw(
        format!("HTTP from {proxy} to {}", dialled(hop)),
        format!("connected, then {what}"),
        "an answer within the time of the probe",
    )];
    finding.evidence.extend(seen(walk));
    finding.ruled_out =
        vec![format!("{proxy} runs and reaches {name}"), format!("something in {name} listens on the port")];
    let shell = shell(scene, Some(&hop.backend.container));
    finding.fix = vec![
        Step::look(
            "what it is busy with",
            [format!("docker logs --tail 100 {shell}"), format!("docker top {shell}")],
        ),
        Step::prose(
            "a database or another service that it waits for is the usual cause: look whether that has a finding of its own",
        ),
        Step::when("where it hangs", [format!("docker restart {shell}")]),
    ];
    finding.verify = vec![ask_backend(&proxy_shell(scene, walk), walk, hop)];
    finding
}
