//! The packet filter of the namespace, by nftables' own netlink: read, never set, and no program is run for it.
//!
//! Source: Linux `linux/netfilter/nfnetlink.h` and `nf_tables.h`; `iptables-nft` writes the same tables. Numbers are
//! big-endian. To ask takes `CAP_NET_ADMIN` in the namespace. A server may have thousands of rules (lists of bans, a
//! cluster's services): of all chains the heads are read, of rules only those of the few chains that matter.

mod rule;

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::{Duration, Instant};

use socket2::Socket;

use crate::netstack::firewall::{Base, Chain, Family, Firewall, Hook, OPERATORS, Rule};

use super::inside::Inside;
use super::netlink::{self, array, attributes};

pub(super) use rule::rule;

/// Of more chains than these none is told of: what is missing could be among the others.
const MOST_CHAINS: usize = 16_384;
/// Base chains and the Engine's own.
const MOST_KEPT: usize = 256;
/// Whose rules are read.
const MOST_READ: usize = 24;
/// A chain with more is not read.
const MOST_RULES: u32 = 1024;
/// The names that the kernel takes for tables and chains are no longer.
const LONGEST_NAME: usize = 256;
/// Who waits for the thread that reads waits no longer.
const DEADLINE: Duration = Duration::from_millis(100);
/// How often it is read anew where somebody changes the rules meanwhile.
const TRIES: usize = 3;

/// `NFNL_SUBSYS_NFTABLES`, in the upper byte of a message's kind.
const NFTABLES: u16 = 10 << 8;
const NFT_MSG_NEWCHAIN: u16 = NFTABLES | 3;
const NFT_MSG_GETCHAIN: u16 = NFTABLES | 4;
const NFT_MSG_NEWRULE: u16 = NFTABLES | 6;
const NFT_MSG_GETRULE: u16 = NFTABLES | 7;
const NFT_MSG_NEWGEN: u16 = NFTABLES | 15;
const NFT_MSG_GETGEN: u16 = NFTABLES | 16;
/// `struct nfgenmsg`: family, version, a number.
const NFGENMSG: usize = 4;
/// The bits of an attribute's kind that say how it is to be read.
const KIND: u16 = 0x3fff;

const NFTA_CHAIN_TABLE: u16 = 1;
const NFTA_CHAIN_NAME: u16 = 3;
const NFTA_CHAIN_HOOK: u16 = 4;
const NFTA_CHAIN_POLICY: u16 = 5;
const NFTA_CHAIN_USE: u16 = 6;
const NFTA_HOOK_HOOKNUM: u16 = 1;
const NFTA_HOOK_PRIORITY: u16 = 2;
const NFTA_RULE_TABLE: u16 = 1;
const NFTA_RULE_CHAIN: u16 = 2;
const NFTA_GEN_ID: u16 = 1;

const NF_DROP: u32 = 0;

impl Inside {
    /// The packet filter of this namespace.
    ///
    /// # Errors
    /// What the kernel says: `EPERM` without `CAP_NET_ADMIN`.
    pub(super) fn firewall(&self) -> io::Result<Firewall> {
        let legacy = has_legacy_tables();
        // To ask would load the module, which a server that has its tables elsewhere has no use for.
        let is_loaded = Path::new("/sys/module/nf_tables").exists() || !Path::new("/proc/modules").exists();
        if legacy && !is_loaded {
            return Ok(Firewall { legacy, ..Firewall::default() });
        }
        let socket = self.netlink(libc::NETLINK_NETFILTER)?;
        let mut reading = Reading { socket, sequence: 0, until: Instant::now() + DEADLINE };
        for _ in 0..TRIES {
            let before = reading.generation()?;
            let chains = reading.all()?;
            if reading.generation()? == before {
                return Ok(Firewall { chains, legacy, ..Firewall::default() });
            }
        }
        Err(io::Error::other("the rules change while they are read"))
    }
}

/// `iptables-legacy` keeps tables here.
fn has_legacy_tables() -> bool {
    let mut text = String::new();
    let read = File::open("/proc/thread-self/net/ip_tables_names")
        .and_then(|file| file.take(256).read_to_string(&mut text));
    match read {
        Ok(_) => text.lines().any(|table| table == "filter" || table == "nat"),
        // Who may not look does not know.
        Err(error) => error.kind() != io::ErrorKind::NotFound,
    }
}

/// One socket, and questions one after the other.
struct Reading {
    socket: Socket,
    sequence: u32,
    until: Instant,
}

