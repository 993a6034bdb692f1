//! The only room that enters a network namespace.
//!
//! A socket belongs to the namespace in which it was *created*, whoever uses it later. So one
//! dedicated thread, the [`Hopper`], enters a namespace, makes the sockets that a visit needs there,
//! and hands the descriptors out; the runtime's own threads never change namespace. Only network
//! namespaces are entered: never mount, PID or user.
//!
//! [`Inside`] is the proof of being there, and the only way to make a socket in this program: a
//! socket made elsewhere would silently measure the exporter's own network (`clippy.toml` forbids it).
//!
//! Namespaces are opened anew at each visit (about 2 µs) and never held: a held descriptor keeps a
//! dead container's network alive.

pub mod connections;
mod firewall;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
pub mod hopper;
mod host;
pub mod inside;
pub mod links;
pub mod listeners;
pub mod mounts;
mod netlink;
pub mod open;
pub mod ports;
pub mod privileges;
pub mod procnet;
#[cfg(test)]
mod scratch;
pub mod sockets;
#[allow(unsafe_code)]
pub mod sys;

pub use hopper::{HopError, Hopper, Vantage};
pub use inside::{IcmpKind, IcmpSocket, Inside};
