//! One error for all that can go wrong with a lab: a sentence for whoever reads the failed test.

use std::fmt;
use std::process::{Command, Output};

pub type Result<T> = std::result::Result<T, Error>;

#[derive(Clone, PartialEq, Eq)]
pub struct Error(String);

impl Error {
    /// An error of the lab's user, in the same words.
    pub fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }

    /// What was being done, and what the system said.
    #[must_use]
    pub fn io(doing: &str, error: std::io::Error) -> Self {
        Self(format!("{doing}: {error}"))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A test that returns or unwraps this error prints it by `Debug`; a daemon's log is unreadable with escapes.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

pub(crate) fn output_of(command: &mut Command) -> Result<Output> {
    command.output().map_err(|e| Error::io(&format!("{command:?}"), e))
}

/// The standard output of a command that succeeds, trimmed.
pub(crate) fn text_of(command: &mut Command) -> Result<String> {
    let output = output_of(command)?;
    let text = String::from_utf8_lossy(&output.stdout);
    if output.status.success() {
        return Ok(text.trim().to_owned());
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    Err(Error(format!("{command:?} ended with {}:\n{text}{errors}", output.status)))
}
