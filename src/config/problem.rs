//! One thing that is wrong with the configuration, told so that it can be put right at once.

use std::fmt;

use crate::strangers::printable;

/// One error of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Line and column from 1, where the text has such a place.
    pub at: Option<(u64, u64)>,
    /// The setting, as `probes.dns.interval`; empty when the error is not about one.
    pub path: String,
    /// What is wrong and what was expected.
    pub message: String,
}

impl Problem {
    pub(super) fn new(at: Option<(u64, u64)>, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { at, path: path.into(), message: message.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((line, column)) = self.at {
            write!(f, "line {line}, column {column}: ")?;
        }
        if !self.path.is_empty() {
            write!(f, "{}: ", printable(&self.path))?;
        }
        f.write_str(&printable(&self.message))
    }
}

impl std::error::Error for Problem {}
