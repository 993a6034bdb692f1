//! Several Engines on one wire, as one Swarm.
//!
//! Each node is a [`Lab`] with one more interface, `eth0`, whose other end is on a bridge in a network namespace of its
//! own: the wire. There a node can be cut off as by a pulled cable; what a firewall does is done on the node itself.
//! VXLAN, gossip and Raft between the nodes are the real ones.

use std::net::Ipv4Addr;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Instant;

use crate::error::{Error, Result};
use crate::{Engine, Lab, PATIENCE, run};

/// The wire's addresses: TEST-NET-2 of RFC 5737, which nobody else has.
const WIRE: [u8; 3] = [198, 51, 100];

/// A Swarm. Dropping it takes everything down.
pub struct Swarm {
    /// Before the wire: a node that ends takes its interface along.
    nodes: Vec<Lab>,
    wire: Wire,
}

impl Swarm {
    /// `count` nodes called `node-1`, `node-2` … of the machine's own Engine; the first `managers` of them are managers.
    pub fn start(count: u8, managers: u8) -> Result<Self> {
        Self::start_with(&Engine::of_machine(), count, managers)
    }

    /// As [`Swarm::start`], with another Engine.
    pub fn start_with(engine: &Engine, count: u8, managers: u8) -> Result<Self> {
        let wire = Wire::lay()?;
        let start = |number: u8| Lab::start_called(engine.clone(), "{}", Some(&format!("node-{number}")));
        let nodes: Result<Vec<Lab>> = thread::scope(|scope| {
            let starting: Vec<_> = (1..=count).map(|number| scope.spawn(move || start(number))).collect();
            let ended = |_| Err(Error::new("a thread that started a node panicked"));
            starting.into_iter().map(|thread| thread.join().unwrap_or_else(ended)).collect()
        });
        let swarm = Self { nodes: nodes?, wire };
        for number in 1..=count {
            swarm.wire.plug(swarm.node(number), number)?;
        }
        let first = swarm.node(1);
        let advertised = address(1).to_string();
        first.docker(&["swarm", "init", "--advertise-addr", &advertised])?;
        for number in 2..=count {
            swarm.join(number, if number <= managers { "manager" } else { "worker" })?;
        }
        Ok(swarm)
    }

    /// Has a node join by the first one, as `worker` or `manager`.
    pub fn join(&self, number: u8, role: &str) -> Result<()> {
        self.join_as(number, role, address(number))
    }

    /// As [`Swarm::join`], with another address than its own on the wire.
    pub fn join_as(&self, number: u8, role: &str, own: Ipv4Addr) -> Result<()> {
        let token = self.node(1).docker(&["swarm", "join-token", "-q", role])?;
        let (own, manager) = (own.to_string(), format!("{}:2377", address(1)));
        let join = ["swarm", "join", "--advertise-addr", &own, "--token", &token, &manager];
        self.node(number).docker(&join).map(drop)
    }

    /// The node of this number, from 1; the first is a manager.
    ///
    /// # Panics
    /// When there is no such node: a test's mistake.
    #[must_use]
    pub fn node(&self, number: u8) -> &Lab {
        &self.nodes[usize::from(number) - 1]
    }

    /// Every node, in order.
    pub fn nodes(&self) -> impl Iterator<Item = &Lab> {
        self.nodes.iter()
    }

    /// What is between the nodes.
    #[must_use]
    pub const fn wire(&self) -> &Wire {
        &self.wire
    }

    /// The nodes and what is between them, for who watches each node for itself.
    #[must_use]
    pub fn apart(self) -> (Vec<Lab>, Wire) {
        (self.nodes, self.wire)
    }

