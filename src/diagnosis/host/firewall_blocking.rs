//! `host-firewall-blocking`: somebody else's rule loses what containers send, before the Engine's come to it.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnosis::firewall::{Culprit, between};
use crate::diagnosis::outside;
use crate::diagnosis::scene::{ENOUGH, Look, Scene};
use crate::diagnosis::words::{few_quoted, listed, saw, sh, symptom};
use crate::diagnosis::{Code, Finding, Step};
use crate::inventory::Destination;
use crate::netstack::firewall::{Action, Block, Chain, OPERATORS, Rule};
use crate::outcome::{Outcome, ProbeKey, ProbeKind};

use super::of_host;

pub(super) fn find(scene: &Scene<'_>) -> Option<Finding> {
    let filter = scene.filter?;
    let (mut first, mut looks) = (None, Vec::new());
    for destination in scene.destinations().filter(|on| scene.is_kept_apart(&on.name)) {
        if let Some(Culprit::Block(block)) = filter.between_neighbours(destination) {
            let failing: Vec<Look<'_>> = between(scene, destination).collect();
            if !failing.is_empty() {
                first.get_or_insert(block);
                looks.extend(failing);
            }
        }
    }
    for (culprit, failing) in outside::kept_in(scene) {
        if let Culprit::Block(block) = culprit {
            first.get_or_insert(block);
            looks.extend(failing);
        }
    }
    Some(tell(scene, first?, &looks))
}

fn tell(scene: &Scene<'_>, block: Block<'_>, looks: &[Look<'_>]) -> Finding {
    let mut finding = of_host(scene, Code::HostFirewallBlocking);
    finding.since = looks.iter().map(|(_, record)| record.since).min().unwrap_or(scene.snapshot.at);
    let chain = block.chain;
    let place = format!("chain {} of table {} {}", chain.name, chain.family.as_str(), chain.table);
    let rule = block.rule.and_then(|at| Some((at + 1, chain.rules.as_ref()?.get(at)?)));
    let what = match rule {
        Some((number, rule)) => {
            let verb = if rule.action == Action::Reject { "rejects" } else { "drops" };
            format!("rule {number} {verb} every packet")
        }
        None => {
            "its policy drops every packet that no rule of it accepts, and none accepts what containers send"
                .to_owned()
        }
    };
    let names: BTreeSet<&str> = looks.iter().map(|(key, _)| &*key.destination).collect();
    finding.summary = format!(
        "Another firewall drops what containers on {} send ({place}: {what}), before the Engine's rules accept it.",
        few_quoted(&names)
    );
    finding.evidence = vec![saw(place, what, "that it accepts what comes from the Engine's bridges")];
    finding.explains = listed(looks.iter().map(|(key, record)| symptom(key, record)));
    if scene.snapshot.sight.host.as_deref().is_some_and(|host| host.forwarding.ipv4 == Some(true)) {
        finding.ruled_out.push("the host forwards packets (net.ipv4.ip_forward is 1)".to_owned());
    }
    let of_iptables = chain.family.as_str() == "ip" && ["filter", "mangle", "raw"].contains(&&*chain.table);
    let lost = scene.filter.and_then(|filter| filter.lost);
    if lost.is_some_and(|lost| !lost.all && !lost.forward) {
        finding.ruled_out.push("the Engine's own rules are there".to_owned());
    }
    let bridges = bridges(scene, &names);
    finding.fix = match rule {
        // To accept here would open what the Engine forbids.
        Some((number, rule)) if of_iptables => take_away(scene, chain, number, rule),
        _ => {
            let (family, table, name) = (chain.family.as_str(), sh(&chain.table), sh(&chain.name));
            // What nft writes into a table of iptables', that one may not be able to read any more.
            let commands: Vec<String> = if of_iptables {
                let accept = |bridge: &&str| {
                    ["-i", "-o"]
                        .map(|side| format!("iptables -t {table} -I {name} {side} {} -j ACCEPT", sh(bridge)))
                };
                bridges.iter().flat_map(accept).collect()
            } else if bridges.is_empty() {
                Vec::new()
            } else {
                let all: Vec<String> = bridges.iter().map(|bridge| format!("\"{bridge}\"")).collect();
                let set = sh(&format!("{{ {} }}", all.join(", ")));
                ["iifname", "oifname"]
                    .map(|side| format!("nft insert rule {family} {table} {name} {side} {set} accept"))
                    .to_vec()
            };
            vec![
                Step::when(
                    "have it leave what comes from and goes to the Engine's bridges to the Engine's own rules",
                    commands,
                ),
                Step::prose(
                    "so that it stays: write the same into /etc/nftables.conf; with firewalld the bridges belong into its zone docker",
                ),
            ]
        }
    };
    finding.verify = vec![list(block), "iptables -S FORWARD".to_owned()];
    finding
}

/// A rule for all packets is taken out of a chain of iptables'.
fn take_away(scene: &Scene<'_>, chain: &Chain, number: usize, rule: &Rule) -> Vec<Step> {
    let (table, name) = (sh(&chain.table), sh(&chain.name));
    let of_operator = chain.name == OPERATORS;
    let whole = format!("iptables -t {table} -S {name}");
    let look = if of_operator {
        let published = "docker ps --format '{{.Names}} {{.Ports}}'".to_owned();
        Step::look(
            "look at the whole chain, and at what is published: where a port stands at 0.0.0.0 this rule may be all that keeps the world from it",
            [whole, published],
        )
    } else {
        Step::look("look at the whole chain", [whole])
    };
    // By what it says where that is known, for a number is another rule's as soon as one comes or goes; else by the number,
    // and only while a rule of just this kind has it.
    let delete = if rule.action == Action::Drop {
        format!("iptables -t {table} -D {name} -j DROP")
    } else {
        format!(
            "iptables -t {table} -S {name} {number} | grep -qxE -- '-A [^ ]+ -j REJECT( --reject-with [a-z0-9-]+)?' && iptables -t {table} -D {name} {number}"
        )
    };
    let away = Step::when("where it is one of the image's, or left over, take it away, once", [delete]);
    let mut steps = vec![look];
    if of_operator {
        let uplink = scene.snapshot.sight.host.as_deref().and_then(|host| host.uplink());
        steps.push(Step::when(
            "where it is to keep the world from published ports, first have one in its place that lets containers out, and then let in what is for all: the sites",
            uplink.into_iter().flat_map(|way| {
                let first = format!("iptables -I {name} -i {} -m conntrack", sh(&way.by));
                let site = |port: u16| format!("{first} --ctorigdstport {port} -j RETURN");
                [format!("{first} --ctstate NEW -j DROP"), site(80), site(443)]
            }),
        ));
        steps.push(away);
        steps.push(Step::prose(
            "so that it stays away: take it out of what is restored at boot (/etc/iptables/rules.v4)",
        ));
    } else {
        steps.push(away);
        steps.push(Step::prose(
            "so that it stays away: take it out of what is restored at boot (/etc/iptables/rules.v4); what is to be forbidden to containers belongs into DOCKER-USER",
        ));
    }
    steps
}

/// The bridges of these destinations.
fn bridges<'a>(scene: &Scene<'a>, names: &BTreeSet<&str>) -> Vec<&'a str> {
    let is_plain = |name: &&str| name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    let hit = scene.destinations().filter(|on| names.contains(&*on.name));
    hit.filter_map(|on| on.bridge.as_deref()).filter(is_plain).collect()
}

