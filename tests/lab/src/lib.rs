//! Private Docker Engines, for the tests and the demo.
//!
//! A [`Lab`] is an [`Engine`] in network, mount and PID namespaces of its own. What a test does to "the host" there
//! (flushed firewall chains, `ip_forward=0`, a frozen daemon) stays inside, labs run side by side, and the
//! machine's own Engine is never touched.
//!
//! What must never happen here: a process or mount that outlives its test, even one that is killed (its temporary
//! folder and empty cgroups may stay); a signal to anything that the lab did not start; a test that passes because
//! its lab could not start.

mod answer;
pub mod apps;
pub mod caddy;
mod contained;
pub mod coolify;
mod daemon;
pub mod deploy;
mod engine;
mod error;
mod exporter;
pub mod figures;
mod image;
pub mod matrix;
mod needs;
pub mod oncall;
mod promtool;
pub mod proxies;
pub mod rules;
pub mod soak;
pub mod swarm;
pub mod watched;

use std::fs::{self, File};
use std::io::Read;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

pub use answer::Answer;
pub use contained::Contained;
pub use engine::Engine;
pub use error::{Error, Result};
pub use exporter::Exporter;
pub use promtool::check_metrics;
pub use swarm::Swarm;

/// Runs as PID 1 of the lab. It lives for as long as somebody holds the other end of its standard input, and the
/// kernel ends everything in the namespace with it: a test that is killed leaves no process behind. It waits
/// rather than reads, because PID 1 has orphaned shims to reap.
const INIT: &str = include_str!("init.sh");

/// An Engine is up within a second; a loaded build machine is given a minute.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running private Engine. Dropping it takes everything down.
pub struct Lab {
    engine: Engine,
    name: String,
    folder: PathBuf,
    init: Child,
    /// Closed to end the lab.
    lifeline: Option<ChildStdin>,
    /// When the last command began and ended.
    told: Mutex<(Instant, Instant)>,
    /// Held while a network is made: an Engine that is ended in the middle of that has one without addresses in its store,
    /// and Docker 20.10 panics over it at each start (libnetwork, `reservePools`).
    founding: Mutex<()>,
}

impl Lab {
    /// Starts the machine's own Engine and waits until it answers.
    pub fn start() -> Result<Self> {
        Self::start_with(Engine::of_machine())
    }

    /// As [`Lab::start`], with another Engine.
    pub fn start_with(engine: Engine) -> Result<Self> {
        Self::start_as(engine, "{}")
    }

    /// As [`Lab::start`], with these settings (`daemon.json`).
    pub fn start_set(settings: &str) -> Result<Self> {
        Self::start_as(Engine::of_machine(), settings)
    }

    /// As [`Lab::start_with`] and [`Lab::start_set`] together.
    pub fn start_as(engine: Engine, settings: &str) -> Result<Self> {
        Self::start_called(engine, settings, None)
    }

