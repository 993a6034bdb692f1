//! One site: its rules, at each of its doors.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::address::{self, Address};
use super::ground::{Fate, Ground};
use super::reach::{Host, MOST_PAIRS, Path, Reach};
use super::told::Told;
use super::tree::Block;
use super::walk::{Find, MOST_RULES, Walk};
use crate::proxy::{Doors, Leads, Place, Redirect, Rule};
use crate::strangers::bounded;

/// What a path is changed by, other than by taking a prefix away.
const REWRITES: &str = "a directive that changes the path";

/// As many doors as a site is read at.
const MOST_DOORS: usize = 8;

/// As many places as a rule may have.
const MOST_PLACES: usize = 32;

/// What all sites of a container share.
pub(super) struct Common<'a> {
    pub snippets: BTreeMap<&'a str, &'a Block>,
    /// Work that is left.
    pub work: usize,
    pub told: Told,
}

/// A site as it was read.
pub(super) struct Site {
    pub name: Arc<str>,
    pub written: Arc<str>,
    pub rules: Vec<Rule>,
    /// The hosts that it serves by TLS, each with the port.
    pub secured: Vec<(Arc<str>, u16)>,
    /// The hosts that it serves on port 80.
    pub plain: Vec<Arc<str>>,
    pub refused: Option<String>,
}

/// Reads the site whose labels begin with `prefix`.
pub(super) fn read(prefix: &str, block: &Block, common: &mut Common<'_>) -> Site {
    let mut site = Site {
        name: Arc::from(prefix),
        written: Arc::from(bounded(&super::template::shown(&block.words.join(" ")))),
        rules: Vec::new(),
        secured: Vec::new(),
        plain: Vec::new(),
        refused: None,
    };
    for (door, reach) in site.doors(prefix, block, common) {
        site.stand_at(&door, reach, block, common);
    }
    for rule in &mut site.rules {
        rule.refused.clone_from(&site.refused);
    }
    site
}

impl Site {
    fn doors(&mut self, prefix: &str, block: &Block, common: &mut Common<'_>) -> Vec<((bool, u16), Reach)> {
        if block.unread {
            return vec![((true, 443), Reach::default())];
        }
        let has_tls = block.children.iter().any(|child| child.name() == "tls");
        let addresses = address::read(&block.words, has_tls);
        self.refused = addresses.refused;
        let mut doors: Vec<((bool, u16), Vec<_>)> = Vec::new();
        for Address { host, path, tls, port } in addresses.list {
            let door = (tls, port);
            match (&host, tls, port) {
                (Host::Is(host), true, _) => self.secured.push((Arc::from(host.as_str()), port)),
                (Host::Is(host), false, 80) => self.plain.push(Arc::from(host.as_str())),
                _ => {}
            }
            if let Some((_, pairs)) = doors.iter_mut().find(|(other, _)| *other == door) {
                pairs.push((host, path));
            } else if doors.len() < MOST_DOORS {
                doors.push((door, vec![(host, path)]));
            } else {
                common.told.tell(format!("{prefix}: more than {MOST_DOORS} ports: the others are not read"));
            }
        }
        if doors.iter().any(|(_, pairs)| pairs.len() > MOST_PAIRS) {
            common.told.tell(format!("{prefix}: more than {MOST_PAIRS} addresses: the others are not read"));
        }
        if doors.is_empty() {
            doors.push(((true, 443), Vec::new()));
        }
        doors.into_iter().map(|(door, pairs)| (door, Reach::of(pairs))).collect()
    }

