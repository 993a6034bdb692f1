//! The thread that enters namespaces.

use std::fs::File;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use rustix::thread::{CapabilitySet, LinkNameSpaceType, capabilities, move_into_link_name_space};
use std::os::fd::AsFd;
use tokio::sync::{mpsc, oneshot};

use crate::inventory::WayIn;
use crate::outcome::Blindness;

use super::inside::Inside;
use super::open;

/// Where a socket is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Vantage {
    /// The exporter's own network namespace (the host's, where it runs on the host).
    Own,
    /// A container's.
    Container(WayIn),
}

/// Why a visit could not take place.
#[derive(Debug, thiserror::Error)]
#[error("{detail}")]
pub struct HopError {
    /// The bounded class, for labels.
    pub blindness: Blindness,
    /// What was tried and what the kernel said, for a person.
    pub detail: String,
}

/// What the thread is asked to do: enter, work, answer.
type Errand = Box<dyn FnOnce(&mut Traveller) + Send>;

/// Visits that wait for the thread; one takes microseconds, or milliseconds where connections are read, so a full queue
/// means that it hangs.
const QUEUE: usize = 1024;

/// A handle on the thread; cheap to clone. The thread ends with the last handle.
#[derive(Clone, Debug)]
pub struct Hopper {
    errands: mpsc::Sender<Errand>,
}

impl Hopper {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the thread cannot be started or its own namespace cannot be opened.
    pub fn start() -> io::Result<Self> {
        let own = File::open("/proc/self/ns/net")?;
        let (errands, mut queue) = mpsc::channel::<Errand>(QUEUE);
        thread::Builder::new().name("hopper".into()).stack_size(256 * 1024).spawn(move || {
            let mut traveller = Traveller { own, astray: false };
            while let Some(errand) = queue.blocking_recv() {
                errand(&mut traveller);
            }
        })?;
        Ok(Self { errands })
    }

    /// Enters `vantage`, runs `job` there, and comes back with what it made.
    ///
    /// The job must be short and must not block: everyone waits for this one thread. A panic in it
    /// is caught and comes back as [`Blindness::Resources`].
    ///
    /// # Errors
    /// When the namespace is gone, is not a namespace, or may not be entered.
    ///
    /// # Cancel safety
    /// When the future is dropped, a job that waits is not run; what a running one makes is dropped.
    pub async fn hop<T: Send + 'static>(
        &self,
        vantage: &Vantage,
        job: impl FnOnce(&Inside) -> T + Send + 'static,
    ) -> Result<T, HopError> {
        let (answer, made) = oneshot::channel();
        let vantage = vantage.clone();
        let errand: Errand = Box::new(move |traveller| {
            // The asker may have given up meanwhile: before, and nothing is made; after, and it is dropped here.
            if !answer.is_closed() {
                drop(answer.send(traveller.visit(&vantage, job)));
            }
        });
        let gone = || HopError {
            blindness: Blindness::Resources,
            detail: "the thread that enters namespaces has ended".into(),
        };
        self.errands.send(errand).await.map_err(|_| gone())?;
        made.await.map_err(|_| gone())?
    }
}

/// What the hopper's thread knows of itself.
struct Traveller {
    own: File,
    /// True while the thread is, or may be, in another namespace than its own.
    astray: bool,
}

impl Traveller {
    fn visit<T>(&mut self, vantage: &Vantage, job: impl FnOnce(&Inside) -> T) -> Result<T, HopError> {
        // Wherever the visit before left the thread: no job runs in a place that was not asked for.
        self.go_home()?;
        if let Vantage::Container(way) = vantage {
            enter(&open::open(way)?)?;
            self.astray = true;
        }
        let result = catch_unwind(AssertUnwindSafe(|| job(&Inside::new())));
        // Not to pin the container's network between visits.
        let returned = self.go_home();
        let made = result.map_err(|_| HopError {
            blindness: Blindness::Resources,
            detail: "a visit's job panicked: this is a fault of the exporter".into(),
        })?;
        returned.map(|()| made)
    }

    /// Does nothing at home: to enter even the own namespace needs `CAP_SYS_ADMIN`, and an exporter
    /// without it must still measure from where it is.
    fn go_home(&mut self) -> Result<(), HopError> {
        if self.astray {
            enter(&self.own)?;
            self.astray = false;
        }
        Ok(())
    }
}

