//! What can happen to a lab's Engine: it freezes, ends, and comes again. The lab's host lives on.

use std::fs;
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::{Lab, PATIENCE, needs};

/// Waits for the end of one process and for whoever waits for it: PID 1 may take a moment to reap.
const UNTIL_GONE: &str = r#"
for _ in $(seq 1200); do
  [ -d "/proc/$0" ] || exit 0
  grep -q '^State:.*Z' "/proc/$0/status" 2>/dev/null && exit 0
  sleep 0.05
done
exit 1"#;

/// Starts the daemon's command, and writes down who it is.
const START: &str = r#"
setsid "$@" </dev/null >>"$0/dockerd.log" 2>&1 &
echo $! >"$0/engine.pid""#;

impl Lab {
    /// Stops the daemon where it stands: its socket accepts and never answers. Containers run on.
    pub fn freeze(&self) -> Result<()> {
        self.signal_engine("STOP")
    }

    /// Lets a frozen daemon go on.
    pub fn thaw(&self) -> Result<()> {
        self.signal_engine("CONT")
    }

    /// Ends the daemon with this signal and waits until it is gone. What becomes of the containers is its settings'
    /// business: with `live-restore` they live on.
    pub fn end_engine(&self, signal: &str) -> Result<()> {
        let _no_network = self.founding();
        let pid = self.engine_pid()?;
        self.signal_engine(signal)?;
        self.exec_on_host(&["sh", "-c", UNTIL_GONE, &pid]).map(drop).map_err(|_| {
            Error::new(format!("the Engine did not end in a minute of SIG{signal}:\n{}", self.log()))
        })
    }

    /// Starts the daemon again, on all that the one before left; does not wait until it answers.
    pub fn start_engine(&self) -> Result<()> {
        // Its parent ends at once, so that the lab's PID 1 has it, as it had the first.
        let mut shell = self.on_host("sh");
        shell.args(["-c", START]).arg(self.folder()).env("PATH", needs::path());
        shell.args(self.engine.daemon(self.name(), self.folder()));
        crate::run(shell.stdin(Stdio::null())).map(drop)
    }

    /// Has the daemon take other settings (`daemon.json`) as it runs; those that it takes so.
    pub fn reload_engine(&self, settings: &str) -> Result<()> {
        fs::write(self.folder().join("daemon.json"), settings)
            .map_err(|e| Error::io("writing daemon.json", e))?;
        let reloads = || self.log().matches("Reloaded configuration").count();
        let (before, began) = (reloads(), Instant::now());
        self.signal_engine("HUP")?;
        while reloads() == before {
            if began.elapsed() > PATIENCE {
                return Err(Error::new(format!("the Engine took no new settings:\n{}", self.log())));
            }
            sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    fn engine_pid(&self) -> Result<String> {
        let file = self.folder().join("engine.pid");
        let pid = fs::read_to_string(file).map_err(|e| Error::io("reading the daemon's pid", e))?;
        Ok(pid.trim().to_owned())
    }

    fn signal_engine(&self, signal: &str) -> Result<()> {
        // The pid counts inside the lab's PID namespace, so the signal cannot meet anybody else.
        let kill = format!("kill -{signal} {}", self.engine_pid()?);
        self.exec_on_host(&["sh", "-c", &kill]).map(drop)
    }
}
