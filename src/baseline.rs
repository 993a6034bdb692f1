//! What a host's networks are configured to be, as a file that outlives them, and what of it another moment or another
//! host has otherwise.
//!
//! Two listings go in and a list of differences comes out, all of them values: nothing is probed and nothing is judged.
//! What is different whenever containers are made anew (addresses, ids) is kept apart from what somebody would miss.

mod compare;
mod difference;
mod drift;
mod model;
mod read;
mod take;
mod text;
mod walk;

#[cfg(test)]
mod tests;

pub use compare::compare;
pub use difference::{Change, Comparison, Difference, Kind};
pub use drift::{Drift, Drifted};
pub use model::{Baseline, Network, Node, Proxy, Published, Route, Server, Subnet, Workload};
pub use read::{MOST_BYTES, read, read_bytes, too_large};
pub use take::take;
pub use text::{text, words};
