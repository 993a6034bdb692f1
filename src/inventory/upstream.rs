//! Name servers beyond the Engine: those that a container's queries are passed on to, and those that the host asks.
//!
//! The Engine takes the host's when a container starts, and never again while it runs.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::SystemTime;

/// The files of the host that an Engine takes name servers from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HostFile {
    /// Everybody's.
    Own,
    /// Where systemd-resolved writes whom it asks itself.
    Systemd,
}

impl HostFile {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Own, Self::Systemd];

    /// Where it is.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Own => "/etc/resolv.conf",
            Self::Systemd => "/run/systemd/resolve/resolv.conf",
        }
    }
}

/// The servers that a container was given from one of the host's files; nothing for one that somebody chose others for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// In order.
    pub servers: Vec<IpAddr>,
    /// Where they were taken from.
    pub file: HostFile,
    /// The Engine's resolver asks them from the host: there a loopback address leads somewhere. Else the container asks
    /// them itself, and was given no such address.
    pub by_engine: bool,
}

/// What one of the host's files says now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostServers {
    /// In order.
    pub servers: Vec<IpAddr>,
    /// When the file was last written.
    pub changed_at: SystemTime,
}

/// The host's files, as far as they are seen.
pub type HostFiles = BTreeMap<HostFile, HostServers>;

impl Upstream {
    /// Of a list of the host's, the servers that a container would be given of its kind.
    pub fn of_list(&self, servers: &[IpAddr]) -> Vec<IpAddr> {
        // IPv6 servers are given to containers that have it, and that is another matter.
        let is_given = |server: &&IpAddr| self.by_engine || (server.is_ipv4() && !server.is_loopback());
        servers.iter().filter(is_given).copied().collect()
    }

    /// Whether the host has servers by now, and the container knows of none of them: one that it still asks is no server
    /// of the past.
    pub fn lacks(&self, servers: &[IpAddr]) -> bool {
        let given = self.of_list(servers);
        !given.is_empty() && !given.iter().any(|server| self.servers.contains(server))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_still_asks_one_of_the_hosts_is_not_of_the_past() {
        let ip = |text: &str| text.parse::<IpAddr>().expect("an address");
        let upstream = Upstream { servers: vec![ip("10.0.0.2")], file: HostFile::Own, by_engine: false };
        for (now, lacks) in [
            (&["10.0.0.2"][..], false),
            (&["10.0.0.2", "10.0.0.3"], false),
            (&["10.0.0.3"], true),
            (&["10.0.0.3", "10.0.0.4"], true),
            (&[], false),
            // A container that asks for itself is given no such address.
            (&["127.0.0.53"], false),
        ] {
            let now: Vec<IpAddr> = now.iter().map(|text| ip(text)).collect();
            assert_eq!(upstream.lacks(&now), lacks, "{now:?}");
        }
    }
}
