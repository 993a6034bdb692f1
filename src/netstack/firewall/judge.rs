//! What of the Engine's rules is there, and what loses packets before they come to them.

use std::time::SystemTime;

use ipnet::IpNet;

use super::{Action, Base, Chain, Family, Firewall, Hook, OPERATORS, Rule};

/// Chains that lead to each other are followed no further: three is FORWARD, DOCKER-FORWARD and what that leads to.
const DEEPEST: u8 = 3;
/// The Engine's own nftables backend (29 and later) has a table to itself.
const OWN_TABLE: &str = "docker-bridges";
/// Whoever is asked for isolation by the jump of FORWARD: Engines before 28 by the first alone.
const ISOLATION: &str = "DOCKER-ISOLATION-STAGE-1";
/// Engine 28 and later.
const FORWARD: &str = "DOCKER-FORWARD";
/// Of both `filter` and `nat`.
const PORTS: &str = "DOCKER";
/// More networks than an Engine has.
const MOST_GIVEN: usize = 2048;

/// The Engine's rules of IPv4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Own {
    /// Not told: what leads to them could not be read, or `iptables-legacy` has them.
    Unknown,
    /// There are none: the Engine writes none, or all of them are gone.
    None,
    /// The chains are there, and what leads to them.
    Whole,
    /// A part of them is gone.
    Lacking(Lack),
}

/// What is gone of the Engine's rules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lack {
    /// Forwarded packets do not come to the Engine's chains.
    pub forward: bool,
    /// They do, and not to the one that keeps networks apart.
    pub isolation: bool,
    /// Connections to the host's ports do not come to the chain that leads them into containers.
    pub ports: bool,
}

impl Firewall {
    /// The chain of this table of IPv4.
    pub fn chain(&self, table: &str, name: &str) -> Option<&Chain> {
        self.chains.iter().find(|c| c.family == Family::Ipv4 && c.table == table && c.name == name)
    }

    /// Base chains that forwarded packets of IPv4 enter, the Engine's left out.
    pub fn forward(&self) -> impl Iterator<Item = (&Chain, Base)> {
        self.chains.iter().filter_map(|chain| {
            let base = chain.base.filter(|base| base.hook == Hook::Forward)?;
            (chain.table != OWN_TABLE).then_some((chain, base))
        })
    }

    fn jumps(&self, table: &str, from: &str, to: &str) -> Option<usize> {
        let rules = self.chain(table, from).map_or(Some(&[][..]), |chain| chain.rules.as_deref())?;
        let leads = |rule: &&Rule| matches!(&rule.action, Action::Jump(chain) if chain == to);
        Some(rules.iter().filter(leads).count())
    }

    /// The Engine's rules of IPv4.
    pub fn own(&self) -> Own {
        let native = self.chains.iter().filter(|c| c.family == Family::Ipv4 && c.table == OWN_TABLE);
        let native: Vec<&Chain> = native.collect();
        if !native.is_empty() {
            let is_there =
                |hook| native.iter().any(|c| c.base.is_some_and(|base| base.hook == hook) && c.uses > 0);
            let lack = Lack {
                forward: !is_there(Hook::Forward),
                isolation: false,
                ports: !is_there(Hook::Prerouting),
            };
            return if lack == Lack::default() { Own::Whole } else { Own::Lacking(lack) };
        }
        let is_engines = |chain: &&Chain| {
            let table = chain.table == "filter" || chain.table == "nat";
            chain.family == Family::Ipv4 && table && chain.name.starts_with(PORTS) && chain.name != OPERATORS
        };
        if !self.chains.iter().any(|chain| is_engines(&chain)) {
            return if self.legacy { Own::Unknown } else { Own::None };
        }
        self.lack().map_or(Own::Unknown, |lack| {
            match lack == Lack::default() {
                true => Own::Whole,
                // What is left over from before the Engine took to the older tables.
                false if self.legacy => Own::Unknown,
                false => Own::Lacking(lack),
            }
        })
    }