    /// As [`Lab::start_as`], on a host of this name.
    fn start_called(engine: Engine, settings: &str, hostname: Option<&str>) -> Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        needs::check()?;
        let name = format!("lab-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(&name);
        // A folder of that name is what a killed process with our recycled pid left: nothing runs there any more.
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(|e| Error::io("removing a stale lab folder", e))?;
        }
        fs::create_dir(&folder).map_err(|e| Error::io("making the lab's folder", e))?;
        let mut lab = match spawn(&engine, &name, &folder, settings, hostname.unwrap_or(&name)) {
            Ok((init, lifeline)) => Self {
                engine,
                name,
                folder,
                init,
                lifeline: Some(lifeline),
                told: Mutex::new((Instant::now(), Instant::now())),
                founding: Mutex::default(),
            },
            Err(error) => {
                let _ = fs::remove_dir_all(&folder);
                return Err(error);
            }
        };
        lab.wait_until_up()?;
        Ok(lab)
    }

    /// Unique among the labs of this machine.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The Engine's socket, as a path outside the lab. Inside, it is also `/run/docker.sock`.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.folder.join("docker.sock")
    }

    /// Files of the lab; gone with it. Its path is the same inside and outside.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What the daemon wrote so far.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("dockerd.log")).unwrap_or_default()
    }

    /// Runs the Docker client against the lab; gives its standard output, trimmed.
    pub fn docker(&self, args: &[&str]) -> Result<String> {
        let _founds = args.starts_with(&["network", "create"]).then(|| self.founding());
        self.noted(|| error::text_of(self.client().args(args)))
    }

    /// While this is held no network is made.
    pub(crate) fn founding(&self) -> MutexGuard<'_, ()> {
        self.founding.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// As [`Lab::docker`], for a command that may fail and whose status is of interest.
    pub fn docker_output(&self, args: &[&str]) -> Result<Output> {
        self.noted(|| error::output_of(self.client().args(args)))
    }

    /// A Docker client that talks to the lab and to nothing else, whatever the caller's environment says.
    #[must_use]
    pub fn client(&self) -> Command {
        let mut client = self.engine.client(self);
        client
            .env_remove("DOCKER_CONTEXT")
            .env_remove("DOCKER_API_VERSION")
            .env_remove("DOCKER_TLS_VERIFY")
            .env("DOCKER_CONFIG", self.folder.join("client"))
            .env("DOCKER_HOST", format!("unix://{}", self.socket().display()))
            .stdin(Stdio::null());
        client
    }

    /// Makes the image `busybox` of the machine's static busybox; gives the image's name.
    pub fn busybox_image(&self) -> Result<String> {
        image::busybox(self)
    }

    /// Makes an image whose entry point is one static binary; gives the image's name.
    pub fn static_image(&self, name: &str, binary: &Path) -> Result<String> {
        image::of_binary(self, name, binary)
    }

    /// Makes an image of one dynamic binary and the libraries that it names; gives the image's name.
    pub fn dynamic_image(&self, name: &str, binary: &Path) -> Result<String> {
        image::with_libraries(self, name, binary)
    }

    /// Makes the image that the Dockerfile of `project` can build in, of this machine's Rust; gives the image's name.
    pub fn build_image(&self, project: &Path) -> Result<String> {
        image::build_root(self, project)
    }

    /// The folder in which the Engine mounts the containers' network namespaces; the same inside and outside,
    /// as a path. What is mounted there is to be seen inside alone.
    #[must_use]
    pub fn namespaces(&self) -> PathBuf {
        self.folder.join("exec/netns")
    }

    /// Runs a command on the lab's host to its end; gives its standard output, trimmed.
    pub fn exec_on_host(&self, command: &[&str]) -> Result<String> {
        let [program, args @ ..] = command else {
            return Err(Error::new("no command to run on the lab's host"));
        };
        self.noted(|| error::text_of(self.on_host(program).args(args).stdin(Stdio::null())))
    }

    /// When the last command began, and when it ended, of those that were run to their end, by the client or on the host.
    #[must_use]
    pub fn told_last(&self) -> (Instant, Instant) {
        *self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn noted<T>(&self, command: impl FnOnce() -> T) -> T {
        let began = Instant::now();
        let done = command();
        *self.told.lock().unwrap_or_else(PoisonError::into_inner) = (began, Instant::now());
        done
    }

    /// A command on the lab's host, for what runs longer: an exporter started so sees the lab as its host.
    /// It ends with the lab at the latest.
    #[must_use]
    pub fn on_host(&self, program: &str) -> Command {
        self.host().command(program)
    }

    /// The way onto the lab's host, for a thread that outlives a borrow of the lab.
    #[must_use]
    pub fn host(&self) -> Host {
        Host { unshare: self.init.id() }
    }

    /// Whether the Engine answers `GET /_ping` within two seconds.
    #[must_use]
    pub fn answers(&self) -> bool {
        // By hand: a process per attempt would cost more than the Engine's start.
        let ping = || -> std::io::Result<bool> {
            let mut stream = UnixStream::connect(self.socket())?;
            stream.set_read_timeout(Some(Duration::from_secs(2)))?;
            std::io::Write::write_all(&mut stream, b"GET /_ping HTTP/1.0\r\nHost: lab\r\n\r\n")?;
            let mut answer = [0; 12];
            stream.read_exact(&mut answer)?;
            Ok(answer.ends_with(b" 200"))
        };
        ping().unwrap_or(false)
    }

    fn wait_until_up(&mut self) -> Result<()> {
        let started = Instant::now();
        while !self.answers() {
            if let Ok(Some(status)) = self.init.try_wait() {
                return Err(Error::new(format!("the lab's Engine ended with {status}:\n{}", self.log())));
            }
            if started.elapsed() > PATIENCE {
                return Err(Error::new(format!(
                    "the lab's Engine did not answer in {PATIENCE:?}:\n{}",
                    self.log()
                )));
            }
            sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Ends PID 1 by closing its input, and with `SIGKILL` when it does not listen.
    fn end_processes(&mut self) {
        drop(self.lifeline.take());
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(10) {
            match self.init.try_wait() {
                Ok(None) => sleep(Duration::from_millis(20)),
                _ => return,
            }
        }
        let _ = self.init.kill();
        let _ = self.init.wait();
    }
}

/// The lab's host, seen from the machine.
#[derive(Clone, Debug)]
pub struct Host {
    unshare: u32,
}

impl Host {
    /// Its network namespace, as a path outside the lab.
    #[must_use]
    pub fn network(&self) -> PathBuf {
        format!("/proc/{}/ns/net", self.unshare).into()
    }

    /// `GET path` of whatever listens at `address` there.
    pub fn get(&self, address: SocketAddr, path: &str) -> Result<Answer> {
        answer::ask(self, address, "GET", path)
    }

    /// A connection to whatever listens at `address` there, that takes in no more than about `buffer` bytes before
    /// they are read.
    pub fn connect(&self, address: SocketAddr, buffer: usize) -> Result<TcpStream> {
        answer::connect(self, address, buffer)
    }

    /// Runs `job` in its network, in a thread of its own.
    pub fn inside<T: Send + 'static>(&self, job: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
        answer::inside(self, job)
    }

    /// As [`Lab::on_host`].
    #[must_use]
    pub fn command(&self, program: &str) -> Command {
        let unshare = self.unshare;
        let mut command = Command::new("nsenter");
        command
            .arg(format!("--net=/proc/{unshare}/ns/net"))
            .arg(format!("--mount=/proc/{unshare}/ns/mnt"))
            // `unshare` itself stays outside the PID namespace that it made for its child.
            .arg(format!("--pid=/proc/{unshare}/ns/pid_for_children"))
            .args(["--", program]);
        command
    }
}

/// Runs a command to its end; gives its standard output, trimmed.
pub fn run(command: &mut Command) -> Result<String> {
    error::text_of(command)
}

impl Drop for Lab {
    /// The mounts go with the mount namespace; the files and the (by now empty) cgroups are ours to remove.
    fn drop(&mut self) {
        self.end_processes();
        cgroups(&self.name).iter().for_each(|folder| remove_cgroup(folder));
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            eprintln!("lab: {} stays behind: {error}", self.folder.display());
        }
    }
}