    fn stand_at(&mut self, door: &(bool, u16), reach: Reach, block: &Block, common: &mut Common<'_>) {
        let is_known = !reach.is_empty();
        // A site whose address is not read serves some host, and what is in it is read as for any.
        let ground = if is_known { reach } else { Reach::of([(Host::Any, Path::all())]) };
        let mut walk = Walk::new(&common.snippets, &mut common.work);
        walk.site(block, ground.clone());
        let mut finds = walk.finds;
        if finds.is_empty() {
            finds = walk.redirects;
        }
        if finds.is_empty() {
            // Other containers may have the same site, and Caddy itself may answer: that is no fault.
            let by = walk.answered_by.unwrap_or_else(|| "nothing of these labels".to_owned());
            finds.push(Find { ground: Ground::of(ground), leads: Leads::Elsewhere(by.into()) });
        }
        if walk.is_cut {
            common.told.tell(format!("{}: more than can be read", self.name));
        }
        if let Some(why) = walk.refused {
            self.refused.get_or_insert(why);
        }
        for find in finds.into_iter().take(MOST_RULES) {
            let mut rule = self.rule(door, find);
            if !is_known {
                rule.places.clear();
                rule.also = Some(format!("the site's address is not read: {}", self.written));
            }
            self.note(&rule);
            self.rules.push(rule);
        }
    }

    fn rule(&self, &(tls, port): &(bool, u16), Find { mut ground, leads }: Find) -> Rule {
        let mut places = Vec::new();
        // What no plain request comes to cannot be asked for.
        let fitting = if ground.never_plain { Vec::new() } else { ground.reach.places() };
        for place in fitting {
            if places.len() < MOST_PLACES && !places.contains(&place) {
                places.push(place);
            }
        }
        if let Some(odd) = ground.reach.odd().filter(|_| places.is_empty()) {
            ground.need(odd);
        }
        if ground.rewrites {
            ground.doubt(REWRITES.to_owned());
        }
        let also = ground.also.join("; ");
        let redirect = match ground.fate {
            Fate::Redirected(redirect) => Some(redirect),
            Fate::Come | Fate::Taken(_) => None,
        };
        Rule {
            name: self.name.clone(),
            written: self.written.clone(),
            places,
            also: (!also.is_empty()).then(|| bounded(&also).to_owned()),
            refused: None,
            doors: Doors::Site { tls, port },
            redirect,
            guarded: ground.guarded,
            strips: ground.strips,
            unsure: ground.unsure.iter().map(|what| bounded(what).to_owned()).collect(),
            priority: None,
            leads,
            settings: "".into(),
        }
    }

    /// Hosts that only a matcher names, below a wildcard.
    fn note(&mut self, rule: &Rule) {
        for Place { host, .. } in &rule.places {
            match rule.doors {
                Doors::Site { tls: true, port } if !self.secured.iter().any(|(other, _)| other == host) => {
                    self.secured.push((host.clone(), port));
                }
                Doors::Site { tls: false, port: 80 } if !self.plain.contains(host) => {
                    self.plain.push(host.clone());
                }
                _ => {}
            }
        }
    }
}

/// Automatic HTTPS: whoever comes to port 80 for a host that is served by TLS is sent there, unless a site serves the
/// host on port 80. Each rule that leads to the container has a twin that does so.
pub(super) fn automatic(sites: &[Site]) -> Vec<Rule> {
    let mut ports: BTreeMap<&Arc<str>, u16> = BTreeMap::new();
    let taken = sites.iter().filter(|site| site.refused.is_none());
    for (host, port) in taken.clone().flat_map(|site| &site.secured) {
        let known = ports.entry(host).or_insert(*port);
        if *port == 443 {
            *known = 443;
        }
    }
    for host in taken.clone().flat_map(|site| &site.plain) {
        ports.remove(host);
    }
    let mut redirects: Vec<Rule> = Vec::new();
    for rule in taken.flat_map(|site| &site.rules) {
        let Doors::Site { tls: true, port } = rule.doors else { continue };
        if !matches!(rule.leads, Leads::Here(_)) {
            continue;
        }
        let sent = rule.places.iter().filter(|place| ports.get(&place.host) == Some(&port));
        let redirect = Rule {
            places: sent.cloned().collect(),
            also: None,
            doors: Doors::Site { tls: false, port: 80 },
            redirect: Some(Redirect::Scheme("https".into(), (port != 443).then_some(port))),
            guarded: false,
            strips: Vec::new(),
            unsure: Vec::new(),
            ..rule.clone()
        };
        if !redirect.places.is_empty() && !redirects.contains(&redirect) {
            redirects.push(redirect);
        }
    }
    redirects
}
