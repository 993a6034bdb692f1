//! The counters of a namespace, from `/proc/thread-self/net`.
//!
//! `/proc/net` is the namespace of the process's first thread, which never hops: only `thread-self`
//! tells of where the thread is. Readers are bounded, and parsers are pure and take any text: a line
//! that is not understood is left out, and a counter that is not there is `None`, never zero.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::SystemTime;

use crate::netstack::{Connections, Host, Inner, TcpCounters};

use super::connections;
use super::inside::Inside;
use super::links;
use super::listeners::{self, EMBEDDED_RESOLVER};
use super::ports;

/// More than any of these files has in a container: the longest lists its UDP sockets.
const LONGEST: u64 = 1024 * 1024;

/// What is read only where it is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// The resolver's drops and the connections. Each costs as much as all the rest: the kernel walks the
    /// sockets of the whole machine to list those of one namespace.
    pub sockets: bool,
    /// The interfaces and what they count.
    pub interfaces: bool,
}

impl Inside {
    /// Everything that the kernel tells of this namespace at little cost.
    ///
    /// What cannot be read is left out: one missing file is no reason to be blind for the rest.
    pub fn look(&self, wanted: Look) -> Inner {
        let text = |name: &str| read(name).ok();
        let listeners = listeners::read(self).ok();
        let sockstat = text("sockstat");
        let tcp = (|| tcp(&text("snmp")?, &text("netstat")?, sockstat.as_deref()?))();
        let resolver_drops = || resolver_drops(&text("udp")?);
        let connections = || match tcp {
            // Nobody needs to walk the sockets to find none.
            Some(TcpCounters { established: 0, .. }) => {
                Some(Connections { at: SystemTime::now(), talks: Vec::new(), complete: true })
            }
            _ => connections::read(self, listeners.as_deref()?).ok(),
        };
        Inner {
            resolver_drops: wanted.sockets.then(resolver_drops).flatten(),
            // Of two looks alone this can be told.
            lost_queries: None,
            connections: wanted.sockets.then(connections).flatten().map(Arc::new),
            local_ports: (|| ports::read(self, listeners.as_deref()?, sockstat.as_deref()?))(),
            interfaces: wanted.interfaces.then(|| links::read(self).ok()).flatten().unwrap_or_default(),
            listeners,
            tcp,
            at: Some(SystemTime::now()),
        }
    }
}

/// What tells a host's namespace from others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Home {
    /// The names of its interfaces.
    pub interfaces: BTreeSet<String>,
    /// Its addresses.
    pub addresses: BTreeSet<IpAddr>,
    /// Of these the ones of interfaces that packets leave by for everywhere else.
    pub uplink: BTreeSet<IpAddr>,
    /// TCP ports that something listens on, loopback left out; `None` where they cannot be read.
    pub ports: Option<BTreeSet<u16>>,
    /// What else its kernel tells.
    pub host: Host,
}

impl Inside {
    /// This namespace as a home; what cannot be read is left out.
    pub fn home(&self) -> Home {
        let (host, uplinks) = self.host_and_uplinks();
        let addresses = links::own_addresses(self).unwrap_or_default();
        Home {
            // A host has more than a container: a bridge and a veth pair for each.
            interfaces: names(&read("dev").unwrap_or_default()),
            uplink: uplinks.iter().filter_map(|link| addresses.get(link)).flatten().copied().collect(),
            addresses: addresses.into_values().flatten().collect(),
            ports: listeners::read(self).ok().map(|all| {
                let open = all.iter().filter(|l| !l.address.to_canonical().is_loopback());
                open.map(|listener| listener.port).collect()
            }),
            host,
        }
    }
}

/// One file of the namespace that the thread is in.
pub(super) fn read(name: &str) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(format!("/proc/thread-self/net/{name}"))?.take(LONGEST).read_to_end(&mut bytes)?;
    // A line that the bound cut through would tell a wrong number.
    bytes.truncate(bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1));
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// One setting of `/proc/sys/net`, of the namespace that the thread is in.
pub(super) fn setting(path: &str) -> Option<String> {
    let mut text = String::new();
    File::open(format!("/proc/sys/net/{path}")).ok()?.take(LONGEST).read_to_string(&mut text).ok()?;
    Some(text)
}

/// The names in `dev`: two lines of heading, then `name: ` and counters.
pub(super) fn names(dev: &str) -> BTreeSet<String> {
    dev.lines().filter_map(|line| Some(line.split_once(':')?.0.trim().to_owned())).collect()
}

/// `snmp`, `netstat` and `sockstat` together; `None` where one of the counters is not told.
pub(super) fn tcp(snmp: &str, netstat: &str, sockstat: &str) -> Option<TcpCounters> {
    Some(TcpCounters {
        established: tabled(snmp, "Tcp:", "CurrEstab")?,
        retransmits: tabled(snmp, "Tcp:", "RetransSegs")?,
        listen_overflows: tabled(netstat, "TcpExt:", "ListenOverflows")?,
        time_wait: paired(sockstat, "TCP:", "tw")?,
    })
}

/// A line of names and below it a line of values, both with the same first word.
fn tabled(text: &str, table: &str, name: &str) -> Option<u64> {
    let mut lines = text.lines().filter(|line| line.split_ascii_whitespace().next() == Some(table));
    let (names, values) = (lines.next()?, lines.next()?);
    let place = names.split_ascii_whitespace().position(|word| word == name)?;
    values.split_ascii_whitespace().nth(place)?.parse().ok()
}

/// A line of names and values by turns: `TCP: inuse 4 orphan 0 tw 2 …`.
pub(super) fn paired(text: &str, table: &str, name: &str) -> Option<u64> {
    let line = text.lines().find(|line| line.split_ascii_whitespace().next() == Some(table))?;
    line.split_ascii_whitespace().skip_while(|word| *word != name).nth(1)?.parse().ok()
}