fn spawn(
    engine: &Engine,
    name: &str,
    folder: &Path,
    settings: &str,
    hostname: &str,
) -> Result<(Child, ChildStdin)> {
    // Appended to: an Engine that comes again writes below what the one before wrote.
    let log = File::options().create(true).append(true).open(folder.join("dockerd.log"));
    let log = log.map_err(|e| Error::io("making the Engine's log", e))?;
    let errors = log.try_clone().map_err(|e| Error::io("sharing the Engine's log", e))?;
    // A configuration of its own: the machine's /etc/docker/daemon.json is about another Engine.
    fs::write(folder.join("daemon.json"), settings).map_err(|e| Error::io("writing daemon.json", e))?;
    let mut init = Command::new("unshare")
        .args([
            "--net",
            "--uts",
            "--mount",
            "--propagation=private",
            "--pid",
            "--fork",
            "--kill-child",
            "--mount-proc",
        ])
        .args(["sh", "-euc", INIT, "lab"])
        .args([folder.as_os_str(), name.as_ref(), &engine.root(), hostname.as_ref()])
        .args(engine.daemon(name, folder))
        .env("PATH", needs::path())
        // Ctrl-C in a terminal is for whoever holds the lab, not for the processes in it.
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(log)
        .stderr(errors)
        .spawn()
        .map_err(|e| Error::io("starting unshare", e))?;
    let lifeline = init.stdin.take().ok_or_else(|| Error::new("unshare came without a standard input"))?;
    Ok((init, lifeline))
}

/// The lab's cgroup in the unified hierarchy and in each version 1 hierarchy.
fn cgroups(name: &str) -> Vec<PathBuf> {
    let root = Path::new("/sys/fs/cgroup");
    let hierarchies = fs::read_dir(root).into_iter().flatten().flatten().map(|hierarchy| hierarchy.path());
    std::iter::once(root.to_owned())
        .chain(hierarchies)
        .map(|at| at.join(name))
        .filter(|at| at.is_dir())
        .collect()
}

/// A cgroup's files cannot be removed, its folders can once they hold no process and no folder.
fn remove_cgroup(folder: &Path) {
    for inner in fs::read_dir(folder).into_iter().flatten().flatten() {
        if inner.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_cgroup(&inner.path());
        }
    }
    let _ = fs::remove_dir(folder);
}
