//! `make soak`: half an hour of all that happens to a host, and whether every promise held.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use lab::{Error, Result, soak};

const USAGE: &str = "usage: soak EXPORTER SECONDS [--write] (make soak calls it); 60 seconds at least";

fn main() -> ExitCode {
    match options().and_then(|options| soak::run(&options)) {
        Ok(rows) if rows.iter().all(|row| row.holds) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("soak: {error}");
            ExitCode::FAILURE
        }
    }
}

fn options() -> Result<soak::Options> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (exporter, seconds, page) = match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [exporter, seconds] => (exporter, seconds, None),
        [exporter, seconds, "--write"] => (exporter, seconds, Some(soak::page())),
        _ => return Err(Error::new(USAGE)),
    };
    let exporter =
        PathBuf::from(exporter).canonicalize().map_err(|e| Error::io("finding the exporter", e))?;
    let seconds = seconds.parse().ok().filter(|seconds| *seconds >= 60);
    let length = Duration::from_secs(seconds.ok_or_else(|| Error::new(USAGE))?);
    Ok(soak::Options { exporter, length, page })
}
