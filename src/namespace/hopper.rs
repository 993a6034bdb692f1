//! The thread that enters namespaces.

use crate::inventory::WayIn;
use crate::outcome::Blindness;

use super::inside::Inside;

/// Where a socket is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Vantage {
    /// The exporter's own network namespace (the host's, where it runs on the host).
    Own,
    /// A container's.
    Container(WayIn),
}

/// Why a visit could not take place.
#[derive(Debug, thiserror::Error)]
#[error("{detail}")]
pub struct HopError {
    /// The bounded class, for labels.
    pub blindness: Blindness,
    /// What was tried and what the kernel said, for a person.
    pub detail: String,
}

/// A handle on the thread; cheap to clone.
#[derive(Clone, Debug)]
pub struct Hopper {}

impl Hopper {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the thread cannot be started or its own namespace cannot be opened.
    pub fn start() -> std::io::Result<Self> {
        todo!()
    }

    /// Enters `vantage`, runs `job` there, and comes back with what it made.
    ///
    /// The job must be short and must not block: everyone waits for this one thread. A panic in it
    /// is caught and comes back as [`Blindness::Resources`].
    ///
    /// # Errors
    /// When the namespace is gone, is not a namespace, or may not be entered.
    pub async fn hop<T: Send + 'static>(
        &self,
        vantage: &Vantage,
        job: impl FnOnce(&Inside) -> T + Send + 'static,
    ) -> Result<T, HopError> {
        let _ = (vantage, job);
        todo!()
    }
}
