//! What the exporter answers over HTTP.
//!
//! Handlers read the latest [`Verdict`](crate::diagnosis::Verdict); [`actions`] alone make work. What must never
//! happen here: a call to the Engine, a wait for a probe, text of a stranger in a page unescaped, or a cost
//! that grows with those who ask ([`server`] bounds their connections, `press` what they read).
//! The caller brings the listener and says when to stop ([`serve`]), so tests bring their own.

pub mod actions;
pub mod admission;
pub mod diagnostics;
pub mod error;
mod events;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod guests;
pub mod gzip;
pub mod html;
pub mod pages;
mod press;
mod reader;
mod request;
mod round;
pub mod server;
mod topology;
mod trust;

pub use actions::{Actions, Reload};
pub use error::Refusal;
pub use pages::{App, router};
pub use server::{Caller, Limits, serve};
pub use trust::Trust;
