//! Which Engine a lab runs: the machine's own, the one of another Debian release, or Podman's service.
//!
//! Another release's programs and settings (`/usr`, `/etc`) are laid over the machine's, read-only and in the lab's
//! mount namespace alone. Everything else keeps its path, so that a lab of any kind is used in the same way.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::{Error, Result, text_of};
use crate::{Lab, needs};

/// Starts Podman's service in place of the shell that runs this.
const PODMAN: &str = include_str!("podman.sh");

/// What answers in a lab.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Engine {
    /// The folder whose `usr` and `etc` are the lab's; the machine's where there is none.
    root: Option<PathBuf>,
    is_podman: bool,
}

impl Engine {
    /// The machine's own `dockerd`.
    #[must_use]
    pub fn of_machine() -> Self {
        Self::default()
    }

    /// Docker as a Debian release ships it; fetched where `project` does not have it yet.
    pub fn docker_of(project: &Path, suite: &str) -> Result<Self> {
        Ok(Self { root: Some(fetched(project, suite)?), is_podman: false })
    }

    /// Podman as a Debian release ships it, likewise.
    pub fn podman_of(project: &Path, suite: &str) -> Result<Self> {
        Ok(Self { root: Some(fetched(project, &format!("{suite}-podman"))?), is_podman: true })
    }

    /// Whether it is Podman's service.
    #[must_use]
    pub fn is_podman(&self) -> bool {
        self.is_podman
    }

    /// What `dockerd --version` says on this machine.
    pub fn version_of_machine() -> Result<String> {
        text_of(Command::new("dockerd").arg("--version").env("PATH", needs::path()))
    }

    /// What is laid over the machine's own file system; empty for nothing.
    pub(crate) fn root(&self) -> OsString {
        self.root.clone().unwrap_or_default().into()
    }

    /// The command that runs the daemon of the lab `name` in its `folder`.
    pub(crate) fn daemon(&self, name: &str, folder: &Path) -> Vec<OsString> {
        let at = |file: &str| OsString::from(folder.join(file));
        if self.is_podman {
            let shell = ["sh", "-euc", PODMAN, "podman"].map(OsString::from);
            return shell.into_iter().chain([folder.into(), name.into()]).collect();
        }
        let mut socket = OsString::from("unix://");
        socket.push(at("docker.sock"));
        let parent = format!("/{name}");
        vec![
            "dockerd".into(),
            "--config-file".into(),
            at("daemon.json"),
            "-H".into(),
            socket,
            "-H".into(),
            "unix:///run/docker.sock".into(),
            "--data-root".into(),
            at("data"),
            "--exec-root".into(),
            at("exec"),
            "--exec-opt".into(),
            "native.cgroupdriver=cgroupfs".into(),
            "--cgroup-parent".into(),
            parent.into(),
        ]
    }

    /// The Docker client that belongs to the lab's Engine: an older one is refused by a newer Engine.
    pub(crate) fn client(&self, lab: &Lab) -> Command {
        if self.root.is_some() { lab.on_host("docker") } else { Command::new("docker") }
    }
}

/// The folder that `scripts/get-engine-root.sh` makes.
fn fetched(project: &Path, name: &str) -> Result<PathBuf> {
    let script = project.join("scripts/get-engine-root.sh");
    text_of(Command::new(script).arg(name).stdin(Stdio::null()))?;
    let root = project.join("target/lab").join(format!("engine-{name}"));
    root.canonicalize().map_err(|e| Error::io(&format!("looking for {}", root.display()), e))
}
