//! What the Engine tells that has happened, as plain values.
//!
//! A listing is the truth; this says what came before what. As in [`super::seen`], every text is a stranger's, and
//! [bounded](super::seen::bounded).

use std::time::SystemTime;

use super::model::Health;

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// By the Engine's clock; `None` where it does not say.
    pub at: Option<SystemTime>,
    /// What was done.
    pub deed: Deed,
    /// The container's id, where one is concerned.
    pub container: Option<String>,
    /// The network's id, where one is concerned.
    pub network: Option<String>,
}

/// What was done to a container, or to a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// It was started.
    Started,
    /// It was sent a signal by which one is asked, or made, to end.
    Signalled(&'static str),
    /// A process of it ended for want of memory.
    OutOfMemory,
    /// It ended.
    Died {
        /// With this code, where the Engine says.
        exit_code: Option<i64>,
    },
    /// It was removed.
    Destroyed,
    /// It was frozen.
    Paused,
    /// And goes on.
    Unpaused,
    /// Its own check says otherwise than before.
    Checked(Health),
    /// It has another name.
    Renamed {
        /// The one before.
        from: String,
    },
    /// It was given a place on the network.
    Connected,
    /// It lost its place on the network.
    Disconnected,
    /// The network was made.
    NetworkCreated,
    /// The network was removed.
    NetworkRemoved,
}
