//! From a container's way in to an open namespace that is surely its own.
//!
//! The Engine's bind mount (`/var/run/docker/netns/<id>`) needs `CAP_SYS_ADMIN` alone; the process's
//! entry in `/proc` needs `CAP_SYS_PTRACE` and the host's PID namespace too. So the mount comes
//! first, and is enough: its name is random and never used twice, while process ids are reused, and
//! are other processes' where the exporter has a PID namespace of its own.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::fstatfs;
use rustix::thread::{CapabilitySet, capabilities};

use crate::inventory::WayIn;
use crate::outcome::Blindness;

use super::hopper::HopError;
use super::mounts::{self, View};

/// `NSFS_MAGIC` of `linux/magic.h`: the file system of namespaces.
const NSFS_MAGIC: u64 = 0x6e73_6673;

/// Opens the network namespace that `way` leads to.
///
/// # Errors
/// When no way is there, it may not be taken, or it leads somewhere else.
pub fn open(way: &WayIn) -> Result<File, HopError> {
    let by_process = way.pid.map(|pid| PathBuf::from(format!("/proc/{pid}/ns/net")));
    // The Engine names an empty sandbox where the container uses another's network.
    let sandbox = way.sandbox.as_deref().filter(|path| !path.as_os_str().is_empty());
    let mounted = match sandbox.map(open_checked) {
        Some(Ok(mount)) => return Ok(mount),
        // It is gone: whoever has its process's id by now is somebody else.
        Some(Err(error)) if error.blindness == Blindness::Vanished => return Err(error),
        Some(Err(error)) => Some(error),
        None => None,
    };
    match (mounted, by_process.as_deref().map(open_of_process)) {
        (_, Some(Ok(file))) => Ok(file),
        (Some(mount), Some(Err(entry))) => Err(worse(mount, entry)),
        (Some(error), None) | (None, Some(Err(error))) => Err(error),
        (None, None) => Err(HopError {
            blindness: Blindness::NoNamespace,
            detail: "the Engine names neither a sandbox nor a process of the container".into(),
        }),
    }
}

/// Of two refusals the one that the operator can act on.
fn worse(mount: HopError, entry: HopError) -> HopError {
    HopError { blindness: mount.blindness, detail: format!("{}; {}", mount.detail, entry.detail) }
}

/// Ids of processes are used again: one that leads to the exporter's own namespace is no container's.
fn open_of_process(path: &Path) -> Result<File, HopError> {
    let file = open_checked(path)?;
    let inode = |file: &File| rustix::fs::fstat(file).map(|stat| (stat.st_dev, stat.st_ino));
    let own = File::open("/proc/self/ns/net").map_err(|error| refused(path, &error))?;
    if inode(&file).is_ok_and(|inode_of| inode(&own).is_ok_and(|own| own == inode_of)) {
        let detail = format!("{} is the exporter's own namespace: the container ended", path.display());
        return Err(HopError { blindness: Blindness::Vanished, detail });
    }
    Ok(file)
}

fn open_checked(path: &Path) -> Result<File, HopError> {
    let refused = |error: &io::Error| refused(path, error);
    // Non-blocking: at a pipe in this place the thread would wait for a writer for ever.
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(path)
        .map_err(|error| refused(&error))?;
    let stat = fstatfs(&file).map_err(|error| refused(&error.into()))?;
    if u64::try_from(stat.f_type).ok() == Some(NSFS_MAGIC) {
        return Ok(file);
    }
    Err(no_namespace(path))
}

/// What the kernel said of opening `path`, and what that means.
fn refused(path: &Path, error: &io::Error) -> HopError {
    let said = format!("open {}: {error}", path.display());
    let folder = path.parent().unwrap_or(path);
    match blindness_of(error) {
        // A container that ended leaves the folder. Where the folder is missing no container was ever seen.
        Blindness::Vanished if !path.starts_with("/proc") && !folder.exists() => HopError {
            blindness: Blindness::NoNamespace,
            detail: format!(
                "{0} is not there: the Engine's folder of namespaces is not mounted (-v {0}:{0}:ro,rslave)",
                folder.display()
            ),
        },
        // Among others it is missed; where there is none at all, this may be another folder than the Engine's.
        Blindness::Vanished if !path.starts_with("/proc") && mounts::look(folder) != Some(View::Live) => {
            HopError {
                blindness: Blindness::NoNamespace,
                detail: format!(
                    "{said}: the container ended, or {} does not show the Engine's mounts (mount it ro,rslave)",
                    folder.display()
                ),
            }
        }
        Blindness::NoPrivilege if path.starts_with("/proc") => HopError {
            blindness: Blindness::NoPrivilege,
            detail: format!("{said}: CAP_SYS_PTRACE is missing"),
        },
        Blindness::NoPrivilege if !may_read() => HopError {
            blindness: Blindness::NoPrivilege,
            detail: format!("{said}: CAP_DAC_READ_SEARCH is missing"),
        },
        blindness => HopError { blindness, detail: said },
    }
}

/// Whether rights of files are no obstacle to this thread. What forbids it then is a profile or a mount.
fn may_read() -> bool {
    let any = CapabilitySet::DAC_READ_SEARCH | CapabilitySet::DAC_OVERRIDE;
    capabilities(None).is_ok_and(|mine| mine.effective.intersects(any))
}

