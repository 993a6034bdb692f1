//! What is wrong with a file, all of it, in the order of the file.

use serde_saphyr::{Location, Spanned};

use super::Problem;
use super::tree::{Node, Value, place};

/// Grows while a file is read.
#[derive(Default)]
pub(super) struct Problems(Vec<Problem>);

impl Problems {
    pub(super) fn push(&mut self, problem: Problem) {
        self.0.push(problem);
    }

    /// With a value.
    pub(super) fn wrong(&mut self, node: &Node, path: &str, message: impl Into<String>) {
        self.at(node.referenced, path, message);
    }

    /// With a key: what stands under it is of no interest.
    pub(super) fn key(&mut self, key: &Spanned<String>, path: &str, message: impl Into<String>) {
        self.at(key.referenced, path, message);
    }

    /// A value, or one problem more.
    pub(super) fn take<'n, T>(
        &mut self,
        path: &str,
        node: &'n Node,
        read: impl FnOnce(&'n Value) -> Result<T, String>,
    ) -> Option<T> {
        read(&node.value).map_err(|message| self.wrong(node, path, message)).ok()
    }

    pub(super) const fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What was read, where nothing was wrong.
    pub(super) fn or<T>(mut self, read: T) -> Result<T, Vec<Problem>> {
        if self.0.is_empty() {
            return Ok(read);
        }
        self.0.sort_by_key(|problem| problem.at.unwrap_or_default());
        Err(self.0)
    }

    fn at(&mut self, location: Location, path: &str, message: impl Into<String>) {
        self.0.push(Problem::new(place(location), path, message));
    }
}
