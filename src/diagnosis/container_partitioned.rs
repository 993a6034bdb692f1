//! `container-partitioned`: some peers get through, others do not.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::inventory::{Destination, Endpoint};

use super::scene::{Path, Scene, Way, walks};
use super::words::{
    container, draft, few, few_quoted, from_inside, listed, quoted, rules_about, saw, symptom,
};
use super::{Code, Finding, Step};

/// Containers that a part of the destination reaches, and those that reach nobody although they are
/// reached themselves.
pub(super) fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (destination, endpoint) in scene.endpoints() {
        let (d, name) = (&*destination.name, &*endpoint.name);
        if scene.is_away(d, name) || scene.is_unreachable(d, name) || scene.is_kept_apart(d) {
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
        scene.since(&destination.name, name, |key| about(key) && walks(key.kind)),
    );
    finding.destination = Some(Arc::clone(&destination.name));
    finding.summary = format!(
        "{} {} the container {}, {} {} not.",
        few_quoted(open),
        if open.len() == 1 { "reaches" } else { "reach" },
        quoted(name),
        few_quoted(shut),
        if shut.len() == 1 { "does" } else { "do" },
    );
    finding.evidence = scene
        .failing(&destination.name, name, |key| about(key) && walks(key.kind))
        .take(6)
        .map(|(key, record)| {
            saw(
                format!("{} from {} to {}", key.kind.as_label(), key.source, key.detail),
                record.outcome.reason().map_or("failure", |r| r.as_label()),
                "an answer, as others get it",
            )
        })
        .collect();
    finding.explains = scene.symptoms(&destination.name, name, about);
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
    let own = shell(scene, endpoint);
    let from = ids.first().cloned().unwrap_or_else(|| own.clone());
    let mut rules = rules_about(&from, endpoint.addresses.first().copied());
    rules.extend(rules_about(&own, None));
    finding.fix = vec![
        Step::look("look for a rule that keeps the two apart, on the host and inside either of them", rules),
        Step::when(
            "else give the one that gets nothing its interface anew",
            [format!("docker restart {from}")],
        ),
    ];
    if let Some(address) = endpoint.addresses.first() {
        finding.verify =
            ids.iter().take(2).map(|id| from_inside(id, &format!("ping -c 3 -W 1 {address}"))).collect();
    }
    finding.verify.insert(finding.verify.len().min(1), from_inside(&from, "ip neigh"));
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
    finding.summary = format!(
        "Container {} does not reach {}: its own kernel forbids it.",
        quoted(name),
        few_quoted(targets)
    );
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
        Step::look(
            "look for a rule on the way out, or a route, inside the container",
            rules_about(&id, None),
        ),
        Step::when("it begins without them", [format!("docker restart {id}")]),
    ];
    finding.verify = vec![from_inside(&id, "ip route")];
    finding
}

fn mute(scene: &Scene<'_>, destination: &Destination, endpoint: &Endpoint, open: &[&str]) -> Finding {
    let name = &endpoint.name;
    let about = |key: &crate::outcome::ProbeKey| walks(key.kind) && key.source == *name;
    let mut finding =
        draft(Code::ContainerPartitioned, "container", name, scene.since(&destination.name, name, about));
    finding.destination = Some(Arc::clone(&destination.name));
    finding.summary = format!(
        "Container {} reaches nobody on the network {}, although it is reached itself.",
        quoted(name),
        quoted(&destination.name)
    );
    finding.evidence = scene
        .failing(&destination.name, name, about)
        .take(6)
        .map(|(key, record)| {
            saw(
                format!("{} from {name} to {} ({})", key.kind.as_label(), key.target, key.detail),
                record.outcome.reason().map_or("failure", |r| r.as_label()),
                "an answer",
            )
        })
        .collect();
    finding.explains = scene.symptoms(&destination.name, name, |key| {
        key.source == *name && !matches!(key.kind, crate::outcome::ProbeKind::Dns)
    });
    finding.ruled_out = vec![format!("its peers are up: {} reaches {name}", few(open))];
    let id = shell(scene, endpoint);
    finding.fix = vec![
        Step::look("look for a firewall or a wrong route inside the container", rules_about(&id, None)),
        Step::when("it begins without them", [format!("docker restart {id}")]),
    ];
    finding.verify = vec![from_inside(&id, "ip route"), from_inside(&id, "ip neigh")];
    finding
}
