//! `container-partitioned`: some peers get through, others do not.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::inventory::{Destination, Endpoint};

use super::scene::{Path, Scene, Way, walks};
use super::words::{container, draft, few, from_inside, listed, saw, symptom};
use super::{Code, Finding, Step};

/// Containers that a part of the destination reaches, and those that reach nobody although they are
/// reached themselves.
pub(super) fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (destination, endpoint) in scene.endpoints() {
        let (d, name) = (&*destination.name, &*endpoint.name);
        if scene.is_away(d, name) || scene.is_unreachable(d, name) {
            continue;
        }
        if !scene.barred(d, name).is_empty() {
            findings.push(barred(scene, destination, endpoint));
            continue;
        }
        let ways = scene.ways_to(d, name);
        let who = |wanted: Way, against: &dyn Fn(Path) -> bool| -> Vec<&str> {
            ways.iter().filter(|(_, p)| p.way == wanted && against(*p)).map(|(s, _)| *s).collect()
        };
        let another = |path: Path| ways.iter().any(|(_, other)| path.contradicts(*other));
        let (open, shut) = (who(Way::Open, &another), who(Way::Shut, &another));
        if !open.is_empty() {
            findings.push(partly(scene, destination, endpoint, &open, &shut));
        } else if let Some(cut_off) = scene.cut_off(d, name) {
            let open = who(Way::Open, &|path| path.contradicts(cut_off));
            if !open.is_empty() {
                findings.push(mute(scene, destination, endpoint, &open));
            }
        }
    }
    findings
}

fn shell(scene: &Scene<'_>, endpoint: &Endpoint) -> String {
    scene
        .inventory
        .map_or_else(|| endpoint.container.short().to_owned(), |i| container(i, &endpoint.container))
}

fn partly(
    scene: &Scene<'_>,
    destination: &Destination,
    endpoint: &Endpoint,
    open: &[&str],
    shut: &[&str],
) -> Finding {
    let name = &endpoint.name;
    let about = |key: &crate::outcome::ProbeKey| key.target == *name && shut.contains(&&*key.source);
    let mut finding = draft(
        Code::ContainerPartitioned,
        "container",
        name,
        scene.since(&destination.name, |key| about(key) && walks(key.kind)),
    );
    finding.destination = Some(Arc::clone(&destination.name));
    finding.summary = format!("{} reaches {name}, {} does not.", few(open), few(shut));
    finding.evidence = scene
        .failing(&destination.name, |key| about(key) && walks(key.kind))
        .take(6)
        .map(|(key, record)| {
            saw(
                format!("{} from {} to {}", key.kind.as_label(), key.source, key.detail),
                record.outcome.reason().map_or("failure", |r| r.as_label()),
                "an answer, as others get it",
            )
        })
        .collect();
    finding.explains = scene.symptoms(&destination.name, about);
    finding.ruled_out = vec![format!("{name} is up: {} reaches it", few(open))];
    let lonely: Vec<&str> = shut
        .iter()
        .copied()
        .filter(|s| scene.ways_from(&destination.name, s).iter().any(|(_, p)| p.way == Way::Open))
        .collect();
    if !lonely.is_empty() {
        finding.ruled_out.push(format!("{} reaches others", few(&lonely)));
    }
    let ids: Vec<String> =
        shut.iter().filter_map(|s| destination.endpoint(s)).map(|e| shell(scene, e)).collect();
    finding.fix = vec![
        Step::prose("look for a firewall rule inside it that names its peers"),
        Step::command(format!(
            "docker restart {}",
            ids.first().cloned().unwrap_or_else(|| shell(scene, endpoint))
        )),
    ];
    if let Some(address) = endpoint.addresses.first() {
        finding.verify =
            ids.iter().take(2).map(|id| from_inside(id, &format!("ping -c 3 -W 1 {address}"))).collect();
    }
    finding.verify.push("ip neigh".to_owned());
    finding
}

/// Its own firewall or routes keep it from its peers: nothing ever left it.
fn barred(scene: &Scene<'_>, destination: &Destination, endpoint: &Endpoint) -> Finding {
    let name = &endpoint.name;
    let looks = scene.barred(&destination.name, name);
    let since = looks.iter().map(|(_, record)| record.since).min().unwrap_or(scene.snapshot.at);
    let mut finding = draft(Code::ContainerPartitioned, "container", name, since);
    finding.destination = Some(Arc::clone(&destination.name));
    let targets: BTreeSet<&str> = looks.iter().map(|(key, _)| &*key.target).collect();
    finding.summary = format!("{name} does not reach {}: its own kernel forbids it.", few(targets));
    finding.evidence = looks
        .iter()
        .take(6)
        .map(|(key, record)| {
            let note = record.seen.note.as_deref().unwrap_or("refused before anything left");
            saw(
                format!("{} from {name} to {} ({})", key.kind.as_label(), key.target, key.detail),
                note,
                "a packet that leaves",
            )
        })
        .collect();
    finding.explains = listed(looks.iter().map(|(key, record)| symptom(key, record)));
    finding.ruled_out = vec!["nothing left the container: its peers are not the cause".to_owned()];
    let id = shell(scene, endpoint);
    finding.fix = vec![
        Step::prose("look for a rule on the way out, or a route, inside it"),
        Step::command(format!("docker restart {id}")),
    ];
    finding.verify = vec![from_inside(&id, "ip route")];
    finding
}

fn mute(scene: &Scene<'_>, destination: &Destination, endpoint: &Endpoint, open: &[&str]) -> Finding {
    let name = &endpoint.name;
    let about = |key: &crate::outcome::ProbeKey| walks(key.kind) && key.source == *name;
    let mut finding =
        draft(Code::ContainerPartitioned, "container", name, scene.since(&destination.name, about));
    finding.destination = Some(Arc::clone(&destination.name));
    finding.summary =
        format!("{name} reaches nobody on {}, although it is reached itself.", destination.name);
    finding.evidence = scene
        .failing(&destination.name, about)
        .take(6)
        .map(|(key, record)| {
            saw(
                format!("{} from {name} to {} ({})", key.kind.as_label(), key.target, key.detail),
                record.outcome.reason().map_or("failure", |r| r.as_label()),
                "an answer",
            )
        })
        .collect();
    finding.explains = scene.symptoms(&destination.name, |key| {
        key.source == *name && !matches!(key.kind, crate::outcome::ProbeKind::Dns)
    });
    finding.ruled_out = vec![format!("its peers are up: {} reaches {name}", few(open))];
    let id = shell(scene, endpoint);
    finding.fix = vec![
        Step::prose("look for a firewall or a wrong route inside it"),
        Step::command(format!("docker restart {id}")),
    ];
    finding.verify = vec![from_inside(&id, "ip route"), from_inside(&id, "ip neigh")];
    finding
}
