//! Lines of the metrics page, and waiting for them.

use std::thread::sleep;
use std::time::{Duration, Instant};

use lab::{Error, Result};

/// A loaded machine gets this much more time than the exporter is to need.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The value of the one series of this name that has all of these labels.
pub fn value(page: &str, name: &str, labels: &[(&str, &str)]) -> Result<f64> {
    let series = with(page, name, labels);
    let [one] = series[..] else {
        let all = with(page, name, &[]);
        return Err(Error::new(format!("{name} with {labels:?} is {series:?} of {all:#?}")));
    };
    let value = one.rsplit(' ').next().unwrap_or_default();
    value.parse().map_err(|_| Error::new(format!("{one:?} has no value")))
}

/// The series of this name that have all of these labels.
pub fn with<'a>(page: &'a str, name: &str, labels: &[(&str, &str)]) -> Vec<&'a str> {
    let labels: Vec<String> = labels.iter().map(|(key, value)| format!("{key}=\"{value}\"")).collect();
    let wanted = |line: &&str| {
        line.strip_prefix(name).is_some_and(|rest| rest.starts_with('{'))
            && labels.iter().all(|label| line.contains(label))
    };
    page.lines().filter(wanted).collect()
}

/// The first answer that is none but `Err`, and how long it took; the last error where there is none in time.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Result<T>) -> Result<(T, Duration)> {
    let began = Instant::now();
    loop {
        match look() {
            Ok(seen) => return Ok((seen, began.elapsed())),
            Err(error) if began.elapsed() > PATIENCE => {
                return Err(Error::new(format!("not in {PATIENCE:?}: {what}: {error}")));
            }
            Err(_) => sleep(Duration::from_millis(50)),
        }
    }
}

/// An error unless it holds.
pub fn holds(what: bool, else_say: impl FnOnce() -> String) -> Result<()> {
    if what { Ok(()) } else { Err(Error::new(else_say())) }
}
