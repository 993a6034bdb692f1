//! The flow map in the report's words.

use std::sync::Arc;

use crate::state::Snapshot;
use crate::traffic::conversations::{Conversation, Party, conversations};

use super::model::{Flow, Flows, Place};

/// Every conversation that is known.
pub(super) fn flows(snapshot: &Snapshot) -> Flows {
    let all = conversations(snapshot);
    Flows {
        told: all.told.iter().map(flow).collect(),
        left_out: all.left_out,
        unseen: all
            .unseen
            .iter()
            .map(|(on, who)| Place { destination: Arc::clone(&on.name), name: Arc::clone(&who.name) })
            .collect(),
    }
}

fn flow(of: &Conversation<'_>) -> Flow {
    let on = |party: &Party<'_>| match party {
        Party::Container(destination, _) | Party::Stranger(destination) => {
            Some(Arc::clone(&destination.name))
        }
        Party::Host | Party::Outside => None,
    };
    Flow {
        source: of.source.name().into(),
        source_destination: on(&of.source),
        target: of.target.name().into(),
        target_destination: on(&of.target),
        protocol: "tcp",
        port: of.port,
        way: of.way,
        by: of.by.map(|(address, port)| std::net::SocketAddr::new(address, port)),
        connections: of.connections,
    }
}
