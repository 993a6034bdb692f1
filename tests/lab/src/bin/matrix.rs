//! `make faults`, at its end: the table of faults, and a report of each code for the pages.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use lab::figures::{self, Machine};
use lab::matrix::Faults;
use lab::{Engine, Error, Result};

const USAGE: &str = "usage: matrix FOLDER (make faults calls it)";

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("matrix: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<bool> {
    let folder = std::env::args_os().nth(1).map(PathBuf::from).ok_or_else(|| Error::new(USAGE))?;
    let faults = Faults::read(&folder)?;
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let page = faults.page(&Machine::here()?.with(&[Engine::version_of_machine()?]));
    print!("{page}");
    figures::put(&docs.join("fault-matrix.md"), "make faults", &page)?;
    for (code, text) in faults.examples() {
        let to = docs.join("examples").join(format!("{code}.txt"));
        std::fs::write(&to, text).map_err(|e| Error::io("writing an example", e))?;
    }
    Ok(faults.is_right())
}
