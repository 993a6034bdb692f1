//! What the process may do, down to what it needs, before anything starts.
//!
//! Root on the server has every capability, and whatever speaks through a fault of this program would have them
//! too. So what is not needed goes at start, for good: from every set of capabilities, and with `no_new_privs` no
//! file gives any back. Capabilities are each thread's own and are handed on to those that it starts: this is for the
//! first thread, while it is alone. Nothing is ever asked for here that was not there.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;

use rustix::fs::{Access, access};
use rustix::io::Errno;
use rustix::process::geteuid;
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, clear_ambient_capability_set,
    remove_capability_from_bounding_set, set_capabilities, set_no_new_privs,
};

/// One that is kept, and why.
type Reason = (CapabilitySet, &'static str, &'static str);

const ENTER: Reason =
    (CapabilitySet::SYS_ADMIN, "CAP_SYS_ADMIN", "enters the network namespaces of containers");
const PROCESSES: Reason = (
    CapabilitySet::SYS_PTRACE,
    "CAP_SYS_PTRACE",
    "finds namespaces by the containers' processes where the Engine's folder of them is not seen",
);
const ECHO: Reason = (
    CapabilitySet::NET_RAW,
    "CAP_NET_RAW",
    "sends echo requests where namespaces open no sockets for them (Podman)",
);
const FIREWALL: Reason = (
    CapabilitySet::NET_ADMIN,
    "CAP_NET_ADMIN",
    "reads the host's firewall rules, which the kernel shows to nobody else",
);
const PORT: Reason =
    (CapabilitySet::NET_BIND_SERVICE, "CAP_NET_BIND_SERVICE", "listens on a port below 1024");
const READ: Reason = (
    CapabilitySet::DAC_READ_SEARCH,
    "CAP_DAC_READ_SEARCH",
    "reads what is another user's: settings or certificates, and where this is not root the Engine's folder of \
     namespaces",
);
const OPEN: Reason = (
    CapabilitySet::DAC_OVERRIDE,
    "CAP_DAC_OVERRIDE",
    "opens what is another user's: the Engine's socket, or where there is no CAP_DAC_READ_SEARCH what that is for",
);

/// What the settings ask for beyond the work itself.
#[derive(Clone, Debug, Default)]
pub struct Needs {
    /// Files and folders that are read.
    pub files: Vec<PathBuf>,
    /// The Engine's socket.
    pub socket: Option<PathBuf>,
    /// A port below 1024 is listened on.
    pub low_port: bool,
}

/// What was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept(Vec<Reason>);

/// Gives up what is not needed. For a process of one thread.
///
/// # Errors
/// What the kernel says. Then some of it may be left.
pub fn shed(needs: &Needs) -> io::Result<Kept> {
    let had = capabilities(None)?.effective;
    let lasting = [ENTER, PROCESSES, ECHO, FIREWALL].into_iter().chain(needs.low_port.then_some(PORT));
    let mut kept: Vec<Reason> = lasting.filter(|(set, ..)| had.contains(*set)).collect();
    let plain = union(&kept);
    let missed = |paths: Vec<PathBuf>, what| had.intersects(READ.0 | OPEN.0) && !can(paths, what, plain);
    // The Engine's folder of namespaces is behind one of root's alone, and only the Engine tells where.
    let files = !geteuid().is_root() || missed(needs.files.clone(), Access::READ_OK);
    let socket = missed(needs.socket.iter().cloned().collect(), Access::WRITE_OK);
    let reads = had.contains(READ.0);
    if files && reads {
        kept.push(READ);
    }
    // A container of Docker's has this one and not the one that reads alone.
    if (socket || files && !reads) && had.contains(OPEN.0) {
        kept.push(OPEN);
    }
    keep(union(&kept))?;
    set_no_new_privs(true)?;
    Ok(Kept(kept))
}

/// Gives up all of them, for a program that asks one question. Where that is refused nothing is lost but a wall.
pub fn shed_all() {
    keep(CapabilitySet::empty()).ok();
    set_no_new_privs(true).ok();
}

fn union(reasons: &[Reason]) -> CapabilitySet {
    reasons.iter().fold(CapabilitySet::empty(), |all, (set, ..)| all | *set)
}