/// A plain file stands where a namespace was expected: it is left of one that ended, or it is all that
/// shows of one that is mounted elsewhere.
fn no_namespace(path: &Path) -> HopError {
    let folder = path.parent().unwrap_or(path);
    let (blindness, why) = match mounts::look(folder) {
        Some(View::Frozen) => (Blindness::NoNamespace, mounts::frozen_words(folder)),
        Some(View::Live) => (Blindness::Vanished, "the container ended".to_owned()),
        Some(View::Empty) | None => (
            Blindness::NoNamespace,
            format!(
                "the container ended, or {} does not show the Engine's mounts (mount it ro,rslave)",
                folder.display()
            ),
        ),
    };
    HopError { blindness, detail: format!("{} is no namespace: {why}", path.display()) }
}

/// The bounded class of an error of opening or entering.
pub(super) fn blindness_of(error: &io::Error) -> Blindness {
    match error.raw_os_error() {
        Some(libc::EPERM | libc::EACCES) => Blindness::NoPrivilege,
        Some(libc::ENOENT | libc::ESRCH) => Blindness::Vanished,
        Some(libc::EINVAL) => Blindness::NoNamespace,
        _ => Blindness::Resources,
    }
}

#[cfg(test)]
mod tests {
    use rustix::fs::fstat;

    use super::super::scratch::{Resident, Scratch};
    use super::*;

    fn inode(file: &File) -> Option<(u64, u64)> {
        fstat(file).ok().map(|stat| (stat.st_dev, stat.st_ino))
    }

    fn way(sandbox: Option<&str>, pid: Option<u32>) -> WayIn {
        WayIn { sandbox: sandbox.map(PathBuf::from), pid }
    }

    #[test]
    fn a_process_leads_to_its_namespace_and_never_to_the_exporters_own() {
        let resident = Resident::new();
        let file = open(&way(None, Some(resident.pid()))).expect("there");
        let theirs = File::open(format!("/proc/{}/ns/net", resident.pid())).expect("there");
        assert_eq!(inode(&file), inode(&theirs));
        let error = open(&way(None, Some(std::process::id()))).expect_err("refused");
        assert_eq!(error.blindness, Blindness::Vanished);
        assert!(error.detail.contains("own namespace"), "{error}");
    }

    #[test]
    fn one_way_is_enough() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let resident = Resident::new();
        let process = Some(resident.pid());
        let here = Some("/proc/self/ns/net");
        // The last: an exporter that does not see the server's processes.
        let ways = [
            way(here, None),
            way(Some(""), process),
            way(file.path().to_str(), process),
            way(here, Some(u32::MAX)),
        ];
        for way in ways {
            assert!(open(&way).is_ok(), "{way:?}");
        }
    }

    #[test]
    fn a_plain_file_is_no_namespace() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let error = open(&way(file.path().to_str(), None)).expect_err("refused");
        assert_eq!(error.blindness, Blindness::NoNamespace);
        assert!(error.detail.contains("rslave"), "{error}");
    }

    #[test]
    fn what_is_gone_has_vanished() {
        let _other = Scratch::new();
        let error = open(&way(Some("/run/netns/gone"), None)).expect_err("refused");
        assert_eq!(error.blindness, Blindness::Vanished);
        // Whoever has its process's id by now is somebody else.
        let resident = Resident::new();
        let error = open(&way(Some("/run/netns/gone"), Some(resident.pid()))).expect_err("refused");
        assert_eq!(error.blindness, Blindness::Vanished);
        let empty = tempfile::tempdir().expect("a folder");
        let error = open(&way(empty.path().join("x").to_str(), None)).expect_err("refused");
        assert_eq!(error.blindness, Blindness::NoNamespace, "{error}");
        assert_eq!(open(&way(None, None)).expect_err("refused").blindness, Blindness::NoNamespace);
    }

    #[test]
    fn a_folder_that_is_not_there_is_no_container_that_ended() {
        let error = open(&way(Some("/nonexistent/netns/x"), None)).expect_err("refused");
        assert_eq!(error.blindness, Blindness::NoNamespace);
        assert!(error.detail.contains("-v /nonexistent/netns:/nonexistent/netns:ro,rslave"), "{error}");
        // Without the host's processes the second way is none: that hides nothing of the first.
        let error = open(&way(Some("/nonexistent/netns/x"), Some(u32::MAX))).expect_err("refused");
        assert_eq!(error.blindness, Blindness::NoNamespace);
    }

    #[test]
    fn what_is_left_of_a_namespace_among_others_has_vanished() {
        let _other = Scratch::new();
        let left = tempfile::NamedTempFile::new_in("/run/netns").expect("a file beside the mounts");
        let error = open(&way(left.path().to_str(), None)).expect_err("refused");
        assert_eq!(error.blindness, Blindness::Vanished, "{error}");
    }

    #[test]
    fn the_mount_goes_before_the_process() {
        // A mount of another namespace of this file system stands for the container's.
        let file = open(&way(Some("/proc/self/ns/uts"), Some(std::process::id()))).expect("opened");
        let mount = File::open("/proc/self/ns/uts").expect("there");
        assert_eq!(inode(&file), inode(&mount));
    }
}
