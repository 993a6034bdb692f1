//! A Swarm around a small snapshot: this node is 198.51.100.1, and others are 198.51.100.N.

use std::net::IpAddr;

use super::{Sample, TIMEOUT, at};
use crate::inventory::swarm::{Control, Elsewhere, Lost, Node, Overlay, Peer, Service, Swarm};
use crate::outcome::{Detail, Outcome, ProbeKey, ProbeKind, Reason};
use crate::plan::overlay::{GOSSIP, VIP};
use crate::state::Record;

/// The address of a node.
pub(crate) fn node(last: u8) -> IpAddr {
    IpAddr::from([198, 51, 100, last])
}

/// The address of a node's container on `shop`.
pub(crate) fn away(last: u8, number: u8) -> IpAddr {
    IpAddr::from([10, 0, 2, last * 10 + number])
}

impl Sample {
    /// The overlay `shop` with `web` of this host on it, by a worker.
    pub(crate) fn mesh_of_nodes() -> Self {
        let mut sample = Self::shop(&["web"]);
        sample.spans("shop");
        sample.inventory.swarm = Some(Swarm {
            node_id: "n1".into(),
            name: "node-1".into(),
            address: Some(node(1)),
            state: "active".into(),
            ..Swarm::default()
        });
        sample
    }

    /// The destination is an overlay.
    pub(crate) fn spans(&mut self, destination: &str) {
        let on = self.on(destination);
        (on.driver, on.scope) = ("overlay".into(), "swarm".into());
        on.overlay = Some(Overlay { own: Some(node(1)), ..Overlay::default() });
    }

    pub(crate) fn overlay(&mut self, destination: &str) -> &mut Overlay {
        self.on(destination).overlay.as_mut().unwrap()
    }

    pub(crate) fn swarm(&mut self) -> &mut Swarm {
        self.inventory.swarm.as_mut().unwrap()
    }

    /// Another node with so many containers `api/1`, `api/2` …
    pub(crate) fn peer(&mut self, destination: &str, last: u8, tasks: u8) {
        self.peer_at(destination, node(last), (1..=tasks).map(|number| (number, away(last, number))));
    }

    /// The same at any address.
    pub(crate) fn peer_at(
        &mut self,
        destination: &str,
        address: IpAddr,
        tasks: impl Iterator<Item = (u8, IpAddr)>,
    ) {
        let task = |(number, at): (u8, IpAddr)| Elsewhere {
            name: format!("api/{number}@{address}").into(),
            workload: "api".into(),
            address: at,
            ports: Vec::new(),
        };
        let tasks = tasks.map(task).collect();
        self.overlay(destination).peers.push(Peer { address, tasks, lost: None });
    }

    /// The gossip knows it no longer, since this second.
    pub(crate) fn lost(&mut self, destination: &str, address: IpAddr, seconds: u64) {
        let lost = Some(Lost { since: at(seconds), tasks: 2 });
        let peers = &mut self.overlay(destination).peers;
        peers.retain(|peer| peer.address != address);
        peers.push(Peer { address, tasks: Vec::new(), lost });
    }

    /// A service with these addresses, and those of its running tasks where managers say them.
    pub(crate) fn service(&mut self, name: &str, addresses: &[IpAddr], running: Option<&[IpAddr]>) {
        self.overlay("shop").services.push(Service {
            name: name.into(),
            written: name.into(),
            tasks: format!("tasks.{name}").into(),
            vip: Some(IpAddr::from([10, 0, 2, 250])),
            addresses: addresses.to_vec(),
            running: running.map(<[IpAddr]>::to_vec),
            listed: running.map(<[IpAddr]>::to_vec),
            ports: vec![80],
            astray: Vec::new(),
        });
    }

    /// This node is a manager that knows these others: ready, or not.
    pub(crate) fn manages(&mut self, nodes: &[(u8, bool)]) {
        let told = |(last, is_ready): &(u8, bool)| Node {
            id: format!("n{last}").into(),
            name: format!("node-{last}").into(),
            address: Some(node(*last)),
            is_manager: false,
            is_ready: *is_ready,
            state: if *is_ready { "ready" } else { "down" }.into(),
            message: if *is_ready { "" } else { "heartbeat failure" }.into(),
            availability: "active".into(),
            joined: None,
        };
        let swarm = self.swarm();
        swarm.is_manager = true;
        swarm.control =
            Some(Control { nodes: nodes.iter().map(told).collect(), managers: (1, 1), ..Control::default() });
    }

    fn looked(&mut self, key: ProbeKey, outcome: Outcome) -> &mut Record {
        // Whatever was measured was so before the last picture, as it is with all that lasts.
        self.inventory.taken_at = at(45);
        self.probe(key, outcome, 3)
    }

    fn beyond(on: &str, kind: ProbeKind, source: &str, target: &str, detail: Detail) -> ProbeKey {
        ProbeKey { destination: on.into(), kind, source: source.into(), target: target.into(), detail }
    }

    /// What `web` sends to everything on a node over the overlay ends this way.
    pub(crate) fn over(&mut self, on: &str, address: IpAddr, outcome: Outcome) {
        let tasks = self.overlay(on).peer(address).unwrap().tasks.clone();
        for task in tasks {
            let detail = Detail::Address(task.address);
            self.looked(Self::beyond(on, ProbeKind::Overlay, "web", &task.name, detail), outcome.clone());
        }
    }

    /// From host to host: the echo, and the port of the gossip.
    pub(crate) fn beside(&mut self, on: &str, address: IpAddr, echo: Outcome, gossip: Outcome) {
        let target = address.to_string();
        let of = |detail| Self::beyond(on, ProbeKind::Node, "host", &target, detail);
        self.looked(of(Detail::Address(address)), echo);
        self.looked(of(Detail::Port(address, GOSSIP)), gossip);
    }

    /// The virtual address of a service.
    pub(crate) fn vip(&mut self, name: &str, outcome: Outcome) -> &mut Record {
        let detail = Detail::Port(IpAddr::from([10, 0, 2, 250]), 80);
        self.looked(Self::beyond("shop", ProbeKind::Overlay, "web", &format!("{name}{VIP}"), detail), outcome)
    }

    /// A port of a node's container.
    pub(crate) fn task_port(&mut self, last: u8, number: u8, outcome: Outcome) -> &mut Record {
        let detail = Detail::Port(away(last, number), 80);
        let target = format!("api/{number}@{}", node(last));
        self.looked(Self::beyond("shop", ProbeKind::Overlay, "web", &target, detail), outcome)
    }

    /// Nothing comes from the node: not over the overlay, not from its host.
    pub(crate) fn silent(&mut self, on: &str, address: IpAddr) {
        self.over(on, address, TIMEOUT);
        self.beside(on, address, TIMEOUT, TIMEOUT);
    }
}

/// Somebody's kernel says that nobody listens.
pub(crate) const REFUSED: Outcome = Outcome::Failure(Reason::Refused);
