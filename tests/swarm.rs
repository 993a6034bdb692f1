//! Swarms of real Engines on one wire, an exporter on each node: what is between nodes is tried from every side, and what
//! breaks there is one finding on each side that sees it.
//!
//! The nodes share this machine's kernel. What it may or may not have (ESP, IPVS) is taken away besides, so that the
//! faults are the same everywhere.

#[path = "swarm/addresses.rs"]
mod addresses;
#[path = "swarm/deploys.rs"]
mod deploys;
#[path = "swarm/managers.rs"]
mod managers;
#[path = "swarm/moving.rs"]
mod moving;
#[path = "swarm/names.rs"]
mod names;
#[path = "swarm/packets.rs"]
mod packets;
#[path = "swarm/services.rs"]
mod services;
#[path = "swarm/town.rs"]
mod town;
