//! The picture of what there is: destinations, containers, names.
//!
//! Pure: [`build`] turns what the Engine said ([`seen`]) into an [`Inventory`], an immutable value
//! that every other room reads. Nothing here asks anybody anything. Names, labels and addresses come
//! from strangers: they are data, bounded in length when they enter ([`seen::bounded`]).

mod absent;
pub mod build;
mod claims;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
pub mod ids;
pub mod model;
pub mod names;
mod origin;
pub mod part;
pub mod pools;
pub mod proxy;
pub mod routes;
pub mod seen;
pub mod select;
mod subnet;
pub mod swarm;
pub mod told;
mod upstream;
pub mod workload;

pub use ids::{ContainerId, NetworkId};
pub use model::*;
pub use names::normal;
pub use part::part;
pub use pools::AddressPools;
pub use routes::{Proxy, Route, Routes};
pub use swarm::{Overlay, Swarm};
pub use upstream::{HostFile, HostFiles, HostServers, Upstream};