    /// `None` where the rules that lead there were not read.
    fn lack(&self) -> Option<Lack> {
        let forward = |to| Some(self.jumps("filter", "FORWARD", to)? > 0);
        let (newer, apart, ports) = (forward(FORWARD)?, forward(ISOLATION)?, forward(PORTS)?);
        let nat = |from| Some(self.jumps("nat", from, PORTS)? > 0);
        Some(Lack {
            forward: !newer && !apart && !ports,
            isolation: !newer && !apart && ports,
            ports: !nat("PREROUTING")? || !nat("OUTPUT")?,
        })
    }

    /// How many rules are in a chain of the Engine's, where that is told: of what uses it those that lead to it are none.
    fn rules_in(&self, table: &str, name: &str, from: &[&str]) -> Option<usize> {
        let chain = self.chain(table, name)?;
        let jumps: Option<Vec<usize>> = from.iter().map(|from| self.jumps(table, from, name)).collect();
        usize::try_from(chain.uses).ok()?.checked_sub(jumps?.iter().sum())
    }

    /// The chain that keeps networks apart is there and empty.
    pub fn keeps_none_apart(&self) -> bool {
        self.rules_in("filter", ISOLATION, &["FORWARD", FORWARD]) == Some(0)
    }

    /// The chain that leads from ports of the host into containers is there and empty.
    pub fn leads_no_port(&self) -> bool {
        self.rules_in("nat", PORTS, &["PREROUTING", "OUTPUT"]) == Some(0)
    }

    /// No rule gives what comes from these addresses one of the host's when it leaves; `None` where that is not told.
    pub fn masquerades(&self, net: &IpNet) -> Option<bool> {
        let mut elsewhere = self.chains.iter().filter(|chain| {
            chain.base.is_some_and(|base| base.hook == Hook::Postrouting)
                && (chain.table != "nat" || chain.name != "POSTROUTING")
                && chain.table != "mangle"
                && chain.uses > 0
        });
        // Somebody else's table, which is not read.
        if elsewhere.next().is_some() {
            return None;
        }
        let rules = self.chain("nat", "POSTROUTING").map_or(Some(&[][..]), |chain| chain.rules.as_deref())?;
        let gives = |rule: &Rule| {
            // Where it leads is not read, and may be a rule for all.
            matches!(rule.action, Action::Masquerade | Action::Other | Action::Jump(_))
                && rule.source.is_none_or(|source| source.contains(net))
        };
        Some(rules.iter().any(gives))
    }

    /// Whether some rule gave it while it was looked at.
    pub fn gave(&self, net: &IpNet) -> bool {
        self.gave.iter().any(|source| source.is_none_or(|source| source.contains(net)))
    }

    /// The addresses that rules give one of the host's; `None`: all.
    fn given(&self) -> impl Iterator<Item = Option<IpNet>> {
        let rules = self.chain("nat", "POSTROUTING").and_then(|chain| chain.rules.as_deref());
        rules.into_iter().flatten().filter(|rule| rule.action == Action::Masquerade).map(|rule| rule.source)
    }

