//! `host-firewall-chains-missing`: the rules that the Engine wrote are gone.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::diagnosis::firewall::{Culprit, Filter, Lost, WRITTEN_WITHIN, between};
use crate::diagnosis::route::cause::Cause;
use crate::diagnosis::scene::{ENOUGH, Look, Scene};
use crate::diagnosis::words::{few, few_quoted, listed, saw, symptom};
use crate::diagnosis::{Code, Evidence, Finding, Severity, Step};
use crate::diagnosis::{isolation_breached, outside, published_port_unreachable};
use crate::inventory::Destination;
use crate::outcome::{Outcome, ProbeKind};

use super::of_host;

/// What cannot be told for so long and hits nobody is over.
const UNSEEN_FOR: Duration = Duration::from_secs(600);

/// The words for what is gone, and what of the Engine's goes there.
const JUMPS: &str = "the jumps that the Engine writes";

pub(super) fn find(scene: &Scene<'_>) -> Option<Finding> {
    let filter = scene.filter.filter(|filter| filter.is_settled)?;
    let lost = filter.lost?;
    // What cannot be read just now may be on its way: the Engine writes its rules one by one.
    if !filter.is_fresh {
        return None;
    }
    let hit = Hit::of(scene, filter);
    // As long as it was seen so.
    let firewall = filter.firewall;
    let stands = firewall.lacking_since.and_then(|since| firewall.read_at?.duration_since(since).ok());
    if hit.is_empty() && !(lost.sure && stands.is_some_and(|stands| stands >= WRITTEN_WITHIN)) {
        return None;
    }
    Some(tell(scene, filter, lost, &hit))
}

/// What was measured that it accounts for.
#[derive(Default)]
struct Hit<'a> {
    /// What neighbours tried.
    inside: Vec<Look<'a>>,
    /// What was tried of what lies outside.
    outside: Vec<Look<'a>>,
    /// What was tried from the host at published ports and the proxy's doors.
    ports: Vec<Look<'a>>,
    /// Somebody on the host answers in the containers' place.
    is_answered: bool,
    /// What got through and should not have.
    apart: Vec<Look<'a>>,
}

impl<'a> Hit<'a> {
    fn of(scene: &Scene<'a>, filter: Filter<'a>) -> Self {
        let mut hit = Self::default();
        for destination in scene.destinations().filter(|on| scene.is_kept_apart(&on.name)) {
            if matches!(filter.between_neighbours(destination), Some(Culprit::Gone)) {
                hit.inside.extend(between(scene, destination));
            }
        }
        let kept_in = outside::kept_in(scene).into_iter();
        let gone = kept_in.filter(|(culprit, _)| matches!(culprit, Culprit::Gone));
        hit.outside = gone.flat_map(|(_, looks)| looks).collect();
        if filter.leads_no_port() {
            (hit.is_answered, hit.ports) = published_port_unreachable::symptoms(scene);
            let shut = scene.walks.iter().filter(|walk| walk.cause == Some(Cause::DoorShut));
            let doors: Vec<Look<'a>> = shut
                .flat_map(|walk| walk.entries.iter().map(|entry| entry.look))
                .filter(|(_, record)| record.failures_in_a_row >= ENOUGH)
                .collect();
            hit.is_answered &= doors.is_empty();
            hit.ports.extend(doors);
        }
        if filter.keeps_none_apart() {
            hit.apart = isolation_breached::symptoms(scene);
        }
        hit
    }

    fn all(&self) -> impl Iterator<Item = &Look<'a>> {
        self.outside.iter().chain(&self.inside).chain(&self.ports).chain(&self.apart)
    }

    fn is_empty(&self) -> bool {
        self.all().next().is_none()
    }

    /// Nobody gets out, or in.
    fn is_grave(&self) -> bool {
        !self.outside.is_empty() || !self.inside.is_empty() || !self.ports.is_empty() && !self.is_answered
    }
}