/// Gives up everything else, in every set.
fn keep(kept: CapabilitySet) -> io::Result<()> {
    clear_ambient_capability_set()?;
    for bit in 0..u64::BITS {
        let one = CapabilitySet::from_bits_retain(1 << bit);
        if kept.contains(one) {
            continue;
        }
        match remove_capability_from_bounding_set(one) {
            Ok(()) => {}
            // The kernel knows no further one.
            Err(Errno::INVAL) => break,
            // To bound takes a capability. Who has none gets none either: `no_new_privs`.
            Err(Errno::PERM) => break,
            Err(error) => return Err(error.into()),
        }
    }
    let sets = CapabilitySets { effective: kept, permitted: kept, inheritable: CapabilitySet::empty() };
    Ok(set_capabilities(None, sets)?)
}

/// Whether all of these may be used with these capabilities alone. One that is not there is no reason for more.
fn can(paths: Vec<PathBuf>, what: Access, with: CapabilitySet) -> bool {
    // A thread that has given them up is of no further use.
    let asked = thread::spawn(move || {
        let sets = CapabilitySets { effective: with, permitted: with, inheritable: CapabilitySet::empty() };
        set_capabilities(None, sets).is_ok()
            && paths.iter().all(|path| access(path, what) != Err(Errno::ACCESS))
    });
    asked.join().unwrap_or(false)
}

