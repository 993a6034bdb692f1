//! What is known now: the [`Snapshot`] that every reader sees, and the [`Recorder`] that makes it.
//!
//! The snapshot is an immutable value behind an `Arc` that is swapped whole: readers never lock and
//! never see half a change. The recorder is its only writer.

pub mod forecast;
mod growth;
pub mod histogram;
pub mod recorder;
mod restarts;
pub mod snapshot;

pub use forecast::Forecast;
pub use growth::{Forecasts, Growth};
pub use histogram::Histogram;
pub use recorder::Recorder;
pub use restarts::Restarts;
pub use snapshot::*;
