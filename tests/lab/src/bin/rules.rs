//! `make rules`: writes the rule files of `alerts/` anew.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(folder) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("usage: rules FOLDER");
        return ExitCode::FAILURE;
    };
    for file in lab::rules::files() {
        let path = folder.join(file.name);
        if let Err(error) = fs::write(&path, file.render()) {
            eprintln!("{}: {error}", path.display());
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
