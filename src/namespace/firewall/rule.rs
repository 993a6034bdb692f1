//! One rule: its expressions, as far as they are understood.

use ipnet::{IpNet, Ipv4Net};

use crate::netstack::firewall::{Action, Rule};

use super::super::netlink::array;
use super::{NF_DROP, name, nested, number, parts};

/// Expressions of one rule; the kernel takes 128.
const MOST_EXPRESSIONS: usize = 128;

const NFTA_RULE_EXPRESSIONS: u16 = 4;
const NFTA_EXPR_NAME: u16 = 1;
const NFTA_EXPR_DATA: u16 = 2;

const NF_ACCEPT: u32 = 1;
const NFT_JUMP: i32 = -3;
const NFT_RETURN: i32 = -5;
/// The register that holds the verdict.
const NFT_REG_VERDICT: u32 = 0;

/// `NFT_MSG_NEWRULE`. What is not understood narrows it, or does something else.
pub(in crate::namespace) fn rule(message: &[u8]) -> Rule {
    let list = parts(message).find(|(kind, _)| *kind == NFTA_RULE_EXPRESSIONS).map(|(_, value)| value);
    let mut reading = Expressions::default();
    let mut count = 0;
    for (_, expression) in nested(list.unwrap_or_default()) {
        count += 1;
        let (mut called, mut data) = (None, &[][..]);
        for (kind, value) in nested(expression) {
            match kind {
                NFTA_EXPR_NAME => called = name(value),
                NFTA_EXPR_DATA => data = value,
                _ => {}
            }
        }
        if count > MOST_EXPRESSIONS {
            reading.rule.narrowed = true;
            break;
        }
        reading.take(called.as_deref().unwrap_or_default(), data);
    }
    reading.rule
}

/// What the expression before loaded for the next one to compare.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Loaded {
    #[default]
    Nothing,
    Input,
    Output,
    /// The sender's address, with the bits of it that count.
    Source(u32),
    Family,
    /// The connection's state, with the bits of it that count.
    State(u32),
    Other,
}

#[derive(Debug, Default)]
struct Expressions {
    loaded: Loaded,
    rule: Rule,
}

impl Expressions {
    fn take(&mut self, called: &str, data: &[u8]) {
        match called {
            "counter" | "log" | "last" => {}
            "meta" => self.loaded = meta(data),
            "payload" => self.loaded = payload(data),
            "ct" => self.loaded = connection(data),
            "bitwise" => self.loaded = masked(self.loaded, data),
            "cmp" => self.compare(data),
            "lookup" => self.look_up(data),
            "immediate" => self.immediate(data),
            "reject" => self.rule.action = Action::Reject,
            "masq" => self.rule.action = Action::Masquerade,
            "match" => self.matched(data),
            "target" => self.target(data),
            "nat" | "redir" | "tproxy" | "queue" | "flow_offload" | "dup" | "fwd" | "synproxy" => {
                self.rule.action = Action::Other;
            }
            // `fib` and the like load something too; limits and quotas decide by themselves.
            _ => (self.loaded, self.rule.narrowed) = (Loaded::Other, true),
        }
    }

    fn compare(&mut self, data: &[u8]) {
        // NFTA_CMP_OP: 0 is equality; NFTA_CMP_DATA.
        let same = at(data, 2) == Some(0);
        let value = nested(data).find(|(kind, _)| *kind == 3).and_then(|(_, value)| data_value(value));
        let value = value.unwrap_or_default();
        let rule = &mut self.rule;
        match self.loaded {
            Loaded::Input if same => rule.input = interface(value),
            Loaded::Output if same => rule.output = interface(value),
            Loaded::Source(mask) if same => match source(value, mask) {
                Some(net) => rule.source = Some(net),
                None => rule.narrowed = true,
            },
            // What is of IPv4 is what is asked about.
            Loaded::Family if same && value == [2] => {}
            // Some bit of the mask, or just this state.
            Loaded::State(mask) => {
                let state = array(value, 0).map_or(u32::MAX, u32::from_ne_bytes);
                let states = if same { state } else { mask };
                let begins = states & NEW != 0;
                if begins { rule.narrowed = true } else { rule.of_connections = true }
            }
            _ => rule.narrowed = true,
        }
        self.loaded = Loaded::Nothing;
    }

    fn look_up(&mut self, data: &[u8]) {
        // NFTA_LOOKUP_DREG: a map, here of verdicts. What is in it is not read.
        let is_map = at(data, 3).is_some();
        match self.loaded {
            // By their states those that stand are accepted: everybody's example has this line.
            Loaded::State(_) => self.rule.of_connections = true,
            _ => self.rule.narrowed = true,
        }
        if is_map {
            self.rule.action = Action::Other;
        }
        self.loaded = Loaded::Nothing;
    }

