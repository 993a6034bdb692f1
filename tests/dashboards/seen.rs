//! What a real Prometheus saw of what was played, and when it is worth to be asked about.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use lab::soak::{Prometheus, Series};
use lab::{Error, Lab, Result};

/// A condition that a busy machine reaches at last.
const PATIENCE: Duration = Duration::from_secs(60);

/// When something was so that it is worth to be asked about.
pub struct Moment {
    pub at: f64,
}

/// It ends what it started.
pub struct Seen {
    prometheus: Prometheus,
    pub began: f64,
    pub moments: Vec<Moment>,
}

/// Where the recording is to be kept, for whoever draws it, and so how long each act lasts.
fn recording() -> Option<PathBuf> {
    env::var_os("DASHBOARDS_RECORD").map(PathBuf::from)
}

/// Somebody looks at the picture: it is to have a past.
pub fn is_kept() -> bool {
    recording().is_some()
}

pub fn act() -> Duration {
    Duration::from_secs(if recording().is_some() { 90 } else { 12 })
}

pub fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

impl Seen {
    /// Prometheus begins to look, by this configuration.
    pub fn begin(lab: &Lab, configuration: &str) -> Result<Self> {
        let prometheus = Prometheus::start_as(lab, configuration)?;
        Ok(Self { prometheus, began: now(), moments: Vec::new() })
    }

    /// Leaves what Prometheus wrote to whoever draws it, under this name.
    pub fn keep(&self, lab: &Lab, name: &str) -> Result<()> {
        let Some(folder) = recording().map(|folder| folder.join(name)) else { return Ok(()) };
        let to = folder.display().to_string();
        let from = lab.folder().join("prometheus").display().to_string();
        let copy = format!(
            "rm -rf '{to}' && mkdir -p '{to}' && cp -a '{from}' '{to}/data' && rm -f '{to}/data/lock'"
        );
        lab::run(Command::new("sh").args(["-euc", &copy]))?;
        let times = format!("{{\"from\": {:.0}, \"to\": {:.0}}}\n", self.began, self.end());
        let file = folder.join("times.json");
        fs::write(&file, times).map_err(|e| Error::new(format!("writing {}: {e}", file.display())))
    }

    /// What a panel that shows now would show at this moment.
    pub fn at(&self, expr: &str, moment: &Moment) -> Result<Vec<Series>> {
        self.prometheus.query_at(expr, moment.at)
    }

    /// What a graph of the whole time would show: the last value of each of its lines.
    pub fn over_all(&self, expr: &str) -> Result<Vec<Series>> {
        let end = self.end();
        let span = (end - self.began).ceil();
        self.prometheus.query_at(&format!("last_over_time(({expr})[{span:.0}s:1s])"), end)
    }

    /// The last moment.
    pub fn end(&self) -> f64 {
        self.moments.last().expect("a moment").at
    }

    pub fn moment(&mut self, name: &'static str) {
        println!("{name}: after {:.0} s", now() - self.began);
        self.moments.push(Moment { at: now() });
    }

    /// Waits until Prometheus has an answer; otherwise says what `log` does.
    pub fn until(&self, what: &str, log: impl Fn() -> String) -> Result<()> {
        let began = Instant::now();
        while self.prometheus.query(what)?.is_empty() {
            assert!(began.elapsed() < PATIENCE, "not in {PATIENCE:?}: {what}\n{}", log());
            sleep(Duration::from_millis(200));
        }
        Ok(())
    }
}
