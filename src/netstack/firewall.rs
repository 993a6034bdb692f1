//! The host's packet filter, as nftables tells it: the chains that forwarded packets meet, and the Engine's own.
//!
//! Sources: Linux `linux/netfilter/nf_tables.h`, Docker "Packet filtering and firewalls" (chains of Engine 20.10 to 29).

mod judge;

use std::collections::BTreeSet;
use std::time::SystemTime;

use ipnet::IpNet;

pub use judge::{Block, Lack, Own};

/// The operator's own rules; other programs make a chain of this name as well.
pub const OPERATORS: &str = "DOCKER-USER";

/// Whose packets a table sees. Those of IPv6 alone are not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// `ip`.
    Ipv4,
    /// `inet`: both.
    Inet,
}

impl Family {
    /// As `nft` has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ipv4 => "ip",
            Self::Inet => "inet",
        }
    }
}

/// Where packets enter a base chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hook {
    /// Those that have just come.
    Prerouting,
    /// Those for the host itself.
    Input,
    /// Those that the host passes on.
    Forward,
    /// Those that the host sends.
    Output,
    /// Those that are about to leave.
    Postrouting,
}

/// A chain that packets enter by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Base {
    /// Where.
    pub hook: Hook,
    /// The lower, the earlier.
    pub priority: i32,
    /// Whether what no rule decided about is dropped.
    pub drops: bool,
}

/// One chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// Of its table.
    pub family: Family,
    /// Its table's name.
    pub table: String,
    /// Its name.
    pub name: String,
    /// Where packets enter it; `None` where rules lead to it.
    pub base: Option<Base>,
    /// Its rules, and the rules elsewhere that lead to it.
    pub uses: u32,
    /// Its rules, where they were asked for.
    pub rules: Option<Vec<Rule>>,
}

/// What a rule does with a packet that fits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Action {
    /// The packet goes on to the next rule.
    #[default]
    Nothing,
    /// It goes back to the rule that led here; in a base chain the policy decides.
    Return,
    /// It passes.
    Accept,
    /// It is lost.
    Drop,
    /// It is lost, and its sender is told.
    Reject,
    /// The rules of that chain decide.
    Jump(String),
    /// It leaves by an address of the host's.
    Masquerade,
    /// Something else.
    Other,
}

/// One rule, as far as it is understood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// Only packets that came in by this interface; a name that ends in `*` stands for all that begin so.
    pub input: Option<String>,
    /// Only packets that leave by this one.
    pub output: Option<String>,
    /// Only packets from these addresses.
    pub source: Option<IpNet>,
    /// Only packets of connections that stand already.
    pub of_connections: bool,
    /// Some other condition.
    pub narrowed: bool,
    /// What it does.
    pub action: Action,
}

impl Rule {
    /// Every packet fits.
    pub const fn is_for_all(&self) -> bool {
        self.input.is_none()
            && self.output.is_none()
            && self.source.is_none()
            && !self.of_connections
            && !self.narrowed
    }

    /// Whether what comes in by this interface and begins a connection may fit.
    fn may_fit(&self, interface: &str) -> bool {
        !self.of_connections && self.input.as_deref().is_none_or(|input| stands_for(input, interface))
    }

    /// Whether it loses what fits.
    pub const fn loses(&self) -> bool {
        matches!(self.action, Action::Drop | Action::Reject)
    }
}

fn stands_for(pattern: &str, name: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == name, |start| name.starts_with(start))
}

/// What was read, and what is remembered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Firewall {
    /// The base chains that packets of IPv4 enter, and the Engine's.
    pub chains: Vec<Chain>,
    /// `iptables-legacy` has tables, which are not read.
    pub legacy: bool,
    /// When it was read.
    pub read_at: Option<SystemTime>,
    /// When the Engine's rules were last seen to be whole.
    pub whole_at: Option<SystemTime>,
    /// Since when they are not.
    pub lacking_since: Option<SystemTime>,
    /// Since when it is not known whether they are, though it can be read.
    pub unknown_since: Option<SystemTime>,
    /// When it was last seen to be another one in what matters than before; `None` where it never was.
    pub changed_at: Option<SystemTime>,
    /// When rules that lead to published ports were last seen to come or to be gone, all of them. Where one container alone
    /// publishes any, that is as often as it starts.
    pub ports_changed_at: Option<SystemTime>,
    /// What rules were seen to give one of the host's addresses on the way out; `None`: everything.
    pub gave: BTreeSet<Option<IpNet>>,
}