fn list(block: Block<'_>) -> String {
    let chain = block.chain;
    format!("nft -a list chain {} {} {}", chain.family.as_str(), sh(&chain.table), sh(&chain.name))
}

/// No rule sees it. Until somebody gets through it holds, as long as the rule is there.
pub(super) fn holds(scene: &Scene<'_>) -> bool {
    let Some(filter) = scene.filter else { return false };
    let mut blocked =
        scene.destinations().filter(|on| matches!(filter.on_the_way(on), Some(Culprit::Block(_)))).peekable();
    if blocked.peek().is_none() {
        return false;
    }
    let names: BTreeSet<&str> = blocked.map(|on| &*on.name).collect();
    let kept = |on: &&Destination| matches!(filter.between_neighbours(on), Some(Culprit::Block(_)));
    let apart: BTreeMap<&str, &Destination> =
        scene.destinations().filter(kept).map(|on| (&*on.name, on)).collect();
    let meets = |key: &ProbeKey| match key.kind {
        ProbeKind::IcmpExternal | ProbeKind::DnsExternal => names.contains(&*key.destination),
        ProbeKind::Icmp | ProbeKind::Tcp => apart.get(&*key.destination).is_some_and(|on| {
            key.source != key.target
                && on.endpoint(&key.source).is_some()
                && on.endpoint(&key.target).is_some()
        }),
        _ => false,
    };
    let looks = || scene.snapshot.probes.iter().filter(|(key, _)| meets(key));
    looks().next().is_some()
        && !looks().any(|(_, record)| {
            matches!(record.outcome, Outcome::Success(_)) && record.successes_in_a_row >= ENOUGH
        })
}
