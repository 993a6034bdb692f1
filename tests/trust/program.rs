//! The exporter on the machine itself, without an Engine: what it serves of itself is enough here.

use std::fs::{self, File};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// What takes longer than this on a busy machine does not come.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub fn free_port() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address")
}

pub fn exporter(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_destination-exporter"));
    command.args(args).env_remove("DOCKER_HOST").stdin(Stdio::null());
    command
}

/// Runs it to its end, which must come.
pub fn run(args: &[&str]) -> Output {
    let mut command = exporter(args);
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
    let began = Instant::now();
    while child.try_wait().expect("it is ours").is_none() {
        if began.elapsed() > PATIENCE {
            child.kill().ok();
            panic!("not at its end in {PATIENCE:?}: {:?}", child.wait_with_output());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    child.wait_with_output().expect("it is ours")
}

/// A running exporter with this `web.yml` of a folder. Dropping it ends it.
pub struct Served {
    child: Child,
    pub at: SocketAddr,
    log: PathBuf,
}

impl Served {
    pub fn start(folder: &Path, web: &str) -> Self {
        fs::write(folder.join("web.yml"), web).expect("written");
        let (at, log) = (free_port(), folder.join("exporter.log"));
        let errors = File::create(&log).expect("a log");
        let file = folder.join("web.yml");
        let child = exporter(&["serve", "--docker.host", "unix:///nonexistent/docker.sock"])
            .arg("--web.config.file")
            .arg(file)
            .arg(format!("--web.listen-address={at}"))
            .stderr(errors)
            .spawn()
            .expect("the program starts");
        let served = Self { child, at, log };
        served.until("it serves", |log| log.contains("serving"));
        served
    }

    pub fn until(&self, what: &str, holds: impl Fn(&str) -> bool) {
        let began = Instant::now();
        while !holds(&self.log()) {
            assert!(began.elapsed() < PATIENCE, "not in {PATIENCE:?}: {what}\n{}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    pub fn status(&self) -> String {
        fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs")
    }

    pub fn hang_up(&self) -> io::Result<()> {
        let pid = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw);
        Ok(rustix::process::kill_process(pid.expect("a pid"), rustix::process::Signal::HUP)?)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
