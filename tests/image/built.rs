//! The image, built by the Dockerfile in what this machine has.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use lab::{Error, Lab, Result};

/// What an Engine adds to every container's file system.
pub const MADE_BY_THE_ENGINE: [&str; 6] =
    [".dockerenv", "dev/console", "etc/hostname", "etc/hosts", "etc/mtab", "etc/resolv.conf"];

/// Builds it; gives its name.
pub fn build(lab: &Lab) -> Result<String> {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let base = lab.build_image(project)?;
    let name = "destination-exporter";
    let (build, certificates) = (format!("BUILD_IMAGE={base}"), format!("CERTIFICATES_IMAGE={base}"));
    let arguments =
        ["--build-arg", &build, "--build-arg", &certificates, "--build-arg", "REVISION=of-this-test"];
    let mut client = lab.client();
    client.args(["build", "--quiet", "--network", "none", "--tag", name]).args(arguments).arg(project);
    lab::run(&mut client)?;
    Ok(name.to_owned())
}

/// The paths in it.
pub fn files(lab: &Lab, image: &str) -> Result<Vec<String>> {
    let container = lab.docker(&["create", image])?;
    let mut export = lab
        .client()
        .args(["export", &container])
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|e| Error::io("exporting the image", e))?;
    let archive = export.stdout.take().ok_or_else(|| Error::new("the export came without an output"))?;
    let listed = lab::run(Command::new("tar").arg("-t").stdin(archive));
    export.wait().map_err(|e| Error::io("waiting for the export", e))?;
    lab.docker(&["rm", &container])?;
    let mut files: Vec<String> = listed?.lines().map(str::to_owned).collect();
    files.sort();
    Ok(files)
}

/// The machine's static busybox.
pub fn busybox() -> Result<PathBuf> {
    let found = lab::run(Command::new("sh").args(["-c", "command -v busybox"]).stdin(Stdio::null()))?;
    Ok(PathBuf::from(found.trim()))
}