/// `udp`: the last column, drops, of the embedded resolver's sockets; `None` where there is none.
///
/// The socket's buffer overflows when a container asks faster than the Engine answers: queries are
/// lost before anybody has read them, and this is the only trace.
pub(super) fn resolver_drops(udp: &str) -> Option<u64> {
    let place = format!("{}:", as_proc_writes(EMBEDDED_RESOLVER));
    udp.lines()
        .filter_map(|line| {
            let mut words = line.split_ascii_whitespace();
            words.nth(1)?.strip_prefix(&place)?;
            words.last()?.parse().ok()
        })
        .reduce(u64::saturating_add)
}

/// The kernel prints an address as the machine's own integer: `0B00007F` on a little-endian one.
fn as_proc_writes(address: Ipv4Addr) -> String {
    format!("{:08X}", u32::from_ne_bytes(address.octets()))
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use proptest::prelude::*;

    use super::super::Hopper;
    use super::super::scratch::Scratch;
    use super::*;

    const ALL: Look = Look { sockets: true, interfaces: true };
    const DEV: &str = "\
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:    3193      29    0    0    0     0          0         0     3193      29    0    0    0     0       0          0
  eth0: 189608873    6465    1    2    0     0          0         0   383315    4441    3    4    0     0       0          0
  eth1:12 cut off
";
    const SNMP: &str = "\
Ip: Forwarding DefaultTTL
Ip: 1 64
Tcp: RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens PassiveOpens AttemptFails EstabResets CurrEstab InSegs OutSegs RetransSegs InErrs
Tcp: 1 200 120000 -1 17 2 0 5 6 6456 4431 8 0
";
    const NETSTAT: &str =
        "TcpExt: SyncookiesSent ListenOverflows ListenDrops\nTcpExt: 0 9 10\nIpExt: InOctets\nIpExt: 5\n";
    const SOCKSTAT: &str =
        "sockets: used 25\nTCP: inuse 1 orphan 0 tw 7 alloc 1 mem 379\nUDP: inuse 0 mem 0\n";

    #[test]
    fn names_stand_before_the_colon() {
        assert_eq!(names(DEV), ["eth0", "eth1", "lo"].map(str::to_owned).into());
    }

    #[test]
    fn tcp_takes_every_counter_or_none() {
        let all = TcpCounters { established: 6, retransmits: 8, listen_overflows: 9, time_wait: 7 };
        assert_eq!(tcp(SNMP, NETSTAT, SOCKSTAT), Some(all));
        assert_eq!(tcp("", NETSTAT, SOCKSTAT), None);
        assert_eq!(tcp(SNMP, "TcpExt: SyncookiesSent\nTcpExt: 0\n", SOCKSTAT), None);
        assert_eq!(tcp(SNMP, NETSTAT, "TCP: inuse 1 tw"), None);
    }

    #[test]
    fn the_embedded_resolver_is_known_by_its_address() {
        let resolver = as_proc_writes(EMBEDDED_RESOLVER);
        let line = |address: &str, drops: u64| {
            format!(
                "  12: {address}:A1B2 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4711 2 00000000 {drops}\n"
            )
        };
        let heading = "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n";
        let others = format!("{heading}{}", line("00000000", 5));
        assert_eq!(resolver_drops(&others), None, "no resolver is not a resolver without drops");
        assert_eq!(resolver_drops(&format!("{others}{}", line(&resolver, 0))), Some(0));
        assert_eq!(resolver_drops(&format!("{others}{}{}", line(&resolver, 3), line(&resolver, 4))), Some(7));
    }

    #[tokio::test]
    async fn a_look_tells_of_the_namespace_and_of_an_overrun_resolver() {
        let scratch = Scratch::new();
        let hopper = Hopper::start().expect("starts");
        let before = hopper.hop(&scratch.vantage(), |inside| inside.look(ALL)).await.expect("enters");
        assert_eq!(before.resolver_drops, None);
        assert_eq!(before.listeners, Some(Vec::new()));
        assert_eq!(before.interfaces.iter().map(|i| i.name.as_str()).collect::<Vec<_>>(), ["lo"]);
        assert_eq!(before.tcp.map(|tcp| tcp.established), Some(0));

        // A resolver that reads nothing, and a container that asks more than its buffer takes.
        let resolver = SocketAddr::from((EMBEDDED_RESOLVER, 5353));
        let overrun = move |inside: &Inside| {
            let socket = inside.udp(IpAddr::V4(EMBEDDED_RESOLVER)).expect("a socket");
            socket.set_recv_buffer_size(1).expect("set");
            socket.bind(&resolver.into()).expect("bound");
            let client = inside.udp(resolver.ip()).expect("a socket");
            for _ in 0..64 {
                client.send_to(&[0; 512], &resolver.into()).expect("sent");
            }
            socket
        };
        let _resolver = hopper.hop(&scratch.vantage(), overrun).await.expect("enters");
        let after = hopper.hop(&scratch.vantage(), |inside| inside.look(ALL)).await.expect("enters");
        assert!(after.resolver_drops.is_some_and(|drops| drops > 30), "{after:?}");
        assert!(after.interfaces.first().is_some_and(|lo| lo.transmit.packets == 64), "{after:?}");
    }

    proptest! {
        #[test]
        fn no_text_breaks_a_parser(text in "[ -~\n]{0,400}", start in prop_oneof![Just(""), Just(DEV), Just(SNMP), Just(SOCKSTAT)]) {
            let text = format!("{start}{text}");
            let _ = names(&text);
            let _ = tcp(&text, &text, &text);
            let _ = resolver_drops(&text);
        }
    }
}