    /// Waits until so many tasks of a service run, as the first node sees it.
    pub fn wait_running(&self, service: &str, count: usize) -> Result<()> {
        let began = Instant::now();
        loop {
            let states = self.node(1).docker(&[
                "service",
                "ps",
                service,
                "--filter",
                "desired-state=running",
                "--format",
                "{{.CurrentState}} {{.Error}}",
            ])?;
            if states.lines().filter(|state| state.starts_with("Running")).count() == count {
                return Ok(());
            }
            if began.elapsed() > PATIENCE {
                return Err(Error::new(format!("not {count} tasks of {service} in {PATIENCE:?}:\n{states}")));
            }
            thread::sleep(std::time::Duration::from_millis(200));
        }
    }
}

/// What a node advertises.
#[must_use]
pub fn address(number: u8) -> Ipv4Addr {
    let [a, b, c] = WIRE;
    Ipv4Addr::new(a, b, c, number)
}

/// A bridge in a network namespace of its own, which lives as long as this.
pub struct Wire {
    holder: Child,
}

impl Wire {
    fn lay() -> Result<Self> {
        // It ends when its standard input does, and that with whoever holds this.
        let holder = Command::new("unshare")
            .args(["--net", "--kill-child", "--fork", "cat"])
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .map_err(|e| Error::io("starting unshare", e))?;
        let wire = Self { holder };
        wire.wait_apart()?;
        wire.ip(&["link", "add", "wire", "type", "bridge", "forward_delay", "0", "mcast_snooping", "0"])?;
        wire.ip(&["link", "set", "wire", "up"])?;
        Ok(wire)
    }

    /// `unshare` is in the new namespace once its link is not ours.
    fn wait_apart(&self) -> Result<()> {
        let ours =
            std::fs::read_link("/proc/self/ns/net").map_err(|e| Error::io("reading our own namespace", e))?;
        let began = Instant::now();
        while std::fs::read_link(self.namespace()).is_ok_and(|its| its == ours) {
            if began.elapsed() > PATIENCE {
                return Err(Error::new("unshare made no namespace"));
            }
            thread::sleep(std::time::Duration::from_millis(5));
        }
        Ok(())
    }

    fn namespace(&self) -> String {
        format!("/proc/{}/ns/net", self.holder.id())
    }

    fn plug(&self, node: &Lab, number: u8) -> Result<()> {
        let (port, wire) = (port(number), self.holder.id().to_string());
        node.exec_on_host(&["ip", "link", "add", "eth0", "type", "veth", "peer", "name", &port])?;
        // Seen from the node the wire is no process, so that the machine moves the other end.
        let host = node.host().network();
        let mut mover = Command::new("nsenter");
        mover.arg(format!("--net={}", host.display())).args(["ip", "link", "set", &port, "netns", &wire]);
        run(mover.stdin(Stdio::null()))?;
        self.ip(&["link", "set", &port, "master", "wire", "up"])?;
        let [a, b, c] = WIRE;
        node.exec_on_host(&["ip", "address", "add", &format!("{a}.{b}.{c}.{number}/24"), "dev", "eth0"])?;
        node.exec_on_host(&["ip", "link", "set", "eth0", "up"]).map(drop)
    }

    /// Pulls a node's cable.
    pub fn cut_off(&self, number: u8) -> Result<()> {
        self.ip(&["link", "set", &port(number), "down"])
    }

    /// Has a node's cable carry no larger packets than these: what is larger is dropped, and nobody says so.
    pub fn narrow(&self, number: u8, mtu: u32) -> Result<()> {
        self.ip(&["link", "set", &port(number), "mtu", &mtu.to_string()])
    }

    /// Puts it back.
    pub fn plug_in(&self, number: u8) -> Result<()> {
        self.ip(&["link", "set", &port(number), "up"])
    }

    fn ip(&self, args: &[&str]) -> Result<()> {
        let mut ip = Command::new("nsenter");
        ip.arg(format!("--net={}", self.namespace())).arg("ip").args(args);
        run(ip.stdin(Stdio::null())).map(drop)
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        drop(self.holder.stdin.take());
        let _ = self.holder.wait();
    }
}

/// The wire's end of a node's cable.
fn port(number: u8) -> String {
    format!("node{number}")
}
