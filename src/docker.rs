//! The only room that speaks to the Engine.
//!
//! It reads and never writes: every request is a GET. Each has a deadline of ours around it, since
//! the client's own covers the headers alone, and reads no more than its allowance; one odd container never
//! costs the list; and what comes back is translated at once into the plain values of
//! [`crate::inventory::seen`], bounded in length.

mod addresses;
mod allowance;
mod counters;
mod cut;
mod engine;
mod entries;
mod environment;
mod error;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod ghosts;
mod host_files;
mod lenient;
mod pools;
mod resolv_conf;
mod swarm;
mod told;
mod translate;
mod uninspected;
mod wire;

#[cfg(test)]
mod tests;

pub use engine::{Change, Engine, Request, now};
pub use error::{EngineError, REASONS};