/// The socket's path in an address of the Engine.
pub fn socket_of(host: &str) -> Option<PathBuf> {
    host.strip_prefix("unix://").map(|path| Path::new(path).to_owned())
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none");
        }
        for (n, (_, name, why)) in self.0.iter().enumerate() {
            write!(f, "{}{name} ({why})", if n > 0 { ", " } else { "" })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, chown};

    use rustix::process::Uid;
    use rustix::thread::{set_keep_capabilities, set_thread_uid};

    use super::*;

    /// What a thread of its own has left of what it had.
    fn left(had: CapabilitySet, needs: Needs) -> (Vec<&'static str>, CapabilitySets, String) {
        left_to(Uid::ROOT, had, needs)
    }

    /// As [`left`], for this user.
    fn left_to(user: Uid, had: CapabilitySet, needs: Needs) -> (Vec<&'static str>, CapabilitySets, String) {
        let shed = thread::spawn(move || {
            let mut mine = capabilities(None).expect("told");
            set_keep_capabilities(true).expect("kept");
            set_thread_uid(user).expect("as root");
            mine.effective &= had;
            mine.permitted &= had;
            mine.inheritable = CapabilitySet::empty();
            set_capabilities(None, mine).expect("less");
            let Kept(kept) = super::shed(&needs).expect("less");
            let status = fs::read_to_string("/proc/thread-self/status").expect("there");
            (kept.iter().map(|(_, name, _)| *name).collect(), capabilities(None).expect("told"), status)
        });
        shed.join().expect("ends")
    }

    /// A folder with a file in it that is another user's alone.
    fn others() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("file");
        fs::write(&file, "").expect("written");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("set");
        chown(&file, Some(1234), Some(1234)).expect("as root");
        (folder, file)
    }

    #[test]
    fn what_the_work_takes_is_kept_where_it_was_and_all_else_goes() {
        let (names, left, status) = left(CapabilitySet::all(), Needs::default());
        assert_eq!(names, ["CAP_SYS_ADMIN", "CAP_SYS_PTRACE", "CAP_NET_RAW", "CAP_NET_ADMIN"]);
        let expected = ENTER.0 | PROCESSES.0 | ECHO.0 | FIREWALL.0;
        assert_eq!((left.effective, left.permitted), (expected, expected));
        assert!(left.inheritable.is_empty());
        let set = format!("{:016x}", expected.bits());
        for line in [format!("CapBnd:\t{set}"), format!("CapAmb:\t{:016x}", 0), "NoNewPrivs:\t1".to_owned()] {
            assert!(status.contains(&line), "{line} in {status}");
        }
    }

    #[test]
    fn nothing_is_kept_that_was_not_there() {
        let low = Needs { low_port: true, ..Needs::default() };
        let (names, sets, status) = left(CapabilitySet::SYS_ADMIN, low.clone());
        assert_eq!((names, sets.effective), (vec!["CAP_SYS_ADMIN"], CapabilitySet::SYS_ADMIN));
        // It may not bound itself, and needs not.
        assert!(status.contains("NoNewPrivs:\t1"), "{status}");
        let (names, sets, _) = left(CapabilitySet::empty(), low.clone());
        assert!(names.is_empty() && sets.permitted.is_empty());
        let (names, ..) = left(CapabilitySet::all(), low);
        assert!(names.contains(&"CAP_NET_BIND_SERVICE"), "{names:?}");
    }

    #[test]
    fn another_user_than_root_keeps_what_opens_the_engines_folder_and_nothing_that_was_not_there() {
        let nobody = |had| left_to(Uid::from_raw(65534), had, Needs::default());
        let (names, sets, status) = nobody(CapabilitySet::all());
        let kept = ["CAP_SYS_ADMIN", "CAP_SYS_PTRACE", "CAP_NET_RAW", "CAP_NET_ADMIN", "CAP_DAC_READ_SEARCH"];
        assert_eq!(names, kept);
        let expected = ENTER.0 | PROCESSES.0 | ECHO.0 | FIREWALL.0 | READ.0;
        assert_eq!((sets.effective, sets.permitted), (expected, expected));
        assert!(status.contains("Uid:\t65534") && status.contains("CapAmb:\t0000000000000000"), "{status}");
        assert_eq!(nobody(ENTER.0 | READ.0).0, ["CAP_SYS_ADMIN", "CAP_DAC_READ_SEARCH"]);
        // The greater one opens it as well.
        assert_eq!(nobody(ENTER.0 | OPEN.0).0, ["CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE"]);
        assert_eq!(nobody(ENTER.0).0, ["CAP_SYS_ADMIN"]);
    }

    #[test]
    fn another_users_files_are_a_reason_and_ones_own_are_none() {
        let (_folder, file) = others();
        let own = tempfile::NamedTempFile::new().expect("a file");
        let files = |path: &Path| Needs { files: vec![path.to_owned()], ..Needs::default() };
        let socket = |path: &Path| Needs { socket: Some(path.to_owned()), ..Needs::default() };
        for (needs, more) in [
            (files(own.path()), None),
            (files(Path::new("/nonexistent")), None),
            (files(&file), Some("CAP_DAC_READ_SEARCH")),
            (socket(own.path()), None),
            (socket(Path::new("/nonexistent")), None),
            (socket(&file), Some("CAP_DAC_OVERRIDE")),
        ] {
            let (names, ..) = left(CapabilitySet::all(), needs.clone());
            assert_eq!(names.get(4).copied(), more, "{needs:?}");
            let (names, ..) = left(CapabilitySet::SYS_ADMIN, needs);
            assert_eq!(names, ["CAP_SYS_ADMIN"]);
        }
    }

    #[test]
    fn where_only_the_greater_one_is_there_another_users_files_are_read_by_it_later_too() {
        let (_folder, file) = others();
        let own = tempfile::NamedTempFile::new().expect("a file");
        let had = CapabilitySet::SYS_ADMIN | CapabilitySet::DAC_OVERRIDE;
        for (path, expected) in
            [(own.path(), &["CAP_SYS_ADMIN"][..]), (&file, &["CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE"])]
        {
            let needs = Needs { files: vec![path.to_owned()], ..Needs::default() };
            let (names, sets, _) = left(had, needs);
            assert_eq!(names, expected);
            assert_eq!(sets.effective.contains(CapabilitySet::DAC_OVERRIDE), expected.len() == 2);
        }
        // Both are kept where each is for something of its own, and neither twice.
        let both = Needs { files: vec![file.clone()], socket: Some(file), low_port: false };
        assert_eq!(left(had, both.clone()).0, ["CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE"]);
        let (names, ..) = left(had | CapabilitySet::DAC_READ_SEARCH, both);
        assert_eq!(names, ["CAP_SYS_ADMIN", "CAP_DAC_READ_SEARCH", "CAP_DAC_OVERRIDE"]);
    }
}