impl Reading {
    fn dump(&mut self, kind: u16, body: &[u8], take: impl FnMut(u16, &[u8]) -> bool) -> io::Result<()> {
        if Instant::now() >= self.until {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "there are too many rules to read in time"));
        }
        self.sequence += 1;
        netlink::dump(&self.socket, kind, body, self.sequence, take)
    }

    /// The number of the rules' last change.
    fn generation(&mut self) -> io::Result<u32> {
        let mut found = None;
        // It is one message, and nothing ends it.
        self.dump(NFT_MSG_GETGEN, &[0; NFGENMSG], |kind, message| {
            found = (kind == NFT_MSG_NEWGEN).then(|| value(message, NFTA_GEN_ID)).flatten();
            false
        })?;
        found.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))
    }

    fn all(&mut self) -> io::Result<Vec<Chain>> {
        let (mut seen, mut chains) = (0, Vec::new());
        self.dump(NFT_MSG_GETCHAIN, &[0; NFGENMSG], |kind, message| {
            if kind == NFT_MSG_NEWCHAIN {
                seen += 1;
                chains.extend(chain(message).filter(is_of_interest));
            }
            seen <= MOST_CHAINS && chains.len() <= MOST_KEPT
        })?;
        if seen > MOST_CHAINS || chains.len() > MOST_KEPT {
            return Err(io::Error::other("there are too many chains to read"));
        }
        for chain in chains.iter_mut().filter(|chain| is_read(chain)).take(MOST_READ) {
            chain.rules = Some(self.rules(chain)?);
        }
        Ok(chains)
    }

    fn rules(&mut self, of: &Chain) -> io::Result<Vec<Rule>> {
        let mut body = vec![family_number(of.family), 0, 0, 0];
        body.extend(attribute(NFTA_RULE_TABLE, &of.table));
        body.extend(attribute(NFTA_RULE_CHAIN, &of.name));
        let mut rules = Vec::new();
        let mut fit = true;
        self.dump(NFT_MSG_GETRULE, &body, |kind, message| {
            if kind == NFT_MSG_NEWRULE {
                // A kernel that does not choose by chain gives all of them.
                fit &= is_in(message, of);
                rules.push(rule(message));
            }
            fit && rules.len() <= MOST_RULES as usize
        })?;
        if !fit || rules.len() > MOST_RULES as usize {
            return Err(io::Error::other("there are too many rules to read"));
        }
        Ok(rules)
    }
}

/// Base chains that packets of IPv4 enter, and the Engine's.
fn is_of_interest(chain: &Chain) -> bool {
    chain.base.is_some() || chain.family == Family::Ipv4 && chain.name.starts_with("DOCKER")
}

/// Those that forwarded packets enter, that lead to ports, and where the Engine's own begin.
fn is_read(chain: &Chain) -> bool {
    let forward = chain.base.is_some_and(|base| base.hook == Hook::Forward);
    let nat = chain.table == "nat" && chain.base.is_some();
    let own = chain.table == "filter" && (chain.name == "DOCKER-FORWARD" || chain.name == OPERATORS);
    (forward || chain.family == Family::Ipv4 && (nat || own)) && chain.uses <= MOST_RULES
}

fn family_number(family: Family) -> u8 {
    let number = match family {
        Family::Ipv4 => libc::NFPROTO_IPV4,
        Family::Inet => libc::NFPROTO_INET,
    };
    u8::try_from(number).unwrap_or_default()
}

/// A name in a question: length, kind, bytes, a zero, filled up to four.
fn attribute(kind: u16, name: &str) -> Vec<u8> {
    let length = u16::try_from(name.len() + 5).unwrap_or(u16::MAX);
    let mut bytes = [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
    bytes.extend(name.as_bytes());
    bytes.push(0);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

fn is_in(message: &[u8], of: &Chain) -> bool {
    let is = |kind, wanted: &str| {
        parts(message).any(|(found, value)| found == kind && name(value).as_deref() == Some(wanted))
    };
    is(NFTA_RULE_TABLE, &of.table) && is(NFTA_RULE_CHAIN, &of.name)
}

/// The attributes behind a message's head.
fn parts(message: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    nested(message.get(NFGENMSG..).unwrap_or_default())
}

fn nested(bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    attributes(bytes).map(|(kind, value)| (kind & KIND, value))
}

fn number(value: &[u8]) -> Option<u32> {
    array(value, 0).map(u32::from_be_bytes)
}

/// One number of a message.
fn value(message: &[u8], kind: u16) -> Option<u32> {
    parts(message).find(|(found, _)| *found == kind).and_then(|(_, value)| number(value))
}

/// Up to the zero that ends it; names that are no text are somebody's play.
fn name(value: &[u8]) -> Option<String> {
    let bytes = value.split(|byte| *byte == 0).next().unwrap_or_default();
    (!bytes.is_empty() && bytes.len() < LONGEST_NAME).then(|| String::from_utf8_lossy(bytes).into_owned())
}

/// `NFT_MSG_NEWCHAIN` of a table that packets of IPv4 meet.
pub(super) fn chain(message: &[u8]) -> Option<Chain> {
    let family = match i32::from(*message.first()?) {
        libc::NFPROTO_IPV4 => Family::Ipv4,
        libc::NFPROTO_INET => Family::Inet,
        _ => return None,
    };
    let (mut table, mut called, mut base, mut drops, mut uses) = (None, None, None, false, 0);
    for (kind, value) in parts(message) {
        match kind {
            NFTA_CHAIN_TABLE => table = name(value),
            NFTA_CHAIN_NAME => called = name(value),
            NFTA_CHAIN_HOOK => base = hook(value),
            NFTA_CHAIN_POLICY => drops = number(value) == Some(NF_DROP),
            NFTA_CHAIN_USE => uses = number(value)?,
            _ => {}
        }
    }
    let base = base.map(|(hook, priority)| Base { hook, priority, drops });
    Some(Chain { family, table: table?, name: called?, base, uses, rules: None })
}

fn hook(value: &[u8]) -> Option<(Hook, i32)> {
    let of = |kind| nested(value).find(|(found, _)| *found == kind).and_then(|(_, value)| number(value));
    // `enum nf_inet_hooks`.
    let hook = match of(NFTA_HOOK_HOOKNUM)? {
        0 => Hook::Prerouting,
        1 => Hook::Input,
        2 => Hook::Forward,
        3 => Hook::Output,
        4 => Hook::Postrouting,
        _ => return None,
    };
    Some((hook, of(NFTA_HOOK_PRIORITY)?.cast_signed()))
}

#[cfg(test)]
mod tests;