    fn immediate(&mut self, data: &[u8]) {
        if at(data, 1) != Some(NFT_REG_VERDICT) {
            return;
        }
        // NFTA_IMMEDIATE_DATA, in it NFTA_DATA_VERDICT, in it the code and a chain.
        let inner = |bytes, wanted| nested(bytes).find(move |(kind, _)| *kind == wanted).map(|(_, v)| v);
        let verdict = inner(data, 2).and_then(|data| inner(data, 2)).unwrap_or_default();
        let to = inner(verdict, 2).and_then(name);
        self.rule.action = match (at(verdict, 1), to) {
            (Some(NF_DROP), _) => Action::Drop,
            (Some(NF_ACCEPT), _) => Action::Accept,
            // From where a packet only goes to (NFT_GOTO) it does not come back.
            (Some(code), Some(to)) if code.cast_signed() == NFT_JUMP => Action::Jump(to),
            (Some(code), None) if code.cast_signed() == NFT_RETURN => Action::Return,
            // NFT_CONTINUE and NFT_BREAK: on to the next rule.
            (Some(code), None) if [-1, -2].contains(&code.cast_signed()) => Action::Nothing,
            _ => Action::Other,
        };
    }

    /// A match of iptables' own.
    fn matched(&mut self, data: &[u8]) {
        let (mut called, mut info) = (None, &[][..]);
        for (kind, value) in nested(data) {
            match kind {
                1 => called = name(value),
                3 => info = value,
                _ => {}
            }
        }
        match called.as_deref() {
            Some("comment") => {}
            Some("conntrack") if of_connections(info) => self.rule.of_connections = true,
            _ => self.rule.narrowed = true,
        }
    }

    /// A target of iptables' own.
    fn target(&mut self, data: &[u8]) {
        let called = nested(data).find(|(kind, _)| *kind == 1).and_then(|(_, value)| name(value));
        match called.as_deref() {
            Some("REJECT") => self.rule.action = Action::Reject,
            Some("MASQUERADE" | "SNAT") => self.rule.action = Action::Masquerade,
            Some("LOG" | "NFLOG" | "MARK" | "CONNMARK" | "TCPMSS" | "CLASSIFY" | "TRACE" | "ULOG") => {}
            _ => self.rule.action = Action::Other,
        }
    }
}

/// Of the states of a connection (`NF_CT_STATE_BIT`): one that begins.
const NEW: u32 = 1 << 3;

/// A number of an expression, by its kind.
fn at(data: &[u8], kind: u16) -> Option<u32> {
    nested(data).find(|(found, _)| *found == kind).and_then(|(_, value)| number(value))
}

/// `NFTA_DATA_VALUE`.
fn data_value(bytes: &[u8]) -> Option<&[u8]> {
    nested(bytes).find(|(kind, _)| *kind == 1).map(|(_, value)| value)
}

/// `NFTA_META_KEY`.
fn meta(data: &[u8]) -> Loaded {
    match at(data, 2) {
        Some(6) => Loaded::Input,
        Some(7) => Loaded::Output,
        Some(15) => Loaded::Family,
        _ => Loaded::Other,
    }
}

/// `NFTA_PAYLOAD_BASE` (1: the network's header), `_OFFSET` and `_LEN`.
fn payload(data: &[u8]) -> Loaded {
    match (at(data, 2), at(data, 3), at(data, 4)) {
        // Of an address the first bytes alone are compared where the rest may be anything.
        (Some(1), Some(12), Some(length @ 1..=4)) => Loaded::Source(u32::MAX << (32 - 8 * length)),
        _ => Loaded::Other,
    }
}

/// `NFTA_CT_KEY` (0: the state).
fn connection(data: &[u8]) -> Loaded {
    if at(data, 2) == Some(0) { Loaded::State(u32::MAX) } else { Loaded::Other }
}

/// `NFTA_BITWISE_MASK`; the other bits are gone.
fn masked(loaded: Loaded, data: &[u8]) -> Loaded {
    let mask = nested(data).find(|(kind, _)| *kind == 4).and_then(|(_, value)| data_value(value));
    let mask: Option<[u8; 4]> = mask.and_then(|mask| array(mask, 0));
    match (loaded, mask) {
        (Loaded::Source(_), Some(mask)) => Loaded::Source(u32::from_be_bytes(mask)),
        (Loaded::State(_), Some(mask)) => Loaded::State(u32::from_ne_bytes(mask)),
        _ => Loaded::Other,
    }
}

/// A name that fills the field, or ends in it, is one; a beginning stands for all that begin so.
fn interface(value: &[u8]) -> Option<String> {
    let text = name(value)?;
    let ends = value.contains(&0) || value.len() >= libc::IFNAMSIZ;
    Some(if ends { text } else { format!("{text}*") })
}

fn source(value: &[u8], mask: u32) -> Option<IpNet> {
    let mut address = [0; 4];
    address.iter_mut().zip(value).for_each(|(to, from)| *to = *from);
    let length = mask.leading_ones();
    (mask.checked_shl(length).unwrap_or(0) == 0 && !value.is_empty())
        .then(|| Some(IpNet::from(Ipv4Net::new(address.into(), u8::try_from(length).ok()?).ok()?.trunc())))
        .flatten()
}

/// `struct xt_conntrack_mtinfo3`: what it looks at, what it turns round, and which states fit.
fn of_connections(info: &[u8]) -> bool {
    let field = |at| array(info, at).map(u16::from_ne_bytes);
    // XT_CONNTRACK_STATE alone.
    field(146) == Some(1)
        && field(148) == Some(0)
        && field(150).is_some_and(|states| u32::from(states) & NEW == 0)
}