fn tell(scene: &Scene<'_>, filter: Filter<'_>, lost: Lost, hit: &Hit<'_>) -> Finding {
    let mut finding = of_host(scene, Code::HostFirewallChainsMissing);
    let firewall = filter.firewall;
    let since = hit.all().map(|(_, record)| record.since).min();
    finding.since = since.into_iter().chain(firewall.lacking_since).min().unwrap_or(scene.snapshot.at);
    let kept_in = kept_in(scene, filter);
    finding.evidence = gone(scene, filter, lost, &kept_in);
    let is_hit = hit.is_grave() || hit.is_empty() && may_hit(scene, filter, lost, &kept_in);
    if !is_hit {
        finding.severity = Severity::Ticket;
    }
    let what: Vec<&str> = finding.evidence.iter().map(|evidence| &*evidence.observed).collect();
    finding.summary = format!(
        "{} of the Engine's firewall rules {} gone ({}): {}.",
        if lost.all { "All" } else { "A part" },
        if lost.all { "are" } else { "is" },
        few(what),
        consequences(filter, lost, &kept_in, hit, is_hit).join(", and ")
    );
    finding.explains = listed(hit.all().map(|(key, record)| symptom(key, record)));
    if scene.snapshot.sight.host.as_deref().is_some_and(|host| host.forwarding.ipv4 == Some(true)) {
        finding.ruled_out.push("the host forwards packets (net.ipv4.ip_forward is 1)".to_owned());
    }
    if scene.snapshot.sight.engine.is_up() {
        finding.ruled_out.push("the Engine answers, and is not just starting".to_owned());
    }
    finding.fix = vec![
        Step::restart(if is_hit {
            "the Engine writes its rules anew"
        } else {
            "nobody is cut off: at a quiet hour have the Engine write its rules anew"
        }),
        Step::prose(
            "who took them away: a reload of ufw, firewalld, nftables or netfilter-persistent, or a script with iptables -F; have it leave the Engine's chains alone, or restart the Engine after it",
        ),
        Step::when(
            "where the Engine is told to write no rules (\"iptables\": false) they are the operator's to write",
            ["grep -s iptables /etc/docker/daemon.json".to_owned()],
        ),
    ];
    finding.verify = vec![
        "iptables -S FORWARD".to_owned(),
        "iptables -t nat -S".to_owned(),
        "nft list ruleset | grep -c docker-bridges".to_owned(),
    ];
    finding
}

/// Destinations whose packets are not answered from outside for that.
fn kept_in<'a>(scene: &Scene<'a>, filter: Filter<'a>) -> Vec<&'a Destination> {
    let is_kept =
        |on: &&Destination| !on.internal && matches!(filter.on_the_way_out(on), Some(Culprit::Gone));
    scene.destinations().filter(is_kept).collect()
}

/// What is gone, in words.
fn gone(scene: &Scene<'_>, filter: Filter<'_>, lost: Lost, kept_in: &[&Destination]) -> Vec<Evidence> {
    let firewall = filter.firewall;
    if lost.all {
        return vec![saw(
            "chains of the tables ip filter, ip nat and ip docker-bridges",
            "there is no chain of the Engine's (DOCKER and others)",
            "the chains that the Engine writes",
        )];
    }
    let mut evidence = Vec::new();
    if lost.forward {
        evidence.push(saw(
            "chain FORWARD of table ip filter",
            "FORWARD leads to none of the Engine's chains (DOCKER-FORWARD, or DOCKER-ISOLATION-STAGE-1 and DOCKER)",
            JUMPS,
        ));
    } else if lost.isolation && !firewall.keeps_none_apart() {
        evidence.push(saw(
            "chain FORWARD of table ip filter",
            "FORWARD does not lead to DOCKER-ISOLATION-STAGE-1",
            JUMPS,
        ));
    }
    if firewall.keeps_none_apart() {
        evidence.push(saw(
            "chain DOCKER-ISOLATION-STAGE-1 of table ip filter",
            "DOCKER-ISOLATION-STAGE-1 is empty",
            "a rule for each network",
        ));
    }
    if lost.ports {
        let (seen, expected) = if firewall.leads_no_port() && scene.inventory.is_some() {
            ("DOCKER of table nat is empty", "a rule for each published port")
        } else {
            ("PREROUTING or OUTPUT of table nat does not lead to DOCKER", JUMPS)
        };
        evidence.push(saw("chains PREROUTING, OUTPUT and DOCKER of table ip nat", seen, expected));
    }
    let bare: Vec<&Destination> = kept_in.iter().copied().filter(|on| filter.keeps_its_address(on)).collect();
    if !bare.is_empty() {
        let names: Vec<&Arc<str>> = bare.iter().map(|on| &on.name).collect();
        evidence.push(saw(
            "chain POSTROUTING of table ip nat",
            format!("POSTROUTING has no rule for the addresses of {}", few(names)),
            "a rule (MASQUERADE) for each network's addresses",
        ));
    }
    evidence
}