    /// What loses all that containers begin by this bridge, before anything may let it pass.
    pub fn blocks(&self, bridge: &str) -> Option<Block<'_>> {
        let is_native = self.chains.iter().any(|chain| chain.table == OWN_TABLE);
        self.forward().find_map(|(chain, base)| {
            let is_forward = chain.table == "filter" && chain.name == "FORWARD";
            let engines = is_forward && chain.family == Family::Ipv4 && !is_native;
            match self.walk(chain, bridge, 0)? {
                Walk::Lost(block) => Some(block),
                Walk::Passes => None,
                // The policy of this one is the Engine's to set, and its rules decide: not where it has a table of its own.
                Walk::Ends => (base.drops && !engines).then_some(Block { chain, rule: None }),
            }
        })
    }

    /// Where what begins by this bridge comes to in a chain; `None` where its rules were not read.
    fn walk<'a>(&'a self, chain: &'a Chain, bridge: &str, depth: u8) -> Option<Walk<'a>> {
        for (at, rule) in chain.rules.as_deref()?.iter().enumerate() {
            if !rule.may_fit(bridge) {
                continue;
            }
            match &rule.action {
                Action::Nothing | Action::Masquerade => {}
                Action::Drop | Action::Reject if rule.is_for_all() => {
                    return Some(Walk::Lost(Block { chain, rule: Some(at) }));
                }
                // It loses some.
                Action::Drop | Action::Reject => {}
                Action::Return if rule.is_for_all() => return Some(Walk::Ends),
                Action::Accept | Action::Other | Action::Return => return Some(Walk::Passes),
                Action::Jump(to) => {
                    let is_next =
                        |c: &&Chain| c.family == chain.family && c.table == chain.table && c.name == *to;
                    let next = self.chains.iter().find(is_next).filter(|_| depth < DEEPEST);
                    match next.and_then(|next| self.walk(next, bridge, depth + 1)) {
                        Some(Walk::Lost(block)) if rule.is_for_all() => return Some(Walk::Lost(block)),
                        Some(Walk::Lost(_) | Walk::Ends) => {}
                        Some(Walk::Passes) | None => return Some(Walk::Passes),
                    }
                }
            }
        }
        Some(Walk::Ends)
    }

    /// The first rule that loses what comes from just these addresses.
    pub fn bans(&self, net: &IpNet) -> Option<(&Chain, &Rule)> {
        self.chains
            .iter()
            .flat_map(|chain| chain.rules.iter().flatten().map(move |rule| (chain, rule)))
            .find(|(_, rule)| rule.loses() && rule.source.is_some_and(|source| source == *net))
    }

    /// The Engine's rules were there, and are not; or a part of them is not.
    pub fn has_lost(&self) -> bool {
        self.lacking_since.is_some() && (self.whole_at.is_some() || matches!(self.own(), Own::Lacking(_)))
    }

    /// As it was read at this moment, with what was known before.
    #[must_use]
    pub fn after(mut self, before: Option<&Self>, at: SystemTime) -> Self {
        let (whole_at, lacking_since) =
            before.map(|before| (before.whole_at, before.lacking_since)).unwrap_or_default();
        (self.whole_at, self.lacking_since) = match self.own() {
            Own::Whole => (Some(at), None),
            Own::Lacking(_) | Own::None => (whole_at, lacking_since.or(Some(at))),
            Own::Unknown => (whole_at, lacking_since),
        };
        self.unknown_since = (self.own() == Own::Unknown)
            .then(|| before.and_then(|before| before.unknown_since).unwrap_or(at));
        let kept = before.into_iter().flat_map(|before| before.gave.iter().copied());
        self.gave = self.given().chain(kept).take(MOST_GIVEN).collect();
        self.changed_at = match before {
            Some(before) if before.gist() != self.gist() => Some(at),
            Some(before) => before.changed_at,
            None => None,
        };
        self.ports_changed_at = match before {
            Some(before) if before.leads_no_port() != self.leads_no_port() => Some(at),
            Some(before) => before.ports_changed_at,
            None => None,
        };
        self.read_at = Some(at);
        self
    }

    /// What makes it another one: deployments change rules all the time.
    fn gist(&self) -> (Own, bool, bool, Option<(&str, &str)>) {
        let nat = self.chain("nat", "POSTROUTING").and_then(|chain| chain.rules.as_deref());
        let gives = nat.unwrap_or_default().iter().any(|rule| rule.action == Action::Masquerade);
        let block = self.blocks("").map(|block| (&*block.chain.table, &*block.chain.name));
        (self.own(), self.keeps_none_apart(), gives, block)
    }
}

/// Where a packet comes to in a chain.
enum Walk<'a> {
    /// It is lost.
    Lost(Block<'a>),
    /// Something may let it pass, or is not known.
    Passes,
    /// To the end.
    Ends,
}

/// What loses packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block<'a> {
    /// In this chain.
    pub chain: &'a Chain,
    /// The number of the rule, from 0; `None`: its policy.
    pub rule: Option<usize>,
}
