//! From what is seen to what is wrong: findings.
//!
//! One pure rule a file, `fn(&Snapshot, …) -> Vec<Finding>`; one catalogue of codes. A rule never
//! does I/O and never panics, whatever half-discovered snapshot it is given.

pub mod catalogue;
pub mod finding;

pub use catalogue::Code;
pub use finding::*;
