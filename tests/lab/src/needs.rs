//! What the machine must have before a lab can start. A lack is an error that says what to do, never a skipped test.

use std::env;
use std::ffi::OsString;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use crate::error::{Error, Result};

const PROGRAMS: &[&str] = &[
    "busybox",
    "docker",
    "dockerd",
    "hostname",
    "ip",
    "iptables",
    "ldd",
    "mount",
    "mountpoint",
    "nsenter",
    "tar",
    "unshare",
];

const SYSTEM_FOLDERS: &[&str] = &["/usr/local/sbin", "/usr/sbin", "/sbin"];

pub fn check() -> Result<()> {
    // /proc/self belongs to the effective user.
    let user = std::fs::metadata("/proc/self").map_err(|e| Error::io("reading /proc/self", e))?.uid();
    if user != 0 {
        return Err(Error::new(format!(
            "a lab makes namespaces and runs dockerd, which takes root; this is user {user}. Run the tests as root: \
             sudo make test"
        )));
    }
    let missing: Vec<&str> = PROGRAMS.iter().copied().filter(|program| find(program).is_none()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Error::new(format!(
        "a lab needs {}, which this machine lacks. Install with: make deps",
        missing.join(", ")
    )))
}

/// The caller's `PATH` and the folders of system programs, which `su` and cron leave out of it.
pub fn path() -> OsString {
    env::join_paths(folders()).unwrap_or_else(|_| env::var_os("PATH").unwrap_or_default())
}

pub fn find(program: &str) -> Option<PathBuf> {
    folders().map(|folder| folder.join(program)).find(|path| path.is_file())
}

fn folders() -> impl Iterator<Item = PathBuf> {
    let own: Vec<PathBuf> = env::split_paths(&env::var_os("PATH").unwrap_or_default()).collect();
    own.into_iter().chain(SYSTEM_FOLDERS.iter().map(PathBuf::from))
}
