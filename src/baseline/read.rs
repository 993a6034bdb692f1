//! From a file to the value: a stranger's, cut off, of another version, or changed by hand.

use serde::Deserialize;

use super::model::{Baseline, FORMAT, VERSION};

/// No host has so much to say.
pub const MOST_BYTES: u64 = 64 << 20;

/// What every version of the format begins with.
#[derive(Deserialize)]
struct Head {
    format: Option<String>,
    version: Option<u64>,
}

/// # Errors
/// What is wrong with the file, and where.
pub fn read(text: &str) -> Result<Baseline, String> {
    if text.trim_start_matches('\u{feff}').trim().is_empty() {
        return Err("the file is empty".to_owned());
    }
    let head: Head = serde_json::from_str(text).map_err(|error| broken(&error))?;
    if head.format.as_deref() != Some(FORMAT) {
        return Err(format!(
            "this is no snapshot of destination-exporter: its field \"format\" is not {FORMAT:?} (destination-exporter snapshot writes one)"
        ));
    }
    match head.version {
        Some(version) if version == u64::from(VERSION) => {}
        Some(version) if version > u64::from(VERSION) => {
            return Err(format!(
                "the snapshot is of format {version}, and this version reads {VERSION}: compare it with the version that wrote it, or a later one"
            ));
        }
        _ => return Err("the snapshot does not say of which version its format is".to_owned()),
    }
    serde_json::from_str(text).map_err(|error| broken(&error))
}

fn broken(error: &serde_json::Error) -> String {
    if error.is_eof() {
        format!("the file is cut off: it ends at line {}, in the middle of the snapshot", error.line())
    } else {
        format!("the file cannot be read: {error}")
    }
}
