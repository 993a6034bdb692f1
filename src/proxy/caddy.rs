//! The labels of caddy-docker-proxy.

use std::collections::BTreeMap;

use super::Labels;

/// Reads a container's labels.
pub fn read(_labels: &BTreeMap<String, String>) -> Labels {
    Labels::default()
}
