//! The telephone of whoever is on call: notifications come to this terminal.

use std::env;
use std::net::SocketAddr;
use std::process::{Child, Stdio};

use lab::{Error, Lab, Result};

/// Where notifications go on the lab's host.
const SINK: &str = "127.0.0.1:9099";

/// The same, as an address.
pub fn sink() -> Result<SocketAddr> {
    SINK.parse().map_err(|_| Error::new("no address for notifications"))
}

/// This program again, on the lab's host, where Alertmanager reaches it.
pub struct Telephone(Child);

impl Telephone {
    pub fn connect(lab: &Lab) -> Result<Self> {
        let myself = env::current_exe().map_err(|e| Error::io("looking for this program", e))?;
        let mut command = lab.on_host(&myself.to_string_lossy());
        let child = command.args(["sink", SINK]).stdin(Stdio::null()).spawn();
        child.map(Self).map_err(|e| Error::io("starting to listen for notifications", e))
    }
}

impl Drop for Telephone {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}
