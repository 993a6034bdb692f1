//! Which network a container speaks of.

use std::collections::BTreeMap;

use crate::inventory::seen::{SeenEndpoint, SeenNetwork};

/// Finds the network that a container speaks of.
pub(super) struct Networks<'a> {
    podman: bool,
    by_id: BTreeMap<&'a str, &'a SeenNetwork>,
    /// Only names that are not shared: with two networks of one name, the name proves nothing.
    by_name: BTreeMap<&'a str, &'a SeenNetwork>,
}

impl<'a> Networks<'a> {
    pub(super) fn new(networks: &'a [SeenNetwork], podman: bool) -> Self {
        let mut by_name: BTreeMap<&str, Vec<&SeenNetwork>> = BTreeMap::new();
        for network in networks {
            by_name.entry(&network.name).or_default().push(network);
        }
        Self {
            podman,
            by_id: networks.iter().map(|n| (n.id.as_str(), n)).collect(),
            by_name: by_name
                .into_iter()
                .filter_map(|(name, all)| match *all {
                    [one] => Some((name, one)),
                    _ => None,
                })
                .collect(),
        }
    }

    /// By id, else by name: Podman writes the name where the id belongs, and a stopped container keeps
    /// the id of a network that was made anew since.
    pub(super) fn of_endpoint(&self, endpoint: &SeenEndpoint) -> Option<&'a SeenNetwork> {
        self.find(&endpoint.network_id).or_else(|| self.by_name.get(endpoint.network.as_str()).copied())
    }

    /// `HostConfig.NetworkMode`, which is a name, an id, or a word for the default bridge.
    pub(super) fn of_mode(&self, mode: &str) -> Option<&'a SeenNetwork> {
        match mode {
            "" | "host" | "none" => None,
            // Podman calls every network of bridges so: it says nothing.
            "bridge" if self.podman => None,
            "default" => self.by_name.get("bridge").copied(),
            mode => self.find(mode),
        }
    }

    fn find(&self, word: &str) -> Option<&'a SeenNetwork> {
        self.by_id.get(word).or_else(|| self.by_name.get(word)).copied()
    }
}
