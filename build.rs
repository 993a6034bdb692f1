//! Tells the build what it is: the commit and the compiler, for `--version` and `build_info`.

use std::env;
use std::path::Path;
use std::process::Command;

fn main() {
    // A build from an archive or an image has no repository: whoever builds says the commit.
    println!("cargo:rerun-if-env-changed=REVISION");
    println!("cargo:rerun-if-changed=build.rs");
    let said = env::var("REVISION").ok().filter(|said| !said.is_empty());
    let revision = said.or_else(commit).unwrap_or_else(|| "unknown".to_owned());
    println!("cargo:rustc-env=REVISION={revision}");

    let compiler = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = text_of(Command::new(compiler).arg("--version")).unwrap_or_default();
    let version = version.split(' ').nth(1).unwrap_or_default();
    println!("cargo:rustc-env=RUSTC_VERSION={version}");
    if is_shipped() {
        // Functions that are the same are there once, and relocations take a bit each (DT_RELR, glibc 2.36) instead of 24 bytes.
        for argument in ["-Wl,--icf=all", "-Wl,-z,pack-relative-relocs"] {
            println!("cargo:rustc-link-arg-bins={argument}");
        }
    }
}

/// The profile `dist`, which alone is built for size, where the compiler brings its own linker.
fn is_shipped() -> bool {
    let is = |name: &str, wanted: &str| env::var(name).is_ok_and(|value| value == wanted);
    is("OPT_LEVEL", "z") && is("TARGET", "x86_64-unknown-linux-gnu")
}

fn commit() -> Option<String> {
    // Unpacked inside somebody else's repository, that one's commit is not ours.
    let top = text_of(Command::new("git").args(["rev-parse", "--show-toplevel"]))?;
    if Path::new(&top).canonicalize().ok()?
        != Path::new(&env::var_os("CARGO_MANIFEST_DIR")?).canonicalize().ok()?
    {
        return None;
    }
    // `logs/HEAD` is written with every commit and switch; where it is missing nothing can be watched. A
    // build for work on the code may name an older commit: it is not built anew for each.
    let log = text_of(Command::new("git").args(["rev-parse", "--git-path", "logs/HEAD"]))?;
    if env::var("PROFILE").is_ok_and(|profile| profile == "release") && Path::new(&log).exists() {
        println!("cargo:rerun-if-changed={log}");
    }
    text_of(Command::new("git").args(["rev-parse", "--short=12", "HEAD"]))
}

fn text_of(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}
