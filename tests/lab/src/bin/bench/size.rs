//! What is shipped, in bytes.

use std::fs;
use std::path::Path;

use lab::{Error, Lab, Result};

use crate::page::Row;
use crate::{Options, say};

const GOAL_MB: f64 = 12.0;
const DOCKERFILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../Dockerfile");
const CERTIFICATES: &str = "/etc/ssl/certs/ca-certificates.crt";

pub fn measure(options: &Options) -> Result<Vec<Row>> {
    say("the size of what is shipped");
    let shipped = &options.exporter;
    let bytes = fs::read(shipped).map_err(|e| Error::io("reading the shipped binary", e))?;
    if bytes.windows(SYMBOLS.len()).any(|name| name == SYMBOLS) {
        return Err(Error::new("the shipped binary has symbols"));
    }
    let row = |work: &str, bytes: f64| Row {
        work: work.to_owned(),
        goal: format!("≤ {GOAL_MB} MB"),
        figure: format!("**{:.1} MB**", bytes / 1e6),
        holds: bytes <= GOAL_MB * 1e6,
    };
    Ok(vec![
        row("the binary that ships: static, stripped", bytes.len() as f64),
        row("the image", image(shipped)?),
    ])
}

/// The name of the section with the symbols, between its neighbours' ends.
const SYMBOLS: &[u8] = b"\0.symtab\0";

/// The Dockerfile's last stage, of the binary that was built already.
fn image(shipped: &Path) -> Result<f64> {
    let lab = Lab::start()?;
    let file = fs::read_to_string(DOCKERFILE).map_err(|e| Error::io("reading the Dockerfile", e))?;
    let (_, last) = file
        .split_once("\nFROM scratch\n")
        .ok_or_else(|| Error::new("a Dockerfile without its last stage"))?;
    let folder = lab.folder().join("shipped");
    let made = || {
        fs::create_dir(&folder)?;
        fs::copy(shipped, folder.join("destination-exporter"))?;
        fs::copy(CERTIFICATES, folder.join("certificates"))?;
        let before = format!(
            "FROM scratch AS build\nCOPY destination-exporter /destination-exporter\n\
             FROM scratch AS certificates\nCOPY certificates {CERTIFICATES}\nFROM scratch\n"
        );
        fs::write(folder.join("Dockerfile"), before + last)
    };
    made().map_err(|e| Error::io("laying out the image", e))?;
    lab::run(lab.client().args(["build", "--quiet", "--network", "none", "--tag", "shipped"]).arg(&folder))?;
    let size = lab.docker(&["inspect", "-f", "{{.Size}}", "shipped"])?;
    size.parse().map_err(|_| Error::new(format!("an odd size: {size:?}")))
}
