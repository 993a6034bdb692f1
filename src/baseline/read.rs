//! From a file to the value: a stranger's, cut off, of another version, or changed by hand.

use std::collections::BTreeSet;

use crate::strangers::{LONGEST, bounded, printable};

use super::model::{Baseline, FORMAT, VERSION, Workload};
use super::walk::{Said, walk};

/// No host has so much to say.
pub const MOST_BYTES: u64 = 8 << 20;
/// Nor a list or a table of it.
pub(super) const MOST_OF_A_LIST: usize = 20_000;
/// No network has so many ranges.
const MOST_SUBNETS: usize = 100;

/// What is read is no snapshot, whatever is in it.
pub fn too_large() -> String {
    format!("larger than {} MiB: no snapshot is", MOST_BYTES >> 20)
}

/// As [`read`], of what nobody has looked at.
///
/// # Errors
/// As [`read`], and where there is too much of it, or it is no text.
pub fn read_bytes(bytes: Vec<u8>) -> Result<Baseline, String> {
    if bytes.len() as u64 > MOST_BYTES {
        return Err(too_large());
    }
    read(&String::from_utf8(bytes).map_err(|_| "the file is no UTF-8".to_owned())?)
}

/// # Errors
/// What is wrong with the file, and where.
pub fn read(text: &str) -> Result<Baseline, String> {
    let text = text.trim_start_matches('\u{feff}');
    if text.trim().is_empty() {
        return Err("the file is empty".to_owned());
    }
    let walked = walk(text).map_err(|error| broken(&error))?;
    if walked.format != Some(Said::Text(FORMAT.to_owned())) {
        return Err(format!(
            "this is no snapshot of destination-exporter: its field \"format\" is not {FORMAT:?} (destination-exporter snapshot writes one)"
        ));
    }
    match walked.version {
        Some(Said::Number(version)) if version == u64::from(VERSION) => {}
        Some(Said::Number(version)) if version > u64::from(VERSION) => {
            return Err(format!(
                "the snapshot is of format {version}, and this version reads {VERSION}: compare it with the version that wrote it, or a later one"
            ));
        }
        Some(Said::Number(version)) => {
            return Err(format!("there is no format {version} of snapshots: this version reads {VERSION}"));
        }
        Some(Said::Text(said)) => return Err(no_version(&format!("the text {}", shown(&said)))),
        Some(Said::Other(said)) => return Err(no_version(&said)),
        None => return Err("the snapshot does not say of which version its format is".to_owned()),
    }
    if walked.is_too_large {
        return Err(format!(
            "the file has a text of more than {LONGEST} bytes, or a list of more than {MOST_OF_A_LIST}: no snapshot has"
        ));
    }
    // From the text once more, now that no part of it is larger than it may be: of a file of that size a tree of all that is in it,
    // known or not, would be a hundred times as large.
    let mut read: Baseline = serde_json::from_str(text).map_err(|error| broken(&error))?;
    // A misspelt one is a setting that nobody holds against anything, and a later version may have others: that is said.
    let unknown = walked.unknown.iter().map(|field| {
        bounded(&format!("the snapshot's field {field}, which this version does not know")).to_owned()
    });
    read.unread.extend(unknown);
    for network in &read.networks {
        if let Some(name) = twice(network.workloads.iter().map(|of| &*of.name)) {
            return Err(format!("two workloads on the network {} are called {name}", shown(&network.name)));
        }
        // Each of them is named.
        let is_too_many = |of: &&Workload| {
            [of.running, of.stopped, of.detached].into_iter().any(|count| count > MOST_OF_A_LIST)
        };
        if let Some(of) = network.workloads.iter().find(is_too_many) {
            let (name, on) = (shown(&of.name), shown(&network.name));
            return Err(format!(
                "the workload {name} on the network {on} has more than {MOST_OF_A_LIST} containers: none has"
            ));
        }
        if network.subnets.len() > MOST_SUBNETS {
            return Err(format!("the network {} has more than {MOST_SUBNETS} subnets", shown(&network.name)));
        }
    }
    if let Some(name) = twice(read.networks.iter().map(|of| &*of.name)) {
        return Err(format!("two networks are called {name}"));
    }
    match twice(read.proxies.iter().map(|of| &*of.name)) {
        Some(name) => Err(format!("two proxies are called {name}")),
        None => Ok(read),
    }
}

/// What is said of the file is no longer than a person reads, whatever stands in it.
fn shown(text: &str) -> String {
    format!("`{}`", printable(bounded(text)))
}

fn twice<'a>(names: impl Iterator<Item = &'a str>) -> Option<String> {
    let mut known = BTreeSet::new();
    let mut names = names;
    names.find(|name| !known.insert(*name)).map(shown)
}

fn no_version(said: &str) -> String {
    format!(
        "the snapshot's field \"version\" is {said}; it is a whole number, and this version reads {VERSION}"
    )
}

fn broken(error: &serde_json::Error) -> String {
    if error.is_eof() {
        format!("it is cut off: the file ends at line {}, in the middle of the snapshot", error.line())
    } else {
        format!("it is not as a snapshot is written: {}", printable(bounded(&error.to_string())))
    }
}