fn consequences(
    filter: Filter<'_>,
    lost: Lost,
    kept_in: &[&Destination],
    hit: &Hit<'_>,
    is_hit: bool,
) -> Vec<String> {
    let mut all = Vec::new();
    if !hit.inside.is_empty() {
        all.push("containers do not even reach their neighbours".to_owned());
    }
    if !kept_in.is_empty() {
        let names: Vec<&Arc<str>> = kept_in.iter().map(|on| &on.name).collect();
        all.push(format!("containers on {} get no answer from outside", few_quoted(names)));
    }
    if lost.ports {
        let how = if hit.is_answered && !hit.ports.is_empty() {
            Some("are answered by the host itself at most")
        } else if is_hit {
            Some("lead nowhere")
        } else {
            filter.leads_no_port().then_some("still answer, through docker-proxy alone")
        };
        all.extend(how.map(|how| format!("published ports {how}")));
    }
    if all.is_empty() || !hit.apart.is_empty() {
        if filter.keeps_none_apart() {
            all.push("nothing keeps networks apart".to_owned());
        } else if all.is_empty() {
            all.push("what they allowed and forbade is left to others".to_owned());
        }
    }
    all
}

/// Whether somebody is likely to be hit though no probe says so: those who try have not got through since.
fn may_hit(scene: &Scene<'_>, filter: Filter<'_>, lost: Lost, kept_in: &[&Destination]) -> bool {
    let since = filter.firewall.lacking_since.unwrap_or(SystemTime::UNIX_EPOCH);
    let gets_through = |kinds: &[ProbeKind]| {
        let mut tried = kinds.iter().flat_map(|kind| scene.everywhere(*kind));
        tried.any(|(_, record)| record.at > since && matches!(record.outcome, Outcome::Success(_)))
    };
    let out = !kept_in.is_empty() && !gets_through(&[ProbeKind::IcmpExternal, ProbeKind::DnsExternal]);
    let publishes = scene.inventory.is_some_and(|inventory| {
        inventory.containers.values().any(|c| c.published.iter().any(|port| port.host_port != 0))
    });
    let into = lost.ports && publishes && !gets_through(&[ProbeKind::PublishedPort, ProbeKind::Route]);
    out || into
}

/// No rule sees it: the Engine's rules are there again, or nobody can look whether they are missed.
pub(super) fn holds(scene: &Scene<'_>) -> bool {
    let Some(filter) = scene.filter else {
        // Nothing is read any more: the last that was read stays, so this host is another one now.
        return false;
    };
    let kinds = [ProbeKind::IcmpExternal, ProbeKind::DnsExternal, ProbeKind::PublishedPort];
    let mut tried = kinds.into_iter().flat_map(|kind| scene.everywhere(kind)).peekable();
    let Some(lost) = filter.lost else {
        // What cannot be told any more is not mended by that. But they may be written elsewhere now (`iptables-legacy`): then everybody gets through, and that is all there is to see.
        let unknown = filter.firewall.unknown_since;
        let long = unknown.is_some_and(|since| scene.snapshot.at > since + UNSEEN_FOR) && filter.is_fresh;
        let goes_well = tried.peek().is_some()
            && tried.all(|(_, record)| {
                matches!(record.outcome, Outcome::Success(_)) && record.failures_in_a_row == 0
            });
        return filter.firewall.lacking_since.is_some() && !(long && goes_well);
    };
    let anything = lost.forward || lost.isolation || lost.ports || !kept_in(scene, filter).is_empty();
    let blind =
        tried.peek().is_some() && tried.all(|(_, record)| matches!(record.outcome, Outcome::Unknown(_)));
    anything && (lost.sure || blind || !filter.is_settled || !filter.is_fresh)
}
