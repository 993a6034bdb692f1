//! What comes into the loop: from the Engine, from namespaces, from people.

use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::oneshot;

use crate::baseline::Baseline;
use crate::config::Config;
use crate::docker::Request;
use crate::inventory::ContainerId;
use crate::inventory::seen::Seen;
use crate::inventory::told::Told;
use crate::namespace::HopError;
use crate::namespace::procnet::Home;
use crate::netstack::{Inner, Interface};
use crate::outcome::{ProbeKind, Run};
use crate::schedule::Identity;

/// What comes in.
#[derive(Debug)]
pub enum Message {
    /// A complete listing, asked for at this moment.
    Listed {
        /// What there is.
        seen: Arc<Seen>,
        /// When it was asked for.
        asked_at: SystemTime,
    },
    /// The Engine gave the sign of life that it was asked for at this moment.
    Alive {
        /// When.
        asked_at: SystemTime,
    },
    /// The Engine did not answer, and why.
    Lost(String),
    /// The Engine's stream of events broke, which may be all that is seen of a restart.
    Broke {
        /// When.
        at: SystemTime,
    },
    /// An event touched these containers (ids) and networks (ids or names): probe them at once.
    Touched {
        /// The ids and names.
        names: Vec<String>,
        /// When the event was heard.
        at: SystemTime,
    },
    /// Something happened, by the Engine's word.
    Told(Box<Told>),
    /// A request to the Engine was made.
    Asked(Request),
    /// A visit ended.
    Ran {
        /// Of which errand.
        identity: Identity,
        /// Where it looked from; `None`: the host.
        container: Option<ContainerId>,
        /// What it saw.
        runs: Vec<Run>,
    },
    /// A namespace was looked at.
    Looked {
        /// Whose.
        container: ContainerId,
        /// What it told.
        seen: Result<Inner, HopError>,
        /// The resolver's drops and the connections were asked for.
        sockets_too: bool,
    },
    /// The Engine told what a container's interfaces counted; none where it could not.
    Metered(ContainerId, Vec<Interface>),
    /// The exporter's own namespace has this.
    Home(Box<Home>),
    /// Someone wants a round now, of all destinations or of one.
    RunNow(Option<Arc<str>>),
    /// Someone wants to see one planned probe now, and waits for the answer.
    ProbeNow(Wanted, oneshot::Sender<Vec<Run>>),
    /// The snapshot that the operator approved was read, or could not be.
    Approved {
        /// The file, as the configuration names it.
        file: Arc<str>,
        /// What shows all that is otherwise than in it.
        command: Arc<str>,
        /// What it says, or why it cannot be read, and what to do.
        read: Result<Arc<Baseline>, String>,
    },
    /// A new configuration, or that there was one that could not be taken.
    Configured(Result<Arc<Config>, ()>),
}

/// Which planned probes are wanted.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The destination's label value.
    pub destination: String,
    /// The kind.
    pub kind: ProbeKind,
    /// Endpoint name of the vantage.
    pub source: String,
    /// Endpoint name of the target.
    pub target: String,
}