fn enter(namespace: &File) -> Result<(), HopError> {
    move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network)).map_err(|errno| {
        let error = io::Error::from(errno);
        let hint = match open::blindness_of(&error) {
            Blindness::NoPrivilege if may_administer() => {
                ": CAP_SYS_ADMIN is there, so a seccomp or security profile forbids it, or a user namespace \
                 that is not the Engine's"
            }
            Blindness::NoPrivilege => ": CAP_SYS_ADMIN is missing",
            _ => "",
        };
        HopError { blindness: open::blindness_of(&error), detail: format!("setns: {error}{hint}") }
    })
}

/// Whether this thread has `CAP_SYS_ADMIN` in its own user namespace.
fn may_administer() -> bool {
    capabilities(None).is_ok_and(|mine| mine.effective.contains(CapabilitySet::SYS_ADMIN))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{IpAddr, Ipv4Addr, SocketAddr};

    use super::super::scratch::Resident;

    /// A process in a network namespace of its own, as a container has; ends with the second.
    fn container() -> (WayIn, Resident) {
        let resident = Resident::new();
        (WayIn { sandbox: None, pid: Some(resident.pid()) }, resident)
    }

    fn has_route(inside: &Inside) -> bool {
        let peer = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9);
        inside.udp(peer.ip()).and_then(|socket| socket.connect(&peer.into())).is_ok()
    }

    #[tokio::test]
    async fn a_socket_belongs_to_the_namespace_it_was_made_in() {
        let hopper = Hopper::start().expect("starts");
        let (way, _end) = container();
        // In a fresh namespace even loopback is down; in the own one it is up.
        let there = hopper.hop(&Vantage::Container(way), has_route).await.expect("entered");
        let here = hopper.hop(&Vantage::Own, has_route).await.expect("entered");
        assert_eq!((there, here), (false, true));
    }

    #[tokio::test]
    async fn a_panic_costs_one_visit() {
        let hopper = Hopper::start().expect("starts");
        let failed = hopper.hop(&Vantage::Own, |_| -> () { panic!("on purpose") }).await;
        assert_eq!(failed.expect_err("told").blindness, Blindness::Resources);
        assert!(hopper.hop(&Vantage::Own, has_route).await.expect("goes on"));
    }

    #[tokio::test]
    async fn a_container_that_is_gone_has_vanished() {
        let hopper = Hopper::start().expect("starts");
        let gone = WayIn { sandbox: None, pid: Some(u32::MAX) };
        let error = hopper.hop(&Vantage::Container(gone), |_| ()).await.expect_err("told");
        assert_eq!(error.blindness, Blindness::Vanished);
    }

    #[tokio::test]
    async fn without_the_capability_only_the_own_namespace_is_left() {
        use rustix::thread::set_capabilities;
        let (way, _end) = container();
        // A thread inherits what its maker may do, so the capability is dropped on a thread of its own.
        let hopper = thread::spawn(|| {
            let mut mine = capabilities(None).expect("told");
            mine.effective.remove(CapabilitySet::SYS_ADMIN);
            mine.permitted.remove(CapabilitySet::SYS_ADMIN);
            mine.inheritable.remove(CapabilitySet::SYS_ADMIN);
            set_capabilities(None, mine).expect("dropped");
            Hopper::start().expect("starts")
        });
        let hopper = hopper.join().expect("ends");
        assert!(hopper.hop(&Vantage::Own, has_route).await.expect("at home"));
        let error = hopper.hop(&Vantage::Container(way), has_route).await.expect_err("refused");
        assert_eq!(error.blindness, Blindness::NoPrivilege, "{error}");
        assert!(error.detail.ends_with("CAP_SYS_ADMIN is missing"), "{error}");
        assert!(hopper.hop(&Vantage::Own, has_route).await.expect("still at home"));
    }

    #[tokio::test]
    async fn a_visit_that_broke_off_elsewhere_comes_home_too() {
        let hopper = Hopper::start().expect("starts");
        let (way, _end) = container();
        let here = || std::fs::read_link("/proc/thread-self/ns/net").expect("there");
        let own = here();
        let failed = hopper.hop(&Vantage::Container(way), |_| -> () { panic!("on purpose") }).await;
        assert_eq!(failed.expect_err("told").blindness, Blindness::Resources);
        assert_eq!(hopper.hop(&Vantage::Own, move |_| here()).await.expect("at home"), own);
    }
}
