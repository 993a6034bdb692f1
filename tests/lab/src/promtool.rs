//! What Prometheus' own tool says of a page of metrics.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::thread;

use crate::error::{Error, Result};

/// `promtool check metrics`.
///
/// # Errors
/// When it finds anything to say: its hints count as well.
pub fn check_metrics(page: &str) -> Result<()> {
    let mut child = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| Error::io("starting promtool (make deps)", e))?;
    let mut input = child.stdin.take().ok_or_else(|| Error::new("promtool came without an input"))?;
    let text = page.to_owned();
    // It may have a lot to say before it has read everything.
    let writer = thread::spawn(move || input.write_all(text.as_bytes()));
    let out = child.wait_with_output().map_err(|e| Error::io("waiting for promtool", e))?;
    writer
        .join()
        .map_err(|_| Error::new("the writing thread panicked"))?
        .map_err(|e| Error::io("writing to promtool", e))?;
    let said = String::from_utf8_lossy(&out.stdout) + String::from_utf8_lossy(&out.stderr);
    if out.status.success() && said.trim().is_empty() {
        return Ok(());
    }
    Err(Error::new(format!("promtool: {}: {said}\n{page}", out.status)))
}
